"""D8: the step h = 2/σ_max² at a = 0 is the strongest non-expansive one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import GradientField, relu
from ... import strategies
from ...bounds import (
    bound_contractive_factor,
    bound_nonexpansive_step,
    formula_contractive_factor,
    formula_nonexpansive_step,
)
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...strategies import LayerStep


@st.composite
def boundary_steps(draw: st.DrawFn) -> LayerStep:
    """Steps x − (2/‖W‖²)Wᵀσ(Wx + b) with smallest slope 0."""
    sigma_max = draw(st.floats(0.25, 4.0))
    layer = draw(strategies.gradient_steps(strategies.matrices(sigma_max=sigma_max), slope=0.0))
    return replace(layer, step=float(bound_nonexpansive_step(sigma_max**2)))


class BoundaryStep(Claim[LayerStep]):
    name = "D8.boundary_step"
    title = "The boundary step 2/‖W‖² is non-expansive"
    statement = r"\mathrm{Lip}\Big(x - \frac{2}{\|W\|^2} W^T\mathrm{ReLU}(Wx + b)\Big) \le 1"
    assumptions = (
        Assumption(r"W \ne 0", "any shape"),
        Assumption(r"\sigma' \in [0, 1]", "ReLU; attained for one row, and over all biases"),
    )
    source = Source("flowcert; known as the CPL layer (Meunier et al. 2022)", "D")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        a, h, low, high = z3.Reals("a h sigma_min sigma_max")
        domain = [low >= 0, high >= low, high > 0]
        limit = formula_nonexpansive_step(high**2)
        return Proof(
            (
                prove_by_smt(
                    r"at $a = 0$, $h = 2/\sigma_{\max}^2$ the sharp factor is 1",
                    name="boundary",
                    given=domain,
                    show=formula_contractive_factor(on, on.number(0), limit, low, high) == 1,
                ),
                prove_by_smt(
                    r"every longer step has a factor above 1, whatever $a$",
                    name="strongest",
                    given=[*domain, a >= 0, a <= 1, h > limit],
                    show=formula_contractive_factor(on, a, h, low, high) > 1,
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return boundary_steps()

    def measure(self, instance: LayerStep) -> Measurement:
        matrix = instance.matrix
        claimed = float(
            bound_contractive_factor(0.0, instance.step, matrix.sigma_min, matrix.sigma_max)
        )
        return Measurement(
            instance.attained_factor(),
            min(claimed, 1.0),
            instance.rounding_allowance(),
            what="factor",
        )

    def witness(self) -> Witness:
        limit = float(bound_nonexpansive_step(4.0))
        return Witness("W = 2, h = ½, x > 0: a reflection", _factor(2.0, limit))

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant("longer step", "h = 2.1/‖W‖²", lambda: _factor(2.0, 2.1 / 4.0)),
            Mutant("norm not squared", "h = 2/‖W‖ for ‖W‖ = 2", lambda: _factor(2.0, 2.0 / 2.0)),
            Mutant(
                "other sign",
                "x + hWᵀReLU(Wx + b)",
                lambda: _factor(2.0, -0.5),
            ),
        )


def _factor(w: float, h: float) -> Measurement:
    field = GradientField([[w]], activation=relu())
    attained = float(np.linalg.norm(np.eye(1) + h * field.jacobian([1.0]), 2))
    return Measurement(attained, 1.0, what="factor")
