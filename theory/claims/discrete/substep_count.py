"""H1: how many Runge–Kutta sub-steps make a block non-expansive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import Euler, GradientField, RungeKutta, as_system, leaky_relu
from ....numerics.methods import ThreeEighths
from ... import strategies
from ...bounds import bound_substep_count, formula_runge_kutta_step, formula_substep_count
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.smt import prove_by_smt
from ...strategies import LayerStep
from .expanding_steps import expanding_data
from .runge_kutta_steps import EXPLICIT, radius_of


@dataclass(frozen=True)
class Block:
    """n equal sub-steps of one method on one gradient field; the layer's step is the whole time."""

    method: RungeKutta
    layer: LayerStep
    substeps: int

    def quotient(self) -> float:
        system, h = as_system(self.layer.field), self.layer.step / self.substeps
        before = both = np.stack([self.layer.x, self.layer.y])
        for _ in range(self.substeps):
            both = self.method.step(system, 0.0, both, h)
        moved, start = (np.linalg.norm(pair[0] - pair[1]) for pair in (both, before))
        return float(moved / start)

    def against_one(self) -> Measurement:
        allowance = self.substeps * self.layer.rounding_allowance()
        return Measurement(self.quotient(), 1.0, allowance, what="quotient")


@st.composite
def _blocks(draw: st.DrawFn) -> Block:
    method = draw(st.sampled_from(EXPLICIT))
    matrix = draw(strategies.matrices(sigma_max=draw(st.floats(0.25, 2.0))))
    limit = 2 * radius_of(method) / matrix.sigma_max**2
    # Often exactly n times the limit.
    time = limit * draw(st.one_of(st.integers(1, 4).map(float), st.floats(0.0, 4.0)))
    layer = draw(strategies.gradient_steps(st.just(matrix), step=st.just(time)))
    count = int(bound_substep_count(time, matrix.sigma_max, radius_of(method)))
    return Block(method, layer, count)


class SubstepCount(Claim[Block]):
    name = "H1.substep_count"
    title = "⌈T‖A‖²/(2r)⌉ sub-steps make a Runge–Kutta block non-expansive"
    statement = (
        r"n \ge \frac{T\|A\|^2}{2r} \;\Rightarrow\;"
        r" \big|\Psi_{T/n}^n(x) - \Psi_{T/n}^n(y)\big| \le |x - y|"
    )
    assumptions = (
        Assumption(r"f(x) = -A^T\Sigma(Ax + b),\ \sigma' \in [0, 1]", "a gradient: L = ‖A‖²"),
        Assumption(r"0 < r < \infty", "the circle-contractivity radius of the method"),
        Assumption(r"T \ge 0,\ n \ge 1", "the time of the block and its number of sub-steps"),
    )
    source = Source("arXiv:2306.17332, sub-stepped blocks", "P")

    def prove(self) -> Proof:
        T, norm, r, n = z3.Reals("T norm r n")
        domain = [T >= 0, norm > 0, r > 0, n > 0]
        needed = formula_substep_count(T, norm, r)
        limit = formula_runge_kutta_step(r, norm**2)
        return Proof(
            (
                prove_by_smt(
                    r"$T/n \le 2r/\|A\|^2$ exactly for $n \ge T\|A\|^2/(2r)$",
                    name="count",
                    given=domain,
                    show=(T / n <= limit) == (n >= needed),
                ),
                cited(
                    r"each sub-step is then non-expansive, $\nabla V = A^T\Sigma(Ax + b)$ being"
                    r" $\|A\|^2$-Lipschitz",
                    "claim D4.circle_contractivity",
                ),
                prove_by_smt(
                    "non-expansive maps compose",
                    name="compose",
                    given=[T >= 0, norm <= T, r <= norm],
                    show=r <= T,
                ),
                cited(
                    "with fewer sub-steps each is beyond the limit of D4.failing_beyond_the_limit,"
                    " and expands on some convex potential",
                    "claim D4.failing_beyond_the_limit",
                ),
            )
        )

    def instances(self) -> SearchStrategy[Block]:
        return _blocks()

    def measure(self, instance: Block) -> Measurement:
        return instance.against_one()

    def witness(self) -> Witness:
        count = int(bound_substep_count(6.0, 1.0, 1.0))
        return Witness(
            f"Euler, A = 1, T = 6: {count} sub-steps of 2 reflect three times",
            _euler_block(1.0, 6.0, count),
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "one fewer",
                "Euler, A = 1, T = 6 in two sub-steps",
                lambda: _euler_block(1.0, 6.0, int(bound_substep_count(6.0, 1.0, 1.0)) - 1),
            ),
            Mutant(
                "norm not squared",
                "n = ⌈T‖A‖/(2r)⌉ for ‖A‖ = 2, T = 2",
                lambda: _euler_block(2.0, 2.0, int(bound_substep_count(2.0, np.sqrt(2.0), 1.0))),
            ),
            Mutant(
                "radius of Euler",
                "r = 1 for the 3/8 rule: T‖A‖² = 2 in one sub-step",
                lambda: Measurement(
                    expanding_data(ThreeEighths.tableau, Fraction(2)).growth(),
                    1.0,
                    what="quotient",
                ),
            ),
        )


def _euler_block(A: float, time: float, count: int) -> Measurement:
    field = GradientField([[A]], activation=leaky_relu(1.0))
    matrix = strategies.PrescribedMatrix(np.array([[A]]), A, A)
    layer = LayerStep(field, time, 1.0, matrix, np.array([1.0]), np.array([0.0]))
    return Block(Euler, layer, count).against_one()
