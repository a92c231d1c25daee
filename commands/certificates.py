"""``flowcert certify`` and ``flowcert certificate check | show``.

Exit codes: 0 certified, or the certificate holds; 1 it does not hold; 2 misuse. What a network
turns out to be is a judgement about someone's data: it never makes ``certify`` fail.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from ..errors import DomainError
from ..tables import certificate_table
from .console import out

if TYPE_CHECKING:
    from ..theory.certificate import Certificate

_REGIONS = ("authors_box", "authors_region", "sharp_region", "step_limit")
certificate_app = typer.Typer(
    help="Check a certificate anew from its graph and weights, or show it; PyTorch is not needed.",
    no_args_is_help=True,
)


def certify(
    weights: Annotated[Path, typer.Option(help="A state dict of PyTorch, or a .safetensors file.")],
    architecture: Annotated[
        str, typer.Option(help="published:NETWORK, or package.module:factory of your own.")
    ],
    shape: Annotated[str, typer.Option("--input", help="Shape of one input: 3,32,32.")],
    std: Annotated[
        str | None, typer.Option(help="Deviations that inputs are divided by first, a channel.")
    ] = None,
    mean: Annotated[str | None, typer.Option(help="Means that are subtracted before.")] = None,
    domain: Annotated[
        str | None, typer.Option(help="The range of the entries of an input: 0,1.")
    ] = None,
    claimed: Annotated[float, typer.Option(help="The Lipschitz constant to judge.")] = 1.0,
    effort: Annotated[
        str, typer.Option(help="Of the search for the lower end: quick, normal, thorough.")
    ] = "normal",
    seed: Annotated[int, typer.Option(min=0, help="The one source of randomness.")] = 0,
    save: Annotated[
        Path | None, typer.Option(help="Write certificate.json and weights.safetensors here.")
    ] = None,
) -> None:
    """Bracket the Lipschitz constant of a network, rigorously, and judge what is claimed of it.

    With --std and --mean the constant is that from raw inputs (pixels) to outputs. The table shows
    what the upper end rests on, with the rules that were tried and lost narrowly.
    """
    if not claimed > 0.0:
        raise DomainError(
            came=f"--claimed {claimed}", expected="a positive number", remedy="1 is the default."
        )
    input_shape = tuple(_whole("--input", number) for number in _numbers("--input", shape))
    scale, shift = _channels("--std", std), _channels("--mean", mean)
    box = None if domain is None else _numbers("--domain", domain)
    if box is not None and len(box) != 2:
        raise DomainError(
            came=f"--domain {domain}", expected="two numbers", remedy="Write --domain 0,1."
        )
    from ..files import output_folder
    from ..networks.certify import certify as bracket
    from ..networks.loading import load_network

    if save is not None:
        output_folder(save)
    module = load_network(weights, architecture)
    with out.status("deriving the upper end, searching the lower"):
        certificate = bracket(
            module,
            input_shape,
            pixel_scale=scale,
            pixel_shift=shift,
            domain=None if box is None else (box[0], box[1]),
            effort=effort,
            seed=seed,
        )
    _show(certificate)
    _judge(certificate, claimed)
    if architecture.partition(":")[0] == "published":
        _judge_steps(weights, architecture)
    if save is not None:
        out.print(f"written to {certificate.save(save)}: certificate.json, weights.safetensors")


@certificate_app.command()
def check(
    file: Annotated[
        Path, typer.Argument(help="A certificate.json, its folder, or that of a training run.")
    ],
    weights: Annotated[
        Path | None, typer.Option(help="The safetensors file; by default the one beside it.")
    ] = None,
) -> None:
    """Derive every line of a certificate anew from its graph and weights, and its witness too."""
    from ..theory.certificate import Certificate, check_certificate

    place = _certificate_file(file)
    certificate, beside = Certificate.load(place), place.parent / "weights.safetensors"
    with out.status("deriving every line anew"):
        result = check_certificate(certificate, beside if weights is None else weights)
    for line in result.lines:
        out.print(Text(f"holds  {line}"), soft_wrap=True)
    for assertion in result.asserted:
        out.print(Text(f"asserted by the user  {assertion}"), soft_wrap=True)
    for reason in result.reasons:
        out.print(Text(f"FAILS  {reason}", style="red"), soft_wrap=True)
    for assumption in certificate.assumptions if result.holds else ():
        out.print(Text(f"assumed  {assumption}"), soft_wrap=True)
    out.print(Text(f"the certificate {result.verdict}", style=f"bold {_colour(result.holds)}"))
    raise typer.Exit(0 if result.holds else 1)


@certificate_app.command()
def show(
    file: Annotated[
        Path, typer.Argument(help="A certificate.json, its folder, or that of a training run.")
    ],
) -> None:
    """Print what a certificate says; nothing is checked."""
    from ..theory.certificate import Certificate

    certificate = Certificate.load(_certificate_file(file))
    _show(certificate)
    for assumption in (*certificate.assumptions, certificate.arithmetic):
        out.print(Text(f"assumed  {assumption}"), soft_wrap=True)
    out.print(Text(f"trusted  {certificate.trusted}"), soft_wrap=True)
    out.print(Text(f"made by {certificate.created_by}, version {certificate.version}"))
    out.print(Text("nothing was checked: that is flowcert certificate check", style="yellow"))


def _certificate_file(given: Path) -> Path:
    """The file itself, the one in its folder, or in the folder of a training run."""
    if not given.is_dir():
        return given
    of_run = given / "certificate" / "certificate.json"
    return of_run if of_run.is_file() else given / "certificate.json"


def _show(certificate: Certificate) -> None:
    out.print(certificate_table(certificate))
    out.print()
    where = "everywhere" if certificate.domain is None else f"on {list(certificate.domain)}"
    bracket = f"[{certificate.lower:.10g}, {certificate.upper:.10g}]"
    out.print(Text(f"Lipschitz constant in {bracket}, {where}", style="bold"), soft_wrap=True)
    for name in certificate.user_asserted:
        out.print(Text(f"given the user's assertion at {name}", style="yellow"), soft_wrap=True)
    out.print(Text(f"weights SHA-256 {certificate.weights_sha256}"), soft_wrap=True)


def _judge(certificate: Certificate, claimed: float) -> None:
    what = f"{claimed:g}-Lipschitz as claimed:"
    if certificate.upper <= claimed:
        verdict = Text(f"{what} proved", style="bold green")
    elif certificate.lower > claimed:
        verdict = Text(f"{what} refuted", style="bold red")
        x, y = certificate.witness or ((), ())
        distance = sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) ** 0.5
        verdict.append(f": two inputs at distance {distance:.4g} are driven apart")
        verdict.append(f" by a factor of at least {certificate.lower:.10g}")
    else:
        verdict = Text(f"{what} undecided", style="bold yellow")
    out.print(verdict, soft_wrap=True)


def _judge_steps(weights: Path, architecture: str) -> None:
    """Name the learned steps of a published network that lie outside every region."""
    from ..networks.loading import published_name
    from ..networks.published import read_published_steps
    from ..theory.judgement import judge_pair
    from ..theory.step_pairs import pairs_of

    steps = read_published_steps(weights, published_name(architecture))
    judgements = [judge_pair(pair) for pair in pairs_of(steps)]
    outside = [
        judgement
        for judgement in judgements
        if any(c.inside is False for c in judgement.criteria if c.name in _REGIONS)
    ]
    out.print(f"{len(outside)} of {len(judgements)} learned steps outside a region:")
    for judgement in outside:
        out.print(Text(f"  {judgement.overall}"), soft_wrap=True)


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise DomainError(
            came=f"{option} {text}",
            expected="numbers, with commas between them",
            remedy=f"For example {option} 3,32,32.",
        ) from error


def _channels(option: str, text: str | None) -> float | tuple[float, ...] | None:
    """One number for all channels, or one for each."""
    numbers = None if text is None else _numbers(option, text)
    return numbers[0] if numbers is not None and len(numbers) == 1 else numbers


def _whole(option: str, number: float) -> int:
    if not number.is_integer() or number < 1:
        raise DomainError(
            came=f"{option} with {number:g}", expected="positive lengths", remedy="3,32,32."
        )
    return int(number)


def _colour(holds: bool) -> str:
    return "green" if holds else "red"
