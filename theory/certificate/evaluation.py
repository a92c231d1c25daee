"""A graph evaluated in NumPy: the float64 values of all its nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ...numerics.validation import FloatArray, finite_array
from .rules import Derivation

_NUMBERS_AT_ONCE = 2**24  # float64 numbers that the values of one piece of a batch may take


def evaluate(derivation: Derivation, x: FloatArray) -> dict[str, FloatArray]:
    """Return the value of every node at a batch ``x`` (batch, *input_shape), in float64.

    What overflows is infinite or NaN there, without a warning.
    """
    values: dict[str, FloatArray] = {derivation.graph.input.name: np.asarray(x, dtype=np.float64)}
    with np.errstate(all="ignore"):
        for node in derivation.graph.nodes[1:]:
            operation = derivation.operations[node.name]
            values[node.name] = operation.evaluate(*(values[name] for name in node.inputs))
    return values


def exact_weights(weights: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Weights as float64, exactly: float16, float32 and float64 hold nothing that it cannot."""
    return {key: np.asarray(value, dtype=np.float64) for key, value in weights.items()}


def input_batch(derivation: Derivation, x: ArrayLike, name: str = "x") -> FloatArray:
    """Return ``x`` as a batch of points of the derivation's domain, or raise.

    Raises ShapeError unless its shape is (batch, *input_shape), DomainError for NaN, infinities and
    entries outside the domain on which the derivation holds.
    """
    array = finite_array(name, x)
    shape = derivation.graph.input.shape
    if array.shape[1:] != shape or array.ndim != len(shape) + 1:
        raise ShapeError(
            came=f"{name} of shape {array.shape}",
            expected=f"shape {('batch', *shape)}: a batch of inputs of the network",
            remedy="A single input x is a batch of one: x[None].",
        )
    low, high = derivation.lines[derivation.graph.input.name].range
    if np.any(array < low) or np.any(array > high):
        raise DomainError(
            came=f"{name} with entries in [{np.min(array):g}, {np.max(array):g}]",
            expected=f"entries in [{low:g}, {high:g}], the domain of the certificate",
            remedy="Scale the input as the network was certified, or certify a larger domain.",
        )
    return array


def pieces(derivation: Derivation, x: FloatArray) -> Iterator[FloatArray]:
    """Cut a batch into pieces whose values of all nodes take at most 128 MB (or one element)."""
    size = sum(math.prod(node.shape) for node in derivation.graph)
    step = max(1, _NUMBERS_AT_ONCE // max(size, 1))
    for start in range(0, len(x), step):
        yield x[start : start + step]
