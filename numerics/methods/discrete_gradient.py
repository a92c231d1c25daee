"""Discrete gradients: one-step methods that keep the energy, or let it decay, at every step size.

y⁺ = y + hS(ȳ)∇̄H(y, y⁺) with ȳ = (y + y⁺)/2 and ∇̄H(x, y)ᵀ(y − x) = H(y) − H(x) gives
H(y⁺) − H(y) = h∇̄HᵀS∇̄H: zero for skew S, never positive for negative semi-definite S and h > 0.
Where S has a positive part, H grows, as in the flow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np

from ...errors import DomainError, StructureError
from ..elementary import is_exact_kind
from ..systems.hamiltonian import EnergySystem, SkewGradientSystem
from ..systems.system import State, System, Time, refuse_problem
from .difference_quotient import difference_quotient, mean_gradient
from .method import Method
from .newton import simplified_newton

# ∇̄H(x, y), shape (..., n), for x and y that broadcast.
DiscreteGradientFunction = Callable[[EnergySystem, State, State], State]

_ROOT_OF_ROUNDOFF = 2.0**-26
_MOST_NODES = 20
_REMEDY = "Take a smaller step, or check that the gradient is that of the energy."


def gonzalez_gradient(system: EnergySystem, x: State, y: State) -> State:
    """∇̄H = ∇H(m) + (H(y) − H(x) − ∇H(m)ᵀd)d/|d|² with m = (x + y)/2, d = y − x.

    x and y have shape (..., n), the result too. Guaranteed, for H analytic around the segment:
    ∇̄Hᵀd = H(y) − H(x) to the rounding of H, and for small d to the rounding of |∇H||d|; the error
    of ∇̄H itself is then of the order of the rounding of ∇H, at any d; ∇̄H(x, x) = ∇H(x).
    Source: Gonzalez, J. Nonlinear Sci. 6 (1996) [P]; the safe form flowcert [D].

    >>> oscillator = SkewGradientSystem(lambda y: (y**2).sum(-1) / 2, lambda y: y, np.eye(1))
    >>> gonzalez_gradient(oscillator, np.array([1.0]), np.array([2.0])).tolist()
    [1.5]
    """
    x, y = np.broadcast_arrays(x, y)
    d = y - x
    length = np.abs(d).max(axis=-1)
    # |d|² may underflow, |direction|² does not.
    direction = d / np.where(length == 0, 1, length)[..., None]
    at_middle = system.gradient((x + y) / 2)
    slope = difference_quotient(system.energy, system.gradient, x, direction, length)
    missing = slope[..., None] - (at_middle * direction).sum(axis=-1, keepdims=True)
    square = (direction * direction).sum(axis=-1, keepdims=True)
    return np.asarray(at_middle + missing / np.where(square == 0, 1, square) * direction)


def itoh_abe_gradient(system: EnergySystem, x: State, y: State) -> State:
    """(∇̄H)ᵢ = (H(zᵢ) − H(zᵢ₋₁))/(yᵢ − xᵢ) with zᵢ = (y₁, …, yᵢ, xᵢ₊₁, …, xₙ).

    x and y have shape (..., n), the result too; (∇̄H)ᵢ = ∂ᵢH(zᵢ) where yᵢ = xᵢ. Guaranteed, for H
    analytic around the segments: ∇̄Hᵀ(y − x) = H(y) − H(x) to the rounding of H, and each (∇̄H)ᵢ
    to the rounding of ∂ᵢH where yᵢ − xᵢ is small; ∇̄H(x, x) = ∇H(x). Not symmetric in x and y.
    Source: Itoh and Abe, J. Comput. Phys. 76 (1988) [P]; the safe form flowcert [D].

    >>> product = lambda y: y[..., 0] * y[..., 1]
    >>> system = SkewGradientSystem(product, lambda y: y[..., ::-1], np.eye(2))
    >>> itoh_abe_gradient(system, np.zeros(2), np.array([2.0, 3.0])).round(12).tolist()
    [0.0, 2.0]
    """
    x, y = np.broadcast_arrays(x, y)
    n = x.shape[-1]
    index = np.arange(n)
    # Row i holds zᵢ₋₁, from which coordinate i alone moves.
    corners = np.where(index < index[:, None], y[..., None, :], x[..., None, :])
    return difference_quotient(system.energy, system.gradient, corners, np.eye(n, dtype=int), y - x)


def average_gradient(system: EnergySystem, x: State, y: State, nodes: int = 4) -> State:
    """∇̄H = ∫₀¹ ∇H(x + θ(y − x)) dθ by Gauss's rule with ``nodes`` nodes.

    x and y have shape (..., n), the result too. Guaranteed: ∇̄Hᵀ(y − x) = H(y) − H(x) to rounding
    for polynomial H of degree at most 2·nodes, and otherwise only up to the error of the
    quadrature, O(|y − x|^(2·nodes + 1)); no cancellation at small y − x; ∇̄H(x, x) = ∇H(x) up to
    rounding. Source: Harten, Lax and van Leer, SIAM Rev. 25 (1983); Quispel and McLaren,
    J. Phys. A 41 (2008) [P].

    >>> quartic = SkewGradientSystem(lambda y: (y**4).sum(-1), lambda y: 4 * y**3, np.eye(1))
    >>> average_gradient(quartic, np.zeros(1), np.ones(1), nodes=2).round(12).tolist()
    [1.0]
    """
    x, y = np.broadcast_arrays(x, y)
    return mean_gradient(system.gradient, x, y - x, nodes)


class DiscreteGradient(Method):
    """y⁺ = y + hS((y + y⁺)/2)∇̄H(y, y⁺) for systems ẏ = S(y)∇H(y).

    ``gradient(system, x, y)`` is ∇̄H. The equation is solved by Newton to rounding, its Jacobian by
    forward differences. Guaranteed, as far as ∇̄H keeps its own promise: H(y⁺) = H(y) up to
    rounding for skew S; H(y⁺) ≤ H(y) up to rounding for h > 0 and S with a negative semi-definite
    symmetric part. Where that part is positive, H grows, as it does in the flow: S is taken as it
    is. Raises StructureError for a system without energy, ConvergenceError where
    Newton fails. Source: McLachlan, Quispel and Robidoux, Phil. Trans. R. Soc. A 357 (1999) [P].

    >>> from flowcert.numerics import HamiltonianSystem
    >>> quartic = HamiltonianSystem(lambda y: (y**4).sum(-1), lambda y: 4 * y**3, dimension=2)
    >>> y = Gonzalez.step(quartic, 0.0, np.array([1.0, 0.0]), 0.1)
    >>> bool(abs(quartic.energy(y) - 1) < 1e-15)
    True
    """

    def __init__(
        self,
        name: str,
        gradient: DiscreteGradientFunction,
        order: int,
        *,
        symmetric: bool = False,
    ) -> None:
        self.name = name
        self.gradient = gradient
        self.order = order
        self.symmetric = symmetric

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system if it has an energy; raises StructureError."""
        return _with_energy(system)

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        energetic: object = system
        if not isinstance(energetic, EnergySystem):
            raise _no_energy(energetic)

        def residual(z: State) -> State:
            start = y if z.ndim == y.ndim else y[..., None, :]
            force = (
                energetic.structure((start + z) / 2) @ self.gradient(energetic, start, z)[..., None]
            )
            return np.asarray(z - start - h * force[..., 0])

        def size(z: State) -> State:
            return np.asarray(np.maximum(np.abs(y), np.abs(z)).max(axis=-1))

        def solve(z: State) -> State:
            derivative = partial(_derivative, residual)
            what = f"a step of {self.name}"
            return simplified_newton(residual, derivative, z, size, what=what, remedy=_REMEDY)

        # What Newton leaves is below one rounding, but always of one sign: the energy would drift.
        # A second start, from there, leaves only the rounding of y⁺ itself, of either sign.
        # An overflow on the way ends in a ConvergenceError, which says more than a warning.
        with np.errstate(over="ignore", invalid="ignore"):
            return solve(solve(y))


class _Composed(Method):
    """Half a step of one method, then half a step of the other."""

    def __init__(self, name: str, first: DiscreteGradient, second: DiscreteGradient) -> None:
        self.name = name
        self._first, self._second = first, second
        self.order = 2
        self.symmetric = True

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        return _with_energy(system)

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        half = h / 2
        return self._second.step(system, t + half, self._first.step(system, t, y, half), half)


Gonzalez = DiscreteGradient("Gonzalez", gonzalez_gradient, order=2, symmetric=True)

ItohAbe = DiscreteGradient("ItohAbe", itoh_abe_gradient, order=1)

# The adjoint has the gradient with its arguments exchanged.
_AdjointItohAbe = DiscreteGradient(
    "the adjoint of ItohAbe", lambda system, x, y: itoh_abe_gradient(system, y, x), order=1
)

SymmetrisedItohAbe = _Composed("SymmetrisedItohAbe", ItohAbe, _AdjointItohAbe)


@cache
def AverageVectorField(nodes: int = 4) -> DiscreteGradient:
    """The average vector field method, its integral by Gauss's rule with ``nodes`` in [1, 20].

    Keeps polynomial energies of degree at most 2·nodes, others up to the quadrature's error.
    Raises DomainError. Source: Quispel and McLaren, J. Phys. A 41 (2008) [P].

    >>> AverageVectorField(4)
    AverageVectorField(4)
    """
    if isinstance(nodes, bool) or not isinstance(nodes, int) or not 1 <= nodes <= _MOST_NODES:
        raise DomainError(
            came=f"nodes = {nodes!r}",
            expected=f"an integer from 1 to {_MOST_NODES}",
            remedy="Four nodes keep polynomial energies of degree 8.",
        )
    gradient = partial(average_gradient, nodes=nodes)
    return DiscreteGradient(f"AverageVectorField({nodes})", gradient, order=2, symmetric=True)


def _with_energy(system: object) -> System:
    refuse_problem(system)
    if not isinstance(system, EnergySystem):
        raise _no_energy(system)
    if isinstance(system, System):
        return system
    return SkewGradientSystem(
        system.energy, system.gradient, system.structure, dimension=system.dimension
    )


def _no_energy(system: object) -> StructureError:
    return StructureError(
        came=f"{type(system).__name__} without an energy",
        expected="a system ẏ = S(y)∇H(y) with energy, gradient and structure",
        remedy="Write SkewGradientSystem(energy, gradient, structure) or HamiltonianSystem.",
    )


def _derivative(residual: Callable[[State], State], z: State) -> State:
    """∂residual/∂z by forward differences, all shifts in one call."""
    base = residual(z)
    # Where the state is next to 0 and its rate is not, the step sets the scale.
    size = np.maximum(np.abs(z), np.abs(base)).max(axis=-1, keepdims=True)
    shift = _root_of_roundoff(z) * np.where(size == 0, 1, size)[..., None]
    moved = residual(z[..., None, :] + shift * np.eye(z.shape[-1], dtype=int))
    columns = (moved - base[..., None, :]) / shift
    return np.asarray(np.swapaxes(columns, -1, -2))


def _root_of_roundoff(z: State) -> object:
    if not is_exact_kind(z):
        return _ROOT_OF_ROUNDOFF
    import mpmath

    return mpmath.mpf(10) ** (-mpmath.mp.dps // 2)
