"""One ATen operation as its translation sees it: arguments by name, and what it may emit.

Every argument must be read or have its default, so that none is overlooked; axes are PyTorch's, the
batch axis counted, and become ours, without it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ...errors import StructureError
from ...numerics.validation import FloatArray
from ...theory.certificate.graph import Node, Shape
from .folding import Constant, as_float64, without_batch
from .lowering import Lowering, Signal, Value, Withheld

# How a result is laid out in memory or where it is computed is no part of the function.
_IRRELEVANT = {"memory_format", "device", "layout", "pin_memory", "non_blocking", "copy"}
_NOTHING = object()


class Call:
    """One ATen operation with its arguments by name, as a translation sees it."""

    def __init__(
        self,
        lowering: Lowering,
        name: str,
        operation: str,
        layer: str,
        arguments: Mapping[str, Value],
        defaults: Mapping[str, Value],
        shapes: Sequence[Shape],
    ) -> None:
        self.lowering, self.name, self.operation, self.layer = lowering, name, operation, layer
        self.arguments, self.defaults = arguments, defaults
        self.result_shapes = shapes  # of PyTorch's results, with the batch axis
        self._read: set[str] = set()

    # ------------------------------------------------------------------ arguments

    def __contains__(self, name: str) -> bool:
        return name in self.arguments

    def __getitem__(self, name: str) -> Value:
        self._read.add(name)
        value = self.arguments[name]
        if isinstance(value, Withheld):
            raise self.refused(value.what, "Use the values only.")
        return value

    def get(self, name: str, default: Value = None) -> Value:
        return self[name] if name in self.arguments else default

    def signal(self, name: str) -> Signal:
        """The argument that depends on the input."""
        value = self[name]
        if not isinstance(value, Signal):
            raise self.refused(f"a constant as {name!r}, and the input elsewhere")
        return value

    def constant(self, name: str) -> Constant:
        value = self[name]
        if not isinstance(value, Constant):
            raise self.refused(
                f"{name!r} computed from the input",
                "A product of two values has no Lipschitz constant without a domain.",
            )
        return value

    def optional(self, name: str) -> Constant | None:
        return None if self.get(name) is None else self.constant(name)

    def overlook(self, *names: str) -> None:
        """Arguments without consequence: they repeat the result's shape, or matter in training."""
        self._read.update(names)

    def check_all_read(self) -> None:
        for name, value in self.arguments.items():
            harmless = name in self._read or name in _IRRELEVANT
            if not harmless and not _is_default(value, self.defaults.get(name, _NOTHING)):
                raise self.refused(f"the argument {name} = {_text(value)}")

    def axis(self, index: int, rank: int) -> int:
        """The axis of a signal of ``rank`` (without batch) at PyTorch's index; batch is refused."""
        axis = index + rank + 1 if index < 0 else index
        if axis == 0 or not 0 <= axis <= rank:
            raise self.mixes()
        return axis - 1

    def axes(self, indices: int | Sequence[int] | None, rank: int) -> list[int]:
        """Several axes, sorted; None or no axis means all, the batch axis too: refused."""
        if indices is None or (not isinstance(indices, int) and not indices):
            if rank or indices is None:
                raise self.mixes()
            return []
        several = [indices] if isinstance(indices, int) else indices
        return sorted({self.axis(index, rank) for index in several})

    # ------------------------------------------------------------------ results

    @property
    def result_shape(self) -> Shape:
        """The result's shape without the batch axis, which must be there."""
        return self.without_batch(self.result_shapes[0])

    def without_batch(self, shape: Sequence[int]) -> Shape:
        if not shape or shape[0] != self.lowering.batch:
            raise self.mixes()
        return tuple(int(n) for n in shape[1:])

    def emit(
        self,
        operation: str,
        inputs: Sequence[Signal],
        shape: Shape,
        attributes: Mapping[str, Any] | None = None,
        tensors: Mapping[str, str] | None = None,
    ) -> Signal:
        name = self.lowering.unique(self.name)
        inputs_ = tuple(signal.name for signal in inputs)
        node = Node(name, operation, inputs_, shape, attributes or {}, tensors or {}, self.layer)
        return self.lowering.emit(node)

    def weight(self, constant: Constant, role: str, shape: Shape | None = None) -> str:
        """Keep a constant as it is (under the module's own name) or reshaped; return its key."""
        array = self.array(constant)
        if shape is None or array.shape == shape:
            return self.lowering.keep(constant.key or f"{self.name}.{role}", array)
        return self.lowering.keep(
            f"{constant.key or self.name}.{role}", np.ascontiguousarray(array.reshape(shape))
        )

    def array(self, constant: Constant) -> FloatArray:
        return as_float64(constant, self.where)

    def number(self, value: float, role: str) -> str:
        return self.lowering.keep(f"{self.name}.{role}", np.array(float(value)))

    def affine(self, signal: Signal, role: str, constant: Constant) -> Signal:
        """scale, divisor or shift by a constant tensor, both broadcast to a common shape."""
        tensor = self.broadcastable(constant, signal.rank)
        shape = self.common_shape(signal.shape, tuple(tensor.tensor.shape))
        signal = self.broadcast(signal, shape)
        key = self.weight(tensor, role)
        return self.emit("diagonal", [signal], shape, tensors={role: key})

    def broadcastable(self, constant: Constant, rank: int) -> Constant:
        """A constant without the batch axis that it may have; refused if it differs along it."""
        found = without_batch(constant, rank, self.lowering.batch)
        if found is None:
            raise self.mixes("a constant that differs along the batch axis, or shifts it")
        return found

    def common_shape(self, a: Shape, b: Shape) -> Shape:
        return tuple(np.broadcast_shapes(a, b))

    def broadcast(self, signal: Signal, shape: Shape) -> Signal:
        """Copy along axes of length 1."""
        if signal.shape == shape:
            return signal
        if len(shape) != signal.rank:
            raise self.mixes("a value broadcast to more axes")
        copy = {"indices": [0], "weights": [1], "divisor": 1}
        maps = [
            {"axis": axis, "rows": [copy] * new}
            for axis, (old, new) in enumerate(zip(signal.shape, shape, strict=True))
            if old != new
        ]
        return self.emit("axes", [signal], shape, {"maps": maps})

    def reshape(self, signal: Signal, shape: Shape) -> Signal:
        if signal.shape == shape:
            return signal
        return self.emit("reshape", [signal], shape, {"shape": list(shape)})

    def permute(self, signal: Signal, order: Sequence[int]) -> Signal:
        if list(order) == list(range(signal.rank)):
            return signal
        shape = tuple(signal.shape[axis] for axis in order)
        return self.emit("permute", [signal], shape, {"order": list(order)})

    def select(self, signal: Signal, axis: int, indices: Sequence[int]) -> Signal:
        """The entries with these indices along an axis, in this order."""
        if list(indices) == list(range(signal.shape[axis])):
            return signal
        rows = [{"indices": [i], "weights": [1], "divisor": 1} for i in indices]
        shape = (*signal.shape[:axis], len(indices), *signal.shape[axis + 1 :])
        return self.emit("axes", [signal], shape, {"maps": [{"axis": axis, "rows": rows}]})

    def scaled(self, signal: Signal, factor: float) -> Signal:
        """factor·signal for a Python number, merged with an earlier one where that is exact."""
        return self.sum([signal], [factor])

    def sum(self, signals: Sequence[Signal], coefficients: Sequence[float]) -> Signal:
        terms = [self._unscaled(s, float(c)) for s, c in zip(signals, coefficients, strict=True)]
        if len(terms) == 1 and terms[0][1] == 1.0:
            return terms[0][0]
        factors = [c for _, c in terms]
        if not all(math.isfinite(c) for c in factors):
            raise self.refused(f"the coefficients {factors}")
        return self.emit("sum", [s for s, _ in terms], signals[0].shape, {"coefficients": factors})

    def _unscaled(self, signal: Signal, coefficient: float) -> tuple[Signal, float]:
        node = self.lowering.nodes[signal.name]
        while node.operation == "sum" and len(node.inputs) == 1:
            [inner] = node.attributes["coefficients"]
            product = coefficient * inner
            finite = math.isfinite(product) and math.isfinite(coefficient)
            if not finite or Fraction(coefficient) * Fraction(inner) != Fraction(product):
                break
            coefficient, node = product, self.lowering.nodes[node.inputs[0]]
        return Signal(node.name, node.shape), coefficient

    # ------------------------------------------------------------------ refusals

    @property
    def where(self) -> str:
        place = f" in {self.layer}" if self.layer else ""
        return f"{self.operation!r} ({self.name}{place})"

    def refused(self, came: str, remedy: str = "") -> StructureError:
        return StructureError(
            came=f"the operation {self.where} with {came}",
            expected="operations with a known Lipschitz constant",
            remedy=remedy or "Rewrite it, or give a bound of its layer with certify.rule.",
        )

    def mixes(self, came: str = "") -> StructureError:
        return StructureError(
            came=f"the operation {self.where}, which mixes or moves the batch axis"
            + (f": {came}" if came else ""),
            expected="a module that treats the examples of a batch one by one, on axis 0",
            remedy="Keep the batch axis first and apart from the others.",
        )


def _is_default(value: Value, default: Value) -> bool:
    if default is _NOTHING or isinstance(value, Signal | Constant | Withheld):
        return False
    return type(value) is type(default) and bool(value == default)


def _text(value: Value) -> str:
    return type(value).__name__.lower() if isinstance(value, Signal | Constant) else repr(value)
