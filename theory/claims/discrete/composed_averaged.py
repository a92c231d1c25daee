"""H2: averaged operators, one after the other, are averaged; how much is known exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import GradientField, euler_step
from ....numerics.validation import FloatArray
from ... import strategies
from ...bounds import (
    bound_averaged_step,
    bound_composed_averagedness,
    formula_composed_averagedness,
)
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import rounding_allowance
from ...proof import Proof
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt


@dataclass(frozen=True)
class Averaged:
    """(1 − θ)I + θQ with Q orthogonal, or the gradient step of D3.averaged_step."""

    theta: float
    part: FloatArray | GradientField
    smoothness: float = 1.0

    def __call__(self, x: FloatArray) -> FloatArray:
        if isinstance(self.part, GradientField):
            h = float(bound_averaged_step(self.theta, self.smoothness))
            return euler_step(self.part, x, h)
        return (1 - self.theta) * x + self.theta * (self.part @ x)


@dataclass(frozen=True)
class Composition:
    """Two averaged operators, the first one first, and two points."""

    first: Averaged
    second: Averaged
    x: FloatArray
    y: FloatArray

    def weighted_square(self, theta: float) -> Measurement:
        """(|Δ⁺|² + (1 − θ)/θ·|Δ − Δ⁺|²)/|Δ|² against 1."""
        before = self.x - self.y
        after = self.second(self.first(self.x)) - self.second(self.first(self.y))
        change = before - after
        weight = (1 - theta) / theta
        value = (after @ after + weight * (change @ change)) / (before @ before)
        size = 1 + float(np.linalg.norm(self.x) + np.linalg.norm(self.y))
        distance = min(float(np.linalg.norm(before)), 1.0)
        allowance = 100 * (1 + weight) * rounding_allowance(size, distance)
        return Measurement(float(value), 1.0, allowance, what="weighted square")


@st.composite
def _averaged(draw: st.DrawFn, n: int) -> Averaged:
    theta = draw(st.one_of(st.just(0.5), st.floats(0.05, 0.95)))
    if draw(st.booleans()):
        return Averaged(theta, draw(strategies.orthogonal_matrices(n)))
    matrix = draw(strategies.matrices(columns=n, sigma_max=1.0))
    return Averaged(theta, draw(strategies.gradient_fields(matrix)))


@st.composite
def _compositions(draw: st.DrawFn) -> Composition:
    n = draw(st.integers(1, 3))
    x, y = draw(strategies.point_pairs(n))
    return Composition(draw(_averaged(n)), draw(_averaged(n)), x, y)


class ComposedAveraged(Claim[Composition]):
    name = "H2.composed_averaged"
    title = "Compositions of averaged operators are averaged"
    statement = (
        r"T_1\ \theta_1\text{-averaged},\ T_2\ \theta_2\text{-averaged} \;\Rightarrow\;"
        r" T_1T_2\ \theta\text{-averaged},\quad"
        r" \theta = \frac{\theta_1 + \theta_2 - 2\theta_1\theta_2}{1 - \theta_1\theta_2}"
    )
    assumptions = (
        Assumption(r"0 < \theta_1, \theta_2 < 1", "how averaged they are"),
        Assumption(
            r"|\Delta^+|^2 + \tfrac{1-\theta}{\theta}|\Delta - \Delta^+|^2 \le |\Delta|^2",
            "what θ-averaged means: (1 − θ)I + θN, N non-expansive",
        ),
    )
    source = Source("Ogura, Yamada 2002; Combettes, Yamada 2015", "D")

    def prove(self) -> Proof:
        s, t, p, q = sympy.symbols("theta_1 theta_2 p q", positive=True)
        c_1, c_2 = (1 - s) / s, (1 - t) / t
        theta = formula_composed_averagedness(s, t)
        c = (1 - theta) / theta
        x, y = z3.Reals("theta_1 theta_2")
        first, second, weight, P, Q, cross = z3.Reals("first second weight P Q cross")
        u, v, w = z3.Reals("u v w")
        return Proof(
            (
                prove_identity(
                    r"the odds add up: $\frac{\theta}{1-\theta} = \frac{\theta_1}{1-\theta_1}"
                    r" + \frac{\theta_2}{1-\theta_2}$",
                    theta / (1 - theta),
                    s / (1 - s) + t / (1 - t),
                ),
                prove_identity(
                    r"with $c = \frac{1-\theta}{\theta}$ (and so $c_1, c_2$):"
                    r" $c_1p^2 + c_2q^2 - c(p + q)^2 = \frac{(c_1p - c_2q)^2}{c_1 + c_2}$",
                    c_1 * p**2 + c_2 * q**2 - c * (p + q) ** 2,
                    (c_1 * p - c_2 * q) ** 2 / (c_1 + c_2),
                ),
                prove_by_smt(
                    r"summed over components: $\ge 0$, $p = T_2\Delta - T_1T_2\Delta$,"
                    r" $q = \Delta - T_2\Delta$ ($P = |p|^2$, $Q = |q|^2$)",
                    name="young",
                    given=[
                        first > 0,
                        second > 0,
                        weight * (first + second) == first * second,
                        first**2 * P - 2 * first * second * cross + second**2 * Q >= 0,
                    ],
                    show=first * P + second * Q >= weight * (P + 2 * cross + Q),
                ),
                prove_by_smt(
                    "the two inequalities, added",
                    name="chain",
                    given=[
                        v + second * Q <= u,
                        w + first * P <= v,
                        first * P + second * Q >= weight * (P + 2 * cross + Q),
                    ],
                    show=w + weight * (P + 2 * cross + Q) <= u,
                ),
                prove_by_smt(
                    r"$\max(\theta_1, \theta_2) < \theta < 1$",
                    name="range",
                    given=[x > 0, x < 1, y > 0, y < 1],
                    show=z3.And(
                        formula_composed_averagedness(x, y) > x,
                        formula_composed_averagedness(x, y) > y,
                        formula_composed_averagedness(x, y) < 1,
                    ),
                ),
            )
        )

    def instances(self) -> SearchStrategy[Composition]:
        return _compositions()

    def measure(self, instance: Composition) -> Measurement:
        return instance.weighted_square(_composed(instance.first.theta, instance.second.theta))

    def witness(self) -> Witness:
        return Witness(
            "rotations by 0.01/(1 − θᵢ), θ = ½ and ¼",
            _rotations(0.5, 0.25, 0.01).weighted_square(_composed(0.5, 0.25)),
            gap="equality needs Δ = 0; small rotations come as near as one likes, so that no"
            " smaller θ serves all",
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "slightly smaller",
                "0.99·θ, rotations by 0.01/(1 − θᵢ)",
                lambda: _rotations(0.5, 0.25, 0.01).weighted_square(0.99 * _composed(0.5, 0.25)),
            ),
            Mutant(
                "as for reflections",
                "θ₁ + θ₂ − 2θ₁θ₂, the value of commuting reflections",
                lambda: _rotations(0.5, 0.25, 0.01).weighted_square(0.5 + 0.25 - 2 * 0.125),
            ),
            Mutant(
                "the larger of both",
                "max(θ₁, θ₂)",
                lambda: _rotations(0.5, 0.25, 0.1).weighted_square(0.5),
            ),
        )


def _composed(theta_1: float, theta_2: float) -> float:
    return float(bound_composed_averagedness(theta_1, theta_2))


def _rotations(theta_1: float, theta_2: float, angle: float) -> Composition:
    """The nearly worst case: angles in inverse proportion to 1 − θ."""
    second, first = (
        Averaged(theta, _rotation(angle / (1 - theta))) for theta in (theta_1, theta_2)
    )
    return Composition(first, second, np.array([1.0, 0.0]), np.zeros(2))


def _rotation(angle: float) -> FloatArray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])
