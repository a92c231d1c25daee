"""Bounds that users vouch for: layers of theirs that a certificate takes as they say.

While a module is traced, the forward of such a layer is one opaque operation, so that nothing
inside it is looked at; its shape is the one that it had in a real run before.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import DomainError, StructureError
from .call import Call
from .lowering import Signal, Value, translates

Bound = Callable[[Any], float]


@dataclass(frozen=True)
class UserRule:
    """A layer's bound as a function of the layer, under the name that the certificate records."""

    name: str
    bound: Bound

    def upper(self, layer: nn.Module, path: str) -> float:
        """The bound of one layer; raises DomainError unless it is a finite number ≥ 0."""
        given = self.bound(layer)
        number = isinstance(given, int | float) and not isinstance(given, bool)
        if not number or not math.isfinite(given) or given < 0.0:
            raise DomainError(
                came=f"the bound {given!r} of {path} by the rule {self.name}",
                expected="a finite number ≥ 0: an upper bound of the layer's Lipschitz constant",
                remedy="Return a float.",
            )
        return float(given)


@contextlib.contextmanager
def asserted(
    module: nn.Module, x: Tensor, rules: Mapping[type[nn.Module], UserRule]
) -> Iterator[None]:
    """Within, the layers with a rule (of exactly that class) are opaque operations.

    Raises StructureError for a layer that does more than to map tensors to one tensor.
    """
    layers = {
        path: layer for path, layer in module.named_modules() if type(layer) in rules
    }  # a layer that is used twice is listed once, and called twice
    if not layers:
        yield
        return
    shapes = _shapes_in_a_run(module, layers, x)
    _operation()  # registered before tracing begins
    replaced = []
    try:
        for path, layer in layers.items():
            rule = rules[type(layer)]
            forward = _opaque(
                rule, rule.upper(layer, path or rule.name), path, shapes[path], len(x)
            )
            replaced.append((layer, layer.__dict__.get("forward")))
            layer.__dict__["forward"] = forward
        yield
    finally:
        for layer, before in reversed(replaced):
            del layer.__dict__["forward"]
            if before is not None:
                layer.__dict__["forward"] = before


def _shapes_in_a_run(
    module: nn.Module, layers: Mapping[str, nn.Module], x: Tensor
) -> dict[str, list[torch.Size]]:
    """The shape of what each layer returns at each of its calls, in order."""
    shapes: dict[str, list[torch.Size]] = {path: [] for path in layers}

    def recorder(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def record(_layer: nn.Module, _inputs: Any, result: Any) -> None:
            if not isinstance(result, Tensor) or result.ndim == 0 or len(result) != len(x):
                raise _no_map(path, "a result that is not one tensor with the batch axis first")
            shapes[path].append(result.shape)

        return record

    handles = [layer.register_forward_hook(recorder(path)) for path, layer in layers.items()]
    try:
        with torch.no_grad():
            module(x.clone())
    finally:
        for handle in handles:
            handle.remove()
    return shapes


def _opaque(
    rule: UserRule, upper: float, path: str, shapes: list[torch.Size], batch: int
) -> Callable[..., Tensor]:
    counts = iter(shapes * 4)  # a tracer may run the module again

    def forward(*inputs: Any, **keywords: Any) -> Tensor:
        tensors = [value for value in inputs if isinstance(value, Tensor)]
        if keywords or len(tensors) != len(inputs) or not tensors:
            raise _no_map(path, "arguments that are not tensors")
        if any(t.ndim == 0 or len(t) != batch for t in tensors):
            raise _no_map(path, "an argument without the batch axis in front")
        result: Tensor = _operation()(tensors, rule.name, upper, list(next(counts)))
        return result

    return forward


@functools.cache
def _operation() -> Callable[..., Any]:
    """``flowcert::asserted``: a PyTorch operation of which only the shape is known."""

    @torch.library.custom_op("flowcert::asserted", mutates_args=())
    def operation(inputs: list[Tensor], rule: str, upper: float, shape: list[int]) -> Tensor:
        return inputs[0].new_zeros(shape)

    @operation.register_fake
    def _(inputs: list[Tensor], rule: str, upper: float, shape: list[int]) -> Tensor:
        return inputs[0].new_empty(shape)

    return operation


@translates("flowcert::asserted")
def _asserted(call: Call) -> Value:
    inputs = [value for value in call["inputs"] if isinstance(value, Signal)]
    call.overlook("shape")
    attributes = {"rule": call["rule"], "upper": call["upper"]}
    return call.emit("asserted", inputs, call.result_shape, attributes)


def _no_map(path: str, came: str) -> StructureError:
    return StructureError(
        came=f"the layer {path or 'itself'}, which has a user's rule, with {came}",
        expected="a layer that maps tensors to one tensor, each with the batch axis in front",
        remedy="Wrap it in a layer that does, and register that one.",
    )
