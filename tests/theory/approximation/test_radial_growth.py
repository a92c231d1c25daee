"""Radii against trajectories of scipy and closed forms."""

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

from flowcert.theory.approximation.radial_growth import RadialGrowth
from flowcert.theory.cells import cover
from flowcert.theory.decomposition import presnov
from flowcert.theory.symbolic import symbolic_field

x, y = sympy.symbols("x y", real=True)
FIELDS = {
    "van der Pol": [y, (1 - x**2) * y - x],
    "rotation": [-y, x],
    "drift": [1 + 0 * x, sympy.sin(x)],
    "sink": [-x, -2 * y],
    "ring": [x * (1 - x**2 - y**2) - y, y * (1 - x**2 - y**2) + x],
}


def _growth(components, radius=6.0, per_side=256):
    f = symbolic_field(components, [x, y])
    return f, RadialGrowth.of(f, cover(radius, 2, per_side))


@pytest.mark.parametrize("name", list(FIELDS))
@pytest.mark.parametrize("radius", [0.3, 1.0])
def test_bounds_trajectories_of_the_field_and_of_its_parts(name, radius):
    f, growth = _growth(FIELDS[name])
    parts = presnov(f)
    starts = [radius * np.array([np.cos(a), np.sin(a)]) for a in np.linspace(0, 6, 12)]
    for time in (0.0, 0.2, 0.8):
        bound = growth.after(radius, time)
        for field in (f, parts.gradient, parts.sphere):
            for start in starts:
                run = solve_ivp(lambda _, z, g=field: g(z), (0, time), start, rtol=1e-9, atol=1e-11)
                assert np.linalg.norm(run.y, axis=0).max() <= bound + 1e-8


def test_closed_forms_with_shift_and_extra():
    _, still = _growth(FIELDS["rotation"])
    assert 1.0 <= still.after(1.0, 2.0) < 1.05
    assert np.exp(0.5) <= still.after(1.0, 1.0, shift=0.5) < 1.05 * np.exp(0.5)
    assert 1.5 <= still.after(1.0, 1.0, extra=0.5) < 1.6
    _, sink = _growth(FIELDS["sink"])
    assert sink.after(1.0, 3.0) == 1.0
    assert still.after(1.0, 1.0, shift=-0.5, extra=0.25) >= 1.0


@pytest.mark.parametrize("r", [0.1, 0.7, 2.0, 5.9])
def test_rates_are_above_samples(r):
    f, growth = _growth(FIELDS["van der Pol"])
    angle = np.linspace(0, 2 * np.pi, 400)
    z = r * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    sampled = ((z * f(z)).sum(-1) / r).max()
    assert growth.rates[int(r / growth.width)] >= sampled


def test_leaving_the_ball_says_infinity():
    _, growth = _growth([x**3, y], radius=2.0)
    assert growth.after(1.5, 10.0) == np.inf
    assert growth.after(3.0, 0.1) == np.inf


def test_later_and_wider_is_never_less():
    _, growth = _growth(FIELDS["van der Pol"])
    by_time = [growth.after(0.5, t) for t in np.linspace(0, 1, 21)]
    by_radius = [growth.after(r, 0.3) for r in np.linspace(0.1, 2, 21)]
    assert np.all(np.diff(by_time) >= 0)
    assert np.all(np.diff(by_radius) >= 0)
