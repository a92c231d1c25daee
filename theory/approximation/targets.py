"""Named flows that the constructions are tried on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import sympy

from ...errors import UnknownNameError
from ..symbolic import SymbolicField, symbolic_field

_DEGREE = 3


@dataclass(frozen=True, eq=False)
class Target:
    """The flow of ``field`` for ``time`` on |x| ≤ ``radius``.

    >>> find_target("Pendulum").time
    1.0
    """

    name: str
    title: str
    field: SymbolicField
    time: float
    radius: float


@cache
def all_targets() -> tuple[Target, ...]:
    """Return every named target.

    >>> [target.name for target in all_targets()]
    ['VanDerPol', 'Duffing', 'Pendulum', 'NonNormal', 'RandomPolynomial']
    """
    q, p = sympy.symbols("q p", real=True)

    def flow(name: str, title: str, components: Sequence[object], time: float = 1.0) -> Target:
        return Target(name, title, symbolic_field(components, [q, p]), time, 1.0)

    return (
        flow("VanDerPol", "q̇ = p, ṗ = (1 − q²)p − q: a limit cycle", [p, (1 - q**2) * p - q]),
        flow("Duffing", "q̇ = p, ṗ = −q − q³: its ∇U may blow up", [p, -q - q**3]),
        flow("Pendulum", "q̇ = p, ṗ = −sin q", [p, -sympy.sin(q)]),
        flow(
            "NonNormal", "ẋ = [[−1, 2], [0, −½]]x: contracts, and first expands",
            [-q + 2 * p, -p / 2],
        ),
        flow("RandomPolynomial", "a random polynomial of degree 3", random_polynomial(0), time=0.5),
    )  # fmt: skip


def find_target(name: str) -> Target:
    """Return the target of this name. Raises UnknownNameError.

    >>> find_target("Duffing").radius
    1.0
    """
    for target in all_targets():
        if target.name == name:
            return target
    raise UnknownNameError(
        came=f"the target {name!r}",
        expected=f"one of {', '.join(target.name for target in all_targets())}",
        remedy="Any field will do: approximate_flow(symbolic_field(...), time, radius).",
    )


def random_polynomial(seed: int) -> list[sympy.Expr]:
    """Return two random polynomials of degree 3 in q and p, with coefficients in eighths.

    >>> len(random_polynomial(1))
    2
    """
    q, p = sympy.symbols("q p", real=True)
    generator = np.random.default_rng(seed)
    powers = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
    return [
        sum(sympy.Rational(int(generator.integers(-4, 5)), 8) * q**i * p**j for i, j in powers)
        for _ in range(2)
    ]
