"""D2: a residual layer that is no gradient, bounded around the middle of its slopes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.smt import SmtArithmetic, prove_by_smt


@dataclass(frozen=True)
class ResidualStep:
    """c₀x + s·CΣ(Bx + c) with slopes in [a, L]."""

    B: FloatArray
    C: FloatArray
    kept: float
    step: float
    slopes: tuple[float, float]

    def worst_vertex(self) -> float:
        """The largest norm of c₀I + s·CDB over D with entries a or L: convex in D."""
        return max(self._norm(np.array(d)) for d in product(self.slopes, repeat=len(self.B)))

    def claimed(self, radius: float = 1.0) -> float:
        """The bound, or (a mutant) with only a part of the radius."""
        a, L = self.slopes
        norms = np.linalg.norm(self.C, 2) * np.linalg.norm(self.B, 2)
        around = radius * abs(self.step) * (L - a) / 2 * float(norms)
        return self._norm(np.full(len(self.B), (a + L) / 2)) + around

    def _norm(self, d: FloatArray) -> float:
        unit = np.eye(self.B.shape[1])
        moved = self.step * self.C @ (d[:, None] * self.B)
        return float(np.linalg.norm(self.kept * unit + moved, 2))


@st.composite
def _steps(draw: st.DrawFn) -> ResidualStep:
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    n, m = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    B = random.standard_normal((m, n))
    C = np.eye(n) if m == n and draw(st.booleans()) else random.standard_normal((n, m))
    a, L = sorted(draw(st.tuples(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))))
    return ResidualStep(B, C, draw(st.floats(-2.0, 2.0)), draw(st.floats(-3.0, 3.0)), (a, L))


class GeneralExpansiveStep(Claim[ResidualStep]):
    name = "D2.general_expansive_step"
    title = "A residual layer that is no gradient, around its middle slope"
    statement = (
        r"\|c_0 I + s\, C D B\| \le \big\|c_0 I + s\tfrac{a + L}{2} C B\big\|"
        r" + |s|\tfrac{L - a}{2}\|C\|\|B\|"
    )
    assumptions = (
        Assumption(r"D \text{ diagonal},\ D_{ii} \in [a, L]", "slopes of any sign"),
        Assumption(r"c_0, s \in \mathbb{R}", "any constants"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        a, L, d, s, c, b = z3.Reals("a L d s norm_C norm_B")
        middle, radius = (a + L) / 2, (L - a) / 2
        return Proof(
            (
                prove_by_smt(
                    r"$D = \tfrac{a + L}{2}I + E$ with $|E_{ii}| \le \tfrac{L - a}{2}$",
                    name="radius",
                    given=[d >= a, d <= L],
                    show=on.absolute(d - middle) <= radius,
                ),
                cited(
                    r"$\|c_0I + sCDB\| \le \|c_0I + s\tfrac{a + L}{2}CB\| + |s|\|C\|\|E\|\|B\|$",
                    "triangle inequality, and norms of products; $\\|E\\| = \\max|E_{ii}|$",
                ),
                prove_by_smt(
                    r"for $a \ge 0$ it is no larger than $|c_0| + |s|L\|C\|\|B\|$: the middle adds"
                    r" at most $|s|\tfrac{a + L}{2}\|C\|\|B\|$",
                    name="never-worse",
                    given=[a >= 0, L >= a, c >= 0, b >= 0, s >= 0],
                    show=s * middle * c * b + s * radius * c * b <= s * L * c * b,
                ),
            )
        )

    def instances(self) -> SearchStrategy[ResidualStep]:
        return _steps()

    def measure(self, instance: ResidualStep) -> Measurement:
        norms = float(np.linalg.norm(instance.B) * np.linalg.norm(instance.C))
        size = 1 + abs(instance.kept) + abs(instance.step) * norms
        return Measurement(
            instance.worst_vertex(), instance.claimed(), 1e-11 * size, what="worst vertex"
        )

    def witness(self) -> Witness:
        step = ResidualStep(np.eye(2), np.eye(2), 1.0, 0.5, (0.5, 1.0))
        return Witness("B = C = I, a = ½, s = ½: D = I", self.measure(step))

    def mutants(self) -> Sequence[Mutant]:
        step = ResidualStep(np.eye(2), np.eye(2), 1.0, 0.5, (0.0, 1.0))
        turn = np.array([[0.0, -1.0], [1.0, 0.0]])
        skew = ResidualStep(turn, np.eye(2), 1.0, 0.3, (0.5, 1.0))
        return (
            Mutant(
                "radius forgotten",
                "the layer with the middle slope alone",
                lambda: Measurement(step.worst_vertex(), step.claimed(0.0), what="worst vertex"),
            ),
            Mutant(
                "half the radius",
                "(L − a)/4 in the place of (L − a)/2",
                lambda: Measurement(step.worst_vertex(), step.claimed(0.5), what="worst vertex"),
            ),
            Mutant(
                "no gain",
                "it equals |c₀| + |s|L‖C‖‖B‖: false for a rotation (1.10 against 1.30)",
                lambda: Measurement(skew.claimed(), 1.3, 1e-12, "=", "factor"),
            ),
        )
