"""D6: a tall matrix with AᵀA = I, shared by all steps, attains the factor of separate ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...bounds import bound_same_matrix_factor
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import difference_quotient
from ...proof import Proof
from ...proof.algebra import prove_identity
from ...step_regions import StepRegion
from .collapse import SharedPair
from .same_matrix_factor import tall_orthonormal_matrix

# In the direction b of the first two rows both preactivations are z + 1, the third is z − 2.
BIAS = np.array([1.0, 1.0, -2.0])


@dataclass(frozen=True)
class TallPair:
    """The 3 × 2 example with slope a and S sub-steps of size t, then h_E."""

    a: float
    t: float
    h_E: float
    substeps: int

    def attained_factor(self, A: np.ndarray | None = None, b: np.ndarray = BIAS) -> float:
        """The quotient along the first axis from a point that changes sides in the last step."""
        matrix = tall_orthonormal_matrix() if A is None else A
        h_C = self.t * self.substeps
        pair = SharedPair(matrix, b, self.a, 0.0, h_C, self.h_E, self.substeps)
        # z shrinks by 1 − at in each sub-step: −1 must be passed in the last one.
        z = -((1 - self.a * self.t) ** (0.5 - self.substeps))
        x = np.array([0.0, z * np.sqrt(3.0)])
        # Both points must change sides together.
        width = 0.05 * self.a * self.t
        return difference_quotient(pair.layer, x, x + np.array([width, 0.0]))

    def separate_factor(self) -> float:
        region = StepRegion("whole_expansive", "sharp", self.substeps, self.a)
        return float(region.bound_factor(self.t * self.substeps, self.h_E))


class TallMatrix(Claim[TallPair]):
    name = "D6.tall_matrix"
    title = "A shared tall matrix attains the factor of separate ones"
    statement = (
        r"\exists (A, b),\ A \in \mathbb{R}^{3 \times 2},\ A^TA = I:\quad \mathrm{Lip}(\Psi)"
        r" = (1 + h_E)(1 - at)^S,\quad t = \tfrac{h_C}{S} < 1"
    )
    assumptions = (
        Assumption(r"0 < a < 1,\ 0 < t < 1", "where 1 − at is the sharp factor of a sub-step"),
        Assumption(r"a_E = 0", "the expansive activation is ReLU"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        A = sympy.Matrix([[1, 1], [-1, 1], [0, 1]]) * sympy.diag(
            1 / sympy.sqrt(2), 1 / sympy.sqrt(3)
        )
        z, a, t, h_E = sympy.symbols("z a t h_E")
        c, S = sympy.symbols("c S", positive=True)  # c = 1 − at
        x = sympy.Matrix([0, z * sympy.sqrt(3)])
        b = sympy.Matrix([1, 1, -2])
        rows = A * x + b
        first = sympy.Matrix([1, 0])
        low = sympy.eye(2) - t * A.T * sympy.diag(a, a, a) * A
        mixed = sympy.eye(2) + h_E * A.T * sympy.diag(1, 1, 0) * A
        return Proof(
            (
                prove_identity(r"$A^T A = I$", A.T * A, sympy.eye(2)),
                prove_identity(
                    r"at $x = (0, \sqrt3 z)$: $Ax + b = (z + 1, z + 1, z - 2)$",
                    rows,
                    sympy.Matrix([z + 1, z + 1, z - 2]),
                ),
                prove_identity(
                    r"while $z < -1$ a sub-step maps $z$ to $(1 - at)z$",
                    x - t * A.T * (a * rows),
                    sympy.Matrix([0, (1 - a * t) * z * sympy.sqrt(3)]),
                ),
                prove_identity(
                    r"and the first axis shrinks by $1 - at$",
                    low * first,
                    (1 - a * t) * first,
                ),
                prove_identity(
                    r"for $-1 < z < 2$ the expansive step stretches the first axis by $1 + h_E$",
                    mixed * first,
                    (1 + h_E) * first,
                ),
                prove_identity(
                    r"$z_0 = -(1 - at)^{1/2 - S}$ passes $-1$ in the last of $S$ sub-steps:"
                    r" afterwards $z_S = -(1 - at)^{1/2} \in (-1, 0)$",
                    -(c ** (sympy.Rational(1, 2) - S)) * c**S,
                    -sympy.sqrt(c),
                ),
            )
        )

    def instances(self) -> SearchStrategy[TallPair]:
        return st.builds(
            TallPair,
            st.floats(0.1, 0.95),
            st.floats(0.1, 0.95),
            st.floats(0.0, 2.0),
            st.integers(1, 4),
        )

    def measure(self, instance: TallPair) -> Measurement:
        return Measurement(
            instance.attained_factor(), instance.separate_factor(), 1e-9, "=", "factor"
        )

    def witness(self) -> Witness:
        pair = TallPair(0.5, 0.5, 0.2, 1)
        return Witness("a = ½, t = ½, h_E = 0.2, S = 1", self.measure(pair))

    def mutants(self) -> Sequence[Mutant]:
        pair = TallPair(0.5, 0.5, 0.2, 2)
        return (
            Mutant(
                "square matrix",
                "the first two rows alone, made square: the collapse forbids it",
                lambda: Measurement(
                    pair.attained_factor(np.eye(2), BIAS[:2]),
                    pair.separate_factor(),
                    1e-9,
                    "=",
                    "factor",
                ),
            ),
            Mutant(
                "same-matrix constant",
                "the exact constant of a square matrix bounds the tall one",
                lambda: Measurement(
                    pair.attained_factor(),
                    float(bound_same_matrix_factor(0.5, 1.0, 0.2, 2)),
                    what="factor",
                ),
            ),
        )
