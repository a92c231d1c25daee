"""Hamiltonian fields of ridge energies: f(x) = J∇H(x) = J Aᵀdiag(α)Σ(Ax + b)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...errors import ShapeError
from ..validation import FloatArray
from .activation import Activation
from .ridge_potential import RidgePotentialField


class HamiltonianField:
    """The field f(x) = J Aᵀdiag(α)Σ(Ax + b) = J∇H(x), J = [[0, I], [−I, 0]], x = (q, p).

    H(x) = Σᵢ αᵢγ(aᵢᵀx + bᵢ); A of shape (m, n) with n even, b (default 0) and α (default 1) of
    shape (m,). ``activation`` is tanh by default. Solutions keep H. Raises DomainError on NaN or
    infinity, ShapeError on an odd n or shapes that do not fit. Source: paper, Hamiltonian
    networks [P].

    >>> f = HamiltonianField([[0.0, 2.0]])
    >>> f([1.0, 0.0]).tolist(), float(f.hamiltonian([1.0, 0.0]))
    ([0.0, -0.0], 0.0)
    """

    def __init__(
        self,
        A: ArrayLike,
        b: ArrayLike | None = None,
        alpha: ArrayLike | None = None,
        activation: Activation | None = None,
    ) -> None:
        self.energy_gradient = RidgePotentialField(A, b, alpha, activation)
        if self.dimension % 2:
            raise ShapeError(
                came=f"A with {self.dimension} columns",
                expected="an even dimension: as many momenta as positions",
                remedy="Order the state as x = (q, p).",
            )

    @property
    def dimension(self) -> int:
        """The number n of state variables, positions and momenta."""
        return self.energy_gradient.dimension

    def hamiltonian(self, x: ArrayLike) -> FloatArray:
        """Return H(x), shape (...)."""
        return self.energy_gradient.potential(x)

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return J∇H(x), shape (..., n)."""
        return turned(self.energy_gradient(x), axis=-1)

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return J∇²H(x), shape (..., n, n)."""
        return turned(self.energy_gradient.jacobian(x), axis=-2)

    def __repr__(self) -> str:
        return repr(self.energy_gradient).replace("RidgePotentialField", "HamiltonianField", 1)


def turned(v: FloatArray, axis: int) -> FloatArray:
    """Return Jv along one axis: (v_q, v_p) becomes (v_p, −v_q), exactly.

    >>> turned(np.array([1.0, 2.0]), axis=0).tolist()
    [2.0, -1.0]
    """
    positions, momenta = np.split(v, 2, axis=axis)
    return np.concatenate([momenta, -positions], axis=axis)
