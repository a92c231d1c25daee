"""The scaled boundary step: x − 2WᵀT⁻¹ReLU(Wx + b) of NumPy, non-expansive exactly once sealed."""

from fractions import Fraction
from operator import mul

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from flowcert.errors import DomainError
from flowcert.networks import certify
from flowcert.networks.constraints import seal
from flowcert.networks.layers import ScaledBoundaryStep, convolution, dense
from flowcert.theory.contraction.exact_forms import is_positive_semidefinite

MAKERS = {
    "wide": (lambda: ScaledBoundaryStep(dense(3, 5)), (3,)),
    "narrow": (lambda: ScaledBoundaryStep(dense(5, 3)), (5,)),
    "circular": (lambda: ScaledBoundaryStep(convolution((2, 5, 6), 3)), (2, 5, 6)),
    "zeros": (lambda: ScaledBoundaryStep(convolution((2, 4, 5), 3, mode="zeros")), (2, 4, 5)),
}
each = pytest.mark.parametrize("kind", MAKERS)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    laws.every(make, shape, at_most=1.0)


@pytest.mark.parametrize("kind", ["wide", "narrow", "circular"])
def test_it_is_the_formula_with_the_matrix_written_out(laws, kind):
    make, shape = MAKERS[kind]
    layer = make()
    nn.init.normal_(layer.sizes.logarithms, std=0.5)
    laws.agrees_with(layer, reference(laws, layer), shape)


def reference(laws, layer):
    """On an image that holds the kernel's correlation, |WWᵀ|q/q is a number a channel."""
    W, b = laws.written_out(laws.double(layer).affine)
    q = np.exp(layer.sizes.logarithms.detach().double().numpy()).repeat(
        len(W) // len(layer.sizes())
    )
    T = np.abs(W @ W.T) @ q / q
    return laws.flat(lambda x: x - 2 * np.maximum(x @ W.T + b, 0) / T @ W)


@pytest.mark.parametrize("mode", ["circular", "zeros"])
@pytest.mark.parametrize("image", [(2, 3, 3), (1, 4, 6)])
def test_T_dominates_also_at_borders_and_where_the_kernel_wraps(laws, mode, image):
    layer = ScaledBoundaryStep(convolution(image, 3, mode=mode)).double()
    nn.init.normal_(layer.sizes.logarithms)
    W, _ = laws.written_out(laws.double(layer).affine)
    T = (2 / layer.sizes().detach().numpy()).repeat(image[1] * image[2])
    assert np.linalg.eigvalsh(np.diag(T) - W @ W.T)[0] >= -1e-12


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([torch.float32, torch.float64]),
    st.sampled_from([1e-6, 1.0, 1e4]),
    st.integers(0, 2**31),
)
def test_the_sealed_scale_dominates_rigorously(inputs, outputs, dtype, size, seed):
    torch.manual_seed(seed)
    layer = ScaledBoundaryStep(dense(inputs, outputs)).to(dtype)
    with torch.no_grad():
        layer.affine.weight.mul_(size)
        layer.sizes.logarithms.normal_()
    sealed = seal(layer)
    W = [[Fraction(w) for w in row] for row in sealed.affine.weight.tolist()]
    s = [Fraction(t) for t in sealed.sizes().tolist()]
    gram = [
        [(2 / s[i] if i == j else 0) - sum(map(mul, W[i], W[j])) for j in range(outputs)]
        for i in range(outputs)
    ]
    assert is_positive_semidefinite(gram)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("size", [1e-6, 1e4])
def test_sealed_the_certificate_is_exactly_one_at_most(kind, size):
    make, shape = MAKERS[kind]
    layer = make()
    with torch.no_grad():
        layer.affine.weight.mul_(size)
        layer.sizes.logarithms.normal_()
    assert certify(seal(layer), shape, effort="quick").upper <= 1.0


@pytest.mark.parametrize("affine", [dense(6, 6), convolution((2, 6, 6), 2)])
def test_sealed_it_costs_next_to_nothing(affine):
    """Orthogonal rows need no scaling: T = WWᵀ, and the sealed sizes are a hair below 2/T."""
    if affine.weight.ndim == 2:
        nn.init.orthogonal_(affine.weight)
    else:
        nn.init.dirac_(affine.weight)
    layer = ScaledBoundaryStep(affine)
    assert torch.allclose(seal(layer).sizes(), torch.full((len(layer.sizes()),), 2.0), rtol=2e-6)


def test_a_row_of_zeros_has_no_effect_and_no_infinite_gradient():
    layer = ScaledBoundaryStep(dense(3, 3))
    with torch.no_grad():
        layer.affine.weight[1] = 0.0
        layer.affine.bias.fill_(1.0)
    value = layer(torch.ones(1, 3))
    value.sum().backward()
    assert bool(torch.isfinite(value).all())
    assert all(bool(torch.isfinite(p.grad).all()) for p in layer.parameters())
    with torch.no_grad():
        layer.affine.weight.zero_()
    assert torch.equal(layer(torch.ones(1, 3)), torch.ones(1, 3))
    assert certify(seal(layer), (3,), effort="quick").upper == 1.0


def test_sealing_twice_changes_nothing_more():
    sealed = seal(ScaledBoundaryStep(dense(3, 4)))
    assert torch.equal(seal(sealed).sizes(), sealed.sizes())


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
@pytest.mark.parametrize("kind", ["wide", "circular"])
def test_after_training_it_is_still_non_expansive(laws, optimiser, kind):
    make, shape = MAKERS[kind]
    laws.bounded(laws.trained(make(), shape, optimiser, steps=100), shape, at_most=1.0)


class _Sign(ScaledBoundaryStep):
    def forward(self, x):
        return 2 * x - super().forward(x)


class _HalfTheFactor(ScaledBoundaryStep):
    def forward(self, x):
        return x + 0.5 * (super().forward(x) - x)


class _Transpose(ScaledBoundaryStep):
    def forward(self, x):
        active = self.sizes() * functional.relu(self.affine(x))
        return x - functional.linear(active, self.affine.weight)


class _ScaleOnTheWrongSide(ScaledBoundaryStep):
    def forward(self, x):
        return x - self.sizes() * self.affine.adjoint(functional.relu(self.affine(x)))


@pytest.mark.parametrize("bug", [_Sign, _HalfTheFactor, _Transpose, _ScaleOnTheWrongSide])
def test_planted_bugs_are_found(laws, bug):
    layer = laws.double(bug(dense(3, 3)))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))


def test_squared_row_norms_do_not_dominate(laws):
    """T = diag(WWᵀ), which forgets the other rows: the certificate refuses it."""
    layer = seal(ScaledBoundaryStep(dense(3, 3)))
    layer.sizes.values = 2 / layer.affine.weight.square().sum(1)
    with pytest.raises(AssertionError):
        laws.bounded(layer, (3,), at_most=1.0)


def test_the_reciprocal_of_q_is_found(laws):
    """T_ii = Σ|WWᵀ|q_i/q_j for q_j/q_i: it does not dominate."""
    layer = ScaledBoundaryStep(dense(2, 3)).double()
    nn.init.normal_(layer.sizes.logarithms)
    right = layer.sizes().detach().clone()
    layer.sizes.logarithms.data.neg_()
    assert not torch.allclose(right, layer.sizes())
    wrong = laws.double(layer)
    layer.sizes.logarithms.data.neg_()
    with pytest.raises(AssertionError):
        laws.agrees_with(wrong, reference(laws, layer), (2,))


@pytest.mark.parametrize("entry", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(entry):
    layer = ScaledBoundaryStep(dense(2, 2))
    with torch.no_grad():
        layer.affine.weight[0, 0] = entry
    with pytest.raises(DomainError):
        seal(layer)
