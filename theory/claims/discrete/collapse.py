"""D6: steps that share one orthogonal matrix collapse to one scalar map per component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import ExpansiveGradientField, GradientField, leaky_relu, switching_euler
from ....numerics.validation import FloatArray
from ... import strategies
from ...arithmetic import FLOATS
from ...bounds import formula_collapsed_map
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...measuring import rounding_allowance
from ...proof import Proof
from ...proof.algebra import prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt


@dataclass(frozen=True)
class SharedPair:
    """S contractive sub-steps and one expansive step on the same (A, b)."""

    A: FloatArray
    b: FloatArray
    a: float
    a_E: float
    h_C: float
    h_E: float
    substeps: int

    def layer(self, x: FloatArray) -> FloatArray:
        """The pair, step by step."""
        contractive = GradientField(self.A, self.b, leaky_relu(self.a))
        expansive = ExpansiveGradientField(self.A, self.b, leaky_relu(self.a_E))
        pieces = [(contractive, self.h_C / self.substeps)] * self.substeps
        return switching_euler([*pieces, (expansive, self.h_E)], x)

    def collapsed(self, x: FloatArray) -> FloatArray:
        """Aᵀ(φ(Ax + b) − b)."""
        y = x @ self.A.T + self.b
        t = self.h_C / self.substeps
        phi = formula_collapsed_map(FLOATS, y, self.a, t, self.h_E, self.substeps, self.a_E)
        return np.asarray((phi - self.b) @ self.A)


@st.composite
def shared_pairs(draw: st.DrawFn) -> SharedPair:
    """Pairs with one square orthogonal matrix; h_C/S also beyond 1 and beyond 1/a."""
    n, S = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return SharedPair(
        draw(strategies.orthogonal_matrices(n)),
        draw(strategies.points(n)),
        draw(strategies.slopes()),
        draw(strategies.slopes()),
        S * draw(st.floats(0.0, 3.0)),
        draw(st.floats(0.0, 2.0)),
        S,
    )


class Collapse(Claim[tuple[SharedPair, FloatArray]]):
    name = "D6.collapse"
    title = "A pair with one orthogonal matrix is a single layer"
    statement = (
        r"\Psi(x) = A^T(\phi(Ax + b) - b),\quad \phi = (y \mapsto y + h_E\sigma_E(y)) \circ"
        r" (y \mapsto y - \tfrac{h_C}{S}\sigma(y))^{\circ S}"
    )
    assumptions = (
        Assumption(r"A \text{ square},\ A^T A = A A^T = I", "one matrix for all steps of the pair"),
        Assumption(r"b", "one bias for all steps of the pair"),
        Assumption(r"h_C, h_E \ge 0", "any size, also h_C/S ≥ 1"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        A = sympy.Matrix(3, 3, sympy.symbols("a0:9"))
        x, b, s = (sympy.Matrix(sympy.symbols(f"{name}0:3")) for name in "xbs")
        h = sympy.Symbol("h")
        y = A * x + b
        on = SmtArithmetic()
        value, scale, a, a_E, t, h_E = z3.Reals("y scale a a_E t h_E")
        zero = on.number(0)
        return Proof(
            (
                prove_identity(
                    r"one step in $y = Ax + b$: $A(x + hA^Ts) + b = y + hs + h(AA^T - I)s$,"
                    r" for every $s$; the last term vanishes for $AA^T = I$",
                    A * (x + h * A.T * s) + b,
                    y + h * s + h * (A * A.T - sympy.eye(3)) * s,
                ),
                prove_identity(
                    r"back: $A^T(y - b) = x + (A^TA - I)x$, which is $x$ for $A^TA = I$",
                    A.T * (y - b),
                    x + (A.T * A - sympy.eye(3)) * x,
                ),
                prove_by_smt(
                    "each sub-step is positively homogeneous, and so are compositions",
                    name="homogeneous-contraction",
                    given=[scale >= 0, a >= 0, a <= 1],
                    show=formula_collapsed_map(on, scale * value, a, t, zero, 1)
                    == scale * formula_collapsed_map(on, value, a, t, zero, 1),
                ),
                prove_by_smt(
                    "and so is the expansive step",
                    name="homogeneous-expansion",
                    given=[scale >= 0, a_E >= 0, a_E <= 1],
                    show=formula_collapsed_map(on, scale * value, a, t, h_E, 0, a_E)
                    == scale * formula_collapsed_map(on, value, a, t, h_E, 0, a_E),
                ),
            )
        )

    def instances(self) -> SearchStrategy[tuple[SharedPair, FloatArray]]:
        return shared_pairs().flatmap(
            lambda pair: st.tuples(st.just(pair), strategies.points(len(pair.b)))
        )

    def measure(self, instance: tuple[SharedPair, FloatArray]) -> Measurement:
        return _difference(*instance)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        tall = np.array([[0.6], [0.8]])
        scaled = 0.9 * np.eye(2)
        steps = (0.5, 0.0, 1.0, 1.0, 1)
        return (
            Mutant(
                "tall matrix",
                "AᵀA = I but AAᵀ ≠ I",
                lambda: _difference(
                    SharedPair(tall, np.array([-1.0, 2.0]), *steps), np.array([1.0])
                ),
            ),
            Mutant(
                "not orthogonal",
                "A = 0.9·I",
                lambda: _difference(SharedPair(scaled, np.zeros(2), *steps), np.ones(2)),
            ),
        )


def _difference(pair: SharedPair, x: FloatArray) -> Measurement:
    error = float(np.linalg.norm(pair.layer(x) - pair.collapsed(x)))
    size = float(np.linalg.norm(x) + np.linalg.norm(pair.b))
    growth = (1 + pair.h_C / pair.substeps) ** pair.substeps * (1 + pair.h_E)
    return Measurement(error, 0.0, rounding_allowance(size * growth), "=", "difference")
