"""What an operation of a network is to a certificate: its value, its constant, its rounding."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from ....errors import DataError
from ....numerics.validation import FloatArray
from ...spectral.rounding import above
from ..graph import Node, Shape


@dataclass(frozen=True)
class Inputs:
    """What is known of an operation's inputs, as functions of one variable x.

    ``constants[i]`` bounds the Lipschitz constant of the i-th input, ``joint`` that of all of them
    stacked; ``ranges[i]`` = (low, high) encloses its entries.

    Errors propagate by the same rules: then bounds of |x̂ᵢ − xᵢ| stand in the place of the
    constants, and the ranges must enclose the executed x̂ᵢ beside the exact xᵢ: rules that depend on
    ranges hold between any two points of them, with no term of second order.
    """

    constants: tuple[float, ...]
    joint: float
    ranges: tuple[tuple[float, float], ...]

    @staticmethod
    def separate(constants: Sequence[float], ranges: Sequence[tuple[float, float]]) -> Inputs:
        """Nothing is known of the inputs together: their constants add up in quadrature."""
        if len(constants) == 1:
            return Inputs(tuple(constants), constants[0], tuple(ranges))
        joint = above(math.hypot(*constants), 4 * len(constants))
        return Inputs(tuple(constants), joint, tuple(ranges))


@dataclass(frozen=True)
class Factor:
    """An upper bound with the rule that gave it, its constants and the claim that justifies it."""

    upper: float
    rule: str
    constants: Mapping[str, Any] = field(default_factory=dict)
    claim: str = "E1.product"


@dataclass(frozen=True)
class Arithmetic:
    """The floating-point numbers that a network is executed in: unit roundoff and smallest number.

    >>> DOUBLE.unit, SINGLE.unit
    (1.1102230246251565e-16, 5.960464477539063e-08)
    """

    name: str
    unit: float
    smallest: float


DOUBLE = Arithmetic("float64", 2.0**-53, 2.0**-1074)
SINGLE = Arithmetic("float32", 2.0**-24, 2.0**-149)


class Operation(ABC):
    """One operation of a graph, read and checked: raises DataError for what it cannot be.

    Subclasses are named in ``operations/registry.py``. ``arity`` is the number of inputs, None for
    any number of at least one; ``attributes`` and ``tensors`` name what the node must have, those
    with a question mark may be absent.
    """

    operation: ClassVar[str]
    arity: ClassVar[int | None] = 1
    attributes: ClassVar[tuple[str, ...]] = ()
    tensors: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, node: Node, shapes: Sequence[Shape], weights: Mapping[str, FloatArray]
    ) -> None:
        self.node = node
        self.shapes = tuple(tuple(shape) for shape in shapes)
        self._check_names()
        self.weights: dict[str, FloatArray] = {}
        for role, key in node.tensors.items():
            if key not in weights:
                raise self.malformed(f"the tensor {key!r}, which the weights lack")
            if not np.all(np.isfinite(weights[key])):
                raise self.malformed(f"the tensor {key!r}, which has NaN or infinite entries")
            self.weights[role] = weights[key]
        self.prepare()
        if self.shape() != node.shape:
            raise self.malformed(f"shape {node.shape}, where {self.shape()} comes out")

    def prepare(self) -> None:  # noqa: B027 (not every operation has something to read)
        """Read attributes and tensors, or raise ``self.malformed(...)``."""

    @abstractmethod
    def shape(self) -> Shape:
        """The shape of the value, without the batch axis, derived from the inputs."""

    @abstractmethod
    def evaluate(self, *values: FloatArray) -> FloatArray:
        """Return the value in float64 from values of shape (batch, *shape)."""

    @abstractmethod
    def bound(self, inputs: Inputs) -> Factor:
        """Bound the Lipschitz constant of the value, given those of the inputs.

        Homogeneous: inputs with constants k times larger have a bound k times larger.
        """

    def range(self, ranges: Sequence[tuple[float, float]]) -> tuple[float, float]:
        """Enclose the entries of the value, given those of the inputs."""
        return (-math.inf, math.inf)

    @abstractmethod
    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        """Bound the Euclidean error, (batch,), of executing this one operation in ``arithmetic``.

        The executed inputs are any within ``radii[i]`` (batch,) of ``values[i]``; ``output`` is
        ``evaluate(*values)``, itself computed in float64 (its own rounding is below 2⁻⁴⁰ of the
        allowances made here and must be covered by them). ∞ where no bound is known.
        """

    def malformed(self, came: str) -> DataError:
        return DataError(
            came=f"the operation {self.node.operation!r} ({self.node.name!r}) with {came}",
            expected=f"a node as flowcert.networks.certify writes it, inputs {self.shapes}",
            remedy="Make the certificate anew from the module.",
        )

    def _check_names(self) -> None:
        if self.arity is not None and len(self.shapes) != self.arity:
            raise self.malformed(f"{len(self.shapes)} inputs")
        if not self.shapes:
            raise self.malformed("no input")
        for kind, given, known in (
            ("attributes", self.node.attributes, self.attributes),
            ("tensors", self.node.tensors, self.tensors),
        ):
            required = {name for name in known if not name.endswith("?")}
            possible = {name.rstrip("?") for name in known}
            if not required <= set(given) <= possible:
                raise self.malformed(f"{kind} {sorted(given)}, not {sorted(known)}")


def times(factor: float, constant: float) -> float:
    """Bound factor·constant from above, both ≥ 0 and bounds themselves; never NaN.

    0·∞ is 0: a factor 0 says that the value is constant or zero, and no two of its values differ,
    whatever is not known of the other. A product with 1 is exact.

    >>> times(0.0, float("inf")), times(1.0, 0.3), times(3.0, 0.1) > 0.3
    (0.0, 0.3, True)
    """
    if factor == 0.0 or constant == 0.0:
        return 0.0
    if factor == 1.0 or constant == 1.0:
        return constant if factor == 1.0 else factor
    return above(factor * constant)


def batch_norms(values: FloatArray) -> FloatArray:
    """Bound the Euclidean norm of each element of a batch from above, shape (batch,); never NaN.

    >>> bool(batch_norms(np.array([[3.0, 4.0]]))[0] >= 5.0)
    True
    """
    flat = np.abs(values.reshape(len(values), math.prod(values.shape[1:])))
    scale = np.max(flat, axis=1, initial=0.0)
    finite = np.isfinite(scale)  # NaN and infinite entries have no bound but ∞
    safe = np.where(finite & (scale > 0.0), scale, 1.0)
    quotients = np.where(finite[:, None], flat, 0.0) / safe[:, None]
    with np.errstate(over="ignore"):
        norms = np.sqrt(np.sum(quotients**2, axis=1)) * safe
        norms = norms * (1.0 + (flat.shape[1] + 8) * 2.0**-52) + 2.0**-1070
    return np.where(finite, norms, np.inf)
