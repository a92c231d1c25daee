"""Where problems are found: every module of this package that defines one."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from functools import cache

from ...errors import UnknownNameError
from .problem import Problem


@cache
def all_problems() -> tuple[Problem, ...]:
    """Return every named test problem, in the order of their names.

    >>> [problem.name for problem in all_problems()][:3]
    ['DrivenDecay', 'DrivenLimitCycle', 'DrivenPendulum']
    """
    package = importlib.import_module(__package__)
    found = {
        thing.name: thing
        for module in pkgutil.iter_modules(package.__path__)
        for thing in vars(importlib.import_module(f"{__package__}.{module.name}")).values()
        if isinstance(thing, Problem)
    }
    return tuple(found[name] for name in sorted(found))


def find_problem(name: str) -> Problem:
    """Return the problem of that name; capitals do not matter.

    Raises UnknownNameError, with the names that come close.

    >>> find_problem("kepler").title
    'The Kepler problem, eccentricity 0.6, from the perihelion'
    >>> find_problem("Keppler")
    Traceback (most recent call last):
        ...
    flowcert.errors.UnknownNameError: got 'Keppler'; expected a problem: Kepler. ...
    """
    by_name = {problem.name.lower(): problem for problem in all_problems()}
    if name.lower() in by_name:
        return by_name[name.lower()]
    close = difflib.get_close_matches(name.lower(), by_name) or list(by_name)
    raise UnknownNameError(
        came=repr(name),
        expected=f"a problem: {', '.join(by_name[key].name for key in close)}",
        remedy="all_problems() lists them all.",
    )
