"""What is proved of ridge networks in the place of the pieces, and of layers in place of flows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...numerics.validation import positive_integer
from ..cells import OUTWARD, Profile, cover
from ..decomposition import SymbolicDecomposition
from .analysis import FieldAnalysis
from .local_errors import growth
from .ridge_networks import RidgeNetworks
from .scalar_errors import scalar_error_profiles

NETWORK_CELLS_PER_SIDE = 96


@dataclass(frozen=True, eq=False)
class NetworkErrors:
    """Profiles of ‖Dʲ(∇U − ∇U_θ)‖, j = 0, 1, 2, and of |Dʲ(s − s_θ)| for S = s·J in the plane.

    Guaranteed: upper bounds, rounded outward, for n ≤ 2. Source: flowcert [D].

    >>> NetworkErrors((), ()).turning
    ()
    """

    gradient: tuple[Profile, ...]
    turning: tuple[Profile, ...]

    @staticmethod
    def of(parts: SymbolicDecomposition, networks: RidgeNetworks) -> NetworkErrors:
        """Prove how far the networks are from the pieces on their ball."""
        symbols, n = parts.field.symbols, parts.field.dimension
        cells = cover(networks.radius, n, NETWORK_CELLS_PER_SIDE)
        U, S = networks.gradient, networks.sphere
        gradient = scalar_error_profiles(
            parts.potential, symbols, (U.A, U.b, U.alpha), cells, lowest=1, highest=3, offset=-1
        )
        if n == 1:  # nothing turns on a line
            return NetworkErrors(tuple(gradient), ())
        turning = scalar_error_profiles(
            parts.skew[0, 1], symbols, (S.A, S.b, S.skew[:, 0, 1]), cells,
            lowest=0, highest=2, offset=0,
        )  # fmt: skip
        return NetworkErrors(tuple(gradient), tuple(turning))

    def of_sphere(self, j: int, radius: float) -> float:
        """Bound ‖Dʲ(S(x)x − S_θ(x)x)‖ by ‖Dʲg‖r + j‖Dʲ⁻¹g‖, g = s − s_θ."""
        if not self.turning:
            return 0.0
        lower = j * self.turning[j - 1](radius) if j else 0.0
        return (self.turning[j](radius) * radius + lower) * OUTWARD


@dataclass(frozen=True, eq=False)
class NetworkLayers:
    """The ``Replacement`` of the pieces by networks, integrated in ``substeps`` each.

    Gradient and expansive pieces: explicit midpoint rule, of which a step of length s errs by at
    most s³(‖D²f‖|f|² + ‖Df‖²|f|)/6 + s³‖D²f‖|f|²/8 (Taylor, both expanded around the start).
    Sphere pieces: Heun errs likewise with ¼ in place of ⅛, and its norm correction moves by
    |k₁ − k₂|²/|k₁ + k₂|·s/2 ≤ s³‖Df‖²|f|/(2(2 − s‖Df‖)). The contractive piece is solved exactly.
    All are suprema of the networks: of the piece, plus what is proved of the difference. Source:
    flowcert [D].

    >>> NetworkLayers.__name__
    'NetworkLayers'
    """

    analysis: FieldAnalysis
    errors: NetworkErrors
    substeps: int

    def __post_init__(self) -> None:
        positive_integer("substeps", self.substeps)

    @property
    def radius(self) -> float:
        """Of the ball on which the networks were fitted and looked at."""
        return self.errors.gradient[0].radius

    def field_error(self, index: int, radius: float) -> float:
        """Bound |f_i − its network| over |x| ≤ radius."""
        return self._difference(index, 0, radius)

    def integration_error(self, index: int, time: float, radius: float) -> float:
        """Bound what ``substeps`` steps of the layer err by in this time, from |x| ≤ radius."""
        kind = self.analysis.pieces[index].kind
        if kind == "contractive" or time == 0:
            return 0.0
        s = time / self.substeps * OUTWARD
        speed = self._speed(index, radius)
        ball = (radius + s * speed) * OUTWARD  # holds the stages as well
        M = self._speed(index, ball)
        L = (self.analysis.lipschitz(index)(ball) + self._difference(index, 1, ball)) * OUTWARD
        B = (self.analysis.bending(index)(ball) + self._difference(index, 2, ball)) * OUTWARD
        if not (s * L < 1 and B < math.inf):
            return math.inf
        one = (B * M * M + L * L * M) / 6 + B * M * M * (1 / 4 if kind == "sphere" else 1 / 8)
        if kind == "sphere":
            one += L * L * M / (2 * (2 - s * L))
        # Gradient layers: the errors are made along the network's flow and carried on by substeps,
        # of which each has 1 + sL + (sL)²/2 ≤ e^{sL}. Sphere layers keep |x|: they are made along
        # the layer and carried on by the flow. All together by e^{time·L}.
        return s**3 * one * self.substeps * growth(L, time) * OUTWARD**4

    def _speed(self, index: int, radius: float) -> float:
        return (self.analysis.speed(index)(radius) + self._difference(index, 0, radius)) * OUTWARD

    def _difference(self, index: int, j: int, radius: float) -> float:
        kind = self.analysis.pieces[index].kind
        if kind == "contractive":
            return 0.0
        if kind == "sphere":
            return self.errors.of_sphere(j, radius)
        return self.errors.gradient[j](radius)
