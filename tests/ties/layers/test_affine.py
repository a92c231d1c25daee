"""Ax + b and Aᵀy: the matrix written out, adjoint to each other, norms and products bounded."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.layers import Affine, convolution, dense

MAKERS = {
    "dense": (lambda: dense(3, 5), (3,)),
    "without bias": (lambda: dense(5, 3, bias=False), (5,)),
    "circular": (lambda: convolution((2, 4, 5), 3), (2, 4, 5)),
    "wide kernel": (lambda: convolution((1, 5, 6), 2, kernel_size=5), (1, 5, 6)),
    "pointwise": (lambda: convolution((2, 3, 3), 3, kernel_size=1), (2, 3, 3)),
    "zeros": (lambda: convolution((2, 4, 5), 3, mode="zeros"), (2, 4, 5)),
}
each = pytest.mark.parametrize("kind", MAKERS)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.every(make, shape)
    laws.agrees_with(layer, reference(laws, layer), shape)


def reference(laws, layer):
    A, b = laws.written_out(laws.double(layer))
    outputs = layer.operator.output_shape
    return lambda x: (x.reshape(len(x), -1) @ A.T + b).reshape(len(x), *outputs)


@each
def test_its_adjoint_is_the_transposed_matrix(laws, kind):
    make, _ = MAKERS[kind]
    layer = laws.double(make())
    A, _ = laws.written_out(layer)
    y = laws.points(layer.operator.output_shape)
    expected = y.flatten(1).numpy() @ A
    assert np.abs(layer.adjoint(y).flatten(1).numpy() - expected).max() <= 1e-12


@each
def test_its_norm_is_bounded_from_above_and_closely(laws, kind):
    make, _ = MAKERS[kind]
    layer = laws.double(make())
    A, _ = laws.written_out(layer)
    largest = float(np.linalg.norm(A, 2))
    bound = layer.bound_singular_values().largest
    assert largest * (1 - 1e-14) <= bound <= largest * (1.05 if kind == "zeros" else 1 + 1e-6)


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(st.integers(1, 3), st.integers(3, 6), st.integers(3, 6)),
    st.integers(1, 3),
    st.sampled_from(["circular", "zeros"]),
    st.integers(0, 2**31),
)
def test_absolute_products_dominate_the_gram_matrices(image, outputs, mode, seed):
    """Of A Aᵀ and AᵀA written out, with random factors q > 0 a unit."""
    torch.manual_seed(seed)
    layer = convolution(image, outputs, mode=mode).double()
    A = layer.linear_map().matrix()
    pixels = image[1] * image[2]
    rows = layer.operator.absolute_row_products(layer.weight).detach().numpy()
    columns = layer.operator.absolute_column_products(layer.weight).detach().numpy()
    for products, gram in ((rows, A @ A.T), (columns, A.T @ A)):
        q = np.exp(np.random.default_rng(seed).normal(size=len(products)))
        diagonal = (products @ q / q).repeat(pixels)
        assert np.linalg.eigvalsh(np.diag(diagonal) - gram)[0] >= -1e-12 * max(1, diagonal.max())
    if mode == "circular" and min(image[1:]) >= 5:  # all taps of the correlation are apart
        sums = np.abs(A @ A.T).reshape(outputs, pixels, outputs, pixels)[:, 0].sum(axis=2)
        assert np.abs(sums - rows).max() <= 1e-12


def test_the_same_generator_gives_the_same_weight():
    torch.manual_seed(1)
    first = dense(30, 20).weight
    torch.manual_seed(1)
    assert torch.equal(first, dense(30, 20).weight)
    assert float(first.detach().std() * 30**0.5) == pytest.approx(1.0, abs=0.1)


class _Flipped(Affine):
    """The adjoint without turning the taps."""

    def adjoint(self, y):
        padded = functional.pad(y, (1, 1, 1, 1), "circular")
        return functional.conv2d(padded, self.weight.transpose(0, 1))


class _Shifted(Affine):
    """Padded on one side only."""

    def forward(self, x):
        padded = functional.pad(x, (2, 0, 2, 0), "circular")
        return functional.conv2d(padded, self.weight, self.bias)


class _BiasTwice(Affine):
    def forward(self, x):
        return super().forward(x) + self.per_unit(self.bias)


@pytest.mark.parametrize("bug", [_Flipped, _Shifted, _BiasTwice])
def test_planted_bugs_are_found(laws, bug):
    layer = bug(convolution((2, 4, 4), 2).operator)
    nn.init.normal_(layer.bias)
    layer = laws.double(layer)
    A, _ = laws.written_out(layer)
    y = laws.points((2, 4, 4))
    adjoint = np.abs(layer.adjoint(y).flatten(1).numpy() - y.flatten(1).numpy() @ A).max() <= 1e-12
    try:
        laws.agrees_with(layer, reference(laws, layer), (2, 4, 4))
        forward = True
    except AssertionError:
        forward = False
    assert (adjoint, forward) == ((False, True) if bug is _Flipped else (True, False))


def test_bad_shapes_are_named():
    with pytest.raises(ShapeError, match=r"\(batch, 3\)"):
        dense(3, 2)(torch.zeros(3))
    with pytest.raises(ShapeError, match=r"\(batch, 2\)"):
        dense(3, 2).adjoint(torch.zeros(1, 3))
    with pytest.raises(DomainError, match="odd"):
        convolution((1, 4, 4), 1, kernel_size=2)
    with pytest.raises(DomainError, match="inputs"):
        dense(0, 2)
