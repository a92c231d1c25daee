"""SMT: polynomial inequalities over the reals, decided by z3 and exported as SMT-LIB2."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import z3

from ..arithmetic import Number
from .step import Answer, ProofStep, SmtQuery

DEFAULT_TIMEOUT = 20.0


class SmtArithmetic:
    """The ``Arithmetic`` of z3 terms. Roots become new variables, tied by ``side_conditions``.

    >>> on = SmtArithmetic()
    >>> root = on.square_root(z3.Real("x"))
    >>> len(on.side_conditions)
    1
    """

    def __init__(self) -> None:
        self.side_conditions: list[z3.BoolRef] = []

    def number(self, value: Number) -> z3.ArithRef:
        if isinstance(value, z3.ArithRef):
            return value
        # A float is the fraction that it is, not its decimal print.
        fraction = Fraction(value)
        return z3.RealVal(f"{fraction.numerator}/{fraction.denominator}")

    def maximum(self, x: Number, y: Number) -> z3.ArithRef:
        return z3.If(x >= y, x, y)

    def absolute(self, x: Number) -> z3.ArithRef:
        return z3.If(x >= 0, x, -x)

    def square_root(self, x: Number) -> z3.ArithRef:
        root = z3.Real(f"root_{len(self.side_conditions)}")
        self.side_conditions.append(z3.And(root >= 0, root * root == x))
        return root

    def exponential(self, x: Number) -> z3.ArithRef:
        raise TypeError("the exponential is not polynomial: prove this statement with balls")


def prove_by_smt(
    statement: str,
    *,
    name: str,
    given: Sequence[z3.BoolRef],
    show: z3.BoolRef,
    expected: Answer = "unsat",
    timeout: float = DEFAULT_TIMEOUT,
) -> ProofStep:
    r"""Decide whether ``show`` follows from ``given`` over the reals.

    The query is ``given`` and not ``show``: unsatisfiable means proved, a model is a
    counterexample, and a time-out (seconds) or "unknown" is not proved. ``expected`` is the answer
    that the exported query claims: "sat" for a mutant. Names are unique within a claim.

    >>> x = z3.Real("x")
    >>> prove_by_smt(r"$x^2 \\ge 0$", name="square", given=[], show=x * x >= 0).outcome
    'proved'
    """
    goal = [*given, z3.Not(show)]
    query = SmtQuery(name, _smt_lib(goal, expected), expected)
    solver = z3.SolverFor("QF_NRA")
    solver.set("timeout", int(1000 * timeout))
    solver.add(*goal)
    answer = solver.check()
    if answer == z3.unsat:
        return ProofStep(statement, "smt", "proved", "", query)
    if answer == z3.sat:
        return ProofStep(statement, "smt", "refuted", _counterexample(solver.model()), query)
    reason = f"z3 answers unknown within {timeout:g} s ({solver.reason_unknown()})"
    return ProofStep(statement, "smt", "not proved", reason, query)


def _smt_lib(goal: Sequence[z3.BoolRef], expected: str) -> str:
    printer = z3.Solver()
    printer.add(*goal)
    return "\n".join(
        [
            "(set-logic QF_NRA)",
            f"(set-info :status {expected})",
            printer.sexpr().strip(),
            "(check-sat)",
            "",
        ]
    )


def _counterexample(model: z3.ModelRef) -> str:
    names = sorted(model.decls(), key=lambda d: d.name())
    return "counterexample " + ", ".join(f"{d.name()} = {model[d]}" for d in names)
