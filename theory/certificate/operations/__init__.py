"""The operations of networks, one file a family: value, Lipschitz constant, range and rounding."""

from .operation import DOUBLE, SINGLE, Arithmetic, Factor, Inputs, Operation, batch_norms
from .registry import operation_classes, read_operation

__all__ = [
    "DOUBLE",
    "SINGLE",
    "Arithmetic",
    "Factor",
    "Inputs",
    "Operation",
    "batch_norms",
    "operation_classes",
    "read_operation",
]
