"""Where methods are found by the name that a person types: "RK4", "GaussLegendre(2)"."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable

from ...errors import DomainError, UnknownNameError
from . import (
    collocation,
    composition,
    diagonally_implicit,
    discrete_gradient,
    explicit,
    partitioned,
    sphere,
    splitting,
)
from .method import Method

_LARGEST_MEMBER = 5  # of a family, in ``all_methods``: larger ones are found by name

_FAMILIES: dict[str, tuple[Callable[[int], Method], int]] = {
    "GaussLegendre": (collocation.GaussLegendre, 1),
    "RadauIA": (collocation.RadauIA, 1),
    "RadauIIA": (collocation.RadauIIA, 1),
    "LobattoIIIA": (collocation.LobattoIIIA, 2),
    "LobattoIIIB": (collocation.LobattoIIIB, 2),
    "LobattoIIIC": (collocation.LobattoIIIC, 2),
    "AverageVectorField": (discrete_gradient.AverageVectorField, 4),
}

_COMPOSITIONS: dict[str, Callable[[Method], Method]] = {
    "Yoshida4": composition.Yoshida4,
    "Suzuki4": lambda base: composition.Suzuki(4, base),
    "Yoshida6": composition.Yoshida6,
    "TripleJump6": lambda base: composition.TripleJump(6, base),
    "Yoshida8": composition.Yoshida8,
    "SuzukiUmeno8": composition.SuzukiUmeno8,
}


def single_methods() -> tuple[Method, ...]:
    """Return the methods that are no members of a family, family by family of files.

    >>> [method.name for method in single_methods()][:3]
    ['Euler', 'Heun', 'ExplicitMidpoint']
    """
    modules = (explicit, diagonally_implicit, splitting, partitioned, discrete_gradient, sphere)
    found: dict[str, Method] = {}
    for module in modules:
        for name, thing in vars(module).items():
            if isinstance(thing, Method) and not name.startswith("_"):
                found.setdefault(thing.name, thing)
    return tuple(found.values())


def all_methods() -> tuple[Method, ...]:
    """Return every method that is shipped: single ones, families to five stages, compositions.

    >>> len(all_methods()) > 50
    True
    """
    families = [
        make(s) for make, least in _FAMILIES.values() for s in range(least, _LARGEST_MEMBER + 1)
    ]
    bases = (splitting.Strang, partitioned.StormerVerlet)
    compositions = [make(base) for make in _COMPOSITIONS.values() for base in bases]
    return (*single_methods(), *families, *compositions)


def find_method(name: str) -> Method:
    """Return the method of that name; capitals and spaces do not matter.

    A family takes its number of stages, "GaussLegendre(3)"; a composition may name its base,
    "Yoshida6(StormerVerlet)". Raises UnknownNameError with the names that come close, DomainError
    for a member that does not exist.

    >>> find_method("rk4"), find_method("gausslegendre(7)"), find_method("Yoshida4(Strang)")
    (RK4, GaussLegendre(7), Yoshida4(Strang))
    >>> find_method("RK5")
    Traceback (most recent call last):
        ...
    flowcert.errors.UnknownNameError: got 'RK5'; expected the name of a method. Did you mean RK4...
    """
    given: object = name  # whatever a caller without types passes
    if not isinstance(given, str):
        raise UnknownNameError(
            came=f"{type(given).__name__} as a name",
            expected="the name of a method, as text",
            remedy='For example "RK4" or "GaussLegendre(2)".',
        )
    wanted = re.sub(r"\s+", "", name).lower()
    for method in all_methods():
        if re.sub(r"\s+", "", method.name).lower() == wanted:
            return method
    head, argument = _parsed(wanted)
    families = {key.lower(): value for key, value in _FAMILIES.items()}
    compositions = {key.lower(): value for key, value in _COMPOSITIONS.items()}
    if head in families and argument is not None and argument.isdigit():
        return families[head][0](int(argument))
    if head in compositions:
        base = splitting.Strang if argument is None else find_method(argument)
        return compositions[head](base)
    if head in families:
        raise DomainError(
            came=repr(name),
            expected="a number of stages",
            remedy=f"For example {_spelling(head)}({families[head][1] + 1}).",
        )
    raise _unknown(name, wanted)


def _parsed(wanted: str) -> tuple[str, str | None]:
    match = re.fullmatch(r"(\w+)\((.*)\)", wanted)
    return (wanted, None) if match is None else (match[1], match[2])


def _spelling(head: str) -> str:
    return next(key for key in _FAMILIES if key.lower() == head)


def _unknown(name: str, wanted: str) -> UnknownNameError:
    known = {method.name.lower(): method.name for method in all_methods()}
    close = [known[key] for key in difflib.get_close_matches(wanted, known, n=3, cutoff=0.5)]
    return UnknownNameError(
        came=repr(name),
        expected="the name of a method",
        remedy=f"Did you mean {' or '.join(close)}?"
        if close
        else "`flowcert method` without a name lists them all.",
    )
