"""The estimates against NumPy's SVD of the whole matrix, which is written independently."""

import numpy as np
import pytest
import torch

from flowcert.networks.convolution_spectra import (
    ExtremeSingularValues,
    estimate_circular,
    estimate_zero_padded,
)
from flowcert.numerics import convolution_matrix


def _of_whole_matrix(kernel: torch.Tensor, pixels: int, padding: str) -> ExtremeSingularValues:
    matrix = convolution_matrix(kernel.double().numpy(), pixels, pixels, padding)
    values = np.linalg.svd(matrix, compute_uv=False)
    wide = matrix.shape[0] < matrix.shape[1]
    return ExtremeSingularValues(0.0 if wide else float(values[-1]), float(values[0]))


def _kernel(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def _shift() -> torch.Tensor:
    kernel = torch.zeros(2, 2, 3, 3)
    kernel[0, 0, 1, 0] = kernel[1, 1, 1, 2] = 1.0
    return kernel


KERNELS = {
    "square": _kernel(2, 2, 3, 3),
    "tall": _kernel(3, 2, 3, 3),
    "wide": _kernel(2, 3, 3, 3),
    "unequal axes": _kernel(2, 2, 3, 5),
    "pointwise": _kernel(3, 3, 1, 1),
    "zero": torch.zeros(2, 2, 3, 3),
    "identity": torch.eye(3)[:, :, None, None],
    "shift": _shift(),
    "tiny": 1e-6 * _kernel(2, 2, 3, 3),
}


@pytest.mark.parametrize("pixels", [1, 2, 3, 6])
@pytest.mark.parametrize("name", KERNELS)
def test_both_estimates_agree_with_the_whole_matrix(name: str, pixels: int) -> None:
    kernel = KERNELS[name]
    for estimate, padding in ((estimate_circular, "circular"), (estimate_zero_padded, "zero")):
        found = estimate(kernel, pixels)
        truth = _of_whole_matrix(kernel, pixels, padding)
        # In σ², relative to σ_max²: that is what the tolerance of the method speaks of.
        allowance = 2e-5 * truth.largest**2
        assert abs(found.largest**2 - truth.largest**2) <= allowance, padding
        assert abs(found.smallest**2 - truth.smallest**2) <= allowance, padding


def test_zero_padding_loses_what_a_shift_pushes_over_the_border() -> None:
    """Many pixels, few distinct singular values: the Krylov space is complete after two steps."""
    spectrum = estimate_zero_padded(_shift(), 24)
    assert spectrum.smallest < 1e-6
    assert spectrum.largest == pytest.approx(1.0, abs=1e-12)
    circular = estimate_circular(_shift(), 24)
    assert circular.smallest == pytest.approx(1.0, abs=1e-12)


def test_nearly_orthogonal_kernels_do_not_stop_the_search_too_early() -> None:
    """The first Krylov vector of such a kernel looks like an eigenvector, and hides both ends."""
    kernel = torch.zeros(64, 64, 3, 3)
    kernel[:, :, 1, 1] = torch.eye(64)
    for i, j in ((0, 1), (1, 0), (1, 2), (2, 1)):
        kernel[0, 0, i, j] = 1.5e-5
    truth = _of_whole_matrix(kernel, 4, "zero")
    found = estimate_zero_padded(kernel, 4)
    assert truth.largest - truth.smallest > 8e-5
    assert found.smallest == pytest.approx(truth.smallest, abs=1e-5)
    assert found.largest == pytest.approx(truth.largest, abs=1e-5)


def test_fewer_outputs_than_inputs_have_a_kernel() -> None:
    for estimate in (estimate_circular, estimate_zero_padded):
        assert estimate(KERNELS["wide"], 6).smallest == 0.0


def test_an_estimate_is_the_same_every_time() -> None:
    kernel = _kernel(2, 2, 3, 3)
    assert estimate_zero_padded(kernel, 6) == estimate_zero_padded(kernel, 6)
