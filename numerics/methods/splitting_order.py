"""The order of splitting and composition methods, derived: products of exponentials as words.

**Two letters.** One step of a two-piece splitting is the operator e^{a₁hA}e^{b₁hB}e^{a₂hA}… on
functions, A and B the Lie derivatives of the two fields. It is expanded in the free associative
algebra on A and B and compared with e^{h(A+B)}, in which each word of length k has the
coefficient 1/k!. The order is the largest p for which all words up to length p agree: sufficient
for every pair of smooth fields, and necessary, because matrices exist whose products obey no
relation up to any given length. Time, kept by clocks, changes nothing (see ``splitting``).

**Two letters are enough for more pieces.** Let a composition take steps αᵢh of a first-order
method and βᵢh of its adjoint in turn. It has order p for *every* first-order method if and only if
it has order p for Lie–Trotter on two fields (McLachlan 1995; Blanes, Casas and Murua 2008). So the
order found for Lie–Trotter, Strang and compositions of Strang holds for N pieces as well.

**Compositions of a base method.** A base of order q has the operator exp(hX₁ + h^{q+1}X_{q+1} + …)
with X₁ the exact field, and odd powers only if it is symmetric. The composition
Π exp(Σₖ(γᵢh)ᵏXₖ) is expanded in the free algebra on X₁, X_{q+1}, …, a letter Xₖ of weight k, and
compared with e^{hX₁}. Agreement up to weight p is order p for every such base, Strang on N pieces
among them, by the expansion alone (Yoshida 1990; Suzuki 1990).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import factorial
from typing import Any

from ...errors import ConvergenceError, DomainError, StructureError
from .composition import Composition
from .method import Method, require_method
from .runge_kutta import RungeKutta
from .splitting import LieTrotterSplitting, Splitting, StrangSplitting
from .weights import Weights
from .word_expansion import Letter, Word, expand_product, words_of_weight

_DIGITS = 100
_PRECISION = 400  # bits of the balls: the 100 digits, and room for the products
_NEGLIGIBLE = 1e-60

_A, _B = 0, 1


@dataclass(frozen=True)
class DerivedOrder:
    """The order, how it was found, and the largest deviation of a coefficient at it and beyond.

    ``deviation`` is over the words up to the order (0 for exact weights, below 1e-60 otherwise),
    ``deviation_beyond`` over those one longer: certainly not 0.

    >>> DerivedOrder(2, "exact", 0.0, 0.08).order
    2
    """

    order: int
    argument: str
    deviation: float
    deviation_beyond: float


def derived_order(method: Method, *, longest: int = 9) -> DerivedOrder:
    """Return the order of a splitting, partitioned or composition method from its weights.

    Splittings and compositions of them through words in A and B; compositions of other bases
    (implicit midpoint, Gauss, …) through words in X₁, X_{q+1}, …, where q is the base's declared
    order. Rational weights are compared exactly, others in ball arithmetic around 100 digits.
    Raises StructureError for other methods, DomainError if the order is at least ``longest``.
    Source: McLachlan (1995); Yoshida (1990) [D].

    >>> from flowcert.numerics.methods.splitting import Strang
    >>> derived_order(Strang).order
    2
    """
    given: object = method  # whatever a caller without types passes
    if given is RungeKutta or isinstance(given, RungeKutta):
        name = given.name if isinstance(given, RungeKutta) else "class"
        raise StructureError(
            came=f"the Runge–Kutta method {name}",
            expected="a splitting, a partitioned method of flows, or a composition",
            remedy="Its order is derived from its tableau: method.tableau.order().",
        )
    flows = _two_piece_weights(require_method(method, "derived_order"))
    if flows is not None:
        return derived_splitting_order(flows, longest=longest)
    if isinstance(method, Composition):
        base = method.base
        return derived_composition_order(
            method.weights, base.order, symmetric=base.symmetric, longest=longest
        )
    raise StructureError(
        came=f"{method.name}",
        expected="a splitting, a partitioned method of flows, or a composition",
        remedy="diagnostics.observed_order measures the order of any method.",
    )


def derived_splitting_order(weights: Weights, *, longest: int = 9) -> DerivedOrder:
    """Return the order of a₁, b₁, a₂, b₂, … on two pieces, from all words up to ``longest``.

    >>> derived_splitting_order(Weights([1, 1])).order
    1
    """
    words = [list(product((_A, _B), repeat=k)) for k in range(1, longest + 1)]
    targets = {word: Fraction(1, factorial(len(word))) for group in words for word in group}
    letters = [(_A, _B)[i % 2] for i in range(len(weights.floats))]

    def factors(numbers: Sequence[Any]) -> list[dict[Letter, Any]]:
        return [{letter: number} for letter, number in zip(letters, numbers, strict=True)]

    return _compare(weights, factors, targets, words, "words in A and B of length")


def derived_composition_order(
    weights: Weights, base_order: int, *, symmetric: bool, longest: int = 9
) -> DerivedOrder:
    """Return the order of Ψ_{γ₁h}, Ψ_{γ₂h}, … for a base Ψ, from all words up to that weight.

    ``weights`` are γ₁, γ₂, …, ``base_order`` ≥ 1 is the order of Ψ, ``symmetric`` whether it is.

    >>> derived_composition_order(Weights(["1/2", "1/2"]), 2, symmetric=True).order
    2
    """
    parity = 2 if symmetric else 1
    letters = [1, *range(base_order + 1, longest + 1, parity)]
    words = [words_of_weight(k, letters) for k in range(1, longest + 1)]
    targets = {
        word: Fraction(1, factorial(len(word))) if set(word) == {1} else Fraction(0)
        for group in words
        for word in group
    }

    def factors(numbers: Sequence[Any]) -> list[dict[Letter, Any]]:
        return [{k: number**k for k in letters} for number in numbers]

    return _compare(weights, factors, targets, words, f"words in {_names(letters)} of weight")


def _compare(
    weights: Weights,
    factors: Callable[[Sequence[Any]], list[dict[Letter, Any]]],
    targets: dict[Word, Fraction],
    groups: list[list[Word]],
    what: str,
) -> DerivedOrder:
    """The first group of words, by weight, in which a coefficient is not the one wanted."""
    exact = weights.exact is not None
    arithmetic = "in exact fractions" if exact else f"in balls around {_DIGITS} digits"
    before, count = 0.0, 0
    for order, deviations in enumerate(_deviations(weights, factors, targets, groups)):
        largest = max((float(abs(x).upper()) if not exact else float(abs(x))) for x in deviations)
        if any(_is_certainly_not_zero(x) for x in deviations):
            argument = (
                f"all {count} {what} at most {order} agree {arithmetic}, not all of {order + 1}"
            )
            return DerivedOrder(order, argument, before, largest)
        if largest > _NEGLIGIBLE:
            raise ConvergenceError(
                came=f"a coefficient known to {largest:.1e} only",
                expected=f"a deviation below {_NEGLIGIBLE:g}, or one that is certainly not 0",
                remedy="Give weights that are right to 100 digits.",
            )
        before, count = max(before, largest), count + len(deviations)
    raise DomainError(
        came=f"weights that agree on all {what} at most {len(groups)}",
        expected=f"an order below {len(groups)}",
        remedy="Raise `longest`: the time doubles with each.",
    )


def _deviations(
    weights: Weights,
    factors: Callable[[Sequence[Any]], list[dict[Letter, Any]]],
    targets: dict[Word, Fraction],
    groups: list[list[Word]],
) -> list[list[Any]]:
    """Coefficient minus the one wanted, for every word: Fractions or balls."""
    if weights.exact is not None:
        found = expand_product(targets, factors(weights.exact))
        return [[found[word] - targets[word] for word in group] for group in groups]
    import flint

    with flint.ctx.workprec(_PRECISION):
        radius = flint.arb(10) ** (5 - _DIGITS)
        centres = [flint.arb(x) for x in weights.high_precision(_DIGITS)]
        balls = [x + flint.arb(0, radius * abs(x).max(1)) for x in centres]
        found = expand_product(targets, factors(balls))
        wanted = {
            value: flint.arb(flint.fmpq(*value.as_integer_ratio())) for value in targets.values()
        }
        return [[found[word] - wanted[targets[word]] for word in group] for group in groups]


def _is_certainly_not_zero(x: Any) -> bool:
    return bool(x != 0)  # for a ball: it does not contain 0


def _two_piece_weights(method: Method) -> Weights | None:
    """a₁, b₁, a₂, … of a method that applies flows of two pieces, None if it is none."""
    if isinstance(method, LieTrotterSplitting | StrangSplitting | Splitting):
        return method.weights
    if not isinstance(method, Composition):
        return None
    base = _two_piece_weights(method.base)
    if base is None:
        return None
    outer = method.weights
    if base.exact is not None and outer.exact is not None:
        return Weights(_composed(outer.exact, base.exact))
    return Weights(lambda: _composed(outer.high_precision(_DIGITS), base.high_precision(_DIGITS)))


def _composed(outer: Sequence[Any], inner: Sequence[Any]) -> list[Any]:
    """The flows of γ₁, γ₂, … times those of the base; a neighbour of the same piece is joined."""
    flows: list[Any] = []
    for gamma in outer:
        for i, weight in enumerate(inner):
            if len(flows) % 2 == i % 2:
                flows.append(gamma * weight)
            else:
                flows[-1] = flows[-1] + gamma * weight
        # The next base step begins with piece A again.
    return flows


def _names(letters: Sequence[Letter]) -> str:
    return ", ".join(f"X{k}" for k in letters[:3]) + (", …" if len(letters) > 3 else "")
