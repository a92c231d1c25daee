"""B5: the flows of two fields that differ by ε drift apart by ε(e^{νt} − 1)/ν at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from ....numerics.validation import FloatArray
from ...bounds import bound_field_error, formula_field_error, formula_mean_growth
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import logarithmic_norm
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import SYMBOLIC, prove_cases, prove_identity, prove_limit
from ...proof.smt import prove_by_smt
from ..structure.smooth_networks import arrays

_TOLERANCE = 1e-10


@dataclass(frozen=True)
class FieldPair:
    """f(x) = Bx − Aᵀtanh(Ax), and g = f + ε·u cos(w·x) with a unit vector u, from one point.

    The one-sided constant of f is that of B, since AᵀΣ(Ax) is monotone.
    """

    B: FloatArray
    A: FloatArray
    u: FloatArray
    w: FloatArray
    x: FloatArray
    epsilon: float
    t: float

    @property
    def rate(self) -> float:
        return logarithmic_norm(self.B)

    def distance(self) -> float:
        """|φ_fᵗ(x) − φ_gᵗ(x)| by scipy, both flows in one system so that errors cancel."""
        n = len(self.x)

        def both(_: float, state: FloatArray) -> FloatArray:
            f, g = self._field(state[:n]), self._field(state[n:])
            return np.concatenate([f, g + self.epsilon * np.cos(self.w @ state[n:]) * self.u])

        start = np.concatenate([self.x, self.x])
        end = solve_ivp(
            both, (0.0, self.t), start, method="DOP853", rtol=_TOLERANCE, atol=_TOLERANCE
        ).y[:, -1]
        return float(np.linalg.norm(end[:n] - end[n:]))

    def _field(self, x: FloatArray) -> FloatArray:
        return np.asarray(self.B @ x - self.A.T @ np.tanh(self.A @ x))


@st.composite
def _pairs(draw: st.DrawFn) -> FieldPair:
    n = draw(st.integers(1, 3))
    angle = draw(arrays(n))
    length = float(np.linalg.norm(angle))
    u = angle / length if length > 0.1 else np.eye(n)[0]
    B = draw(st.one_of(arrays(n, n, size=2.0), st.floats(-2.0, 2.0).map(lambda s: s * np.eye(n))))
    A, w = (draw(st.one_of(st.just(np.zeros(s)), arrays(*s))) for s in ((2, n), (n,)))
    epsilon, t = draw(st.floats(0.01, 1.0)), draw(st.floats(0.1, 2.0))
    return FieldPair(B, A, u, w, draw(arrays(n)), epsilon, t)


class GronwallFieldError(Claim[FieldPair]):
    name = "B5.gronwall_field_error"
    title = "Flows of fields that differ by ε drift apart by ε(e^{νt} − 1)/ν"
    statement = (
        r"|f - g| \le \varepsilon,\ \langle f(x) - f(y), x - y\rangle \le \nu|x - y|^2"
        r" \;\Rightarrow\; |\varphi_f^t(x) - \varphi_g^t(x)| \le"
        r" \varepsilon\,\frac{e^{\nu t} - 1}{\nu} \quad (\varepsilon t \text{ for } \nu = 0)"
    )
    assumptions = (
        Assumption(r"\nu \in \mathbb{R}", "a one-sided constant of f where both trajectories run"),
        Assumption(r"\varepsilon \ge 0", "bounds |f − g| on the trajectory of g"),
        Assumption(r"t \ge 0", "both solutions exist until then"),
    )
    source = Source("Grönwall's lemma with a one-sided constant", "I")

    def prove(self) -> Proof:
        return Proof(
            (*_prove_rate(), *_prove_integration(), *_prove_closed_form(), *_prove_series())
        )

    def instances(self) -> SearchStrategy[FieldPair]:
        return _pairs()

    def measure(self, instance: FieldPair) -> Measurement:
        return _against(instance, instance.rate)

    def witness(self) -> Witness:
        return Witness("f = −x, g = f + ½, t = 1", self.measure(_line(-1.0)))

    def mutants(self) -> Sequence[Mutant]:
        # Eigenvalues −1 and −½, far from normal; the perturbation pushes where it grows first.
        B = np.array([[-1.0, 2.0], [0.0, -0.5]])
        none = (np.zeros((1, 2)), np.array([0.6, 0.8]), np.zeros(2), np.zeros(2))
        non_normal = FieldPair(B, *none, 0.5, 1.0)
        abscissa = float(np.linalg.eigvals(B).real.max())

        def without_denominator() -> Measurement:
            pair = _line(0.5)
            claimed = pair.epsilon * float(np.expm1(0.5 * pair.t))
            return Measurement(pair.distance(), claimed, 1e-8, what="distance")

        def two_starts() -> Measurement:
            """From two points, |x − y|e^{νt} comes on top."""
            pair = _line(1.0)
            moved = pair.distance() + 0.1 * float(expm(pair.t * pair.B)[0, 0])
            return Measurement(moved, _claimed(pair, 1.0), 1e-8, what="distance")

        def on_the_other_trajectory() -> Measurement:
            """f = 0 stays at 0, where g = ½ + 3x differs by ½; g runs away from there."""
            # From 0, the flow of 3x stays there too: the distance is that of the pair 3x and g.
            return _against(_line(3.0), 0.0)

        def smaller_difference() -> Measurement:
            pair = _line(1.0)
            claimed = float(bound_field_error(0.9 * pair.epsilon, 1.0, pair.t))
            return Measurement(pair.distance(), claimed, 1e-8, what="distance")

        return (
            Mutant(
                "spectral abscissa",
                "ν is the largest real part of an eigenvalue",
                lambda: _against(non_normal, abscissa),
            ),
            Mutant("half the rate", "ν/2 for ν", lambda: _against(_line(1.0), 0.5)),
            Mutant("no denominator", "ε(e^{νt} − 1)", without_denominator),
            Mutant("no growth", "εt for every ν", lambda: _against(_line(1.0), 0.0)),
            Mutant(
                "ε on the trajectory of f alone",
                "|f − g| ≤ ε where f runs, ν of f",
                on_the_other_trajectory,
            ),
            Mutant("two starts", "the flows start at a distance of 0.1", two_starts),
            Mutant("fields that differ by more", "|f − g| = ε/0.9", smaller_difference),
        )


def _line(nu: float) -> FieldPair:
    """f = νx and g = f + ½ on the line, for a time 1: the bound is attained."""
    zero, one = np.zeros(1), np.ones(1)
    return FieldPair(nu * np.eye(1), np.zeros((1, 1)), one, zero, zero, 0.5, 1.0)


def _claimed(pair: FieldPair, rate: float) -> float:
    return float(bound_field_error(pair.epsilon, rate, pair.t))


def _against(pair: FieldPair, rate: float) -> Measurement:
    claimed = _claimed(pair, rate)
    # The tolerance of the solver, grown by the flow as the bound says.
    allowance = 10 * _TOLERANCE * (1 + claimed / pair.epsilon)
    return Measurement(pair.distance(), claimed, allowance, what="distance")


def _prove_rate() -> tuple[ProofStep, ...]:
    """With s = √(e² + δ²) for e = |φ_f − φ_g|, which is smooth where e vanishes: ṡ ≤ νs + c."""
    e, s, delta, nu, m, epsilon, rate = z3.Reals("e s delta nu m epsilon rate")
    shape = [s > 0, e >= 0, delta > 0, s * s == e * e + delta * delta]
    return (
        cited(
            r"$d = \varphi_f - \varphi_g$, $e = |d|$: $\frac12(e^2)' = \langle f(\varphi_f) -"
            r" f(\varphi_g), d\rangle + \langle (f - g)(\varphi_g), d\rangle \le"
            r" \nu e^2 + \varepsilon e$",
            "chain rule, hypothesis, Cauchy–Schwarz",
        ),
        prove_by_smt(
            r"$s = \sqrt{e^2 + \delta^2}$ is at least $e$ and $\delta$",
            name="root-dominates",
            given=shape,
            show=z3.And(s >= e, s >= delta),
        ),
        prove_by_smt(
            r"$\nu e^2 = \nu s^2 - \nu\delta^2 \le \nu s^2 + |\nu|\delta s$",
            name="smoothed-rate",
            given=[s >= delta, delta > 0, m >= nu, m >= -nu, e * e == s * s - delta * delta],
            show=nu * e * e <= nu * s * s + m * delta * s,
        ),
        prove_by_smt(
            r"so $s\dot s \le \nu e^2 + \varepsilon e$ gives $\dot s \le \nu s + c$ with"
            r" $c = \varepsilon + |\nu|\delta$",
            name="rate-of-the-root",
            given=[
                s > 0,
                s >= e,
                epsilon >= 0,
                nu * e * e <= nu * s * s + m * delta * s,
                s * rate <= nu * e * e + epsilon * e,
            ],
            show=rate <= nu * s + epsilon + m * delta,
        ),
    )


def _prove_integration() -> tuple[ProofStep, ...]:
    t, nu, c = sympy.symbols("t nu c", real=True, nonzero=True)
    s = sympy.Function("s")(t)
    weight, slope, rate, inhomogeneity, value = z3.Reals("weight slope nu c s")
    return (
        prove_identity(
            r"$\frac{d}{dt}\,e^{-\nu t}(s + c/\nu) = e^{-\nu t}(\dot s - \nu s - c)$",
            sympy.diff(sympy.exp(-nu * t) * (s + c / nu), t),
            sympy.exp(-nu * t) * (sympy.diff(s, t) - nu * s - c),
        ),
        prove_by_smt(
            r"which is $\le 0$",
            name="weighted-distance-decreases",
            given=[slope <= rate * value + inhomogeneity, weight > 0],
            show=weight * (slope - rate * value - inhomogeneity) <= 0,
        ),
    )


def _prove_closed_form() -> tuple[ProofStep, ...]:
    t, nu, epsilon, delta = sympy.symbols("t nu epsilon delta", positive=True)
    for_sign = [
        _prove_limit_of_smoothing(sign * nu, t, epsilon, delta, word)
        for sign, word in ((1, r"\nu > 0"), (-1, r"\nu < 0"))
    ]
    return (
        *for_sign,
        prove_limit(
            r"and $\varepsilon t$ as $\nu \to 0$ ($\nu = 0$ is a one-sided constant for every"
            r" $\nu > 0$ too)",
            formula_field_error(SYMBOLIC, epsilon, nu, t),
            nu,
            0,
            epsilon * t,
        ),
    )


def _prove_limit_of_smoothing(
    nu: sympy.Expr, t: sympy.Expr, epsilon: sympy.Expr, delta: sympy.Expr, word: str
) -> ProofStep:
    c = epsilon + sympy.Abs(nu) * delta
    bound = sympy.exp(nu * t) * (delta + c / nu) - c / nu
    return prove_limit(
        rf"${word}$: $s(0) = \delta$, so $e \le s \le e^{{\nu t}}(\delta + c/\nu) - c/\nu$, which"
        r" tends to the claimed bound as $\delta \to 0$",
        bound,
        delta,
        0,
        formula_field_error(SYMBOLIC, epsilon, nu, t),
    )


def _prove_series() -> tuple[ProofStep, ...]:
    """What replaces the quotient near 0, where it would cancel."""
    z, w = sympy.symbols("z rho", real=True)
    terms = 16
    series = sympy.Poly(sympy.expand(z * formula_mean_growth(SYMBOLIC, z, w)), z, w)

    def coefficient(k: int) -> bool:
        return bool(series.coeff_monomial(z**k) == sympy.Rational(1, sympy.factorial(k)))

    ratio = sympy.Rational(1, 2) / (terms + 2)
    return (
        prove_cases(
            r"$z\cdot$ the series of the code has the Taylor coefficients $1/k!$ of $e^z - 1$ for"
            r" $k \le 16$, and the remainder stands at $z^{17}/17!$",
            range(1, terms + 1),
            lambda k: (
                coefficient(k)
                and series.coeff_monomial(z ** (terms + 1) * w)
                == sympy.Rational(1, sympy.factorial(terms + 1))
            ),
        ),
        prove_cases(
            r"for $|z| \le \frac12$ the further terms sum to $\rho$ times that, with $\rho$ in"
            r" $[1 - q/(1 - q), 1/(1 - q)] \subset [0, 2]$, $q = \frac12/18$ the largest ratio",
            [ratio],
            lambda q: bool(1 - q / (1 - q) >= 0 and 1 / (1 - q) <= 2),
        ),
    )
