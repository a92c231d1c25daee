"""Sums, differences, products, quotients, and the larger and the smaller of two values."""

from __future__ import annotations

import math
from fractions import Fraction

import torch

from .call import Call
from .folding import Constant, check_number
from .lowering import Signal, Value, translates


@translates("add")
def _add(call: Call) -> Value:
    return _combined(call, call["self"], call["other"], 1.0, call["alpha"])


@translates("sub", "subtract")
def _subtract(call: Call) -> Value:
    return _combined(call, call["self"], call["other"], 1.0, -call["alpha"])


@translates("rsub")
def _subtract_from(call: Call) -> Value:
    return _combined(call, call["self"], call["other"], -call["alpha"], 1.0)


def _combined(call: Call, a: Value, b: Value, p: float, q: float) -> Signal:
    """p·a + q·b, at least one of them a signal."""
    p, q = check_number(p, call.where), check_number(q, call.where)
    if isinstance(a, Signal) and isinstance(b, Signal):
        if a.rank != b.rank:
            raise call.mixes("a value with another number of axes")
        shape = call.common_shape(a.shape, b.shape)
        return call.sum([call.broadcast(a, shape), call.broadcast(b, shape)], [p, q])
    if not isinstance(a, Signal):
        a, b, p, q = b, a, q, p
    scaled = call.scaled(a, p)
    if isinstance(b, Constant):
        shift = b if q == 1.0 else Constant(b.tensor * q)
        return call.affine(scaled, "shift", shift)
    number = q * check_number(b, call.where)
    if number == 0.0:
        return scaled
    tensors = {"shift": call.number(number, "shift")}
    return call.emit("diagonal", [scaled], scaled.shape, tensors=tensors)


@translates("mul", "multiply")
def _multiply(call: Call) -> Value:
    return _product(call, call["self"], call["other"])


def _product(call: Call, a: Value, b: Value) -> Signal:
    if isinstance(a, Signal) and isinstance(b, Signal):
        if a.rank != b.rank:
            raise call.mixes("a value with another number of axes")
        shape = call.common_shape(a.shape, b.shape)
        return call.emit("product", [call.broadcast(a, shape), call.broadcast(b, shape)], shape)
    if not isinstance(a, Signal):
        a, b = b, a
    if isinstance(b, Constant):
        return call.affine(a, "scale", b)
    return call.scaled(a, check_number(b, call.where))


@translates("div", "divide", "true_divide")
def _divide(call: Call) -> Value:
    if call.arguments.get("rounding_mode") is not None:
        raise call.refused("rounding, which jumps")
    value, divisor = call["self"], call["other"]
    if isinstance(divisor, Signal):
        return _quotient(call, value, divisor)
    signal = call.signal("self")
    if isinstance(divisor, Constant):
        if bool((divisor.tensor == 0).any()):
            raise call.refused("a divisor that holds a zero")
        return call.affine(signal, "divisor", divisor)
    divisor = check_number(divisor, call.where)
    if divisor == 0.0:
        raise call.refused("the divisor 0")
    if abs(math.frexp(divisor)[0]) == 0.5 and Fraction(1.0 / divisor) * Fraction(divisor) == 1:
        return call.scaled(signal, 1.0 / divisor)
    tensors = {"divisor": call.number(divisor, "divisor")}
    return call.emit("diagonal", [signal], signal.shape, tensors=tensors)


def _quotient(call: Call, value: Value, divisor: Signal) -> Signal:
    """value/divisor as value·(1/divisor): bounded where the divisor keeps away from 0."""
    nodes, weights = call.lowering.nodes, call.lowering.weights
    node = nodes[divisor.name]
    if node.operation == "diagonal" and set(node.tensors) == {"shift"}:
        inner, shift = nodes[node.inputs[0]], weights[node.tensors["shift"]]
        is_abs = inner.operation == "activation" and inner.attributes == {"function": "abs"}
        same = isinstance(value, Signal) and inner.inputs == (value.name,)
        if is_abs and same and shift.shape == () and shift == 1.0:  # as PyTorch writes it
            return call.emit("activation", [value], value.shape, {"function": "softsign"})
    inverse = call.emit("activation", [divisor], divisor.shape, {"function": "reciprocal"})
    return _product(call, value, inverse)


@translates("neg", "negative")
def _negate(call: Call) -> Value:
    return call.scaled(call.signal("self"), -1.0)


@translates("pow", "square")
def _power(call: Call) -> Value:
    exponent = 2 if call.operation == "square" else call["exponent"]
    signal = call.signal("self")
    if exponent == 1:
        return signal
    if exponent == 2:
        return call.emit("activation", [signal], signal.shape, {"function": "square"})
    if exponent == -1:
        return call.emit("activation", [signal], signal.shape, {"function": "reciprocal"})
    if exponent == 0.5:
        return call.emit("activation", [signal], signal.shape, {"function": "sqrt"})
    raise call.refused(f"the exponent {exponent}")


@translates("lerp")
def _interpolate(call: Call) -> Value:
    weight = call["weight"]
    if isinstance(weight, Signal | Constant):
        raise call.refused("a weight that is no number")
    start, end = call.signal("self"), call.signal("end")
    if start.shape != end.shape:
        raise call.mixes("values of different shapes")
    w = check_number(weight, call.where)
    difference = call.sum([end, start], [1.0, -1.0])
    return call.sum([start, difference], [1.0, w])


@translates("maximum", "minimum")
def _extremum(call: Call) -> Value:
    return extremum(call, call.operation)


def extremum(call: Call, kind: str) -> Signal:
    """The larger or smaller of two values, or of a value and a constant."""
    a, b = call["self"], call["other"]
    if isinstance(a, Signal) and isinstance(b, Signal):
        if a.rank != b.rank:
            raise call.mixes("a value with another number of axes")
        shape = call.common_shape(a.shape, b.shape)
        inputs = [call.broadcast(a, shape), call.broadcast(b, shape)]
        return call.emit("extremum", inputs, shape, {"kind": kind})
    if not isinstance(a, Signal):
        a, b = b, a
    # max(a, c) = c + max(a − c, 0), min(a, c) = c − max(c − a, 0): exact up to rounding.
    sign = 1.0 if kind == "maximum" else -1.0
    below = call.affine(a, "shift", Constant(-b.tensor))
    cut = call.scaled(below, sign)
    cut = call.emit("activation", [cut], cut.shape, {"function": "relu"})
    return call.affine(call.scaled(cut, sign), "shift", b)


@translates("cat", "concat")
def _concatenate(call: Call) -> Value:
    parts = call["tensors"]
    rank = len(call.result_shape)
    axis = call.axis(call["dim"], rank)
    return concatenated(call, [_as_signal(call, part, parts) for part in parts], axis)


@translates("stack")
def _stack(call: Call) -> Value:
    parts = call["tensors"]
    rank = len(call.result_shape)
    axis = call.axis(call["dim"], rank)
    signals = [_as_signal(call, part, parts) for part in parts]
    wide = [call.reshape(s, (*s.shape[:axis], 1, *s.shape[axis:])) for s in signals]
    return concatenated(call, wide, axis)


def concatenated(call: Call, parts: list[Signal], axis: int) -> Signal:
    """Values one after the other along an axis."""
    if len(parts) == 1:
        return parts[0]
    length = sum(part.shape[axis] for part in parts)
    shape = (*parts[0].shape[:axis], length, *parts[0].shape[axis + 1 :])
    return call.emit("concatenate", parts, shape, {"axis": axis})


def _as_signal(call: Call, part: Value, parts: tuple[Value, ...]) -> Signal:
    """A part of a concatenation; a constant one is 0·(some value) + constant."""
    if isinstance(part, Signal):
        return part
    source = next(p for p in parts if isinstance(p, Signal))
    if not isinstance(part, Constant) or part.tensor.ndim != source.rank + 1:
        raise call.refused("a part that is no tensor of the same axes")
    constant = call.broadcastable(part, source.rank)
    shape = tuple(constant.tensor.shape)
    nothing = {"indices": [], "weights": [], "divisor": 1}
    maps = [
        {"axis": axis, "rows": [nothing] * new}
        for axis, new in enumerate(shape)
        if source.shape[axis] != new or axis == 0
    ]
    empty = call.emit("axes", [source], shape, {"maps": maps})
    tensors = {"shift": call.weight(Constant(constant.tensor, constant.key), "shift")}
    return call.emit("diagonal", [empty], shape, tensors=tensors)


@translates("slice_scatter", "select_scatter")
def _written_into(call: Call) -> Value:
    """A value with another one written into it along an axis: y[:, 2:4] = z."""
    rank = len(call.result_shape)
    axis = call.axis(call["dim"], rank)
    n = call.result_shape[axis]
    source = call["src"]
    if call.operation == "select_scatter":
        places = [call["index"] % n]
        if isinstance(source, Signal):
            source = call.reshape(source, (*source.shape[:axis], 1, *source.shape[axis:]))
        elif isinstance(source, Constant):
            source = Constant(source.tensor.unsqueeze(axis - rank))
    else:
        places = list(range(n)[call["start"] : call["end"] : call["step"]])
    parts = (call["self"], source)
    both = concatenated(call, [_as_signal(call, part, parts) for part in parts], axis)
    return call.select(both, axis, [n + places.index(i) if i in places else i for i in range(n)])


@translates("copy")
def _copied(call: Call) -> Value:
    source = call["src"]
    call.overlook("self")
    if isinstance(source, Signal):
        return call.broadcast(source, call.result_shape)
    return Constant(source.tensor.expand(call.result_shapes[0]))


@translates("zeros_like", "ones_like", "full_like", "new_zeros", "new_ones", "new_full", "fill")
def _constant(call: Call) -> Value:
    """A constant of which a value gives the shape alone."""
    call.overlook("self", "size", "dtype")
    kind = call.operation.removeprefix("new_").removesuffix("_like")
    number = {"zeros": 0.0, "ones": 1.0}.get(kind)
    if number is None:
        given = call["value" if kind == "fill" else "fill_value"]
        given = given.tensor.item() if isinstance(given, Constant) else given
        number = check_number(given, call.where)
    return Constant(torch.full(call.result_shapes[0], number, dtype=call.lowering.dtype))


@translates("addcmul")
def _add_product(call: Call) -> Value:
    product = _product(call, call["tensor1"], call["tensor2"])
    return _combined(call, call["self"], product, 1.0, call["value"])
