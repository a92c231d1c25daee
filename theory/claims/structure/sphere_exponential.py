"""F4: steps y⁺ = exp(V)y with V skew keep the norm: Lie–Euler and Runge–Kutta–Munthe-Kaas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from scipy.linalg import expm

from ....numerics import RK4, Euler, Method
from ....numerics.methods.sphere import RKMK4, LieEuler
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from .norm_correction import SphereStep, norm_kept, sphere_steps
from .smooth_networks import Network


@dataclass(frozen=True)
class RotationStep:
    """One step of a method that rotates."""

    step: SphereStep
    method: Method

    def measure(self) -> Measurement:
        after = self.method.step(self.step.system, 0.0, self.step.x, self.step.h)
        return norm_kept(self.step.x, after)


class SphereExponential(Claim[RotationStep]):
    name = "F4.sphere_exponential"
    title = "Exponentials of skew matrices keep the norm: Lie–Euler and RKMK4"
    statement = (
        r"V^T = -V \;\Rightarrow\; |e^Vy| = |y|;\quad"
        r" V = hS(y) \text{ or a combination of such matrices and their commutators}"
    )
    assumptions = (
        Assumption(r"\dot y = S(t, y)y,\ S^T = -S", "a sphere-preserving field"),
        Assumption(r"[U, V] = UV - VU", "in the truncated series of dexp⁻¹"),
    )
    source = Source("flowcert; Iserles, Munthe-Kaas, Nørsett and Zanna (2000)", "D")

    def prove(self) -> Proof:
        n = 4
        U, V = (_skew(name, n) for name in "uv")
        bracket = U * V - V * U
        nested = U * bracket - bracket * U
        weights = sympy.symbols("alpha beta gamma delta")
        parts = (U, V, bracket, nested)
        total = sum((w * p for w, p in zip(weights, parts, strict=True)), sympy.zeros(n, n))
        return Proof(
            (
                *_prove_plane_rotation(),
                *_prove_space_rotation(),
                cited(
                    r"$(e^V)^Te^V = e^{-V}e^V = I$ in every dimension",
                    "transpose of the series; V and −V commute",
                ),
                prove_identity(
                    r"$\alpha U + \beta V + \gamma[U, V] + \delta[U, [U, V]]$ is skew for skew"
                    r" $4 \times 4$ matrices $U$, $V$: all that the methods exponentiate",
                    total + total.T,
                    sympy.zeros(n, n),
                ),
            )
        )

    def instances(self) -> SearchStrategy[RotationStep]:
        return st.builds(RotationStep, sphere_steps(), st.sampled_from([LieEuler, RKMK4]))

    def measure(self, instance: RotationStep) -> Measurement:
        return instance.measure()

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        network = Network(np.eye(2), np.array([0.5, 0.0]), np.arange(8.0).reshape(4, 2))
        step = SphereStep(network, np.array([1.0, 0.5]), 0.25)

        def anticommutator() -> ProofStep:
            U, V = _skew("u", 3), _skew("v", 3)
            total = U * V + V * U
            return prove_identity("$UV + VU$ is skew", total + total.T, sympy.zeros(3, 3))

        def not_skew() -> Measurement:
            return norm_kept(step.x, expm(step.h * network.matrix(step.x)) @ step.x)

        return (
            Mutant(
                "series cut after the first term",
                "I + hS for e^{hS}: explicit Euler",
                RotationStep(step, Euler).measure,
            ),
            Mutant(
                "series cut after the fourth term",
                "RK4 on the field itself",
                RotationStep(step, RK4).measure,
            ),
            Mutant("anticommutator", "UV + VU for UV − VU", anticommutator),
            Mutant("S not skew", "e^{hM} for e^{h(M − Mᵀ)}", not_skew),
        )


def _prove_plane_rotation() -> tuple[ProofStep, ...]:
    t, w = sympy.symbols("t omega", real=True)
    S = sympy.Matrix([[0, -w], [w, 0]])
    R = sympy.Matrix([[sympy.cos(w * t), -sympy.sin(w * t)], [sympy.sin(w * t), sympy.cos(w * t)]])
    return (
        prove_identity(
            r"$n = 2$: the rotation $R(t)$ by $\omega t$ has $\dot R = SR$, $R(0) = I$, so"
            r" $R(t) = e^{tS}$",
            sympy.Matrix.hstack(sympy.diff(R, t), R.subs(t, 0)),
            sympy.Matrix.hstack(S * R, sympy.eye(2)),
        ),
        prove_identity("$R^TR = I$", R.T * R, sympy.eye(2)),
    )


def _prove_space_rotation() -> tuple[ProofStep, ...]:
    """Rodrigues' formula, with the angular velocity written as θ times a unit vector."""
    t, theta, u1, u2 = sympy.symbols("t theta u_1 u_2", real=True)
    u = (u1, u2, sympy.sqrt(1 - u1**2 - u2**2))
    K = sympy.Matrix([[0, -u[2], u[1]], [u[2], 0, -u[0]], [-u[1], u[0], 0]])
    R = sympy.eye(3) + sympy.sin(theta * t) * K + (1 - sympy.cos(theta * t)) * K * K
    return (
        prove_identity(
            r"$n = 3$: $R(t) = I + \sin\theta t\,K + (1 - \cos\theta t)K^2$ with $K$ the cross"
            r" product by a unit vector has $\dot R = \theta KR$, $R(0) = I$ (Rodrigues)",
            sympy.Matrix.hstack(sympy.diff(R, t), R.subs(t, 0)),
            sympy.Matrix.hstack(theta * K * R, sympy.eye(3)),
        ),
        prove_identity("$R^TR = I$", R.T * R, sympy.eye(3)),
    )


def _skew(name: str, n: int) -> sympy.Matrix:
    M = sympy.Matrix(n, n, sympy.symbols(f"{name}0:{n * n}"))
    return M - M.T
