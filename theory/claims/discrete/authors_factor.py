"""D1: the authors' factor √(1 − 2ah + h²) of a contractive step with orthonormal columns."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import GradientField, VectorField, leaky_relu
from ... import strategies
from ...bounds import (
    bound_authors_contractive_factor,
    formula_contractive_factor,
    formula_monotone_lipschitz_factor,
    formula_squared_monotone_lipschitz_factor,
)
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.balls import BALLS, prove_positive_on_box
from ...proof.smt import prove_by_smt
from ...strategies import LayerStep

_MARGIN = Fraction(1, 50)


class AuthorsFactor(Claim[LayerStep]):
    name = "D1.authors_factor"
    title = "The authors' factor of a contractive Euler step"
    statement = (
        r"|\Psi(x) - \Psi(y)| \le \sqrt{1 - 2ah + h^2}\,|x - y|,"
        r" \quad \Psi(x) = x - hA^T\Sigma(Ax + b)"
    )
    assumptions = (
        Assumption(r"A^T A = I", "orthonormal columns"),
        Assumption(r"\sigma' \in [a, 1],\ 0 \le a \le 1", "slopes of the activation"),
        Assumption(r"h \ge 0", "the step"),
    )
    source = Source("paper, contractive layers", "P")

    def prove(self) -> Proof:
        a, h, p, q, r = z3.Reals("a h p q r")
        v, w = (sympy.Matrix(sympy.symbols(f"{name}0:3")) for name in "vw")
        step = sympy.Symbol("h")
        squared = (v + step * w).dot(v + step * w)
        domain = [a >= 0, a <= 1, h >= 0]
        return Proof(
            (
                cited(
                    r"$\Delta f = -A^T D A\Delta$ gives"
                    r" $\langle\Delta f, \Delta\rangle \le -a|\Delta|^2$,"
                    r" $|\Delta f| \le |\Delta|$",
                    "D diagonal in [a, 1]; AᵀA = I, ‖Aᵀ‖ = 1",
                ),
                prove_identity(
                    r"$|\Delta + h\Delta f|^2 = |\Delta|^2 + 2h\langle\Delta, \Delta f\rangle"
                    r" + h^2|\Delta f|^2$",
                    squared,
                    v.dot(v) + 2 * step * v.dot(w) + step**2 * w.dot(w),
                ),
                prove_by_smt(
                    r"$p \le -ar$ and $q \le r$ give $r + 2hp + h^2 q \le (1 - 2ah + h^2) r$",
                    name="expand",
                    given=[*domain, p <= -a * r, q <= r, q >= 0, r >= 0],
                    show=r + 2 * h * p + h**2 * q
                    <= formula_squared_monotone_lipschitz_factor(a, 1, h) * r,
                ),
                prove_positive_on_box(
                    r"not attained: it exceeds the sharp factor by more than 1/50 on"
                    r" $a \in [0.3, 0.7]$, $h \in [0.3, 1.5]$",
                    lambda slope, size: (
                        formula_monotone_lipschitz_factor(BALLS, slope, 1, size)
                        - formula_contractive_factor(BALLS, slope, size)
                        - BALLS.number(_MARGIN)
                    ),
                    [(Fraction(3, 10), Fraction(7, 10)), (Fraction(3, 10), Fraction(3, 2))],
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return strategies.gradient_steps(
            matrix=orthonormal_matrices(), step=strategies.contractive_step_sizes(1.0)
        )

    def measure(self, instance: LayerStep) -> Measurement:
        claimed = float(bound_authors_contractive_factor(instance.slope, instance.step))
        return Measurement(
            instance.attained_factor(), claimed, instance.rounding_allowance(), what="factor"
        )

    def witness(self) -> Witness:
        field = GradientField([[1.0]], activation=leaky_relu(0.5))
        return Witness(
            "a = ½, h = ½",
            _against(field, 0.5, 0.5),
            gap="I − hAᵀDA is symmetric; the bound holds for all monotone Lipschitz fields and is"
            " attained by one that also rotates (claim D3.monotone_step)",
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "columns not of length one",
                "A = 2I instead of AᵀA = I",
                lambda: _against(GradientField([[2.0]]), 0.5, 1.0),
            ),
            Mutant(
                "smaller slope",
                "an activation with slope 0 and the factor of a = ½",
                lambda: _against(GradientField([[1.0]], activation=leaky_relu(0.0)), 0.5, 0.5),
            ),
            Mutant(
                "longer step",
                "the factor of h = ½ for the step h = 2",
                lambda: _against(GradientField([[1.0]]), 0.5, 2.0, claimed_step=0.5),
            ),
        )


@st.composite
def orthonormal_matrices(draw: st.DrawFn) -> strategies.PrescribedMatrix:
    """Matrices with AᵀA = I, square or tall."""
    n = draw(st.integers(1, 3))
    rows = draw(st.integers(n, 4))
    return draw(strategies.matrices(rows=rows, columns=n, sigma_min=1.0, sigma_max=1.0))


def _against(
    field: VectorField, a: float, h: float, claimed_step: float | None = None
) -> Measurement:
    """The largest norm of I + h·Df on both sides of the kink, against the authors' factor."""
    attained = max(
        float(np.linalg.norm(np.eye(1) + h * field.jacobian(x), 2))
        for x in (np.array([-1.0]), np.array([1.0]))
    )
    claimed = bound_authors_contractive_factor(a, h if claimed_step is None else claimed_step)
    return Measurement(attained, float(claimed), what="factor")
