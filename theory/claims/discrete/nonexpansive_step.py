"""D3: an Euler step on a convex L-smooth potential is non-expansive for h ≤ 2/L."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import ExpansiveGradientField, GradientField, LinearField, VectorField, relu
from ... import strategies
from ...bounds import bound_nonexpansive_step, formula_nonexpansive_step
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.smt import prove_by_smt
from ...strategies import LayerStep


@st.composite
def nonexpansive_steps(draw: st.DrawFn) -> LayerStep:
    """Gradient steps with h in [0, 2/‖A‖²], often at the limit."""
    sigma_max = draw(st.floats(0.25, 4.0))
    layer = draw(strategies.gradient_steps(strategies.matrices(sigma_max=sigma_max)))
    limit = float(bound_nonexpansive_step(layer.matrix.sigma_max**2))
    return replace(layer, step=limit * draw(st.one_of(st.just(1.0), st.floats(0.0, 1.0))))


class NonexpansiveStep(Claim[LayerStep]):
    name = "D3.nonexpansive_step"
    title = "Euler steps on convex smooth potentials are non-expansive up to 2/L"
    statement = (
        r"h \le \frac2L \;\Rightarrow\; |(x - h\nabla V(x)) - (y - h\nabla V(y))| \le |x - y|"
    )
    assumptions = (
        Assumption(r"V \text{ convex, } L\text{-smooth}", "V = 1ᵀΓ(Ax + b): L = ‖A‖²"),
        Assumption(r"h \ge 0", "the step"),
    )
    source = Source("paper, non-expansive layers", "P")

    def prove(self) -> Proof:
        h, L, p, q, r = z3.Reals("h L p q r")
        return Proof(
            (
                cited(
                    r"$\langle\Delta g, \Delta\rangle \ge |\Delta g|^2/L$, $g = \nabla V$",
                    "Baillon and Haddad 1977",
                ),
                prove_by_smt(
                    r"$p \ge q/L$ and $h \le 2/L$ give $r - 2hp + h^2 q \le r$",
                    name="cocoercive",
                    given=[L > 0, h >= 0, h <= formula_nonexpansive_step(L), q >= 0, p * L >= q],
                    show=r - 2 * h * p + h**2 * q <= r,
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return nonexpansive_steps()

    def measure(self, instance: LayerStep) -> Measurement:
        return Measurement(
            instance.attained_factor(), 1.0, instance.rounding_allowance(), what="factor"
        )

    def witness(self) -> Witness:
        limit = float(bound_nonexpansive_step(4.0))
        return Witness("A = 2, h = 2/L = ½, slope 1", _factor(GradientField([[2.0]]), limit))

    def mutants(self) -> Sequence[Mutant]:
        limit = float(bound_nonexpansive_step(1.0))
        rotation = LinearField([[0.0, -1.0], [1.0, 0.0]])
        return (
            Mutant(
                "longer step",
                "h = 2.1/L",
                lambda: _factor(GradientField([[1.0]]), 1.05 * limit),
            ),
            Mutant(
                "no gradient",
                "the monotone field −f = rotation with L = 1 and h = 2/L",
                lambda: _factor(rotation, limit),
            ),
            Mutant(
                "concave potential",
                "the sign of V turned",
                lambda: _factor(ExpansiveGradientField([[1.0]], activation=relu()), limit),
            ),
        )


def _factor(field: VectorField, h: float) -> Measurement:
    n = field.dimension
    attained = float(np.linalg.norm(np.eye(n) + h * field.jacobian(np.ones(n)), 2))
    return Measurement(attained, 1.0, what="factor")
