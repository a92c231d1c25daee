"""B6: on a ball a potential is a difference of convex ones: an expansive and a contractive flow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from ..structure.smooth_networks import (
    QuarticEnergy,
    RidgeEnergy,
    arrays,
    energies,
    quartic_energies,
)

Energy = RidgeEnergy | QuarticEnergy
_ALLOWANCE = 1e-10


@dataclass(frozen=True)
class ShiftedGradient:
    """∇U + μx at two points, between which ∇²U ⪰ −μI."""

    energy: Energy
    x: FloatArray
    y: FloatArray

    @property
    def shift(self) -> float:
        return self.energy.curvature_bound(self.x, self.y)

    def quotient(self) -> float:
        """⟨∇U(x) − ∇U(y), x − y⟩/|x − y|²."""
        d = self.x - self.y
        return float((self.energy.gradient(self.x) - self.energy.gradient(self.y)) @ d / (d @ d))


@st.composite
def _instances(draw: st.DrawFn) -> ShiftedGradient:
    n = draw(st.integers(1, 4))
    energy = draw(st.one_of(energies(n), energies(n, quartic=True), quartic_energies(n)))
    x, y = draw(arrays(n)), draw(arrays(n))
    return ShiftedGradient(energy, x, y if np.linalg.norm(x - y) > 0.05 else x + np.eye(n)[0])


class ConvexDifference(Claim[ShiftedGradient]):
    name = "B6.convex_difference"
    title = "A quadratic shift, or the signs of α, split a gradient into expansive and contractive"
    statement = (
        r"\nabla^2U \succeq -\mu I \text{ on a ball} \Rightarrow \nabla U ="
        r" \underbrace{(\nabla U + \mu x)}_{\langle\cdot,\cdot\rangle \ge 0} +"
        r" \underbrace{(-\mu x)}_{\nu = -\mu};\quad"
        r" \gamma \text{ convex} \Rightarrow U ="
        r" \sum_{\alpha_i > 0}\alpha_i\gamma_i - \sum_{\alpha_i < 0}|\alpha_i|\gamma_i"
    )
    assumptions = (
        Assumption(
            r"\mu \ge \max(0, -\lambda_{\min}(\nabla^2U))", "on a ball that holds all points"
        ),
        Assumption(r"\gamma'' \ge 0", "for the split by signs; γᵢ = γ(aᵢᵀx + bᵢ)"),
    )
    source = Source("paper, expansive and contractive fields; the two splits: flowcert", "D")

    def prove(self) -> Proof:
        return Proof((*_prove_shift(), *_prove_growth(), *_prove_signs()))

    def instances(self) -> SearchStrategy[ShiftedGradient]:
        return _instances()

    def measure(self, instance: ShiftedGradient) -> Measurement:
        parts = [_shifted(instance.quotient(), instance.shift)]
        if isinstance(instance.energy, RidgeEnergy) and instance.energy.beta == 0:
            parts += _signed_parts(instance.energy, instance.x, instance.y)
        return tightest(*parts)

    def witness(self) -> Witness:
        concave = RidgeEnergy(np.eye(1), np.zeros(1), -np.ones(1))
        near = ShiftedGradient(concave, np.array([1e-7]), np.array([-1e-7]))
        return Witness("U = −log cosh at 0: μ = 1 is needed", _shifted(near.quotient(), 1.0))

    def mutants(self) -> Sequence[Mutant]:
        concave = RidgeEnergy(np.eye(1), np.zeros(1), -np.ones(1))
        near = ShiftedGradient(concave, np.array([0.1]), np.array([-0.1]))

        def ball_left() -> Measurement:
            """U = −x⁴/4 has ∇²U ≥ −3 on [−1, 1]; the points are 2 and 1."""
            quartic = QuarticEnergy(np.eye(1), np.zeros(1), -np.ones(1))
            outside = ShiftedGradient(quartic, np.array([2.0]), np.array([1.0]))
            return _shifted(outside.quotient(), 3.0)

        def wave() -> Measurement:
            """γ = 1 − cos, σ = sin: decreasing between π and π/2, with α = 1."""
            x, y = np.pi, np.pi / 2
            quotient = float((np.sin(x) - np.sin(y)) / (x - y))
            return _shifted(quotient, 0.0)

        def norm_of_gradient() -> Measurement:
            """sup|∇U| = 0.1 says nothing of ∇²U: U = −0.01·log cosh(10x)."""
            steep = RidgeEnergy(10 * np.eye(1), np.zeros(1), np.array([-0.01]))
            x = np.array([0.05])
            return _shifted(ShiftedGradient(steep, x, -x).quotient(), 0.1)

        return (
            Mutant("μ too small", "μ = 0.9 for ∇²U ≥ −1", lambda: _shifted(near.quotient(), 0.9)),
            Mutant("no shift", "∇U itself is expansive", lambda: _shifted(near.quotient(), 0.0)),
            Mutant("the ball is left", "μ of a smaller ball", ball_left),
            Mutant("γ not convex", "σ = sin with α > 0", wave),
            Mutant("μ from the first derivative", "μ = sup|∇U|", norm_of_gradient),
        )


def _shifted(quotient: float, shift: float) -> Measurement:
    """−⟨∇U(x) − ∇U(y), x − y⟩/|x − y|² ≤ μ: then ∇U + μx is expansive."""
    return Measurement(
        -quotient, shift, _ALLOWANCE * (1 + shift), "<=", "−⟨∇U(x) − ∇U(y), x − y⟩/|x − y|²"
    )


def _signed_parts(energy: RidgeEnergy, x: FloatArray, y: FloatArray) -> list[Measurement]:
    parts = (np.maximum(energy.alpha, 0.0), np.maximum(-energy.alpha, 0.0))
    return [
        _shifted(ShiftedGradient(RidgeEnergy(energy.A, energy.b, alpha), x, y).quotient(), 0.0)
        for alpha in parts
    ]


def _prove_shift() -> tuple[ProofStep, ...]:
    p, q, r, mu, lam, v, w = sympy.symbols("p q r mu lambda v w", real=True)
    H = sympy.Matrix([[p, q], [q, r]])
    e = sympy.Matrix([v, w])
    P, Q, R, M, V, W = z3.Reals("p q r mu v w")
    return (
        cited(
            r"$\langle\nabla\varphi(x) - \nabla\varphi(y), d\rangle ="
            r" \int_0^1 d^T\nabla^2\varphi(y + sd)\,d\,ds$ with $d = x - y$",
            "fundamental theorem of calculus on the segment; a ball is convex",
        ),
        prove_identity(
            r"$v^T(H + \mu I)v = v^THv + \mu|v|^2$ ($n = 2$): at least 0 where"
            r" $v^THv \ge -\mu|v|^2$",
            (e.T * (H + mu * sympy.eye(2)) * e)[0],
            (e.T * H * e)[0] + mu * (e.T * e)[0],
        ),
        prove_identity(
            r"$\det(H + \mu I - (\lambda + \mu)I) = \det(H - \lambda I)$: every eigenvalue moves by"
            r" $\mu$, so no smaller $\mu$ will do",
            (H + mu * sympy.eye(2) - (lam + mu) * sympy.eye(2)).det(),
            (H - lam * sympy.eye(2)).det(),
        ),
        prove_by_smt(
            r"$H \succ -\mu I$ by its leading minors gives $v^THv \ge -\mu|v|^2$ (and $\succeq$ by"
            r" letting $\mu$ decrease)",
            name="minors-suffice",
            given=[P + M > 0, (P + M) * (R + M) >= Q * Q],
            show=(P + M) * (P * V * V + 2 * Q * V * W + R * W * W + M * (V * V + W * W)) >= 0,
        ),
        prove_identity(
            r"$\langle -\mu x + \mu y, x - y\rangle = -\mu|x - y|^2$: the rate is $-\mu$ exactly",
            -mu * v * v - mu * w * w,
            -mu * (e.T * e)[0],
        ),
    )


def _prove_growth() -> tuple[ProofStep, ...]:
    lam, mu = z3.Reals("lambda mu")
    h, m = sympy.symbols("h mu", positive=True)
    return (
        prove_by_smt(
            r"$|\lambda| \le \mu$ puts the eigenvalues of $\nabla^2U + \mu I$ into $[0, 2\mu]$",
            name="shifted-eigenvalues",
            given=[lam <= mu, -mu <= lam],
            show=z3.And(lam + mu >= 0, lam + mu <= 2 * mu),
        ),
        prove_identity(
            r"so the expansive flow grows by $e^{2\mu h}$ at most and the contractive one takes"
            r" $e^{-\mu h}$ back: $e^{\mu h}$ together",
            sympy.exp(2 * m * h) * sympy.exp(-m * h),
            sympy.exp(m * h),
        ),
    )


def _prove_signs() -> tuple[ProofStep, ...]:
    alpha, g = sympy.symbols("alpha gamma", real=True)
    half = sympy.Rational(1, 2)
    slope, product = z3.Reals("slope product")
    return (
        prove_identity(
            r"$\alpha\gamma = \frac{|\alpha| + \alpha}2\gamma - \frac{|\alpha| - \alpha}2\gamma$:"
            r" non-negative weights in both",
            alpha * g,
            half * (sympy.Abs(alpha) + alpha) * g - half * (sympy.Abs(alpha) - alpha) * g,
        ),
        prove_by_smt(
            r"$d^T\nabla^2(\alpha\gamma(a^Tx + b))d = \alpha\gamma''(a^Td)^2 \ge 0$ for"
            r" $\alpha, \gamma'' \ge 0$",
            name="ridge-is-convex",
            given=[slope >= 0, z3.Real("alpha") >= 0],
            show=z3.Real("alpha") * slope * product * product >= 0,
        ),
    )
