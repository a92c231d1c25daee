"""Runs with more and more equal steps: their errors and their evaluations of the field."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from ..numerics import find_method, flow_map
from ..numerics.evaluations import Evaluations, counted
from ..numerics.problems import find_problem
from ..numerics.systems.system import State
from .figure import FigureData

NAME = "work_precision"
# Short enough for every method to show its order before rounding does, past the perihelion. The end
# of Kepler was chosen with the slopes in view: to t = 1, 2 and 3 Dormand–Prince shows 5.2 to 5.4.
SPANS = {"Pendulum": (0.0, 3.0), "Kepler": (0.0, 1.5)}
METHODS = (
    "Euler",
    "RK4",
    "DormandPrince",
    "StormerVerlet",
    "Yoshida4(StormerVerlet)",
    "Yoshida6(StormerVerlet)",
    "Yoshida8(StormerVerlet)",
    "GaussLegendre(2)",
    "GaussLegendre(3)",
)
FEWEST, MOST, RATIO = 4, 4096, 2**0.5  # steps
MOST_EVALUATIONS = 20_000
# Errors below are mixed with rounding: end values of size 1 after up to 20 000 evaluations.
FLOOR = 1e-12
CONFIGURATION = {
    "spans": {problem: list(span) for problem, span in SPANS.items()},
    "methods": list(METHODS),
    "steps": [FEWEST, MOST, RATIO],
    "most_evaluations": MOST_EVALUATIONS,
    "floor": FLOOR,
}


class _Rung(NamedTuple):
    """One run with equal steps: what it took and how far off it ended."""

    steps: int
    evaluations: int
    jacobians: int
    error: float


PARTS = _Rung._fields


def ladder(problem: str, method: str, most_steps: int = MOST) -> FigureData:
    """Return the runs of a method with more and more steps, until rounding or the work ends them.

    >>> ladder("Pendulum", "Euler", most_steps=11)["Pendulum/Euler/evaluations"].tolist()
    [4, 6, 8, 11]
    """
    rungs: list[_Rung] = []
    for steps in step_counts():
        if steps > most_steps or (
            rungs and (rungs[-1].error < FLOOR or rungs[-1].evaluations > MOST_EVALUATIONS)
        ):
            break
        rungs.append(_run(problem, method, steps))
    columns = zip(PARTS, zip(*rungs, strict=True), strict=True)
    return {f"{problem}/{method}/{part}": np.array(column) for part, column in columns}


def step_counts() -> list[int]:
    """Return the steps of all rungs.

    >>> step_counts()[:4]
    [4, 6, 8, 11]
    """
    counts = 1 + round(np.log(MOST / FEWEST) / np.log(RATIO))
    return [round(FEWEST * RATIO**k) for k in range(counts)]


def _run(problem: str, method: str, steps: int) -> _Rung:
    asked = find_problem(problem)
    evaluations = Evaluations()
    system = counted(asked.system, evaluations)
    end = flow_map(system, asked.start, SPANS[problem], find_method(method), steps, progress=False)
    error = float(np.abs(end - _exact_end(problem)).max())
    return _Rung(steps, evaluations.nfev, evaluations.njev, error)


@cache
def _exact_end(problem: str) -> State:
    asked = find_problem(problem)
    assert asked.exact is not None  # the problems of SPANS have a closed form
    return asked.exact(SPANS[problem][1], asked.start)
