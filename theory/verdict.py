"""What came out of checking a claim: a status, with evidence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from .claim import Claim, Measurement
from .proof import Proof, ProofStep, SmtQuery

Status = Literal["proved", "supported", "refuted", "not applicable"]


@dataclass(frozen=True)
class InstanceReport:
    """What random instances said: how many were tried, how tight, and what broke."""

    tried: int
    tightest_ratio: float | None
    counterexample: str | None = None
    not_applicable: str | None = None


@dataclass(frozen=True)
class WitnessReport:
    """What the sharpness witness showed; ``sharp`` is None where it is not applicable."""

    sharp: bool | None
    holds: bool
    detail: str


@dataclass(frozen=True)
class MutantReport:
    """One broken statement and the evidence that refutes it, or does not."""

    name: str
    broken: str
    refuted: bool
    evidence: str
    query: SmtQuery | None = None


@dataclass(frozen=True)
class ProofReport:
    """The proof that was given; ``proof`` is None where it is not applicable."""

    proof: Proof | None
    detail: str = ""

    @property
    def outcome(self) -> str:
        return "not applicable" if self.proof is None else self.proof.outcome


@dataclass(frozen=True)
class Verdict:
    """The verdict on one claim.

    ``status`` is "refuted" if the proof, an instance or the witness failed; "proved" if the proof
    is complete; "supported" if there is none but instances or the witness hold; else "not
    applicable". ``holds`` is stricter: a proof that was attempted must succeed (a time-out is never
    a pass) and every mutant must be refuted.

    >>> from flowcert.theory import check_claim, find_claims
    >>> check_claim(find_claims("D8.sorting")[0], instances=5).survivors
    ()
    """

    name: str
    title: str
    mark: str
    proof: ProofReport
    instances: InstanceReport
    witness: WitnessReport
    mutants: tuple[MutantReport, ...]
    no_mutants: str | None
    seconds: float

    @property
    def status(self) -> Status:
        if (
            self.proof.outcome == "refuted"
            or self.instances.counterexample is not None
            or not self.witness.holds
        ):
            return "refuted"
        if self.proof.outcome == "proved":
            return "proved"
        if self.instances.tried or self.witness.sharp is not None:
            return "supported"
        return "not applicable"

    @property
    def survivors(self) -> tuple[MutantReport, ...]:
        """The mutants that were not refuted."""
        return tuple(mutant for mutant in self.mutants if not mutant.refuted)

    @property
    def holds(self) -> bool:
        return (
            self.status != "refuted" and self.proof.outcome != "not proved" and not self.survivors
        )

    @property
    def complaint(self) -> str:
        """Why the claim does not hold, in one line; empty if it does."""
        if self.proof.outcome in ("refuted", "not proved") and self.proof.proof is not None:
            return f"{self.name}: {self.proof.outcome}: {self.proof.proof.reason}"
        if self.instances.counterexample is not None:
            return f"{self.name}: counterexample {self.instances.counterexample}"
        if not self.witness.holds:
            return f"{self.name}: the witness fails: {self.witness.detail}"
        if self.survivors:
            survivor = self.survivors[0]
            return f"{self.name}: mutant '{survivor.name}' survives: {survivor.evidence}"
        return ""

    @property
    def queries(self) -> tuple[SmtQuery, ...]:
        """All SMT queries of the proof and of the mutants."""
        steps: tuple[ProofStep, ...] = self.proof.proof.steps if self.proof.proof else ()
        of_proof = [step.query for step in steps]
        of_mutants = [mutant.query for mutant in self.mutants]
        return tuple(query for query in of_proof + of_mutants if query is not None)

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as a JSON object."""
        steps = self.proof.proof.steps if self.proof.proof else ()
        return {
            "name": self.name,
            "title": self.title,
            "mark": self.mark,
            "status": self.status,
            "holds": self.holds,
            "proof": {
                "outcome": self.proof.outcome,
                "reason": self.proof.detail,
                "steps": [
                    {
                        "statement": step.statement,
                        "engine": step.engine,
                        "outcome": step.outcome,
                        "detail": step.detail,
                    }
                    for step in steps
                ],
            },
            "instances": asdict(self.instances),
            "witness": asdict(self.witness),
            "mutants": [
                {
                    "name": mutant.name,
                    "broken": mutant.broken,
                    "refuted": mutant.refuted,
                    "evidence": mutant.evidence,
                }
                for mutant in self.mutants
            ],
            "no_mutants": self.no_mutants,
            "seconds": round(self.seconds, 3),
        }


def evidence_text(evidence: Measurement | ProofStep) -> str:
    """Return one line that says what a mutant's attack found."""
    if isinstance(evidence, ProofStep):
        return f"{evidence.outcome}: {evidence.detail}"
    return str(evidence)


def header_of(claim: Claim[Any]) -> dict[str, str]:
    """Return the fields of a verdict that come from the claim itself."""
    return {"name": claim.name, "title": claim.title, "mark": claim.source.mark}
