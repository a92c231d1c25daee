"""Matrix products and convolutions with constant weights."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .call import Call
from .folding import Constant
from .lowering import Signal, Value, translates

_TWO_VALUES = "a matrix product of two values: it is not Lipschitz everywhere, and has no rule"


@translates("linear")
def _linear(call: Call) -> Value:
    signal, weight = call.signal("input"), call.constant("weight")
    return _dense(call, signal, weight, call.optional("bias"))


def _dense(call: Call, signal: Signal, weight: Constant, bias: Constant | None = None) -> Signal:
    """Wx + b on the last axis, which must not be the batch axis."""
    if signal.rank == 0:
        raise call.mixes()
    if weight.tensor.ndim != 2:
        raise call.refused(f"a weight of {weight.tensor.ndim} axes")
    tensors = {"weight": call.weight(weight, "weight")}
    if bias is not None:
        tensors["bias"] = call.weight(bias, "bias")
    shape = (*signal.shape[:-1], weight.tensor.shape[0])
    return call.emit("dense", [signal], shape, tensors=tensors)


def _transposed(constant: Constant, call: Call) -> Constant:
    key = f"{constant.key or call.name}.transposed"
    return Constant(constant.tensor.transpose(-1, -2), key)


@translates("addmm")
def _shifted_product(call: Call) -> Value:
    if call["beta"] != 1 or call["alpha"] != 1:
        raise call.refused("factors other than 1")
    product = _dense(call, call.signal("mat1"), _transposed(call.constant("mat2"), call))
    if isinstance(call["self"], Signal):
        raise call.refused("a sum with a value")
    return call.affine(product, "shift", call["self"])


@translates("mm", "matmul", "bmm")
def _product(call: Call) -> Value:
    a, b = call["self"], call["mat2"] if "mat2" in call else call["other"]
    if isinstance(a, Signal) and isinstance(b, Signal):
        raise call.refused(_TWO_VALUES)
    if isinstance(a, Signal):
        return _times_constant(call, a, b)
    return _constant_times(call, a, b)


def _matrix(call: Call, constant: Constant, signal: Signal) -> Constant:
    """A constant factor as one matrix (or vector), the same for all that stand in front of it."""
    if constant.tensor.ndim > 2:
        constant = call.broadcastable(constant, signal.rank)
    tensor = constant.tensor
    while tensor.ndim > 2 and tensor.shape[0] == 1:
        tensor = tensor[0]
    if tensor.ndim > 2:
        raise call.refused("a stack of different matrices")
    return constant if tensor is constant.tensor else Constant(tensor)


def _times_constant(call: Call, signal: Signal, constant: Constant) -> Signal:
    matrix = _matrix(call, constant, signal)
    if matrix.tensor.ndim == 1:
        row = Constant(matrix.tensor[None], f"{matrix.key or call.name}.row")
        value = _dense(call, signal, row)
    else:
        value = _dense(call, signal, _transposed(matrix, call))
    return call.reshape(value, call.result_shape)


def _constant_times(call: Call, constant: Constant, signal: Signal) -> Signal:
    """W x on the last axis but one."""
    if signal.rank < 2:
        raise call.mixes()
    matrix = _matrix(call, constant, signal)
    if matrix.tensor.ndim == 1:
        matrix = Constant(matrix.tensor[None], f"{matrix.key or call.name}.row")
    order = list(range(signal.rank))
    order[-1], order[-2] = order[-2], order[-1]
    product = _dense(call, call.permute(signal, order), matrix)
    return call.reshape(call.permute(product, order), call.result_shape)


@translates("einsum")
def _einsum(call: Call) -> Value:
    """One value and one constant matrix: contracted letters of the value become new ones."""
    operands, equation = call["tensors"], str(call["equation"]).replace(" ", "")
    signals = [o for o in operands if isinstance(o, Signal)]
    if len(operands) != 2 or len(signals) != 1 or "->" not in equation or "." in equation:
        raise call.refused(_TWO_VALUES if len(signals) > 1 else f"the equation {equation}")
    inputs, result = equation.split("->")
    letters = inputs.split(",")
    first = 0 if isinstance(operands[0], Signal) else 1
    signal, constant = operands[first], operands[1 - first]
    have, given = letters[first], letters[1 - first]
    summed = [c for c in have if c in given]
    new = [c for c in given if c not in have]
    free = [c for c in have if c not in given]
    batch = have[0]
    wanted = {*free, *new}
    repeated = any(len(set(word)) != len(word) for word in (have, given, result))
    if batch in given or result[:1] != batch:
        raise call.mixes()
    if repeated or set(result) != wanted or len(summed) == 0:
        raise call.refused(f"the equation {equation}")
    length = dict(zip(have[1:], signal.shape, strict=True))
    of_constant = {c: int(n) for c, n in zip(given, constant.tensor.shape, strict=True)}
    if any(length[c] != of_constant[c] for c in summed):
        raise call.refused(f"the equation {equation} and an axis of length 1 that is repeated")
    length |= of_constant
    free = free[1:]
    value = call.permute(signal, [have[1:].index(c) for c in [*free, *summed]])
    value = call.reshape(value, (*[length[c] for c in free], _volume(length, summed)))
    matrix = constant.tensor.permute([given.index(c) for c in [*new, *summed]])
    matrix = matrix.reshape(_volume(length, new), _volume(length, summed))
    value = _dense(call, value, Constant(matrix, f"{constant.key or call.name}.matrix"))
    have_now = [*free, *new]
    value = call.reshape(value, tuple(length[c] for c in have_now))
    return call.permute(value, [have_now.index(c) for c in result[1:]])


def _volume(length: dict[str, int], letters: Sequence[str]) -> int:
    return int(torch.Size([length[c] for c in letters]).numel())


@translates("conv1d", "conv2d", "conv3d")
def _convolution(call: Call) -> Value:
    signal, weight = call.signal("input"), call.constant("weight")
    dimensions = int(call.operation[4])
    if signal.rank != dimensions + 1:
        raise call.mixes("an image without a batch axis")
    kernel = weight.tensor.shape[2:]
    dilation = _several(call["dilation"], dimensions)
    padding = _amounts(call["padding"], kernel, dilation)
    mode, source = "zeros", signal
    earlier = call.lowering.paddings.get(signal.name)
    if earlier is not None and len(earlier.amounts) == dimensions + 1:
        fits = earlier.mode == "zeros" or not any(any(pair) for pair in padding)
        if fits and earlier.amounts[0] == (0, 0):
            mode, source = earlier.mode, earlier.source
            padding = [
                [lo + a, hi + b]
                for (lo, hi), (a, b) in zip(padding, earlier.amounts[1:], strict=True)
            ]
    tensors = {"weight": call.weight(weight, "weight")}
    bias = call.optional("bias")
    if bias is not None:
        tensors["bias"] = call.weight(bias, "bias")
    attributes = {
        "stride": _several(call["stride"], dimensions),
        "padding": padding,
        "mode": mode,
        "dilation": dilation,
        "groups": int(call["groups"]),
    }
    return call.emit("convolution", [source], call.result_shape, attributes, tensors)


def _amounts(padding: Value, kernel: Sequence[int], dilation: list[int]) -> list[list[int]]:
    if padding == "valid":
        return [[0, 0] for _ in kernel]
    if padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return [[total // 2, total - total // 2] for total in totals]
    return [[p, p] for p in _several(padding, len(kernel))]


def _several(value: Value, dimensions: int) -> list[int]:
    numbers = [value] if isinstance(value, int) else list(value)
    return [int(n) for n in (numbers * dimensions if len(numbers) == 1 else numbers)]


@translates("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _transposed_convolution(call: Call) -> Value:
    signal, weight = call.signal("input"), call.constant("weight")
    dimensions = int(call.operation[len("conv_transpose")])
    if signal.rank != dimensions + 1:
        raise call.mixes("an image without a batch axis")
    tensors = {"weight": call.weight(weight, "weight")}
    bias = call.optional("bias")
    if bias is not None:
        tensors["bias"] = call.weight(bias, "bias")
    attributes: dict[str, object] = {
        name: _several(call[name], dimensions)
        for name in ("stride", "padding", "output_padding", "dilation")
    }
    attributes["groups"] = int(call["groups"])
    return call.emit("transposed_convolution", [signal], call.result_shape, attributes, tensors)
