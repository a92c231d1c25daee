"""B2: what the decomposition costs: f ∈ C¹ leaves ∇U continuous, and perhaps without a flow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.integrate import quad, solve_ivp

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_derivative, prove_identity, prove_limit
from ...proof.smt import prove_by_smt


@dataclass(frozen=True)
class PowerShear:
    """f(x) = (0, |x₁|^{1+ε}), a C¹ shear that moves every point along its vertical line.

    ``h`` > 0 is a distance to the line x₁ = 0, on which ∇U is compared at height ``y``.
    """

    epsilon: float
    h: float
    y: float = 1.0

    def quotient(self) -> float:
        """|∇U(h, y) − ∇U(0, y)|/h, by quadrature of ∇U = ∫₀¹ f(tx) + t Df(tx)ᵀx dt."""
        return float(np.linalg.norm(self._gradient(self.h) - self._gradient(0.0)) / self.h)

    def claimed(self) -> float:
        """The quotient in closed form; it grows like h^{ε−1}."""
        e, h, y = self.epsilon, self.h, self.y
        first = (1 + e) / (2 + e) * abs(y) * h ** (e - 1)
        return float(np.hypot(first, h**e / (2 + e)))

    def _gradient(self, x: float) -> FloatArray:
        e = self.epsilon
        parts: tuple[Callable[[float], float], ...] = (
            lambda t: t * (1 + e) * abs(t * x) ** e * np.sign(x) * self.y,
            lambda t: abs(t * x) ** (1 + e),
        )
        return np.array([quad(part, 0.0, 1.0, epsabs=0.0, epsrel=1e-11)[0] for part in parts])


class RegularityCost(Claim[PowerShear]):
    name = "B2.regularity_cost"
    title = "A gradient part loses a derivative: it may not be Lipschitz, and may have no flow"
    statement = (
        r"f = (0, |x_1|^{1+\varepsilon}):\quad"
        r" \frac{|\nabla U(h, y) - \nabla U(0, y)|}{h} = \sqrt{c^2y^2h^{2\varepsilon - 2} +"
        r" \tfrac{h^{2\varepsilon}}{(2+\varepsilon)^2}} \to \infty\ (h \to 0),"
        r"\ c = \tfrac{1+\varepsilon}{2+\varepsilon};\quad \varepsilon = \tfrac12:"
        r" \dot x = \nabla U(x),\ x(0) = (0, 1) \text{ has two solutions}"
    )
    assumptions = (
        Assumption(r"0 < \varepsilon < 1", "f is C¹ but not C^{1,1}; its own flow is a shear"),
        Assumption(r"h > 0,\ y \ne 0", "the distance to x₁ = 0, and the height"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof(
            (
                *_prove_homogeneous(),
                *_prove_not_lipschitz(),
                *_prove_no_flow(),
                *_prove_kink(),
            )
        )

    def instances(self) -> SearchStrategy[PowerShear]:
        logarithms = st.floats(-6.0, 0.0)
        return st.builds(
            PowerShear,
            st.floats(0.05, 0.95),
            logarithms.map(lambda e: float(10.0**e)),
            st.floats(0.1, 2.0).flatmap(lambda y: st.sampled_from([y, -y])),
        )

    def measure(self, instance: PowerShear) -> Measurement:
        claimed = instance.claimed()
        return Measurement(instance.quotient(), claimed, 1e-8 * claimed, "=", "quotient of ∇U")

    def witness(self) -> Witness:
        return Witness("ε = ½, h = 10⁻⁶: the quotient is 600", self.measure(PowerShear(0.5, 1e-6)))

    def mutants(self) -> Sequence[Mutant]:
        def lipschitz() -> Measurement:
            steep = PowerShear(0.5, 1e-6)
            # On the unit ball |Df| ≤ 3/2.
            return Measurement(steep.quotient(), 1.5, 1e-6, "<=", "quotient of ∇U")

        def continuous_flow() -> Measurement:
            """Two points 10⁻¹² apart; Grönwall with the constant of f would keep them there."""
            start = 1e-12
            moved = _flow_of_gradient(start, 1.0)
            return Measurement(moved, start * float(np.exp(1.5)), 1e-9, "<=", "distance at t = 1")

        def smooth_second_derivative() -> Measurement:
            """∂₁∂₁U on both sides of x₁ = 0 at x₂ = 1, for f = (0, x₁|x₁|) ∈ C^{1,1}."""

            def curvature(h: float) -> float:
                return float((_signed_potential(2 * h) - 2 * _signed_potential(h)) / h**2)

            jump = curvature(1e-3) - curvature(-1e-3)
            return Measurement(jump, 0.0, 1e-6, "=", "jump of ∂₁∂₁U")

        return (
            Mutant("Lipschitz for every C¹ field", "Lip(∇U) ≤ sup|Df|", lipschitz),
            Mutant("a flow for every C¹ field", "φᵗ of ∇U is continuous in x", continuous_flow),
            Mutant("C¹ for f ∈ C^{1,1}", "∇U ∈ C¹", smooth_second_derivative),
        )


def _signed_potential(x: float) -> float:
    """U(x, 1) = ∫₀¹ tx|tx| dt for f = (0, x₁|x₁|), by quadrature."""
    return float(quad(lambda t: t * x * abs(t * x), 0.0, 1.0, epsabs=0.0, epsrel=1e-12)[0])


def _flow_of_gradient(start: float, t: float) -> float:
    """x₁ at time t of ẋ = ∇U(x) from (start, 1), for ε = ½; it stays 0 from (0, 1)."""

    def gradient(_: float, x: FloatArray) -> FloatArray:
        root = np.sqrt(abs(x[0]))
        return np.array([0.6 * x[1] * root * np.sign(x[0]), 0.4 * abs(x[0]) * root])

    solution = solve_ivp(gradient, (0.0, t), [start, 1.0], method="DOP853", rtol=1e-10, atol=1e-16)
    return float(solution.y[0, -1])


def _prove_homogeneous() -> tuple[ProofStep, ...]:
    t, k, g = sympy.symbols("t k g", positive=True)
    return (
        prove_identity(
            r"$f(tx) = t^kf(x)$ gives $U = x^Tf(x)\int_0^1 t^k\,dt = x^Tf(x)/(k + 1)$",
            sympy.integrate(t**k * g, (t, 0, 1)),
            g / (k + 1),
        ),
    )


def _prove_not_lipschitz() -> tuple[ProofStep, ...]:
    e, x, y = sympy.symbols("epsilon x y", positive=True)
    U = y * x ** (1 + e) / (2 + e)
    c = (1 + e) / (2 + e)
    # 1/(1 + s) runs through (0, 1) as s runs through (0, ∞): an exponent below 1 for sympy.
    s = sympy.Symbol("s", positive=True)
    return (
        prove_derivative(
            r"$f_2 = x_1^{1+\varepsilon}$ has $\partial_1f_2 = (1 + \varepsilon)x_1^\varepsilon$"
            r" for $x_1 > 0$",
            x ** (1 + e),
            x,
            (1 + e) * x**e,
        ),
        prove_limit(
            r"which tends to 0 at $x_1 = 0$, as from the left (f is even): $f \in C^1$",
            (1 + e) * x**e,
            x,
            0,
            0,
        ),
        prove_identity(
            r"$U = yx^{1+\varepsilon}/(2 + \varepsilon)$ has"
            r" $\nabla U = (cyx^\varepsilon, x^{1+\varepsilon}/(2 + \varepsilon))$, and"
            r" $\nabla U(0, y) = 0$: the quotient as claimed",
            sympy.Matrix([sympy.diff(U, x), sympy.diff(U, y)]),
            sympy.Matrix([c * y * x**e, x ** (1 + e) / (2 + e)]),
        ),
        prove_limit(
            r"$cyh^{\varepsilon - 1} \to \infty$ as $h \to 0$, with $\varepsilon = 1/(1 + s)$:"
            r" $\nabla U$ is not Lipschitz at $(0, y)$",
            1 / (c.subs(e, 1 / (1 + s)) * y * x ** (1 / (1 + s) - 1)),
            x,
            0,
            0,
        ),
    )


def _prove_no_flow() -> tuple[ProofStep, ...]:
    t, x, y, h = sympy.symbols("t x y h", positive=True)
    w, root, height = z3.Reals("dw w x_2")
    U = sympy.Rational(2, 5) * y * x ** sympy.Rational(3, 2)
    solution = ((2 * sympy.sqrt(h) + sympy.Rational(3, 5) * t) / 2) ** 2
    return (
        prove_identity(
            r"$\varepsilon = \frac12$: $\nabla U = (\frac35yx^{1/2}, \frac25x^{3/2})$, so $(0, y)$"
            r" is at rest",
            sympy.Matrix([sympy.diff(U, x), sympy.diff(U, x).subs(x, 0), sympy.diff(U, y)]),
            sympy.Matrix([sympy.Rational(3, 5) * y * sympy.sqrt(x), 0, U / y]),
        ),
        prove_by_smt(
            r"from $(h, 1)$, $x_2$ grows, so $w = \sqrt{x_1} > 0$ with"
            r" $2w\dot w = \frac35x_2w$ has $\dot w \ge \frac3{10}$",
            name="leaves-the-line",
            given=[root > 0, height >= 1, 2 * root * w == z3.RealVal("3/5") * height * root],
            show=w >= z3.RealVal("3/10"),
        ),
        prove_identity(
            r"so $x_1(t) \ge (\sqrt h + \frac3{10}t)^2$",
            solution,
            (sympy.sqrt(h) + sympy.Rational(3, 10) * t) ** 2,
        ),
        prove_limit(
            r"which tends to $\frac9{100}t^2 > 0$ as $h \to 0$: starts that tend to the resting"
            r" point end away from it",
            solution,
            h,
            0,
            sympy.Rational(9, 100) * t**2,
        ),
        cited(
            r"a sequence of these solutions converges to a second solution from $(0, 1)$: no flow"
            r" of $\nabla U$, while $f$ has the shear $(x_1, x_2 + t|x_1|^{3/2})$",
            "Arzelà–Ascoli; the limit satisfies the integral equation",
        ),
    )


def _prove_kink() -> tuple[ProofStep, ...]:
    x, y = sympy.symbols("x y", positive=True)
    right, left = y * x**2 / 3, y * (-(x**2)) / 3
    return (
        prove_identity(
            r"$\varepsilon = 1$ with a sign, $f = (0, x_1|x_1|) \in C^{1,1}$:"
            r" $U = x_2x_1|x_1|/3$ has $\partial_1^2U = \pm\frac23x_2$ on both sides of $x_1 = 0$:"
            r" $\nabla U$ is Lipschitz and not $C^1$",
            sympy.Matrix([sympy.diff(right, x, 2), sympy.diff(left, x, 2)]),
            sympy.Matrix([2 * y / 3, -2 * y / 3]),
        ),
    )
