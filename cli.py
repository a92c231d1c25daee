"""The command line: ``flowcert check``, ``claim``, ``judge``, ``figures``.

Exit codes: 0 all holds; 1 something is refuted or not proved, or a mutant survived; 2 misuse.
"""

from __future__ import annotations

import os
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
from .errors import DataError, FlowcertError, OutputError
from .tables import CRITERIA, checking_table, figure_rows, judgement_table, one_line

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
# A file or a pipe has no width of its own: nothing is cut there.
out = Console(width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160)


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
        typer.Option(help="A section (D), a group (D2) or a claim (D2.sharp_factor)."),
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
    from .theory import all_claims, check_claims, find_claims
    from .theory.report import write_queries, write_report

    for source in load or ():
        _load_claims(source)
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
    from .theory import all_claims, find_claims
    from .theory.exposition import as_latex, as_text

    for source in load or ():
        _load_claims(source)

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
    """Generate the paper's figures, each with its data and the checks that it passes."""
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


def _load_claims(source: Path) -> None:
    """Register the claims of a user's Python file."""
    import importlib.util

    from .theory import register
    from .theory.registry import claims_in

    spec = importlib.util.spec_from_file_location(source.stem, source)
    if not source.is_file() or spec is None or spec.loader is None:
        raise DataError(
            came=f"{str(source)!r}",
            expected="a Python file with subclasses of Claim",
            remedy="See CONTRIBUTING: how to add a claim.",
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[source.stem] = module
    try:
        spec.loader.exec_module(module)
        found = claims_in(module)
    except Exception as error:  # the file is the user's, and may raise anything
        raise DataError(
            came=f"{str(source)!r}, which raises {type(error).__name__}: {error}",
            expected="a Python file that defines complete claims",
            remedy="See CONTRIBUTING: how to add a claim, with its imports and its five parts.",
        ) from error
    if not found:
        raise DataError(
            came=f"{str(source)!r} without claims",
            expected="at least one subclass of Claim whose name does not start with _",
            remedy="See CONTRIBUTING: how to add a claim.",
        )
    for one in found:
        register(one)
