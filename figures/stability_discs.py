"""The boundary of a stability region, and exact verdicts on discs |z + r| ≤ r in it."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..numerics import ButcherTableau, RungeKutta, find_method
from ..numerics.tableau.stability import StabilityFunction

BOUNDARY_POINTS = 600  # on half a boundary
_ITERATIONS = 5  # from a neighbour 0.02 away: Newton's method doubles the digits each time


def exact_tableau(name: str) -> ButcherTableau:
    """Return the tableau of a Runge–Kutta method of few stages, by its name.

    >>> exact_tableau("Heun").b
    (Fraction(1, 2), Fraction(1, 2))
    """
    method = find_method(name)
    assert isinstance(method, RungeKutta)  # all of the figure are,
    assert isinstance(method.tableau, ButcherTableau)  # with simple coefficients
    return method.tableau


def trace_boundary(R: StabilityFunction) -> NDArray[np.complex128]:
    """Return points of |R| = 1, from R(z) = exp(iθ) and z = 0 on by Newton's method, mirrored.

    Round the region of a polynomial of degree d, which holds all d zeros, θ grows by 2πd. The
    boundary of the half plane has no end: there θ stops before π. Source: flowcert [D].

    >>> points = trace_boundary(exact_tableau("Heun").stability_function())
    >>> bool(abs(points[BOUNDARY_POINTS] + 2) < 1e-9)
    True
    """
    above, below = (
        np.polynomial.Polynomial([float(q) for q in part]) for part in (R.numerator, R.denominator)
    )
    slope_above, slope_below = above.deriv(), below.deriv()
    end = np.pi * above.degree() if R.is_polynomial else 0.9 * np.pi
    z, points = 0j, [0j]
    for theta in np.linspace(0, end, BOUNDARY_POINTS + 1)[1:]:
        for _ in range(_ITERATIONS):
            N, D = above(z), below(z)
            slope = (slope_above(z) * D - N * slope_below(z)) / D**2
            z -= (N / D - np.exp(1j * theta)) / slope
        points.append(z)
    half = np.array(points)
    return np.concatenate([half, half[-2:0:-1].conj()]) if R.is_polynomial else half


def largest_disc(boundary: NDArray[np.complex128]) -> float:
    """Return the largest r whose disc |z + r| < r holds none of the points; ∞ for a half plane.

    A boundary point with Re z < 0 lies on the circle of r = −|z|²/(2 Re z).

    >>> largest_disc(np.array([-2.0 + 0.0j, -1.0 + 2.0j]))
    1.0
    """
    left = boundary[boundary.real < -1e-9]
    return float((np.abs(left) ** 2 / (-2 * left.real)).min()) if len(left) else np.inf


def _shifted(name: str, radius: Any) -> ButcherTableau:
    """A + I/(2r): its R(ζ) is the method's R(z) with 1/z = 1/ζ − 1/(2r), its M is M + B/r.

    Re ζ ≤ 0 becomes |z + r| ≤ r. So the method is stable in the disc iff the shifted one is
    A-stable, and circle contractive with radius r iff the shifted one is algebraically stable.
    """
    import sympy

    tableau = exact_tableau(name)
    shift = 1 / (2 * sympy.sympify(radius))
    exact = [[sympy.sympify(a) for a in row] for row in tableau.A]
    A = [[a + (shift if i == j else 0) for j, a in enumerate(row)] for i, row in enumerate(exact)]
    return ButcherTableau(A, tableau.b, [sympy.sympify(c) + shift for c in tableau.c])


@cache
def is_stable_in_disc(name: str, radius: Any) -> bool:
    """Return whether |R(z)| ≤ 1 for |z + radius| ≤ radius (a number of sympy's): exact.

    >>> is_stable_in_disc("RK4", "5/4"), is_stable_in_disc("RK4", "3/2")
    (True, False)
    """
    return _shifted(name, radius).is_a_stable()


@cache
def contracts_in_disc(name: str, radius: Any) -> bool:
    """Return whether the method is circle contractive with this radius: exact.

    >>> contracts_in_disc("RK4", 1), contracts_in_disc("RK4", "5/4")
    (True, False)
    """
    return _shifted(name, radius).is_algebraically_stable()
