"""C1: a one-sided Lipschitz field moves two points apart at its rate at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.linalg import expm

from ....numerics.validation import FloatArray
from ... import strategies
from ...bounds import bound_flow_growth, formula_flow_growth
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import logarithmic_norm
from ...proof import Proof, cited
from ...proof.algebra import SYMBOLIC, prove_identity
from ...proof.smt import prove_by_smt


@dataclass(frozen=True)
class LinearFlow:
    """The flow of ẋ = Bx for a time t."""

    B: FloatArray
    t: float

    def growth(self) -> float:
        return float(np.linalg.norm(expm(self.t * self.B), 2))


# Eigenvalues −1 and −½, yet it first moves points apart: the matrix is far from normal.
NON_NORMAL = LinearFlow(np.array([[-1.0, 2.0], [0.0, -0.5]]), 0.5)


class OneSidedGrowth(Claim[LinearFlow]):
    name = "C1.one_sided_growth"
    title = "One-sided Lipschitz fields move points apart at rate ν at most"
    statement = (
        r"\langle f(x) - f(y), x - y\rangle \le \nu |x - y|^2 \;\Rightarrow\;"
        r" |\varphi^t(x) - \varphi^t(y)| \le e^{\nu t} |x - y|"
    )
    assumptions = (
        Assumption(r"\nu \in \mathbb{R}", "a one-sided Lipschitz constant of f"),
        Assumption(r"t \ge 0", "the time"),
    )
    source = Source("paper, one-sided Lipschitz condition", "P")

    def prove(self) -> Proof:
        t, nu = sympy.symbols("t nu", real=True)
        r = sympy.Function("r")(t)
        weight = sympy.exp(-2 * nu * t)
        dr, rz, v, w = z3.Reals("dr r nu w")
        return Proof(
            (
                cited(
                    r"$r(t) = |\varphi^t(x) - \varphi^t(y)|^2$ has"
                    r" $r' = 2\langle f(\varphi^t x) - f(\varphi^t y),"
                    r" \varphi^t x - \varphi^t y\rangle \le 2\nu r$",
                    "chain rule and hypothesis",
                ),
                prove_identity(
                    r"$(e^{-2\nu t} r)' = e^{-2\nu t}(r' - 2\nu r)$",
                    sympy.diff(weight * r, t),
                    weight * (sympy.diff(r, t) - 2 * nu * r),
                ),
                prove_by_smt(
                    r"$r' \le 2\nu r$ makes that derivative $\le 0$",
                    name="weighted-distance-decreases",
                    given=[dr <= 2 * v * rz, w > 0],
                    show=w * (dr - 2 * v * rz) <= 0,
                ),
                prove_identity(
                    r"$r(t) \le e^{2\nu t} r(0)$ is the square of the claimed factor",
                    formula_flow_growth(SYMBOLIC, nu, t) ** 2,
                    sympy.exp(2 * nu * t),
                ),
            )
        )

    def instances(self) -> SearchStrategy[LinearFlow]:
        square = st.integers(1, 4).flatmap(lambda n: strategies.matrices(rows=n, columns=n))
        return st.builds(LinearFlow, square.map(lambda M: M.entries), st.floats(0.0, 2.0))

    def measure(self, instance: LinearFlow) -> Measurement:
        return _against(instance, logarithmic_norm(instance.B))

    def witness(self) -> Witness:
        return Witness("f(x) = −x, t = 1", self.measure(LinearFlow(-np.eye(1), 1.0)))

    def mutants(self) -> Sequence[Mutant]:
        eigenvalue = float(np.linalg.eigvals(NON_NORMAL.B).real.max())
        growing = LinearFlow(np.eye(1), 1.0)
        return (
            Mutant(
                "spectral abscissa",
                "ν is the largest real part of an eigenvalue, not of the symmetric part",
                lambda: _against(NON_NORMAL, eigenvalue),
            ),
            Mutant(
                "half the rate",
                "the squared distance grows at rate ν instead of 2ν",
                lambda: _against(growing, 0.5),
            ),
        )


def _against(flow: LinearFlow, rate: float) -> Measurement:
    claimed = float(bound_flow_growth(rate, flow.t))
    return Measurement(flow.growth(), claimed, 1e-10 * claimed, what="growth")
