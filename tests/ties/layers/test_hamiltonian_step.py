"""Gradient modules and Verlet steps are symplectic, and steps of the NumPy systems."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import GradientModule, VerletStep, ridge_potential
from flowcert.numerics import SeparableHamiltonian, StormerVerlet
from flowcert.theory.claims.structure.smooth_networks import RidgeEnergy

MAKERS = {
    "momentum": (lambda: GradientModule(4, hidden=3, step=0.5), (4,)),
    "position": (lambda: GradientModule(4, hidden=5, moves="position"), (4,)),
    "module on images": (lambda: GradientModule(4, hidden=2, step=0.2, image=(3, 4)), (4, 3, 4)),
    "Verlet": (lambda: VerletStep(4, hidden=5, step=0.4), (4,)),
    "Verlet in the plane": (lambda: VerletStep(2, hidden=3, step=1.5), (2,)),
    "Verlet on images": (lambda: VerletStep(2, hidden=3, step=0.2, image=(3, 3)), (2, 3, 3)),
}
VECTORS = [kind for kind, (_, shape) in MAKERS.items() if len(shape) == 1]
each = pytest.mark.parametrize("kind", MAKERS)


def potentials(layer):
    return (
        [layer.potential] if isinstance(layer, GradientModule) else [layer.kinetic, layer.potential]
    )


def made(kind):
    layer = MAKERS[kind][0]()
    for potential in potentials(layer):
        torch.nn.init.normal_(potential.affine.bias)
        torch.nn.init.normal_(potential.weight)  # not convex
    return layer


@each
def test_laws(laws, kind):
    layer, (make, shape) = made(kind).double(), MAKERS[kind]
    laws.differentiates(layer, shape)
    laws.learns(layer, shape)
    laws.survives_saving(make(), make, shape)
    laws.survives_moving(make(), shape)
    laws.treats_examples_alone(layer, shape)


@each
def test_the_bound_is_that_of_the_shears(laws, kind):
    layer, shape = made(kind).double(), MAKERS[kind][1]
    h, product = float(layer.step()), 1.0
    steps = [h] if isinstance(layer, GradientModule) else [h / 2, h, h / 2]
    used = potentials(layer)
    for share, potential in zip(steps, [used[-1], *used][: len(steps)], strict=True):
        K = potential.affine.linear_map().matrix()
        slope = np.linalg.norm(K, 2) ** 2 * float(potential.weight.detach().abs().max())
        # A shear [[I, 0], [C, I]] has at most this norm.
        product *= np.sqrt(1 + (1 + share * slope) ** 2)
    laws.bounded(layer, shape, at_most=product * (1 + 1e-6))


@pytest.mark.parametrize("kind", VECTORS)
def test_it_is_symplectic_and_keeps_volume(keeps, kind):
    layer, n = made(kind).double(), MAKERS[kind][1][0]
    keeps.symplectic_form(layer, n)
    keeps.volume(layer, n)


@each
def test_jacobians_are_symplectic(kind):
    layer, shape = made(kind).double(), MAKERS[kind][1]
    n = int(np.prod(shape))
    x = torch.randn(1, *shape, dtype=torch.float64)
    D = torch.autograd.functional.jacobian(layer, x).reshape(n, n)
    assert float((D.T @ canonical(n) @ D - canonical(n)).abs().max()) < 1e-13 * float(D.norm() ** 2)


def canonical(n):
    unit = torch.eye(n // 2, dtype=torch.float64)
    return torch.cat([torch.cat([0 * unit, unit], 1), torch.cat([-unit, 0 * unit], 1)])


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_inverse_of_a_hundred_leads_back(kind, dtype):
    layers = [made(kind).to(dtype) for _ in range(100)]
    for layer in layers:
        layer.step.value.fill_(0.02)
    y = x = torch.randn(8, *MAKERS[kind][1], dtype=dtype)
    with torch.no_grad():
        for layer in layers:
            y = layer(y)
        assert float((y - x).abs().max()) > 0.05
        for layer in reversed(layers):
            y = layer.inverse(y)
    assert float((y - x).abs().max()) < 1e5 * torch.finfo(dtype).eps


@pytest.mark.parametrize("kinds", [("Verlet",), ("momentum", "position")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_hundred_are_symplectic(kinds, dtype):
    layers = [made(kind).to(dtype) for _ in range(100 // len(kinds)) for kind in kinds]
    for layer in layers:
        layer.step.value.fill_(0.05)
    x = torch.randn(1, 4, dtype=dtype)
    D = torch.autograd.functional.jacobian(torch.nn.Sequential(*layers), x).reshape(4, 4)
    defect = (D.T @ canonical(4).to(dtype) @ D - canonical(4).to(dtype)).abs().max()
    assert float(D.norm()) > 2.1  # far from the identity, of norm 2
    assert float(defect) < 400 * torch.finfo(dtype).eps * float(D.norm()) ** 2


@each
def test_it_is_a_step_of_the_system(laws, kind):
    layer, shape = laws.double(made(kind)), MAKERS[kind][1]
    laws.agrees_with(layer, reference(layer, shape), shape)


def energy(potential):
    """The potential as theory's own, its matrix written out."""
    affine = potential.affine
    n = int(np.prod(affine.operator.output_shape[1:]))
    bias, weight = (t.detach().flatten().numpy().repeat(n) for t in (affine.bias, potential.weight))
    return RidgeEnergy(affine.linear_map().matrix(), bias, weight)


def reference(layer, shape):
    h, d = float(layer.step()), int(np.prod(shape)) // 2
    if isinstance(layer, VerletStep):
        T, V = energy(layer.kinetic), energy(layer.potential)
        gradients = (T.value, V.value, T.gradient, V.gradient, T.hessian, V.hessian)
        system = SeparableHamiltonian(*gradients, 2 * d)
        return lambda y: StormerVerlet.step(system, 0.0, y.reshape(len(y), -1), h).reshape(y.shape)
    U, moves_momentum = energy(layer.potential), layer.moves == "momentum"

    def module(y):
        q, p = np.split(y.reshape(len(y), -1), 2, axis=1)
        pair = [q, p + h * U.gradient(q)] if moves_momentum else [q + h * U.gradient(p), p]
        return np.concatenate(pair, axis=1).reshape(y.shape)

    return module


@pytest.mark.parametrize("shape", [(3,), (2, 3, 4)])
def test_the_potential_is_one_of_its_gradient(shape):
    image = shape[1:] or None
    U = ridge_potential(shape[0], 4, image).double()
    torch.nn.init.normal_(U.weight)
    x = torch.randn(5, *shape, dtype=torch.float64, requires_grad=True)
    [gradient] = torch.autograd.grad(U.value(x).sum(), x)
    assert torch.allclose(gradient, U(x), atol=1e-13)
    far = U.value(1e300 * x.sign())
    assert torch.isfinite(U.value(1e5 * x)).all()
    assert not torch.isnan(far).any()
    if image is None:
        flat = energy(U).value(x.detach().numpy())
        assert np.allclose(U.value(x).detach().numpy(), flat, atol=1e-13)


def test_the_energy_error_is_of_second_order_and_does_not_drift():
    layer = VerletStep(4, hidden=5, step=0.0).double()
    x = torch.randn(20, 4, dtype=torch.float64)
    errors = {}
    with torch.no_grad():
        for h in (0.05, 0.1):
            layer.step.value.fill_(h)
            y, error = x, []
            for _ in range(round(40 / h)):
                y = layer(y)
                error.append(float((layer.energy(y) - layer.energy(x)).abs().max()))
            errors[h] = error
    assert 3 < max(errors[0.1]) / max(errors[0.05]) < 5
    half = len(errors[0.05]) // 2
    assert max(errors[0.05][half:]) < 1.5 * max(errors[0.05][:half])


@pytest.mark.parametrize(("kind", "optimiser"), [("Verlet", "SGD"), ("position", "Adam")])
def test_after_training_it_is_still_symplectic(laws, keeps, kind, optimiser):
    trained = laws.trained(made(kind), (4,), optimiser).double()
    keeps.symplectic_form(trained, 4)
    laws.bounded(trained, (4,))


@pytest.mark.parametrize("step", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("make", [GradientModule, VerletStep])
def test_bad_steps(make, step):
    with pytest.raises(DomainError):
        make(2, 3, step=step)


@pytest.mark.parametrize("make", [GradientModule, VerletStep])
def test_bad_input(make):
    with pytest.raises(ShapeError):
        make(3, 2, step=0.1)
    for sizes in ((0, 1), (2, 0), (2, 1.5)):
        with pytest.raises(DomainError):
            make(*sizes, step=0.1)
    layer = make(4, 3, step=0.1)
    for move in (layer, layer.inverse):
        with pytest.raises(ShapeError):
            move(torch.zeros(1, 3))
    for half in (torch.float16, torch.bfloat16):
        with pytest.raises(DomainError, match="half precision"):
            make(4, 3, step=0.1).to(half)(torch.zeros(1, 4, dtype=half))
    with pytest.raises(DomainError, match="momentum"):
        GradientModule(2, 3, moves="both")


class _NoTranspose(type(ridge_potential(1, 1))):
    def forward(self, x):
        W, b = self.affine.weight, self.affine.bias
        return functional.linear(self.weight * torch.tanh(functional.linear(x, W, b)), W)


class _DiagonalOutside(_NoTranspose):
    """diag(w)Aᵀσ, the authors' appendix code: no gradient."""

    def forward(self, x):
        return self.weight * self.affine.adjoint(torch.tanh(self.affine(x)))


class _OldValues(VerletStep):
    def _moved(self, y, h):
        q, p = y[:, :2], y[:, 2:]
        return torch.cat([q + h * self.kinetic(p), p - h * self.potential(q)], dim=1)


class _Friction(VerletStep):
    def _moved(self, y, h):
        return super()._moved(torch.cat([y[:, :2], 0.99 * y[:, 2:]], dim=1), h)


def planted(bug):
    layer = VerletStep(4, hidden=2, step=0.4)
    torch.nn.init.normal_(layer.potential.weight)
    if issubclass(bug, VerletStep):
        layer.__class__ = bug
    else:
        layer.potential.__class__ = bug
    return layer


@pytest.mark.parametrize("bug", [_NoTranspose, _DiagonalOutside, _OldValues, _Friction])
def test_planted_bugs_are_found(laws, keeps, bug):
    layer = laws.double(planted(bug))
    with pytest.raises(AssertionError):
        keeps.symplectic_form(layer, 4)
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer, (4,)), (4,))


class _Sign(VerletStep):
    """p moves by +∇V."""

    def _moved(self, y, h):
        q, p = y[:, :2], y[:, 2:]
        p = p + h / 2 * self.potential(q)
        q = q + h * self.kinetic(p)
        return torch.cat([q, p + h / 2 * self.potential(q)], dim=1)


class _DriftFirst(VerletStep):
    def _moved(self, y, h):
        q, p = y[:, :2], y[:, 2:]
        q = q + h / 2 * self.kinetic(p)
        p = p - h * self.potential(q)
        q = q + h / 2 * self.kinetic(p)
        return torch.cat([q, p], dim=1)


@pytest.mark.parametrize("bug", [_Sign, _DriftFirst])
def test_what_is_symplectic_and_wrong_is_found_by_the_system(laws, keeps, bug):
    layer = laws.double(planted(bug))
    keeps.symplectic_form(layer, 4)
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(layer, (4,)), (4,))
