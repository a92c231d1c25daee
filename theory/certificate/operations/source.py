"""The input of the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ....numerics.validation import FloatArray
from ..graph import Node, Shape
from .operation import Arithmetic, Factor, Inputs, Operation


class Source(Operation):
    """x itself: constant 1, no rounding."""

    operation = "input"
    arity = 0

    def __init__(
        self, node: Node, shapes: Sequence[Shape], weights: Mapping[str, FloatArray]
    ) -> None:
        self.node, self.shapes, self.weights = node, (), {}

    def shape(self) -> Shape:
        return self.node.shape

    def evaluate(self, *values: FloatArray) -> FloatArray:
        [x] = values
        return x

    def bound(self, inputs: Inputs) -> Factor:
        return Factor(inputs.joint, "input")

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        return np.zeros(len(output))
