"""D8: the diagonally scaled boundary step x − 2WᵀT⁻¹ReLU(Wx + b) is non-expansive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import relu
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import difference_quotient, rounding_allowance
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt


@dataclass(frozen=True)
class ScaledStep:
    """x − 2WᵀT⁻¹ReLU(Wx + b) with a diagonal T, given by its entries."""

    W: FloatArray
    b: FloatArray
    T: FloatArray
    x: FloatArray
    y: FloatArray

    def layer(self, x: FloatArray) -> FloatArray:
        return np.asarray(x - 2 * self.W.T @ (relu()(self.W @ x + self.b) / self.T))

    def attained_factor(self) -> float:
        d = relu().derivative(self.W @ self.x + self.b)
        jacobian = np.eye(self.W.shape[1]) - 2 * self.W.T @ ((d / self.T)[:, None] * self.W)
        quotient = difference_quotient(self.layer, self.x, self.y)
        return max(quotient, float(np.linalg.norm(jacobian, 2)))


def dominating_diagonal(W: FloatArray, q: FloatArray) -> FloatArray:
    """T_ii = Σ_j |WWᵀ|_ij q_j/q_i: then T − WWᵀ is positive semidefinite."""
    return np.asarray(np.abs(W @ W.T) @ q / q)


@st.composite
def _scaled_steps(draw: st.DrawFn) -> ScaledStep:
    W = draw(strategies.matrices(sigma_max=draw(st.floats(0.5, 4.0)))).entries
    q = np.array(draw(st.lists(st.floats(0.5, 2.0), min_size=len(W), max_size=len(W))))
    T = np.maximum(dominating_diagonal(W, q), 1e-3)
    x, y = draw(strategies.point_pairs(W.shape[1]))
    return ScaledStep(W, draw(strategies.points(len(W))), T, x, y)


class ScaledBoundaryStep(Claim[ScaledStep]):
    name = "D8.scaled_boundary_step"
    title = "The diagonally scaled boundary step is non-expansive"
    statement = (
        r"T \succeq WW^T \text{ diagonal} \;\Rightarrow\;"
        r" \mathrm{Lip}\big(x - 2W^TT^{-1}\mathrm{ReLU}(Wx + b)\big) \le 1"
    )
    assumptions = (
        Assumption(
            r"T_{ii} = \textstyle\sum_j |WW^T|_{ij}\, q_j/q_i > 0,\ q > 0", "one choice of such a T"
        ),
    )
    source = Source("flowcert; known as the SLL layer (Araujo et al. 2023)", "D")

    def prove(self) -> Proof:
        W = sympy.Matrix(2, 3, sympy.symbols("w0:6"))
        delta = sympy.Matrix(sympy.symbols("x0:3"))
        v = sympy.Matrix(sympy.symbols("v0:2"))
        inverse = sympy.diag(*(1 / t for t in sympy.symbols("t0:2", positive=True)))
        on = SmtArithmetic()
        u, d, g, q1, q2, x, y = z3.Reals("u d g q_1 q_2 x y")
        after = delta - 2 * W.T * inverse * v
        return Proof(
            (
                prove_identity(
                    r"$|\Delta - 2W^TT^{-1}v|^2 = |\Delta|^2 - 4u^TT^{-1}v"
                    r" + 4v^TT^{-1}WW^TT^{-1}v$, $u = W\Delta$",
                    after.dot(after),
                    delta.dot(delta)
                    - 4 * (W * delta).dot(inverse * v)
                    + 4 * (inverse * v).dot(W * W.T * inverse * v),
                ),
                prove_by_smt(
                    r"$u_iv_i \ge v_i^2$ for $v_i = d_iu_i$, $d_i \in [0, 1]$",
                    name="slopes",
                    given=[d >= 0, d <= 1],
                    show=u * (d * u) >= (d * u) ** 2,
                ),
                cited(
                    r"with $WW^T \preceq T$ the sum is at most"
                    r" $|\Delta|^2 - 4\sum_i (u_iv_i - v_i^2)/T_{ii} \le |\Delta|^2$",
                    "v ↦ T⁻¹v in the definition of ⪯",
                ),
                prove_by_smt(
                    r"each pair $i \ne j$ of the dominating diagonal pays for its cross term:"
                    r" $|g|(\tfrac{q_2}{q_1}x^2 + \tfrac{q_1}{q_2}y^2) \ge 2gxy$",
                    name="dominance",
                    given=[q1 > 0, q2 > 0],
                    show=on.absolute(g) * (q2 * q2 * x * x + q1 * q1 * y * y)
                    >= 2 * g * q1 * q2 * x * y,
                ),
            )
        )

    def instances(self) -> SearchStrategy[ScaledStep]:
        return _scaled_steps()

    def measure(self, instance: ScaledStep) -> Measurement:
        size = float(np.linalg.norm(instance.x) + np.linalg.norm(instance.b))
        growth = 1 + 2 * float(np.linalg.norm(instance.W, 2)) / float(instance.T.min())
        distance = min(1.0, float(np.linalg.norm(instance.x - instance.y)))
        allowance = rounding_allowance(size * growth, distance)
        return Measurement(instance.attained_factor(), 1.0, allowance, what="factor")

    def witness(self) -> Witness:
        return Witness("W = 1, T = 1, x > 0: a reflection", _with_diagonal([[1.0]], [1.0]))

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "squared row norms",
                "T = diag(WWᵀ), which forgets the other rows",
                lambda: _with_diagonal([[1.0], [1.0]], [1.0, 1.0]),
            ),
            Mutant(
                "factor 3 instead of 2",
                "T one third too small",
                lambda: _with_diagonal([[1.0]], [2.0 / 3.0]),
            ),
        )


def _with_diagonal(W: list[list[float]], T: list[float]) -> Measurement:
    x = np.ones(len(W[0]))
    step = ScaledStep(np.array(W), np.zeros(len(W)), np.array(T), x, 2 * x)
    return Measurement(step.attained_factor(), 1.0, what="factor")
