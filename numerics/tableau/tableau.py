"""What a Runge–Kutta method is by its coefficients, and what can be derived from them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..elementary import is_exact_kind
from .stage_algebra import StageAlgebra

if TYPE_CHECKING:
    from .simplifying import SimplifyingAssumptions


class Coefficients(NamedTuple):
    """A (s, s), b (s,), c (s,) and the embedded weights b_hat (s,) or None, all of one kind."""

    A: Any
    b: Any
    c: Any
    b_hat: Any


def arranged(numbers: list[Any], s: int, dtype: Any) -> Coefficients:
    """Return the s² + 2s numbers of A, b, c (and s of b_hat) as read-only arrays.

    >>> arranged([0.5, 1.0, 0.5], 1, float).A.tolist()
    [[0.5]]
    """
    flat = np.empty(len(numbers), dtype=dtype)
    flat[:] = numbers
    flat.setflags(write=False)
    A, b, c, rest = np.split(flat, [s * s, s * s + s, s * s + 2 * s])
    return Coefficients(A.reshape(s, s), b, c, rest if len(rest) else None)


class Tableau(ABC):
    """A Runge–Kutta method kᵢ = f(t + cᵢh, y + hΣⱼ aᵢⱼkⱼ), y⁺ = y + hΣᵢ bᵢkᵢ by A, b, c.

    ``stages`` is s. Coefficients come rounded (``float64``, ``high_precision``); every property is
    *derived* from the exact ``algebra``, never stored. Source: flowcert [D].

    >>> from flowcert.numerics import RK4
    >>> RK4.tableau.order(), RK4.tableau.stage_order(), RK4.tableau.is_explicit()
    (4, 1, True)
    """

    stages: int

    @abstractmethod
    def float64(self) -> Coefficients:
        """Return the coefficients, each correctly rounded to float64, as read-only arrays."""

    @abstractmethod
    def high_precision(self, digits: int) -> Coefficients:
        """Return the coefficients as object arrays of mpmath numbers, right to ``digits``."""

    @abstractmethod
    def algebra(self) -> StageAlgebra:
        """Return the method in exact coordinates."""

    def coefficients(self, like: Any) -> Coefficients:
        """Return the coefficients in the arithmetic of the state ``like``.

        >>> from flowcert.numerics import RK4
        >>> import numpy as np
        >>> RK4.tableau.coefficients(np.ones(2)).c.tolist()
        [0.0, 0.5, 0.5, 1.0]
        """
        if not is_exact_kind(like):
            return self.float64()
        import mpmath

        return self.high_precision(mpmath.mp.dps)

    def is_explicit(self) -> bool:
        """Return whether aᵢⱼ = 0 for all j ≥ i: every stage uses earlier ones only.

        >>> from flowcert.numerics import Heun
        >>> Heun.tableau.is_explicit()
        True
        """
        return all(self._is_zero(i, j) for i in range(self.stages) for j in range(i, self.stages))

    def is_diagonally_implicit(self) -> bool:
        """Return whether aᵢⱼ = 0 for all j > i: the stages can be solved one after the other.

        >>> from flowcert.numerics import ButcherTableau
        >>> ButcherTableau([[1]], [1], [1]).is_diagonally_implicit()
        True
        """
        s = self.stages
        return all(self._is_zero(i, j) for i in range(s) for j in range(i + 1, s))

    def _is_zero(self, i: int, j: int) -> bool:
        """Whether aᵢⱼ is exactly 0."""
        return bool(self.float64().A[i, j] == 0)

    def order(self) -> int:
        """Return the exact order p: every tree of at most p nodes is integrated rightly.

        Guaranteed: p, not p + 1. Source: Butcher, *Numerical Methods for Ordinary Differential
        Equations*, theorem 315A [D].

        >>> from flowcert.numerics import SSP33
        >>> SSP33.tableau.order()
        3
        """
        from .order import order

        return order(self)

    def order_argument(self) -> str:
        """Return in words why the order is what it is.

        >>> from flowcert.numerics import Euler
        >>> Euler.tableau.order_argument()
        'the tree of order 1 holds; [τ] fails at order 2'
        """
        from .order import order_argument

        return order_argument(self)

    def embedded_order(self) -> int | None:
        """Return the order of the embedded weights b̂, None where there are none.

        >>> from flowcert.numerics import ButcherTableau
        >>> ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1], [1, 0]).embedded_order()
        1
        """
        from .order import embedded_order

        return embedded_order(self)

    def stage_order(self) -> int:
        """Return the largest q with B(q) and C(q): the order of the stages as approximations.

        >>> from flowcert.numerics import RK4
        >>> RK4.tableau.stage_order()
        1
        """
        from .simplifying import stage_order

        return stage_order(self)

    def simplifying_assumptions(self) -> SimplifyingAssumptions:
        """Return the largest (p, q, r) with B(p), C(q), D(r); q and r are counted up to p.

        B(p): Σ bᵢcᵢ^{k−1} = 1/k for k ≤ p. C(q): Σⱼ aᵢⱼcⱼ^{k−1} = cᵢ^k/k for k ≤ q.
        D(r): Σᵢ bᵢcᵢ^{k−1}aᵢⱼ = bⱼ(1 − cⱼ^k)/k for k ≤ r. Source: Butcher (1964) [D].

        >>> from flowcert.numerics import RK4
        >>> tuple(RK4.tableau.simplifying_assumptions())
        (4, 1, 1)
        """
        from .simplifying import simplifying_assumptions

        return simplifying_assumptions(self)

    def stability_function(self) -> Any:
        """Return R(z) = 1 + z·b((I − zA)⁻¹1), exact: y⁺ = R(hλ)y on ẏ = λy.

        Source: Hairer and Wanner, *Solving Ordinary Differential Equations II*, IV.3 [D].

        >>> from flowcert.numerics.methods import ImplicitMidpoint
        >>> ImplicitMidpoint.tableau.stability_function()
        StabilityFunction(numerator=(1, 1/2), denominator=(1, -1/2))
        """
        from .stability import stability_function

        return stability_function(self)

    def is_a_stable(self) -> bool:
        """Return whether |R(z)| ≤ 1 for all Re z ≤ 0, decided exactly.

        Source: Hairer and Wanner, *Solving Ordinary Differential Equations II*, IV.3 [D].

        >>> from flowcert.numerics.methods import RK4, GaussLegendre
        >>> RK4.tableau.is_a_stable(), GaussLegendre(5).tableau.is_a_stable()
        (False, True)
        """
        from .stability import is_a_stable

        return is_a_stable(self)

    def is_l_stable(self) -> bool:
        """Return whether the method is A-stable and R(z) → 0 as z → ∞, decided exactly.

        Source: Hairer and Wanner, *Solving Ordinary Differential Equations II*, IV.3 [D].

        >>> from flowcert.numerics.methods import GaussLegendre, RadauIIA
        >>> GaussLegendre(3).tableau.is_l_stable(), RadauIIA(3).tableau.is_l_stable()
        (False, True)
        """
        from .stability import is_l_stable

        return is_l_stable(self)

    def is_algebraically_stable(self) -> bool:
        """Return whether b ≥ 0 and BA + AᵀB − bbᵀ ⪰ 0, decided exactly: then it is B-stable.

        Source: Burrage and Butcher (1979); Crouzeix (1979) [D].

        >>> from flowcert.numerics.methods import ImplicitMidpoint, ImplicitTrapezoid
        >>> [m.tableau.is_algebraically_stable() for m in (ImplicitMidpoint, ImplicitTrapezoid)]
        [True, False]
        """
        from .contractivity import is_algebraically_stable

        return is_algebraically_stable(self)

    def circle_contractivity_radius(self) -> Any:
        """Return the largest r for which the method contracts where ⟨Δf, Δy⟩ ≤ −κ|Δf|², h ≤ 2κr.

        −1/r is the largest ρ with BA + AᵀB − bbᵀ ⪰ ρB, after removing unused stages; ∞ and 0 are
        exact. Source: Dahlquist and Jeltsch (1979); paper, runge-kutta factors [D].

        >>> from flowcert.numerics.methods import BackwardEuler, RK4, Ralston
        >>> [m.tableau.circle_contractivity_radius() for m in (RK4, Ralston, BackwardEuler)]
        [1, -3/2 + sqrt(21)/2, oo]
        """
        from .contractivity import circle_contractivity_radius

        return circle_contractivity_radius(self)

    def reduced(self) -> Tableau:
        """Return the method without the stages that do not influence y⁺.

        Source: Dahlquist and Jeltsch (1979) [D].

        >>> from flowcert.numerics.methods import BogackiShampine
        >>> BogackiShampine.tableau.reduced().stages  # the fourth is for b_hat alone
        3
        """
        from .reduction import reduced

        return reduced(self)

    def is_symplectic(self) -> bool:
        """Return whether bᵢaᵢⱼ + bⱼaⱼᵢ = bᵢbⱼ for all i, j, decided exactly.

        Then quadratic invariants are kept and Hamiltonian flows stay symplectic. Source:
        Sanz-Serna (1988); Cooper (1987) [D].

        >>> from flowcert.numerics.methods import GaussLegendre, RadauIIA
        >>> GaussLegendre(3).tableau.is_symplectic(), RadauIIA(3).tableau.is_symplectic()
        (True, False)
        """
        from .symmetry import is_symplectic

        return is_symplectic(self)

    def is_symmetric(self) -> bool:
        """Return whether the method is its own adjoint: Ψ(−h) = Ψ(h)⁻¹, decided exactly.

        Source: Hairer, Lubich and Wanner, *Geometric Numerical Integration*, theorem V.2.3 [D].

        >>> from flowcert.numerics.methods import LobattoIIIA, LobattoIIIC
        >>> LobattoIIIA(3).tableau.is_symmetric(), LobattoIIIC(3).tableau.is_symmetric()
        (True, False)
        """
        from .symmetry import is_symmetric

        return is_symmetric(self)
