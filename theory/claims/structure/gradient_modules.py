"""F2: gradient modules, the layers (q, p + Aᵀdiag(α)Σ(Aq + b)), are symplectic and invertible."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import canonical_structure
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .smooth_networks import RidgeEnergy, energies
from .step_jacobian import ALLOWANCE, step_jacobian, symplectic_defect


@dataclass(frozen=True)
class ModuleNetwork:
    """Modules that change p by ∇U(q), and q by ∇U(p), in turn."""

    potentials: tuple[RidgeEnergy, ...]

    def __call__(self, x: FloatArray) -> FloatArray:
        q, p = np.split(x, 2, axis=-1)
        for i, potential in enumerate(self.potentials):
            if i % 2 == 0:
                p = p + potential.gradient(q)
            else:
                q = q + potential.gradient(p)
        return np.concatenate([q, p], axis=-1)


@st.composite
def module_networks(draw: st.DrawFn, d: int) -> ModuleNetwork:
    """One to four modules on (q, p) in R^2d."""
    return ModuleNetwork(tuple(draw(st.lists(energies(d), min_size=1, max_size=4))))


class GradientModules(Claim[tuple[ModuleNetwork, FloatArray]]):
    name = "F2.gradient_modules"
    title = "Gradient modules are symplectic, whatever their weights"
    statement = (
        r"\Psi(q, p) = \big(q,\ p + A^T\mathrm{diag}(\alpha)\,\Sigma(Aq + b)\big)"
        r" \;\Rightarrow\; D^TJD = J"
    )
    assumptions = (
        Assumption(r"A \in \mathbb{R}^{m \times d},\ \alpha, b \in \mathbb{R}^m", "any weights"),
        Assumption(r"\Sigma", "any differentiable activation"),
    )
    source = Source("paper, symplectic networks", "P")

    def prove(self) -> Proof:
        q, p = (sympy.Matrix(sympy.symbols(f"{name}0:2")) for name in "qp")
        A = sympy.Matrix(3, 2, sympy.symbols("a0:6"))
        b, alpha = (sympy.symbols(f"{name}0:3") for name in ("b", "alpha"))
        sigma = sympy.Function("sigma")
        J = sympy.Matrix(canonical_structure(2))
        force = A.T * sympy.Matrix([alpha[i] * sigma((A * q)[i] + b[i]) for i in range(3)])
        x = sympy.Matrix.vstack(q, p)
        D = sympy.Matrix.vstack(q, p + force).jacobian(x)
        # The module that moves q instead is this one between two exchanges of q and p.
        exchange = sympy.Matrix(np.roll(np.eye(4, dtype=int), 2, axis=0))
        upper = exchange * D * exchange
        f0, f1 = sympy.Function("f0")(*q), sympy.Function("f1")(*q)
        general = sympy.Matrix.vstack(q, p + sympy.Matrix([f0, f1])).jacobian(x)
        curl = sympy.diff(f0, q[1]) - sympy.diff(f1, q[0])
        only = sympy.zeros(4, 4)
        only[0, 1], only[1, 0] = curl, -curl
        return Proof(
            (
                prove_identity(
                    r"$D^TJD = J$ for $d = 2$, a symbolic $3 \times 2$ matrix $A$ and an arbitrary"
                    r" smooth $\sigma$",
                    D.T * J * D,
                    J,
                ),
                prove_identity(
                    r"and for the module that changes $q$ by a gradient of $p$",
                    upper.T * J * upper,
                    J,
                ),
                prove_identity(
                    r"$(q, p + f(q))$ has $D^TJD - J = \pm(\partial_2f_1 - \partial_1f_2)$ in its"
                    r" two entries of $q$: it is symplectic if and only if $f$ is a gradient",
                    general.T * J * general - J,
                    only,
                ),
                prove_identity(
                    r"the inverse is $(q, p - A^T\mathrm{diag}(\alpha)\Sigma(Aq + b))$",
                    (p + force) - force,
                    p,
                ),
                cited("networks of modules are symplectic", "claim A2.composition"),
            )
        )

    def instances(self) -> SearchStrategy[tuple[ModuleNetwork, FloatArray]]:
        return st.integers(1, 2).flatmap(
            lambda d: st.tuples(module_networks(d), strategies.points(2 * d))
        )

    def measure(self, instance: tuple[ModuleNetwork, FloatArray]) -> Measurement:
        return _against(*instance)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        A = np.array([[1.0, 0.5], [0.0, 1.0]])
        alpha = np.array([1.0, 2.0])
        potential = RidgeEnergy(np.array([[1.0]]), np.zeros(1), np.ones(1))
        x, y = np.array([0.5, -0.25, 1.0, 0.0]), np.array([0.5, -0.25])

        def lower(force: Callable[[FloatArray, FloatArray], FloatArray]) -> Measurement:
            def module(z: FloatArray) -> FloatArray:
                q, p = np.split(z, 2, axis=-1)
                return np.concatenate([q, p + force(q, p)], axis=-1)

            return _against(module, x)

        def both_at_once(z: FloatArray) -> FloatArray:
            q, p = np.split(z, 2, axis=-1)
            return np.concatenate([q + potential.gradient(p), p + potential.gradient(q)], axis=-1)

        return (
            Mutant(
                "no transpose",
                "A diag(α) Σ(Aq + b) with a square A",
                lambda: lower(lambda q, p: (alpha * np.tanh(q @ A.T)) @ A.T),
            ),
            Mutant(
                "diagonal on the wrong side",
                "diag(α) AᵀΣ(Aq + b), the authors' appendix code",
                lambda: lower(lambda q, p: alpha * (np.tanh(q @ A.T) @ A)),
            ),
            Mutant(
                "force that depends on the momentum",
                "p + AᵀΣ(Aq + p)",
                lambda: lower(lambda q, p: np.tanh(q @ A.T + p) @ A),
            ),
            Mutant(
                "both halves from the old values",
                "(q + ∇U(p), p + ∇U(q))",
                lambda: _against(both_at_once, y),
            ),
        )


def _against(mapping: Callable[[FloatArray], FloatArray], x: FloatArray) -> Measurement:
    D = step_jacobian(mapping, x)
    size = 1 + float(np.linalg.norm(D, 2)) ** 2
    return Measurement(symplectic_defect(D), 0.0, ALLOWANCE * size, "=", "defect")
