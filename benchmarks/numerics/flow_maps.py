"""Study: the time-T map of a batch, by ``flow_map``, by scipy and by torchdiffeq, equally accurate.

Each solver gets the cheapest setting of its ladder (numbers of steps, tolerances) whose largest
error at time T, over the whole batch and against a tight reference, is at most 1e-6 (for a loop
over the elements: over the first 25, the error of all is told). Then all are timed in turns,
several rounds, one thread, float64, by the process's CPU time: with one thread that is what the
clock shows on a quiet machine, and a busy one does not distort it as much. scipy runs one element
after the other, as ``solve_ivp`` is meant to be used, and also the whole batch as one large system,
whose steps are then common to all.

How to read it: an evaluation of the field costs about the same in ``flow_map`` and in scipy on the
batch as one system, and most of it is the field itself. But a solver that adapts its steps, of
order 8 above all, needs half the evaluations of equal steps of order 5: scipy on the batch as one
system is ahead at this accuracy, at the price that the result of an element depends on the rest of
its batch.

Run from the root (torchdiffeq is in the extra ``bench``; without it its rows are left out):

    .venv/bin/python -m benchmarks.numerics.flow_maps

writes ``benchmarks/numerics/results/flow_maps.json`` (about a minute and a half).
"""

from __future__ import annotations

import os

# Read when the libraries load: one thread for NumPy's and for torch's linear algebra alike.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import json
import math
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.integrate import solve_ivp

from benchmarks.provenance import provenance
from flowcert import DomainError
from flowcert.files import write_atomically
from flowcert.numerics import RK4, GradientField, tanh_mixture
from flowcert.numerics.flow import flow_map
from flowcert.numerics.methods.explicit import DormandPrince, ThreeEighths

RESULT = Path(__file__).parent / "results" / "flow_maps.json"
SEED, TARGET = 0, 1e-6
ROUNDS, RUNS_A_ROUND = 3, 5  # an element-by-element loop runs once a round
SAMPLE = 25  # elements on which the tolerance of a loop is chosen
STEPS = [round(8 * 1.1**k) for k in range(60)]
TOLERANCES = [10 ** (-3 - k / 4) for k in range(40)]
Array = np.ndarray[Any, np.dtype[Any]]
Outcome = tuple[Array, float]


@dataclass(frozen=True)
class Problem:
    """One right-hand side, written in the idiom of each library, and a batch of starts."""

    name: str
    start: Array
    span: tuple[float, float]
    ours: Any  # what flow_map takes
    batched: Callable[[float, Array], Array]  # NumPy, without checks
    single: Callable[[float, Array], Any]  # one state, as fast as one writes it for scipy
    torch: Callable[[Any], Callable[[Any, Any], Any]]  # from the module torch


@dataclass
class Contestant:
    """A solver with its ladder of settings.

    ``run(setting)`` returns the states at time T and the evaluations of the field per element.
    """

    name: str
    run: Callable[[Any], Outcome]
    ladder: Iterable[Any]
    loop: Callable[[Any, int], Outcome] | None = None  # the first elements only, for a loop
    setting: Any = None
    error: float = math.nan
    evaluations: float = math.nan
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def problems() -> list[Problem]:
    """Return the pendulum, Lotka and Volterra's predators and prey, and a layer of 64 neurons."""
    rng = np.random.default_rng(SEED)
    A, b = rng.normal(size=(64, 64)) / 8, rng.normal(size=64)
    ridge = GradientField(A, b, tanh_mixture(0.5))
    return [
        Problem(
            "pendulum, batch 1000",
            rng.uniform(-1.5, 1.5, (1000, 2)),
            (0.0, 10.0),
            lambda t, y: np.stack([y[..., 1], -np.sin(y[..., 0])], axis=-1),
            lambda t, y: np.stack([y[..., 1], -np.sin(y[..., 0])], axis=-1),
            lambda t, y: [y[1], -math.sin(y[0])],
            lambda torch: lambda t, y: torch.stack([y[..., 1], -torch.sin(y[..., 0])], dim=-1),
        ),
        Problem(
            "Lotka–Volterra, batch 1000",
            rng.uniform(0.5, 2.0, (1000, 2)),
            (0.0, 10.0),
            _lotka_volterra(np.stack, "axis"),
            _lotka_volterra(np.stack, "axis"),
            lambda t, y: [y[0] * (1 - y[1]), y[1] * (y[0] - 1)],
            lambda torch: _lotka_volterra(torch.stack, "dim"),
        ),
        Problem(
            "ridge gradient field in 64 dimensions, batch 256",
            rng.normal(size=(256, 64)),
            (0.0, 5.0),
            ridge,
            lambda t, y: _ridge(np.tanh, y, A, b),
            lambda t, y: _ridge(np.tanh, y, A, b),
            lambda torch: _ridge_in_torch(torch, A, b),
        ),
    ]


def _lotka_volterra(stack: Callable[..., Any], axis: str) -> Callable[[Any, Any], Any]:
    def rate(t: Any, y: Any) -> Any:
        prey, predators = y[..., 0], y[..., 1]
        return stack([prey * (1 - predators), predators * (prey - 1)], **{axis: -1})

    return rate


def _ridge(tanh: Callable[[Any], Any], y: Any, A: Any, b: Any) -> Any:
    """−Aᵀσ(Ay + b) for the smooth activation σ(s) = s/2 + tanh(s)/2."""
    s = y @ A.T + b
    return -0.5 * ((s + tanh(s)) @ A)


def _ridge_in_torch(torch: Any, A: Array, b: Array) -> Callable[[Any, Any], Any]:
    A, b = torch.from_numpy(A), torch.from_numpy(b)
    return lambda t, y: _ridge(torch.tanh, y, A, b)


def reference(problem: Problem) -> tuple[Array, float]:
    """Return the states at time T by DOP853 at 1e-13, and how far the run at 1e-11 is from it."""
    tight, looser = (_as_one_system(problem, "DOP853", rtol)[0] for rtol in (1e-13, 1e-11))
    return tight, float(np.abs(tight - looser).max())


def _as_one_system(problem: Problem, method: str, rtol: float) -> Outcome:
    shape = problem.start.shape

    def rate(t: float, y: Array) -> Array:
        return problem.batched(t, y.reshape(shape)).ravel()

    run = solve_ivp(rate, problem.span, problem.start.ravel(), method=method, rtol=rtol, atol=rtol)
    return np.asarray(run.y[:, -1]).reshape(shape), float(run.nfev)


def _one_by_one(problem: Problem, method: str, rtol: float, count: int) -> Outcome:
    runs = [
        solve_ivp(problem.single, problem.span, y, method=method, rtol=rtol, atol=rtol)
        for y in problem.start[:count]
    ]
    return np.stack([run.y[:, -1] for run in runs]), statistics.mean(run.nfev for run in runs)


def contestants(problem: Problem) -> list[Contestant]:
    """Return all solvers for one problem."""
    entered = []
    for method in (RK4, ThreeEighths, DormandPrince):

        def ours(steps: int, method: Any = method) -> Outcome:
            end = flow_map(problem.ours, problem.start, problem.span, method, steps)
            return end, float(steps * method.tableau.stages)

        entered.append(Contestant(f"flowcert {method.name}", ours, STEPS))
    for name in ("RK45", "DOP853"):

        def loop(rtol: float, count: int = len(problem.start), name: str = name) -> Outcome:
            return _one_by_one(problem, name, rtol, count)

        def whole(rtol: float, name: str = name) -> Outcome:
            return _as_one_system(problem, name, rtol)

        entered.append(Contestant(f"scipy {name}, one by one", loop, TOLERANCES, loop))
        entered.append(Contestant(f"scipy {name}, as one system", whole, TOLERANCES))
    return entered + _torch_contestants(problem)


def _torch_contestants(problem: Problem) -> list[Contestant]:
    try:
        import torch
        from torchdiffeq import odeint
    except ImportError:
        return []
    torch.set_num_threads(1)
    field = problem.torch(torch)
    start = torch.from_numpy(problem.start)
    times = torch.tensor(problem.span, dtype=torch.float64)

    def solve(**options: Any) -> Outcome:
        asked = 0

        def rate(t: Any, y: Any) -> Any:
            nonlocal asked
            asked += 1
            return field(t, y)

        with torch.no_grad():
            end = odeint(rate, start, times, **options)[-1]
        return np.asarray(end.numpy()), float(asked)

    def fixed(steps: int) -> Outcome:
        length = (problem.span[1] - problem.span[0]) / steps
        return solve(method="rk4", options={"step_size": length})

    def adaptive(rtol: float) -> Outcome:
        return solve(method="dopri5", rtol=rtol, atol=rtol)

    return [
        Contestant("torchdiffeq rk4 (the 3/8 rule)", fixed, STEPS),
        Contestant("torchdiffeq dopri5", adaptive, TOLERANCES),
    ]


def choose_setting(contestant: Contestant, exact: Array) -> None:
    """Take the first setting of the ladder that is accurate enough; a loop tries few elements."""
    for setting in contestant.ladder:
        try:
            with np.errstate(over="ignore", invalid="ignore"):
                end, _ = (
                    contestant.loop(setting, SAMPLE) if contestant.loop else contestant.run(setting)
                )
        except DomainError:  # a step so long that the numerical solution blows up
            continue
        contestant.setting = setting
        if np.abs(end - exact[: len(end)]).max() <= TARGET:
            return
    raise RuntimeError(f"{contestant.name} does not reach an error of {TARGET:g}")


def timed(contestant: Contestant, exact: Array) -> None:
    """Time one turn of a contestant and note the error of the whole batch."""
    for _ in range(1 if contestant.loop else RUNS_A_ROUND):
        begin = time.process_time()
        end, contestant.evaluations = contestant.run(contestant.setting)
        contestant.seconds.append(time.process_time() - begin)
    contestant.error = float(np.abs(end - exact).max())


def compare(problem: Problem) -> dict[str, object]:
    """Run all contestants on one problem, in turns."""
    exact, doubt = reference(problem)
    entered = contestants(problem)
    for contestant in entered:
        choose_setting(contestant, exact)
    for _ in range(ROUNDS):
        for contestant in entered:
            timed(contestant, exact)
    best = min(c.median for c in entered if c.name.startswith("flowcert"))
    return {
        "problem": problem.name,
        "shape": list(problem.start.shape),
        "span": list(problem.span),
        "reference": "scipy DOP853, batch as one system, rtol = atol = 1e-13",
        "reference_doubt": doubt,
        "rows": [
            {
                "solver": c.name,
                "setting": c.setting,
                "largest_error": c.error,
                "evaluations_per_element": c.evaluations,
                "median_seconds": c.median,
                "seconds": c.seconds,
                "times_the_best_of_ours": c.median / best,
            }
            for c in entered
        ],
    }


def table(result: dict[str, Any]) -> Table:
    """One problem, one row a solver."""
    shown = Table(title=result["problem"], title_justify="left", box=None, pad_edge=False)
    shown.add_column("solver", no_wrap=True)
    for column in ("setting", "error", "f evaluated", "ms", "× ours"):
        shown.add_column(column, justify="right", no_wrap=True)
    for row in result["rows"]:
        shown.add_row(
            row["solver"],
            f"{row['setting']:.3g}",
            f"{row['largest_error']:.1e}",
            f"{row['evaluations_per_element']:.0f}",
            f"{1e3 * row['median_seconds']:.1f}",
            f"{row['times_the_best_of_ours']:.2f}",
        )
    return shown


def main() -> None:
    """Compare on every problem, print the tables and write the record."""
    console = Console()
    results, seconds = [], {}
    for problem in track(problems(), description="flow maps"):
        start = time.perf_counter()
        results.append(compare(problem))
        seconds[problem.name] = time.perf_counter() - start
    made = provenance(__file__, seconds, ("numpy", "scipy", "torch", "torchdiffeq"))
    record = {
        "what": "the time-T map of a batch, each solver at a largest error of at most the target",
        **made,
        "threads_used": 1,
        "seed": SEED,
        "target_error": TARGET,
        "timing": f"CPU time, medians of {ROUNDS} rounds of {RUNS_A_ROUND} runs (loops: of one)",
        "results": results,
    }
    for result in results:
        console.print(table(result), "")
    if find_spec("torchdiffeq") is None:
        console.print("torchdiffeq is not installed: pip install -e '.[bench]' adds its rows.")
    write_atomically(RESULT, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
