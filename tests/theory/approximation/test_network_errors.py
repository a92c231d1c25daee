"""Proved errors of networks against dense samples, finite differences and planted weights."""

from dataclasses import replace

import numpy as np
import pytest
import sympy
from scipy.integrate import solve_ivp

from flowcert.numerics import RidgePotentialField, SphereField, tanh_mixture
from flowcert.theory.approximation import fit_ridge_networks
from flowcert.theory.approximation.analysis import FieldAnalysis
from flowcert.theory.approximation.layers import GradientLayer, SphereLayer
from flowcert.theory.approximation.network_errors import NetworkErrors, NetworkLayers
from flowcert.theory.approximation.scalar_errors import scalar_error_profiles
from flowcert.theory.cells import cover
from flowcert.theory.decomposition import presnov
from flowcert.theory.symbolic import symbolic_field

x, y = sympy.symbols("x y", real=True)
RADIUS = 1.0
FIELD = symbolic_field([y, -sympy.sin(x)], [x, y])


def _ball(count=40000, radius=RADIUS):
    generator = np.random.default_rng(3)
    z = generator.normal(size=(count, 2))
    z /= np.linalg.norm(z, axis=-1, keepdims=True)
    return radius * np.sqrt(generator.uniform(size=(count, 1))) * z


@pytest.fixture(scope="module")
def fitted():
    parts = presnov(FIELD)
    networks = fit_ridge_networks(parts, RADIUS, 48)
    return parts, networks, NetworkErrors.of(parts, networks)


def _second(field, z, h=1e-5):
    """D²f along pairs of axes, by central differences of the Jacobian."""
    steps = h * np.eye(2)
    return np.stack([(field.jacobian(z + e) - field.jacobian(z - e)) / (2 * h) for e in steps], -1)


def test_suprema_are_above_samples_and_near_them(fitted):
    parts, networks, errors = fitted
    z = np.concatenate(
        [_ball(), RADIUS * _ball(4000) / np.linalg.norm(_ball(4000), axis=-1)[:, None]]
    )
    gap = np.linalg.norm(parts.gradient(z) - networks.gradient(z), axis=-1).max()
    assert gap <= errors.gradient[0](RADIUS) <= 2 * gap
    slope = np.linalg.norm(parts.gradient.jacobian(z) - networks.gradient.jacobian(z), axis=(1, 2))
    assert slope.max() <= errors.gradient[1](RADIUS) <= 2 * slope.max()
    bend = np.linalg.norm(
        (_second(parts.gradient, z) - _second(networks.gradient, z)).reshape(len(z), -1), axis=-1
    ).max()
    assert bend <= errors.gradient[2](RADIUS) * (1 + 1e-3) + 1e-8
    assert errors.gradient[2](RADIUS) <= 2 * bend
    sphere = np.linalg.norm(parts.sphere(z) - networks.sphere(z), axis=-1).max()
    assert sphere <= errors.of_sphere(0, RADIUS) <= 2 * sphere
    turning = np.linalg.norm(
        parts.sphere.jacobian(z) - networks.sphere.jacobian(z), 2, axis=(1, 2)
    ).max()
    assert turning <= errors.of_sphere(1, RADIUS) <= 3 * turning
    assert errors.gradient[0](1.01 * RADIUS) == np.inf


def test_a_wrong_weight_is_seen(fitted):
    parts, networks, errors = fitted
    right = networks.gradient
    alpha = np.array(right.alpha)
    alpha[3] += 0.01
    wrong = replace(
        networks, gradient=RidgePotentialField(right.A, right.b, alpha, tanh_mixture(0.0))
    )
    z = _ball(4000)
    gap = np.linalg.norm(parts.gradient(z) - wrong.gradient(z), axis=-1).max()
    assert gap > 10 * errors.gradient[0](RADIUS)
    assert NetworkErrors.of(parts, wrong).gradient[0](RADIUS) >= gap
    right = networks.sphere
    wrong = replace(
        networks, sphere=SphereField(right.A, right.b + 0.02, right.skew, tanh_mixture(0.0))
    )
    gap = np.linalg.norm(parts.sphere(z) - wrong.sphere(z), axis=-1).max()
    assert gap > errors.of_sphere(0, RADIUS)
    assert NetworkErrors.of(parts, wrong).of_sphere(0, RADIUS) >= gap


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_scalar_errors_on_a_line_in_every_order(order):
    """u = sin, two units: derivatives of both by sympy."""
    a, b, alpha = np.array([[0.7], [1.3]]), np.array([0.2, -0.4]), np.array([0.8, 0.3])
    network = sum(w * sympy.tanh(s * x + c) for w, s, c in zip(alpha, a[:, 0], b, strict=True))
    [profile] = scalar_error_profiles(
        sympy.sin(x), [x], (a, b, alpha), cover(1.0, 1, 200), lowest=order, highest=order, offset=0
    )
    gap = sympy.lambdify(x, sympy.diff(sympy.sin(x) - network, x, order))
    for r in (0.25, 1.0):
        sampled = np.abs(gap(np.linspace(-r, r, 4001))).max()
        assert sampled <= profile(r) <= 1.1 * sampled


@pytest.mark.parametrize("substeps", [1, 3])
@pytest.mark.parametrize("index", [0, 1])
def test_layers_stay_within_their_integration_error(fitted, index, substeps):
    _, networks, errors = fitted
    proved = NetworkLayers(FieldAnalysis.of(FIELD, 2.0), errors, substeps)
    field = (networks.gradient, networks.sphere)[index]
    layer = (
        GradientLayer("gradient", field, 0.2, 0.0, substeps)
        if index == 0
        else SphereLayer(field, 0.2, substeps)
    )
    starts = 0.7 * np.stack([np.cos(np.arange(12)), np.sin(np.arange(12))], -1)
    ends = np.array(
        [
            solve_ivp(lambda _, z: field(z), (0, 0.2), s, rtol=1e-11, atol=1e-12).y[:, -1]
            for s in starts
        ]
    )
    measured = np.linalg.norm(layer(starts) - ends, axis=-1).max()
    bound = proved.integration_error(index, 0.2, 0.75)
    assert 1e-9 < measured <= bound <= 100 * measured


def test_what_is_not_known_is_infinite(fitted):
    proved = NetworkLayers(FieldAnalysis.of(FIELD, 2.0), fitted[2], 4)
    assert proved.integration_error(0, 1e3, 0.5) == np.inf
    assert proved.integration_error(0, 0.1, 1.5) == np.inf
    assert proved.integration_error(0, 0.0, 0.5) == 0.0
    assert proved.field_error(0, 1.5) == np.inf


def test_the_rest_of_taylor_counts():
    """u = x⁷ vanishes at the centre of the only cell with all derivatives but the seventh."""
    nothing = (np.ones((1, 1)), np.zeros(1), np.zeros(1))
    [profile] = scalar_error_profiles(
        x**7, [x], nothing, cover(1.0, 1, 1), lowest=0, highest=0, offset=0
    )
    assert 1.0 <= profile(1.0) < 1.001


def test_field_errors_of_both_pieces_are_above_samples(fitted):
    parts, networks, errors = fitted
    proved = NetworkLayers(FieldAnalysis.of(FIELD, 2.0), errors, 1)
    z = _ball(4000)
    pairs = ((parts.gradient, networks.gradient), (parts.sphere, networks.sphere))
    for index, (exact, network) in enumerate(pairs):
        gap = np.linalg.norm(exact(z) - network(z), axis=-1).max()
        assert 0 < gap <= proved.field_error(index, RADIUS)
