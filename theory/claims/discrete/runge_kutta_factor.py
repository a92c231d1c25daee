"""D4: the contraction factor of a Runge–Kutta step for slopes in [a, L], with its certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import RK4, SSP33, Euler, FieldSystem, Heun, LinearField, RungeKutta, as_system
from ....numerics.methods import BackwardEuler, ImplicitMidpoint, Kutta3, RadauIIA, ThreeEighths
from ... import strategies
from ...bounds import formula_contractive_factor
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...contraction import (
    ContractionCertificate,
    StageForms,
    autonomous_step,
    runge_kutta_contraction,
    worst_stage_data,
)
from ...contraction.exact_forms import is_positive_semidefinite
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import SYMBOLIC, prove_cases, prove_identity
from ...proof.smt import prove_by_smt
from .runge_kutta_steps import MethodStep

_METHODS = (Euler, Heun, SSP33, Kutta3, RK4, ThreeEighths)
_HALF = Fraction(1, 2)
# Method, step, a, L: both regimes, short and long steps, negative ones, implicit methods.
CASES: tuple[tuple[RungeKutta, Fraction, Fraction, Fraction], ...] = (
    (Euler, Fraction(4, 3), _HALF, Fraction(1)),
    (Heun, Fraction(2), Fraction(0), Fraction(1)),
    (SSP33, Fraction(1), Fraction(1, 4), Fraction(1)),
    (RK4, Fraction(19, 10), _HALF, Fraction(1)),
    (RK4, Fraction(-1, 2), Fraction(0), Fraction(2)),
    (ThreeEighths, Fraction(19, 10), _HALF, Fraction(1)),
    (BackwardEuler, Fraction(10), _HALF, Fraction(1)),
    (ImplicitMidpoint, Fraction(10), _HALF, Fraction(1)),
    (RadauIIA(2), Fraction(3), _HALF, Fraction(1)),
)


@st.composite
def _steps(draw: st.DrawFn) -> MethodStep:
    """Steps of any method on gradient fields, h·L from −1 to 4."""
    matrix = draw(strategies.matrices(sigma_max=draw(st.floats(0.5, 2.0))))
    h = draw(st.floats(-1.0, 4.0)) / matrix.sigma_max**2
    layer = draw(strategies.gradient_steps(st.just(matrix), step=st.just(h)))
    return MethodStep(draw(st.sampled_from(_METHODS)), layer)


class RungeKuttaFactor(Claim[MethodStep]):
    name = "D4.runge_kutta_factor"
    title = "Contraction factors of Runge–Kutta steps with exact certificates"
    statement = (
        r"\varphi^2 e e^T - o o^T - \sum_j d_j\,\mathrm{sym}\,(w_j - ha\,u_j)(hL\,u_j - w_j)^T"
        r" \succeq 0,\ d \ge 0 \;\Rightarrow\; |\Psi_h(x) - \Psi_h(y)| \le \varphi|x - y|"
    )
    assumptions = (
        Assumption(
            r"\langle \Delta g - a\Delta x, L\Delta x - \Delta g\rangle \ge 0",
            "f = −g with slopes of g in [a, L]; g = AᵀΣ(Ax + b): [a σ_min², σ_max²]",
        ),
        Assumption(
            r"u_j = e - \sum_i a_{ji}w_i,\ o = e - \sum_j b_j w_j",
            "the differences of stages and results; w_j = hΔg at stage j",
        ),
        Assumption(r"h \in \mathbb{R}", "the step; implicit methods: with stages that exist"),
    )
    source = Source("flowcert; Lessard, Recht, Packard 2016", "D")

    def prove(self) -> Proof:
        slope, a, L = z3.Reals("slope a L")
        after, before, rest, d1, d2, q1, q2, h = z3.Reals("after before rest d_1 d_2 q_1 q_2 h")
        squared = z3.Real("factor_squared")
        return Proof(
            (
                cited(
                    r"$\Delta g = S\Delta x$ with $S$ symmetric, eigenvalues in $[a, L]$",
                    "claim D2.matrix_sandwich and the mean value theorem",
                ),
                prove_by_smt(
                    r"$(\lambda - a)(L - \lambda) \ge 0$ for each eigenvalue, and so for the sum",
                    name="eigenvalue",
                    given=[slope >= a, slope <= L],
                    show=(slope - a) * (L - slope) >= 0,
                ),
                prove_by_smt(
                    "times $h^2$: any sign of the step",
                    name="scaled",
                    given=[slope >= a, slope <= L],
                    show=(h * slope - h * a) * (h * L - h * slope) >= 0,
                ),
                *(_forms_mean_what_they_say(s) for s in (1, 2, 3)),
                prove_by_smt(
                    r"the sum is $\ge 0$, $d \ge 0$ and the stages' terms are $\ge 0$: then"
                    r" $|o|^2 \le \varphi^2|e|^2$",
                    name="certificate",
                    given=[
                        rest >= 0,
                        d1 >= 0,
                        d2 >= 0,
                        q1 >= 0,
                        q2 >= 0,
                        squared * before - after == rest + d1 * q1 + d2 * q2,
                    ],
                    show=after <= squared * before,
                ),
                *_euler_is_sharp(),
                prove_cases(
                    "certificates of nine steps hold in fractions, within 1e-6 of exact data of"
                    " explicit methods that attain them on one autonomous potential",
                    CASES,
                    _is_tight_certificate,
                ),
            )
        )

    def instances(self) -> SearchStrategy[MethodStep]:
        return _steps()

    def measure(self, instance: MethodStep) -> Measurement:
        return instance.against(_bound(instance))

    def witness(self) -> Witness:
        # h = 1.9, a = ½, L = 1: a factor that no linear field attains.
        data = worst_stage_data(RK4.tableau, 1.9, 0.5, 1.0)
        attained = float(autonomous_step(data).factor_squared) ** 0.5
        bound = runge_kutta_contraction(RK4.tableau, 1.9, 0.5, 1.0).bound_factor
        return Witness(
            "RK4, h = 1.9, a = ½, L = 1, one autonomous potential (exact data)",
            Measurement(attained, bound, 1e-6, what="factor"),
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "stability function",
                "max |R(−hλ)| for RK4, h = 1.9, a = ½, L = 1: 0.3923",
                lambda: _beyond_stability_function(RK4),
            ),
            Mutant(
                "stability function, non-autonomous",
                "max |R(−hλ)| for the 3/8 rule on ẏ = −λ(t)y, slopes 1, ½, ½, 1 at its stages",
                _switching_slopes,
            ),
            Mutant(
                "no gradient",
                "Heun on a rotation with the Lipschitz constant L = 1, h = 1",
                lambda: _rotation(Heun, 1.0),
            ),
            Mutant(
                "forged factor",
                "φ² of RK4's certificate lowered by 1e-6",
                lambda: prove_cases("the certificate holds", [Fraction(1, 10**6)], _survives),
            ),
            Mutant(
                "forged multipliers",
                "negative d that make the form ⪰ 0",
                lambda: prove_cases("the certificate holds", [Fraction(-4)], _negative_survives),
            ),
        )


def _bound(step: MethodStep) -> float:
    layer = step.layer
    smallest = layer.slope * layer.matrix.sigma_min**2
    certificate = runge_kutta_contraction(
        step.method.tableau, layer.step, min(smallest, step.smoothness), step.smoothness
    )
    return certificate.bound_factor


def _forms_mean_what_they_say(s: int) -> ProofStep:
    """The matrices that are certified are those of the statement, for all tableaux."""
    A = [list(sympy.symbols(f"a{i}_:{s}")) for i in range(s)]
    b, d, w = (sympy.symbols(f"{name}:{s}") for name in ("b", "d", "w"))
    e, low, high = sympy.symbols("e low high")
    forms = StageForms.of(A, b, low, high)
    vector = sympy.Matrix([e, *w])
    u = [e - sum(A[j][i] * w[i] for i in range(s)) for j in range(s)]
    o = e - sum(b[j] * w[j] for j in range(s))
    return prove_identity(
        f"the certified matrix is that of the statement ({s} stages)",
        (vector.T * sympy.Matrix(forms.lacking(d)) * vector)[0],
        -(o**2) - sum(d[j] * (w[j] - low * u[j]) * (high * u[j] - w[j]) for j in range(s)),
    )


def _euler_is_sharp() -> tuple[ProofStep, ...]:
    """For Euler the best multipliers are known: the factor is that of D2.sharp_factor."""
    e, w, low, high, h, a, L = sympy.symbols("e w alpha beta h a L", positive=True)
    forms = StageForms.of([[sympy.Integer(0)]], [sympy.Integer(1)], low, high)
    vector = sympy.Matrix([e, w])
    steps = []
    for end, d in ((low, 2 * (1 - low) / (high - low)), (high, 2 * (high - 1) / (high - low))):
        form = (vector.T * sympy.Matrix(forms.lacking([d])) * vector)[0]
        steps.append(
            prove_identity(
                rf"Euler: with $d = {sympy.latex(d)}$ and $\varphi = |1 - {sympy.latex(end)}|$"
                rf" the form is $(d - 1)(w - {sympy.latex(end)} e)^2$",
                (1 - end) ** 2 * e**2 + form,
                (d - 1) * (w - end * e) ** 2,
            )
        )
    x, y = z3.Reals("alpha beta")
    first, second = 2 * (1 - x) / (y - x), 2 * (y - 1) / (y - x)
    regimes = prove_by_smt(
        r"one of the two has $d \ge 1$: the first for $\alpha + \beta \le 2$, else the second",
        name="euler-regimes",
        given=[x < y],
        show=z3.If(x + y <= 2, first >= 1, second >= 1),
    )
    factor = formula_contractive_factor(SYMBOLIC, a / L, h * L)
    same = prove_identity(
        r"these ends are those of D2.sharp_factor, $\alpha = ha$, $\beta = hL$",
        factor,
        sympy.Max(sympy.Abs(1 - h * a), sympy.Abs(1 - h * L)),
    )
    return (*steps, regimes, same)


def _is_tight_certificate(case: tuple[RungeKutta, Fraction, Fraction, Fraction]) -> bool:
    method, h, a, L = case
    certificate = runge_kutta_contraction(method.tableau, h, a, L)
    if not certificate.verify():
        return False
    if not method.tableau.is_explicit():
        return True
    data = worst_stage_data(method.tableau, h, a, L)
    close = certificate.factor_squared - data.factor_squared <= Fraction(1, 10**6)
    return data.is_admissible() and close and (h < 0 or autonomous_step(data).is_interpolable())


def _largest_stability_value(h: float, a: float, L: float) -> float:
    """max |R(−hλ)| of four stages and order 4 over λ in [a, L], on a fine grid."""
    z = h * np.linspace(a, L, 2001)
    return float(np.max(np.abs(1 - z + z**2 / 2 - z**3 / 6 + z**4 / 24)))


def _beyond_stability_function(method: RungeKutta) -> Measurement:
    step = autonomous_step(worst_stage_data(method.tableau, 1.9, 0.5, 1.0))
    claimed = _largest_stability_value(1.9, 0.5, 1.0)
    return Measurement(float(step.factor_squared) ** 0.5, claimed, what="factor")


def _switching_slopes() -> Measurement:
    h = 1.9

    def slope(t: float) -> float:
        return 0.5 if 0.2 * h < t < 0.8 * h else 1.0

    system = FieldSystem(lambda t, y: -slope(t) * y, 1)
    after = ThreeEighths.step(system, 0.0, np.ones(1), h)
    claimed = _largest_stability_value(h, 0.5, 1.0)
    return Measurement(abs(float(after[0])), claimed, what="factor")


def _rotation(method: RungeKutta, h: float) -> Measurement:
    field = as_system(LinearField([[0.0, -1.0], [1.0, 0.0]]))
    bound = runge_kutta_contraction(method.tableau, h, 0, 1).bound_factor
    after = method.step(field, 0.0, np.array([1.0, 0.0]), h)
    return tightest(Measurement(float(np.linalg.norm(after)), bound, what="factor"))


def _survives(change: Fraction) -> bool:
    certificate = runge_kutta_contraction(RK4.tableau, 1.9, 0.5, 1.0)
    return replace(certificate, factor_squared=certificate.factor_squared - change).verify()


def _negative_survives(multiplier: Fraction) -> bool:
    """Backward Euler across its pole: with d < 0 the form is ⪰ 0, and nothing is proved."""
    certificate = ContractionCertificate(
        A=((Fraction(1),),),
        b=(Fraction(1),),
        step=Fraction(-1),
        slope_min=Fraction(1, 2),
        slope_max=Fraction(3),
        multipliers=(multiplier,),
        factor_squared=Fraction(1000),
    )
    form = certificate.forms().lacking(certificate.multipliers)
    form[0][0] += certificate.factor_squared
    return certificate.verify() or not is_positive_semidefinite(form)
