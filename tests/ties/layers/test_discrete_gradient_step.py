"""The discrete gradient step is Gonzalez's method, and its potential never falls."""

import copy

import mpmath
import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, ShapeError, StructureError
from flowcert.networks import certify
from flowcert.networks.layers import DiscreteGradientStep, dense, ridge_potential
from flowcert.networks.layers.discrete_gradient_step import missing_increment
from flowcert.numerics import Gonzalez, SkewGradientSystem

MAKERS = {
    "tall": (lambda: DiscreteGradientStep(ridge_potential(3, 6), 0.2), 3),
    "wide": (lambda: DiscreteGradientStep(ridge_potential(4, 2), 0.3), 4),
    "line": (lambda: DiscreteGradientStep(ridge_potential(1, 4), 0.3), 1),
    "short": (lambda: DiscreteGradientStep(ridge_potential(3, 5), 1e-5, iterations=3), 3),
}
each = pytest.mark.parametrize("kind", MAKERS)


def made(kind):
    layer = MAKERS[kind][0]()
    torch.nn.init.normal_(layer.potential.weight, std=0.7)
    torch.nn.init.normal_(layer.potential.affine.bias)
    return layer


@each
def test_laws(laws, kind):
    layer, (make, n) = made(kind).double(), MAKERS[kind]
    laws.differentiates(layer, (n,))
    laws.learns(layer, (n,))
    laws.survives_saving(make(), make, (n,))
    laws.survives_moving(make(), (n,))
    laws.treats_examples_alone(layer, (n,))


@each
def test_it_is_gonzalez_method(laws, kind):
    layer = laws.double(made(kind))
    laws.agrees_with(layer, reference(layer), (MAKERS[kind][1],))


def reference(layer):
    """Newton's iteration of the numerics on ẏ = S∇H(y), H = U and S = I."""
    A, b = layer.potential.affine.weight.numpy(), layer.potential.affine.bias.numpy()
    w, n, h = layer.potential.weight.numpy().copy(), A.shape[1], float(layer.step())
    system = SkewGradientSystem(
        lambda y: np.logaddexp(y @ A.T + b, -(y @ A.T + b)) @ w,  # Σ wᵢ log 2cosh
        lambda y: (w * np.tanh(y @ A.T + b)) @ A,
        np.eye(n),
    )
    return lambda x: np.array([Gonzalez.step(system, 0.0, row, h) for row in x])


def rise(layer, x, y):
    """U(y) − U(x) − |y − x|²/h, by log cosh in 30 digits: 0 for the solution of the equation."""
    A, b = layer.potential.affine.weight.numpy(), layer.potential.affine.bias.numpy()
    w, h = layer.potential.weight.numpy(), float(layer.step())

    def U(z):
        terms = [
            mpmath.mpf(float(wi)) * mpmath.log(mpmath.cosh(mpmath.fdot(row, z) + float(bi)))
            for wi, row, bi in zip(w, A.tolist(), b, strict=True)
        ]
        return mpmath.fsum(terms)

    with mpmath.workdps(30):
        moved = sum((mpmath.mpf(a) - mpmath.mpf(c)) ** 2 for a, c in zip(y, x, strict=True))
        return float(U(y) - U(x) - moved / h)


@each
def test_the_potential_rises_by_the_square_of_the_step(laws, kind):
    layer, n = laws.double(made(kind)), MAKERS[kind][1]
    x = laws.points((n,), count=6)
    y = layer(x)
    for before, after in zip(x.tolist(), y.tolist(), strict=True):
        moved = max(abs(a - b) for a, b in zip(before, after, strict=True))
        # What Newton and rounding leave in x⁺ times the slope of U.
        assert abs(rise(layer, before, after)) <= 1e-14 * max(1.0, moved / float(layer.step()))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("step", [0.05, 0.4])
def test_along_many_steps_it_never_falls_and_downhill_never_rises(laws, sign, step):
    """V = Σ|wᵢ| log cosh is convex, and the layer's U is V or −V."""
    layer = laws.double(DiscreteGradientStep(ridge_potential(3, 6), step))
    layer.potential.weight.mul_(0.5)
    V = copy.deepcopy(layer.potential)
    layer.potential.weight.mul_(sign)
    x, heights = laws.points((3,), count=20), []
    for _ in range(50):
        heights.append(V.value(x))
        x = layer(x)
    changes = sign * torch.stack(heights).diff(dim=0)
    assert float(changes.min()) >= -1e-14
    assert float(changes.max()) > 1e-2


def test_residual_is_zero_at_the_step_and_only_there(laws):
    layer = laws.double(made("tall"))
    x = laws.points((3,))
    y = layer(x)
    assert float(layer.residual(x, y).abs().max()) < 1e-15
    assert float(layer.residual(x, y + 1e-3).abs().min()) > 1e-4
    assert float(layer.residual(x, x + layer.step() * layer.potential(x)).abs().max()) > 1e-4


def test_residual_alone_finds_the_potential(laws):
    """Training on pairs solves nothing: a gradient of the residual is one of the equation."""
    layer = made("tall").double()
    x = laws.points((3,), count=2)
    y = layer(x).detach() + 0.01
    assert torch.autograd.gradcheck(layer.residual, (x.requires_grad_(), y.requires_grad_()))
    layer.residual(x, y).square().sum().backward()
    assert all(float(p.grad.abs().max()) > 0 for p in layer.potential.parameters())


@pytest.mark.parametrize("m", [0.0, 1e-3, 0.7, -3.0, 12.0, 300.0])
@pytest.mark.parametrize("delta", [0.0, 1e-9, 1e-3, 0.19999, 0.20001, -0.2, 2.0, -50.0, 900.0])
def test_increments_by_mpmath(m, delta):
    middle, increment = (
        torch.tensor([value], dtype=torch.float64, requires_grad=True) for value in (m, delta)
    )
    value = missing_increment(middle, increment)
    value.sum().backward()
    with mpmath.workdps(60):
        s, d = mpmath.mpf(m), mpmath.mpf(delta)

        def gamma(t):
            return mpmath.log(mpmath.cosh(t))

        exact = gamma(s + d / 2) - gamma(s - d / 2) - mpmath.tanh(s) * d
    small = abs(delta) < 0.2
    # Expanded: relative to the increment; otherwise to what it is the difference of.
    size = 1e-15 * abs(float(exact)) if small else 4e-16 * (abs(m) + abs(delta))
    # tanh is rounded: 1 − T² is known to a rounding of 1.
    assert abs(float(value.detach()) - float(exact)) <= size + 4e-16 * abs(delta) ** 3
    assert torch.isfinite(middle.grad).all()
    assert torch.isfinite(increment.grad).all()


def test_the_order_is_two(laws):
    from scipy.integrate import solve_ivp

    layer = laws.double(made("tall"))
    x, errors = laws.points((3,), count=1), []
    field = lambda t, y: layer.potential(torch.from_numpy(y)[None])[0].numpy()  # noqa: E731
    exact = solve_ivp(field, (0, 1), x[0].numpy(), rtol=1e-12, atol=1e-12).y[:, -1]
    for steps in (16, 32):
        layer.step.value.fill_(1 / steps)
        y = x
        for _ in range(steps):
            y = layer(y)
        errors.append(float(np.abs(y[0].numpy() - exact).max()))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("size", [0.0, 1e-200, 1e-20])
def test_gradients_are_finite_at_rest_and_next_to_it(laws, size):
    layer = DiscreteGradientStep(ridge_potential(3, 4), 0.2).double()  # without a bias: ∇U(0) = 0
    x = (size * laws.points((3,))).requires_grad_()
    y = layer(x)
    y.sum().backward()
    assert torch.isfinite(y).all()
    assert all(torch.isfinite(p.grad).all() for p in (x, *layer.parameters()))
    if size == 0.0:
        assert torch.equal(y, torch.zeros_like(y))


@pytest.mark.parametrize("kind", ["tall", "line"])
def test_it_is_exported_without_a_branch(kind):
    layer = made(kind).double().eval()
    x = torch.randn(3, MAKERS[kind][1], dtype=torch.float64)
    batch = {0: torch.export.Dim("batch", min=2)}
    program = torch.export.export(layer, (x,), dynamic_shapes=(batch,)).module()
    for y in (x, 0 * x, torch.cat([x, -x])):
        assert torch.equal(program(y), layer(y))


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_it_still_rises(laws, optimiser):
    layer = made("tall")
    layer.step.value.fill_(0.01)  # the potential may steepen: h‖D²U‖ < 1 at the end
    trained = laws.double(laws.trained(layer, (3,), optimiser, steps=50))
    A, w = trained.potential.affine.weight, trained.potential.weight
    assert 0.01 * float(torch.linalg.matrix_norm(A, 2) ** 2 * w.abs().max()) < 1.0
    x = laws.points((3,), count=20)
    y = trained(x)
    assert float(trained.residual(x, y).abs().max()) < 1e-10
    assert float((trained.potential.value(y) - trained.potential.value(x)).min()) >= -1e-12


def test_certify_refuses_it_and_bad_input():
    with pytest.raises(StructureError, match="no rule bounds the solution"):
        certify(made("tall").eval(), (3,))
    with pytest.raises(StructureError, match="Use ridge_potential"):
        DiscreteGradientStep(dense(3, 3), 0.1)
    with pytest.raises(ShapeError, match="flatten the image"):
        DiscreteGradientStep(ridge_potential(1, 2, image=(3, 3)), 0.1)
    for step in (-0.1, float("nan"), float("inf")):
        with pytest.raises(DomainError):
            DiscreteGradientStep(ridge_potential(2, 3), step)
    with pytest.raises(DomainError):
        DiscreteGradientStep(ridge_potential(2, 3), 0.1, iterations=0)
    for wrong in (torch.zeros(1, 2), torch.zeros(3)):
        with pytest.raises(ShapeError):
            made("tall")(wrong)
        with pytest.raises(ShapeError):
            made("tall").residual(torch.zeros(1, 3), wrong)
    with pytest.raises(DomainError, match="half precision"):
        made("tall")(torch.zeros(1, 3, dtype=torch.float16))


def test_the_reason_of_the_refusal_is_true():
    """U = log cosh(ax): next to 0 the quotients are (2 + ha²)/(2 − ha²)."""
    layer = DiscreteGradientStep(ridge_potential(1, 1), 0.5, iterations=50).double()
    x = torch.tensor([[-1e-7], [1e-7]], dtype=torch.float64)
    with torch.no_grad():
        for steepness, quotient in ((1.0, 5 / 3), (1.9, 19.5128205), (1.99, 199.501253)):
            layer.potential.affine.weight.fill_(steepness)
            low, high = layer(x)
            assert float((high - low) / 2e-7) == pytest.approx(quotient, rel=1e-5)


class _Euler(DiscreteGradientStep):
    def forward(self, x):
        return x + self.step() * self.potential(x)


class _Midpoint(DiscreteGradientStep):
    """The increment forgotten: ∇U in the middle."""

    def _discrete_gradient(self, x, moved):
        gradient, factor = super()._discrete_gradient(x, moved)
        return gradient - factor * moved, 0 * factor


class _OtherSign(DiscreteGradientStep):
    def _discrete_gradient(self, x, moved):
        gradient, factor = super()._discrete_gradient(x, moved)
        return gradient - 2 * factor * moved, -factor


class _OneIteration(DiscreteGradientStep):
    def forward(self, x):
        self.iterations = 1
        return super().forward(x)


@pytest.mark.parametrize("bug", [_Euler, _Midpoint, _OtherSign, _OneIteration])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(made("tall"))
    layer.__class__ = bug
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer), (3,))
    x = laws.points((3,), count=1)
    gap = rise(layer, x[0].tolist(), layer(x)[0].tolist())
    assert abs(gap) > 1e-10


def test_a_step_down_is_found(laws):
    layer = laws.double(made("tall"))
    expected = reference(copy.deepcopy(layer))
    layer.potential.weight.neg_()
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, expected, (3,))
