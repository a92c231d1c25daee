"""Is one linear operation of a graph provably the adjoint of another? Compared bit by bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...numerics.validation import FloatArray
from .operations import Operation


def are_adjoint(inner: Operation, outer: Operation) -> bool:
    """Whether the linear part of ``outer`` is certainly the transpose of that of ``inner``.

    Known: dense with the transposed weight; a convolution with zero padding and the transposed one
    with the same kernel and geometry, either way round; two convolutions of stride 1, padded with
    zeros or circularly, with flipped and transposed kernels. False where it is not known.
    """
    if inner.shapes[0] != outer.shape() or outer.shapes[0] != inner.shape():
        return False
    kinds = (inner.node.operation, outer.node.operation)
    K, other = inner.weights["weight"], outer.weights["weight"]
    if kinds == ("dense", "dense"):
        return np.array_equal(other, K.T)
    if kinds == ("convolution", "transposed_convolution"):
        return np.array_equal(K, other) and _same_geometry(inner, outer)
    if kinds == ("transposed_convolution", "convolution"):
        return np.array_equal(K, other) and _same_geometry(outer, inner)
    if kinds == ("convolution", "convolution"):
        groups = inner.node.attributes["groups"]
        same = groups == outer.node.attributes["groups"]
        return same and np.array_equal(other, _flipped(K, groups)) and _turned(inner, outer)
    return False


def _same_geometry(convolution: Operation, transposed: Operation) -> bool:
    """Equal stride, dilation, groups and symmetric zero padding; the sizes are known to fit."""
    one, two = convolution.node.attributes, transposed.node.attributes
    pads = [tuple(pair) for pair in one["padding"]]
    return (
        one["mode"] == "zeros"
        and pads == [(p, p) for p in two["padding"]]
        and _equal(one, two, ("stride", "dilation", "groups"))
    )


def _turned(inner: Operation, outer: Operation) -> bool:
    """The geometry of the adjoint of a convolution of stride 1.

    With zeros, yⱼ = Σ K_t x_{j+dt−low} has the adjoint xᵢ = Σ Kᵀ_t y_{i−dt+low}, which pads
    d(k − 1) − low in front; circularly the same modulo the size, which must be that of y too.
    """
    one, two = inner.node.attributes, outer.node.attributes
    strides = [*one["stride"], *two["stride"]]
    if any(stride != 1 for stride in strides) or not _equal(one, two, ("dilation", "mode")):
        return False
    taps = inner.weights["weight"].shape[2:]
    reach = [d * (k - 1) for d, k in zip(one["dilation"], taps, strict=True)]
    turned = [(r - low, r - high) for r, (low, high) in zip(reach, one["padding"], strict=True)]
    if [tuple(pair) for pair in two["padding"]] != turned:
        return False
    if one["mode"] == "circular":
        return inner.shapes[0][1:] == inner.shape()[1:]
    return bool(one["mode"] == "zeros")


def _flipped(K: FloatArray, groups: int) -> FloatArray:
    """The kernel of the adjoint: inputs and outputs change places in each group, taps turn."""
    outputs, inputs, *taps = K.shape
    parts = K.reshape(groups, outputs // groups, inputs, *taps)
    swapped = np.swapaxes(parts, 1, 2).reshape(groups * inputs, outputs // groups, *taps)
    return np.flip(swapped, axis=tuple(range(2, K.ndim)))


def _equal(one: Mapping[str, Any], two: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    def plain(value: object) -> object:
        return list(value) if isinstance(value, list | tuple) else value

    return all(plain(one[name]) == plain(two[name]) for name in names)
