"""y = Wx + b on the last axis."""

from __future__ import annotations

from ...spectral.dense import Dense as DenseMap
from ...spectral.linear_map import LinearMap
from .linear import Linear


class Dense(Linear):
    """``weight`` (out, in), ``bias`` (out,); the same map for every index of the other axes."""

    operation = "dense"
    tensors = ("weight", "bias?")

    def read_map(self) -> LinearMap:
        weight, bias = self.weights["weight"], self.weights.get("bias")
        [shape] = self.shapes
        if weight.ndim != 2 or 0 in weight.shape or not shape or shape[-1] != weight.shape[1]:
            raise self.malformed(f"a weight of shape {weight.shape}")
        if bias is not None and bias.shape != weight.shape[:1]:
            raise self.malformed(f"a bias of shape {bias.shape}")
        self.shift = bias
        return DenseMap(weight, shape)
