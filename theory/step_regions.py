"""The regions of step pairs (h_C, h_E) for which a pair of layers is non-expansive.

A pair is S contractive sub-steps of size t = h_C/S on −AᵀΣ(Ax + b), AᵀA = I, slopes of σ in [a, 1],
and expansive steps on a field of Lipschitz constant 1. Two families:

- ``alternating``: S times a contractive and an expansive sub-step, h_C/S and h_E/S;
- ``whole_expansive``: S contractive sub-steps, then one whole expansive step h_E;

and two bounds of the factor q of one contractive sub-step: the ``authors``' q² = 1 − 2at + t², and
the ``sharp`` q = max(|1 − t|, |1 − at|).
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DomainError
from ..numerics.validation import FloatArray, positive_integer
from .arithmetic import FLOATS, Arithmetic, Number
from .bounds import (
    domain,
    formula_contractive_factor,
    formula_expansive_layer_factor,
    formula_squared_monotone_lipschitz_factor,
)
from .interval import INTERVALS, Interval, lower, upper

Family = Literal["alternating", "whole_expansive"]
Bound = Literal["authors", "sharp"]

FAMILIES: tuple[Family, ...] = ("alternating", "whole_expansive")
BOUNDS: tuple[Bound, ...] = ("authors", "sharp")

# The box in which the authors keep the learned steps of the flexible regime (S = 2, a = ½).
AUTHORS_BOX = ((0.11, 1.89), (0.0, 0.05))


@dataclass(frozen=True)
class StepRegion:
    """The set of (h_C, h_E), both ≥ 0, whose pair the bound shows to be non-expansive.

    ``family`` and ``bound`` as above, ``substeps`` S ≥ 1, ``slope`` a in [0, 1] (or a sympy or z3
    term for the methods that take an arithmetic). Raises DomainError on anything else.
    Source: the authors' bound: paper, figure of the regions [P]; the sharp one: flowcert [D].

    >>> region = StepRegion("whole_expansive", "sharp", substeps=2)
    >>> bool(region.contains(1.0, 0.7)), bool(region.contains(1.0, 0.8))
    (True, False)
    """

    family: Family
    bound: Bound
    substeps: int
    slope: Number = 0.5

    def __post_init__(self) -> None:
        if self.family not in FAMILIES or self.bound not in BOUNDS:
            raise DomainError(
                came=f"family {self.family!r} and bound {self.bound!r}",
                expected=f"a family of {FAMILIES} and a bound of {BOUNDS}",
                remedy="Name the family and the bound explicitly; they must never be mixed.",
            )
        positive_integer("substeps", self.substeps)
        if isinstance(self.slope, Real):
            domain.slope(float(self.slope))

    # The formulas, over any arithmetic.

    def formula_squared_contraction(self, on: Arithmetic, h_C: Number) -> Number:
        """Return q², q the bound of one contractive sub-step: a polynomial or its maximum."""
        a, t = on.number(self.slope), h_C / self.substeps
        if self.bound == "authors":
            return formula_squared_monotone_lipschitz_factor(a, on.number(1), t)
        return formula_contractive_factor(on, a, t) ** 2

    def formula_contraction(self, on: Arithmetic, h_C: Number) -> Number:
        """Return q, the bound of one contractive sub-step."""
        if self.bound == "authors":
            return on.square_root(self.formula_squared_contraction(on, h_C))
        return formula_contractive_factor(on, on.number(self.slope), h_C / self.substeps)

    def formula_criterion(self, on: Arithmetic, h_C: Number, h_E: Number) -> Number:
        """Return a rational expression that is ≤ 1 exactly where the pair is in the region.

        The squared factor, or for ``alternating`` that of one of the S equal parts.
        """
        return self.formula_criterion_of(self.formula_squared_contraction(on, h_C), h_E)

    def formula_criterion_of(self, q_squared: Number, h_E: Number) -> Number:
        """Return the same for a given q²."""
        if self.family == "alternating":
            return formula_expansive_layer_factor(h_E / self.substeps) ** 2 * q_squared
        return formula_expansive_layer_factor(h_E) ** 2 * q_squared**self.substeps

    def formula_factor(self, on: Arithmetic, h_C: Number, h_E: Number) -> Number:
        """Return the bound of the whole pair's Lipschitz constant."""
        q = self.formula_contraction(on, h_C)
        if self.family == "alternating":
            part = formula_expansive_layer_factor(h_E / self.substeps)
            return (part * q) ** self.substeps
        return formula_expansive_layer_factor(h_E) * q**self.substeps

    def formula_expansive_limit(self, on: Arithmetic, h_C: Number) -> Number:
        """Return h_E*(h_C), the boundary: S(1/q − 1) or q^(−S) − 1 (negative where q > 1)."""
        return self.formula_expansive_limit_of(self.formula_contraction(on, h_C))

    def formula_expansive_limit_of(self, q: Number) -> Number:
        """Return the same for a given q."""
        if self.family == "alternating":
            return self.substeps * (1 / q - 1)
        return (1 / q) ** self.substeps - 1

    # Floating point, rounded to the safe side.

    def bound_factor(self, h_C: ArrayLike, h_E: ArrayLike) -> FloatArray:
        """Bound the Lipschitz constant of the pair, vectorised over h_C, h_E ≥ 0.

        Guaranteed: an upper bound, rounded outward. Raises DomainError, ShapeError.

        >>> StepRegion("whole_expansive", "sharp", 1).bound_factor(1.0, 1.0).tolist()
        1.0
        """
        return upper(self.formula_factor(INTERVALS, *self._steps(h_C, h_E)))

    def contains(self, h_C: ArrayLike, h_E: ArrayLike) -> NDArray[np.bool_]:
        """Return where the pair is *proved* to be in the region (a boolean array).

        Rounded outward: a point within a few units in the last place of a curved boundary may be
        left out, none outside is let in. ``exact_contains`` decides every point. Raises
        DomainError, ShapeError.

        >>> StepRegion("whole_expansive", "sharp", 1).contains([1.0, 1.0], [1.0, 1.001]).tolist()
        [True, False]
        """
        return np.asarray(upper(self.formula_criterion(INTERVALS, *self._steps(h_C, h_E))) <= 1.0)

    def bound_expansive_limit(self, h_C: ArrayLike) -> FloatArray:
        """Bound h_E*(h_C) from below: every h_E in [0, result] is admissible; NaN where none is.

        Rounded down, ∞ where the contraction is complete. Raises DomainError.

        >>> StepRegion("alternating", "sharp", 1).bound_expansive_limit([1.0, 2.5]).tolist()
        [1.0, nan]
        """
        h = Interval.of(domain.step(h_C, "contractive_step"))
        complete = upper(self.formula_contraction(INTERVALS, h)) == 0
        limit = np.where(complete, np.inf, lower(self.formula_expansive_limit(INTERVALS, h)))
        return np.where(limit >= 0, limit, np.nan)

    def estimate_expansive_limit(self, h_C: ArrayLike) -> FloatArray:
        """Return h_E*(h_C) rounded to nearest: for pictures. Negative where no h_E is admissible.

        >>> StepRegion("alternating", "sharp", 1).estimate_expansive_limit([0.5]).round(6).tolist()
        [0.333333]
        """
        h = domain.step(h_C, "contractive_step")
        with np.errstate(divide="ignore"):
            return np.asarray(self.formula_expansive_limit(FLOATS, h))

    # Exact.

    def exact_contains(self, h_C: Number, h_E: Number) -> bool:
        """Return whether the pair is in the region, decided exactly (floats at their exact value).

        Raises DomainError for negative or non-finite steps.

        >>> StepRegion("whole_expansive", "sharp", 1).exact_contains(1, 1)
        True
        """
        from .proof.algebra import SYMBOLIC, exact_number

        steps = (exact_number("contractive_step", h_C, 0), exact_number("expansive_step", h_E, 0))
        return bool(self.formula_criterion(SYMBOLIC, *steps) <= 1)

    def exact_expansive_limit(self, h_C: Number) -> Number:
        """Return h_E*(h_C) as a sympy expression; negative where no h_E is admissible.

        >>> StepRegion("whole_expansive", "sharp", 2).exact_expansive_limit(1)
        7/9
        """
        from .proof.algebra import SYMBOLIC, exact_number

        return self.formula_expansive_limit(SYMBOLIC, exact_number("contractive_step", h_C, 0))

    def exact_limit_of_many_substeps(self, h_C: Number) -> Number:
        """Return the limit of h_E*(h_C) as S → ∞: a·h_C, or e^{a·h_C} − 1 (claims of group D5).

        >>> StepRegion("alternating", "authors", 1).exact_limit_of_many_substeps(1)
        1/2
        """
        from .proof.algebra import SYMBOLIC, exact_number

        rate_times_step = SYMBOLIC.number(self.slope) * exact_number("contractive_step", h_C, 0)
        if self.family == "alternating":
            return rate_times_step
        return SYMBOLIC.exponential(rate_times_step) - 1

    def _steps(self, h_C: ArrayLike, h_E: ArrayLike) -> tuple[Interval, Interval]:
        contractive = domain.step(h_C, "contractive_step")
        expansive = domain.step(h_E, "expansive_step")
        domain.together(contractive_step=contractive, expansive_step=expansive)
        return Interval.of(contractive), Interval.of(expansive)

    def __str__(self) -> str:
        return f"{self.family}, {self.bound}, S = {self.substeps}, a = {self.slope}"
