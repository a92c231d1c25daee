"""Estimates of the extreme singular values of a convolution layer, circular and zero-padded.

For descriptions of data only: nothing here is a bound, and no certificate may rest on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.linalg import eigh_tridiagonal

_SEED = 0
# Of the squared singular values. The spectra of nearly orthogonal kernels are so dense at the upper
# end that a smaller tolerance costs minutes; at this one σ is good to about 1e-5.
_TOLERANCE = 1e-5
_MOST_STEPS = 500
_STEPS_BETWEEN_LOOKS = 20
_COMPLETE = 1e-14  # what rounding leaves of a Krylov space that is complete


@dataclass(frozen=True)
class ExtremeSingularValues:
    """The smallest and the largest singular value of one matrix, estimated.

    >>> ExtremeSingularValues(0.5, 1.0).largest
    1.0
    """

    smallest: float
    largest: float


def estimate_circular(kernel: torch.Tensor, pixels: int) -> ExtremeSingularValues:
    """Estimate σ_min, σ_max of the circular convolution on ``pixels`` × ``pixels`` images.

    ``kernel`` has shape (out, in, k, l). The circular convolution is block-diagonal in the
    discrete Fourier basis: NumPy's SVD of each block (the symbol on the grid), in complex128.
    Not guaranteed: rounded to nearest. Source: Sedghi, Gupta, Long 2019.

    >>> averaging = torch.full((1, 1, 1, 3), 1 / 3, dtype=torch.float64)
    >>> spectrum = estimate_circular(averaging, 3)
    >>> round(spectrum.smallest, 9), round(spectrum.largest, 9)
    (0.0, 1.0)
    """
    taps = kernel.detach().to(torch.float64).numpy()
    grid = np.zeros((*taps.shape[:2], pixels, pixels))
    for i in range(taps.shape[2]):
        for j in range(taps.shape[3]):
            # A kernel larger than the image wraps around: its taps add up.
            grid[:, :, i % pixels, j % pixels] += taps[:, :, i, j]
    symbol = np.fft.fft2(grid).transpose(2, 3, 0, 1)
    values = np.linalg.svd(symbol, compute_uv=False)
    smallest = float(values.min()) if taps.shape[0] >= taps.shape[1] else 0.0
    return ExtremeSingularValues(smallest, float(values.max()))


def estimate_zero_padded(kernel: torch.Tensor, pixels: int) -> ExtremeSingularValues:
    """Estimate σ_min, σ_max of the zero-padded convolution on ``pixels`` × ``pixels`` images.

    ``kernel`` has shape (out, in, k, l) with odd k, l; the output has the size of the input.
    Lanczos on AᵀA in float64 (fixed start vector, full reorthogonalisation), A applied by torch;
    σ_min = 0 without computing if there are fewer outputs than inputs. Not guaranteed: good to
    about 1e-5 of σ_max² in σ²; Ritz values lie inside the spectrum, so σ_min errs upward and σ_max
    downward.

    >>> shift = torch.tensor([[[[1.0, 0.0, 0.0]]]], dtype=torch.float64)  # loses the border
    >>> spectrum = estimate_zero_padded(shift, 4)
    >>> round(spectrum.smallest, 6), round(spectrum.largest, 6)
    (0.0, 1.0)
    """
    taps = kernel.detach().to(torch.float64)
    outputs, inputs = taps.shape[:2]
    padding = (taps.shape[2] // 2, taps.shape[3] // 2)
    size = inputs * pixels * pixels

    def gram(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        image = torch.from_numpy(np.ascontiguousarray(vector)).reshape(1, inputs, pixels, pixels)
        response = torch.nn.functional.conv2d(image, taps, padding=padding)
        back = torch.nn.functional.conv_transpose2d(response, taps, padding=padding)
        return back.reshape(-1).numpy()

    low, high = _extreme_ritz_values(gram, size)
    smallest = float(np.sqrt(max(low, 0.0))) if outputs >= inputs else 0.0
    return ExtremeSingularValues(smallest, float(np.sqrt(max(high, 0.0))))


def _extreme_ritz_values(
    operator: Callable[[NDArray[np.float64]], NDArray[np.float64]], size: int
) -> tuple[float, float]:
    """Lanczos until both ends have settled, or the Krylov space of the start vector is complete."""
    start = np.random.default_rng(_SEED).standard_normal(size)
    basis = np.zeros((min(_MOST_STEPS, size), size))
    basis[0] = start / np.linalg.norm(start)
    diagonal: list[float] = []
    beside: list[float] = []
    for step in range(len(basis)):
        image = operator(basis[step])
        diagonal.append(float(basis[step] @ image))
        known = basis[: step + 1]
        for _ in range(2):  # twice is enough (Kahan, Parlett)
            image = image - known.T @ (known @ image)
        rest = float(np.linalg.norm(image))
        last = step + 1 == len(basis)
        if last or (step + 1) % _STEPS_BETWEEN_LOOKS == 0 or rest <= _COMPLETE * abs(diagonal[0]):
            values, vectors = eigh_tridiagonal(diagonal, beside)
            residual = rest * np.abs(vectors[-1, [0, -1]]).max()
            if last or residual <= _TOLERANCE * values[-1]:
                break
        beside.append(rest)
        basis[step + 1] = image / rest
    return float(values[0]), float(values[-1])
