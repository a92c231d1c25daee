"""The functions of one number that a certificate knows, by name and parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from . import local_functions, piecewise_linear, smooth_functions
from .attributes import finite_number
from .scalar_function import ScalarFunction

FUNCTIONS: Mapping[str, Callable[..., ScalarFunction]] = {
    "abs": piecewise_linear.absolute,
    "atan": smooth_functions.atan,
    "celu": smooth_functions.celu,
    "cos": smooth_functions.cos,
    "elu": smooth_functions.elu,
    "erf": smooth_functions.erf,
    "exp": local_functions.exp,
    "gelu": smooth_functions.gelu,
    "gelu_tanh": smooth_functions.gelu_tanh,
    "hardsigmoid": piecewise_linear.hardsigmoid,
    "hardswish": piecewise_linear.hardswish,
    "hardtanh": piecewise_linear.hardtanh,
    "leaky_relu": piecewise_linear.leaky_relu,
    "log": local_functions.log,
    "logsigmoid": smooth_functions.logsigmoid,
    "mish": smooth_functions.mish,
    "negative": piecewise_linear.negative,
    "reciprocal": local_functions.reciprocal,
    "relu": piecewise_linear.relu,
    "relu6": piecewise_linear.relu6,
    "selu": smooth_functions.selu,
    "sigmoid": smooth_functions.sigmoid,
    "silu": smooth_functions.silu,
    "sin": smooth_functions.sin,
    "softplus": smooth_functions.softplus,
    "softshrink": piecewise_linear.softshrink,
    "softsign": piecewise_linear.softsign,
    "sqrt": local_functions.sqrt,
    "square": local_functions.square,
    "tanh": smooth_functions.tanh,
    "tanhshrink": smooth_functions.tanhshrink,
    "threshold": piecewise_linear.threshold,
}

DISCONTINUOUS = frozenset(
    {"ceil", "floor", "frac", "hardshrink", "heaviside", "round", "sign", "trunc"}
)


def scalar_function(name: str, parameters: Mapping[str, object]) -> ScalarFunction:
    """Return σ by its name; raises ValueError with the reason if it is refused.

    Parameters are finite numbers with PyTorch's names and defaults (``slope`` of leaky_relu,
    ``min`` and ``max`` of hardtanh, either of which may be absent).

    >>> scalar_function("hardswish", {}).slope_max
    1.5
    """
    if name in DISCONTINUOUS:
        raise ValueError("it jumps: no Lipschitz constant is finite")
    if name not in FUNCTIONS:
        raise ValueError(f"the known ones are {', '.join(FUNCTIONS)} and prelu")
    factory = FUNCTIONS[name]
    known = inspect.signature(factory).parameters
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValueError(f"the parameters {unknown} are not among {sorted(known)}")
    missing = [p for p, v in known.items() if v.default is v.empty and p not in parameters]
    if missing:
        raise ValueError(f"the parameters {missing} are missing")
    return factory(**{key: finite_number(key, value) for key, value in parameters.items()})
