"""Runge–Kutta steps of gradients, recognised in a graph and bounded by exact certificates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ...errors import ConvergenceError, DataError
from ..contraction import StageForms
from ..contraction.exact_forms import root_rounded_up, smallest_first_entry
from ..contraction.multipliers import search_multipliers
from ..interval import Interval
from .backwards import Backwards
from .gradient_steps import pair
from .gradients import Gradient
from .operations.sum import Sum
from .segments import Segment
from .stages import Row, Stages, read_stages

Multipliers = Mapping[str, Sequence[Sequence[float]]]
_LARGEST = 1e100  # of slopes
RULE, CLAIM = "Runge–Kutta step", "D4.runge_kutta_factor"


def runge_kutta_steps(
    graph: Backwards,
    read: Callable[[str], Gradient | None],
    multipliers: Multipliers | None = None,
) -> list[Segment]:
    """Return the sums x − Σ b_j g_j(y_j) with y_j = x − Σ a_ji g_i(y_i) and gradients g_j.

    ``read`` knows the gradients by their last node; a and b are the numbers of the graph itself,
    exactly, steps included. ``multipliers`` as in ``segments.find_segments``: without them they
    are searched. Claim D4.runge_kutta_factor.
    """
    found: list[Segment] = []
    for name in reversed(tuple(graph.operations)):
        # The stages of a step are sums of this kind too, and of no use.
        if not any(name in step.nodes[:-1] for step in found):
            segment = runge_kutta_step(graph, name, read, multipliers)
            found += [] if segment is None else [segment]
    return found


def runge_kutta_step(
    graph: Backwards,
    end: str,
    read: Callable[[str], Gradient | None],
    multipliers: Multipliers | None,
) -> Segment | None:
    """Return the Runge–Kutta step of at least two stages that ends at a sum, or None."""
    stages = read_stages(graph, end, read) if isinstance(graph.operations[end], Sum) else None
    if stages is None or len(stages.branches) < 2 or not _starts_with_x(stages):
        return None
    slopes = _slopes(stages)
    if not (-_LARGEST < slopes.lower < slopes.upper < _LARGEST):
        return None
    A = [[-x for x in row[1:]] for row in stages.arguments]
    b = [-x for x in stages.result[1:]]
    low, high = Fraction(float(slopes.lower)), Fraction(float(slopes.upper))
    squared, used = _circle(A, b, high) if low >= 0 else None, None
    # A slope 0 lets x stand still: no factor below 1 is true then.
    if squared is None or low > 0:
        given = None if multipliers is None else multipliers.get(_key(end), ())
        squared, used = _least((squared, None), _certified(A, b, low, high, given))
    if squared is None:
        return None
    constants: dict[str, Any] = {"slopes": pair(slopes), "stages": len(b)}
    if used is not None:
        constants["multipliers"] = [used]
    factor = root_rounded_up(squared)
    return Segment(stages.start, end, stages.nodes, factor, RULE, CLAIM, constants, key=_key(end))


def _key(end: str) -> str:
    """Under which the multipliers are recorded: a chain may end at the same node."""
    return f"{end}, stages"


def _starts_with_x(stages: Stages[Gradient]) -> bool:
    return all(row[0] == 1 for row in (*stages.arguments, stages.result))


def _slopes(stages: Stages[Gradient]) -> Interval:
    """Enclose the eigenvalues of MᵀDM at all stages; each of its forms encloses them."""
    lows, highs = [], []
    for gradient in stages.branches:
        found = [
            form.eigenvalues(smallest=float(form.slopes.lower) > 0.0) for form in gradient.forms
        ]
        lows.append(max(float(each.lower) for each in found))
        highs.append(min(float(each.upper) for each in found))
    low, high = min(lows), max(highs)
    # One slope alone would make the step linear: a little more room costs nothing, and it is given
    # above, where a matrix of zeros keeps its slope 0.
    wider = high if low < high else high + max(abs(high) * 2.0**-40, 2.0**-60)
    return Interval(np.asarray(low), np.asarray(wider))


def _circle(A: Sequence[Row], b: Row, high: Fraction) -> Fraction | None:
    """Prove the factor 1 from circle contractivity: the multipliers 2bⱼ/L, with slopes in [0, L].

    With these no term in e is left but (φ² − 1)|e|², and the rest is M + (2/L)B ⪰ 0.
    """
    if high <= 0 or any(weight < 0 for weight in b):
        return None
    forms = StageForms.of(A, b, Fraction(0), high)
    squared = smallest_first_entry(forms.lacking([2 * weight / high for weight in b]))
    return squared if squared is not None and squared <= 1 else None


def _certified(
    A: Sequence[Row],
    b: Row,
    low: Fraction,
    high: Fraction,
    given: Sequence[Sequence[float]] | None,
) -> tuple[Fraction | None, list[float] | None]:
    """The factor squared, and the multipliers that prove it, exactly: given or searched ones."""
    forms = StageForms.of(A, b, low, high)
    rows = _searched(forms) if given is None else [_checked(row, len(b)) for row in given]
    for row in rows:
        squared = smallest_first_entry(forms.lacking([Fraction(d) for d in row]))
        if squared is not None:
            return squared, row
    return None, None


def _searched(forms: StageForms) -> list[list[float]]:
    """Multipliers to try, the best ones first and those that lie deeper inside later."""
    try:
        found = search_multipliers(forms)
        units = [float(unit) for unit in found.units]
    except (ConvergenceError, ArithmeticError):  # beyond what float64 can carry
        return []
    rows = []
    for blend in (0.0, 1e-9, 1e-6, 1e-3, 1.0):
        mixed = (1 - blend) * found.multipliers + blend * found.interior
        rows.append([float(d) * unit for d, unit in zip(mixed, units, strict=True)])
    return [row for row in rows if all(0.0 <= d < math.inf for d in row)]


def _checked(row: Sequence[float], stages: int) -> list[float]:
    numbers = [float(d) for d in row]
    if len(numbers) != stages or not all(0.0 <= d < math.inf for d in numbers):
        raise DataError(
            came=f"multipliers {numbers} of a step with {stages} stages",
            expected="one finite number ≥ 0 for each stage",
            remedy="Make the certificate anew from the module.",
        )
    return numbers


def _least(
    first: tuple[Fraction | None, list[float] | None],
    second: tuple[Fraction | None, list[float] | None],
) -> tuple[Fraction | None, list[float] | None]:
    known = [bound for bound in (first, second) if bound[0] is not None]
    return min(known, key=lambda bound: bound[0] or 0, default=(None, None))
