"""D2: the sharp factor for slopes of any sign and any constant in front of x."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ... import strategies
from ...arithmetic import Arithmetic, Number
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt


@dataclass(frozen=True)
class GeneralStep:
    """c₀x + s·AᵀEΣ(Ax + b) with slopes in [a, L]: what a residual branch of any kind may be."""

    A: FloatArray
    kept: float
    step: float
    slopes: tuple[float, float]
    scaling: FloatArray  # the diagonal of E ≥ 0

    def worst_vertex(self) -> float:
        """The largest norm of c₀I + s·AᵀDA over D with entries a or L."""
        unit = np.eye(self.A.shape[1])
        norms = (
            np.linalg.norm(
                self.kept * unit
                + self.step * self.A.T @ ((self.scaling * np.array(d))[:, None] * self.A),
                2,
            )
            for d in product(self.slopes, repeat=len(self.A))
        )
        return float(max(norms))

    def claimed(self) -> float:
        values = np.linalg.svd(np.sqrt(self.scaling)[:, None] * self.A, compute_uv=False)
        low = float(values[-1]) if len(self.A) >= self.A.shape[1] else 0.0
        return _bound(self.kept, self.step, *self.slopes, low, float(values[0]))


def _bound(kept: float, s: float, a: float, L: float, low: float, high: float) -> float:
    below = a * (low if a >= 0 else high) ** 2
    above = L * (high if L >= 0 else low) ** 2
    return max(abs(kept + s * below), abs(kept + s * above))


@st.composite
def _steps(draw: st.DrawFn) -> GeneralStep:
    A = draw(strategies.matrices(rows=draw(st.integers(1, 4)))).entries
    a, L = sorted(draw(st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))))
    some = st.floats(0.01, 4.0) | st.just(0.0)
    scaling = draw(st.lists(some, min_size=len(A), max_size=len(A)) | st.just([1.0] * len(A)))
    kept, step = draw(st.floats(-2.0, 2.0)), draw(st.floats(-3.0, 3.0))
    return GeneralStep(A, kept, step, (a, L), np.array(scaling))


class GeneralGradientStep(Claim[GeneralStep]):
    name = "D2.general_gradient_step"
    title = "The sharp factor, for slopes of any sign"
    statement = (
        r"\|c_0 I + s A^T E D A\| \le \max(|c_0 + s\lambda_-|, |c_0 + s\lambda_+|),\quad"
        r" \lambda_- = a\sigma_{\min}^2 \ (a \ge 0),\ a\sigma_{\max}^2 \ (a < 0),\quad"
        r" \lambda_+ = L\sigma_{\max}^2 \ (L \ge 0),\ L\sigma_{\min}^2 \ (L < 0)"
    )
    assumptions = (
        Assumption(r"D \text{ diagonal},\ D_{ii} \in [a, L],\ a \le L", "slopes of any sign"),
        Assumption(r"c_0, s \in \mathbb{R}", "any constants"),
        Assumption(r"E \text{ diagonal},\ E \ge 0", "a scaling of the rows; without one I"),
        Assumption(
            r"0 \le \sigma_{\min} \le \sigma_{\max}",
            "bounds of the singular values of √E·A",
        ),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof(
            (
                _scaled_rows(),
                cited(
                    r"for $\sqrt E A$ in the place of $A$: $a A^TA \preceq A^TDA \preceq L A^TA$,"
                    r" so that the eigenvalues of $A^TDA$ are $d\mu$ with $d \in [a, L]$, "
                    r" $\mu \in [\sigma_{\min}^2, \sigma_{\max}^2]$ at the ends",
                    "claim D2.matrix_sandwich, shifted, and the Courant-Fischer theorem",
                ),
                _products("products", signs=True),
                _ends(),
            )
        )

    def instances(self) -> SearchStrategy[GeneralStep]:
        return _steps()

    def measure(self, instance: GeneralStep) -> Measurement:
        largest = float(np.linalg.norm(instance.A)) ** 2 * float(np.max(instance.scaling))
        size = 1 + abs(instance.step) * largest + abs(instance.kept)
        return Measurement(
            instance.worst_vertex(), instance.claimed(), 1e-11 * size, what="worst vertex"
        )

    def witness(self) -> Witness:
        step = GeneralStep(np.diag([1.0, 2.0]), 1.0, 1.0, (-0.5, 1.0), np.ones(2))
        return Witness("A = diag(1, 2), c₀ = s = 1, slopes in [−½, 1]: D = I", self.measure(step))

    def mutants(self) -> Sequence[Mutant]:
        tilted = GeneralStep(np.diag([1.0, 2.0]), 1.0, -1.0, (-0.5, 0.1), np.ones(2))
        uneven = GeneralStep(np.diag([1.0, 2.0]), 0.0, 1.0, (0.0, 1.0), np.array([1.0, 9.0]))
        return (
            Mutant(
                "negative slopes with σ_min",
                "λ₋ = aσ_min² for a < 0 too",
                lambda: _products("mutant", signs=False),
            ),
            Mutant(
                "scaling averaged",
                "σ_max(A)² times the mean of E",
                lambda: Measurement(uneven.worst_vertex(), 5.0 * 4.0, what="worst vertex"),
            ),
            Mutant(
                "negative slopes ignored",
                "slopes taken as [0, L]",
                lambda: Measurement(
                    tilted.worst_vertex(), _bound(1.0, -1.0, 0.0, 0.1, 1.0, 2.0), what="vertex"
                ),
            ),
        )


def _scaled_rows() -> ProofStep:
    """Diagonal matrices commute: E goes to both sides."""
    A = sympy.Matrix(2, 3, sympy.symbols("a0:6"))
    D = sympy.diag(*sympy.symbols("d0:2"))
    root = sympy.diag(*sympy.symbols("e0:2", nonnegative=True))
    return prove_identity(
        r"$A^TEDA = (\sqrt E A)^TD(\sqrt E A)$, entry by entry, $E = \sqrt E^2$",
        A.T * root**2 * D * A,
        (root * A).T * D * (root * A),
    )


def _lowest(on: Arithmetic, a: Number, low: Number, high: Number, signs: bool) -> Number:
    return z3.If(a >= 0, a * low**2, a * high**2) if signs else a * low**2


def _products(name: str, *, signs: bool) -> ProofStep:
    a, d, low, high, mu = z3.Reals("a d sigma_min sigma_max mu")
    return prove_by_smt(
        r"$d\mu \ge \lambda_-$ for $d \ge a$, $\sigma_{\min}^2 \le \mu \le \sigma_{\max}^2$ (and,"
        r" with $-d$, $-L$ in their place, $d\mu \le \lambda_+$)",
        name=name,
        given=[low >= 0, high >= low, mu >= low**2, mu <= high**2, d >= a],
        show=d * mu >= _lowest(SmtArithmetic(), a, low, high, signs),
        expected="unsat" if signs else "sat",
    )


def _ends() -> ProofStep:
    on = SmtArithmetic()
    kept, s, value, least, most = z3.Reals("c_0 s lambda lambda_- lambda_+")
    at_ends = on.maximum(on.absolute(kept + s * least), on.absolute(kept + s * most))
    return prove_by_smt(
        r"$|c_0 + s\lambda|$ is largest at an end of $[\lambda_-, \lambda_+]$",
        name="ends",
        given=[least <= value, value <= most],
        show=on.absolute(kept + s * value) <= at_ends,
    )
