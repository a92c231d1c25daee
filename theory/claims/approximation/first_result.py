"""B5: flows of gradient and sphere-preserving fields, in turns, err by what is proved at most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy
from hypothesis.strategies import SearchStrategy

from ....numerics import FieldSystem, Heun, RidgePotentialField, SphereField, tanh_mixture
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...decomposition import presnov
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...symbolic import SymbolicField, lie_bracket
from .split_flows import (
    SplitFlow,
    at_the_start,
    field_named,
    split_flows,
    with_scaled_commutators,
    without_growth,
)


class FirstResult(Claim[SplitFlow]):
    name = "B5.first_result"
    title = "Flows of gradient and sphere-preserving fields approximate the flow of any C³ field"
    statement = (
        r"|(\Psi^{T/N})^N(x) - \varphi_f^T(x)| \le \sum_{k=1}^{N} e^{\nu_{k + 1} + \dots + \nu_N}"
        r"\,\varepsilon_k,\quad f = \nabla U + S(x)x"
    )
    assumptions = (
        Assumption(r"f \in C^3", "the field, split by Presnov"),
        Assumption(
            r"\varepsilon_k", "the local error of step k, by B5.lie_trotter_error, strang_error"
        ),
        Assumption(r"\nu_k", "h times the one-sided constant of f where step k goes"),
        Assumption(r"|x| \le r", "a ball from which no stage leaves what is looked at"),
    )
    source = Source("paper, first approximation result", "I")

    def prove(self) -> Proof:
        x, y = sympy.symbols("x y", real=True)
        potential, turning = (sympy.Function(name)(x, y) for name in ("U", "s"))
        gradient = sympy.Matrix([potential.diff(x), potential.diff(y)])
        sphere = turning * sympy.Matrix([y, -x])
        carry = [sympy.exp(nu) for nu in sympy.symbols("nu_1:4", real=True)]
        local = sympy.symbols("epsilon_1:4")
        return Proof(
            (
                prove_identity(
                    r"$\frac{d}{dt}\tfrac12|x|^2 = x^T\nabla U$ for $f$ and for $\nabla U$, and 0"
                    r" for $S(x)x$: stages get no farther than $f$ may ($n = 2$)",
                    (sympy.Matrix([x, y]).T * (gradient + sphere))[0],
                    (sympy.Matrix([x, y]).T * gradient)[0],
                ),
                cited(
                    r"$\rho(r) = \max_{|x| = r} x^Tf(x)/|x|$ bounds them all: $|x|' \le \rho(|x|)$",
                    "comparison theorem",
                ),
                cited(
                    r"$|\Psi(y) - \varphi^h(x)| \le |\Psi(y) - \varphi^h(y)|"
                    r" + |\varphi^h(y) - \varphi^h(x)| \le \varepsilon + e^{\nu h}|y - x|$",
                    "B5.lie_trotter_error, B5.strang_error; C1.one_sided_growth",
                ),
                prove_identity(
                    r"$e_k = e^{\nu_k}e_{k - 1} + \varepsilon_k$, $e_0 = 0$, adds up ($N = 3$)",
                    carry[2] * (carry[1] * local[0] + local[1]) + local[2],
                    sum(local[k] * sympy.prod(carry[k + 1 :]) for k in range(3)),
                ),
                prove_identity(
                    r"the commutator of $(1 - \epsilon p, \epsilon q) = \nabla q + S(x)x$ is"
                    r" $\epsilon e_2$: the witness's bound is $\epsilon h^2/2$",
                    lie_bracket(*_parts()).expressions,
                    sympy.Matrix([0, sympy.Rational(1, 10**4)]),
                ),
            )
        )

    def instances(self) -> SearchStrategy[SplitFlow]:
        return split_flows()

    def measure(self, instance: SplitFlow) -> Measurement:
        return instance.measure("first")

    def witness(self) -> Witness:
        measured = replace(self.measure(SLOW_TURN), allowance=1e-9)
        return Witness("f = e₁ + εJx, one step of Lie–Trotter, ε = 10⁻⁴", measured)

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "half the commutator",
                "c/2",
                lambda: SLOW_TURN.measure("first", lambda a: with_scaled_commutators(a, 0.5)),
            ),
            Mutant(
                "no growth",
                "errors are added up without e^{νh}",
                lambda: GROWING_TURN.measure("first", without_growth),
            ),
            Mutant(
                "the start's ball",
                "commutators are looked at where steps start only",
                lambda: _WIDENING.measure("first", lambda a: at_the_start(a, 0.05)),
            ),
            Mutant("plain Heun", "keeps |x| for the sphere part without a correction", _plain_heun),
            Mutant("diag(α)AᵀΣ", "the network of the authors' code is a gradient", _wrong_product),
        )


def _parts() -> tuple[SymbolicField, SymbolicField]:
    parts = presnov(field_named("slow turn"))
    return parts.gradient, parts.sphere


def _plain_heun() -> Measurement:
    turn = SphereField([[1.0, 0.0]], [1.0], [[[0.0, -1.0], [1.0, 0.0]]])
    x = np.array([0.6, 0.8])
    end = Heun.step(FieldSystem(lambda _, y: turn(y), 2), 0.0, x, 0.5)
    return Measurement(abs(float(np.linalg.norm(end)) - 1.0), 0.0, what="change of |x|")


def _wrong_product() -> Measurement:
    A, alpha = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([1.0, -2.0])
    right = RidgePotentialField(A, [0.0, 0.0], alpha, tanh_mixture(0.0))
    slopes = 1 - np.tanh(A @ np.array([0.3, 0.1])) ** 2
    wrong = np.diag(alpha) @ A.T @ np.diag(slopes) @ A
    true = right.jacobian(np.array([0.3, 0.1]))
    assert np.allclose(true, true.T)
    return Measurement(float(np.abs(wrong - wrong.T).max()), 0.0, what="asymmetry")


SLOW_TURN = SplitFlow("slow turn", "LieTrotter", 1, 0.5, 0.5)
GROWING_TURN = SplitFlow("growing turn", "LieTrotter", 40, 0.6, 0.1)
_WIDENING = SplitFlow("widening", "LieTrotter", 1, 0.6, 0.05)
