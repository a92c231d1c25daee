"""D4: Runge–Kutta steps on gradients of convex L-smooth potentials are non-expansive up to 2r/L."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics import (
    RK4,
    ButcherTableau,
    Euler,
    ExplicitMidpoint,
    GradientField,
    LinearField,
    RungeKutta,
    as_system,
)
from ....numerics.validation import FloatArray
from ...bounds import bound_runge_kutta_step, formula_cocoercive_step, formula_runge_kutta_step
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...contraction.exact_forms import is_positive_semidefinite
from ...measuring import difference_quotient
from ...proof import Proof, cited
from ...proof.algebra import prove_cases, prove_identity
from ...proof.smt import prove_by_smt
from .expanding_steps import expanding_data
from .runge_kutta_steps import (
    EXPLICIT,
    IMPLICIT,
    MethodStep,
    contractivity_matrices,
    method_steps,
    plus_multiple,
    prove_difference_identity,
    radius_of,
)

# Consistent, of order 2, and with a negative weight.
NEGATIVE_WEIGHT = ButcherTableau([[0, 0], ["-1/2", 0]], [2, -1], [0, "-1/2"])


class CircleContractivity(Claim[MethodStep]):
    name = "D4.circle_contractivity"
    title = "Runge–Kutta steps on convex smooth potentials are non-expansive up to 2r/L"
    statement = (
        r"h \le \frac{2r}{L},\quad r = \sup\{r : M + \tfrac1r B \succeq 0\},\quad"
        r" M = BA + A^T B - bb^T,\ B = \mathrm{diag}(b)"
        r" \;\Rightarrow\; |\Psi_h(x) - \Psi_h(y)| \le |x - y|"
    )
    assumptions = (
        Assumption(
            r"\langle f(x) - f(y), x - y\rangle \le -\tfrac1L|f(x) - f(y)|^2",
            "at every time; f = −∇V, V convex and L-smooth",
        ),
        Assumption(r"b_j > 0", "for all stages that are used"),
        Assumption(r"h \ge 0", "the step; implicit methods: with stages that exist"),
    )
    source = Source("paper, Runge–Kutta steps; Dahlquist, Jeltsch 1979", "P")

    def prove(self) -> Proof:
        h, L, r, start, beta, m, p = z3.Reals("h L r start beta m p")
        radius, kappa = sympy.symbols("r kappa", positive=True)
        return Proof(
            (
                cited(
                    r"$\langle k_i, Y_i\rangle \le -|k_i|^2/L$ at every stage, $f = -\nabla V$",
                    "Baillon and Haddad 1977",
                ),
                *(prove_difference_identity(s) for s in (1, 2, 3)),
                cited(
                    "every term of that identity belongs to a pair of stages: it holds for any"
                    " number of stages and of components",
                    "bilinearity of the inner product",
                ),
                cited(
                    r"$Q \succeq 0$ gives $\sum_{ij} q_{ij}\langle k_i, k_j\rangle \ge 0$",
                    "sum over the components of the k's",
                ),
                prove_by_smt(
                    r"$p = \sum b_i\langle k_i, Y_i\rangle \le -\beta/L$,"
                    r" $\beta = \sum b_i|k_i|^2$, $m + \beta/r \ge 0$ and $h \le 2r/L$ give"
                    r" $|\Delta|^2 + 2hp - h^2m \le |\Delta|^2$",
                    name="contract",
                    given=[
                        r > 0,
                        L > 0,
                        h >= 0,
                        h <= formula_runge_kutta_step(r, L),
                        beta >= 0,
                        p * L <= -beta,
                        m * r + beta >= 0,
                    ],
                    show=start + 2 * h * p - h**2 * m <= start,
                ),
                prove_identity(
                    r"with $\kappa = 1/L$ the limit is $2\kappa r$",
                    formula_runge_kutta_step(radius, 1 / kappa),
                    formula_cocoercive_step(radius, kappa),
                ),
                prove_cases(
                    r"$M + B/r \succeq 0$ with the $r$ of each shipped method, rounded down"
                    r" ($M \succeq 0$ where $r = \infty$), by $LDL^T$ in fractions",
                    EXPLICIT + IMPLICIT,
                    _contracts,
                ),
            )
        )

    def instances(self) -> SearchStrategy[MethodStep]:
        return method_steps()

    def measure(self, instance: MethodStep) -> Measurement:
        return instance.against(1.0)

    def witness(self) -> Witness:
        limit = float(bound_runge_kutta_step(radius_of(Euler), 4.0))
        return Witness(
            "Euler, V = 2x², h = 2/L = ½ (other methods: claim D4.failing_beyond_the_limit)",
            _run(Euler, GradientField([[2.0]]), limit),
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "longer step",
                "RK4 with h = 2.1/L and a field that changes from stage to stage",
                lambda: Measurement(
                    expanding_data(RK4.tableau, Fraction(21, 10)).growth(), 1.0, what="quotient"
                ),
            ),
            Mutant(
                "weight zero",
                "the explicit midpoint rule, b₁ = 0, with h = 1/(10L)",
                lambda: Measurement(
                    expanding_data(ExplicitMidpoint.tableau, Fraction(1, 10)).growth(), 1.0
                ),
            ),
            Mutant(
                "negative weight",
                "b = (2, −1) with h = 1/(10L)",
                lambda: Measurement(expanding_data(NEGATIVE_WEIGHT, Fraction(1, 10)).growth(), 1.0),
            ),
            Mutant(
                "no gradient",
                "SSP(3, 3)'s limit h = 2/L on the rotation with L = 1",
                lambda: _run(EXPLICIT[3], LinearField([[0.0, -1.0], [1.0, 0.0]]), 2.0),
            ),
        )


def _contracts(method: RungeKutta) -> bool:
    M, B = contractivity_matrices(method.tableau)
    r = radius_of(method)
    return is_positive_semidefinite(M if r == np.inf else plus_multiple(M, 1 / Fraction(r), B))


def _run(method: RungeKutta, field: GradientField | LinearField, h: float) -> Measurement:
    n = field.dimension

    def step(x: FloatArray) -> FloatArray:
        return method.step(as_system(field), 0.0, x, h)

    return Measurement(difference_quotient(step, np.ones(n), 2 * np.ones(n)), 1.0, what="quotient")
