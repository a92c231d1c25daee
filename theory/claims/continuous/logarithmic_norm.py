"""C1: the best one-sided Lipschitz constant is the largest logarithmic norm of the Jacobian."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics import ExpansiveLayerField, LinearField, leaky_relu
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import logarithmic_norm, one_sided_quotient
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from ...strategies import LayerStep


class LogarithmicNorm(Claim[LayerStep]):
    name = "C1.logarithmic_norm"
    title = "The best one-sided constant is sup λ_max(sym Df)"
    statement = (
        r"\sup_{x \ne y \in K} \frac{\langle f(x) - f(y), x - y\rangle}{|x - y|^2}"
        r" = \sup_{x \in K} \lambda_{\max}\big(\tfrac12(Df(x) + Df(x)^T)\big)"
    )
    assumptions = (
        Assumption(r"f \in C^1", "or piecewise so: D runs over the limits of Jacobians"),
        Assumption(r"K \text{ convex, with interior points}", "the set on which it is wanted"),
    )
    source = Source("paper, one-sided Lipschitz condition; Dahlquist 1958", "P")

    def prove(self) -> Proof:
        B = sympy.Matrix(3, 3, sympy.symbols("b0:9"))
        v = sympy.Matrix(sympy.symbols("v0:3"))
        p, q, r, s, x, y = z3.Reals("p q r s x y")
        largest = (p + r) / 2 + s
        return Proof(
            (
                cited(
                    r"$\langle f(x) - f(y), v\rangle = \int_0^1 v^T Df(y + \tau v) v\,d\tau$,"
                    r" $v = x - y$; and $y \to x$ along $v$ attains $v^T Df(x) v$",
                    "fundamental theorem of calculus on the segment, which lies in the convex K",
                ),
                prove_identity(
                    r"$v^T B v = v^T \tfrac12(B + B^T) v$",
                    (v.T * B * v)[0],
                    (v.T * (B + B.T) * v)[0] / 2,
                ),
                prove_by_smt(
                    r"$v^T S v \le \lambda_{\max}(S)|v|^2$ for symmetric $S$ (two dimensions;"
                    r" in general by the spectral theorem)",
                    name="rayleigh-quotient",
                    given=[s >= 0, s * s == ((p - r) / 2) ** 2 + q**2],
                    show=p * x * x + 2 * q * x * y + r * y * y <= largest * (x * x + y * y),
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return strategies.expansive_layer_steps()

    def measure(self, instance: LayerStep) -> Measurement:
        computed = max(
            one_sided_quotient(instance.field, instance.x, instance.y),
            logarithmic_norm(instance.field.jacobian(instance.x)),
        )
        claimed = _supremum(instance.matrix.entries, instance.slope)
        return Measurement(computed, claimed, instance.rounding_allowance(), what="rate")

    def witness(self) -> Witness:
        B = np.array([[0.0, 1.0], [1.0, 0.0]])
        quotient = one_sided_quotient(LinearField(B), np.ones(2), np.zeros(2))
        return Witness(
            "f(x₁, x₂) = (x₂, x₁) along (1, 1)", Measurement(quotient, logarithmic_norm(B))
        )

    def mutants(self) -> Sequence[Mutant]:
        B = np.array([[0.0, 4.0], [0.0, 0.0]])
        field = ExpansiveLayerField(np.eye(1), activation=leaky_relu(0.5))
        return (
            Mutant(
                "spectral radius",
                "the eigenvalues of Df instead of those of its symmetric part",
                lambda: Measurement(
                    one_sided_quotient(LinearField(B), np.ones(2), np.zeros(2)), 0.0
                ),
            ),
            Mutant(
                "one point instead of all",
                "the logarithmic norm at x = −1 only",
                lambda: Measurement(
                    one_sided_quotient(field, np.array([2.0]), np.array([1.0])),
                    logarithmic_norm(field.jacobian(np.array([-1.0]))),
                ),
            ),
        )


def _supremum(B: np.ndarray, a: float) -> float:
    """Maximise λ_max(sym DB) over diagonal D in [a, 1]: convex in D, hence taken at a vertex."""
    vertices = product((a, 1.0), repeat=len(B))
    return max(logarithmic_norm(np.array(d)[:, None] * B) for d in vertices)
