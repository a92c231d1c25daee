"""What the claims on Runge–Kutta steps share: methods, instances, exact forms, the one identity."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import sympy
from hypothesis import assume
from hypothesis import strategies as st

from ....errors import ConvergenceError
from ....numerics import (
    RK4,
    SSP33,
    Euler,
    GradientField,
    Heun,
    Ralston,
    RungeKutta,
    Tableau,
    as_system,
    softplus_mixture,
    tanh_mixture,
)
from ....numerics.methods import (
    SSP104,
    BackwardEuler,
    BogackiShampine,
    GaussLegendre,
    ImplicitMidpoint,
    ImplicitTrapezoid,
    Kutta3,
    LobattoIIIC,
    RadauIIA,
    ThreeEighths,
)
from ....numerics.tableau.contractivity import contractivity_form
from ....numerics.validation import FloatArray
from ... import strategies
from ...bounds import bound_circle_contractivity_radius, bound_runge_kutta_step
from ...claim import Measurement
from ...proof import ProofStep
from ...proof.algebra import prove_identity
from ...strategies import LayerStep

# Explicit methods with a positive radius, and implicit ones whose stages Newton's method finds.
EXPLICIT = (
    Euler,
    Heun,
    Ralston,
    SSP33,
    Kutta3,
    RK4,
    ThreeEighths,
    SSP104,
    BogackiShampine,
)
IMPLICIT = (
    BackwardEuler,
    ImplicitMidpoint,
    ImplicitTrapezoid,
    GaussLegendre(2),
    RadauIIA(2),
    LobattoIIIC(2),
)
_LONGEST = 4.0  # of h·L, where every step is allowed


@dataclass(frozen=True)
class MethodStep:
    """One step of a method on a gradient field, with two points to compare."""

    method: RungeKutta
    layer: LayerStep

    @property
    def smoothness(self) -> float:
        return self.layer.matrix.sigma_max**2

    def results(self) -> tuple[FloatArray, FloatArray]:
        both = np.stack([self.layer.x, self.layer.y])
        x, y = self.method.step(as_system(self.layer.field), 0.0, both, self.layer.step)
        return x, y

    def quotient(self) -> float:
        x, y = self.results()
        return float(np.linalg.norm(x - y) / np.linalg.norm(self.layer.x - self.layer.y))

    def against(self, claimed: float) -> Measurement:
        return Measurement(self.quotient(), claimed, self.allowance(), what="quotient")

    def allowance(self) -> float:
        """A thousand roundings of the numbers that occur, more where Newton's method solves."""
        solved = 1.0 if self.method.tableau.is_explicit() else 10.0
        return solved * self.layer.rounding_allowance()


@st.composite
def method_steps(
    draw: st.DrawFn, methods: tuple[RungeKutta, ...] = EXPLICIT + IMPLICIT
) -> MethodStep:
    """Steps up to the limit 2r/L of the method, often at it, on random gradient fields."""
    method = draw(st.sampled_from(methods))
    matrix = draw(strategies.matrices(sigma_max=draw(st.floats(0.25, 2.0))))
    limit = float(bound_runge_kutta_step(radius_of(method), matrix.sigma_max**2))
    h = min(limit, _LONGEST / matrix.sigma_max**2) * draw(
        st.one_of(st.just(1.0), st.floats(1e-3, 1.0))
    )
    layer = draw(strategies.gradient_steps(st.just(matrix), step=st.just(h)))
    if method.tableau.is_explicit():
        return MethodStep(method, layer)
    # Newton's method wants slopes that are continuous.
    kind = draw(st.sampled_from([tanh_mixture, softplus_mixture]))
    b = draw(strategies.points(len(matrix.entries)))
    field = GradientField(matrix.entries, b, kind(layer.slope))
    step = MethodStep(method, replace(layer, field=field))
    assume(is_solved(step.results))
    return step


def is_solved(step: Callable[[], object]) -> bool:
    """Whether Newton's method finds the stages: where it does not, there is no step to judge."""
    try:
        step()
    except ConvergenceError:
        return False
    return True


def radius_of(method: RungeKutta) -> float:
    """The radius, rounded down."""
    return bound_circle_contractivity_radius(method.tableau)


def contractivity_matrices(tableau: Tableau) -> tuple[list[list[Fraction]], list[list[Fraction]]]:
    """M and B as fractions; for collocation methods in the basis 1, c, c², … of the stages."""
    algebra = tableau.algebra()
    return _fractions(contractivity_form(algebra)), _fractions(algebra.gram)


def _fractions(form: object) -> list[list[Fraction]]:
    rows = sympy.Matrix(form.to_Matrix()).tolist()  # type: ignore[attr-defined]  # a DomainMatrix
    return [[Fraction(int(x.p), int(x.q)) for x in row] for row in rows]


def plus_multiple(
    form: list[list[Fraction]], factor: Fraction, other: list[list[Fraction]]
) -> list[list[Fraction]]:
    """form + factor·other."""
    return [
        [x + factor * y for x, y in zip(row, second, strict=True)]
        for row, second in zip(form, other, strict=True)
    ]


def prove_difference_identity(s: int) -> ProofStep:
    """|Δy⁺|² by the stages, for every tableau of s stages and vectors of two components."""
    h = sympy.Symbol("h")
    A, b = sympy.Matrix(s, s, sympy.symbols(f"a:{s * s}")), sympy.symbols(f"b:{s}")
    y = sympy.Matrix(1, 2, sympy.symbols("y:2"))
    k = sympy.Matrix(s, 2, sympy.symbols(f"k:{2 * s}"))
    stages = sympy.ones(s, 1) * y + h * A * k
    after = y + h * sympy.Matrix([b]) * k
    M = [[b[i] * A[i, j] + b[j] * A[j, i] - b[i] * b[j] for j in range(s)] for i in range(s)]
    pairs = [(i, j) for i in range(s) for j in range(s)]
    return prove_identity(
        r"$|\Delta^+|^2 = |\Delta|^2 + 2h\sum_i b_i\langle k_i, Y_i\rangle"
        rf" - h^2\sum_{{ij}} m_{{ij}}\langle k_i, k_j\rangle$ for all tableaux of {s} stages",
        after.dot(after),
        y.dot(y)
        + 2 * h * sum(b[i] * k.row(i).dot(stages.row(i)) for i in range(s))
        - h**2 * sum(M[i][j] * k.row(i).dot(k.row(j)) for i, j in pairs),
    )
