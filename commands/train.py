"""``flowcert train``: a certified network on handwritten digits.

Exit codes: 0 done; 1 an attack broke an image within its certified radius; 2 misuse; 130 stopped.
"""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ..errors import OutputError
from .console import out

if TYPE_CHECKING:
    from ..networks.training import Record, Training


def train(
    kind: Annotated[
        str,
        typer.Option(
            help="Of network: boundary, scaled-boundary, sorting, or a regime: naive, "
            "non-expansive, switching-prescribed, switching-flexible."
        ),
    ] = "boundary",
    epochs: Annotated[int, typer.Option(help="Passes through the training images.")] = 150,
    seed: Annotated[int, typer.Option(help="Decides split, first weights, order and noise.")] = 0,
    loss: Annotated[
        str, typer.Option(help="margin: cross-entropy with an offset; hinge: the paper's.")
    ] = "margin",
    margin: Annotated[
        float | None,
        typer.Option(
            help="By how much the right logit should lead, > 0; by default that of the loss."
        ),
    ] = None,
    width: Annotated[int, typer.Option(help="Features, at least 64.")] = 128,
    depth: Annotated[int, typer.Option(help="Residual steps.")] = 8,
    slope: Annotated[
        float, typer.Option(help="a of the switching regimes' LeakyReLU, in [0, 1].")
    ] = 0.5,
    region: Annotated[
        str,
        typer.Option(
            help="Where the switching regimes' steps may go: sharp_region, authors_region, "
            "authors_box, or none: no expansive steps."
        ),
    ] = "sharp_region",
    folder: Annotated[
        Path | None, typer.Option("--out", help="The run's folder; by default one below runs/.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Of PyTorch: with others the bits differ.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    fresh: Annotated[
        bool, typer.Option("--fresh/--resume", help="Start over, or go on where a run stopped.")
    ] = False,
) -> None:
    """Train a network that is 1-Lipschitz by construction, certify it, and attack it.

    It may be stopped or killed at any moment: the same command goes on, and on a CPU gives the same
    bits. The folder holds model, certificate, curves, record and checkpoint; radii are Euclidean,
    in pixels of [0, 1].
    """
    from ..networks.training import Configuration, Stopped
    from ..networks.training import train as train_network

    configuration = Configuration(
        kind=kind,
        epochs=epochs,
        seed=seed,
        loss=loss,
        margin=margin,
        width=width,
        depth=depth,
        slope=slope,
        region=None if region == "none" else region,
    )
    if folder == Path():
        raise OutputError(
            came="--out without a folder's name, or that of the current folder",
            expected="a folder of its own for the run",
            remedy="Name one: --out runs/digits.",
        )
    place = Path("runs") / configuration.name if folder is None else folder
    shown = _Shown(configuration.epochs)
    try:
        # In a file a bar would be an empty line.
        with shown.bar if out.is_interactive else nullcontext(), _interrupts() as shown.interrupts:
            record = train_network(
                configuration, place, threads=threads, device=device, fresh=fresh, watch=shown
            )
    except (Stopped, KeyboardInterrupt) as stop:
        at = f" after epoch {stop.epoch}" if isinstance(stop, Stopped) else ""
        again = shlex.join(["flowcert", *(word for word in sys.argv[1:] if word != "--fresh")])
        out.print(Text(f"stopped{at}; to go on from there: {again}"), soft_wrap=True)
        raise typer.Exit(130) from None
    if not shown.begun:
        out.print("this run was finished before; --fresh trains it anew")
    _show(record, place)
    raise typer.Exit(0 if record.holds else 1)


class _Shown:
    """Shows a run as a bar with epoch, loss and accuracy, and hears Ctrl-C."""

    def __init__(self, epochs: int) -> None:
        self.interrupts: list[int] = []
        self.begun = False
        self.bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[told]}"),
            TimeElapsedColumn(),
            console=out,
            transient=True,
        )
        self._task = self.bar.add_task("loading the digits", total=epochs, told="")

    def trained(self, training: Training) -> None:
        self.begun = True
        told = f"epoch {training.epoch}/{training.configuration.epochs}"
        if training.epoch:
            loss, accuracy = (training.curves[name][-1] for name in ("loss", "accuracy"))
            told += f"  loss {loss:.4f}  accuracy {100 * accuracy:.1f} %"
        self.bar.update(self._task, description="training", completed=training.epoch, told=told)

    def stage(self, what: str) -> None:
        self.bar.update(self._task, description=what, total=None)

    def notice(self, what: str) -> None:
        out.print(Text(what, style="yellow"), soft_wrap=True)

    def stopped(self) -> bool:
        return bool(self.interrupts)


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """A list that the first Ctrl-C fills, to stop where nothing is lost; the second stops at once.

    An exception alone is not enough: raised inside a callback of the garbage collector, it is lost.
    """
    heard: list[int] = []
    before = signal.getsignal(signal.SIGINT)

    def hear(number: int, _frame: FrameType | None) -> None:
        heard.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)


def _show(record: Record, place: Path) -> None:
    results = record.evaluation
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("radius", "certified %", "attacked %", "authors' attack %"):
        table.add_column(column, justify="right")
    columns = (results.epsilons, results.certified, results.attacked, results.attacked_weakly)
    for radius, *fractions in zip(*columns, strict=True):
        table.add_row(f"{radius:g}", *(f"{100 * fraction:.1f}" for fraction in fractions))
    count = len(results.labels)
    out.print(f"{100 * results.clean:.1f} % of {count} test images are classified rightly; of them")
    out.print("stay so, for every change (certified) or under attack, up to a radius, in % of all:")
    out.print(table)
    out.print(f"radii hold as executed in {results.execution}")
    bracket = f"[{record.lower:.10g}, {record.upper:.10g}]"
    out.print(Text(f"Lipschitz constant in {bracket}, from pixels to logits", style="bold"))
    told = ", ".join(f"{name} {value:.1f} s" for name, value in record.seconds.items())
    out.print(Text(f"{told}; {record.threads} threads on {record.device}"), soft_wrap=True)
    if record.holds:
        out.print(Text("no attack broke an image within its certified radius", style="bold green"))
    else:
        broken = ", ".join(map(str, results.violations))
        said = f"REFUTED: broken within their certified radius: test images {broken}"
        out.print(Text(said, style="bold red"), soft_wrap=True)
    out.print(Text(f"written to {place}: model.safetensors, record.json, curves.json"))
    out.print(
        Text(f"in Python: flowcert.networks.training.load_run({str(place)!r})"), soft_wrap=True
    )
    out.print(
        Text(f"check it: flowcert certificate check {shlex.quote(str(place / 'certificate'))}"),
        soft_wrap=True,
    )
