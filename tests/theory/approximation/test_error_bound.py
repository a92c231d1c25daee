"""How the parts of a bound add up, against sums written out by hand."""

from dataclasses import dataclass

import numpy as np
import pytest
import sympy

from flowcert.theory.approximation import ErrorBound
from flowcert.theory.approximation.analysis import FieldAnalysis
from flowcert.theory.approximation.error_bound import bound_error
from flowcert.theory.approximation.network_errors import NetworkErrors, NetworkLayers
from flowcert.theory.approximation.schemes import scheme_of
from flowcert.theory.cells import Profile
from flowcert.theory.symbolic import symbolic_field

x, y = sympy.symbols("x y", real=True)
START = ErrorBound(end_radius=0.5, layers_radius=0.5)


@dataclass
class _Networks:
    """Networks that are off by so much, whatever the radius; layers that err so much a stage."""

    field: tuple[float, float]
    layer: tuple[float, float]
    radius: float = 2.0

    def field_error(self, index, radius):
        return self.field[index] if radius <= self.radius else np.inf

    def integration_error(self, index, time, radius):
        return self.layer[index]


def _bound(components, scheme, steps, networks, time=0.5):
    analysis = FieldAnalysis.of(symbolic_field(components, [x, y]), 2.0)
    return bound_error(analysis, scheme_of(scheme), time, steps, START, networks)


@pytest.mark.parametrize(("scheme", "stages"), [("LieTrotter", (1, 1)), ("Strang", (2, 1))])
def test_every_stage_of_a_rotation_adds_its_errors(scheme, stages):
    """Nothing grows: field errors add up in time, integration errors stage by stage."""
    bound = _bound([-y, x], scheme, 5, _Networks((0.01, 0.02), (0.001, 0.003)))
    assert bound.splitting < 1e-12
    assert bound.field == pytest.approx(0.5 * (0.01 + 0.02), rel=1e-6)
    expected = 5 * (stages[0] * 0.001 + stages[1] * 0.003)
    assert bound.integration == pytest.approx(expected, rel=1e-6)
    assert bound.total == pytest.approx(bound.field + bound.integration, rel=1e-9)


def test_errors_grow_with_their_pieces():
    """f = x + εJx: a step carries on by eʰ; errors of ∇U by (eʰ − 1), then the sphere's by h."""
    steps, h = 4, 0.125
    bound = _bound([x - y, y + x], "LieTrotter", steps, _Networks((0.01, 0.02), (0.001, 0.003)))
    field = layer = 0.0
    for _ in range(steps):
        field = np.exp(h) * field + 0.01 * np.expm1(h) + 0.02 * h
        layer = np.exp(h) * layer + 0.001 + 0.003
    assert bound.field == pytest.approx(field, rel=1e-6)
    assert bound.integration == pytest.approx(layer, rel=1e-6)


def test_networks_that_push_out_of_their_ball_say_so():
    bound = _bound([-y, x], "Strang", 5, _Networks((5.0, 0.0), (0.0, 0.0)))
    assert bound.total == np.inf
    assert bound.reason


def test_the_integration_error_is_that_of_taylor():
    """f = (1 + x/2, 0)·: ∇U has |D²| = 0, so only L²M s³/6 is left, times substeps and e^{Lt}."""
    analysis = FieldAnalysis.of(symbolic_field([1 + x / 2, y / 2], [x, y]), 3.0)
    none = tuple(Profile(np.zeros(1), np.zeros(1), 3.0) for _ in range(3))
    time, substeps, r = 0.4, 4, 1.0
    s = time / substeps
    L, M = np.sqrt(0.5), 1 + (r + s * (1 + r / 2)) / 2  # ‖I/2‖ in the norm of Frobenius
    expected = substeps * s**3 * L**2 * M / 6 * np.exp(L * time)
    proved = NetworkLayers(analysis, NetworkErrors(none, none), substeps)
    assert proved.integration_error(0, time, r) == pytest.approx(expected, rel=0.03)
    assert proved.integration_error(0, time, r) >= expected * (1 - 1e-9)
