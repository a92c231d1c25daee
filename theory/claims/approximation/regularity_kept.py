"""B2: one derivative more than C¹ pays for the decomposition: ∇U and X_S are Lipschitz then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ..structure.smooth_networks import arrays
from ..structure.step_jacobian import ALLOWANCE
from .presnov_identity import gradient_part
from .smooth_fields import SmoothField


@dataclass(frozen=True)
class FieldOnBall:
    """f(x) = Bx + V sin(Wx + b) with two points."""

    field: SmoothField
    x: FloatArray
    y: FloatArray

    @property
    def radius(self) -> float:
        return float(max(np.linalg.norm(self.x), np.linalg.norm(self.y)))

    def constants(self) -> tuple[float, float]:
        """L₁ ≥ ‖Df‖ and L₂ ≥ Lip(Df), wave by wave."""
        f = self.field
        v, w = np.linalg.norm(f.V, axis=0), np.linalg.norm(f.W, axis=1)
        return float(np.linalg.norm(f.B, 2) + v @ w), float(v @ w**2)

    def measure(self, gradient: float, tangent: float) -> Measurement:
        """The difference quotients of ∇U and of X_S against claimed constants."""
        parts = [gradient_part(self.field, z) for z in (self.x, self.y)]
        rests = [self.field(z) - part for z, part in zip((self.x, self.y), parts, strict=True)]
        distance = float(np.linalg.norm(self.x - self.y))
        return tightest(
            *(
                Measurement(
                    float(np.linalg.norm(pair[0] - pair[1])) / distance,
                    claimed,
                    100 * ALLOWANCE / distance,
                    what=what,
                )
                for pair, claimed, what in (
                    (parts, gradient, "quotient of ∇U"),
                    (rests, tangent, "quotient of X_S"),
                )
            )
        )


@st.composite
def _fields(draw: st.DrawFn) -> FieldOnBall:
    n = draw(st.integers(1, 3))
    field = SmoothField(
        np.zeros(n),
        draw(arrays(n, n)),
        np.zeros((n, n, n)),
        *(draw(arrays(*shape)) for shape in ((n, 2), (2, n), (2,))),
    )
    x, y = draw(arrays(n)), draw(arrays(n))
    return FieldOnBall(field, x, y if np.linalg.norm(x - y) > 0.1 else x + np.eye(n)[0])


class RegularityKept(Claim[FieldOnBall]):
    name = "B2.regularity_kept"
    title = "For f in C^{1,1} both parts are Lipschitz, and the radius enters"
    statement = (
        r"\mathrm{Lip}(\nabla U) \le L_1 + \tfrac13RL_2,\quad"
        r" \mathrm{Lip}(X_S) \le 2L_1 + \tfrac13RL_2"
    )
    assumptions = (
        Assumption(r"L_1 \ge \|Df\|,\ L_2 \ge \mathrm{Lip}(Df)", "on the ball"),
        Assumption(r"R > 0", "the radius of the ball about 0"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        t, first, second, R = sympy.symbols("t L_1 L_2 R", positive=True)
        n = 2
        x = sympy.Matrix(sympy.symbols("x1:3"))
        f = [sympy.Function(f"f{k}") for k in (1, 2)]
        scaled = [t * entry for entry in x]
        along = sum(x[i] * f[i](*scaled) for i in range(n))
        transposed = sympy.Matrix(
            [
                f[j](*scaled) + t * sum(x[i] * f[i](*scaled).fdiff(j + 1) for i in range(n))
                for j in range(n)
            ]
        )
        return Proof(
            (
                prove_identity(
                    r"$\nabla_x(x^Tf(tx)) = f(tx) + t\,Df(tx)^Tx$ ($n = 2$, arbitrary $f$)",
                    sympy.Matrix([sympy.diff(along, entry) for entry in x]),
                    transposed,
                ),
                cited(
                    r"its Lipschitz constant on the ball is at most $tL_1 + (tL_1 + t^2RL_2)$",
                    "triangle inequality with |x| ≤ R",
                ),
                prove_identity(
                    r"$\int_0^1 2tL_1 + t^2RL_2\,dt = L_1 + \frac13RL_2$",
                    sympy.integrate(2 * t * first + t**2 * R * second, (t, 0, 1)),
                    first + R * second / 3,
                ),
                cited(r"$X_S = f - \nabla U$ adds $L_1$", "triangle inequality"),
            )
        )

    def instances(self) -> SearchStrategy[FieldOnBall]:
        return _fields()

    def measure(self, instance: FieldOnBall) -> Measurement:
        first, second = instance.constants()
        gradient = first + instance.radius * second / 3
        return instance.measure(gradient, first + gradient)

    def witness(self) -> Witness:
        return Witness("f(x) = x, which is its own gradient part", self.measure(_IDENTITY))

    def mutants(self) -> Sequence[Mutant]:
        first, second = _WAVE.constants()
        slack = 1e6

        return (
            Mutant(
                "without the second derivative",
                "Lip(∇U) ≤ L₁",
                lambda: _WAVE.measure(first, slack),
            ),
            Mutant(
                "without the first derivative",
                "Lip(∇U) ≤ RL₂/3",
                lambda: _IDENTITY.measure(0.0, slack),
            ),
            Mutant(
                "a sixth for the third",
                "Lip(∇U) ≤ L₁ + RL₂/6",
                lambda: _WAVE.measure(first + _WAVE.radius * second / 6, slack),
            ),
            Mutant(
                "the tangent part as good as f",
                "Lip(X_S) ≤ L₁",
                lambda: _WAVE.measure(slack, first),
            ),
        )


def _line_field(B: FloatArray, frequency: float) -> SmoothField:
    """Bx + (0, sin(kx₁)/k), whose second derivative grows like k while the first stays."""
    V, W = np.array([[0.0], [1 / frequency]]), np.array([[frequency, 0.0]])
    return SmoothField(np.zeros(2), B, np.zeros((2, 2, 2)), V, W, np.zeros(1))


_IDENTITY = FieldOnBall(
    SmoothField(
        np.zeros(2), np.eye(2), np.zeros((2, 2, 2)), np.zeros((2, 1)), np.zeros((1, 2)), np.zeros(1)
    ),
    np.array([1.0, 0.0]),
    np.array([0.0, 1.0]),
)
# Near the line x₁ = 0 at height 4, across which ∂₁U = x₂(½ − (kx₁)²/8 + …) bends most.
_WAVE = FieldOnBall(
    _line_field(np.zeros((2, 2)), 10.0), np.array([0.15, 4.0]), np.array([0.25, 4.0])
)
