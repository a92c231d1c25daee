"""B7: in one dimension compositions of flows increase: how far |x| stays from all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_derivative, prove_identity
from ...proof.smt import prove_by_smt

# The exact distances of |x| on [−1, 1] from the increasing functions.
SUPREMUM, L1, L2 = 0.5, 1 / 3, sqrt(2 - 4 * sqrt(2) / 3)

_GRID = np.linspace(-1.0, 1.0, 4001)
# The trapezoidal rule across kinks and the steepest flows drawn near the optimum.
_QUADRATURE_ALLOWANCE = 3e-4


@dataclass(frozen=True)
class ScalarFlow:
    """The flow of ẋ = c + λx + v tanh(wx + b), for one part at a time, in closed form.

    First u = wx + b has u̇ = wv·tanh u, so sinh u grows by e^κ with κ = wvt; then x is scaled by
    e^λ and shifted by c.
    """

    w: float
    b: float
    kappa: float
    scale: float
    shift: float

    def __call__(self, x: FloatArray) -> FloatArray:
        u = self.w * x + self.b
        moved = (np.arcsinh(np.sinh(u) * np.exp(self.kappa)) - self.b) / self.w
        return np.asarray(moved * np.exp(self.scale) + self.shift)


@dataclass(frozen=True)
class SoftFloor:
    """The flow of ẋ = e^{−kx} for the time e^{ks}/k: log(e^{kx} + e^{ks})/k, close to max(s, x)."""

    sharpness: float
    level: float

    def __call__(self, x: FloatArray) -> FloatArray:
        k = self.sharpness
        return np.asarray(np.logaddexp(k * x, k * self.level) / k)


Composition = tuple[ScalarFlow | SoftFloor, ...]
_UNIT = st.floats(-1.0, 1.0)
_FLOWS = st.builds(
    ScalarFlow, st.floats(0.5, 2.0), st.floats(-2.0, 2.0), st.floats(-2.0, 2.0), _UNIT, _UNIT
)
_FLOORS = st.builds(SoftFloor, st.floats(2.0, 100.0), st.floats(-0.5, 1.0))


class Orientation(Claim[Composition]):
    name = "B7.orientation"
    title = "No composition of scalar flows comes near |x|"
    statement = (
        r"g \text{ increasing on } [-1, 1] \Rightarrow \|g - |x|\|_\infty \ge \tfrac12,\quad"
        r" \|g - |x|\|_{L^1} \ge \tfrac13,\quad"
        r" \|g - |x|\|_{L^2} \ge \sqrt{2 - \tfrac43\sqrt2}"
    )
    assumptions = (
        Assumption(r"n = 1", "one dimension: flow maps of Lipschitz fields increase"),
        Assumption(r"x \in [-1, 1]", "where the distance is taken; all three are exact infima"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof((*_prove_increasing(), *_prove_supremum(), *_prove_mean(), *_prove_square()))

    def instances(self) -> SearchStrategy[Composition]:
        several = st.lists(st.one_of(_FLOWS, _FLOORS), min_size=1, max_size=4)
        return st.one_of(several, st.lists(_FLOORS, min_size=1, max_size=1)).map(tuple)

    def measure(self, instance: Composition) -> Measurement:
        value = _GRID
        for flow in instance:
            value = flow(value)
        return tightest(*distances(value))

    def witness(self) -> Witness:
        optimum = distances(np.maximum(_GRID, 0.5))[0]
        return Witness("max(½, x), a limit of flows", optimum)

    def mutants(self) -> Sequence[Mutant]:
        def nearer(claimed: float, level: float, norm: int) -> Mutant:
            """The best increasing function max(level, x) refutes a larger distance."""
            name = ("supremum", "L¹", "L²")[norm]
            return Mutant(
                f"a larger {name} distance",
                f"at least {claimed:g}",
                lambda: _at_least(claimed, distances(np.maximum(_GRID, level))[norm].claimed),
            )

        def euler_step() -> Measurement:
            # x + h·max(0, −x) with h = 2.
            return distances(_GRID + 2 * np.maximum(0.0, -_GRID))[0]

        def falling() -> Measurement:
            return distances(np.where(_GRID < 0, -_GRID, 0.5))[1]

        def other_half() -> Measurement:
            inside = _GRID >= 0
            return _at_least(SUPREMUM, float(np.abs(_GRID - np.abs(_GRID))[inside].max()))

        return (
            nearer(0.51, 0.5, 0),
            nearer(0.34, 1 / 3, 1),
            nearer(0.34, sqrt(2) - 1, 2),
            Mutant("an Euler step for the flow", "x + 2·max(0, −x) = |x|", euler_step),
            Mutant("a map that falls", "−x on [−1, 0], then ½", falling),
            Mutant("half of the interval", "the distance on [0, 1] alone", other_half),
        )


def distances(values: FloatArray) -> tuple[Measurement, Measurement, Measurement]:
    """The claimed lower bounds against the distances of a map, given on the grid, from |x|."""
    gap = np.abs(values - np.abs(_GRID))
    square = float(np.trapezoid(gap**2, _GRID))
    return (
        _at_least(SUPREMUM, float(gap.max()), 1e-9),
        _at_least(L1, float(np.trapezoid(gap, _GRID))),
        _at_least(L2, sqrt(square)),
    )


def _at_least(
    bound: float, distance: float, allowance: float = _QUADRATURE_ALLOWANCE
) -> Measurement:
    return Measurement(bound, distance, allowance, "<=", "least distance")


def _prove_increasing() -> tuple[ProofStep, ...]:
    t, slope = z3.Reals("t slope")
    return (
        cited(
            "flow maps of Lipschitz fields increase, and so do their compositions and, weakly,"
            " their limits",
            "two solutions never meet; n = 1",
        ),
        prove_by_smt(
            r"conversely $(1 - t)x + t\psi(x)$ has slope $1 - t + t\psi' > 0$ for $\psi' > 0$:"
            r" every increasing diffeomorphism is the end of a path of them, hence of flows",
            name="isotopy-increases",
            given=[slope > 0, t >= 0, t <= 1],
            show=1 - t + t * slope > 0,
        ),
        cited(
            "such a path is a time-dependent flow, a limit of switched ones; increasing functions"
            " are limits of diffeomorphisms in all three norms where these are finite",
            "A3, and mollification; for the continuous max(s, x) uniformly",
        ),
    )


def _prove_supremum() -> tuple[ProofStep, ...]:
    left, middle, delta, x = z3.Reals("left middle delta x")
    size = z3.If(x >= 0, x, -x)
    best = z3.If(x >= z3.RealVal("1/2"), x, z3.RealVal("1/2"))
    return (
        prove_by_smt(
            r"$g(-1) \le g(0)$, $|g(-1) - 1| \le \delta$ and $|g(0)| \le \delta$ give"
            r" $\delta \ge \frac12$",
            name="supremum",
            given=[left <= middle, left >= 1 - delta, middle <= delta],
            show=2 * delta >= 1,
        ),
        prove_by_smt(
            r"$\max(\frac12, x)$ attains it: $||x| - \max(\frac12, x)| \le \frac12$ on $[-1, 1]$",
            name="supremum-attained",
            given=[x >= -1, x <= 1],
            show=z3.And(2 * (size - best) <= 1, 2 * (best - size) <= 1),
        ),
    )


def _prove_mean() -> tuple[ProofStep, ...]:
    """Duality: q with ∫q·h ≤ 0 for every increasing h, by parts, has ∫q|x| as a lower bound."""
    x = sympy.Symbol("x", real=True)
    s = sympy.Rational(1, 3)
    z = z3.Real("x")
    return (
        cited(
            r"$q = 1$ on $[-1, -\frac13]$, $-1$ on $[-\frac13, \frac13]$, $0$ beyond has"
            r" $Q(x) = \int_{-1}^x q = 1 + x$, then $\frac13 - x$, then 0",
            "the integral of a step function",
        ),
        prove_by_smt(
            r"$Q \ge 0$ (and $Q(\pm1) = 0$), so $\int qh = -\int Q\,dh \le 0$ for increasing $h$",
            name="mean-certificate",
            given=[z >= -1, z <= z3.RealVal("1/3")],
            show=z3.If(3 * z <= -1, 1 + z, z3.RealVal("1/3") - z) >= 0,
        ),
        prove_identity(
            r"$\|g - |x|\|_{L^1} \ge \int q(|x| - g) \ge \int q|x| = \frac13$, and"
            r" $\max(\frac13, x)$ has exactly this distance",
            sympy.Matrix(
                [
                    sympy.integrate(-x, (x, -1, -s))
                    - sympy.integrate(-x, (x, -s, 0))
                    - sympy.integrate(x, (x, 0, s)),
                    sympy.integrate(-x - s, (x, -1, -s))
                    + sympy.integrate(s + x, (x, -s, 0))
                    + sympy.integrate(s - x, (x, 0, s)),
                ]
            ),
            sympy.Matrix([s, s]),
        ),
        cited(
            r"hence $\|g - |x|\|_{L^p} \ge \frac13 2^{1/p - 1}$ for every $p \ge 1$",
            "Hölder's inequality on an interval of length 2",
        ),
    )


def _prove_square() -> tuple[ProofStep, ...]:
    """Projection onto a convex cone: r = |x| − g has ∫rg = 0 and ∫rh ≤ 0 for increasing h."""
    x, r, change = sympy.symbols("x r delta", real=True)
    s = sympy.sqrt(2) - 1
    left, right = (1 - x**2) / 2 - s * (1 + x), (x - s) ** 2 / 2
    z, root = z3.Reals("x s")
    return (
        prove_derivative(
            r"$g = \max(s, x)$, $s = \sqrt2 - 1$: $R(x) = \int_{-1}^x(|y| - g)\,dy$ is"
            r" $\frac12(1 - x^2) - s(1 + x)$ on $[-1, 0]$",
            left,
            x,
            -x - s,
        ),
        prove_identity(
            r"and $\frac12(x - s)^2$ on $[0, s]$ (by its slope and its value at 0), 0 beyond;"
            r" $R(-1) = 0$",
            sympy.Matrix([sympy.diff(right, x), right.subs(x, 0), left.subs(x, -1)]),
            sympy.Matrix([x - s, left.subs(x, 0), 0]),
        ),
        prove_by_smt(
            r"$R \ge 0$ on $[-1, 0]$ too, so $\int rh = -\int R\,dh \le 0$ for increasing $h$",
            name="square-certificate",
            given=[(root + 1) * (root + 1) == 2, root > 0, z >= -1, z <= 0],
            show=(1 - z * z) - 2 * root * (1 + z) >= 0,
        ),
        prove_identity(
            r"$\int rg = s\int_{-1}^s r = sR(s) = 0$: $g$ is the projection, and its distance is"
            r" $\sqrt{2 - \frac43\sqrt2}$",
            sympy.Matrix(
                [
                    right.subs(x, s),
                    sympy.integrate((-x - s) ** 2, (x, -1, 0))
                    + sympy.integrate((x - s) ** 2, (x, 0, s)),
                ]
            ),
            sympy.Matrix([0, 2 - sympy.Rational(4, 3) * sympy.sqrt(2)]),
        ),
        prove_identity(
            r"another increasing $k = g + \delta$ is farther: $(r - \delta)^2 = r^2 - 2r\delta +"
            r" \delta^2$, and $\int r\delta = \int rk - \int rg \le 0$",
            (r - change) ** 2,
            r**2 - 2 * r * change + change**2,
        ),
    )
