"""The three engines that check a proof, and what a proof consists of.

``algebra`` (sympy), ``smt`` (z3) and ``balls`` (python-flint) are imported by those who use them,
so that this package costs nothing.
"""

from .step import Answer, Engine, Outcome, Proof, ProofStep, SmtQuery, cited

__all__ = ["Answer", "Engine", "Outcome", "Proof", "ProofStep", "SmtQuery", "cited"]
