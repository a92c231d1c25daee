"""F4: Heun's step on a sphere-preserving field, corrected along its own chord, keeps the norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import Heun, SphereSystem
from ....numerics.methods.sphere import NormCorrectedHeun
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source, tightest
from ...measuring import rounding_allowance
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .smooth_networks import Network, networks, step_sizes


@dataclass(frozen=True)
class SphereStep:
    """One step of length h on ẋ = (M(x) − M(x)ᵀ)x from x ≠ 0."""

    network: Network
    x: FloatArray
    h: float

    @property
    def system(self) -> SphereSystem:
        return SphereSystem(lambda t, x: self.network.skew(x), len(self.x), autonomous=True)

    def heun(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """φ, k₁ and k₂."""
        first, second = Heun.slopes(self.system, 0.0, self.x, self.h)
        return Heun.step(self.system, 0.0, self.x, self.h), first, second


@st.composite
def sphere_steps(draw: st.DrawFn) -> SphereStep:
    """Steps in two to four dimensions."""
    n = draw(st.integers(2, 4))
    return SphereStep(draw(networks(n, n * n)), draw(strategies.points(n)), draw(step_sizes()))


class NormCorrection(Claim[SphereStep]):
    name = "F4.norm_correction"
    title = "The corrected Heun step keeps the norm, and its λ needs no cancellation"
    statement = (
        r"\lambda = \frac{|\varphi|^2 - |x|^2}{|\varphi - x|^2} ="
        r" \frac{|k_1 - k_2|^2}{|k_1 + k_2|^2},"
        r"\quad x^+ = (1 - \lambda)\varphi + \lambda x \;\Rightarrow\; |x^+| = |x|"
    )
    assumptions = (
        Assumption(r"x^Tf(x) = 0", "a field tangent to spheres, f = S(x)x with S skew"),
        Assumption(
            r"k_1 = f(x),\ k_2 = f(x + hk_1),\ \varphi = x + \tfrac h2(k_1 + k_2)", "Heun's step"
        ),
        Assumption(
            r"k_1 + k_2 \ne 0,\ h \ne 0",
            "otherwise x⁺ = x: then k₁ = 0, x is at rest",
        ),
    )
    source = Source("paper, norm-preserving networks; the second form of λ: flowcert", "P")

    def prove(self) -> Proof:
        n = 4
        x, k1, k2, phi = (sympy.Matrix(sympy.symbols(f"{v}_0:{n}")) for v in ("x", "k", "l", "p"))
        S = sympy.Matrix(n, n, sympy.symbols(f"s0:{n * n}"))
        h = sympy.Symbol("h")
        heun = x + h / 2 * (k1 + k2)
        lam = sympy.Symbol("lambda")
        stages = x + h * k1
        return Proof(
            (
                prove_identity(
                    r"$z^T(M - M^T)z = 0$: both $x^Tk_1$ and $(x + hk_1)^Tk_2$ vanish ($n = 4$)",
                    (x.T * (S - S.T) * x)[0],
                    0,
                ),
                prove_identity(
                    r"$|\varphi|^2 - |x|^2 = \frac{h^2}{4}|k_1 - k_2|^2 + h\,x^Tk_1"
                    r" + h\,(x + hk_1)^Tk_2$ for arbitrary vectors of four components",
                    _square(heun) - _square(x),
                    h**2 / 4 * _square(k1 - k2) + h * (x.T * k1)[0] + h * (stages.T * k2)[0],
                ),
                prove_identity(
                    r"$|\varphi - x|^2 = \frac{h^2}{4}|k_1 + k_2|^2$: so the two forms of $\lambda$"
                    " are equal",
                    _square(heun - x),
                    h**2 / 4 * _square(k1 + k2),
                ),
                prove_identity(
                    r"$|x^+|^2 - |x|^2 = (1 - \lambda)(|\varphi|^2 - |x|^2 -"
                    r" \lambda|\varphi - x|^2)$ for arbitrary vectors and $\lambda$: 0 for this"
                    r" $\lambda$ (and for $\lambda = 1$, $x^+ = x$)",
                    _square((1 - lam) * phi + lam * x) - _square(x),
                    (1 - lam) * (_square(phi) - _square(x) - lam * _square(phi - x)),
                ),
                prove_identity(
                    r"$1 - \lambda = 4k_1^Tk_2/|k_1 + k_2|^2$: nothing cancels at small $h$",
                    _square(k1 + k2) - _square(k1 - k2),
                    4 * (k1.T * k2)[0],
                ),
                prove_identity(
                    r"$k_2 = -k_1$ gives $(x + hk_1)^Tk_2 = -x^Tk_1 - h|k_1|^2$, and both scalar"
                    r" products are 0: $k_1 = 0$",
                    -(stages.T * k1)[0],
                    -(x.T * k1)[0] - h * _square(k1),
                ),
                cited("the same in every dimension", "only scalar products occur"),
            )
        )

    def instances(self) -> SearchStrategy[SphereStep]:
        return sphere_steps()

    def measure(self, instance: SphereStep) -> Measurement:
        phi, first, second = instance.heun()
        gained = float(phi @ phi - instance.x @ instance.x)
        predicted = 0.25 * instance.h**2 * float(np.sum((first - second) ** 2))
        size = float(phi @ phi + instance.x @ instance.x)
        same = Measurement(gained, predicted, rounding_allowance(size), "=", "|φ|² − |x|²")
        after = NormCorrectedHeun.step(instance.system, 0.0, instance.x, instance.h)
        return tightest(same, norm_kept(instance.x, after))

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        network = Network(np.eye(2), np.array([0.5, 0.0]), np.arange(8.0).reshape(4, 2))
        step = SphereStep(network, np.array([1.0, 0.5]), 0.25)
        x, h = step.x, step.h
        phi, first, second = step.heun()
        lam = float(np.sum((first - second) ** 2) / np.sum((first + second) ** 2))

        def not_tangent() -> Measurement:
            k1 = network.matrix(x) @ x
            k2 = network.matrix(x + h * k1) @ (x + h * k1)
            return norm_kept(x, _corrected(x, k1, k2, h))

        def midpoint() -> Measurement:
            middle = step.system(0.0, x + 0.5 * h * first)
            share = float(np.sum((first - middle) ** 2) / np.sum((first + middle) ** 2))
            return norm_kept(x, x + (1 - share) * h * middle)

        return (
            Mutant(
                "sign of λ turned",
                "x⁺ = (1 + λ)φ − λx",
                lambda: norm_kept(x, (1 + lam) * phi - lam * x),
            ),
            Mutant("no correction", "Heun's step itself", lambda: norm_kept(x, phi)),
            Mutant("a field that is not tangent", "M(x)x without the transpose", not_tangent),
            Mutant(
                "another method",
                "the same λ for the explicit midpoint rule",
                midpoint,
            ),
        )


def norm_kept(before: FloatArray, after: FloatArray) -> Measurement:
    """The change of |x| against 0."""
    old, new = float(np.linalg.norm(before)), float(np.linalg.norm(after))
    return Measurement(new - old, 0.0, rounding_allowance(old + new), "=", "change of the norm")


def _corrected(x: FloatArray, first: FloatArray, second: FloatArray, h: float) -> FloatArray:
    """(1 − λ)φ + λx from the slopes of a step, tangent or not."""
    lam = np.sum((first - second) ** 2) / np.sum((first + second) ** 2)
    return np.asarray(x + (1 - lam) * h / 2 * (first + second))


def _square(v: sympy.Matrix) -> sympy.Expr:
    return (v.T * v)[0]
