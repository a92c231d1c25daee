"""The command line: ``flowcert check``, ``claim``, ``method``, ``train``, ``certify``, and others.

Exit codes: 0 all holds; 1 something is refuted or not proved, or a mutant survived; 2 misuse.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from . import __version__
from .commands.certificates import certificate_app, certify
from .commands.console import out
from .commands.train import train
from .errors import DomainError, FlowcertError, OutputError
from .tables import (
    CRITERIA,
    audit_table,
    checking_table,
    figure_rows,
    judgement_table,
    one_line,
)

if TYPE_CHECKING:
    from .theory import Verdict

app = typer.Typer(
    help="Check the theory of ODE-based neural networks: prove, attack and sharpen its claims.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
judge_app = typer.Typer(
    help="Judge data against the theory. A judgement is not a claim: the exit code stays 0.",
    no_args_is_help=True,
)
app.add_typer(judge_app, name="judge")
app.command()(certify)
app.command()(train)
app.add_typer(certificate_app, name="certificate")


def main() -> None:
    """Run the command line; misuse ends with one clear line and exit code 2."""
    try:
        app()
    except FlowcertError as error:
        Console(stderr=True, highlight=False).print(
            f"[bold red]{type(error).__name__}:[/] {escape(str(error))}", soft_wrap=True
        )
        sys.exit(2)


def _show_version(wanted: bool) -> None:
    if wanted:
        out.print(f"flowcert {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Check the theory of ODE-based neural networks: prove, attack and sharpen its claims."""


@app.command()
def check(
    only: Annotated[
        str | None,
        typer.Option(
            help="A section (D, approximation), a group (D2) or a claim (D2.sharp_factor)."
        ),
    ] = None,
    instances: Annotated[int, typer.Option(min=1, help="Random instances of each claim.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="The one source of randomness.")] = 0,
    json: Annotated[Path | None, typer.Option(help="Write all verdicts to this file.")] = None,
    smt: Annotated[
        Path | None, typer.Option(help="Write every SMT query (SMT-LIB2) to this folder.")
    ] = None,
    load: Annotated[
        list[Path] | None,
        typer.Option(help="A Python file with claims of your own (may be repeated)."),
    ] = None,
) -> None:
    """Prove every claim, attack it with random instances, look at its witness, kill its mutants.

    Columns: proved by computer algebra (alg), z3 (smt) or ball arithmetic (ball); n random
    instances; tight, the largest ratio of computed to claimed value; sharp, whether a witness
    attains the bound (no: an honest gap, –: makes no sense); killed, how many mutants were refuted.
    """
    from .files import output_folder
    from .theory import all_claims, check_claims, find_claims, load_claims
    from .theory.report import write_queries, write_report

    for source in load or ():
        load_claims(source)
    claims = all_claims() if only is None else find_claims(only)
    # A place that cannot be written is told now, not after a minute of proofs.
    if json is not None and json.is_dir():
        raise OutputError(
            came=f"the folder {str(json)!r}", expected="a file name", remedy="Add a name for it."
        )
    for folder in (json.parent if json else None, smt):
        if folder is not None:
            output_folder(folder)

    verdicts: list[Verdict] = []
    interrupted = _notice_interrupts()
    with Live(console=out, refresh_per_second=4, transient=True) as live:
        live.update(checking_table(verdicts, claims))
        for verdict in check_claims(claims, instances=instances, seed=seed):
            verdicts.append(verdict)
            if interrupted:
                break
            live.update(checking_table(verdicts, claims))
    out.print(checking_table(verdicts, claims))
    if interrupted:
        out.print(f"interrupted after {len(verdicts)} of {len(claims)} claims; nothing is written")
        raise typer.Exit(130)

    if json is not None:
        out.print(f"written {write_report(json, verdicts, instances=instances, seed=seed)}")
    if smt is not None:
        out.print(f"written {len(write_queries(smt, verdicts))} queries to {smt}")
    complaints = [verdict.complaint for verdict in verdicts if not verdict.holds]
    for complaint in complaints:
        out.print(Text(complaint, style="red"), soft_wrap=True)
    out.print(one_line(verdicts))
    raise typer.Exit(1 if complaints else 0)


@app.command()
def claim(
    name: Annotated[
        str | None, typer.Argument(help="A claim, group or section; all are listed without it.")
    ] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX instead of text.")] = False,
    load: Annotated[
        list[Path] | None,
        typer.Option(help="A Python file with claims of your own (may be repeated)."),
    ] = None,
) -> None:
    """Print statement, assumptions, source and proof of a claim."""
    from .theory import all_claims, find_claims, load_claims
    from .theory.exposition import as_latex, as_text

    for source in load or ():
        load_claims(source)

    if name is None:
        table = Table(box=None, pad_edge=False)
        for column in ("claim", "mark", "title"):
            table.add_column(column)
        for known in all_claims():
            table.add_row(known.name, known.source.mark, known.title)
        out.print(table)
        return
    for index, found in enumerate(find_claims(name)):
        if index:
            out.print()
        text = as_latex(found) if latex else as_text(found)
        out.print(text, markup=False, highlight=False, soft_wrap=True)


@app.command()
def method(
    name: Annotated[
        str | None,
        typer.Argument(help="RK4, GaussLegendre(3), … or a tableau.json; all are listed without."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Audit every method: declared, derived, observed.")
    ] = False,
    audit: Annotated[bool, typer.Option("--audit", help="Audit this one method.")] = False,
    smoothness: Annotated[
        float | None, typer.Option(help="L: the largest step that is non-expansive for it.")
    ] = None,
    cocoercivity: Annotated[
        float | None, typer.Option(help="κ = 1/L, in place of the smoothness.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the result to this file.")] = None,
) -> None:
    """Print what is derived of an integrator, or audit every one that is shipped.

    The largest non-expansive step is 2r/L, r the circle-contractivity radius, for gradients of
    convex L-smooth potentials and every other field with ⟨Δf, Δx⟩ ≤ −κ|Δf|², κ = 1/L.
    """
    from .numerics.methods import all_methods

    if (every and (name is not None or audit)) or (audit and name is None):
        raise DomainError(
            came="--all with a name or --audit, or --audit without a name",
            expected="flowcert method --all, or flowcert method NAME --audit",
            remedy="Leave one of them out.",
        )
    if every or audit:
        _audit(name, json)
    elif name is None:
        out.print(", ".join(known.name for known in all_methods()), highlight=False)
        out.print("families take any number of stages: GaussLegendre(7); or give a tableau.json")
    else:
        _describe_method(name, smoothness, cocoercivity, json)


def _describe_method(
    name: str, smoothness: float | None, cocoercivity: float | None, json: Path | None
) -> None:
    from .numerics.audit import method_of, method_properties
    from .theory.nonexpansive_steps import nonexpansive_step

    found = method_of(name)
    properties = method_properties(found)
    properties |= nonexpansive_step(found, smoothness, cocoercivity)
    table = Table(box=None, pad_edge=False, show_header=False, title=found.name)
    for key, value in properties.items():
        table.add_row(Text(key, "bold"), Text(value))
    out.print(table)
    if json is not None:
        _write_json(json, {"name": found.name, "properties": properties})


def _audit(name: str | None, json: Path | None) -> None:
    from rich.progress import track

    from .files import output_folder
    from .numerics.audit import all_specimens, audit, method_of, specimen_of

    if json is not None:
        output_folder(json.parent)
    specimens = all_specimens() if name is None else (specimen_of(method_of(name)),)
    audits = [
        audit(specimen) for specimen in track(specimens, "auditing", console=out, transient=True)
    ]
    out.print(audit_table(audits))
    for report in audits:
        for complaint in report.complaints:
            out.print(Text(f"{report.name}: {complaint}", style="red"), soft_wrap=True)
    agree = sum(report.holds for report in audits)
    out.print(Text(f"{agree} of {len(audits)} methods do what they declare", style="bold"))
    if json is not None:
        _write_json(json, [report.to_json() for report in audits])
    raise typer.Exit(0 if agree == len(audits) else 1)


def _write_json(target: Path, content: object) -> None:
    import json as json_format

    from .files import write_atomically

    text = json_format.dumps(content, indent=1, ensure_ascii=False) + "\n"
    out.print(f"written {write_atomically(target, text)}")


@judge_app.command()
def steps(
    file: Annotated[
        Path | None, typer.Argument(help="A step file; the published networks by default.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write the judgements to this file.")] = None,
) -> None:
    """Judge learned step pairs against the authors' box and region and the sharp region."""
    import json as json_format

    from .files import write_atomically
    from .theory.judgement import judge_steps

    judgements = judge_steps(file)
    for network in dict.fromkeys(judgement.pair.network for judgement in judgements):
        out.print(judgement_table([j for j in judgements if j.pair.network == network]))
        out.print()
    out.print("Each criterion holds under its assumption:")
    for criterion in judgements[0].criteria:
        out.print(f"  {CRITERIA[criterion.name]}: {criterion.assumption}", markup=False)
    if json is not None:
        content = [judgement.to_json() for judgement in judgements]
        out.print(
            f"written {write_atomically(json, json_format.dumps(content, indent=1) + chr(10))}"
        )


@app.command()
def figures(
    names: Annotated[list[str] | None, typer.Argument(help="Figures; all without a name.")] = None,
    folder: Annotated[Path, typer.Option("--out", help="The folder to write to.")] = Path(
        "figures-out"
    ),
    check_them: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if a figure fails its own checks.")
    ] = False,
) -> None:
    """Generate the paper's figures and ours, each with its data and the checks that it passes."""
    from .figures import find_figures, generate

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("figure", "checked", "result"):
        table.add_column(column)
    all_hold = True
    for figure in find_figures(names or ()):
        with out.status(f"making {figure.name}"):
            made = generate(figure, folder, check=check_them)
        all_hold = all_hold and made.holds
        for row in figure_rows(made):
            table.add_row(*row)
    out.print(table)
    out.print(f"written to {folder}: of each figure .png, .pdf, .svg, .npz (data), .json (record)")
    raise typer.Exit(0 if all_hold else 1)


def _notice_interrupts() -> list[int]:
    """Return a list that Ctrl-C fills: the claim at work is finished, the next one not begun.

    An exception alone is not enough: raised inside a callback of the garbage collector, it is lost.
    """
    import signal

    interrupted: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: interrupted.append(number))
    return interrupted
