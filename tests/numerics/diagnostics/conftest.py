"""Methods to be diagnosed, right ones and wrong ones."""

import pytest

from flowcert.numerics import ButcherTableau, Method, RungeKutta


class SymplecticEuler(Method):
    """The kick at q, then the drift at the new p."""

    name, order, symplectic = "SymplecticEuler", 1, True

    def step(self, system, t, y, h):
        drift, kick = system.pieces
        return drift.flow(t, kick.flow(t, y, h), h)


class Leapfrog(Method):
    """Half a kick, a drift, half a kick: order 2, symplectic, symmetric."""

    name, order, symplectic, symmetric = "Leapfrog", 2, True, True

    def step(self, system, t, y, h):
        drift, kick = system.pieces
        y = drift.flow(t + h / 2, kick.flow(t, y, h / 2), h)
        return kick.flow(t + h, y, h / 2)


class TripleJump(Method):
    """Yoshida's composition of three leapfrogs, with w₁ = 1/(2 − 2^(1/3)): order 4."""

    name, order, symplectic, symmetric = "TripleJump", 4, True, True

    def step(self, system, t, y, h):
        import mpmath

        root = mpmath.cbrt(2) if y.dtype == object else 2.0 ** (1 / 3)
        outer = 1 / (2 - root)
        for weight in (outer, 1 - 2 * outer, outer):
            y = Leapfrog().step(system, t, y, weight * h)
            t = t + weight * h
        return y


@pytest.fixture
def implicit_midpoint():
    return RungeKutta("midpoint", ButcherTableau([["1/2"]], [1], ["1/2"]), order=2)


@pytest.fixture
def trapezoid():
    tableau = ButcherTableau([[0, 0], ["1/2", "1/2"]], ["1/2", "1/2"], [0, 1])
    return RungeKutta("trapezoid", tableau, order=2)


@pytest.fixture
def symplectic_euler():
    return SymplecticEuler()


@pytest.fixture
def leapfrog():
    return Leapfrog()


@pytest.fixture
def triple_jump():
    return TripleJump()
