"""The checker of certificates: hash, graph, every line, witness. It needs graph and weights alone.

Accepted means: the upper end and each of its lines were derived anew from the recorded graph and
the weights of the recorded hash, and are no larger than recorded; the lower end is no larger than
the difference quotient of the recorded witness, evaluated anew with its rounding bounded.

Trusted: that the recorded graph is what the user's module computes; the bounds that the user has
asserted (named in the verdict); this file, ``rules``, ``segments``, ``operations`` and
``theory.spectral``; NumPy's and LAPACK's sums of products (not LAPACK's results), under the model
of rounding of ``theory.spectral.rounding``; SHA-256.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ... import __version__
from ...numerics.validation import FloatArray
from .assembly import found_multipliers, recorded
from .certificate import ARITHMETIC, ASSUMPTIONS, TRUSTED, Candidate, Certificate, Line
from .operations import Factor
from .reading import agree, plain
from .rules import WHOLE_LINE, Derivation, derive
from .weights import Weights, find_weights, hash_weights
from .witness import bound_quotient

# A forged graph may bring an operation to raise what it likes: that is no certificate either.
_LOGIC = (AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_NOT_DERIVED = (*_LOGIC, ArithmeticError, MemoryError)


@dataclass(frozen=True)
class CheckResult:
    """``holds``, or the ``reasons`` why not; ``lines`` say what was checked and found right.

    >>> CheckResult(("the hash is another",), (), ()).verdict
    'does not hold'
    """

    reasons: tuple[str, ...]
    lines: tuple[str, ...]
    asserted: tuple[str, ...]  # what the user asserts: the verdict is given that

    @property
    def holds(self) -> bool:
        return not self.reasons

    @property
    def verdict(self) -> str:
        if not self.holds:
            return "does not hold"
        return "holds, given the user's assertions" if self.asserted else "holds"


def check_certificate(
    certificate: Certificate | str | os.PathLike[str],
    weights: Weights | None = None,
) -> CheckResult:
    """Derive every line of a certificate anew and evaluate its witness anew.

    ``certificate`` may be a certificate.json or its folder; without ``weights`` those beside it (or
    held by the certificate) are taken. Guaranteed under what is trusted (see above): where it
    holds, lower ≤ Lipschitz constant ≤ upper. Raises DataError for files that are none.
    """
    if not isinstance(certificate, Certificate):
        certificate = Certificate.load(certificate)
    weights = certificate.weights if weights is None else weights
    tensors = find_weights(weights, certificate.graph.tensor_keys)
    if hash_weights(tensors) != certificate.weights_sha256:
        return CheckResult(("the weights have another SHA-256 than recorded",), (), ())
    asserted = _assertions(certificate)
    reasons = list(_statements(certificate, asserted))
    try:
        reasons += _derived(certificate, tensors)
    except _NOT_DERIVED as error:
        reasons.append(f"it cannot be derived: {str(error) or type(error).__name__}")
    lines = (
        f"weights: SHA-256 {certificate.weights_sha256}",
        f"upper end: {len(certificate.lines)} lines derived anew, ≤ {certificate.upper:.10g}",
        f"lower end: witness evaluated anew, ≥ {certificate.lower:.10g}",
    )
    return CheckResult(tuple(reasons), () if reasons else lines, tuple(asserted.values()))


def _assertions(certificate: Certificate) -> dict[str, str]:
    """What the user asserts, by node."""
    return {
        node.name: f"{node.name}: {node.attributes.get('rule')!r} ≤ {node.attributes.get('upper')}"
        for node in certificate.graph
        if node.operation == "asserted"
    }


def _statements(certificate: Certificate, asserted: Mapping[str, str]) -> Iterator[str]:
    """What a certificate says of itself must be what its checker understands."""
    for assumption in ASSUMPTIONS:
        if assumption not in certificate.assumptions:
            yield f"it does not name the assumption {assumption!r}"
    if certificate.arithmetic != ARITHMETIC:
        yield f"it was computed in another arithmetic: {certificate.arithmetic!r}"
    if certificate.trusted != TRUSTED:
        yield f"it trusts something else: {certificate.trusted!r}"
    if not certificate.lower <= certificate.upper:
        yield f"lower end {certificate.lower!r} > upper end {certificate.upper!r}"
    if set(asserted) != set(certificate.user_asserted):
        yield f"user-asserted are {sorted(asserted)}, not {sorted(certificate.user_asserted)}"


def _derived(certificate: Certificate, weights: Mapping[str, FloatArray]) -> Iterator[str]:
    """The upper end and its lines, then the lower end."""
    domain, multipliers = certificate.domain or WHOLE_LINE, certificate.multipliers
    derivation = derive(certificate.graph, weights, domain=domain, multipliers=multipliers)
    if plain(found_multipliers(derivation)) != plain(certificate.multipliers):
        yield "the multipliers are not those of its chains"
    names = [line.name for line in certificate.lines]
    if names != [node.name for node in certificate.graph]:
        yield "its lines are not one for each node of the graph, in order"
        return
    for line in certificate.lines:
        yield from _line(line, derivation, own=certificate.version == __version__)
    said = certificate.line(certificate.graph.output).upper
    if not derivation.upper <= certificate.upper == said:
        yield f"upper end {certificate.upper!r}, where {derivation.upper!r} is derived"
    yield from _lower_end(certificate, derivation)


def _line(line: Line, derivation: Derivation, *, own: bool) -> Iterator[str]:
    """Each recorded rule must be among those derived, with a bound no smaller.

    Rules and constants of another version may be others: they are compared if it is our ``own``.
    """
    node = derivation.graph[line.name]
    if (line.layer, line.operation) != (node.layer, node.operation):
        yield f"{line.name}: called {line.operation!r} of {line.layer!r}, unlike its node"
    if any(candidate.upper < line.upper for candidate in line.candidates):
        yield f"{line.name}: its first rule is not the best"
    left = list(derivation.lines[line.name].candidates)
    for candidate in line.candidates:
        found = next((factor for factor in left if _matches(candidate, factor, own)), None)
        if found is None:
            yield f"{line.name}: the rule {candidate.rule!r} with its constants is not derived"
            continue
        left.remove(found)
        if not found.upper <= candidate.upper:
            yield f"{line.name}: {candidate.rule!r} gives {found.upper!r}, not {candidate.upper!r}"
    if left and own:
        yield f"{line.name}: the rule {left[0].rule!r} is not recorded"


def _matches(candidate: Candidate, factor: Factor, own: bool) -> bool:
    if (candidate.rule, candidate.claim) != (factor.rule, factor.claim):
        return False
    return not own or agree(plain(candidate.constants), recorded(factor.constants))


def _lower_end(certificate: Certificate, derivation: Derivation) -> Iterator[str]:
    """The quotient of the witness; ``bound_quotient`` raises if a point is outside the domain."""
    lower, attained = certificate.lower, 0.0
    if certificate.witness is not None:
        x, y = (np.reshape(point, certificate.input_shape) for point in certificate.witness)
        attained = bound_quotient(derivation, x, y)
    if not lower <= attained:
        yield f"lower end {lower!r}, where the witness attains {attained!r}"
