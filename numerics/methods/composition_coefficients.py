"""The weights γᵢ of symmetric compositions, to any number of digits.

In closed form where there is one. Otherwise published digits, of which there are 15 to 26, are only
a start: Newton's method on the order conditions gives as many as are asked for, and Krawczyk's test
in ball arithmetic proves that the conditions have exactly one solution next to the digits returned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ...errors import ConvergenceError
from .word_expansion import Word, expand_product

# Yoshida, Phys. Lett. A 150 (1990), table 1, solution A: w₃, w₂, w₁ of w₃ w₂ w₁ w₀ w₁ w₂ w₃.
YOSHIDA_6 = ("0.784513610477560", "0.235573213359357", "-1.17767998417887")

# The same, table 2, solution D: w₇, …, w₁.
YOSHIDA_8 = (
    "0.914844246229740",
    "0.253693336566229",
    "-1.44485223686048",
    "-0.158240635368243",
    "1.93813913762276",
    "-1.96061023297549",
    "0.102799849391985",
)

# Suzuki and Umeno (1993), also McLachlan (1995): w₇, …, w₁, none above 0.8 in absolute value.
SUZUKI_UMENO_8 = (
    "0.74167036435061295344822780",
    "-0.40910082580003159399730010",
    "0.19075471029623837995387626",
    "-0.57386247111608226665638773",
    "0.29906418130365592384446354",
    "0.33462491824529818378495798",
    "0.31529309239676659663205666",
)

# Lyndon words in X₁, X₃, X₅, X₇ of odd weight: their coefficients determine all others (Radford),
# and for palindromes the even weights follow from symmetry.
_CONDITIONS: dict[int, tuple[Word, ...]] = {
    1: ((1,),),
    3: ((3,),),
    5: ((5,), (1, 1, 3)),
    7: ((7,), (1, 1, 5), (1, 3, 3), (1, 1, 1, 1, 3)),
}

_LARGEST_MOVE = 1e-12
_MOST_ITERATIONS = 60


def triple_jump(order: int, base_order: int) -> list[Any]:
    """Return γ = z₁, z₀, z₁ with z₁ = 1/(2 − 2^{1/(q+1)}), repeated from the base's q to ``order``.

    Source: Creutz and Gocksch (1989), Suzuki (1990), Yoshida (1990).

    >>> [round(float(x), 6) for x in triple_jump(4, 2)]
    [1.351207, -1.702414, 1.351207]
    """
    import mpmath

    def jump(q: int) -> list[Any]:
        z = 1 / (2 - mpmath.root(2, q + 1))
        return [z, 1 - 2 * z, z]

    return _repeated(jump, order, base_order)


def suzuki(order: int, base_order: int) -> list[Any]:
    """Return γ = p, p, 1 − 4p, p, p with p = 1/(4 − 4^{1/(q+1)}), repeated up to ``order``.

    Source: Suzuki (1990).

    >>> [round(float(x), 6) for x in suzuki(4, 2)]
    [0.414491, 0.414491, -0.657963, 0.414491, 0.414491]
    """
    import mpmath

    def jump(q: int) -> list[Any]:
        p = 1 / (4 - mpmath.root(4, q + 1))
        return [p, p, 1 - 4 * p, p, p]

    return _repeated(jump, order, base_order)


def refined(published: Sequence[str], order: int) -> list[Any]:
    """Return the palindrome w_m, …, w₁, w₀, w₁, …, w_m that solves the conditions up to ``order``.

    ``published`` are w_m, …, w₁ to at least 13 digits; w₀ = 1 − 2Σwᵢ. The result is right to the
    working precision of mpmath, and proved to be next to an exact solution. Raises
    ConvergenceError if a weight moves by more than 1e-12, or if there is no such proof.

    >>> [round(float(x), 6) for x in refined(YOSHIDA_6, 6)[:4]]
    [0.784514, 0.235573, -1.17768, 1.315186]
    """
    import mpmath

    half = [mpmath.mpf(x) for x in published]
    start = [*half, 1 - 2 * sum(half)]
    solution = _newton(start, _words(order))
    moved = max(abs(new - old) for new, old in zip(solution, half, strict=False))
    if moved > _LARGEST_MOVE:
        _refuse(f"published weights that move by {float(moved):.1e}", order)
    _prove_solution(solution, _words(order))
    return [*solution, *solution[-2::-1]]


def _words(order: int) -> list[Word]:
    return [word for weight in range(1, order, 2) for word in _CONDITIONS[weight]]


def _residuals(half: Sequence[Any], words: Sequence[Word]) -> list[Any]:
    """The coefficients of Lyndon words in Π exp(ΣγᵢᵏXₖ): all 0 but that of X₁, which is 1."""
    weights = [*half, *list(half)[-2::-1]]
    prefixes = {word[:j] for word in words for j in range(1, len(word) + 1)}
    letters = {letter for word in words for letter in word}
    found = expand_product(prefixes, [{k: w**k for k in letters} for w in weights])
    return [found[word] - 1 if word == (1,) else found[word] for word in words]


def _newton(start: list[Any], words: list[Word]) -> list[Any]:
    """The root next to ``start``, by Newton's method with forward differences in double digits."""
    import mpmath

    digits = mpmath.mp.dps
    with mpmath.workdps(2 * digits + 10):
        tiny = mpmath.mpf(10) ** (-digits)
        x = mpmath.matrix(start)
        for _ in range(_MOST_ITERATIONS):
            value = mpmath.matrix(_residuals(list(x), words))
            try:
                increment = mpmath.lu_solve(_differences(x, value, words, tiny), value)
            except ZeroDivisionError:  # a singular matrix: far from any solution
                break
            x -= increment
            if mpmath.norm(increment, mpmath.inf) < tiny:
                return list(x)
    raise ConvergenceError(
        came="order conditions on which Newton's method does not converge",
        expected="weights next to a solution",
        remedy="Copy the published digits once more.",
    )


def _differences(x: Any, value: Any, words: list[Word], tiny: Any) -> Any:
    """The Jacobian of the conditions by forward differences of length ``tiny``."""
    import mpmath

    jacobian = mpmath.matrix(len(x))
    for j in range(len(x)):
        shifted = x.copy()
        shifted[j] += tiny
        change = mpmath.matrix(_residuals(list(shifted), words)) - value
        for i in range(len(x)):
            jacobian[i, j] = change[i] / tiny
    return jacobian


def _prove_solution(solution: Sequence[Any], words: list[Word]) -> None:
    """Krawczyk: K(X) = m − C·F(m) + (I − C·F'(X))(X − m) inside X proves a solution in X, one only.

    Source: Krawczyk (1969); Rump, *Verification methods* (2010), theorem 13.2.
    """
    import flint
    import mpmath

    digits = mpmath.mp.dps
    with flint.ctx.workprec(int(4 * digits) + 80):
        size = len(solution)
        radius = flint.arb(10) ** (5 - digits)
        centre = [flint.arb(mpmath.mpf(x)) for x in solution]
        box = [x + flint.arb(0, radius) for x in centre]
        value = flint.arb_mat(size, 1, _residuals(centre, words))
        derivative = _derivative(box, words)
        inverse = flint.arb_mat(derivative.mid()).inv().mid()
        identity = flint.arb_mat(
            size, size, [int(i == j) for i in range(size) for j in range(size)]
        )
        offset = flint.arb_mat(size, 1, [flint.arb(0, radius)] * size)
        image = (identity - inverse * derivative) * offset - inverse * value
        inside = all(bool(abs(image[i, 0]) < radius) for i in range(size))
    if not inside:
        _refuse("weights next to which no solution could be proved", max(map(sum, words)) + 1)


def _derivative(box: Sequence[Any], words: list[Word]) -> Any:
    """F'(X), column by column: the coefficient of ε in F(X + ε eⱼ)."""
    import flint

    size = len(box)
    columns = []
    for j in range(size):
        series = [flint.arb_series([x, int(i == j)], 2) for i, x in enumerate(box)]
        columns.append([entry[1] for entry in _residuals(series, words)])
    return flint.arb_mat(size, size, [columns[j][i] for i in range(size) for j in range(size)])


def _repeated(jump: Callable[[int], list[Any]], order: int, base_order: int) -> list[Any]:
    import mpmath

    weights = [mpmath.mpf(1)]
    for q in range(base_order, order, 2):
        weights = [outer * inner for outer in jump(q) for inner in weights]
    return weights


def _refuse(came: str, order: int) -> None:
    raise ConvergenceError(
        came=came,
        expected=f"a solution of the conditions of order {order} within {_LARGEST_MOVE:g}",
        remedy="Copy the published digits once more, or give more of them.",
    )
