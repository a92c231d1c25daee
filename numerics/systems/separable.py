"""Partitioned systems q̇ = f(t, p), ṗ = g(t, q): the drift and the kick are shears."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .hamiltonian import canonical_structure, half
from .split import Piece, SplitSystem
from .system import Rate, State, Time


class SeparableSystem(SplitSystem):
    """q̇ = f(t, p), ṗ = g(t, q) with y = (q, p): what partitioned methods integrate.

    ``position_rate(t, p)`` is f, ``momentum_rate(t, q)`` is g, both on shape (..., n/2); piece 0 is
    the drift (q moves), piece 1 the kick (p moves). A momentum rate that depends on p is not
    separable: it cannot be written here. Source: flowcert [D].

    >>> oscillator = SeparableSystem(lambda t, p: p, lambda t, q: -q, dimension=2)
    >>> oscillator(0.0, np.array([1.0, 2.0])).tolist()
    [2.0, -1.0]
    >>> oscillator.pieces[0].flow(0.0, np.array([1.0, 2.0]), 0.5).tolist()
    [2.0, 2.0]
    """

    def __init__(
        self,
        position_rate: Rate,
        momentum_rate: Rate,
        dimension: int,
        jacobian: Rate | None = None,
        *,
        autonomous: bool = False,
    ) -> None:
        d = half(dimension)
        self.position_rate = position_rate
        self.momentum_rate = momentum_rate

        def drift(t: Time, y: State) -> State:
            return np.concatenate([position_rate(t, y[..., d:]), 0 * y[..., d:]], axis=-1)

        def kick(t: Time, y: State) -> State:
            return np.concatenate([0 * y[..., :d], momentum_rate(t, y[..., :d])], axis=-1)

        pieces = [
            Piece(drift, lambda t, y, h: y + h * drift(t, y)),
            Piece(kick, lambda t, y, h: y + h * kick(t, y)),
        ]
        super().__init__(pieces, dimension, jacobian, autonomous=autonomous)


class SeparableHamiltonian(SeparableSystem):
    """q̇ = ∇T(p), ṗ = −∇V(q) for H(q, p) = T(p) + V(q), autonomous.

    ``kinetic`` and ``potential`` map shape (..., d) to (...), their gradients to (..., d), their
    Hessians to (..., d, d); n = 2d. It has an energy: discrete gradients take it as well.
    Source: paper, Hamiltonian networks [P].

    >>> unit = lambda x: np.broadcast_to(np.eye(1), (*x.shape[:-1], 1, 1))
    >>> half_square = lambda x: 0.5 * (x * x).sum(axis=-1)
    >>> H = SeparableHamiltonian(half_square, half_square, lambda p: p, lambda q: q, unit, unit, 2)
    >>> float(H.energy(np.array([3.0, 4.0])))
    12.5
    """

    def __init__(
        self,
        kinetic: Callable[[State], State],
        potential: Callable[[State], State],
        kinetic_gradient: Callable[[State], State],
        potential_gradient: Callable[[State], State],
        kinetic_hessian: Callable[[State], State],
        potential_hessian: Callable[[State], State],
        dimension: int,
    ) -> None:
        d = half(dimension)
        self.kinetic, self.potential = kinetic, potential
        self._d = d
        self._gradients = (kinetic_gradient, potential_gradient)
        self._hessians = (kinetic_hessian, potential_hessian)
        super().__init__(
            lambda _, p: kinetic_gradient(p),
            lambda _, q: -potential_gradient(q),
            dimension,
            lambda _, y: canonical_structure(d) @ self.hessian(y),
            autonomous=True,
        )

    def energy(self, y: State) -> State:
        """Return H(q, p), shape (...)."""
        d = self._d
        return np.asarray(self.kinetic(y[..., d:]) + self.potential(y[..., :d]))

    def gradient(self, y: State) -> State:
        """Return ∇H, shape (..., n)."""
        d, (of_kinetic, of_potential) = self._d, self._gradients
        return np.concatenate([of_potential(y[..., :d]), of_kinetic(y[..., d:])], axis=-1)

    def hessian(self, y: State) -> State:
        """Return ∇²H, shape (..., n, n)."""
        d, (of_kinetic, of_potential) = self._d, self._hessians
        q, p = of_potential(y[..., :d]), of_kinetic(y[..., d:])
        above = np.concatenate([q, 0 * q], axis=-1)
        below = np.concatenate([0 * p, p], axis=-1)
        return np.concatenate([above, below], axis=-2)

    def structure(self, y: State) -> State:
        """Return J, shape (n, n): ẏ = J∇H."""
        return canonical_structure(self._d)
