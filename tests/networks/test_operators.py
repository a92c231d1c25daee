"""Operators: Ax and Aᵀy are those of the matrix, whose singular values are what is bounded."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError, ShapeError
from flowcert.networks.operators import ConvolutionOperator, DenseOperator, as_float64, read_image
from flowcert.numerics import convolution_matrix

OPERATORS = [
    DenseOperator(4, 7),
    DenseOperator(7, 4),
    *(
        ConvolutionOperator((2, height, width), outputs, k, mode)
        for mode in ("circular", "zeros")
        for height, width, outputs, k in ((4, 5, 3, 3), (3, 3, 2, 3), (5, 6, 1, 5), (4, 4, 2, 1))
    ),
]
each = pytest.mark.parametrize("operator", OPERATORS, ids=str)


def draw(operator, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = (operator.weight_shape, (3, *operator.input_shape), (3, *operator.output_shape))
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def matrix(operator, weight):
    """The operator applied to unit vectors: by definition its matrix."""
    columns = torch.eye(torch.Size(operator.input_shape).numel(), dtype=torch.float64)
    return operator.apply(weight, columns.reshape(-1, *operator.input_shape)).flatten(1).T.numpy()


@each
def test_the_adjoint_is_the_transpose(operator):
    weight, _, y = draw(operator)
    A = matrix(operator, weight)
    ours = operator.adjoint(weight, y).flatten(1).numpy()
    assert np.abs(ours - y.flatten(1).numpy() @ A).max() <= 1e-13 * np.abs(A).sum()


@each
def test_the_map_in_numpy_is_the_same(operator):
    weight, x, y = draw(operator)
    linear = operator.linear_map(weight)
    size = 1e-13 * float(weight.abs().sum())
    assert np.abs(linear.apply(x.numpy()) - operator.apply(weight, x).numpy()).max() <= size
    assert np.abs(linear.adjoint(y.numpy()) - operator.adjoint(weight, y).numpy()).max() <= size


@each
def test_the_bounds_enclose_the_singular_values(operator):
    weight, _, _ = draw(operator)
    found = np.linalg.svd(matrix(operator, weight), compute_uv=False)
    values = operator.bound_singular_values(weight, smallest=True)
    tall = np.prod(operator.output_shape) >= np.prod(operator.input_shape)
    assert found[0] * (1 - 1e-13) <= operator.bound_spectral_norm(weight) <= found[0] * (1 + 1e-2)
    assert values.smallest <= (found[-1] if tall else 0.0) + 1e-12


def test_zeros_is_the_padding_of_the_published_networks():
    operator = ConvolutionOperator((2, 4, 5), 3, mode="zeros")
    weight, _, _ = draw(operator)
    assert np.abs(matrix(operator, weight) - convolution_matrix(weight.numpy(), 4, 5)).max() == 0.0


@each
def test_a_bias_is_added_to_each_row_or_channel(operator):
    weight, x, _ = draw(operator)
    bias = torch.arange(operator.units, dtype=torch.float64)
    shift = operator.apply(weight, x, bias) - operator.apply(weight, x)
    assert torch.allclose(shift.flatten(2).mean(-1) if shift.ndim > 2 else shift, bias)


@settings(max_examples=20)
@given(st.sampled_from(OPERATORS), st.integers(0, 1000))
def test_the_adjoint_identity_on_random_weights(operator, seed):
    weight, x, y = draw(operator, seed)
    left = (operator.apply(weight, x) * y).sum()
    right = (x * operator.adjoint(weight, y)).sum()
    assert float((left - right).abs()) <= 1e-12 * float(1 + (left.abs() + right.abs()))


def test_weights_become_float64_exactly_and_are_copied():
    weight = torch.tensor([0.1], dtype=torch.float32)
    array = as_float64(weight)
    array[0] = 7.0
    assert float(weight[0]) == np.float32(0.1)


@pytest.mark.parametrize("k", [2, 0, -1, 9, 1.5])
def test_kernels_that_have_no_middle_or_do_not_fit_are_refused(k):
    with pytest.raises(DomainError):
        ConvolutionOperator((1, 8, 8), 1, k)


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8, 8), (0, 8, 8), (1.0, 8, 8)])
def test_images_have_three_axes(shape):
    with pytest.raises(ShapeError):
        read_image(shape)


def test_other_paddings_are_refused():
    with pytest.raises(DomainError, match="circular"):
        ConvolutionOperator((1, 8, 8), 1, mode="reflect")


def test_counts_are_positive_integers():
    with pytest.raises(DomainError):
        DenseOperator(0, 3)
    with pytest.raises(DomainError):
        DenseOperator(3, -1)
    with pytest.raises(DomainError):
        ConvolutionOperator((1, 8, 8), 0)


@pytest.mark.parametrize("operator", OPERATORS[2:4], ids=str)
def test_a_kernel_that_is_not_turned_is_found(operator):
    """The adjoint with taps in their old order is another map: the law above sees it."""
    weight, _, y = draw(operator)
    wrong = operator.adjoint(weight.flip(2, 3), y).flatten(1).numpy()
    A = matrix(operator, weight)
    assert np.abs(wrong - y.flatten(1).numpy() @ A).max() > 1e-3
