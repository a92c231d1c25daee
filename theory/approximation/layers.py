"""The layers of a construction: flows of the pieces, or steps of the networks that replace them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ...errors import ConvergenceError, DomainError, FlowcertError
from ...numerics import DormandPrince, NormCorrectedHeun, as_system
from ...numerics.flow import repeat
from ...numerics.validation import FloatArray
from .pieces import FieldPiece, Kind
from .ridge_networks import RidgeNetworks

_AGREEMENT = 1e-12
_MOST_SUBSTEPS = 2**13


class Layer(Protocol):
    """x ↦ layer(x), batched over leading axes; ``kind`` says of which piece it is a flow.

    >>> Layer.__name__
    'Layer'
    """

    @property
    def kind(self) -> Kind: ...

    @property
    def time(self) -> float: ...

    def __call__(self, x: FloatArray) -> FloatArray: ...


@dataclass(frozen=True, eq=False)
class FlowLayer:
    """The flow of a field for a time of either sign, to 1e-12 of the states it is called on.

    Dormand and Prince's steps, ``substeps`` and twice as many, until two runs agree; the piece −μx
    has e^{−μt}x. Not a proof: runs that agree may both be wrong. Backward along an expansive field
    is forward along a contractive one, and conversely: ``kind`` names the field. Raises
    ConvergenceError where the runs do not settle: the solution blows up, or is too fast.

    >>> import sympy
    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x = sympy.Symbol("x", real=True)
    >>> layer = FlowLayer("gradient", symbolic_field([-x], [x]), 1.0)
    >>> bool(abs(layer(np.ones(1))[0] - np.exp(-1)) < 1e-12)
    True
    """

    kind: Kind
    field: Any
    time: float
    shift: float = 0.0
    substeps: int = 1

    def __call__(self, x: FloatArray) -> FloatArray:
        if self.kind == "contractive":
            return np.asarray(x * np.exp(self.shift * self.time))
        return x if self.time == 0 else self._settle(x)[0]

    def hinted(self, x: FloatArray) -> tuple[FlowLayer, FloatArray]:
        """Return the layer that begins with what these points need, and their images."""
        if self.kind == "contractive" or self.time == 0:
            return self, self(x)
        end, substeps = self._settle(x)
        return replace(self, substeps=substeps), end

    def _settle(self, x: FloatArray) -> tuple[FloatArray, int]:
        substeps, before = self.substeps, self._attempt(x, self.substeps)
        while substeps < _MOST_SUBSTEPS:
            end = self._attempt(x, 2 * substeps)
            if end is not None and before is not None and _agree(end, before):
                return end, substeps
            before, substeps = end, 2 * substeps
        raise ConvergenceError(
            came=f"a flow of the {self.kind} piece that {_MOST_SUBSTEPS} steps do not settle",
            expected="a flow that exists for this time from all of the points",
            remedy="It may blow up although the whole does not, or be too fast: take more steps.",
        )

    def _attempt(self, x: FloatArray, substeps: int) -> FloatArray | None:
        system = as_system(self.field)
        h = self.time / substeps
        try:
            with np.errstate(all="ignore"):
                return np.asarray(
                    repeat(DormandPrince, system, x, 0.0, h, substeps, progress=False)
                )
        except DomainError:
            return None


def _agree(end: FloatArray, before: FloatArray) -> bool:
    # Relative to all states together: small balls have small states.
    return bool(np.abs(end - before).max() <= _AGREEMENT * np.abs(end).max())


@dataclass(frozen=True, eq=False)
class GradientLayer:
    """x ↦ x + sF(x + sF(x)/2), ``substeps`` times, F = Aᵀdiag(α)σ(Ax + b) + μx, s = time/substeps.

    A step of the midpoint rule along a gradient for ``shift`` μ = 0; for μ > 0 along a field that
    is expansive where U_θ + μ|x|²/2 is convex (the field's flow is: the step itself is so up to
    its integration error).

    >>> from flowcert.numerics import RidgePotentialField
    >>> layer = GradientLayer("gradient", RidgePotentialField([[1.0]]), 0.5)
    >>> layer(np.zeros(1)).tolist()
    [0.0]
    """

    kind: Kind
    field: Any
    time: float
    shift: float = 0.0
    substeps: int = 1

    def __call__(self, x: FloatArray) -> FloatArray:
        s = self.time / self.substeps
        for _ in range(self.substeps):
            x = x + s * self._rate(x + s / 2 * self._rate(x))
        return x

    def _rate(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.field(x) + self.shift * x)


@dataclass(frozen=True, eq=False)
class SphereLayer:
    """``substeps`` steps of the norm-corrected method of Heun for ẋ = S_θ(x)x: |x| is kept.

    >>> from flowcert.numerics import SphereField
    >>> layer = SphereLayer(SphereField([[1.0, 0.0]], [1.0], [[[0.0, -1.0], [1.0, 0.0]]]), 0.5)
    >>> bool(abs(np.linalg.norm(layer(np.array([3.0, 4.0]))) - 5) < 1e-14)
    True
    """

    field: Any
    time: float
    substeps: int = 1
    kind: Kind = "sphere"

    def __call__(self, x: FloatArray) -> FloatArray:
        system = as_system(self.field)
        h = self.time / self.substeps
        return np.asarray(
            repeat(NormCorrectedHeun, system, x, 0.0, h, self.substeps, progress=False)
        )


def flow_layer(piece: FieldPiece, time: float) -> FlowLayer:
    """Return the flow of a piece for this time.

    >>> flow_layer(FieldPiece("contractive", None, None, -1.0), 1.0)(np.ones(1)).round(6).tolist()
    [0.367879]
    """
    return FlowLayer(piece.kind, piece.field, time, piece.shift)


def network_layer(
    piece: FieldPiece, time: float, networks: RidgeNetworks, substeps: int
) -> FlowLayer | GradientLayer | SphereLayer:
    """Return the layer that replaces the flow of a piece.

    >>> callable(network_layer)
    True
    """
    if piece.kind == "contractive":
        return flow_layer(piece, time)
    if piece.kind == "sphere":
        return SphereLayer(networks.sphere, time, substeps)
    return GradientLayer(piece.kind, networks.gradient, time, piece.shift, substeps)


def hinted(layers: Sequence[Layer], x: FloatArray) -> tuple[Layer, ...]:
    """Return the layers with the substeps that flows from these points begin with.

    A hint, for speed: every call of a flow looks whether its substeps suffice.

    >>> hinted((), np.ones((1, 2)))
    ()
    """
    found: dict[int, Layer] = {}
    for layer in layers:
        if id(layer) in found:
            continue
        found[id(layer)] = layer
        if isinstance(layer, FlowLayer):
            try:
                found[id(layer)], x = layer.hinted(x)
            except FlowcertError:
                continue  # it will say so when it is called
    return tuple(found[id(layer)] for layer in layers)
