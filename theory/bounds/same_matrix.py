"""The exact factor of a step pair whose steps all share one orthogonal matrix: it collapses.

With A square and AᵀA = I, y = Ax + b turns x ∓ hAᵀΣ(Ax + b) into the scalar map y ∓ hσ(y) in each
component. S contractive sub-steps of size t = h_C/S and one expansive step are therefore
x ↦ Aᵀ(φ(Ax + b) − b) with one scalar, positively homogeneous, two-slope φ.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from ...numerics.validation import FloatArray, positive_integer
from ..arithmetic import Arithmetic, Number
from ..interval import INTERVALS, Interval, upper
from . import domain


def formula_collapsed_map(
    on: Arithmetic, y: Number, a: Number, t: Number, h_E: Number, substeps: int, a_E: Number = 0
) -> Number:
    """φ(y): ``substeps`` times y ← y − t·max(y, a·y), then y ← y + h_E·max(y, a_E·y).

    >>> from flowcert.theory.arithmetic import FLOATS
    >>> float(formula_collapsed_map(FLOATS, 1.0, 0.5, 0.5, 1.0, substeps=1))
    1.0
    """
    for _ in range(substeps):
        y = y - t * on.maximum(y, a * y)
    return y + h_E * on.maximum(y, a_E * y)


def formula_same_matrix_factor(
    on: Arithmetic, a: Number, h_C: Number, h_E: Number, substeps: int, a_E: Number = 0
) -> Number:
    """max(|φ(1)|, |φ(−1)|): φ is positively homogeneous, so these are its two slopes.

    >>> from flowcert.theory.arithmetic import FLOATS
    >>> float(formula_same_matrix_factor(FLOATS, 0.5, 0.5, 0.25, substeps=1))
    0.75
    """
    t = h_C / substeps
    up = formula_collapsed_map(on, on.number(1), a, t, h_E, substeps, a_E)
    down = formula_collapsed_map(on, on.number(-1), a, t, h_E, substeps, a_E)
    return on.maximum(on.absolute(up), on.absolute(down))


def bound_same_matrix_factor(
    slope: ArrayLike,
    contractive_step: ArrayLike,
    expansive_step: ArrayLike,
    substeps: int,
    expansive_slope: ArrayLike = 0.0,
) -> FloatArray:
    """Bound the Lipschitz constant of a pair that shares one square orthogonal (A, b).

    max(|φ(1)|, |φ(−1)|) where φ does S = ``substeps`` times y ← y − (h_C/S)·max(y, ay), then
    y ← y + h_E·max(y, a_E·y); a = ``slope`` and a_E = ``expansive_slope`` in [0, 1] are the
    negative slopes of the LeakyReLUs of the two kinds of step, h_C, h_E ≥ 0. Arguments broadcast.
    Guaranteed: the exact constant up to outward rounding. Not valid for a tall A, nor for two
    matrices or biases. Raises DomainError, ShapeError. Source: flowcert, claim
    ``D6.same_matrix_factor`` [D].

    >>> bool(abs(bound_same_matrix_factor(0.5, 0.11, 0.07, 2) - 0.9555) < 5e-5)
    True
    """
    a, a_E = domain.slope(slope), domain.slope(expansive_slope)
    h_C = domain.step(contractive_step, "contractive_step")
    h_E = domain.step(expansive_step, "expansive_step")
    S = positive_integer("substeps", substeps)
    domain.together(slope=a, expansive_slope=a_E, contractive_step=h_C, expansive_step=h_E)
    return upper(
        formula_same_matrix_factor(
            INTERVALS, Interval.of(a), Interval.of(h_C), Interval.of(h_E), S, Interval.of(a_E)
        )
    )


def exact_same_matrix_factor(
    slope: Number,
    contractive_step: Number,
    expansive_step: Number,
    substeps: int,
    expansive_slope: Number = 0,
) -> Number:
    """Return the Lipschitz constant of a pair that shares one square orthogonal (A, b), exactly.

    Arguments as in ``bound_same_matrix_factor``, as sympy or Python numbers at their exact value.
    Exact. Raises DomainError. Source: flowcert, claim ``D6.same_matrix_factor`` [D].

    >>> from fractions import Fraction
    >>> exact_same_matrix_factor(Fraction(1, 2), Fraction(1, 2), Fraction(1, 4), 1)
    3/4
    """
    from ..proof.algebra import SYMBOLIC, exact_number

    a = exact_number("slope", slope, 0, 1)
    a_E = exact_number("expansive_slope", expansive_slope, 0, 1)
    h_C = exact_number("contractive_step", contractive_step, 0)
    h_E = exact_number("expansive_step", expansive_step, 0)
    return formula_same_matrix_factor(
        SYMBOLIC, a, h_C, h_E, positive_integer("substeps", substeps), a_E
    )
