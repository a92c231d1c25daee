"""A convolution layer as the matrix it is, so that its singular values can be looked at."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DomainError, ShapeError
from .validation import FloatArray, finite_array

Padding = Literal["zero", "circular"]


def convolution_matrix(
    kernel: ArrayLike, height: int, width: int, padding: Padding = "zero"
) -> FloatArray:
    """Return the matrix of y[o, p] = Σ_{i, d} kernel[o, i, d]·x[i, p + d − centre], stride 1.

    ``kernel`` has shape (out, in, k, l) with odd k, l (as PyTorch's Conv2d stores it); the result
    has shape (out·height·width, in·height·width), channels first. The output has the size of the
    input: missing neighbours are 0 or, circularly, those of the opposite border. Entries are
    exact (a sum of two taps that meet on a small torus is rounded). Raises ShapeError,
    DomainError. Source: PyTorch's definition of a convolution layer.

    >>> shift = np.zeros((1, 1, 3, 3))
    >>> shift[0, 0, 1, 0] = 1.0  # each pixel takes the value of its left neighbour
    >>> convolution_matrix(shift, 1, 3).tolist()
    [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    K = finite_array("kernel", kernel)
    if K.ndim != 4 or K.shape[2] % 2 == 0 or K.shape[3] % 2 == 0:
        raise ShapeError(
            came=f"kernel of shape {K.shape}",
            expected="(out, in, k, l) with odd k and l",
            remedy="Pad an even kernel with a row and a column of zeros.",
        )
    if height < 1 or width < 1:
        raise DomainError(
            came=f"image {height} × {width}",
            expected="at least 1 × 1",
            remedy="Give the image size.",
        )
    if padding not in ("zero", "circular"):
        raise DomainError(
            came=f"padding {padding!r}",
            expected="'zero' or 'circular'",
            remedy="Other paddings are not convolutions with the same norm; see their own bounds.",
        )
    outputs, inputs, rows, columns = K.shape
    T = np.zeros((outputs, height, width, inputs, height, width))
    for r in range(height):
        for c in range(width):
            for i in range(rows):
                for j in range(columns):
                    p, q = r + i - rows // 2, c + j - columns // 2
                    if padding == "circular":
                        p, q = p % height, q % width
                    elif not (0 <= p < height and 0 <= q < width):
                        continue
                    T[:, r, c, :, p, q] += K[:, :, i, j]
    return T.reshape(outputs * height * width, inputs * height * width)
