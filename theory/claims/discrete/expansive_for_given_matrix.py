"""D2: for a given B the expansive factor 1 + h‖B‖ can be tightened."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ... import strategies
from ...bounds import (
    bound_expansive_layer_factor,
    bound_shifted_expansive_factor,
    formula_expansive_layer_factor,
    formula_shifted_expansive_factor,
)
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.algebra import SYMBOLIC, prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...strategies import LayerStep


class ExpansiveForGivenMatrix(Claim[LayerStep]):
    name = "D2.expansive_for_given_matrix"
    title = "A tighter expansive factor for a given B"
    statement = (
        r"\mathrm{Lip}\big(x + h\Sigma(Bx + c)\big) \le \min\Big(1 + h\|B\|,\;"
        r" \big\|I + h\tfrac{1+a}{2}B\big\| + h\tfrac{1-a}{2}\|B\|\Big)"
    )
    assumptions = (
        Assumption(r"\sigma' \in [a, 1],\ 0 \le a \le 1", "slopes of the activation"),
        Assumption(r"h \ge 0", "the step"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        a, d, h, shifted, beta, moved = z3.Reals("a d h shifted beta moved")
        slope = sympy.Symbol("a")
        domain = [a >= 0, a <= 1, h >= 0, shifted >= 0, beta >= 0]
        factor = formula_shifted_expansive_factor(on, a, h, shifted, beta)
        return Proof(
            (
                prove_identity(
                    r"$D = \tfrac{1+a}{2}I + E$: $d - \tfrac{1+a}{2}$ runs over"
                    r" $\pm\tfrac{1-a}{2}$",
                    sympy.Matrix([slope - (1 + slope) / 2, 1 - (1 + slope) / 2]),
                    sympy.Matrix([-(1 - slope) / 2, (1 - slope) / 2]),
                ),
                prove_by_smt(
                    r"$|d - \tfrac{1+a}{2}| \le \tfrac{1-a}{2}$, so $\|E\| \le \tfrac{1-a}{2}$",
                    name="radius",
                    given=[d >= a, d <= 1],
                    show=on.absolute(d - (1 + a) / 2) <= (1 - a) / 2,
                ),
                cited(
                    r"$\|I + hDB\| \le \|I + h\tfrac{1+a}{2}B\| + h\|E\|\|B\|$ and"
                    r" $\le 1 + h\|B\|$",
                    "triangle inequality",
                ),
                prove_by_smt(
                    "both bounds together are the minimum",
                    name="minimum",
                    given=[
                        *domain,
                        moved <= shifted + h * (1 - a) / 2 * beta,
                        moved <= 1 + h * beta,
                    ],
                    show=moved <= factor,
                ),
                prove_identity(
                    r"for $B = \|B\|I$ the two bounds agree",
                    formula_shifted_expansive_factor(SYMBOLIC, slope, *_identity_case(slope)),
                    formula_expansive_layer_factor(*_identity_case(slope)[::2]),
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return strategies.expansive_layer_steps()

    def measure(self, instance: LayerStep) -> Measurement:
        B, a, h = instance.matrix.entries, instance.slope, instance.step
        computed = max(instance.attained_factor(), _over_vertices(B, a, h))
        return Measurement(computed, _bound(B, a, h), instance.rounding_allowance(), what="factor")

    def witness(self) -> Witness:
        attained = _over_vertices(np.eye(2), 0.5, 0.5)
        return Witness("B = I, a = ½, h = ½", Measurement(attained, _bound(np.eye(2), 0.5, 0.5)))

    def mutants(self) -> Sequence[Mutant]:
        skew = np.array([[0.0, -1.0], [1.0, 0.0]])
        centred = float(np.linalg.norm(np.eye(2) + 0.3 * 0.75 * np.eye(2), 2))
        return (
            Mutant(
                "radius forgotten",
                "‖I + h(1 + a)/2·B‖ alone",
                lambda: Measurement(_over_vertices(np.eye(2), 0.5, 0.3), centred, what="factor"),
            ),
            Mutant(
                "norm of the sum",
                "√(1 + h²‖B‖²) for every B, which only a skew B with slope 1 attains",
                lambda: Measurement(
                    _over_vertices(np.eye(2), 0.5, 0.3), float(np.sqrt(1 + 0.09)), what="factor"
                ),
            ),
            Mutant(
                "no gain",
                "the tighter factor equals 1 + h‖B‖ for every B: false for a skew one"
                " (1.10 against 1.30)",
                lambda: Measurement(
                    _bound(skew, 0.5, 0.3),
                    float(bound_expansive_layer_factor(0.3, 1.0)),
                    1e-12,
                    "=",
                    "factor",
                ),
            ),
        )


def _identity_case(a: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr]:
    """(h, ‖I + h(1 + a)/2·B‖, ‖B‖) for B = I and h = 1/3."""
    h = sympy.Rational(1, 3)
    return h, 1 + h * (1 + a) / 2, sympy.Integer(1)


def _bound(B: np.ndarray, a: float, h: float) -> float:
    shifted = np.linalg.norm(np.eye(len(B)) + h * (1 + a) / 2 * B, 2)
    return float(bound_shifted_expansive_factor(a, h, shifted, np.linalg.norm(B, 2)))


def _over_vertices(B: np.ndarray, a: float, h: float) -> float:
    """Maximise ‖I + hDB‖ over all diagonal D in [a, 1]: convex in D, so a vertex attains it.

    An upper oracle for one layer (not every vertex need be reachable), exact over all biases.
    """
    vertices = product((a, 1.0), repeat=len(B))
    return max(
        float(np.linalg.norm(np.eye(len(B)) + h * np.array(d)[:, None] * B, 2)) for d in vertices
    )
