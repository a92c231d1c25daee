"""Where methods are found by the name that a person types: "RK4", "GaussLegendre(2)"."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable

from ...errors import UnknownNameError
from . import collocation, composition, diagonally_implicit, discrete_gradient, explicit
from . import partitioned, sphere, splitting
from .method import Method

# A family is a function of the number of stages; the audit runs it from the first to the last.
FAMILIES: dict[str, tuple[Callable[[int], Method], int, int]] = {
    "GaussLegendre": (collocation.GaussLegendre, 1, 5),
    "RadauIA": (collocation.RadauIA, 1, 5),
    "RadauIIA": (collocation.RadauIIA, 1, 5),
    "LobattoIIIA": (collocation.LobattoIIIA, 2, 5),
    "LobattoIIIB": (collocation.LobattoIIIB, 2, 5),
    "LobattoIIIC": (collocation.LobattoIIIC, 2, 5),
}
