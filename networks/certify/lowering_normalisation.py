"""Normalisations with constants or with the value's own statistics, softmax and norms."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .call import Call
from .folding import Constant, check_number
from .lowering import Signal, Value, translates
from .lowering_extrema import without_axes

_POSITIVE = "Give a positive eps."


@translates("_native_batch_norm_legit_no_training", "batch_norm", "cudnn_batch_norm",
            "native_batch_norm", "_native_batch_norm_legit")  # fmt: skip
def _batch_norm(call: Call) -> Value:
    if any(call.get(name) for name in ("training", "train")):
        raise call.refused(
            "statistics of the batch", "Keep running statistics: track_running_stats=True."
        )
    call.overlook("momentum", "cudnn_enabled")
    value = _by_running_statistics(call, call.signal("input"))
    return value if call.operation == "batch_norm" else (value, None, None)


def _by_running_statistics(call: Call, signal: Signal) -> Signal:
    if signal.rank == 0:
        raise call.mixes()
    mean, variance = call.optional("running_mean"), call.optional("running_var")
    if mean is None or variance is None:
        raise call.refused(
            "statistics of the batch", "Keep running statistics: track_running_stats=True."
        )
    given: dict[str, Constant | None] = {"mean": mean, "variance": variance}
    given |= {name: call.optional(name) for name in ("weight", "bias")}
    tensors = {role: call.weight(c, role) for role, c in given.items() if c is not None}
    epsilon, lowest = _epsilon(call), float(call.array(variance).min(initial=math.inf))
    if lowest < 0.0 or epsilon < 0.0 or lowest + epsilon < 2.0**-1000:
        raise call.refused(f"the variance {lowest:g} and eps = {epsilon:g}", _POSITIVE)
    return call.emit("batch_norm", [signal], signal.shape, {"epsilon": epsilon}, tensors)


def _epsilon(call: Call) -> float:
    return check_number(call["eps" if "eps" in call else "epsilon"], call.where)


def _standardised(call: Call, signal: Signal, axes: Sequence[int], epsilon: float) -> Signal:
    if epsilon <= 0.0:
        raise call.refused(f"eps = {epsilon:g}, where its slopes are unbounded", _POSITIVE)
    attributes = {"axes": list(axes), "epsilon": epsilon}
    return call.emit("standardise", [signal], signal.shape, attributes)


def _scaled_and_shifted(call: Call, signal: Signal, shape: Sequence[int] | None) -> Signal:
    """``weight`` and ``bias`` reshaped to ``shape``, where they are there."""
    tensors = {}
    for name, role in (("weight", "scale"), ("bias", "shift")):
        constant = call.optional(name)
        if constant is not None:
            tensors[role] = call.weight(constant, role, None if shape is None else tuple(shape))
    if not tensors:
        return signal
    return call.emit("diagonal", [signal], signal.shape, tensors=tensors)


@translates("layer_norm", "native_layer_norm")
def _layer_norm(call: Call) -> Value:
    signal = call.signal("input")
    count = len(call["normalized_shape"])
    if count > signal.rank:
        raise call.mixes()
    call.overlook("cudnn_enable")
    axes = range(signal.rank - count, signal.rank)
    value = _scaled_and_shifted(call, _standardised(call, signal, axes, _epsilon(call)), None)
    return value if call.operation == "layer_norm" else (value, None, None)


@translates("group_norm", "native_group_norm")
def _group_norm(call: Call) -> Value:
    signal = call.signal("input")
    groups = call["num_groups" if "num_groups" in call else "group"]
    call.overlook("cudnn_enabled", "N", "C", "HxW")
    if signal.rank == 0:
        raise call.mixes()
    value = _grouped(call, signal, groups)
    return value if call.operation == "group_norm" else (value, None, None)


def _grouped(call: Call, signal: Signal, groups: int) -> Signal:
    flat = call.reshape(signal, (groups, math.prod(signal.shape) // groups))
    value = call.reshape(_standardised(call, flat, [1], _epsilon(call)), signal.shape)
    return _scaled_and_shifted(call, value, (signal.shape[0], *[1] * (signal.rank - 1)))


@translates("instance_norm")
def _instance_norm(call: Call) -> Value:
    signal = call.signal("input")
    call.overlook("momentum", "cudnn_enabled")
    if signal.rank < 2:
        raise call.mixes()
    if not call["use_input_stats"]:
        return _by_running_statistics(call, signal)
    call.overlook("running_mean", "running_var")  # only written to
    return _grouped(call, signal, signal.shape[0])


@translates("softmax", "_softmax", "log_softmax", "_log_softmax", "logsumexp")
def _softmax(call: Call) -> Value:
    signal = call.signal("self")
    operation = call.operation.removeprefix("_")
    if operation == "logsumexp":
        return _logsumexp(call, signal)
    call.overlook("half_to_float")
    if call.get("dtype") not in (None, call.lowering.dtype):
        raise call.refused("a cast")
    axis = call.axis(call["dim"], signal.rank)
    return call.emit(operation, [signal], signal.shape, {"axis": axis})


def _logsumexp(call: Call, signal: Signal) -> Signal:
    axes = call.axes(call["dim"], signal.rank)
    if len(axes) != 1:
        raise call.refused("several axes", "Flatten them first.")
    shape = without_axes(signal.shape, axes)
    value = call.emit("logsumexp", [signal], shape, {"axis": axes[0]})
    return call.reshape(value, call.result_shape) if call["keepdim"] else value


@translates("linalg_vector_norm", "norm", "linalg_norm", "frobenius_norm")
def _norm(call: Call) -> Value:
    signal = call.signal("self")
    names = [name for name in ("ord", "p") if name in call]
    exponent = call[names[0]] if names else None
    axes = call.axes(call.get("dim"), signal.rank)
    matrix_norm = call.operation == "linalg_norm" and len(axes) != 1 and exponent is not None
    euclidean = exponent in (None, 2) or (call.operation == "frobenius_norm")
    if isinstance(exponent, Signal | Constant | str) or not euclidean or matrix_norm:
        raise call.refused(f"the norm {exponent}", "Only the Euclidean norm is understood.")
    if call.get("dtype") not in (None, call.lowering.dtype):
        raise call.refused("a cast")
    shape = without_axes(signal.shape, axes)
    call.overlook("keepdim")  # seen in the result's shape
    value = call.emit("vector_norm", [signal], shape, {"axes": axes})
    return call.reshape(value, call.result_shape)
