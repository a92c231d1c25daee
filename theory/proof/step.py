"""What a proof consists of: steps, each checked by an engine or cited, and the verdict on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Engine = Literal["algebra", "smt", "balls", "cited"]
Outcome = Literal["proved", "refuted", "not proved"]
Answer = Literal["sat", "unsat"]


@dataclass(frozen=True)
class SmtQuery:
    """One satisfiability question in SMT-LIB2, with the answer that it must get.

    >>> SmtQuery("trivial", "(set-logic QF_NRA)(check-sat)", "sat").expected
    'sat'
    """

    name: str
    text: str
    expected: Answer


@dataclass(frozen=True)
class ProofStep:
    r"""One statement of a proof (LaTeX between dollar signs), who checked it, and what came out.

    ``detail`` holds the counterexample of a refuted step, the reason of one that is not proved, or
    the reference of a cited one.

    >>> cited(r"$\\|A^T\\| = \\|A\\|$", "singular values of the transpose").outcome
    'proved'
    """

    statement: str
    engine: Engine
    outcome: Outcome
    detail: str = ""
    query: SmtQuery | None = None


@dataclass(frozen=True)
class Proof:
    """A chain of steps; proved if every step is and an engine checked one; refuted if one is.

    >>> Proof((ProofStep("$0 = 0$", "algebra", "proved"),)).outcome
    'proved'
    >>> Proof((cited("$0 = 0$", "well known"),)).outcome
    'not proved'
    """

    steps: tuple[ProofStep, ...]

    @property
    def outcome(self) -> Outcome:
        outcomes = {step.outcome for step in self.steps}
        if "refuted" in outcomes:
            return "refuted"
        # A proof of nothing, or of citations alone, has been checked by nobody.
        if "not proved" in outcomes or set(self.engines) <= {"cited"}:
            return "not proved"
        return "proved"

    @property
    def engines(self) -> tuple[Engine, ...]:
        """The engines that checked something, in order of appearance."""
        return tuple(dict.fromkeys(step.engine for step in self.steps))

    @property
    def reason(self) -> str:
        """Why the proof failed; empty if it did not."""
        for step in self.steps:
            if step.outcome != "proved":
                return f"{step.statement}: {step.detail}"
        return "" if self.outcome == "proved" else "no engine checked a step"


def cited(statement: str, reference: str) -> ProofStep:
    r"""Return a step that rests on a named textbook theorem instead of an engine.

    >>> cited(r"$x \\le y$", "definition").engine
    'cited'
    """
    return ProofStep(statement, "cited", "proved", reference)
