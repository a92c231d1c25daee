"""A claim written out for readers: as text, and as LaTeX."""

from __future__ import annotations

from typing import Any

from .claim import Claim, NotApplicable
from .proof import Proof, ProofStep

_MARKS = {
    "P": "said in the paper or shown by its public code",
    "I": "inferred: the standard statement that the paper's material points to",
    "D": "derived in this project",
}
_ENGINES = {
    "algebra": "computer algebra (sympy)",
    "smt": "SMT (z3)",
    "balls": "ball arithmetic (python-flint)",
    "cited": "cited",
}
_LATEX_SPECIAL = {"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#"}


def as_text(claim: Claim[Any]) -> str:
    """Return statement, assumptions, source, proof and mutants as plain text (formulas in LaTeX).

    Runs the proof. Source: flowcert [D].

    >>> from flowcert.theory import find_claims
    >>> print(as_text(find_claims("D3.averaged_step")[0]).splitlines()[0])
    D3.averaged_step: The step h = 2θ/L is θ-averaged
    """
    lines = [
        f"{claim.name}: {claim.title}",
        "",
        "Statement",
        f"  {claim.statement}",
        "",
        "Assumptions",
        *(f"  {assumption.formula}   {assumption.meaning}" for assumption in claim.assumptions),
        "",
        "Source",
        f"  {claim.source.where} [{claim.source.mark}: {_MARKS[claim.source.mark]}]",
        "",
        "Proof",
    ]
    proof = claim.prove()
    if isinstance(proof, NotApplicable):
        lines.append(f"  not applicable: {proof.reason}")
    else:
        lines += [f"  {number}. {_step_text(step)}" for number, step in enumerate(proof.steps, 1)]
        lines.append(f"  Outcome: {proof.outcome}")
    witness = claim.witness()
    lines += ["", "Sharpness"]
    if isinstance(witness, NotApplicable):
        lines.append(f"  not applicable: {witness.reason}")
    else:
        verb = "attained" if witness.sharp else f"not attained ({witness.gap})"
        lines.append(f"  {verb}: {witness.instance}: {witness.measurement}")
    lines += ["", "Mutants, each refuted by `flowcert check`", *_mutant_lines(claim)]
    return "\n".join(lines)


def as_latex(claim: Claim[Any]) -> str:
    r"""Return the claim and its proof as a LaTeX fragment (theorem, proof; amsmath, amsthm).

    Its prose holds Unicode letters: compile with XeLaTeX or LuaLaTeX.

    Runs the proof. Source: flowcert [D].

    >>> from flowcert.theory import find_claims
    >>> as_latex(find_claims("D3.averaged_step")[0]).startswith(r"\begin{theorem}")
    True
    """
    assumptions = [
        rf"  \item ${assumption.formula}$: {_escape(assumption.meaning)}"
        for assumption in claim.assumptions
    ]
    lines = [
        rf"\begin{{theorem}}[{_escape(claim.title)}; {_escape(claim.name)}]",
        r"  Assume",
        r"  \begin{itemize}",
        *(f"  {line}" for line in assumptions),
        r"  \end{itemize}",
        rf"  Then \[ {claim.statement}. \]",
        rf"  ({_escape(claim.source.where)}; [{claim.source.mark}])",
        r"\end{theorem}",
    ]
    proof = claim.prove()
    if isinstance(proof, Proof):
        items = [rf"    \item {_step_latex(step)}" for step in proof.steps]
        lines += [
            r"\begin{proof}",
            r"  \begin{enumerate}",
            *items,
            r"  \end{enumerate}",
            *([] if proof.outcome == "proved" else [rf"  \textbf{{{proof.outcome}}}"]),
            r"\end{proof}",
        ]
    return "\n".join(lines)


def _step_text(step: ProofStep) -> str:
    told = f"{step.statement}  [{_ENGINES[step.engine]}"
    if step.outcome != "proved":
        told += f": {step.outcome}"
    return told + (f": {step.detail}]" if step.detail else "]")


def _step_latex(step: ProofStep) -> str:
    statement = "$".join(
        part if index % 2 else _escape(part) for index, part in enumerate(step.statement.split("$"))
    )
    detail = f": {_escape(step.detail)}" if step.detail else ""
    return rf"{statement} \emph{{[{_ENGINES[step.engine]}{detail}]}}"


def _mutant_lines(claim: Claim[Any]) -> list[str]:
    mutants = claim.mutants()
    if isinstance(mutants, NotApplicable):
        return [f"  not applicable: {mutants.reason}"]
    return [f"  {mutant.name}: {mutant.broken}" for mutant in mutants]


def _escape(text: str) -> str:
    return "".join(_LATEX_SPECIAL.get(character, character) for character in text)
