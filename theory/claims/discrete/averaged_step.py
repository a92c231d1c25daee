"""D3: shorter steps on a convex L-smooth potential are averaged operators."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import GradientField, VectorField
from ....numerics.validation import FloatArray
from ... import strategies
from ...bounds import bound_averaged_step, formula_averaged_step, formula_nonexpansive_step
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from ...strategies import LayerStep


class AveragedStep(Claim[tuple[LayerStep, float]]):
    name = "D3.averaged_step"
    title = "The step h = 2θ/L is θ-averaged"
    statement = (
        r"h \le \frac{2\theta}{L} \;\Rightarrow\; x - h\nabla V = (1 - \theta)I + \theta N,"
        r"\ N \text{ non-expansive}:\ |\Delta^+|^2 + \tfrac{1-\theta}{\theta}|\Delta - \Delta^+|^2"
        r" \le |\Delta|^2"
    )
    assumptions = (
        Assumption(r"V \text{ convex, } L\text{-smooth}", "V = 1ᵀΓ(Ax + b): L = ‖A‖²"),
        Assumption(r"h \ge 0", "the step"),
        Assumption(r"0 < \theta \le 1", "the averagedness; θ = ½ is firmly non-expansive"),
    )
    source = Source("flowcert; classical (Baillon, Haddad 1977)", "D")

    def prove(self) -> Proof:
        x, g, step, t, smooth = sympy.symbols("x g h theta L", positive=True)
        h, theta, L, p, q, r = z3.Reals("h theta L p q r")
        return Proof(
            (
                cited(
                    r"$\langle\Delta g, \Delta\rangle \ge |\Delta g|^2/L$, $g = \nabla V$",
                    "Baillon and Haddad 1977",
                ),
                prove_identity(
                    r"$x - hg = (1 - \theta)x + \theta(x - \tfrac{h}{\theta}g)$",
                    x - step * g,
                    (1 - t) * x + t * (x - step / t * g),
                ),
                prove_identity(
                    r"the inner step of $h = 2\theta/L$ is $2/L$,"
                    " the limit of D3.nonexpansive_step",
                    formula_averaged_step(t, smooth) / t,
                    formula_nonexpansive_step(smooth),
                ),
                prove_by_smt(
                    r"the inequality of averaged operators, with $\Delta - \Delta^+ = h\Delta g$",
                    name="averaged",
                    given=[
                        L > 0,
                        theta > 0,
                        theta <= 1,
                        h >= 0,
                        h <= formula_averaged_step(theta, L),
                        q >= 0,
                        p * L >= q,
                    ],
                    show=(r - 2 * h * p + h**2 * q) + (1 - theta) / theta * h**2 * q <= r,
                ),
            )
        )

    def instances(self) -> SearchStrategy[tuple[LayerStep, float]]:
        matrices = strategies.matrices(sigma_max=2.0)
        return st.tuples(strategies.gradient_steps(matrices), st.floats(0.05, 1.0))

    def measure(self, instance: tuple[LayerStep, float]) -> Measurement:
        layer, theta = instance
        h = float(bound_averaged_step(theta, layer.matrix.sigma_max**2))
        allowance = 100 * layer.rounding_allowance()
        return _inequality(layer.field, layer.x, layer.y, h, theta, allowance)

    def witness(self) -> Witness:
        h = float(bound_averaged_step(0.5, 1.0))
        return Witness("V = x²/2, θ = ½, h = 1: one step reaches the minimum", _on_parabola(h, 0.5))

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "full step, half averaged",
                "h = 2/L with θ = ½",
                lambda: _on_parabola(float(formula_nonexpansive_step(1.0)), 0.5),
            ),
            Mutant(
                "slightly longer step",
                "h = 2.02·θ/L",
                lambda: _on_parabola(1.01 * float(formula_averaged_step(0.5, 1.0)), 0.5),
            ),
        )


def _inequality(
    field: VectorField, x: FloatArray, y: FloatArray, h: float, theta: float, allowance: float
) -> Measurement:
    """|Δ⁺|² + (1 − θ)/θ·|Δ − Δ⁺|² against |Δ|², both divided by |Δ|²."""
    before = x - y
    change = h * (field(x) - field(y))
    after = before + change
    weighted = after @ after + (1 - theta) / theta * (change @ change)
    return Measurement(float(weighted / (before @ before)), 1.0, allowance, what="weighted square")


def _on_parabola(h: float, theta: float) -> Measurement:
    field = GradientField([[1.0]])
    return _inequality(field, np.array([2.0]), np.array([1.0]), h, theta, 1e-12)
