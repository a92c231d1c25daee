"""A module traced to a certificate's graph: PyTorch exports it, each operation is translated.

What is trusted: that ``torch.export`` records what the module computes in evaluation mode. A Python
number that depends on the batch, on earlier calls or on whether gradients are recorded would be
frozen into the graph: two traces, with other batches and modes, must agree.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.export import ExportedProgram
from torch.export.graph_signature import InputKind, OutputKind

from ...errors import ShapeError, StructureError
from ...numerics.validation import FloatArray
from ...theory.certificate.graph import Graph, Node, Shape
from ..layers.layer import Layer
from .call import Call
from .exporting import exported, kind
from .folding import Constant, check_tensor, fold
from .lowering import Lowering, Signal, Value, Withheld
from .pixels import Pixels, scale_pixels
from .refusals import refuse_layers
from .translations import translate
from .user_rules import UserRule


@dataclass(frozen=True)
class Traced:
    """A module as a graph of a certificate, with its weights (float64, exactly) by key."""

    graph: Graph
    weights: dict[str, FloatArray]


def trace(
    module: nn.Module,
    input_shape: Sequence[int],
    *,
    pixels: Pixels | None = None,
    rules: Mapping[type[nn.Module], UserRule] | None = None,
) -> Traced:
    """Return the graph of a module in evaluation mode on inputs of ``input_shape`` (without batch).

    ``pixels`` stand in front; layers with one of the ``rules`` are taken as these say. Raises
    StructureError for what no certificate can follow, naming the operation and its place in the
    module; ShapeError for an ``input_shape`` that is none; DomainError for NaN or infinite weights.
    Source: flowcert, E [D].

    >>> traced = trace(nn.Sequential(nn.Linear(2, 3), nn.ReLU()).eval(), (2,))
    >>> [node.operation for node in traced.graph]
    ['input', 'dense', 'activation']
    """
    shape = _checked_shape(input_shape)
    _check_module(module)
    refuse_layers(module, rules or {})
    _check_layers(module, rules or {})
    small, large = _BATCHES
    with torch.no_grad():
        traced = _trace(module, shape, pixels, rules or {}, small)
    with torch.enable_grad():
        again = _trace(module, shape, pixels, rules or {}, large)
    if not _agree(traced, again):
        raise StructureError(
            came=f"a {type(module).__name__} that is another function of a batch of {large} than of"
            f" one of {small}, at its second call, or while gradients are recorded",
            expected="the same function at every call and for batches of every size",
            remedy="Keep state, randomness and the batch's size out of forward.",
        )
    return traced


# Both are unlike any length that a network is likely to compare with; nothing is computed on them.
_BATCHES = (2, 97)


def _agree(first: Traced, second: Traced) -> bool:
    same = first.graph == second.graph and first.weights.keys() == second.weights.keys()
    return same and all(np.array_equal(w, second.weights[k]) for k, w in first.weights.items())


def _trace(
    module: nn.Module,
    shape: Shape,
    pixels: Pixels | None,
    rules: Mapping[type[nn.Module], UserRule],
    batch: int,
) -> Traced:
    program = exported(module, shape, rules, batch)
    lowering = Lowering(kind(module)[0], batch)
    values = _placeholders(program, lowering, pixels)
    output: Value = None
    for node in program.graph_module.graph.nodes:
        if node.op == "output":
            output = _output(program, values)
        elif node.op != "placeholder":
            values[node.name] = _value(node, values, lowering)
    return Traced(*_used(lowering, output.name))


# ---------------------------------------------------------------------------------- before


def _checked_shape(input_shape: Sequence[int]) -> Shape:
    shape = tuple(input_shape) if isinstance(input_shape, Sequence) else (input_shape,)
    if not shape or not all(isinstance(n, int) and n >= 1 for n in shape):
        raise ShapeError(
            came=f"input_shape = {input_shape!r}",
            expected="positive lengths, without the batch axis: (3, 32, 32)",
            remedy="Leave the batch axis out.",
        )
    return shape


def _check_module(module: nn.Module) -> None:
    if not isinstance(module, nn.Module):
        raise StructureError(
            came=f"a {type(module).__name__}",
            expected="a torch.nn.Module",
            remedy="Wrap a function in a module that calls it.",
        )
    training = [name or type(module).__name__ for name, m in module.named_modules() if m.training]
    if training:
        more = f" and {len(training) - 4} more" if len(training) > 4 else ""
        raise StructureError(
            came=f"a module in training mode: {', '.join(training[:4])}{more}",
            expected="evaluation mode, in which it is one fixed function",
            remedy="Call module.eval() first.",
        )
    for name, tensor in module.named_parameters():
        check_tensor(name, tensor, f"the parameter {name}")


def _check_layers(
    module: nn.Module, rules: Mapping[type[nn.Module], UserRule], at: str = ""
) -> None:
    """Refuse layers that say of themselves that no constant holds, unless the user vouches."""
    if type(module) in rules:
        return
    if isinstance(module, Layer) and module.refused:
        raise StructureError(
            came=f"a {type(module).__name__}{at and f' ({at})'}: {module.refused}",
            expected="layers with a known Lipschitz constant",
            remedy="Give a bound of the layer with certify.rule, or leave it out.",
        )
    for name, part in module.named_children():
        _check_layers(part, rules, f"{at}.{name}" if at else name)


# ---------------------------------------------------------------------------------- the graph


def _placeholders(
    program: ExportedProgram, lowering: Lowering, pixels: Pixels | None
) -> dict[str, Value]:
    values: dict[str, Value] = {}
    tensors = {**program.constants, **program.state_dict}
    first_names: dict[int, str] = {}
    for spec in program.graph_signature.input_specs:
        name, target = getattr(spec.arg, "name", ""), spec.target
        if spec.kind is InputKind.USER_INPUT:
            shape = _metadata_shapes(program, name)[0]
            source = lowering.emit(Node(name, "input", (), tuple(shape[1:])))
            values[name] = source if pixels is None else scale_pixels(lowering, source, pixels)
        elif target in tensors and isinstance(tensors[target], torch.Tensor):
            tensor = tensors[target]
            key = first_names.setdefault(id(tensor), target)
            values[name] = Constant(tensor.detach().to("cpu"), key)
        else:
            raise _foreign(f"an input of the kind {spec.kind.name.lower()} ({target or name})")
    return values


def _metadata_shapes(program: ExportedProgram, name: str) -> list[Shape]:
    return next(
        _shapes(node.meta["val"]) for node in program.graph_module.graph.nodes if node.name == name
    )


def _shapes(value: Any) -> list[Shape]:
    several = value if isinstance(value, tuple | list) else [value]
    return [tuple(v.shape) if isinstance(v, torch.Tensor) else () for v in several]


def _value(node: torch.fx.Node, values: Mapping[str, Value], lowering: Lowering) -> Value:
    layer = _layer(node)
    where = f"{node.target} ({node.name}{f' in {layer}' if layer else ''})"
    if node.op != "call_function":
        raise _foreign(f"the node {node.name}, a {node.op}")
    arguments = _read(node.args, values)
    keywords = _read(dict(node.kwargs), values)
    if node.target is operator.getitem:
        return arguments[0][arguments[1]]
    if not isinstance(node.target, torch._ops.OpOverload):
        raise _foreign(f"the operation {where}")
    if node.target.namespace == "aten" and node.target.__name__.startswith("_assert"):
        return None  # a check of shapes or types, without a value
    if not _depends(arguments) and not _depends(keywords):
        if node.target.namespace == "flowcert":
            raise _foreign(f"the layer {layer} on a constant")
        return fold(node.target, arguments, keywords, where)
    defaults, given = _by_name(node.target, arguments, keywords)
    name = node.target.overloadpacket.__name__
    operation = name if node.target.namespace == "aten" else f"{node.target.namespace}::{name}"
    shapes = _shapes(node.meta.get("val"))
    return translate(Call(lowering, node.name, operation, layer, given, defaults, shapes))


def _by_name(
    target: torch._ops.OpOverload, arguments: Sequence[Value], keywords: Mapping[str, Value]
) -> tuple[dict[str, Value], dict[str, Value]]:
    """The defaults of an operation, and its arguments with them filled in."""
    schema = target._schema.arguments
    defaults = {a.name: a.default_value for a in schema if a.has_default_value()}
    positional = {a.name: value for a, value in zip(schema, arguments, strict=False)}
    return defaults, {**defaults, **positional, **keywords}


def _read(argument: Any, values: Mapping[str, Value]) -> Any:
    if isinstance(argument, torch.fx.Node):
        return values[argument.name]
    if isinstance(argument, tuple | list):
        return tuple(_read(item, values) for item in argument)
    if isinstance(argument, dict):
        return {key: _read(item, values) for key, item in argument.items()}
    return argument


def _depends(value: Value) -> bool:
    if isinstance(value, tuple):
        return any(_depends(item) for item in value)
    if isinstance(value, dict):
        return any(_depends(item) for item in value.values())
    return isinstance(value, Signal | Withheld)


def _layer(node: torch.fx.Node) -> str:
    """Where the operation stands in the user's module: ``body.0 (Linear)``."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    if not stack:
        return ""
    path, kind = stack[-1]
    kind = getattr(kind, "__name__", str(kind)).rpartition(".")[2]
    return f"{path} ({kind})" if path else kind


def _output(program: ExportedProgram, values: Mapping[str, Value]) -> Signal:
    specs = program.graph_signature.output_specs
    mutated = [str(s.target) for s in specs if s.kind is OutputKind.BUFFER_MUTATION]
    if mutated:
        raise _foreign(
            f"a forward that changes the buffers {', '.join(mutated[:4])}",
            "Keep no state in forward: a certificate is of one fixed function.",
        )
    results = [spec for spec in specs if spec.kind is OutputKind.USER_OUTPUT]
    names = [getattr(spec.arg, "name", None) for spec in results]
    if len(results) != 1 or names[0] not in values:
        raise _foreign(f"{len(results)} results", "Return one tensor.")
    value = values[str(names[0])]
    if isinstance(value, Withheld):
        raise _foreign(value.what, "Return one tensor of real numbers.")
    if not isinstance(value, Signal):
        raise _foreign("a result that does not depend on the input", "Its constant is 0.")
    return value


def _used(lowering: Lowering, output: str) -> tuple[Graph, dict[str, FloatArray]]:
    """The graph without what the output does not need, and the weights that are left."""
    needed, first = {output}, next(iter(lowering.nodes))
    for name in reversed(list(lowering.nodes)):
        if name in needed:
            needed.update(lowering.nodes[name].inputs)
    nodes = tuple(n for name, n in lowering.nodes.items() if name in needed or name == first)
    keys = {key for node in nodes for key in node.tensors.values()}
    return Graph(nodes, output), {k: w for k, w in lowering.weights.items() if k in keys}


def _foreign(came: str, remedy: str = "") -> StructureError:
    return StructureError(
        came=came,
        expected="a module with one input and one result, made of operations that are understood",
        remedy=remedy or "Rewrite it, or give a bound of its layer with certify.rule.",
    )
