"""Study: networks made of flows, and plain ones of the same size: which approximates better.

    .venv/bin/python -m benchmarks.approximation

trains the appendix's two experiments (regressions of a curve and a surface; a field in R⁴ from
one-step data), structured and unstructured networks of equal size (parameters within 5 %) and equal
budget: plain Adam, the same number of steps and batches, the learning rate chosen from one list on
validation data by a run that counts nowhere, the state with the best validation loss kept; five
seeds, one thread. Which unstructured network is the rival is chosen on validation data too; it is
trained once more with five times the steps, which takes about as long as the structured one. Writes
``benchmarks/approximation/results/approximation.json``, and for the figures
``figures/results/regression.json`` and ``figures/results/learned_field.json``.

The curve |x| + sin x + x² and the widths of 10 are the paper's [P]; the formula of its surface is
not known to us: x₁² + |x₂| + sin x₁ is of the same kind [D]. ``--only regression`` or ``--only
field`` renews that part of the results and keeps the other. Exits with 0 whatever comes out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.approximation import fields, regression
from benchmarks.approximation.training import Budget, best_rival
from benchmarks.provenance import provenance
from flowcert.figures.stored_results import write_stored_results
from flowcert.files import write_atomically

RESULT = Path(__file__).parent / "results" / "approximation.json"
PACKAGES = ("torch", "numpy", "scipy")
PARTS = ("regression", "field")
# Of each experiment: the structured networks, and the error that they are judged by.
STRUCTURED = {
    "curve": (regression.STRUCTURED, "root mean square"),
    "surface": (regression.STRUCTURED, "root mean square"),
    "field": (("structured",), "one step"),
}
LONGEST = 60.0  # seconds of one training


def main() -> int:
    """Train everything, or one part; write the results and print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.approximation", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="renew this part of the results alone")
    parser.add_argument("--steps", type=int, default=Budget.steps, help="of the optimiser")
    parser.add_argument("--folder", type=Path, help="write here instead, to try things out")
    given = parser.parse_args()
    torch.set_num_threads(1)
    budget = Budget(steps=given.steps)
    result = RESULT if given.folder is None else given.folder / RESULT.name
    content = json.loads(result.read_text("utf-8")) if given.only and result.exists() else {}
    for part in PARTS if given.only is None else (given.only,):
        content[part] = _part(part, budget, given.folder)
    experiments = _experiments(content)
    content["comparison"] = {
        name: _compared(name, records) for name, records in experiments.items()
    }
    write_atomically(result, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    for name, records in experiments.items():
        _show(name, records)
    for name, lines in content["comparison"].items():
        for line in lines:
            mark = ", the rival" if line["the_rival"] else ""
            Console(width=160).print(f"{name}{mark}: {line['says']}")
    Console().print(f"written {result}")
    return 0


def _part(part: str, budget: Budget, folder: Path | None) -> dict[str, Any]:
    module = regression if part == "regression" else fields
    start = time.perf_counter()
    records, drawn = module.run(budget, lambda line: Console(width=140).print(line))
    configuration = module.configuration(budget)
    origin = provenance(__file__, {part: time.perf_counter() - start}, PACKAGES)
    write_stored_results(
        "regression" if part == "regression" else "learned_field",
        configuration=configuration,
        provenance=origin,
        data=drawn,
        folder=folder,
    )
    return {"provenance": origin, "configuration": configuration, "records": records}


def _experiments(content: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    if "regression" in content:
        found |= content["regression"]["records"]
    if "field" in content:
        found["field"] = content["field"]["records"]
    return found


def _compared(name: str, records: dict[str, Any]) -> list[dict[str, Any]]:
    """Each structured network against each unstructured one, the best by validation marked."""
    structured, judged = STRUCTURED[name]
    rivals = [kind for kind in records if kind not in structured]
    chosen = best_rival(records, structured)
    return [
        {**_against(records, kind, rival, judged), "the_rival": rival == chosen}
        for kind in structured
        for rival in rivals
    ]


def _against(records: dict[str, Any], kind: str, rival: str, judged: str) -> dict[str, Any]:
    ours, theirs = (records[name]["test"][judged] for name in (kind, rival))
    ratio = statistics.fmean(theirs) / statistics.fmean(ours)
    wins = sum(a < b for a, b in zip(ours, theirs, strict=True))
    gap = records[rival]["parameters"] / records[kind]["parameters"] - 1
    return {
        "structured": kind,
        "unstructured": rival,
        "judged_by": judged,
        "ratio_of_means": ratio,
        "better_with_seeds": wins,
        "parameters_apart": gap,
        "says": f"{kind} {_mean(ours)}, {rival} {_mean(theirs)}: the unstructured error is"
        f" {ratio:.2f} times the structured one; better with {wins} of {len(ours)} seeds;"
        f" {100 * gap:+.1f} % parameters",
    }


def _mean(values: list[float]) -> str:
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.fmean(values):.2e} ± {deviation:.1e}"


def _show(name: str, records: dict[str, Any]) -> None:
    errors = list(dict.fromkeys(what for record in records.values() for what in record["test"]))
    table = Table(title=f"{name}: test errors, mean ± deviation")
    for column in ("", "parameters", "rate", *errors, "seconds"):
        table.add_column(column, justify="right")
    for kind, record in records.items():
        cells = [_mean(record["test"][what]) if what in record["test"] else "" for what in errors]
        longest = max(record["seconds"])
        late = " (too long)" if longest > LONGEST else ""
        table.add_row(
            kind, str(record["parameters"]), f"{record['learning_rate']:g}", *cells,
            f"{longest:.1f}{late}",
        )  # fmt: skip
    Console(width=140).print(table)


if __name__ == "__main__":
    sys.exit(main())
