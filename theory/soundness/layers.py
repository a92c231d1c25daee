"""Random linear layers: bounded by ``theory.spectral``, written out as matrices by the oracle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ...numerics.validation import FloatArray
from ..certificate.graph import Node
from ..certificate.operations import read_operation
from ..certificate.operations.linear import Linear
from ..spectral import SingularValues
from .instance import Bracket, Instance
from .oracles import (
    ball_spectral_norm,
    materialised_convolution,
    output_sizes,
    smallest_singular_value,
    spectral_norm_range,
)

Generator = np.random.Generator


def scale_of(rng: Generator) -> float:
    """Twelve decades of scale, and now and then weights of 1e-30 or 1e20."""
    if rng.random() < 0.1:
        return float(rng.choice([1e-30, 1e-20, 1e20]))
    return float(10.0 ** rng.uniform(-6, 6))


def entries(rng: Generator, shape: Sequence[int]) -> FloatArray:
    """Weights as they come: Gaussian, float16 or float32, sparse, integer, constant, zero."""
    W = rng.standard_normal(tuple(shape))
    kind = rng.integers(8)
    if kind == 0:
        W = W.astype(np.float16).astype(np.float64)
    elif kind == 1:
        W = W.astype(np.float32).astype(np.float64)
    elif kind == 2:
        W = W * (rng.random(W.shape) < 0.3)
    elif kind == 3:
        W = np.round(2 * W)
    elif kind == 4:
        W = np.ones(W.shape) * W.flat[0]
    elif kind == 5 and rng.random() < 0.3:
        W = np.zeros(W.shape)
    return np.asarray(W * scale_of(rng))


def dense(rng: Generator) -> FloatArray:
    """A matrix, every third time of less than full rank."""
    rows, columns = (int(n) for n in rng.integers(1, 13, size=2))
    if rng.random() < 0.3:
        rank = int(rng.integers(1, 4))
        return entries(rng, (rows, rank)) @ rng.standard_normal((rank, columns))
    if rng.random() < 0.1:
        Q, _ = np.linalg.qr(rng.standard_normal((max(rows, columns),) * 2))
        return np.asarray(Q[:rows, :columns] * scale_of(rng))
    return entries(rng, (rows, columns))


def dense_layer(rng: Generator, seed: int) -> Instance:
    """A dense layer against LAPACK."""
    W = dense(rng)
    return _compare("dense", seed, "dense", {}, {"weight": W}, (W.shape[1],), (W.shape[0],), W)


def dense_against_balls(rng: Generator, seed: int) -> Instance:
    """A small dense layer against ball arithmetic, which leaves no room for LAPACK's rounding."""
    W = entries(rng, rng.integers(1, 5, size=2).tolist())
    if not np.any(W):
        W = np.ones(W.shape)  # zeros are tried in the family above
    node = Node("y", "dense", ("x",), (len(W),), {}, {"weight": "W"})
    values = _singular_values(node, (W.shape[1],), {"W": W})
    claimed = Bracket(values.largest_lower, values.largest)
    return Instance("dense, balls", seed, claimed, ball_spectral_norm(W))


def convolution_layer(rng: Generator, seed: int) -> Instance:
    """A convolution of any kind against its matrix."""
    axes = int(rng.integers(1, 3))
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    inputs, outputs = (groups * int(n) for n in rng.integers(1, 4, size=2))
    taps = [int(n) for n in rng.integers(1, 5, size=axes)]
    image = [int(n) for n in rng.integers(2, 8 if axes == 1 else 6, size=axes)]
    mode = str(rng.choice(["zeros", "zeros", "circular", "reflect", "replicate"]))
    dilation = [int(n) for n in rng.choice([1, 1, 2], size=axes)]
    padding = []
    for n, k, d in zip(image, taps, dilation, strict=True):
        reach = d * (k - 1)
        most = reach if mode == "zeros" else min(reach, n - 1)
        low, high = (int(p) for p in rng.integers(0, most + 1, size=2))
        if rng.random() < 0.5:  # as most layers are: the size of the input
            low, high = min(reach // 2, most), min(reach - reach // 2, most)
        short = reach + 1 - (n + low + high)
        if short > 0:  # the kernel must fit somewhere
            low, high = (low + short, high) if mode == "zeros" else (most, most)
        padding.append([low, high])
    stride = [int(n) for n in rng.choice([1, 1, 2, 3], size=axes)]
    kernel = entries(rng, (outputs, inputs // groups, *taps))
    if any(
        n + low + high < d * (k - 1) + 1
        for n, (low, high), d, k in zip(image, padding, dilation, taps, strict=True)
    ):
        only = tuple([slice(None)] * 2 + [slice(0, 1)] * axes)  # one tap
        kernel, dilation = kernel[only], [1] * axes
    attributes = {
        "stride": stride,
        "padding": padding,
        "mode": mode,
        "dilation": dilation,
        "groups": groups,
    }
    T = materialised_convolution(kernel, image, stride, padding, dilation, groups, mode)
    sizes = output_sizes(image, kernel.shape[2:], stride, padding, dilation)
    return _compare(
        f"convolution, {mode}",
        seed,
        "convolution",
        attributes,
        {"weight": kernel},
        (inputs, *image),
        (outputs, *sizes),
        T,
    )


def paraunitary_layer(rng: Generator, seed: int) -> Instance:
    """Q₁·diag(shifts)·Q₂: orthogonal on the torus, and not with zero padding."""
    channels = int(rng.integers(1, 4))
    kernel = np.zeros((channels, channels, 3, 3))
    Q1, _ = np.linalg.qr(rng.standard_normal((channels, channels)))
    Q2, _ = np.linalg.qr(rng.standard_normal((channels, channels)))
    for c in range(channels):
        row, column = rng.integers(0, 3, size=2)
        kernel[:, :, row, column] += np.outer(Q1[:, c], Q2[c])
    kernel *= scale_of(rng)
    image = [int(n) for n in rng.integers(3, 6, size=2)]
    mode = str(rng.choice(["zeros", "circular"]))
    padding = [[1, 1], [1, 1]]
    attributes = {
        "stride": [1, 1],
        "padding": padding,
        "mode": mode,
        "dilation": [1, 1],
        "groups": 1,
    }
    T = materialised_convolution(kernel, image, [1, 1], padding, [1, 1], 1, mode)
    shape = (channels, *image)
    weights = {"weight": kernel}
    return _compare(
        f"paraunitary, {mode}", seed, "convolution", attributes, weights, shape, shape, T
    )


def transposed_layer(rng: Generator, seed: int) -> Instance:
    """A transposed convolution: the transpose of the matrix of the convolution that it reverses."""
    groups = int(rng.choice([1, 1, 2]))
    inputs, outputs = (groups * int(n) for n in rng.integers(1, 4, size=2))
    k, s = int(rng.choice([1, 2, 3, 3, 4])), int(rng.choice([1, 1, 2, 3]))
    dilation = int(rng.integers(1, 4))
    reach = dilation * (k - 1)
    n, p = int(rng.integers(2, 6)), int(rng.integers(0, reach // 2 + 1))
    if rng.random() < 0.5:  # as most layers are
        p = reach // 2
    extra = int(rng.integers(0, max(s, dilation)))
    size = (n - 1) * s - 2 * p + reach + 1 + extra
    kernel = entries(rng, (inputs, outputs // groups, k))
    if rng.random() < 0.3:
        kernel = np.abs(kernel)
    T = _reversed(kernel, size, n, s, p, dilation, groups)
    attributes = {
        "stride": [s],
        "padding": [p],
        "output_padding": [extra],
        "dilation": [dilation],
        "groups": groups,
    }
    return _compare(
        "transposed convolution",
        seed,
        "transposed_convolution",
        attributes,
        {"weight": kernel},
        (inputs, n),
        (outputs, size),
        T,
    )


def _reversed(
    kernel: FloatArray, size: int, n: int, s: int, p: int, dilation: int, groups: int
) -> FloatArray:
    """From PyTorch's definition: y[o, s·q + dilation·d − p] += x[i, q]·kernel[i, o, d]."""
    inputs, per_group, taps = kernel.shape
    T = np.zeros((per_group * groups, size, inputs, n))
    for i in range(inputs):
        first = i // (inputs // groups) * per_group
        for q in range(n):
            for d in range(taps):
                target = s * q + dilation * d - p
                if 0 <= target < size:
                    T[first : first + per_group, target, i, q] += kernel[i, :, d]
    return T.reshape(per_group * groups * size, inputs * n)


def averaging_layer(rng: Generator, seed: int) -> Instance:
    """Average pooling, overlapping or not, as one small matrix an axis."""
    n, k, s = int(rng.integers(2, 9)), int(rng.integers(1, 4)), int(rng.integers(1, 4))
    k = min(k, n)
    starts = range(0, n - k + 1, s)
    rows = [{"indices": list(range(i, i + k)), "weights": [1] * k, "divisor": k} for i in starts]
    A = np.zeros((len(rows), n))
    for r, i in enumerate(starts):
        A[r, i : i + k] = 1.0 / k
    attributes = {"maps": [{"axis": 1, "rows": rows}, {"axis": 2, "rows": rows}]}
    T = np.asarray(np.kron(A, A), dtype=np.float64)
    return _compare("averaging", seed, "axes", attributes, {}, (1, n, n), (1, *A.shape[:1] * 2), T)


def batch_norm_layer(rng: Generator, seed: int) -> Instance:
    """Batch normalisation in evaluation: a diagonal."""
    channels = int(rng.integers(1, 6))
    weight = entries(rng, (channels,))
    variance = np.abs(entries(rng, (channels,)))
    weights = {
        "weight": weight,
        "bias": rng.standard_normal(channels),
        "mean": rng.standard_normal(channels),
        "variance": variance,
    }
    T = np.diag(weight / np.sqrt(variance + 1e-5))
    shape = (channels,)
    return _compare("batch norm", seed, "batch_norm", {"epsilon": 1e-5}, weights, shape, shape, T)


LAYERS: tuple[Callable[[Generator, int], Instance], ...] = (
    dense_layer,
    dense_against_balls,
    convolution_layer,
    convolution_layer,
    convolution_layer,
    paraunitary_layer,
    transposed_layer,
    averaging_layer,
    batch_norm_layer,
)


def _compare(
    family: str,
    seed: int,
    operation: str,
    attributes: Mapping[str, Any],
    weights: dict[str, FloatArray],
    shape: tuple[int, ...],
    output: tuple[int, ...],
    T: FloatArray,
) -> Instance:
    """The bounds of the layer against the singular values of its matrix T."""
    node = Node("y", operation, ("x",), output, attributes, {role: role for role in weights})
    values = _singular_values(node, shape, weights)
    truth = spectral_norm_range(T)
    claimed = Bracket(values.largest_lower, values.largest)
    least = smallest_singular_value(T)
    if values.smallest > least:  # reported as a violation of its own
        return Instance(
            f"{family}: σ_min", seed, Bracket(values.smallest, 0.0), Bracket(0.0, least)
        )
    return Instance(family, seed, claimed, truth)


def _singular_values(
    node: Node, shape: tuple[int, ...], weights: Mapping[str, FloatArray]
) -> SingularValues:
    layer = read_operation(node, [shape], weights)
    if not isinstance(layer, Linear):
        raise TypeError(f"{node.operation} is no linear operation")
    return layer.map.singular_values(smallest=True)
