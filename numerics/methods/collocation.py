"""The implicit families of Gauss, Radau and Lobatto, with any number of stages."""

from __future__ import annotations

from functools import cache

from ..tableau import CollocationTableau
from .runge_kutta import RungeKutta


@cache
def GaussLegendre(s: int) -> RungeKutta:
    """Return the Gauss method of s ≥ 1 stages: order 2s, symplectic, symmetric.

    Raises DomainError. Source: Butcher (1964); Kuntzmann (1961) [D].

    >>> GaussLegendre(2), GaussLegendre(2).order
    (GaussLegendre(2), 4)
    """
    tableau = CollocationTableau("Gauss", s)
    return RungeKutta(f"GaussLegendre({s})", tableau, 2 * s, symplectic=True, symmetric=True)


@cache
def RadauIA(s: int) -> RungeKutta:
    """Return the Radau IA method of s ≥ 1 stages: order 2s − 1, node 0, L-stable.

    Raises DomainError. Source: Ehle (1968) [D].

    >>> RadauIA(2).order
    3
    """
    return RungeKutta(f"RadauIA({s})", CollocationTableau("RadauIA", s), 2 * s - 1)


@cache
def RadauIIA(s: int) -> RungeKutta:
    """Return the Radau IIA method of s ≥ 1 stages: order 2s − 1, node 1, L-stable.

    Raises DomainError. Source: Ehle (1968) [D].

    >>> RadauIIA(3).order
    5
    """
    return RungeKutta(f"RadauIIA({s})", CollocationTableau("RadauIIA", s), 2 * s - 1)


@cache
def LobattoIIIA(s: int) -> RungeKutta:
    """Return the Lobatto IIIA method of s ≥ 2 stages: order 2s − 2, collocation, symmetric.

    Raises DomainError. Source: Ehle (1968) [D].

    >>> LobattoIIIA(3).order
    4
    """
    tableau = CollocationTableau("LobattoIIIA", s)
    return RungeKutta(f"LobattoIIIA({s})", tableau, 2 * s - 2, symmetric=True)


@cache
def LobattoIIIB(s: int) -> RungeKutta:
    """Return the Lobatto IIIB method of s ≥ 2 stages: order 2s − 2, symmetric.

    With Lobatto IIIA for the positions it is the symplectic pair of Lobatto. Raises DomainError.
    Source: Ehle (1968) [D].

    >>> LobattoIIIB(3).order
    4
    """
    tableau = CollocationTableau("LobattoIIIB", s)
    return RungeKutta(f"LobattoIIIB({s})", tableau, 2 * s - 2, symmetric=True)


@cache
def LobattoIIIC(s: int) -> RungeKutta:
    """Return the Lobatto IIIC method of s ≥ 2 stages: order 2s − 2, L-stable, B-stable.

    Raises DomainError. Source: Chipman (1971) [D].

    >>> LobattoIIIC(3).order
    4
    """
    return RungeKutta(f"LobattoIIIC({s})", CollocationTableau("LobattoIIIC", s), 2 * s - 2)
