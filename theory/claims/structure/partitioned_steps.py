"""F2: symplectic Euler, Störmer–Verlet and every other row of drifts and kicks is symplectic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import Euler, Method, SeparableHamiltonian, SeparableSystem, canonical_structure
from ....numerics.methods.composition import Yoshida4
from ....numerics.methods.partitioned import (
    StormerVerlet,
    SymplecticEulerA,
    SymplecticEulerB,
)
from ....numerics.methods.splitting import Strang
from ....numerics.systems.system import State
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .smooth_networks import RidgeEnergy, energies, step_sizes
from .step_jacobian import ALLOWANCE, step_jacobian, symplectic_defect


@dataclass(frozen=True)
class SeparableStep:
    """One step of a method on q̇ = ∇T(p), ṗ = −∇V(q)."""

    kinetic: RidgeEnergy
    potential: RidgeEnergy
    method: Method
    x: FloatArray
    h: float

    @property
    def system(self) -> SeparableSystem:
        T, V = self.kinetic, self.potential
        return SeparableHamiltonian(
            T.value, V.value, T.gradient, V.gradient, T.hessian, V.hessian, len(self.x)
        )

    def defect(self) -> Measurement:
        return _defect(self.method, self.system, self.x, self.h)


_METHODS = [SymplecticEulerA, SymplecticEulerB, StormerVerlet, Strang, Yoshida4(StormerVerlet)]


@st.composite
def _steps(draw: st.DrawFn) -> SeparableStep:
    d = draw(st.integers(1, 2))
    return SeparableStep(
        draw(energies(d)),
        draw(energies(d, quartic=True)),
        draw(st.sampled_from(_METHODS)),
        0.25 * draw(strategies.points(2 * d)),
        draw(step_sizes(0.25)),
    )


class PartitionedSteps(Claim[SeparableStep]):
    name = "F2.partitioned_steps"
    title = "Symplectic Euler and Störmer–Verlet are symplectic on separable Hamiltonians"
    statement = (
        r"q^+ = q + h\nabla T(p^+),\ p^+ = p - h\nabla V(q) \;\Rightarrow\; D^TJD = J;"
        r"\quad \text{so is every composition of drifts and kicks}"
    )
    assumptions = (
        Assumption(r"H(q, p) = T(p) + V(q),\ T, V \in C^2", "a separable Hamiltonian"),
        Assumption(r"h \in \mathbb{R}", "any step"),
    )
    source = Source("paper, Hamiltonian networks", "P")

    def prove(self) -> Proof:
        h = sympy.Symbol("h")
        J = sympy.Matrix(canonical_structure(2))
        kick, drift = _shear("v", -h, lower=True), _shear("t", h, lower=False)
        q, p = sympy.symbols("q p")
        T, V = sympy.Function("T"), sympy.Function("V")
        force = sympy.diff(V(q), q)
        new_p = p - h * force
        new_q = q + h * T(new_p).fdiff(1)
        D = sympy.Matrix([new_q, new_p]).jacobian([q, p])
        J1 = sympy.Matrix(canonical_structure(1))
        euler = sympy.Matrix([q + h * sympy.diff(T(p), p), p - h * force]).jacobian([q, p])
        product = sympy.diff(T(p), p, 2) * sympy.diff(V(q), q, 2)
        return Proof(
            (
                prove_identity(
                    r"kick: $D = \begin{pmatrix} I & 0 \\ -hS & I \end{pmatrix}$ with"
                    r" $S = \nabla^2V$ symmetric, $d = 2$: $D^TJD = J$",
                    kick.T * J * kick,
                    J,
                ),
                prove_identity(
                    r"drift: $D = \begin{pmatrix} I & hS \\ 0 & I \end{pmatrix}$ with"
                    r" $S = \nabla^2T$ symmetric, $d = 2$: $D^TJD = J$",
                    drift.T * J * drift,
                    J,
                ),
                cited("compositions are symplectic", "claim A2.composition"),
                prove_identity(
                    "symplectic Euler written out, $d = 1$, for arbitrary smooth $T$ and $V$",
                    D.T * J1 * D,
                    J1,
                ),
                prove_identity(
                    "plain Euler is not: it multiplies $J$ by $1 + h^2T''V''$",
                    euler.T * J1 * euler,
                    (1 + h**2 * product) * J1,
                ),
            )
        )

    def instances(self) -> SearchStrategy[SeparableStep]:
        return _steps()

    def measure(self, instance: SeparableStep) -> Measurement:
        return instance.defect()

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        ridge = RidgeEnergy(np.array([[1.0]]), np.zeros(1), np.ones(1), 1.0)
        x = np.array([0.5, -0.25])
        written_as_euler = SeparableStep(ridge, ridge, Euler, x, 0.25)

        def verlet_with_friction() -> Measurement:
            # Half a kick, drift, half a kick, with the force of a damped pendulum.
            def step(y: State) -> State:
                q, p = np.split(y, 2, axis=-1)
                p = p + 0.125 * (-np.sin(q) - 0.1 * p)
                q = q + 0.25 * p
                p = p + 0.125 * (-np.sin(q) - 0.1 * p)
                return np.concatenate([q, p], axis=-1)

            D = step_jacobian(step, x)
            return Measurement(symplectic_defect(D), 0.0, ALLOWANCE, "=", "defect")

        def not_a_gradient() -> Measurement:
            turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
            system = SeparableSystem(lambda t, p: p, lambda t, q: q @ turn, 4, autonomous=True)
            return _defect(StormerVerlet, system, np.array([0.5, -0.25, 1.0, 0.0]), 0.25)

        return (
            Mutant(
                "symplectic Euler written as Euler",
                "both halves from the old values",
                written_as_euler.defect,
            ),
            Mutant(
                "velocity-dependent force",
                "Störmer–Verlet on ṗ = −sin q − p/10",
                verlet_with_friction,
            ),
            Mutant("a force without potential", "ṗ = g(q), g no gradient", not_a_gradient),
        )


def _shear(name: str, factor: sympy.Expr, *, lower: bool) -> sympy.Matrix:
    """[[I, 0], [factor·S, I]] or its transposed block pattern, S symmetric 2 × 2."""
    a, b, c = sympy.symbols(f"{name}11 {name}12 {name}22")
    block = factor * sympy.Matrix([[a, b], [b, c]])
    unit, zero = sympy.eye(2), sympy.zeros(2, 2)
    rows = [[unit, zero], [block, unit]] if lower else [[unit, block], [zero, unit]]
    return sympy.Matrix(sympy.BlockMatrix(rows))


def _defect(method: Method, system: SeparableSystem, x: FloatArray, h: float) -> Measurement:
    D = step_jacobian(lambda y: method.step(system, 0.0, y, h), x)
    size = 1 + float(np.linalg.norm(D, 2)) ** 2
    return Measurement(symplectic_defect(D), 0.0, ALLOWANCE * size, "=", "defect")
