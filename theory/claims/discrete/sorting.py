"""D8: sorting two numbers is one non-expansive step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import GradientField, euler_step, relu
from ....numerics.validation import FloatArray
from ... import strategies
from ...bounds import formula_nonexpansive_step
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof
from ...proof.smt import SmtArithmetic, prove_by_smt

DIRECTION = np.array([[-1.0, 1.0]])


class Sorting(Claim[FloatArray]):
    name = "D8.sorting"
    title = "The boundary step with w = (−1, 1) sorts two numbers"
    statement = (
        r"x - \tau w\,\mathrm{ReLU}(w^Tx) = (\max(x_1, x_2), \min(x_1, x_2)),"
        r"\quad w = (-1, 1)^T,\ \tau = \frac{2}{|w|^2} = 1"
    )
    assumptions = (Assumption(r"x \in \mathbb{R}^2", "descending order"),)
    source = Source("flowcert; a layer of the follow-up arXiv:2505.12003", "D")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        x, y = z3.Reals("x_1 x_2")
        step = formula_nonexpansive_step(on.number(2))
        positive = on.maximum(y - x, on.number(0))
        return Proof(
            (
                prove_by_smt(
                    "the step of the boundary, $2/|w|^2 = 1$, sorts",
                    name="sorts",
                    given=[],
                    show=z3.And(
                        x + step * positive == on.maximum(x, y),
                        y - step * positive == -on.maximum(-x, -y),
                    ),
                ),
            )
        )

    def instances(self) -> SearchStrategy[FloatArray]:
        return strategies.points(2) | st.floats(-4, 4).map(lambda s: np.array([s, s]))

    def measure(self, instance: FloatArray) -> Measurement:
        return _against_sorted(DIRECTION, 1.0, instance)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        pair = np.array([1.0, 3.0])
        return (
            Mutant("half a step", "τ = ½", lambda: _against_sorted(DIRECTION, 0.5, pair)),
            Mutant(
                "other direction", "w = (1, −1)", lambda: _against_sorted(-DIRECTION, 1.0, pair)
            ),
        )


def _against_sorted(w: FloatArray, tau: float, x: FloatArray) -> Measurement:
    step = euler_step(GradientField(w, activation=relu()), x, tau)
    error = float(np.abs(step - np.sort(x)[::-1]).max())
    return Measurement(error, 0.0, 1e-14 * (1 + float(np.abs(x).max())), "=", "distance to sorted")
