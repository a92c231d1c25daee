"""A graph evaluated in NumPy, with a bound of what rounding did to it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...numerics.validation import FloatArray
from .rules import Derivation


def evaluate(derivation: Derivation, x: FloatArray) -> dict[str, FloatArray]:
    """Return the value of every node at a batch ``x`` (batch, *input_shape), in float64."""
    values: dict[str, FloatArray] = {derivation.graph.input.name: np.asarray(x, dtype=np.float64)}
    for node in derivation.graph.nodes[1:]:
        operation = derivation.operations[node.name]
        values[node.name] = operation.evaluate(*(values[name] for name in node.inputs))
    return values


def exact_weights(weights: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Weights as float64, exactly: float16, float32 and float64 hold nothing that it cannot."""
    return {key: np.asarray(value, dtype=np.float64) for key, value in weights.items()}
