"""A module as a function of a batch, as the search and the comparison call it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ...theory.certificate.graph import Shape
from .exporting import kind, silence
from .pixels import Numbers, Pixels

# What a user's module may raise when it is run.
FAILURES = (RuntimeError, TypeError, ValueError, AssertionError, AttributeError, LookupError)


@dataclass(frozen=True)
class Function:
    """A module as a function of a batch, with the numbers that it computes with and the device."""

    call: Callable[[Tensor], Tensor]
    dtype: torch.dtype
    device: torch.device


def as_function(module: nn.Module, shape: Shape, pixels: Pixels | None) -> Function:
    """The module with the pixel scale in front."""
    dtype, device = kind(module)

    def column(numbers: Numbers) -> Tensor:
        array = torch.as_tensor(numbers, dtype=dtype, device=device)
        return array.reshape(-1, *[1] * (len(shape) - 1)) if array.ndim else array

    scale = None if pixels is None else (column(pixels.scale), column(pixels.shift))

    def function(x: Tensor) -> Tensor:
        # A copy, since a module may begin with an operation in place.
        value = x.clone() if scale is None else (x - scale[1]) / scale[0]
        result: Any = module(value)
        while isinstance(result, tuple | list | dict):
            [result] = result.values() if isinstance(result, dict) else result
        tensor: Tensor = result
        return tensor

    return Function(function, dtype, device)


def in_double_if_possible(module: nn.Module, shape: Shape, pixels: Pixels | None) -> Function:
    """The function of a copy of the module in float64; of the module itself if there is none."""
    return as_function(double_if_possible(module, shape), shape, pixels)


def double_if_possible(module: nn.Module, shape: Shape) -> nn.Module:
    """A copy of the module in float64; the module itself if there is none."""
    _, device = kind(module)
    try:
        double = copy.deepcopy(module).double()
        with silence(), torch.no_grad():
            double(torch.zeros((2, *shape), dtype=torch.float64, device=device))
    except FAILURES:  # numbers of its own precision inside, or weights that cannot be copied
        return module
    return copy.deepcopy(module).double()  # another one: a call may have changed the first
