"""Orthogonal matrices and patch-orthogonal kernels: in the set at all times, by NumPy's SVD."""

import itertools
import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from flowcert.errors import DomainError
from flowcert.networks.constraints import (
    Orthogonal,
    PatchOrthogonal,
    constrain,
    constraint_of,
    membership,
    project,
    seal,
)
from flowcert.networks.layers import convolution, dense
from flowcert.networks.operators import ConvolutionOperator, DenseOperator

MAKERS = {
    "square": (lambda: dense(6, 6), Orthogonal, (6,)),
    "tall": (lambda: dense(3, 7), Orthogonal, (3,)),
    "wide": (lambda: dense(7, 3), Orthogonal, (7,)),
    "circular": (lambda: convolution((1, 4, 5), 10), PatchOrthogonal, (1, 4, 5)),
    "zeros": (lambda: convolution((1, 4, 5), 10, mode="zeros"), PatchOrthogonal, (1, 4, 5)),
    "few": (lambda: convolution((2, 4, 5), 3), PatchOrthogonal, (2, 4, 5)),
    "one": (lambda: convolution((3, 2, 2), 4, kernel_size=1), PatchOrthogonal, (3, 2, 2)),
}
each = pytest.mark.parametrize("kind", MAKERS)


def make(kind, how=constrain):
    affine, constraint, _ = MAKERS[kind]
    affine = affine()
    return how(affine, constraint(affine.operator))


def singular_values(weight):
    """Of the weight as a matrix, times the kernel size: all 1 in the set. NumPy's SVD."""
    k = weight.shape[-1] if weight.ndim == 4 else 1
    matrix = weight.detach().double().numpy().reshape(len(weight), -1)
    return np.linalg.svd(k * matrix, compute_uv=False)


def written_out(operator, weight):
    """The operator as a matrix, entry by entry from the definition of a correlation."""
    W = weight.detach().double().numpy()
    (channels, height, width), k = operator.image, operator.kernel_size
    A = np.zeros((operator.outputs, height, width, channels, height, width))
    places = itertools.product(range(height), range(width), range(k), range(k))
    for i, j, u, v in places:
        row, column = i + u - k // 2, j + v - k // 2
        if operator.mode == "circular":
            row, column = row % height, column % width
        if 0 <= row < height and 0 <= column < width:
            A[:, i, j, :, row, column] += W[:, :, u, v]
    return A.reshape(operator.outputs * height * width, -1)


@each
@pytest.mark.parametrize("how", [constrain, project])
@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_in_the_set_after_training(laws, kind, how, optimiser):
    affine = make(kind, how)
    trained = laws.trained(affine, MAKERS[kind][2], optimiser)
    assert float((trained.weight - affine.weight).detach().abs().max()) > 1e-3
    assert np.abs(singular_values(trained.weight) - 1).max() <= 1e-5
    [found] = membership(trained)
    assert found.holds, str(found)
    sealed = seal(trained)
    assert sealed.bound_singular_values().largest <= 1.0
    assert np.abs(singular_values(sealed.weight) - 1).max() <= 1e-5
    assert float((sealed.weight - trained.weight).detach().abs().max()) <= 1e-5
    assert membership(sealed)[0].holds


@each
def test_laws(laws, kind):
    affine, shape = make(kind), MAKERS[kind][2]
    laws.bounded(affine, shape, at_most=1.0)
    laws.differentiates(affine, shape)
    laws.learns(affine, shape)
    laws.survives_saving(laws.trained(affine, shape, "SGD", 5), lambda: make(kind), shape)
    laws.survives_moving(affine, shape)
    laws.treats_examples_alone(affine, shape)


@each
def test_gradients_are_those_of_difference_quotients(kind):
    affine = make(kind).double()
    V = torch.randn(affine.operator.weight_shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(constraint_of(affine), (V,), eps=1e-6, atol=1e-6)


@each
def test_every_free_number_counts(kind):
    """But for the diagonal of U, which a skew matrix does not have, and a single column's U."""
    affine = make(kind).double()
    free = affine.parametrizations.weight.original
    with torch.no_grad():
        free.normal_()
    (affine.weight * torch.randn_like(affine.weight)).sum().backward()
    matrix = free.grad.flatten(1)
    matrix = matrix if matrix.shape[0] >= matrix.shape[1] else matrix.T
    dead = (matrix == 0.0).nonzero().tolist()
    assert all(i == j for i, j in dead)


@given(st.sampled_from(list(MAKERS)), st.integers(0, 10**6), st.booleans())
def test_an_orthogonal_weight_is_kept(kind, seed, single):
    """Of either determinant, to rounding, in float64 and in float32."""
    affine = MAKERS[kind][0]().to(torch.float32 if single else torch.float64)
    rows, columns = affine.operator.units, affine.operator.fan_in
    k = affine.weight.shape[-1] if affine.weight.ndim == 4 else 1
    generator = np.random.default_rng(seed)
    Q = np.linalg.qr(generator.standard_normal((max(rows, columns),) * 2))[0]
    wanted = torch.from_numpy(Q[:rows, :columns] / k).reshape(affine.weight.shape)
    with torch.no_grad():
        affine.weight.copy_(wanted)
    constrain(affine, MAKERS[kind][1](affine.operator))
    error = float((affine.weight.double() - wanted).detach().abs().max())
    assert error <= (5e-7 if single else 1e-14)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_minus_the_identity_is_kept(n):
    affine = dense(n, n)
    with torch.no_grad():
        affine.weight.copy_(-torch.eye(n))
    constrain(affine, Orthogonal(affine.operator))
    assert torch.equal(affine.weight, -torch.eye(n))
    assert torch.equal(affine.parametrizations.weight.original, torch.zeros(n, n))


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6)])
def test_other_weights_become_the_nearest_orthogonal_one(shape):
    """The polar factor, by SciPy; in the parametrisation, the projection and the seal."""
    affines = [dense(shape[1], shape[0]).double() for _ in range(3)]
    W = affines[0].weight.detach().clone()
    nearest = scipy.linalg.polar(W.numpy())[0]
    for affine in affines:
        with torch.no_grad():
            affine.weight.copy_(W)
    constraint = Orthogonal(affines[0].operator)
    constrained = constrain(affines[0], constraint).weight
    projected = project(affines[1], Orthogonal(affines[1].operator)).weight
    sealed = constraint.sealed(W)
    for weight in (constrained, projected, sealed):
        assert np.abs(weight.detach().numpy() - nearest).max() <= 1e-11


def test_cayley_written_out():
    """(I − A)(I + A)⁻¹B for skew A, by explicit inverses; columns below for a tall matrix."""
    V = torch.randn(5, 3, dtype=torch.float64)
    base = torch.from_numpy(np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0])
    constraint = Orthogonal(DenseOperator(3, 5)).double()
    constraint.base.copy_(base)
    U, L = V[:3].numpy(), V[3:].numpy()
    A = U - U.T + L.T @ L
    inverse = np.linalg.inv(np.eye(3) + A)
    expected = np.concatenate([(np.eye(3) - A) @ inverse, 2 * L @ inverse]) @ base.numpy()
    assert np.abs(constraint(V).numpy() - expected).max() <= 1e-13
    assert np.abs(expected.T @ expected - np.eye(3)).max() <= 1e-13


@pytest.mark.parametrize("size", [0.0, 1e-30, 1.0, 1e4])
def test_free_parameters_of_any_size(size):
    for operator in (DenseOperator(20, 20), DenseOperator(8, 20)):
        constraint = Orthogonal(operator)
        W = constraint(size * torch.randn(operator.weight_shape))
        assert constraint.contains(W)
        assert np.abs(singular_values(W) - 1).max() <= 1e-6


@pytest.mark.parametrize("kernel_size", [1, 3, 5])
@pytest.mark.parametrize("mode", ["circular", "zeros"])
@pytest.mark.parametrize("spare", [0, 2])
def test_patch_orthogonal_operators(kernel_size, mode, spare):
    """An isometry on the torus; with zeros σ_min = (k + 1)/(2k), 2/3 for k = 3, at a corner."""
    channels = 1 if kernel_size == 5 else 2
    operator = ConvolutionOperator(
        (channels, 5, 6), channels * kernel_size**2 + spare, kernel_size, mode
    )
    constraint = PatchOrthogonal(operator).double()
    weight = constraint(torch.randn(operator.weight_shape, dtype=torch.float64))
    A = written_out(operator, weight)
    values = np.linalg.svd(A, compute_uv=False)
    smallest = 1.0 if mode == "circular" else (kernel_size + 1) / (2 * kernel_size)
    assert values[0] == pytest.approx(1.0, abs=1e-12)
    assert values[-1] == pytest.approx(smallest, abs=1e-12)
    assert constraint.is_isometry == (mode == "circular" or kernel_size == 1)
    if constraint.is_isometry:
        assert np.abs(A.T @ A - np.eye(A.shape[1])).max() <= 1e-13
    rigorous = operator.bound_singular_values(constraint.sealed(weight), smallest=True)
    assert rigorous.largest <= 1.0
    assert smallest - 1e-7 <= rigorous.smallest <= smallest


@pytest.mark.parametrize("mode", ["circular", "zeros"])
def test_with_few_outputs_it_is_no_isometry_but_never_longer_than_1(mode):
    operator = ConvolutionOperator((2, 5, 4), 6, mode=mode)
    constraint = PatchOrthogonal(operator).double()
    assert not constraint.is_isometry
    weight = constraint(torch.randn(operator.weight_shape, dtype=torch.float64))
    values = np.linalg.svd(written_out(operator, weight), compute_uv=False)
    assert values[0] <= 1.0 + 1e-12
    assert values[-1] < 0.9


@each
@pytest.mark.parametrize("kept", [0.2, -0.2, 5.0, -5.0])
def test_a_weight_just_outside_is_refused(kept, kind):
    """One singular value moved by a fifth and by five times the tolerance."""
    affine = make(kind).double()
    constraint, W = constraint_of(affine), affine.weight.detach()
    P, S, Qt = np.linalg.svd(W.flatten(1).numpy(), full_matrices=False)
    S[-1] *= 1.0 + kept * 2.0**-19
    moved = torch.from_numpy(P * S @ Qt).reshape(W.shape)
    assert constraint.contains(moved) == (abs(kept) < 1.0)


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [0.0, 1e-30, 1e30])
def test_any_finite_weight_is_sealed(kind, dtype, size):
    affine = make(kind)
    weight = (size * torch.randn(affine.operator.weight_shape)).to(dtype)
    sealed = constraint_of(affine).sealed(weight)
    assert sealed.dtype == dtype
    assert constraint_of(affine).contains(sealed)
    assert affine.operator.bound_spectral_norm(sealed) <= 1.0
    assert torch.equal(constraint_of(affine).sealed(sealed), sealed)


@each
def test_a_change_of_type_keeps_it_orthogonal(kind):
    affine = make(kind)
    before = affine.weight.detach().clone()
    assert membership(affine.double())[0].holds
    assert torch.equal(affine.float().weight, before)
    with pytest.raises(DomainError, match="Half precision"):
        _ = affine.half().weight


@each
def test_it_is_exported(laws, kind):
    affine, x = make(kind), laws.points(MAKERS[kind][2]).float()
    exported = torch.export.export(affine, (x,)).module()
    assert torch.equal(exported(x), affine(x))


def _symmetric(V, base):
    return _right(V, base, sign=1.0)


def _factor(V, base):
    return _right(V, base, below=1.0)


def _transposed(V, base):
    return _right(V, base, gram=lambda L: L.T @ L @ L.T @ L)


def _baseless(V, base):
    return _right(V, torch.eye(len(base)))


def _right(V, base, sign=-1.0, below=2.0, gram=lambda L: L.T @ L):
    """The transform again, by an explicit inverse: right as it stands."""
    n = V.shape[1]
    U, L, one = V[:n].double(), V[n:].double(), torch.eye(n, dtype=torch.float64)
    A = U + sign * U.T + gram(L)
    inverse = torch.linalg.inv(one + A)
    W = torch.cat([(one - A) @ inverse, below * L @ inverse]) @ base.double()
    return W.to(V.dtype)


@pytest.mark.parametrize(
    ("bug", "found"),
    [(_right, False), (_symmetric, True), (_factor, True), (_transposed, True), (_baseless, True)],
)
def test_planted_bugs_are_found(laws, monkeypatch, bug, found):
    monkeypatch.setattr("flowcert.networks.constraints.orthonormal.cayley", bug)
    affine = dense(3, 7)
    wanted = torch.from_numpy(scipy.linalg.polar(affine.weight.detach().numpy())[0])
    constrain(affine, Orthogonal(affine.operator))
    kept = torch.allclose(affine.weight.detach(), wanted, atol=1e-5)
    trained = laws.trained(affine, (3,), "Adam", steps=50)
    assert (kept and membership(trained)[0].holds) != found


def test_a_missing_divisor_is_found(monkeypatch):
    monkeypatch.setattr(PatchOrthogonal, "is_isometry", True)
    affine = make("circular")
    constraint = constraint_of(affine)
    constraint.divisor = 1
    weight = affine.weight.detach()
    values = np.linalg.svd(written_out(affine.operator, weight), compute_uv=False)
    assert values[0] == pytest.approx(3.0, abs=1e-5)
    assert not PatchOrthogonal(affine.operator).contains(weight)
    assert math.isclose(singular_values(weight)[0], 3.0, rel_tol=1e-5)
