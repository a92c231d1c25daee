"""Small convolutions, written out from their definition, and the torus that each is laid on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from ....numerics.validation import FloatArray
from ...spectral.convolution import Convolution
from ...spectral.convolution_axis import ConvolutionAxis
from ...spectral.padding import MODES, Mode, padded_indices
from ...spectral.symbol import Symbol, half_grid
from ...spectral.torus import TorusAxis, copies, torus_axis, torus_sizes


@dataclass(frozen=True)
class PaddedConvolution:
    """A small convolution and the torus that it is laid on (None: the smallest that holds it)."""

    convolution: Convolution
    torus_points: tuple[int, ...] | None = None

    def matrix(self) -> FloatArray:
        """The operator, entry by entry from its definition."""
        A = self.convolution
        T = np.zeros((*A.output_shape, *A.input_shape))
        taps = A.weight.shape[2:]
        channels = len(A.weight) // A.groups, A.weight.shape[1]
        for p in np.ndindex(*A.output_shape[1:]):
            for t in np.ndindex(*taps):
                pixel = _pixel(A.axes, p, t)
                if pixel is None:
                    continue
                for group in range(A.groups):
                    for o, c in np.ndindex(*channels):
                        out, into = group * channels[0] + o, group * channels[1] + c
                        T[(out, *p, into, *pixel)] += A.weight[(out, c, *t)]
        return T.reshape(A.rows, A.columns)

    def norm(self) -> float:
        return float(np.linalg.norm(self.matrix(), 2))

    def torus(self) -> list[TorusAxis]:
        axes = [torus_axis(axis) for axis in self.convolution.axes]
        if self.torus_points is None:
            return axes
        return [replace(on, size=M) for on, M in zip(axes, self.torus_points, strict=True)]

    def symbols(self) -> FloatArray:
        """Singular values of the symbol at all frequencies and groups, as computed."""
        torus = self.torus()
        sizes = torus_sizes(torus)
        values = Symbol.of(self.convolution, torus).at(half_grid(sizes), sizes)
        return np.asarray(np.linalg.svd(values, compute_uv=False))

    def claimed(self) -> float:
        """√copies·max over the torus of ‖Ŝ‖."""
        return float(self.symbols().max()) * math.sqrt(copies(self.torus()))


def _pixel(
    axes: Sequence[ConvolutionAxis], p: tuple[int, ...], t: tuple[int, ...]
) -> tuple[int, ...] | None:
    """The pixel that tap t reads for row p; None for a zero."""
    pixel = []
    for axis, row, tap in zip(axes, p, t, strict=True):
        indices = padded_indices(axis.size, axis.low, axis.high, axis.mode)
        pixel.append(int(indices[row * axis.stride + tap * axis.dilation]))
    return None if min(pixel) < 0 else tuple(pixel)


def single_channel(
    taps: Sequence[float], size: int, low: int, high: int, mode: Mode = "zeros"
) -> PaddedConvolution:
    """One channel along one axis."""
    axis = ConvolutionAxis.of(size=size, taps=len(taps), low=low, high=high, mode=mode)
    return PaddedConvolution(Convolution.of_axes(np.array([[taps]], dtype=np.float64), 1, [axis]))


@st.composite
def padded_convolutions(draw: st.DrawFn) -> PaddedConvolution:
    """One or two axes, up to two groups; half of them padded as three taps usually are."""
    usual = draw(st.booleans())
    axes = []
    for _ in range(draw(st.integers(1, 2))):
        size = draw(st.integers(2, 4))
        mode: Mode = "zeros" if usual else draw(st.sampled_from(MODES))
        taps = 3 if usual else draw(st.integers(1, 3))
        low, high = (1, 1) if usual else (draw(st.integers(0, 1)), draw(st.integers(0, 1)))
        axis = ConvolutionAxis.of(
            size=size,
            taps=min(taps, low + size + high),
            stride=1 if usual else draw(st.integers(1, 2)),
            low=low,
            high=high,
            mode=mode,
        )
        axes.append(axis)
    groups = draw(st.integers(1, 2))
    shape = (groups * draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    K = rng.integers(-4, 5, (*shape, *(axis.taps for axis in axes))).astype(np.float64)
    axes = [replace(axis, mode=axes[0].mode) for axis in axes]
    return PaddedConvolution(Convolution.of_axes(K, groups, axes))
