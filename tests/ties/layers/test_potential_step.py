"""The potential step is Euler's on a field that is a gradient, written out in NumPy."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from flowcert.errors import DomainError, ShapeError, StructureError, UnknownNameError
from flowcert.networks.layers import PotentialStep, RidgePotential, dense, ridge_potential

MAKERS = {
    "tall": (lambda: PotentialStep(ridge_potential(3, 5), 0.4), (3,)),
    "wide": (lambda: PotentialStep(ridge_potential(4, 2), 0.3), (4,)),
    "three sub-steps": (lambda: PotentialStep(ridge_potential(3, 4), 0.6, substeps=3), (3,)),
    "images": (lambda: PotentialStep(ridge_potential(2, 3, image=(3, 4)), 0.2), (2, 3, 4)),
}
VECTORS = [kind for kind, (_, shape) in MAKERS.items() if len(shape) == 1]
each = pytest.mark.parametrize("kind", MAKERS)


def signed(layer):
    """Weights of both signs: U is neither convex nor concave."""
    torch.nn.init.normal_(layer.potential.weight)
    torch.nn.init.normal_(layer.potential.affine.bias)
    return layer


def field(layer, laws):
    A, b = laws.written_out(layer.potential.affine)
    w = layer.potential.weight.detach().double().numpy().ravel()
    w = w.repeat(len(A) // len(w))
    return lambda x: (w * np.tanh(x @ A.T + b)) @ A


def euler(layer, laws):
    f, h, S = field(layer, laws), float(layer.step()), layer.substeps

    def step(x):
        for _ in range(S):
            x = x + h / S * f(x)
        return x

    return step


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = signed(make()).double()
    A, _ = laws.written_out(layer.potential.affine)
    slope = np.linalg.norm(A, 2) ** 2 * float(layer.potential.weight.detach().abs().max())
    h, S = float(layer.step()), layer.substeps
    laws.every(lambda: signed(make()).double(), shape)
    laws.bounded(layer, shape, at_most=(1 + h / S * slope) ** S * (1 + 1e-6))


@each
def test_it_is_euler_on_the_field(laws, kind):
    layer = laws.double(signed(MAKERS[kind][0]()))
    laws.agrees_with(layer, laws.flat(euler(layer, laws)), MAKERS[kind][1])


@pytest.mark.parametrize("kind", VECTORS)
def test_one_step_has_a_symmetric_jacobian(kind):
    """What makes the field a gradient, and what diag(w)AᵀΣ is not."""
    layer = signed(MAKERS[kind][0]()).double()
    layer.substeps = 1
    x = torch.randn(MAKERS[kind][1], dtype=torch.float64)
    D = torch.autograd.functional.jacobian(lambda x: layer(x[None])[0], x)
    assert float((D - D.T).abs().max()) < 1e-14


def test_with_many_sub_steps_it_is_the_flow(laws):
    layer = laws.double(signed(PotentialStep(ridge_potential(3, 5), 0.5)))
    x, errors = laws.points((3,), count=1), []
    f = field(layer, laws)
    exact = solve_ivp(lambda t, y: f(y), (0, 0.5), x[0].numpy(), rtol=1e-12, atol=1e-12).y[:, -1]
    for layer.substeps in (32, 64):
        errors.append(np.abs(layer(x)[0].numpy() - exact).max())
    assert errors[1] < 0.05
    assert errors[0] / errors[1] == pytest.approx(2.0, abs=0.15)


def test_the_midpoint_rule_has_order_2_with_a_shift(laws):
    layer = laws.double(
        signed(PotentialStep(ridge_potential(3, 5), 0.5, method="midpoint", shift=0.7))
    )
    x, errors = laws.points((3,), count=1), []
    f = field(layer, laws)
    exact = solve_ivp(
        lambda t, y: f(y) + 0.7 * y, (0, 0.5), x[0].numpy(), rtol=1e-12, atol=1e-12
    ).y[:, -1]
    for layer.substeps in (16, 32):
        errors.append(np.abs(layer(x)[0].numpy() - exact).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.15)
    layer.substeps = 2
    laws.bounded(layer, (3,))


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_the_bound_holds(laws, optimiser):
    laws.bounded(laws.trained(signed(MAKERS["tall"][0]()), (3,), optimiser), (3,))


def test_bad_input():
    with pytest.raises(StructureError, match=r"got a Affine .* Use ridge_potential"):
        PotentialStep(dense(3, 3), 0.1)
    for step in (-0.1, float("nan"), float("inf")):
        with pytest.raises(DomainError):
            PotentialStep(ridge_potential(2, 3), step)
    for substeps in (0, 1.5, True):
        with pytest.raises(DomainError):
            PotentialStep(ridge_potential(2, 3), 0.1, substeps)
    with pytest.raises(UnknownNameError, match="Euler, midpoint"):
        PotentialStep(ridge_potential(2, 3), 0.1, method="Heun")
    with pytest.raises(DomainError, match="shift"):
        PotentialStep(ridge_potential(2, 3), 0.1, shift=-1.0)
    with pytest.raises(ShapeError):
        PotentialStep(ridge_potential(2, 3), 0.1)(torch.zeros(1, 3))


class _Down(PotentialStep):
    def forward(self, x):
        return x - self.step() * self.potential(x)


class _EachWhole(PotentialStep):
    """Sub-steps of length h, not h/S."""

    def forward(self, x):
        for _ in range(self.substeps + 1):
            x = x + self.step() * self.potential(x)
        return x


class _Outside(RidgePotential):
    """diag(w) on the wrong side of Aᵀ, as in the authors' code, where A is square."""

    def forward(self, x):
        return self.weight * self.affine.adjoint(torch.tanh(self.affine(x)))


@pytest.mark.parametrize("bug", [_Down, _EachWhole])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(signed(MAKERS["tall"][0]()))
    layer.__class__ = bug
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, euler(layer, laws), (3,))


def test_weights_on_the_wrong_side_are_found(laws):
    layer = laws.double(signed(PotentialStep(ridge_potential(3, 3), 0.4)))
    layer.potential.__class__ = _Outside
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, euler(layer, laws), (3,))
    x = torch.randn(3, dtype=torch.float64)
    D = torch.autograd.functional.jacobian(lambda x: layer(x[None])[0], x)
    assert float((D - D.T).abs().max()) > 1e-3
