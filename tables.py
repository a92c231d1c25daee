"""What the command line prints: tables of verdicts, judgements and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from .figures import FigureReport
    from .numerics.audit import MethodAudit, Observation
    from .theory import Claim, Verdict
    from .theory.certificate import Certificate
    from .theory.judgement import Judgement

__all__ = [
    "CRITERIA",
    "audit_table",
    "certificate_table",
    "checking_table",
    "figure_rows",
    "judgement_table",
    "one_line",
]


_ENGINES: dict[str, str] = {"algebra": "alg", "smt": "smt", "balls": "ball", "cited": ""}


def checking_table(verdicts: list[Verdict], claims: tuple[Claim[Any], ...]) -> Group:
    """One row a verdict so far, and what comes next."""
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("claim", no_wrap=True)
    table.add_column("mark")
    table.add_column("proved by", no_wrap=True)
    # n: random instances; tight: the largest ratio of computed to claimed value among them.
    for column in ("n", "tight", "sharp", "killed", "s"):
        table.add_column(column, justify="right", no_wrap=True)
    for verdict in verdicts:
        table.add_row(*_row(verdict), style="" if verdict.holds else "bold red")
    missing = len(claims) - len(verdicts)
    if not missing:
        return Group(table)
    return Group(table, Text(f"… {claims[len(verdicts)].name} ({missing} to go)", style="dim"))


def _row(verdict: Verdict) -> tuple[str, ...]:
    proof = verdict.proof.outcome.upper()
    if verdict.proof.proof is not None and verdict.proof.outcome == "proved":
        proof = "+".join(filter(None, (_ENGINES[e] for e in verdict.proof.proof.engines)))
    ratio = verdict.instances.tightest_ratio
    failed = verdict.instances.counterexample is not None
    sharp = {True: "yes", False: "no", None: "–"}[verdict.witness.sharp]
    killed = len(verdict.mutants) - len(verdict.survivors)
    return (
        verdict.name,
        verdict.mark,
        proof,
        "FAILS" if failed else str(verdict.instances.tried or "–"),
        "–" if ratio is None else f"{ratio:.3f}",
        sharp if verdict.witness.holds else "FAILS",
        f"{killed}/{len(verdict.mutants)}" if verdict.mutants else "–",
        f"{verdict.seconds:.1f}",
    )


def one_line(verdicts: list[Verdict]) -> Text:
    """The verdict on all claims in one line."""
    counts: dict[str, int] = {}
    for verdict in verdicts:
        counts[verdict.status] = counts.get(verdict.status, 0) + 1
    told = ", ".join(f"{count} {status}" for status, count in counts.items())
    mutants = sum(len(verdict.mutants) for verdict in verdicts)
    survivors = sum(len(verdict.survivors) for verdict in verdicts)
    seconds = sum(verdict.seconds for verdict in verdicts)
    holds = all(verdict.holds for verdict in verdicts)
    return Text(
        f"{len(verdicts)} claims: {told}; {mutants - survivors} of {mutants} mutants refuted;"
        f" {seconds:.1f} s: {'all hold' if holds else 'NOT all hold'}",
        style="bold green" if holds else "bold red",
    )


CRITERIA = {
    "authors_box": "authors' box",
    "authors_region": "authors' region",
    "sharp_region": "sharp region",
    "same_matrix": "same matrix",
    "step_limit": "step limit",
    "estimate_zero_padded": "zero-padded (estimate)",
}


def judgement_table(judgements: list[Judgement]) -> Table:
    """One network: a row for each pair, a column for each criterion that applies to some pair."""
    table = Table(
        title=judgements[0].pair.network,
        title_justify="left",
        box=None,
        pad_edge=False,
        collapse_padding=True,
    )
    for column in ("block", "pair", "h_C", "h_E"):
        table.add_column(column, justify="right")
    applied = [
        criterion.name
        for criterion in judgements[0].criteria
        if any(judgement[criterion.name].inside is not None for judgement in judgements)
    ]
    for name in applied:
        table.add_column(CRITERIA[name])
    for judgement in judgements:
        pair = judgement.pair
        verdicts = [judgement[name] for name in applied]
        table.add_row(
            str(pair.block),
            str(pair.pair),
            f"{pair.contractive_step:.6g}",
            f"{pair.expansive_step:.6g}",
            *(Text(str(v), "red" if v.inside is False else "green") for v in verdicts),
        )
    return table


def audit_table(audits: list[MethodAudit]) -> Table:
    """One row a method: its order declared, derived and observed twice, and its structure."""
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("method", no_wrap=True)
    for column in ("order", "derived", "observed", "driven"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("symplectic", justify="right")
    table.add_column("symmetric", justify="right")
    table.add_column("derived by, or what is not applicable")
    for report in audits:
        table.add_row(
            report.name,
            str(report.declared_order),
            str(report.derived_order),
            _observed(report.nonlinear),
            _observed(report.driven),
            _structure(report.symplectic, report.symplecticity_defect),
            _structure(report.symmetric, report.reversal_error),
            "; ".join(filter(None, (report.derived_by, _reason(report.driven)))),
            style="" if report.holds else "bold red",
        )
    return table


def _observed(seen: Observation) -> str:
    return "–" if seen.order is None else f"{seen.order:.2f}"


def _reason(seen: Observation) -> str:
    return seen.detail if seen.order is None else ""


def _structure(declared: bool, error: float | None) -> str:
    word = "yes" if declared else "no"
    return word if error is None else f"{word} {error:.0e}"


_CLOSE = 1.1  # a rule that lost by less is shown


def certificate_table(certificate: Certificate) -> Table:
    """A row for each node that the upper end rests on, and in grey for the other layers."""
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    for column in ("layer", "operation", "rule"):
        table.add_column(column)
    for column in ("factor", "bound"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("lost narrowly")
    lines = {line.name: line for line in certificate.lines}
    path = certificate.support()
    for node in certificate.graph:
        if node.name not in lines or not (node.name in path or node.tensors):
            continue
        line = lines[node.name]
        before = [line.constants["start"]] if "start" in line.constants else node.inputs
        start = lines[before[0]].upper if len(before) == 1 else 0.0
        factor = f"{line.upper / start:.6g}" if 0.0 < start <= line.upper * 1e300 else "–"
        close = [c for c in line.candidates[1:] if c.upper <= _CLOSE * line.upper]
        table.add_row(
            Text(line.layer or line.name),
            Text(line.operation),
            Text(line.rule),
            factor,
            f"{line.upper:.6g}",
            Text(", ".join(f"{c.rule} {c.upper:.6g}" for c in close)),
            style="" if node.name in path else "dim",
        )
    return table


def figure_rows(made: FigureReport) -> list[tuple[str, str, Text]]:
    """One row for each check of a figure."""
    if made.checks is None:
        return [(made.name, "not asked for: see --check", Text("–"))]
    rows = []
    for index, one in enumerate(made.checks):
        if one.kind == "report":
            mark = Text("told")
        else:
            mark = Text("holds", "green") if one.holds else Text("FAILS", "bold red")
        # What was found is in the record; here only where something is amiss, or told.
        silent = one.kind == "claim" and one.holds
        told = one.what if silent else f"{one.what}: {one.detail}"
        rows.append((made.name if index == 0 else "", escape(told), mark))
    return rows
