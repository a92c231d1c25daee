"""Constants of a traced module: parameters, buffers and all that is computed from them alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ...errors import DomainError, StructureError
from ...numerics.validation import FloatArray

_REAL = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
_WHOLE = (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


@dataclass(frozen=True)
class Constant:
    """A tensor that does not depend on the input; ``key`` is its name in the module, if any."""

    tensor: torch.Tensor
    key: str = ""


def as_float64(constant: Constant, where: str) -> FloatArray:
    """The numbers of a constant as float64, exactly; NaN, infinite and complex ones are refused.

    Raises DomainError, StructureError.
    """
    tensor, name = constant.tensor, constant.key or "a computed constant"
    check_tensor(name, tensor, where)
    if tensor.dtype in _WHOLE and bool((tensor.to(torch.int64).abs() >= 2**53).any()):
        raise DomainError(
            came=f"{name} with integers of 2⁵³ and more at {where}",
            expected="numbers that float64 holds exactly",
            remedy="Scale it down.",
        )
    return np.ascontiguousarray(tensor.detach().to("cpu", torch.float64).numpy())


def check_tensor(name: str, tensor: torch.Tensor, where: str) -> None:
    """Raise StructureError or DomainError unless it holds finite real numbers in plain storage."""
    if torch.nn.parameter.is_lazy(tensor) or tensor.is_meta:
        raise StructureError(
            came=f"{name}, a tensor without numbers, at {where}",
            expected="weights that are there",
            remedy="Run the lazy module once, or load its weights.",
        )
    plain = tensor.layout == torch.strided and not tensor.is_quantized
    if not plain or tensor.dtype not in (*_REAL, *_WHOLE):
        raise StructureError(
            came=f"{name}: {tensor.dtype}, {tensor.layout} at {where}",
            expected="dense weights of float16, bfloat16, float32 or float64",
            remedy="Convert the module; quantised, sparse and complex ones are not certified.",
        )
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        raise DomainError(
            came=f"{name} with NaN or infinite entries at {where}",
            expected="finite weights",
            remedy="Nothing is true of such a network: train it again, or load it anew.",
        )


def check_number(value: float, where: str) -> float:
    """Return a Python number of the module, which must be finite and real."""
    if isinstance(value, complex) or not math.isfinite(value):
        raise DomainError(
            came=f"the constant {value} at {where}",
            expected="a finite real number",
            remedy="Nothing is true of such a network.",
        )
    return float(value)


def without_batch(constant: Constant, rank: int, batch: int) -> Constant | None:
    """The constant that every example meets, of at most ``rank`` axes; None if they differ.

    It meets a value of shape (batch, …) with ``rank`` axes beside the batch axis.
    """
    tensor = constant.tensor
    if tensor.ndim <= rank:
        return constant
    if tensor.ndim > rank + 1:
        return None
    if tensor.shape[0] == 1:
        return Constant(tensor[0])
    first = tensor[0]
    if tensor.shape[0] == batch and bool((tensor == first).all()):
        return Constant(first)
    return None


def fold(target: Any, arguments: tuple[Any, ...], keywords: Mapping[str, Any], where: str) -> Any:
    """Run an operation on constants alone, on the CPU and in the module's own precision."""
    if torch.Tag.nondeterministic_seeded in getattr(target, "tags", ()):
        raise StructureError(
            came=f"random numbers at {where}",
            expected="a module that is a function of its input",
            remedy="Draw them once and keep them in a buffer.",
        )
    keywords = {k: torch.device("cpu") if k == "device" else v for k, v in keywords.items()}
    try:
        return _wrapped(target(*_unwrapped(arguments), **_unwrapped(keywords)))
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        raise StructureError(
            came=f"a constant that cannot be computed at {where}: {first_line(error)}",
            expected="operations that PyTorch runs on the CPU",
            remedy="Move the module to the CPU and to float32 or float64.",
        ) from error


def first_line(error: Exception) -> str:
    """The kind of an error and the first line of what it says."""
    return (f"{type(error).__name__}: {str(error).strip()}".splitlines())[0][:240]


def _unwrapped(value: Any) -> Any:
    if isinstance(value, Constant):
        return value.tensor
    if isinstance(value, tuple | list):
        return type(value)(_unwrapped(item) for item in value)
    if isinstance(value, dict):
        return {key: _unwrapped(item) for key, item in value.items()}
    return value


def _wrapped(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return Constant(value)
    if isinstance(value, tuple | list):
        return tuple(_wrapped(item) for item in value)
    return value
