"""A certificate is assembled from a derivation: bounds are cut to ten digits, outward."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Any

from ...errors import DataError, DomainError
from ...numerics.validation import FloatArray
from .certificate import ASSUMPTIONS, Candidate, Certificate, Line
from .graph import Graph
from .reading import parse_json, plain
from .rules import WHOLE_LINE, Derivation
from .weights import checked_weights, hash_weights

_DIGITS = 10  # of recorded bounds: another machine's BLAS re-derives nothing larger
# Before a bound is cut to ten digits: what the last bits of another BLAS may change.
_SLACK_UPPER, _SLACK_LOWER = 1e-12, 1e-10


def assemble(
    derivation: Derivation,
    weights: Mapping[str, FloatArray],
    *,
    lower: float = 0.0,
    witness: tuple[FloatArray, FloatArray] | None = None,
    domain: tuple[float, float] | None = None,
    multipliers: Mapping[str, Sequence[Sequence[float]]] | None = None,
    assumptions: Sequence[str] = (),
    created_by: str = "flowcert.networks.certify",
) -> Certificate:
    """Make the certificate of a derivation; ``lower`` is what ``witness`` = (x, y) attains.

    Bounds are rounded outward to ten digits. ``domain`` and ``multipliers`` are those that
    ``derive`` was given (or found: then they are taken from the constants of its segments);
    ``assumptions`` are added to the standard ones. Raises DataError for weights that are missing
    or not finite and attributes that JSON does not hold.
    """
    graph = _as_read(derivation.graph)
    tensors = checked_weights(weights, graph.tensor_keys)
    domain = None if domain in (None, WHOLE_LINE) else domain
    if domain is not None and not -math.inf < domain[0] < domain[1] < math.inf:
        raise DomainError(
            came=f"the domain {domain}", expected="finite low < high", remedy="Or leave it out."
        )
    lines = tuple(
        Line(
            node.name,
            node.layer,
            node.operation,
            tuple(
                Candidate(c.rule, rounded_up(c.upper), c.claim, recorded(c.constants))
                for c in derivation.lines[node.name].candidates
            ),
        )
        for node in graph
    )
    points = None if witness is None else tuple(tuple(map(float, x.ravel())) for x in witness)
    return Certificate(
        graph=graph,
        weights_sha256=hash_weights(tensors),
        domain=domain,
        lower=rounded_down(lower) if points else 0.0,
        upper=rounded_up(derivation.upper),
        lines=lines,
        multipliers=_as_tuples(
            found_multipliers(derivation) if multipliers is None else multipliers
        ),
        witness=(points[0], points[1]) if points else None,
        user_asserted=tuple(node.name for node in graph if node.operation == "asserted"),
        assumptions=(*ASSUMPTIONS, *assumptions),
        created_by=created_by,
        weights=tensors,
    )


def found_multipliers(derivation: Derivation) -> dict[str, Any]:
    """The multipliers of the chains and steps that a derivation has searched, by their key."""
    return {
        segment.key: segment.constants["multipliers"]
        for segment in derivation.segments
        if "multipliers" in segment.constants
    }


def _as_tuples(multipliers: Mapping[str, Sequence[Sequence[float]]]) -> dict[str, Any]:
    return {name: tuple(tuple(map(float, row)) for row in m) for name, m in multipliers.items()}


def recorded(constants: Mapping[str, Any]) -> dict[str, Any]:
    """The constants of a rule as a certificate holds them: multipliers stand apart."""
    return {key: plain(value) for key, value in constants.items() if key != "multipliers"}


def rounded_up(value: float) -> float:
    """The next number of ten digits above a bound; one that has no more stays as it is.

    >>> rounded_up(1.0), rounded_up(1.00000000001), rounded_up(2.0**0.5)
    (1.0, 1.000000001, 1.414213563)
    """
    if not value < math.inf:
        return math.inf
    if value == float(f"{value:.{_DIGITS - 1}e}"):
        return value
    return _cut(value * (1.0 + _SLACK_UPPER), ROUND_CEILING)


def rounded_down(value: float) -> float:
    """The next number of ten digits below a bound."""
    return _cut(value * (1.0 - _SLACK_LOWER), ROUND_FLOOR)


def _cut(value: float, rounding: str) -> float:
    # The nearest float to a decimal on one side of a float is not on its other side.
    return float(Context(prec=_DIGITS, rounding=rounding).create_decimal(Decimal(value)))


def _as_read(graph: Graph) -> Graph:
    """The graph as it comes back from its file, so that what is held is what is saved."""
    try:
        text = json.dumps(graph.to_json(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(
            came=f"a graph with attributes that are no JSON ({error})",
            expected="numbers, texts and lists",
            remedy="Convert arrays and other objects before they enter the graph.",
        ) from error
    return Graph.from_json(parse_json(text, "graph"))
