"""The derived order: against matrices, against the declared one, and against broken schemes."""

from itertools import pairwise, product

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm

from flowcert.errors import ConvergenceError, DomainError, StructureError
from flowcert.numerics import RK4, GaussLegendre
from flowcert.numerics.methods.composition import (
    Composition,
    Suzuki,
    SuzukiUmeno8,
    TripleJump,
    Yoshida4,
    Yoshida6,
    Yoshida8,
)
from flowcert.numerics.methods.method import Method
from flowcert.numerics.methods.partitioned import (
    ForestRuth,
    PositionVerlet,
    Ruth3,
    StormerVerlet,
    SymplecticEulerA,
    SymplecticEulerB,
)
from flowcert.numerics.methods.runge_kutta import RungeKutta
from flowcert.numerics.methods.splitting import (
    LieTrotter,
    LieTrotterAdjoint,
    McLachlan2,
    McLachlan4,
    Splitting,
    Strang,
)
from flowcert.numerics.methods.splitting_order import (
    derived_composition_order,
    derived_order,
    derived_splitting_order,
)
from flowcert.numerics.methods.weights import Weights
from flowcert.numerics.methods.word_expansion import expand_product, words_of_weight
from flowcert.numerics.tableau import ButcherTableau

MIDPOINT = RungeKutta(
    "midpoint", ButcherTableau([["1/2"]], [1], ["1/2"]), order=2, symplectic=True, symmetric=True
)

SCHEMES: list[Method] = [
    LieTrotter,
    LieTrotterAdjoint,
    Strang,
    McLachlan2,
    McLachlan4,
    SymplecticEulerA,
    SymplecticEulerB,
    StormerVerlet,
    PositionVerlet,
    Ruth3,
    ForestRuth,
    *(family(order, base) for family in (TripleJump, Suzuki) for order in (4, 6, 8)
      for base in (Strang, MIDPOINT)),
    *(family(base) for family in (Yoshida4, Yoshida6, Yoshida8, SuzukiUmeno8)
      for base in (Strang, StormerVerlet, MIDPOINT)),
    Yoshida6(Suzuki(4)),
    Composition("Strang thrice", Strang, ["1/3", "1/3", "1/3"], 2),
]  # fmt: skip


@pytest.mark.parametrize("method", SCHEMES, ids=lambda method: method.name)
def test_the_declared_order_is_the_derived_one(method: Method) -> None:
    derived = derived_order(method)
    assert derived.order == method.order
    assert derived.deviation < 1e-60 < derived.deviation_beyond


@pytest.mark.parametrize("method", SCHEMES, ids=lambda method: method.name)
def test_symmetric_ones_have_even_order(method: Method) -> None:
    assert not method.symmetric or derived_order(method).order % 2 == 0


def _shift(word: tuple[int, ...], letter: int) -> np.ndarray:
    """A nilpotent matrix with a 1 above the diagonal where the word has the letter."""
    return np.diag([float(x == letter) for x in word], 1)


@pytest.mark.parametrize("word", [(0, 1, 1, 0), (1, 1, 1), (0, 0, 1, 0, 1), (1, 0)])
def test_coefficients_are_entries_of_products_of_matrix_exponentials(word: tuple[int, ...]) -> None:
    numbers = [0.3, -1.2, 0.7, 0.4, 1.9, -0.6]
    words = [w for k in range(1, 6) for w in product((0, 1), repeat=k)]
    found = expand_product(words, [{i % 2: x} for i, x in enumerate(numbers)])[word]
    whole = np.eye(len(word) + 1)
    for i, x in enumerate(numbers):
        whole = whole @ expm(x * _shift(word, i % 2))
    assert found == pytest.approx(whole[0, -1], rel=1e-13)


@pytest.mark.parametrize("word", [(1, 3, 1), (3, 3, 1), (5, 1, 1), (1, 1, 1)])
def test_coefficients_of_a_composition_are_entries_too(word: tuple[int, ...]) -> None:
    numbers = [0.3, -1.2, 0.7]
    letters = (1, 3, 5)
    words = [w for k in range(1, 8) for w in words_of_weight(k, letters)]
    found = expand_product(words, [{k: x**k for k in letters} for x in numbers])[word]
    whole = np.eye(len(word) + 1)
    for x in numbers:
        whole = whole @ expm(sum(x**k * _shift(word, k) for k in letters))
    assert found == pytest.approx(whole[0, -1], rel=1e-13)


def test_words_of_a_weight_are_all_of_them() -> None:
    by_filter = [w for k in range(1, 8) for w in product((1, 3, 5), repeat=k) if sum(w) == 7]
    assert sorted(words_of_weight(7, (1, 3, 5))) == sorted(by_filter)


def test_exact_weights_are_compared_exactly() -> None:
    derived = derived_order(Ruth3)
    assert derived.deviation == 0.0
    assert "exact fractions" in derived.argument
    assert "balls" in derived_order(McLachlan4).argument


@pytest.mark.parametrize("family", [TripleJump, Suzuki])
@pytest.mark.parametrize("order", [4, 6, 8])
def test_both_expansions_agree_on_compositions_of_strang(family: object, order: int) -> None:
    scheme = family(order)  # type: ignore[operator]  # one of two functions
    assert derived_composition_order(scheme.weights, 2, symmetric=True).order == order


# ------------------------------------------------------------------------ what must be caught


def _mclachlan_4_with_stages(first: int, second: int) -> list[mpmath.mpf]:
    """McLachlan's scheme, written anew from its five stages, two of which are swapped."""
    s = mpmath.sqrt(19)
    a = [(14 - s) / 108, (-23 - 20 * s) / 270, mpmath.mpf(1) / 5, (10 * s - 2) / 135,
         (146 + 5 * s) / 540]  # fmt: skip
    a[first], a[second] = a[second], a[first]
    halves = [half for left, right in zip(a, a[::-1], strict=True) for half in (left, right)]
    return [halves[0], *(x + y for x, y in pairwise(halves)), halves[-1]]


def test_mclachlan_4_as_published_has_order_4() -> None:
    numbers = _mclachlan_4_with_stages(2, 2)
    np.testing.assert_allclose(np.array(McLachlan4.weights.floats), np.array(numbers, float), 1e-14)


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2), (1, 3), (1, 4), (2, 3)])
def test_mclachlan_4_with_swapped_stages_is_caught(pair: tuple[int, int]) -> None:
    mutant = Splitting("swapped", 4, lambda: _mclachlan_4_with_stages(*pair), symmetric=True)
    assert derived_order(mutant).order < 4


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_triple_jump_with_a_wrong_sign_is_caught(sign: int) -> None:
    def weights() -> list[mpmath.mpf]:
        z = 1 / (2 + sign * mpmath.cbrt(2))
        return [z, 1 - 2 * z, z]

    order = derived_order(Composition("jump", Strang, weights, 4)).order
    assert order == (4 if sign < 0 else 2)


def test_a_triple_jump_with_a_negated_end_is_inconsistent() -> None:
    def weights() -> list[mpmath.mpf]:
        z = 1 / (2 - mpmath.cbrt(2))
        return [z, 1 - 2 * z, -z]

    assert derived_order(Composition("jump", Strang, weights, 4)).order == 0


RANDOM = np.random.default_rng(3)
FLAWS = [
    (index, sign * size)
    for index in range(20)
    for size, sign in [(float(10 ** RANDOM.uniform(-3, -1)), int(RANDOM.choice([-1, 1])))]
] + [(0, 1e-3), (1, -1e-3)]


@pytest.mark.parametrize("method", [Ruth3, McLachlan4, ForestRuth, Yoshida6()],
                         ids=lambda method: method.name)  # fmt: skip
@pytest.mark.parametrize(("index", "flaw"), FLAWS)
def test_one_coefficient_a_little_off_is_caught(
    method: Splitting | Composition, index: int, flaw: float
) -> None:
    def weights() -> list[mpmath.mpf]:
        numbers = list(method.weights.high_precision(100))
        numbers[index % len(numbers)] += flaw
        return numbers

    mutant: Method
    if isinstance(method, Composition):
        mutant = Composition("off", method.base, weights, method.order)
    else:
        mutant = Splitting("off", method.order, weights)
    assert derived_order(mutant, longest=method.order + 1).order < method.order


def test_weights_of_sixteen_digits_have_not_the_order_that_they_are_meant_to_have() -> None:
    rounded = Weights(ForestRuth.weights.floats)
    assert derived_splitting_order(rounded).order < 4


# ------------------------------------------------------------------------ misuse


def test_too_short_an_expansion_says_so() -> None:
    with pytest.raises(DomainError, match="Raise `longest`"):
        derived_order(Yoshida4(), longest=4)


def test_weights_so_large_that_100_digits_say_nothing_are_not_judged() -> None:
    weights = Weights(lambda: [mpmath.mpf(10) ** 40, 1 - mpmath.mpf(10) ** 40])
    with pytest.raises(ConvergenceError, match=r"known to \d\.\de-"):
        derived_composition_order(weights, 8, symmetric=True)


def test_a_deviation_of_1e_50_is_a_deviation() -> None:
    weights = Weights(lambda: [mpmath.mpf(1) / 2, mpmath.mpf(1) / 2 + mpmath.mpf(10) ** -50])
    derived = derived_composition_order(weights, 2, symmetric=True)
    assert derived.order == 0
    assert derived.deviation_beyond == pytest.approx(1e-50)


def test_other_methods_are_refused() -> None:
    with pytest.raises(StructureError, match="tableau"):
        derived_order(RK4)


def test_a_base_that_is_not_symmetric_has_all_its_error_terms() -> None:
    halves = Composition("two halves of RK4", RK4, ["1/2", "1/2"], 4)
    assert derived_order(halves).order == 4
    # Two weights that cancel the next term of a symmetric base do not cancel that of RK4.
    jump = Weights(lambda: _jump_of_order_5())
    assert derived_composition_order(jump, 4, symmetric=True).order == 6
    assert derived_composition_order(jump, 4, symmetric=False).order == 5


def _jump_of_order_5() -> list[mpmath.mpf]:
    z = 1 / (2 - mpmath.root(2, 5))
    return [z, 1 - 2 * z, z]


def test_the_exact_flow_has_every_order() -> None:
    with pytest.raises(DomainError, match="agree"):
        derived_composition_order(Weights([1]), 9, symmetric=False)


@pytest.mark.parametrize("method", [RK4, RungeKutta])
def test_a_runge_kutta_method_is_sent_to_its_tableau(method):
    with pytest.raises(StructureError, match=r"method\.tableau\.order\(\)"):
        derived_order(method)


def test_what_is_no_method_is_refused():
    with pytest.raises(StructureError, match="as the method of derived_order"):
        derived_order(GaussLegendre)
