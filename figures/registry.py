"""Where figures are found: every module of this package that defines one."""

from __future__ import annotations

import difflib
import importlib
import inspect
import pkgutil
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from types import ModuleType

from ..errors import UnknownNameError
from .figure import Figure


@cache
def all_figures() -> tuple[Figure, ...]:
    """Return every figure, by group and name.

    >>> [figure.name for figure in all_figures() if figure.group == "G1"]
    ['G1_authors_and_sharp', 'G1_regions']
    """
    package = __name__.rpartition(".")[0]
    modules = pkgutil.iter_modules([str(Path(__file__).parent)])
    found = (
        figure
        for module in modules
        for figure in figures_in(importlib.import_module(f"{package}.{module.name}"))
    )
    return tuple(sorted(found, key=lambda figure: (figure.group, figure.name)))


def find_figures(names: Iterable[str] = ()) -> tuple[Figure, ...]:
    """Return the figures of these names, groups ("G1") or sections; all if none is named.

    A section ("approximation") gathers figures of several groups. Each figure comes once, in the
    order asked for. Raises UnknownNameError, with the names that exist.

    >>> [figure.name for figure in find_figures(["G4", "G1_regions"])]
    ['G4_step_alternation', 'G1_regions']
    >>> sorted({figure.group for figure in find_figures(["approximation"])})
    ['B5', 'B6', 'G6']
    """
    wanted = tuple(names)
    if not wanted:
        return all_figures()
    found: dict[str, Figure] = {}
    for name in wanted:
        matches = [figure for figure in all_figures() if name and name in _names(figure)]
        if not matches:
            raise _unknown(name)
        found |= {figure.name: figure for figure in matches}
    return tuple(found.values())


def figures_in(module: ModuleType) -> tuple[Figure, ...]:
    """Return an instance of each figure that the module itself defines.

    >>> import types
    >>> figures_in(types.ModuleType("empty"))
    ()
    """
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Figure)
        and value.__module__ == module.__name__
        and not inspect.isabstract(value)
        and not value.__name__.startswith("_")
    ]
    return tuple(cls() for cls in classes)


def _names(figure: Figure) -> tuple[str, ...]:
    """What a figure answers to."""
    return (figure.name, figure.group, figure.section)


def _unknown(name: str) -> UnknownNameError:
    known = [figure.name for figure in all_figures()]
    sections = sorted({figure.section for figure in all_figures() if figure.section})
    lower = {other.lower(): other for other in (*known, *sections)}
    near = [other for key, other in lower.items() if name and name.lower() in key]
    near = near or [lower[other] for other in difflib.get_close_matches(name.lower(), lower)]
    suggestion = " or ".join(dict.fromkeys(near))
    return UnknownNameError(
        came=f"figure {name!r}",
        expected=f"one of {', '.join(known)}, a group of them such as {known[0].split('_')[0]}, or"
        f" a section: {', '.join(sections)}",
        remedy=(f"Did you mean {suggestion}?" if suggestion else "Without a name, all are made."),
    )
