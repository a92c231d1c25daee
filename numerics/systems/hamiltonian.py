"""Systems ẏ = S(y)∇H(y): Hamiltonian (S skew), and gradient flows (S negative semi-definite)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

from ...errors import ShapeError
from .system import State, System, Time


@runtime_checkable
class EnergySystem(Protocol):
    """A system ẏ = S(y)∇H(y): what discrete gradients integrate.

    ``energy(y)`` is H, shape (...); ``gradient(y)`` is ∇H, shape (..., n); ``structure(y)`` is S,
    shape (n, n) or (..., n, n): skew, then H is kept; or with a negative semi-definite symmetric
    part, then H decays.

    >>> isinstance(HamiltonianSystem(lambda y: 0 * y[..., 0], lambda y: 0 * y, 2), EnergySystem)
    True
    """

    dimension: int

    def energy(self, y: State) -> State: ...

    def gradient(self, y: State) -> State: ...

    def structure(self, y: State) -> State: ...


class SkewGradientSystem(System):
    """ẏ = S(y)∇H(y) from H, ∇H and S, autonomous.

    ``structure`` is a constant matrix (n, n) or a function of y; ``hessian(y)`` is ∇²H, shape
    (..., n, n), used for the Jacobian where S is constant. Source: paper, structure [P].

    >>> H = SkewGradientSystem(lambda y: (y * y).sum(-1) / 2, lambda y: y, -np.eye(1))
    >>> H(0.0, np.array([3.0])).tolist()
    [-3.0]
    """

    autonomous = True

    def __init__(
        self,
        energy: Callable[[State], State],
        gradient: Callable[[State], State],
        structure: State | Callable[[State], State],
        hessian: Callable[[State], State] | None = None,
        dimension: int | None = None,
    ) -> None:
        self._energy, self._gradient, self._hessian = energy, gradient, hessian
        self._structure = structure
        if dimension is None:
            if callable(structure):
                raise ShapeError(
                    came="a structure that is a function, without a dimension",
                    expected="the dimension n of the system",
                    remedy="Pass dimension=n.",
                )
            dimension = len(structure)
        self.dimension = dimension

    def energy(self, y: State) -> State:
        """Return H(y), shape (...)."""
        return self._energy(y)

    def gradient(self, y: State) -> State:
        """Return ∇H(y), shape (..., n)."""
        return self._gradient(y)

    def structure(self, y: State) -> State:
        """Return S(y), shape (n, n) or (..., n, n)."""
        return self._structure(y) if callable(self._structure) else self._structure

    def rate(self, t: Time, y: State) -> State:
        return np.asarray((self.structure(y) @ self.gradient(y)[..., None])[..., 0])

    def jacobian(self, t: Time, y: State) -> State:
        """Return ∂f/∂y, exact where S is constant and ∇²H was given."""
        if self._hessian is None or callable(self._structure):
            return super().jacobian(t, y)
        return np.asarray(self._structure @ self._hessian(y))


class HamiltonianSystem(SkewGradientSystem):
    """ẏ = J∇H(y) with y = (q, p) and J = [[0, I], [−I, 0]]; H need not be separable.

    Source: paper, Hamiltonian networks [P].

    >>> H = HamiltonianSystem(lambda y: (y * y).sum(-1) / 2, lambda y: y, dimension=2)
    >>> H(0.0, np.array([1.0, 2.0])).tolist()
    [2.0, -1.0]
    """

    def __init__(
        self,
        energy: Callable[[State], State],
        gradient: Callable[[State], State],
        dimension: int,
        hessian: Callable[[State], State] | None = None,
    ) -> None:
        super().__init__(energy, gradient, canonical_structure(half(dimension)), hessian)


def half(dimension: int) -> int:
    """Return n/2 for a system in positions and momenta; raises ShapeError for an odd n.

    >>> half(4)
    2
    """
    if dimension % 2 or dimension < 2:
        raise ShapeError(
            came=f"a system of dimension {dimension} in positions and momenta",
            expected="an even dimension: as many momenta as positions",
            remedy="Order the state as y = (q, p).",
        )
    return dimension // 2


def canonical_structure(d: int) -> State:
    """Return J = [[0, I], [−I, 0]] of shape (2d, 2d), of integers (exact in every arithmetic).

    >>> canonical_structure(1).tolist()
    [[0, 1], [-1, 0]]
    """
    zero, unit = np.zeros((d, d), dtype=int), np.eye(d, dtype=int)
    return np.block([[zero, unit], [-unit, zero]])
