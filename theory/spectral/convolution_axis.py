"""One axis of a convolution: which padded pixel each tap reads for each row of the output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...errors import DomainError
from .padding import IndexArray, Mode, largest_multiplicity, padded_indices


@dataclass(frozen=True)
class ConvolutionAxis:
    """y[p] = Σₜ K[t]·x̂[p·stride + t·dilation], x̂ the padded pixels, 0 ≤ p < ``rows``.

    Raises DomainError where PyTorch refuses it.

    >>> ConvolutionAxis.of(size=32, taps=3, stride=2, low=1, high=1).rows
    16
    """

    size: int
    taps: int
    stride: int
    dilation: int
    low: int
    high: int
    mode: Mode
    rows: int

    @staticmethod
    def of(
        *,
        size: int,
        taps: int,
        stride: int = 1,
        dilation: int = 1,
        low: int = 0,
        high: int = 0,
        mode: Mode = "zeros",
    ) -> ConvolutionAxis:
        """Return the axis with as many rows as fit."""
        if min(size, taps, stride, dilation) < 1:
            raise DomainError(
                came=f"size {size}, {taps} taps, stride {stride}, dilation {dilation}",
                expected="positive integers",
                remedy="An axis without pixels or taps has no convolution.",
            )
        padded = len(padded_indices(size, low, high, mode))
        extent = dilation * (taps - 1) + 1
        if extent > padded:
            raise DomainError(
                came=f"a kernel that spans {extent} of {padded} padded pixels",
                expected="a kernel that fits into the padded image",
                remedy="Use more padding, a larger image or a smaller kernel.",
            )
        rows = (padded - extent) // stride + 1
        return ConvolutionAxis(size, taps, stride, dilation, low, high, mode, rows)

    @property
    def complete(self) -> bool:
        """Whether there are as many rows as fit; the adjoint's output padding may leave some out.

        >>> ConvolutionAxis.of(size=32, taps=3).complete
        True
        """
        extent = self.dilation * (self.taps - 1) + 1
        return self.rows == (self.padded - extent) // self.stride + 1

    @property
    def padded(self) -> int:
        return self.low + self.size + self.high

    @property
    def indices(self) -> IndexArray:
        """The pixel that each padded pixel copies, −1 for zero."""
        return padded_indices(self.size, self.low, self.high, self.mode)

    @property
    def positions(self) -> IndexArray:
        """Where each tap reads for the row 0, counted from the first pixel of the image."""
        return np.arange(self.taps, dtype=np.int64) * self.dilation - self.low

    def read_by(self, tap: int) -> slice:
        """The padded pixels that a tap reads for all rows."""
        start = tap * self.dilation
        return slice(start, start + (self.rows - 1) * self.stride + 1, self.stride)

    @property
    def multiplicity(self) -> int:
        """How often the most copied pixel appears in the padded image."""
        return largest_multiplicity(self.size, self.low, self.high, self.mode)

    def on_padded_image(self) -> ConvolutionAxis:
        """The same rows, read from the padded image as from an image of its own."""
        return ConvolutionAxis(
            self.padded, self.taps, self.stride, self.dilation, 0, 0, "zeros", self.rows
        )
