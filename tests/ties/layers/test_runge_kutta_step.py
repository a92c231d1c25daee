"""An explicit Runge–Kutta step in torch is that of numerics on the NumPy field."""

import math

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, StructureError, UnknownNameError
from flowcert.networks import certify
from flowcert.networks.constraints import seal
from flowcert.networks.layers import GradientStep, RungeKuttaStep, convolution, dense
from flowcert.numerics import (
    RK4,
    ButcherTableau,
    GradientField,
    ImplicitMidpoint,
    RungeKutta,
    StormerVerlet,
    as_system,
    find_method,
    leaky_relu,
    single_methods,
)

EXPLICIT = [
    m.name for m in single_methods() if isinstance(m, RungeKutta) and m.tableau.is_explicit()
]
OWN = ButcherTableau(
    [[0, 0, 0], ["1/4", 0, 0], [0, "3/5", 0]], ["1/2", "1/2", 0], [0, "1/4", "3/5"]
)

MAKERS = {
    "wide": (lambda: RungeKuttaStep(dense(3, 5), 0.2), (3,)),
    "narrow": (lambda: RungeKuttaStep(dense(5, 3), 0.2, "Heun", slope=0.5), (5,)),
    "tableau": (lambda: RungeKuttaStep(dense(3, 4), 0.2, OWN), (3,)),
    "circular": (lambda: RungeKuttaStep(convolution((2, 3, 4), 2), 0.2, "Ralston"), (2, 3, 4)),
    "zeros": (lambda: RungeKuttaStep(convolution((2, 3, 4), 2, mode="zeros"), 0.2), (2, 3, 4)),
}
each = pytest.mark.parametrize("kind", MAKERS)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.every(make, shape)
    method = {"narrow": "Heun", "circular": "Ralston"}.get(kind, "RK4")
    given = RungeKutta("own", OWN, order=1) if kind == "tableau" else find_method(method)
    laws.agrees_with(layer, reference(laws, layer, given), shape)


def reference(laws, layer, method):
    A, b = laws.written_out(laws.double(layer).affine)
    system = as_system(GradientField(A, b, leaky_relu(layer.slope)))
    h = float(laws.double(layer).step())
    return laws.flat(lambda x: method.step(system, 0.0, x, h))


@pytest.mark.parametrize("name", EXPLICIT)
def test_every_explicit_method_agrees(laws, name):
    layer = RungeKuttaStep(dense(3, 4), 0.3, name, slope=0.1)
    torch.nn.init.normal_(layer.affine.bias)
    laws.agrees_with(layer, reference(laws, layer, find_method(name)), (3,))


def test_there_are_explicit_methods_of_several_kinds():
    assert {"Euler", "RK4", "SSP104", "DormandPrince"} <= set(EXPLICIT)


def test_stages_that_nothing_uses_are_left_out():
    calls = []

    class Counted(type(dense(1, 1))):
        def forward(self, x):
            calls.append(1)
            return super().forward(x)

    affine = Counted(dense(2, 2).operator)
    RungeKuttaStep(affine, 0.1, "BogackiShampine")(torch.zeros(1, 2))
    assert len(calls) == 3


def test_within_its_radius_it_is_non_expansive(laws):
    affine = dense(4, 4)
    h = 1.99 / float(np.linalg.norm(affine.weight.detach().numpy(), 2)) ** 2
    laws.bounded(RungeKuttaStep(affine, h), (4,), at_most=1.0)


def test_euler_is_the_gradient_step():
    affine = dense(4, 3)
    euler, step = RungeKuttaStep(affine, 0.3, "Euler", 0.5), GradientStep(affine, 0.3, 0.5)
    x = torch.randn(5, 4)
    assert torch.equal(euler(x), step(x))
    bounds = [certify(seal(layer), (4,), effort="quick").upper for layer in (euler, step)]
    assert bounds[0] == pytest.approx(bounds[1], rel=1e-9)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_its_bound_holds(laws, optimiser):
    make, shape = MAKERS["narrow"]
    laws.bounded(laws.trained(make(), shape, optimiser), shape)


class _Sign(RungeKuttaStep):
    def forward(self, x):
        return 2 * x - super().forward(x)


class _ForgottenStage(RungeKuttaStep):
    def forward(self, x):
        self._b = [0.0, *self._b[1:]]
        return super().forward(x)


class _TransposedA(RungeKuttaStep):
    def forward(self, x):
        self._A = [[self._A[i][j - 1] if j else 0.0 for j in range(4)] for i in range(4)]
        return super().forward(x)


class _StepSquared(RungeKuttaStep):
    def forward(self, x):
        self.step.value = self.step.value**2
        return super().forward(x)


@pytest.mark.parametrize("bug", [_Sign, _ForgottenStage, _TransposedA, _StepSquared])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(bug(dense(3, 3), 0.4))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer, RK4), (3,))


@pytest.mark.parametrize("method", ["GaussLegendre(2)", ImplicitMidpoint, ImplicitMidpoint.tableau])
def test_implicit_methods_are_refused(method):
    with pytest.raises(StructureError, match="implicit"):
        RungeKuttaStep(dense(2, 2), 0.1, method)


@pytest.mark.parametrize("method", [StormerVerlet, "StormerVerlet", 4, None])
def test_what_is_no_runge_kutta_method_is_refused(method):
    with pytest.raises(StructureError, match="Runge–Kutta"):
        RungeKuttaStep(dense(2, 2), 0.1, method)


def test_bad_arguments_are_named():
    with pytest.raises(UnknownNameError):
        RungeKuttaStep(dense(2, 2), 0.1, "RK5")
    for step in (-1.0, math.nan):
        with pytest.raises(DomainError, match="step"):
            RungeKuttaStep(dense(2, 2), step)
