"""Bounds of σ_min and σ_max of convolutions, against singular values of torch's own operator."""

import itertools
import math
import os
import time

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowcert.errors import DomainError, ShapeError
from flowcert.theory.spectral import (
    Convolution,
    TransposedConvolution,
    bound_convolution,
    convolution_bounds,
    convolution_lower,
    convolution_smallest,
    slab,
)
from flowcert.theory.spectral.convolution_axis import ConvolutionAxis
from flowcert.theory.spectral.convolution_lower import bound_by_sine_window

CONVOLUTIONS = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}
SCALES = [1.0, 1.0, 1e-12, 1e12, 1e-30, 1e-200, 1e150, 1e-305]


def torch_matrix(K, image, *, groups=1, mode="zeros", **keep):
    """The matrix of torch's convolution, from unit vectors."""
    channels = K.shape[1] * groups
    layer = CONVOLUTIONS[len(image)](
        channels, len(K), K.shape[2:], groups=groups, padding_mode=mode, bias=False, **keep
    ).double()
    layer.weight.data = torch.tensor(K)
    columns = channels * math.prod(image)
    with torch.no_grad():
        unit = torch.eye(columns, dtype=torch.float64).reshape(columns, channels, *image)
        return layer(unit).reshape(columns, -1).numpy().T


def check(values, A, scale=1.0):
    """σ_min and σ_max of the matrix lie in the brackets; returns σ_max."""
    sigma = np.linalg.svd(A, compute_uv=False)
    top, bottom = sigma[0] * scale, (sigma[-1] if A.shape[0] >= A.shape[1] else 0.0) * scale
    rounding = 1e-13 * top  # of the decomposition
    assert values.largest_lower <= top + rounding
    assert values.largest >= top - rounding
    assert values.smallest <= bottom + rounding
    assert values.largest > 0.0 or top == 0.0
    assert (values.smallest > 0.0) != bool(values.reason)
    return top


def per_axis(draw, axes, low, high):
    return tuple(draw(st.lists(st.integers(low, high), min_size=axes, max_size=axes)))


@st.composite
def cases(draw):
    axes = draw(st.sampled_from([1, 2, 2, 3]))
    groups = draw(st.sampled_from([1, 1, 2]))
    image, taps = per_axis(draw, axes, 1, 8 - 2 * axes), per_axis(draw, axes, 1, 4)
    shape = (groups * draw(st.integers(1, 3)), draw(st.integers(1, 3)), *taps)
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    K = rng.standard_normal(shape)
    kind = draw(st.sampled_from(["plain", "plain", "sparse", "positive", "deficient", "tap"]))
    if kind == "sparse":
        K *= rng.random(shape) < 0.4
    elif kind == "positive":
        K = np.abs(K)
    elif kind == "deficient":
        K[:] = K[:1]
    elif kind == "tap":
        K = np.where(np.arange(K.size).reshape(shape) == rng.integers(K.size), 1.5, 0.0)
    keep = {
        "stride": per_axis(draw, axes, 1, 3),
        "padding": per_axis(draw, axes, 0, 3),
        "dilation": per_axis(draw, axes, 1, 2),
        "groups": groups,
        "mode": draw(st.sampled_from(["zeros", "zeros", "circular", "reflect", "replicate"])),
    }
    return K, image, keep, draw(st.sampled_from(SCALES))


def on_torus_alone(monkeypatch):
    for name in ("_SMALL", "_SMALL_IF_COPIED"):
        monkeypatch.setattr(convolution_bounds, name, 0)
    for name in ("_SMALL", "LARGEST_MATRIX"):
        monkeypatch.setattr(convolution_smallest, name, 0)
    monkeypatch.setattr(convolution_bounds, "_WORK", 1e7)  # coarse where no image is given
    monkeypatch.setattr(slab, "_WORK", 1e7)


@pytest.mark.parametrize("torus_alone", [False, True])
def test_every_bracket_holds_the_singular_values_of_torchs_operator(torus_alone):
    @settings(max_examples=200, deadline=None, derandomize=True)
    @given(case=cases())
    def search(case):
        K, image, keep, scale = case
        try:
            A = torch_matrix(K, image, **keep)
        except RuntimeError:
            assume(False)
        with pytest.MonkeyPatch.context() as patch:
            if torus_alone:
                on_torus_alone(patch)
            top = check(bound_convolution(K * scale, image, **keep, smallest=True), A, scale)
        if torus_alone and max(image) > 1:
            anywhere = bound_convolution(K * scale, **keep)
            assert anywhere.largest >= top * (1 - 1e-13)

    search()


@pytest.mark.parametrize("torus_alone", [False, True])
def test_transposed_convolutions_have_the_brackets_of_their_matrices(torus_alone, monkeypatch):
    if torus_alone:
        on_torus_alone(monkeypatch)
    rng = np.random.default_rng(0)
    positive = 0
    for taps, stride, padding, more in itertools.product((1, 2, 3, 4), (1, 2, 3), (0, 1), (0, 1)):
        K = rng.standard_normal((2, 3, taps, taps))
        if more >= stride or (taps == 1 and padding):
            continue
        layer = torch.nn.ConvTranspose2d(
            2, 3, taps, stride=stride, padding=padding, output_padding=more, bias=False
        ).double()
        layer.weight.data = torch.tensor(K)
        with torch.no_grad():
            A = layer(torch.eye(32, dtype=torch.float64).reshape(32, 2, 4, 4)).reshape(32, -1)
        transposed = TransposedConvolution(
            K, (2, 4, 4), stride=stride, padding=padding, output_padding=more
        )
        values = transposed.singular_values(smallest=True)
        check(values, A.numpy().T)
        positive += values.smallest > 0.0
    assert positive > 8


@pytest.mark.parametrize("on_a_patch", [False, True])
@pytest.mark.parametrize("torus_alone", [False, True])
def test_output_padding_beyond_the_stride_leaves_rows_out(torus_alone, on_a_patch, monkeypatch):
    """The adjoint convolution has fewer rows than fit: no wave of the whole image is attained."""
    if torus_alone:
        on_torus_alone(monkeypatch)
    if on_a_patch:
        monkeypatch.setattr(convolution_lower, "_PATCH", 3)
        monkeypatch.setattr(convolution_lower, "_cost", lambda convolution: 4e9)
    convolution_bounds._answer.cache_clear()
    rng = np.random.default_rng(0)
    options = itertools.product((1, 2, 3), (1, 2), (2, 3), (0, 1), (1, 2, 3, 5), range(4))
    for taps, stride, dilation, more, size, kind in options:
        padding = dilation * (taps - 1) // 2
        keep = {"stride": stride, "dilation": dilation, "output_padding": dilation - 1 - more}
        if keep["output_padding"] < stride:
            continue
        K = [np.ones((1, 1, taps)), rng.random((1, 2, taps))][kind % 2] * (-1.0) ** kind
        layer = torch.nn.ConvTranspose1d(1, K.shape[1], taps, padding=padding, bias=False, **keep)
        layer.double().weight.data = torch.tensor(K)
        with torch.no_grad():
            A = layer(torch.eye(size, dtype=torch.float64)[:, None]).reshape(size, -1).numpy().T
        transposed = TransposedConvolution(K, (1, size), padding=padding, **keep)
        check(transposed.singular_values(smallest=True), A)
    convolution_bounds._answer.cache_clear()


def test_ends_of_float64_stay_sound():
    for scale in (5e-324, 1e-320, 1e308):
        values = bound_convolution(np.full((1, 1, 3), scale), (8,), padding=1)
        assert values.largest >= scale
        assert not math.isnan(values.largest)
        assert values.largest_lower <= 3 * scale
    nothing = bound_convolution(np.zeros((2, 2, 3, 3)), (8, 8), smallest=True)
    assert (nothing.smallest, nothing.largest_lower, nothing.largest) == (0.0, 0.0, 0.0)
    assert bound_convolution(np.zeros((2, 2, 3, 3))).largest == 0.0


def test_circular_brackets_are_narrow_and_find_the_smallest():
    rng = np.random.default_rng(0)
    for shape, image, keep in [
        ((4, 3, 3, 3), (8, 6), {"padding": 1}),
        ((6, 2, 2, 2), (6, 6), {"padding": [(0, 1), (1, 0)], "stride": 3}),
        ((4, 2, 3), (12,), {"padding": 1, "dilation": 1, "stride": 2}),
        ((4, 1, 5, 5), (4, 4), {"padding": 2, "groups": 2}),
        ((2, 2, 3, 3, 3), (3, 4, 5), {"padding": 1}),
    ]:
        K = rng.standard_normal(shape)
        values = bound_convolution(K, image, mode="circular", **keep)
        assert values.width <= 1e-6
    K = rng.standard_normal((4, 3, 3, 3))
    values = bound_convolution(K, (32, 32), padding=1, mode="circular", smallest=True)
    symbols = np.fft.fft2(K, s=(32, 32)).transpose(2, 3, 0, 1)
    assert values.smallest == pytest.approx(
        np.linalg.svd(symbols, compute_uv=False).min(), rel=1e-3
    )


def test_paraunitary_kernels_are_isometries_when_circular():
    """Products of projections and shifts: Ŝ(ω) = Π(I − vvᵀ + vvᵀe^{iω})."""
    rng = np.random.default_rng(2)
    K = np.eye(4)[..., None]
    for _ in range(3):
        v = rng.standard_normal(4)
        P = np.outer(v, v) / (v @ v)
        zero = np.zeros((4, 4, 1))
        K = np.concatenate([np.einsum("ij,jkt->ikt", np.eye(4) - P, K), zero], axis=2) + (
            np.concatenate([zero, np.einsum("ij,jkt->ikt", P, K)], axis=2)
        )
    values = bound_convolution(K, (16,), padding=[(1, 2)], mode="circular", smallest=True)
    assert 1 - 1e-6 <= values.smallest <= 1 + 1e-14
    assert 1 - 1e-14 <= values.largest <= 1 + 1e-6
    full = bound_convolution(K, (200,), padding=3, smallest=True)
    assert 1 - 1e-6 <= full.smallest <= 1 + 1e-14


def kernels_3x3():
    rng = np.random.default_rng(0)
    corner = np.zeros((1, 1, 3, 3))
    corner[..., 0, 0] = 1.0
    difference = corner.copy()
    difference[..., 2, 2] = -1.0
    yield from (corner, difference, np.ones((1, 1, 3, 3)), np.ones((3, 2, 3, 3)))
    yield np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1.0]])[None, None]
    for _ in range(12):
        outputs, inputs = rng.integers(1, 4, 2)
        sparse = rng.random((outputs, inputs, 3, 3)) < rng.uniform(0.1, 0.9)
        K = sparse * np.sign(rng.standard_normal(sparse.shape))
        if K.any():
            yield K


def test_every_3x3_kernel_at_32x32_has_the_width_that_is_proved():
    proved = 1 - math.cos(math.pi / 33) ** 2
    for K in kernels_3x3():
        values = bound_convolution(K, (32, 32), padding=1)
        assert values.width <= proved + 1e-6 <= 9.1e-3


def test_gaussian_kernels_at_32x32_are_bracketed_to_half_a_per_cent():
    rng = np.random.default_rng(0)
    for shape in [(1, 1), (2, 3), (8, 8), (16, 4), (3, 16)]:
        for _ in range(3):
            K = rng.standard_normal((*shape, 3, 3))
            assert bound_convolution(K, (32, 32), padding=1).width <= 5e-3


def test_a_layer_of_64_channels_takes_less_than_a_second_of_one_core():
    K = np.random.default_rng(0).standard_normal((64, 64, 3, 3))
    start = time.process_time()
    values = bound_convolution(K, (32, 32), padding=1)
    assert values.width <= 5e-3
    # Processor time of all threads; they wait for each other where others compute.
    assert time.process_time() - start < 1.0 * max(1, os.cpu_count() or 1)


def test_the_sine_window_bounds_the_norm_from_below_at_every_frequency():
    rng = np.random.default_rng(0)
    for size, dilation in itertools.product((2, 3, 5), (1, 2)):
        axis = ConvolutionAxis.of(size=size, taps=3, dilation=dilation, low=dilation, high=dilation)
        for _ in range(10):
            K = rng.standard_normal((2, 2, 3, 3))
            A = Convolution.of_axes(K, 1, [axis, axis]).matrix()
            symbols = np.fft.fft2(K, s=(64, 64)).transpose(2, 3, 0, 1)
            norm = np.linalg.svd(symbols, compute_uv=False).max()
            assert bound_by_sine_window([axis, axis], norm) <= np.linalg.norm(A, 2) * (1 + 1e-14)
    strided = ConvolutionAxis.of(size=8, taps=3, stride=2, low=1, high=1)
    assert bound_by_sine_window([strided], 1.0) == 0.0
    unpadded = ConvolutionAxis.of(size=8, taps=3)
    assert bound_by_sine_window([unpadded], 1.0) == 0.0


def test_images_of_every_size_have_one_bound_that_larger_ones_approach():
    K = np.random.default_rng(0).standard_normal((4, 3, 3, 3))
    anywhere = bound_convolution(K, padding=1)
    assert (anywhere.largest_lower, anywhere.smallest) == (0.0, 0.0)
    for size in (1, 2, 5, 16, 64):
        values = bound_convolution(K, (size, size), padding=1)
        assert values.largest_lower <= anywhere.largest
    assert anywhere.largest <= values.largest * (1 + 1e-3)
    symbols = np.fft.fft2(K, s=(1000, 1000)).transpose(2, 3, 0, 1)[:500]
    true = np.linalg.svd(symbols, compute_uv=False).max()
    assert true <= anywhere.largest <= true * (1 + 1e-4)


def test_a_coarse_grid_stands_for_a_large_image(monkeypatch):
    K = np.random.default_rng(0).standard_normal((4, 3, 3, 3))
    monkeypatch.setattr(slab, "_WORK", 0)
    exact = bound_convolution(K, (40, 40), padding=1)
    monkeypatch.setattr(convolution_bounds, "_WORK", 5e6)
    convolution_bounds._answer.cache_clear()  # the answer to the same question is known
    coarse = bound_convolution(K, (40, 40), padding=1)
    assert "between" in coarse.method
    assert "between" not in exact.method
    assert exact.largest_lower <= coarse.largest
    assert coarse.largest <= 1.3 * exact.largest
    assert coarse.largest_lower <= exact.largest
    convolution_bounds._answer.cache_clear()


def test_large_images_are_measured_on_a_patch():
    K = np.random.default_rng(0).standard_normal((16, 16, 3, 3))
    values = bound_convolution(K, (256, 256), padding=1)
    assert values.width <= 9.1e-3


# Traps that other tools fall into.


def test_grouped_norm_is_the_maximum_not_the_product():
    K = np.concatenate([np.full((1, 1, 1, 1), 2.0), np.full((1, 1, 1, 1), 3.0)])
    values = bound_convolution(K, (4, 4), groups=2)
    assert values.largest == pytest.approx(3.0, rel=1e-6)


def test_reflected_and_replicated_pixels_count():
    shift = np.zeros((1, 1, 3))
    shift[..., 0] = 1.0
    shift[..., 2] = 1e-3
    for mode in ("reflect", "replicate"):
        A = torch_matrix(shift, (6,), padding=1, mode=mode)
        assert np.linalg.norm(A, 2) > 1.3  # more than the symbol's 1.001
        check(bound_convolution(shift, (6,), padding=1, mode=mode), A)


def test_the_symbols_minimum_is_no_bound_for_same_padding():
    shift = np.zeros((1, 1, 3, 3))
    shift[..., 1, 0] = 1.0
    for size in (8, 100):
        values = bound_convolution(shift, (size, size), padding=1, smallest=True)
        assert values.smallest == 0.0
        assert values.reason
    assert bound_convolution(shift, (8, 8), padding=2, smallest=True).smallest > 0.99


def test_a_flattened_kernel_underestimates():
    K = np.ones((1, 1, 3, 3))
    flattened = np.linalg.norm(K.reshape(1, -1), 2)
    assert bound_convolution(K, (16, 16), padding=1).largest_lower > 2.5 * flattened


def test_smallest_is_zero_with_its_reason():
    K = np.random.default_rng(0).standard_normal((2, 2, 3, 3))
    cases = [
        ((8, 8), {}, "fewer rows than columns"),
        ((80, 80), {"padding": 1}, "more than 4096 columns"),
        ((8, 8), {"padding": 12, "stride": 4}, "unread"),
    ]
    for image, keep, reason in cases:
        values = bound_convolution(K, image, smallest=True, **keep)
        assert values.smallest == 0.0
        assert reason in values.reason
    assert bound_convolution(K, (8, 8), padding=1).reason == "not asked for"


def test_misuse_is_refused_by_name():
    with pytest.raises(ShapeError, match="kernel"):
        bound_convolution(np.ones((3, 3)))
    with pytest.raises(DomainError, match="mode"):
        bound_convolution(np.ones((1, 1, 3)), mode="mirror")
    with pytest.raises(DomainError, match="kernel"):
        bound_convolution(np.full((1, 1, 3), np.inf))
