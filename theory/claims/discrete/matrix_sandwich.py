"""D2: the matrix lemma, aAᵀA ⪯ AᵀDA ⪯ AᵀA for diagonal D in [a, 1]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt


@dataclass(frozen=True)
class Weighted:
    """AᵀDA with its two comparison matrices."""

    A: FloatArray
    d: FloatArray
    a: float

    def sandwich(self) -> Measurement:
        """Both differences must be positive semidefinite: their smallest eigenvalues ≥ 0."""
        middle = self.A.T @ (self.d[:, None] * self.A)
        plain = self.A.T @ self.A
        lower = np.linalg.eigvalsh(middle - self.a * plain)[0]
        upper = np.linalg.eigvalsh(plain - middle)[0]
        allowance = 1e-12 * (1 + np.linalg.norm(plain))
        return tightest(
            *(
                Measurement(-float(value), 0.0, float(allowance), what="negative eigenvalue")
                for value in (lower, upper)
            )
        )


@st.composite
def _weighted(draw: st.DrawFn) -> Weighted:
    A = draw(strategies.matrices()).entries
    a = draw(strategies.slopes())
    d = draw(st.lists(st.floats(a, 1.0), min_size=len(A), max_size=len(A)))
    return Weighted(A, np.array(d), a)


class MatrixSandwich(Claim[Weighted]):
    name = "D2.matrix_sandwich"
    title = "Diagonal weights in [a, 1] sandwich AᵀDA"
    statement = r"a A^T A \preceq A^T D A \preceq A^T A"
    assumptions = (
        Assumption(r"D \text{ diagonal},\ D_{ii} \in [a, 1]", "slopes of the activation"),
        Assumption(r"A \in \mathbb{R}^{m \times n}", "any shape"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        A = sympy.Matrix(3, 2, sympy.symbols("a0:6"))
        d = sympy.symbols("d0:3")
        v = sympy.Matrix(sympy.symbols("v0:2"))
        w = A * v
        a, weight, z = z3.Reals("a d z")
        return Proof(
            (
                prove_identity(
                    r"$v^T A^T D A v = \sum_i D_{ii}(Av)_i^2$, and so for $D = aI$ and $D = I$",
                    (v.T * A.T * sympy.diag(*d) * A * v)[0],
                    sum(d[i] * w[i] ** 2 for i in range(3)),
                ),
                prove_by_smt(
                    r"$a z^2 \le D_{ii} z^2 \le z^2$ for each term",
                    name="term-by-term",
                    given=[weight >= a, weight <= 1],
                    show=z3.And(a * z * z <= weight * z * z, weight * z * z <= z * z),
                ),
                cited("a sum of non-negative terms is non-negative", "ordered fields"),
            )
        )

    def instances(self) -> SearchStrategy[Weighted]:
        return _weighted()

    def measure(self, instance: Weighted) -> Measurement:
        return instance.sandwich()

    def witness(self) -> Witness:
        tilted = Weighted(np.array([[1.0, 1.0], [0.0, 1.0]]), np.array([0.5, 0.5]), 0.5)
        return Witness("D = aI attains the left side", tilted.sandwich())

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "weight above one",
                "D = diag(1, 1.5)",
                lambda: Weighted(np.eye(2), np.array([1.0, 1.5]), 0.5).sandwich(),
            ),
            Mutant(
                "weight below a",
                "D = diag(1, 0.25) with a = ½",
                lambda: Weighted(np.eye(2), np.array([1.0, 0.25]), 0.5).sandwich(),
            ),
        )
