"""Convolutions and their adjoints, against torch's own."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError, ShapeError
from flowcert.theory.spectral import Convolution, TransposedConvolution

CONVOLUTIONS = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
TRANSPOSED = {
    1: torch.nn.ConvTranspose1d,
    2: torch.nn.ConvTranspose2d,
    3: torch.nn.ConvTranspose3d,
}


def per_axis(draw, axes, low, high):
    return tuple(draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes)))


@st.composite
def settings_of_convolutions(draw):
    axes = draw(st.integers(1, 3))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    return {
        "axes": axes,
        "shape": (groups * draw(st.integers(1, 2)), draw(st.integers(1, 2))),
        "groups": groups,
        "image": per_axis(draw, axes, 1, 7 - axes),
        "taps": per_axis(draw, axes, 1, 4),
        "stride": per_axis(draw, axes, 1, 3),
        "padding": per_axis(draw, axes, 0, 3),
        "dilation": per_axis(draw, axes, 1, 2),
        "mode": draw(st.sampled_from(["zeros", "circular", "reflect", "replicate"])),
        "seed": draw(st.integers(0, 2**16)),
    }


def weight_of(case):
    outputs, inputs = case["shape"]
    rng = np.random.default_rng(case["seed"])
    return rng.standard_normal((outputs, inputs, *case["taps"])), rng


def options(case, *names):
    return {name: case[name] for name in names}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(case=settings_of_convolutions())
def test_convolution_agrees_with_torch_and_refuses_what_torch_refuses(case):
    K, rng = weight_of(case)
    channels = K.shape[1] * case["groups"]
    keep = options(case, "stride", "padding", "dilation", "groups")
    layer = CONVOLUTIONS[case["axes"]](
        channels, len(K), case["taps"], **keep, padding_mode=case["mode"], bias=False
    ).double()
    layer.weight.data = torch.tensor(K)
    x = rng.standard_normal((2, channels, *case["image"]))
    given_x = torch.tensor(x, requires_grad=True)
    try:
        expected = layer(given_x)
    except RuntimeError:
        with pytest.raises(DomainError):
            Convolution(K, x.shape[1:], **keep, mode=case["mode"])
        return
    convolution = Convolution(K, x.shape[1:], **keep, mode=case["mode"])
    np.testing.assert_allclose(convolution.apply(x), expected.detach(), rtol=0, atol=1e-12)
    y = rng.standard_normal(expected.shape)
    expected.backward(torch.tensor(y))
    np.testing.assert_allclose(convolution.adjoint(y), given_x.grad, rtol=0, atol=1e-12)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(case=settings_of_convolutions(), more=st.integers(0, 2))
def test_transposed_convolution_agrees_with_torch_and_refuses_what_torch_refuses(case, more):
    K, rng = weight_of(case)
    keep = options(case, "stride", "padding", "dilation", "groups")
    layer = TRANSPOSED[case["axes"]](
        len(K), K.shape[1] * case["groups"], case["taps"], **keep, output_padding=more, bias=False
    ).double()
    layer.weight.data = torch.tensor(K)
    x = rng.standard_normal((2, len(K), *case["image"]))
    given_x = torch.tensor(x, requires_grad=True)
    try:
        expected = layer(given_x)
    except RuntimeError:
        with pytest.raises(DomainError):
            TransposedConvolution(K, x.shape[1:], **keep, output_padding=more)
        return
    transposed = TransposedConvolution(K, x.shape[1:], **keep, output_padding=more)
    np.testing.assert_allclose(transposed.apply(x), expected.detach(), rtol=0, atol=1e-12)
    y = rng.standard_normal(expected.shape)
    expected.backward(torch.tensor(y))
    np.testing.assert_allclose(transposed.adjoint(y), given_x.grad, rtol=0, atol=1e-12)


def test_asymmetric_padding_agrees_with_torch():
    K = np.random.default_rng(0).standard_normal((2, 3, 2, 3))
    x = np.random.default_rng(1).standard_normal((3, 5, 4))
    padded = torch.nn.functional.pad(torch.tensor(x)[None], (0, 2, 3, 1))
    expected = torch.nn.functional.conv2d(padded, torch.tensor(K), stride=2)[0]
    convolution = Convolution(K, x.shape, stride=2, padding=[(3, 1), (0, 2)])
    np.testing.assert_allclose(convolution.apply(x), expected, rtol=0, atol=1e-12)


def test_large_batches_are_treated_in_parts_and_leading_axes_stay():
    K = np.random.default_rng(0).standard_normal((1, 1, 3, 3))
    convolution = Convolution(K, (1, 200, 200), padding=1)
    x = np.random.default_rng(1).standard_normal((2, 60, 1, 200, 200))
    y = convolution.apply(x)
    assert y.shape == x.shape
    np.testing.assert_allclose(y[1, 59], convolution.apply(x[1, 59]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "replicate"])
def test_absolute_norm_bounds_the_matrix_of_absolute_values(mode):
    K = np.random.default_rng(0).standard_normal((2, 3, 3, 2))
    convolution = Convolution(K, (3, 4, 5), padding=1, mode=mode)
    norm = np.linalg.norm(np.abs(convolution.matrix()), 2)
    assert norm <= convolution.absolute_norm() <= 3 * norm
    assert norm <= convolution.bound_absolute_norm() <= 5 * norm
    # Taps that meet stand apart in |K|: every entry is at least that of |A|.
    assert np.all(convolution.absolute().matrix() >= np.abs(convolution.matrix()))


@pytest.mark.parametrize("groups", [1, 2])
def test_terms_count_the_products_of_an_entry(groups):
    K = np.ones((4, 2, 3, 2))
    for linear in (
        Convolution(K, (2 * groups, 5, 5), padding=1, groups=groups),
        Convolution(K, (2 * groups, 5, 5), padding=1, groups=groups, mode="reflect"),
        TransposedConvolution(K, (4, 5, 5), groups=groups),
    ):
        assert linear.apply(np.ones(linear.input_shape)).max() == linear.terms


def test_misuse_is_refused_by_name():
    K = np.ones((2, 1, 3))
    with pytest.raises(ShapeError, match="groups"):
        Convolution(K, (2, 5))
    with pytest.raises(ShapeError, match="padding"):
        Convolution(K, (1, 5), padding=[(1, 1), (1, 1)])
    with pytest.raises(ShapeError, match="stride"):
        Convolution(K, (1, 5), stride=(1, 2))
    with pytest.raises(ShapeError, match="shape"):
        Convolution(K, (1, 5)).apply(np.ones((1, 6)))
    with pytest.raises(DomainError, match="NaN"):
        Convolution(np.full((1, 1, 1), np.nan), (1, 5))
    with pytest.raises(DomainError, match="mode"):
        Convolution(K, (1, 5), mode="mirror")
    with pytest.raises(DomainError, match="negative"):
        Convolution(K, (1, 5), padding=-1)
    with pytest.raises(DomainError, match="padding"):  # a stranger's certificate could ask for it
        Convolution(K, (1, 5), padding=2**40)
    with pytest.raises(DomainError, match="entries"):
        Convolution(np.ones((1, 1, 1, 1)), (1, 5, 5), padding=2**20)
    with pytest.raises(DomainError, match="spans"):
        Convolution(K, (1, 2))
    with pytest.raises(ShapeError):
        TransposedConvolution(K, (1, 5))
    with pytest.raises(DomainError, match="output padding"):
        TransposedConvolution(K, (2, 5), output_padding=1)
