"""What rounding does to a network: E[node] bounds |executed − exact| at every node.

Forwards, E_out ≤ L·E_in + δ with L the operation's own constant and δ the rounding of this one
operation. Where a segment (a gradient step, a chain) ends, its factor times the error at its start,
plus what arises inside, bounds the error too: so that residual steps do not blow it up. Claim
E1.execution_error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import DomainError
from ...numerics.validation import FloatArray
from .evaluation import evaluate
from .graph import Node
from .operations import DOUBLE, SINGLE, Arithmetic, Inputs
from .rules import WHOLE_LINE, Derivation, Range
from .segments import Segment

ASSUMPTIONS = (
    "every operation is rounded to nearest with gradual underflow, in the arithmetic named",
    "a sum of n products, in any order, fused or not, errs by at most γ_n Σ|xᵢyᵢ|",
    "no TF32, no reduced-precision accumulation, no emulated float64",
    "convolutions are direct sums: no Winograd, no FFT, and no Strassen-like products",
    "piecewise-linear activations, comparisons and moves of entries are correctly rounded",
    "the network is executed as its graph says: in evaluation mode, batch elements apart",
)
_OVERFLOW = {DOUBLE.name: 2.0**1020, SINGLE.name: 2.0**124}  # the largest numbers, with room


@dataclass(frozen=True)
class Evaluation:
    """The float64 values of all nodes at a batch, and ``errors[node]`` ≥ |value − exact value|.

    Values have shape (batch, *shape), errors (batch,): Euclidean norms over all entries.
    """

    values: Mapping[str, FloatArray]
    errors: Mapping[str, FloatArray]

    def take(self, chosen: NDArray[np.intp]) -> Evaluation:
        """Return the elements of the batch with these indices."""
        return Evaluation(
            {name: value[chosen] for name, value in self.values.items()},
            {name: error[chosen] for name, error in self.errors.items()},
        )


@dataclass(frozen=True)
class _Gain:
    """How far an operation carries errors: ``each`` input alone, and all inputs ``jointly``."""

    each: tuple[float, ...]
    jointly: float


class ErrorBudget:
    """Evaluates the graph of a derivation with bounds of the rounding errors.

    >>> from flowcert.theory.certificate import Graph, Node, derive
    >>> x = Node("x", "input", (), (2,))
    >>> y = Node("y", "dense", ("x",), (1,), {}, {"weight": "W"})
    >>> budget = ErrorBudget(derive(Graph((x, y), "y"), {"W": np.array([[0.1, 0.2]])}))
    >>> evaluation = budget.evaluate(np.array([[1.0, 1.0]]))
    >>> bool(0.0 < evaluation.errors["y"][0] < 1e-15)
    True
    """

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self._gains = {
            node.name: self._gain(node, [WHOLE_LINE] * len(node.inputs))
            for node in derivation.graph.nodes[1:]
        }
        self._ending: dict[str, list[Segment]] = {}
        for segment in derivation.segments:
            self._ending.setdefault(segment.end, []).append(segment)

    def evaluate(self, x: FloatArray) -> Evaluation:
        """Evaluate every node at a batch ``x`` (batch, *input_shape) in float64.

        Guaranteed under ``ASSUMPTIONS``: |value − exact value| ≤ errors[node], ∞ where no bound is
        known. Source: flowcert, proofs of E [D].
        """
        values = evaluate(self.derivation, x)
        return Evaluation(values, self._errors(values, None, np.zeros(len(x)), DOUBLE))

    def deployed(
        self, evaluation: Evaluation, arithmetic: Arithmetic, radius: FloatArray
    ) -> dict[str, FloatArray]:
        """Bound the error of the network executed in ``arithmetic`` over balls around the inputs.

        For every input x', a number of that arithmetic in each entry, within ``radius`` (batch,)
        of the input: |executed(x') − exact(x')| ≤ the returned error, (batch,), for every node.
        Increasing in ``radius``. Raises DomainError for weights that float32 cannot hold.
        """
        if arithmetic is SINGLE:
            self._require_single()
        return self._errors(evaluation.values, evaluation.errors, radius, arithmetic)

    def _errors(
        self,
        values: Mapping[str, FloatArray],
        known: Mapping[str, FloatArray] | None,
        radius: FloatArray,
        arithmetic: Arithmetic,
    ) -> dict[str, FloatArray]:
        """The recursion. ``known`` errors of ``values``, or None if these are what is executed."""
        graph, lines = self.derivation.graph, self.derivation.lines
        source = graph.input.name
        errors = {source: np.zeros(len(radius))}
        # How far what is executed may lie from ``values``.
        reach = {source: np.asarray(radius, dtype=np.float64)}
        local: dict[str, FloatArray] = {}
        with np.errstate(all="ignore"):
            for node in graph.nodes[1:]:
                local[node.name] = self._rounding(node, values, reach, arithmetic)
                bounds = [self._carried(node, errors, values, reach) + local[node.name]]
                for segment in self._ending.get(node.name, ()):
                    inside = self._inside(segment, local, values, reach)
                    bounds.append(_times(segment.factor, errors[segment.start]) + inside)
                # Each bound is a sum of two products, rounded up.
                errors[node.name] = _above(np.min(bounds, axis=0))
                if known is None:
                    reach[node.name] = np.zeros(len(radius))
                    continue
                moved = _times(lines[node.name].upper, radius)
                reach[node.name] = _above(errors[node.name] + moved + known[node.name])
        return errors

    def _rounding(
        self,
        node: Node,
        values: Mapping[str, FloatArray],
        reach: Mapping[str, FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        output = values[node.name]
        rounding = self.derivation.operations[node.name].rounding(
            [values[name] for name in node.inputs],
            output,
            [reach[name] for name in node.inputs],
            arithmetic,
        )
        largest = np.max(np.abs(output.reshape(len(output), -1)), axis=1, initial=0.0)
        # The model of rounding ends where numbers overflow. A sum whose rounding is bounded by
        # u·size has partial sums of at most that size. NaN fits nowhere: then nothing is known.
        limit = _OVERFLOW[arithmetic.name]
        fits = (largest + _furthest(reach, node.inputs) < limit) & (
            rounding < limit * arithmetic.unit
        )
        return np.where(fits, rounding, np.inf)

    def _inside(
        self,
        segment: Segment,
        local: Mapping[str, FloatArray],
        values: Mapping[str, FloatArray],
        reach: Mapping[str, FloatArray],
    ) -> FloatArray:
        """The error at the end of a segment that starts without one."""
        errors = {segment.start: np.zeros_like(local[segment.end])}
        for node in self.derivation.graph:
            if node.name not in segment.nodes:
                continue
            if not all(name in errors for name in node.inputs):
                return np.full_like(local[segment.end], np.inf)  # it needs more than its start
            carried = self._carried(node, errors, values, reach)
            errors[node.name] = _above(carried + local[node.name])
        return errors[segment.end]

    def _carried(
        self,
        node: Node,
        errors: Mapping[str, FloatArray],
        values: Mapping[str, FloatArray],
        reach: Mapping[str, FloatArray],
    ) -> FloatArray:
        """How far errors of the inputs move the exact value of the operation."""
        incoming = [errors[name] for name in node.inputs]
        gain = self._gains[node.name]
        carried = _spread(gain, incoming)
        unknown = np.flatnonzero(~np.isfinite(carried))
        # Some constants depend on how large the inputs are: then one element at a time.
        for b in unknown if np.isinf([*gain.each, gain.jointly]).any() else ():
            ranges = [
                _range(values[name][b], float(reach[name][b] + errors[name][b]))
                for name in node.inputs
            ]
            alone = self._gain(node, ranges)
            carried[b] = _spread(alone, [error[b : b + 1] for error in incoming])[0]
        return carried

    def _gain(self, node: Node, ranges: Sequence[Range]) -> _Gain:
        """The constants of one operation, read off its own rule at unit vectors."""
        bound = self.derivation.operations[node.name].bound
        count = len(node.inputs)
        units = (tuple(float(i == j) for j in range(count)) for i in range(count))
        with np.errstate(all="ignore"):
            each = [bound(Inputs(unit, 1.0, tuple(ranges))).upper for unit in units]
            jointly = bound(Inputs((1.0,) * count, 1.0, tuple(ranges))).upper
        return _Gain(tuple(_or_infinity(each)), _or_infinity([jointly])[0])

    def require_bounds(self, arithmetic: Arithmetic) -> None:
        """Raise DomainError, naming it, if an operation has no bound of its rounding at all."""
        low, high = self.derivation.lines[self.derivation.graph.input.name].range
        start = np.clip(np.zeros((1, *self.derivation.graph.input.shape)), low, high)
        values = self.evaluate(start).values
        for node in self.derivation.graph.nodes[1:]:
            inputs = [values[name] for name in node.inputs]
            rounding = self.derivation.operations[node.name].rounding(
                inputs, values[node.name], [np.zeros(1)] * len(inputs), arithmetic
            )
            if np.isinf(rounding).any() and np.isfinite(values[node.name]).all():
                what = node.attributes.get("function", node.operation)
                raise DomainError(
                    came=f"{what!r} ({node.name}{f' in {node.layer}' if node.layer else ''}),"
                    f" executed in {arithmetic.name}",
                    expected="operations whose rounding is known: in float32 those that only add,"
                    " multiply, compare and select",
                    remedy="Ask for execution='float64', or 'exact' for the function itself.",
                )

    def _require_single(self) -> None:
        for operation in self.derivation.operations.values():
            for role, weight in operation.weights.items():
                with np.errstate(over="ignore"):
                    rounded = weight.astype(np.float32).astype(np.float64)
                if not np.array_equal(rounded, weight):
                    raise DomainError(
                        came=f"the {role} of {operation.node.name!r}, which float32 cannot hold",
                        expected="weights that are float32 numbers, to judge a float32 execution",
                        remedy="Certify the module as it is deployed: module.float().",
                    )


def _spread(gain: _Gain, errors: Sequence[FloatArray]) -> FloatArray:
    """Errors one after the other, or all together: the smaller, for each element of the batch."""
    parts = [_times(constant, error) for constant, error in zip(gain.each, errors, strict=True)]
    one_by_one = np.sum(parts, axis=0)
    if len(errors) == 1:
        return _above(one_by_one)
    scale = np.max(errors, axis=0)
    safe = np.where((scale > 0.0) & np.isfinite(scale), scale, 1.0)
    together = np.sqrt(np.sum(np.square(np.divide(errors, safe)), axis=0)) * safe
    joint = _times(gain.jointly, _above(together, len(errors)))
    return _above(np.minimum(one_by_one, joint), len(errors))


def _times(constant: float, error: FloatArray) -> FloatArray:
    """Constant·error: 0 only where one of them is 0 (times ∞, too), never by underflow."""
    return np.where((error == 0.0) | (constant == 0.0), 0.0, constant * error + DOUBLE.smallest)


def _above(error: FloatArray, roundings: int = 2) -> FloatArray:
    """Bound non-negative sums of products from above, entrywise; exact zeros stay."""
    safe = error * (1.0 + (roundings + 4) * 2.0**-52) + (roundings + 2) * DOUBLE.smallest
    return np.where(error == 0.0, 0.0, safe)


def _or_infinity(constants: Iterable[float]) -> list[float]:
    """NaN (0·∞, ∞ − ∞) says nothing: as a bound it is ∞."""
    return [float("inf") if c != c else c for c in constants]


def _furthest(reach: Mapping[str, FloatArray], names: Sequence[str]) -> FloatArray:
    return np.asarray(np.max([reach[name] for name in names], axis=0))


def _range(value: FloatArray, distance: float) -> Range:
    """Enclose the entries of all arrays within ``distance`` of ``value``."""
    low, high = float(np.min(value)) - distance, float(np.max(value)) + distance
    return float(np.nextafter(low, -np.inf)), float(np.nextafter(high, np.inf))
