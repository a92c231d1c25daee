"""The almost orthogonal layer: VDx + b of NumPy, ‖VD‖ ≤ 1 however V was trained."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from flowcert.errors import ShapeError
from flowcert.networks.constraints import AlmostOrthogonalScaling, constraint_of, membership, seal
from flowcert.networks.layers import AlmostOrthogonal
from flowcert.networks.operators import ConvolutionOperator, DenseOperator

MAKERS = {
    "wide": (lambda: AlmostOrthogonal(DenseOperator(3, 5)), (3,)),
    "narrow": (lambda: AlmostOrthogonal(DenseOperator(5, 3)), (5,)),
    "without bias": (lambda: AlmostOrthogonal(DenseOperator(4, 4), bias=False), (4,)),
    "circular": (lambda: AlmostOrthogonal(ConvolutionOperator((2, 5, 6), 3)), (2, 5, 6)),
    "zeros": (lambda: AlmostOrthogonal(ConvolutionOperator((2, 4, 5), 3, mode="zeros")), (2, 4, 5)),
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
    nn.init.normal_(layer.affine.bias)
    laws.agrees_with(layer, reference(laws, layer), shape)


def reference(laws, layer):
    """On an image that holds the kernel's correlation, Σ|VᵀV| is a number a channel."""
    free = AlmostOrthogonal(layer.affine.operator)
    nn.utils.parametrize.remove_parametrizations(free.affine, "weight")
    free.affine.weight.data = layer.affine.parametrizations.weight.original.data.double()
    free.affine.bias.data = layer.affine.bias.data
    V, b = laws.written_out(free.affine)
    D = 1 / np.sqrt(np.abs(V.T @ V).sum(1))
    outputs = layer.affine.operator.output_shape
    return lambda x: ((x.reshape(len(x), -1) * D) @ V.T + b).reshape(len(x), *outputs)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 4), st.sampled_from(["dense", "circular", "zeros"]),
    st.sampled_from([1e-3, 1.0, 1e6]), st.integers(0, 2**31),
)  # fmt: skip
def test_the_norm_is_at_most_one(inputs, outputs, kind, size, seed):
    torch.manual_seed(seed)
    operator = (
        DenseOperator(inputs, outputs)
        if kind == "dense"
        else ConvolutionOperator((inputs, 3, 4), outputs, mode=kind)
    )
    scaling = AlmostOrthogonalScaling(operator)
    W = scaling(size * torch.randn(operator.weight_shape))
    largest = np.linalg.svd(operator.linear_map(W).matrix(), compute_uv=False)[0]
    assert largest <= 1 + 1e-6
    sealed = scaling.sealed(W)
    assert scaling.contains(sealed)
    assert torch.allclose(sealed, W, rtol=1e-5)


def test_a_column_of_zeros_stays_one():
    scaling = AlmostOrthogonalScaling(DenseOperator(2, 2))
    V = torch.tensor([[0.0, 3.0], [0.0, 4.0]], requires_grad=True)
    W = scaling(V)
    W.sum().backward()
    assert W.tolist() == [[0.0, pytest.approx(0.6)], [0.0, pytest.approx(0.8)]]
    assert bool(torch.isfinite(V.grad).all())


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
@pytest.mark.parametrize("kind", ["wide", "circular"])
def test_after_training_the_weight_is_in_its_set(laws, optimiser, kind):
    make, shape = MAKERS[kind]
    trained = laws.trained(make(), shape, optimiser, steps=100)
    laws.bounded(trained, shape, at_most=1.0)
    sealed = seal(trained)
    assert constraint_of(trained.affine) is not None
    assert [found.holds for found in membership(sealed)] == [True]


class _Rows(AlmostOrthogonalScaling):
    """D on the other side."""

    def forward(self, V):
        return super().forward(V.T).T


class _Squared(AlmostOrthogonalScaling):
    """Squared norms of columns, without the other columns."""

    def forward(self, V):
        return V / V.square().sum(0).sqrt()


class _Inverse(AlmostOrthogonalScaling):
    """1/Σ for 1/√Σ."""

    def forward(self, V):
        return V / (V.T @ V).abs().sum(1)


@pytest.mark.parametrize("bug", [_Rows, _Squared, _Inverse])
def test_planted_bugs_are_found(laws, bug):
    layer = AlmostOrthogonal(DenseOperator(3, 3))
    layer.affine.parametrizations.weight[0] = bug(DenseOperator(3, 3))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))


def test_a_missing_bias_is_found(laws):
    layer = AlmostOrthogonal(DenseOperator(3, 3))
    nn.init.normal_(layer.affine.bias)
    expected = reference(laws, layer)
    layer.affine.bias = nn.Parameter(torch.zeros(3))
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, expected, (3,))


def test_bad_values_are_named():
    with pytest.raises(ShapeError, match=r"\(batch, 3\)"):
        AlmostOrthogonal(DenseOperator(3, 2))(torch.zeros(1, 2))
