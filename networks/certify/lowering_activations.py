"""Functions of one number, applied to each entry."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...theory.certificate.operations.activation_functions import scalar_function
from .call import Call
from .folding import Constant, check_number
from .lowering import Signal, Value, translates

# ATen's names, and ours where they differ.
_PLAIN = {
    "abs": "abs",
    "absolute": "abs",
    "arctan": "atan",
    "atan": "atan",
    "cos": "cos",
    "erf": "erf",
    "exp": "exp",
    "hardsigmoid": "hardsigmoid",
    "hardswish": "hardswish",
    "log": "log",
    "log_sigmoid": "logsigmoid",
    "mish": "mish",
    "reciprocal": "reciprocal",
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "sigmoid": "sigmoid",
    "silu": "silu",
    "sin": "sin",
    "special_erf": "erf",
    "sqrt": "sqrt",
    "tanh": "tanh",
}


@translates(*_PLAIN)
def _plain(call: Call) -> Value:
    return activation(call, call.signal("self"), _PLAIN[call.operation])


def activation(
    call: Call, signal: Signal, function: str, parameters: Mapping[str, float] | None = None
) -> Signal:
    """σ of each entry; refused where the function jumps for these parameters."""
    try:
        scalar_function(function, parameters or {})
    except ValueError as error:
        raise call.refused(f"parameters {dict(parameters or {})}: {error}") from error
    attributes: dict[str, object] = {"function": function}
    if parameters:
        attributes["parameters"] = dict(parameters)
    return call.emit("activation", [signal], signal.shape, attributes)


def _with(call: Call, function: str, **names: str) -> Signal:
    """An activation whose parameters are the arguments of these names."""
    values = {ours: check_number(call[theirs], call.where) for ours, theirs in names.items()}
    return activation(call, call.signal("self"), function, values)


@translates("leaky_relu")
def _leaky_relu(call: Call) -> Value:
    return _with(call, "leaky_relu", slope="negative_slope")


@translates("rrelu")
def _randomised_relu(call: Call) -> Value:
    if call["training"]:
        raise call.refused("random slopes")
    slope = (check_number(call["lower"], "") + check_number(call["upper"], "")) / 2.0
    return activation(call, call.signal("self"), "leaky_relu", {"slope": slope})


@translates("clamp", "clip", "clamp_min", "clamp_max", "hardtanh")
def _clamp(call: Call) -> Value:
    names = ("min_val", "max_val") if call.operation == "hardtanh" else ("min", "max")
    ends = {name[:3]: call.get(name) for name in names}
    if any(isinstance(end, Signal | Constant) for end in ends.values()):
        raise call.refused("ends that are no numbers", "Use torch.maximum and torch.minimum.")
    given = {k: check_number(v, call.where) for k, v in ends.items() if v is not None}
    return activation(call, call.signal("self"), "hardtanh", given)


@translates("elu")
def _elu(call: Call) -> Value:
    if call["scale"] != 1 or call["input_scale"] != 1:
        raise call.refused("scales other than 1")
    return _with(call, "elu", alpha="alpha")


@translates("celu")
def _celu(call: Call) -> Value:
    return _with(call, "celu", alpha="alpha")


@translates("gelu")
def _gelu(call: Call) -> Value:
    name = {"none": "gelu", "tanh": "gelu_tanh"}[call["approximate"]]
    return activation(call, call.signal("self"), name)


@translates("softplus")
def _softplus(call: Call) -> Value:
    return _with(call, "softplus", beta="beta", threshold="threshold")


@translates("softshrink")
def _softshrink(call: Call) -> Value:
    return _with(call, "softshrink", lambd="lambd")


@translates("threshold")
def _threshold(call: Call) -> Value:
    return _with(call, "threshold", threshold="threshold", value="value")


@translates("prelu")
def _prelu(call: Call) -> Value:
    """One slope, or one for each channel: PyTorch's channels are our first axis."""
    signal, slope = call.signal("self"), call.constant("weight")
    count = slope.tensor.numel()
    if slope.tensor.ndim > 1 or (count > 1 and signal.shape[:1] != (count,)):
        raise call.refused(f"slopes of shape {tuple(slope.tensor.shape)}")
    attributes = {"function": "prelu"}
    tensors = {"slope": call.weight(slope, "slope")}
    return call.emit("activation", [signal], signal.shape, attributes, tensors)


@translates("glu")
def _gated(call: Call) -> Value:
    """a·sigmoid(b) with a and b the halves along an axis: a product of two values."""
    signal = call.signal("self")
    axis = call.axis(call["dim"], signal.rank)
    half = signal.shape[axis] // 2
    a = call.select(signal, axis, range(half))
    b = activation(call, call.select(signal, axis, range(half, 2 * half)), "sigmoid")
    return call.emit("product", [a, b], a.shape)


@translates(
    "alias", "clone", "contiguous", "detach", "detach_", "dropout", "feature_dropout",
    "alpha_dropout", "feature_alpha_dropout", "lift_fresh_copy", "positive",
)  # fmt: skip
def _identity(call: Call) -> Value:
    if call.get("train"):
        raise call.refused("random numbers: it is told to train", "Pass training=self.training.")
    call.overlook("p", "train")
    return call.signal("input" if "input" in call else "self")


@translates("native_dropout")
def _native_dropout(call: Call) -> Value:
    if call["train"] is not False:
        raise call.refused("random numbers: it is told to train", "Pass training=self.training.")
    call.overlook("p")
    return (call.signal("input"), None)


@translates("to", "_to_copy", "type_as")
def _cast(call: Call) -> Value:
    """A cast to numbers at least as fine as the network's; to coarser ones it would be a step."""
    kept = {"dtype"} & set(call.arguments)
    dtype = call["dtype"] if kept else None
    if call.operation == "type_as" or "other" in call:
        raise call.refused("a cast to the type of another value")
    digits = {torch.float32: 24, torch.float64: 53, torch.float16: 11, torch.bfloat16: 8}
    own = call.lowering.dtype
    if dtype is not None and digits.get(dtype, 0) < digits[own]:
        raise call.refused(f"a cast to {dtype}, coarser than the network's {own}: it jumps")
    return call.signal("self")
