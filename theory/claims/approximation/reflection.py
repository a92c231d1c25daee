"""B7: flows keep the orientation, so a reflection is at distance 1 from them on the unit ball."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_cases, prove_identity
from ..structure.smooth_networks import Network, arrays, networks

_CIRCLE = np.stack(
    [f(np.linspace(0, 2 * np.pi, 128, endpoint=False)) for f in (np.cos, np.sin)], -1
)
_TIME = 0.5
# The supremum over the circle lies within a few of these of that over its 128 points.
_GRID_ALLOWANCE = 1e-3


@dataclass(frozen=True)
class Flows:
    """The flows of some linear fields, one after the other, and of a nonlinear one in the plane."""

    matrices: tuple[FloatArray, ...]
    network: Network

    def linear(self) -> FloatArray:
        M = np.eye(len(self.matrices[0]))
        for B in self.matrices:
            M = np.asarray(expm(B)) @ M
        return M


@st.composite
def _flows(draw: st.DrawFn) -> Flows:
    n = draw(st.integers(1, 4))
    shrinking = st.floats(-4.0, 0.0).map(lambda rate: rate * np.eye(n))
    matrices = draw(st.lists(st.one_of(arrays(n, n, size=2.0), shrinking), min_size=1, max_size=3))
    return Flows(tuple(matrices), draw(networks(2, 2)))


class Reflection(Claim[Flows]):
    name = "B7.reflection"
    title = "A reflection is no limit of flows, in any dimension"
    statement = (
        r"\det D\varphi^t = \exp\int_0^t \mathrm{div} f > 0;\quad"
        r" \sup_{|x| = 1}|\varphi(x) - Rx| \ge 1,\ R = \mathrm{diag}(-1, 1, \dots, 1)"
    )
    assumptions = (
        Assumption(r"\varphi", "a composition of flow maps of C¹ fields in n dimensions"),
        Assumption(r"\det R < 0,\ R^TR = I", "a reflection"),
    )
    source = Source("flowcert; Brouwer's degree", "D")

    def prove(self) -> Proof:
        return Proof(
            (
                *(_prove_liouville(n) for n in (2, 3)),
                cited(
                    r"$\dot D = Df(\varphi^t)D$, so $\det D = \exp\int\mathrm{div}f > 0$",
                    "the variational equation and Liouville's formula",
                ),
                *_prove_linear(),
                *_prove_degree(),
            )
        )

    def instances(self) -> SearchStrategy[Flows]:
        return _flows()

    def measure(self, instance: Flows) -> Measurement:
        return tightest(
            _distance(instance.linear()), _on_the_circle(_flow_of_circle(instance.network))
        )

    def witness(self) -> Witness:
        return Witness(
            "the flow of −x for a time 40: the infimum up to rounding",
            _distance(Flows((-40 * np.eye(2),), _NONE).linear()),
        )

    def mutants(self) -> Sequence[Mutant]:
        shrunk = Flows((-5 * np.eye(2),), _NONE).linear()

        def euler_step() -> Measurement:
            # x + h·(−x₁, 0) with h = 2.
            return _distance(np.eye(2) + 2 * np.diag([-1.0, 0.0]))

        def one_dimension_more() -> Measurement:
            # Half a turn about the second axis; the third coordinate is 0 and dropped.
            J = np.zeros((3, 3))
            J[0, 2], J[2, 0] = -np.pi, np.pi
            return _distance(np.asarray(expm(J))[:2, :2])

        def rotation() -> Measurement:
            turned = np.array([[0.0, -np.pi], [np.pi, 0.0]])
            gap = np.linalg.norm(np.asarray(expm(turned)) + np.eye(2), 2)
            return _at_least(1.0, float(gap), 1e-9)

        return (
            Mutant(
                "a larger distance",
                "at least 1.01",
                lambda: _at_least(1.01, float(np.linalg.norm(shrunk - _reflection(2), 2)), 1e-9),
            ),
            Mutant("an Euler step for the flow", "x + 2(−x₁, 0) = Rx", euler_step),
            Mutant("one dimension more", "P ∘ flow ∘ L stays away from R", one_dimension_more),
            Mutant("two reflections", "R = −I in the plane, det R > 0", rotation),
        )


_NONE = Network(np.zeros((1, 2)), np.zeros(1), np.zeros((2, 1)))


def _reflection(n: int) -> FloatArray:
    return np.diag([-1.0, *[1.0] * (n - 1)])


def _at_least(bound: float, distance: float, allowance: float) -> Measurement:
    return Measurement(bound, distance, allowance, "<=", "distance from R")


def _distance(M: FloatArray) -> Measurement:
    gap = float(np.linalg.norm(M - _reflection(len(M)), 2))
    return _at_least(1.0, gap, 1e-12 * (1 + gap))


def _flow_of_circle(network: Network) -> FloatArray:
    """The unit circle after a time, all of its points at once."""
    shape = _CIRCLE.shape
    solution = solve_ivp(
        lambda _, y: 4 * network(y.reshape(shape)).ravel(),
        (0.0, _TIME),
        _CIRCLE.ravel(),
        rtol=1e-6,
        atol=1e-8,
    )
    return np.asarray(solution.y[:, -1].reshape(shape))


def _on_the_circle(moved: FloatArray) -> Measurement:
    gap = np.linalg.norm(moved - _CIRCLE @ _reflection(2), axis=-1)
    return _at_least(1.0, float(gap.max()), _GRID_ALLOWANCE)


def _prove_liouville(n: int) -> ProofStep:
    """Jacobi's formula for Ḋ = AD, by the derivative of each entry."""
    A, D = (sympy.Matrix(n, n, sympy.symbols(f"{v}0:{n * n}")) for v in ("a", "d"))
    determinant, rate = D.det(), A * D
    return prove_identity(
        rf"$n = {n}$: $\dot D = AD$ gives $\frac{{d}}{{dt}}\det D = \mathrm{{tr}}(A)\det D$",
        sum(sympy.diff(determinant, D[i]) * rate[i] for i in range(n * n)),
        A.trace() * determinant,
    )


def _prove_linear() -> tuple[ProofStep, ...]:
    n = 3
    x = sympy.Matrix(sympy.symbols("x1:4"))
    lam = sympy.Symbol("lambda", positive=True)
    R = sympy.diag(-1, 1, 1)
    moved = R * (-lam * x)
    return (
        cited(
            r"linear case: $\det M > 0$ makes $\det(RM) < 0$, so $RM$ has an eigenvalue"
            r" $-\lambda < 0$",
            "the determinant is the product of the eigenvalues; complex ones come in pairs",
        ),
        prove_identity(
            r"$RMx = -\lambda x$ means $Mx = -\lambda Rx$, and"
            r" $|Mx - Rx|^2 = (1 + \lambda)^2|x|^2 \ge |x|^2$ ($n = 3$)",
            ((moved - R * x).T * (moved - R * x))[0],
            (1 + lam) ** 2 * (x.T * x)[0],
        ),
        prove_identity(
            r"$\lambda \to 0$ is approached by $M = e^{-t}I$: eigenvalue $-e^{-t}$ of $RM$ at the"
            r" first axis",
            (R * sympy.exp(-lam) * sympy.eye(n)) * sympy.Matrix([1, 0, 0]),
            -sympy.exp(-lam) * sympy.Matrix([1, 0, 0]),
        ),
    )


def _prove_degree() -> tuple[ProofStep, ...]:
    return (
        prove_cases(
            r"$\deg(R, 0) = \mathrm{sign}\det R = -1$",
            range(1, 6),
            lambda n: sympy.diag(-1, *[1] * (n - 1)).det() == -1,
        ),
        cited(
            r"if $|\varphi(x) - Rx| < 1 = |Rx|$ on the sphere, then $(1 - s)Rx + s\varphi(x) \ne 0$"
            r" there, so $\deg(\varphi, 0) = -1$; but it is 0 or 1 for a homeomorphism with"
            r" $\det D\varphi > 0$",
            "homotopy invariance of Brouwer's degree; Deimling, Nonlinear Functional Analysis, §1",
        ),
    )
