"""Runs of the two approximation results: errors against depth, error budgets, tolerances met."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..theory.approximation import Construction, approximate_within, depth_study, find_target
from ..theory.approximation.layers import SphereLayer
from ..theory.approximation.pieces import Result
from .figure import FigureData
from .stored_results import read_stored_results, require_shapes
from .styling import METHOD_COLOURS

NAME = "approximation_depth"
TARGETS = ("VanDerPol", "Duffing", "Pendulum", "NonNormal", "RandomPolynomial")
RESULTS: tuple[Result, ...] = ("first", "second")
# The coarsest show where bounds are infinite; Yoshida's end before rounding is seen.
COARSE_TO_FINE = (4, 8, 16, 32, 64, 128, 256, 512)
DEPTHS = {"LieTrotter": COARSE_TO_FINE, "Strang": COARSE_TO_FINE, "Yoshida4": (8, 16, 32, 64)}
ORDERS = {"LieTrotter": 1, "Strang": 2, "Yoshida4": 4}
# The same colours as methods of these orders have: Lie–Trotter is an Euler of flows, Strang's
# splitting is what Störmer and Verlet's method is made by.
COLOURS = {
    "LieTrotter": METHOD_COLOURS["Euler"],
    "Strang": METHOD_COLOURS["StormerVerlet"],
    "Yoshida4": METHOD_COLOURS["Yoshida4(StormerVerlet)"],
}
BUDGETS: tuple[tuple[str, Result], ...] = (
    ("VanDerPol", "first"),
    ("Duffing", "first"),
    ("Pendulum", "second"),
    ("NonNormal", "second"),
)
BUDGET_DEPTHS, BUDGET_WIDTHS = (16, 32, 64, 128, 256), (32, 64, 128, 256)
AT_DEPTH, AT_WIDTH, SUBSTEPS = 64, 128, 2
TOLERANCE = 1e-3
PARTS = ("subdivision", "splitting", "field", "integration")
ERRORS = (*PARTS, "total", "measured")
CHOICES = ("steps", "width", "substeps", "layers")
CONFIGURATION: dict[str, Any] = {
    "targets": list(TARGETS),
    "results": list(RESULTS),
    "depths": {splitting: list(depths) for splitting, depths in DEPTHS.items()},
    "budgets": {
        "of": [list(pair) for pair in BUDGETS],
        "splitting": "Strang",
        "depths": list(BUDGET_DEPTHS),
        "widths": list(BUDGET_WIDTHS),
        "at": [AT_DEPTH, AT_WIDTH],
        "substeps": SUBSTEPS,
    },
    "tolerance": TOLERANCE,
}
# Stored numbers are finite: errors are positive or 0, and this is what an infinite one looks like.
_INFINITE = -1.0


def depths(
    target: str, result: Result, splitting: str, steps: Sequence[int] | None = None
) -> FigureData:
    """Return measured errors and proved bounds of a target with these, or all, numbers of steps.

    >>> list(depths("NonNormal", "first", "Yoshida4"))
    ['NonNormal/first/Yoshida4/measured', 'NonNormal/first/Yoshida4/bound']
    """
    study = depth_study(
        find_target(target),
        result=result,
        splitting=splitting,
        depths=DEPTHS[splitting] if steps is None else steps,
    )
    key = f"{target}/{result}/{splitting}"
    return {
        f"{key}/measured": _stored(made.measured for made in study.constructions),
        f"{key}/bound": _stored(made.bound.total for made in study.constructions),
    }


def budgets(target: str, result: Result) -> FigureData:
    """Return the parts of the bounds with networks, against depth and against width.

    Arrays (depths, 6) and (widths, 6), the columns are ERRORS.

    >>> [values.shape for values in budgets("NonNormal", "first").values()]
    [(5, 6), (4, 6)]
    """
    deep = networks(target, result, BUDGET_DEPTHS, AT_WIDTH)
    wide = [networks(target, result, (AT_DEPTH,), width)[0] for width in BUDGET_WIDTHS]
    key = f"budget/{target}/{result}"
    return {f"{key}/depth": _stored_errors(deep), f"{key}/width": _stored_errors(wide)}


def networks(
    target: str, result: Result, steps: Sequence[int], width: int
) -> tuple[Construction, ...]:
    """Return constructions with networks, by Strang's splitting, as the budgets have them.

    >>> [made.steps for made in networks("NonNormal", "first", (2,), 32)]
    [2]
    """
    return depth_study(
        find_target(target), result=result, depths=steps, width=width, substeps=SUBSTEPS
    ).constructions


def within(target: str, result: Result) -> FigureData:
    """Return what ``approximate_within`` chooses for the TOLERANCE, and the errors it then has.

    >>> list(within("NonNormal", "first"))
    ['within/NonNormal/first/choices', 'within/NonNormal/first/errors']
    """
    asked = find_target(target)
    made = approximate_within(asked.field, asked.time, asked.radius, TOLERANCE, result=result)
    [width] = {len(fitted.gradient.b) for fitted in made.networks}
    [substeps] = {layer.substeps for layer in made.layers if isinstance(layer, SphereLayer)}
    key = f"within/{target}/{result}"
    return {
        f"{key}/choices": np.array([made.steps, width, substeps, len(made.layers)]),
        f"{key}/errors": _stored_errors([made])[0],
    }


def errors_of(made: Construction) -> list[float]:
    """Return the parts of a bound, their total and the measured error, in the order of ERRORS.

    >>> len(errors_of(networks("NonNormal", "first", (2,), 32)[0]))
    6
    """
    return [*(getattr(made.bound, part) for part in PARTS), made.bound.total, made.measured]


def read_approximation_runs() -> FigureData:
    """Return the stored runs, with ∞ where a bound or an error is infinite. Raises DataError.

    >>> bool(read_approximation_runs()["VanDerPol/second/Strang/bound"][0] == np.inf)
    True
    """
    data = require_shapes(NAME, read_stored_results(NAME, CONFIGURATION), _shapes())
    return {
        key: values if values.dtype.kind == "i" else np.where(values == _INFINITE, np.inf, values)
        for key, values in data.items()
    }


def _shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for target in TARGETS:
        for result in RESULTS:
            for splitting, steps in DEPTHS.items():
                key = f"{target}/{result}/{splitting}"
                shapes |= {f"{key}/measured": (len(steps),), f"{key}/bound": (len(steps),)}
    for target, result in BUDGETS:
        key = f"budget/{target}/{result}"
        shapes[f"{key}/depth"] = (len(BUDGET_DEPTHS), len(ERRORS))
        shapes[f"{key}/width"] = (len(BUDGET_WIDTHS), len(ERRORS))
    for target in TARGETS:
        for result in RESULTS:
            key = f"within/{target}/{result}"
            shapes |= {f"{key}/choices": (len(CHOICES),), f"{key}/errors": (len(ERRORS),)}
    return shapes


def _stored_errors(made: Iterable[Construction]) -> NDArray[np.float64]:
    return np.array([_stored(errors_of(each)) for each in made])


def _stored(values: Iterable[float]) -> NDArray[np.float64]:
    return np.array([value if value < math.inf else _INFINITE for value in values])
