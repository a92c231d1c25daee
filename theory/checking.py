"""Runs claims: proves, attacks with random instances, looks at the witness, kills the mutants."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from ..errors import DomainError
from .claim import Claim, Measurement, Mutant, NotApplicable, Witness
from .guided_search import search_settings
from .proof import Proof, ProofStep
from .verdict import (
    InstanceReport,
    MutantReport,
    ProofReport,
    Verdict,
    WitnessReport,
    evidence_text,
    header_of,
)

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

DEFAULT_INSTANCES = 100


class _ViolationError(Exception):
    """Carries a violating instance through hypothesis, which shrinks it."""

    def __init__(self, instance: object, measurement: Measurement) -> None:
        super().__init__(f"{instance!r}: {measurement}")


def check_claim(claim: Claim[Any], *, instances: int = DEFAULT_INSTANCES, seed: int = 0) -> Verdict:
    """Check one claim: its proof, ``instances`` random instances, its witness and its mutants.

    The same ``seed`` draws the same instances. Returns a ``Verdict``; a violated claim is a result,
    not an error. Raises DomainError if ``instances`` < 1 or ``seed`` < 0. Source: flowcert [D].

    >>> from flowcert.theory import find_claims
    >>> verdict = check_claim(find_claims("D2.sharp_factor")[0], instances=10)
    >>> verdict.status, verdict.holds
    ('proved', True)
    """
    if instances < 1 or seed < 0:
        raise DomainError(
            came=f"instances = {instances}, seed = {seed}",
            expected="instances ≥ 1 and seed ≥ 0",
            remedy="Ask for at least one random instance.",
        )
    start = time.perf_counter()
    proof = _prove(claim)
    tried = _attack(claim, instances, seed)
    witness = _look_at_witness(claim)
    mutants, no_mutants = _kill_mutants(claim)
    return Verdict(
        **header_of(claim),
        proof=proof,
        instances=tried,
        witness=witness,
        mutants=mutants,
        no_mutants=no_mutants,
        seconds=time.perf_counter() - start,
    )


def check_claims(
    claims: Iterable[Claim[Any]], *, instances: int = DEFAULT_INSTANCES, seed: int = 0
) -> Iterator[Verdict]:
    """Check claims one after the other, yielding each verdict as it comes.

    >>> from flowcert.theory import find_claims
    >>> [v.holds for v in check_claims(find_claims("D3.averaged_step"), instances=10)]
    [True]
    """
    for claim in claims:
        yield check_claim(claim, instances=instances, seed=seed)


# Below, claims are run that may be anybody's. One that raises is red, and the others go on.


def _prove(claim: Claim[Any]) -> ProofReport:
    try:
        proof = claim.prove()
    except Exception as error:  # noqa: BLE001  # whatever it is, nothing was proved
        broken = ProofStep("the proof itself", "cited", "not proved", _raised(error))
        return ProofReport(Proof((broken,)), _raised(error))
    if isinstance(proof, NotApplicable):
        return ProofReport(None, proof.reason)
    return ProofReport(proof, proof.reason)


def _attack(claim: Claim[Any], count: int, seed: int) -> InstanceReport:
    try:
        return _attack_with(claim, claim.instances(), count, seed)
    except Exception as error:  # noqa: BLE001  # a measure that fails is no support
        return InstanceReport(0, None, counterexample=_raised(error))


def _attack_with(
    claim: Claim[Any], strategy: SearchStrategy[Any] | NotApplicable, count: int, seed: int
) -> InstanceReport:
    if isinstance(strategy, NotApplicable):
        return InstanceReport(0, None, not_applicable=strategy.reason)
    # Imported here: `import flowcert.theory` must not pay for hypothesis.
    import hypothesis

    ratios: list[float] = []

    @hypothesis.seed(seed)
    @search_settings(count)
    @hypothesis.given(strategy)
    def attack(instance: object) -> None:
        measurement = _measured(claim, instance)
        if not measurement.holds:
            raise _ViolationError(instance, measurement)
        ratio = measurement.ratio
        ratios.append(ratio)
        if ratio == ratio and abs(ratio) != float("inf"):
            hypothesis.target(ratio)

    try:
        attack()
    except _ViolationError as violation:
        return InstanceReport(len(ratios), None, counterexample=str(violation))
    told = [ratio for ratio in ratios if ratio == ratio]
    return InstanceReport(len(ratios), max(told, default=None))


def _measured(claim: Claim[Any], instance: object) -> Measurement:
    """The measurement; one that raises says for which instance."""
    try:
        return claim.measure(instance)
    except Exception as error:
        error.add_note(f"measuring {instance!r}")
        raise


def _look_at_witness(claim: Claim[Any]) -> WitnessReport:
    try:
        witness = claim.witness()
    except Exception as error:  # noqa: BLE001  # a witness that cannot be shown is none
        return WitnessReport(False, False, _raised(error))
    if isinstance(witness, NotApplicable):
        return WitnessReport(None, True, witness.reason)
    return WitnessReport(witness.sharp, witness.holds, _describe(witness))


def _describe(witness: Witness) -> str:
    told = f"{witness.instance}: {witness.measurement}"
    if witness.sharp and not witness.holds:
        told += " (not attained)"
    return told if witness.gap is None else f"{told}; not sharp: {witness.gap}"


def _kill_mutants(claim: Claim[Any]) -> tuple[tuple[MutantReport, ...], str | None]:
    try:
        mutants = claim.mutants()
    except Exception as error:  # noqa: BLE001  # mutants that cannot be built were not refuted
        return (MutantReport("the mutants themselves", "", False, _raised(error)),), None
    if isinstance(mutants, NotApplicable):
        return (), mutants.reason
    return tuple(_kill(mutant) for mutant in mutants), None


def _kill(mutant: Mutant) -> MutantReport:
    try:
        evidence = mutant.attack()
    except Exception as error:  # noqa: BLE001  # an attack that breaks down refutes nothing
        return MutantReport(mutant.name, mutant.broken, False, _raised(error))
    query = None if isinstance(evidence, Measurement) else evidence.query
    refuted = mutant.refuted(evidence)
    return MutantReport(mutant.name, mutant.broken, refuted, evidence_text(evidence), query)


def _raised(error: Exception) -> str:
    notes = "; ".join(getattr(error, "__notes__", ())[:1])
    return f"raised {type(error).__name__}: {error}{f' ({notes})' if notes else ''}"
