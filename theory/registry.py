"""Where claims are found: in ``theory/claims``, in installed packages, and where users register."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_args

from ..errors import DataError, UnknownNameError
from .claim import Assumption, Claim, Mark, Source

ENTRY_POINT_GROUP = "flowcert.claims"

_registered: dict[str, Claim[Any]] = {}


def register(claim: Claim[Any]) -> Claim[Any]:
    """Add a claim from outside the package; it then appears wherever claims do.

    Installed packages can instead name a module of claims under the entry point group
    ``flowcert.claims``. Raises DataError if the name is taken or has no group, or if title,
    statement, assumptions or source are missing. Returns the claim. Source: flowcert [D].

    >>> register(find_claims("D2.sharp_factor")[0])
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got a second claim named D2.sharp_factor; ...
    """
    _require_complete(claim)
    if any(known.name == claim.name for known in all_claims()):
        raise DataError(
            came=f"a second claim named {claim.name}",
            expected="one claim a name",
            remedy="Rename it: a theorem has one file and one name.",
        )
    _registered[claim.name] = claim
    return claim


def _require_complete(claim: Claim[Any]) -> None:
    """Raise DataError unless the claim says what every claim says."""
    kind = type(claim).__name__
    name = getattr(claim, "name", None)
    group, dot, rest = name.partition(".") if isinstance(name, str) else ("", "", "")
    if not (group and dot and rest):
        raise DataError(
            came=f"a claim named {name!r} (class {kind})",
            expected="GROUP.name",
            remedy="Put the group first, for example X1.my_theorem.",
        )
    missing = [word for word in ("title", "statement") if not getattr(claim, word, None)]
    assumptions = getattr(claim, "assumptions", None)
    if not isinstance(assumptions, tuple) or not all(
        isinstance(assumption, Assumption) for assumption in assumptions
    ):
        missing.append("assumptions, a tuple of Assumption(formula, meaning)")
    source = getattr(claim, "source", None)
    if not isinstance(source, Source) or source.mark not in get_args(Mark):
        missing.append('source, a Source(where, "P", "I" or "D")')
    if missing:
        raise DataError(
            came=f"the claim {name} without a proper {' and '.join(missing)}",
            expected="name, title, statement, assumptions and source",
            remedy="See CONTRIBUTING: how to add a claim.",
        )


def unregister(name: str) -> None:
    """Remove a claim that ``register`` added. Raises UnknownNameError if there is none.

    >>> unregister("X1.nothing")
    Traceback (most recent call last):
        ...
    flowcert.errors.UnknownNameError: got 'X1.nothing'; expected a registered claim: none. ...
    """
    if name not in _registered:
        raise UnknownNameError(
            came=repr(name),
            expected=f"a registered claim: {', '.join(_registered) or 'none'}",
            remedy="Only claims that were registered from outside can be removed.",
        )
    del _registered[name]


def all_claims() -> tuple[Claim[Any], ...]:
    """Return every claim known, in the order of their groups.

    >>> len(all_claims()) >= 25
    True
    """
    found = [*_own_claims(), *_installed_claims(), *_registered.values()]
    return tuple(sorted(found, key=lambda claim: (claim.group, claim.name)))


def find_claims(pattern: str) -> tuple[Claim[Any], ...]:
    """Return the claims of a group ("D2", "D"), a section ("approximation") or a name.

    A section is a folder of ``theory/claims``. Raises UnknownNameError, with the names that exist.
    Source: flowcert [D].

    >>> [claim.name for claim in find_claims("D2.sharp_factor")]
    ['D2.sharp_factor']
    >>> {claim.group[0] for claim in find_claims("approximation")}
    {'B'}
    """
    known = all_claims()
    exact = tuple(c for c in known if c.name == pattern or c.group == pattern)
    if exact:
        return exact
    letter = tuple(c for c in known if pattern and c.group.rstrip("0123456789") == pattern)
    section = tuple(c for c in known if pattern and section_of(c) == pattern)
    if letter or section:
        return letter or section
    groups = ", ".join(dict.fromkeys(claim.group for claim in known))
    sections = ", ".join(sorted({section_of(claim) for claim in known} - {""}))
    names = [claim.name for claim in known if pattern.lower() in claim.name.lower()]
    raise UnknownNameError(
        came=f"claim {pattern!r}",
        expected=f"a name, one of the groups {groups}, or one of the sections {sections}",
        remedy=f"Did you mean {' or '.join(names)}?"
        if pattern and names
        else "`flowcert claim` without a name lists them all.",
    )


def section_of(claim: Claim[Any]) -> str:
    """Return the folder of ``theory/claims`` that holds the claim; "" for one from outside.

    >>> section_of(find_claims("D2.sharp_factor")[0])
    'discrete'
    """
    package, _, _ = type(claim).__module__.rpartition(".")
    own = f"{__name__.rpartition('.')[0]}.claims."
    return package.removeprefix(own) if package.startswith(own) else ""


def claims_in(module: ModuleType) -> tuple[Claim[Any], ...]:
    """Return an instance of each claim that the module defines, but for private base classes.

    >>> import types
    >>> claims_in(types.ModuleType("empty"))
    ()
    """
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and issubclass(value, Claim)
        and value.__module__ == module.__name__
        and not value.__name__.startswith("_")
    ]
    return tuple(cls() for cls in classes)


def load_claims(source: str | Path) -> tuple[Claim[Any], ...]:
    """Register the claims of a Python file, which is executed, and return them.

    Raises DataError if it is no such file, if it raises, or if it defines no complete claim.

    >>> load_claims("nothing.py")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got 'nothing.py'; expected a Python file with subclasses of Claim...
    """
    path = Path(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise DataError(
            came=f"{str(source)!r}",
            expected="a Python file with subclasses of Claim",
            remedy="See CONTRIBUTING: how to add a claim.",
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
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
    return tuple(register(claim) for claim in found)


@cache
def _own_claims() -> tuple[Claim[Any], ...]:
    from . import claims

    modules = pkgutil.walk_packages(claims.__path__, claims.__name__ + ".")
    return tuple(
        claim
        for module in modules
        if not module.ispkg
        for claim in claims_in(importlib.import_module(module.name))
    )


@cache
def _installed_claims() -> tuple[Claim[Any], ...]:
    return tuple(
        claim
        for entry in entry_points(group=ENTRY_POINT_GROUP)
        for claim in claims_in(entry.load())
    )
