"""Compositions: one step is a product of steps γᵢh of a base method, of higher order than it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from ...errors import DomainError, StructureError
from ..systems.system import State, System, Time
from .composition_coefficients import (
    SUZUKI_UMENO_8,
    YOSHIDA_6,
    YOSHIDA_8,
    refined,
    suzuki,
    triple_jump,
)
from .method import Method
from .splitting import Strang
from .weights import Formula, Weights


class Composition(Method):
    """y⁺ = Ψ_{γ_m h} ∘ … ∘ Ψ_{γ₁h}(y), the i-th step at the time t + (γ₁ + … + γᵢ₋₁)h.

    ``weights`` are γ₁, …, γ_m, exact or a function that computes them with mpmath (see
    ``Weights``); ``order`` is declared, and derived by ``derived_order``. It needs the systems that
    the ``base`` Ψ needs, is symplectic if Ψ is, and symmetric if Ψ is and γ is a palindrome.
    Source: Yoshida (1990); Hairer, Lubich and Wanner, *Geometric Numerical Integration*, V.3 [D].

    >>> from flowcert.numerics import RK4
    >>> halved = Composition("two half steps of RK4", RK4, ["1/2", "1/2"], order=4)
    >>> halved.symmetric
    False
    """

    def __init__(
        self, name: str, base: Method, weights: Sequence[Any] | Formula, order: int
    ) -> None:
        self.name = name
        self.base = base
        self.order = order
        self.weights = Weights(weights)
        self.symplectic = base.symplectic
        self.symmetric = base.symmetric and self.weights.is_palindrome()

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        for weight in self.weights.like(y):
            y = self.base.step(system, t, y, weight * h)
            t = t + weight * h
        return y

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system as the base needs it, or raise StructureError."""
        return self.base.prepare(system, dimension, near)


def TripleJump(order: int = 4, base: Method = Strang) -> Composition:
    """Return γ = z₁, z₀, z₁ with z₁ = 1/(2 − 2^{1/(q+1)}), repeated from the base's order q.

    ``order`` is 4, 6 or 8: 3, 9 or 27 steps of a symmetric ``base`` of order 2. Raises DomainError,
    StructureError for a base that is not symmetric. Source: Yoshida (1990) [D].

    >>> TripleJump(6)
    TripleJump(6, Strang)
    """
    return _jumping(f"TripleJump({order}, {base.name})", triple_jump, order, base)


def Suzuki(order: int = 4, base: Method = Strang) -> Composition:
    """Return γ = p, p, 1 − 4p, p, p with p = 1/(4 − 4^{1/(q+1)}), repeated from the base's order q.

    ``order`` is 4, 6 or 8: 5, 25 or 125 steps, all within [t, t + h], with far smaller errors than
    the triple jump. Raises DomainError, StructureError. Source: Suzuki (1990) [D].

    >>> Suzuki(4)
    Suzuki(4, Strang)
    """
    return _jumping(f"Suzuki({order}, {base.name})", suzuki, order, base)


def Yoshida4(base: Method = Strang) -> Composition:
    """Return the triple jump of order 4: three steps of a symmetric ``base`` of order 2.

    Raises StructureError for a base that is not symmetric, DomainError for one of order 4 already.
    Source: Yoshida (1990) [D].

    >>> Yoshida4()
    Yoshida4(Strang)
    """
    return _jumping(f"Yoshida4({base.name})", triple_jump, 4, base)


def Yoshida6(base: Method = Strang) -> Composition:
    """Return Yoshida's seven steps of order 6, solution A.

    The weights solve the order conditions to any number of digits. Raises StructureError,
    DomainError as ``Yoshida4``. Source: Yoshida (1990), table 1 [D].

    >>> Yoshida6()
    Yoshida6(Strang)
    """
    return _published(f"Yoshida6({base.name})", YOSHIDA_6, 6, base)


def Yoshida8(base: Method = Strang) -> Composition:
    """Return Yoshida's fifteen steps of order 8, solution D.

    ``SuzukiUmeno8`` has smaller weights and errors. Raises StructureError, DomainError as
    ``Yoshida4``. Source: Yoshida (1990), table 2 [D].

    >>> Yoshida8()
    Yoshida8(Strang)
    """
    return _published(f"Yoshida8({base.name})", YOSHIDA_8, 8, base)


def SuzukiUmeno8(base: Method = Strang) -> Composition:
    """Return fifteen steps of order 8 with weights below 0.8.

    Raises StructureError, DomainError as ``Yoshida4``. Source: Suzuki and Umeno (1993); McLachlan
    (1995) [D].

    >>> SuzukiUmeno8()
    SuzukiUmeno8(Strang)
    """
    return _published(f"SuzukiUmeno8({base.name})", SUZUKI_UMENO_8, 8, base)


@cache
def _jumping(
    name: str, weights: Callable[[int, int], list[Any]], order: int, base: Method
) -> Composition:
    _check(name, order, base)
    return Composition(name, base, partial(weights, order, base.order), order)


@cache
def _published(name: str, digits: tuple[str, ...], order: int, base: Method) -> Composition:
    _check(name, order, base)
    return Composition(name, base, partial(refined, digits, order), order)


def _check(name: str, order: int, base: Method) -> None:
    if not base.symmetric or base.order % 2:
        raise StructureError(
            came=f"{name}: a base of order {base.order} that is not symmetric",
            expected="a symmetric base, of even order",
            remedy="Take Strang, StormerVerlet, ImplicitMidpoint or GaussLegendre(s).",
        )
    if order not in (4, 6, 8) or base.order >= order:
        raise DomainError(
            came=f"{name}: order {order} from a base of order {base.order}",
            expected="order 4, 6 or 8, above that of the base",
            remedy="Use the base itself, or ask for a higher order.",
        )
