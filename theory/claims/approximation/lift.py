"""B7: one more group of dimensions makes every continuous map the time-1 flow of a shear."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.integrate import quad, solve_ivp

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source, tightest
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity, prove_limit
from ..structure.smooth_networks import Network, arrays, networks
from ..structure.step_jacobian import ALLOWANCE, step_jacobian

_FLOW_ALLOWANCE = 1e-9
Map = Callable[[FloatArray], FloatArray]


@st.composite
def _maps(draw: st.DrawFn) -> tuple[Network, FloatArray, FloatArray]:
    n, m = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    return draw(networks(n, m)), draw(arrays(n)), draw(arrays(m))


class Lift(Claim[tuple[Network, FloatArray, FloatArray]]):
    name = "B7.lift"
    title = "Every continuous map is a projection of a flow of a lift, exactly"
    statement = (
        r"\varphi^1(x, y) = (x, y + F(x)) \text{ for the field } (0, F(x)),\quad"
        r" P \circ \varphi^1 \circ L = F,\quad \det D\varphi^1 = 1;\quad"
        r" F = |x| \Rightarrow U = \tfrac12y|x| \notin C^1"
    )
    assumptions = (
        Assumption(
            r"F \in C(\mathbb{R}^n, \mathbb{R}^m)", "any continuous map; no Lipschitz constant"
        ),
        Assumption(r"Lx = (x, 0),\ P(x, y) = y", "the lift and the projection"),
        Assumption(r"F \in C^1", "for the determinant alone"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof((*_prove_flow(), *_prove_inverse(), *_prove_kink()))

    def instances(self) -> SearchStrategy[tuple[Network, FloatArray, FloatArray]]:
        return _maps()

    def measure(self, instance: tuple[Network, FloatArray, FloatArray]) -> Measurement:
        F, x, y = instance

        # A kink beside the smooth map: |x₁| in every component.
        def kinked(z: FloatArray) -> FloatArray:
            return np.asarray(F(z) + np.abs(z[..., :1]))

        return tightest(
            _represents(_shear(kinked, len(x)), kinked, x, len(y)), _volume_kept(F, x, y)
        )

    def witness(self) -> NotApplicable:
        return NotApplicable("an exact representation has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        def square(z: FloatArray) -> FloatArray:
            return np.asarray(1 + z**2)

        x = np.array([0.5])

        def own_variable(z: FloatArray) -> FloatArray:
            return np.concatenate([np.zeros(1), square(z[1:])])

        def moving_base(z: FloatArray) -> FloatArray:
            return np.concatenate([np.ones(1), square(z[:1])])

        def smooth_potential() -> Measurement:
            """The slopes of U(x, 1) = ∫₀¹ |tx| dt on both sides of x = 0, by quadrature."""
            right, left = (quad(lambda t, x=x: abs(t * x), 0, 1)[0] / x for x in (1e-3, -1e-3))
            return Measurement(float(right - left), 0.0, 1e-9, "=", "jump of ∂ₓU")

        return (
            Mutant(
                "the field of the wrong variable",
                "(0, F(y))",
                lambda: _represents(own_variable, square, x, 1),
            ),
            Mutant(
                "a base that moves", "(1, F(x))", lambda: _represents(moving_base, square, x, 1)
            ),
            Mutant(
                "another time",
                "t = 2",
                lambda: _represents(_shear(square, 1), square, x, 1, time=2.0),
            ),
            Mutant(
                "no zero lift",
                "Lx = (x, x)",
                lambda: _represents(_shear(square, 1), square, x, 1, lifted=x),
            ),
            Mutant("a C¹ potential", "∇(y|x|/2) is continuous at (0, 1)", smooth_potential),
        )


def _shear(F: Map, n: int) -> Map:
    return lambda z: np.concatenate([np.zeros(n), F(z[:n])])


def _represents(
    field: Map,
    F: Map,
    x: FloatArray,
    m: int,
    *,
    time: float = 1.0,
    lifted: FloatArray | None = None,
) -> Measurement:
    """P ∘ flow ∘ L against F at x, the flow by scipy."""
    start = np.concatenate([x, np.zeros(m) if lifted is None else lifted])
    solution = solve_ivp(
        lambda _, z: field(z), (0.0, time), start, method="DOP853", rtol=1e-11, atol=1e-13
    )
    error = float(np.abs(solution.y[len(x) :, -1] - F(x)).max())
    return Measurement(error, 0.0, _FLOW_ALLOWANCE, "=", "error of P ∘ φ¹ ∘ L")


def _volume_kept(F: Network, x: FloatArray, y: FloatArray) -> Measurement:
    n = len(x)
    D = step_jacobian(
        lambda z: np.concatenate([z[..., :n], z[..., n:] + F(z[..., :n])], -1),
        np.concatenate([x, y]),
    )
    return Measurement(float(np.linalg.det(D)), 1.0, 100 * ALLOWANCE, "=", "determinant")


def _prove_flow() -> tuple[ProofStep, ...]:
    t, x, y = sympy.symbols("t x y")
    F = sympy.Function("F")(x)
    solution = sympy.Matrix([x, y + t * F])
    return (
        prove_identity(
            r"$z(t) = (x, y + tF(x))$ has $\dot z = (0, F(x))$ and $z(0) = (x, y)$, for an"
            r" arbitrary $F$",
            sympy.Matrix.vstack(sympy.diff(solution, t), solution.subs(t, 0)),
            sympy.Matrix([0, F, x, y]),
        ),
        cited(
            "it is the only solution, though F is merely continuous",
            "the first component has derivative 0 and stays x; then the second has a constant rate",
        ),
        prove_identity(
            r"$P\varphi^1(Lx) = F(x)$",
            solution.subs({t: 1, y: 0}, simultaneous=True)[1],
            F,
        ),
    )


def _prove_inverse() -> tuple[ProofStep, ...]:
    x = sympy.symbols("x1:3")
    y = sympy.symbols("y1:3")
    F = sympy.Matrix([sympy.Function(f"F{k}")(*x) for k in (1, 2)])
    points = sympy.Matrix([*x, *y])
    after = sympy.Matrix([*x, *(sympy.Matrix(y) + F)])
    back = after[2:, :] - F
    return (
        prove_identity(r"the inverse is $(x, y - F(x))$ ($n = m = 2$)", back, sympy.Matrix(y)),
        prove_identity(
            r"$D\varphi^1 = \begin{pmatrix} I & 0 \\ DF & I \end{pmatrix}$ has determinant 1 for"
            r" an arbitrary $C^1$ map $F$ ($n = m = 2$)",
            after.jacobian(points).det(),
            1,
        ),
    )


def _prove_kink() -> tuple[ProofStep, ...]:
    x, y, t = sympy.symbols("x y t", positive=True)
    return (
        prove_identity(
            r"Presnov's potential of $(0, |x|)$ is $U = \int_0^1 y\,|tx|\,dt = \frac12y|x|$"
            r" ($x > 0$; it is even in $x$)",
            sympy.integrate(y * t * x, (t, 0, 1)),
            y * x / 2,
        ),
        prove_limit(
            r"$\partial_xU \to \frac12y$ as $x \to 0$ from the right",
            sympy.diff(y * x / 2, x),
            x,
            0,
            y / 2,
        ),
        prove_limit(
            r"and $-\frac12y$ from the left: $U \notin C^1$, $\nabla U$ is no field with a flow",
            sympy.diff(y * (-x) / 2, x),
            x,
            0,
            -y / 2,
        ),
    )
