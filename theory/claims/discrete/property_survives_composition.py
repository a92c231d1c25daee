"""A2: what every layer has, the network has: non-expansive, an integral, symplectic, volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import Euler, GradientField, VectorField, canonical_structure, euler_step, relu
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import difference_quotient, rounding_allowance
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from ..structure.coupled_layer import coupled_layers
from ..structure.gradient_modules import module_networks
from ..structure.mass_field import mass_kept, mass_system
from ..structure.smooth_networks import Network, networks
from ..structure.step_jacobian import ALLOWANCE, step_jacobian, symplectic_defect

Property = Literal["non-expansive", "mass", "symplectic", "volume"]
Map = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class EulerLayer:
    """x + h·f(x)."""

    field: VectorField
    h: float

    def __call__(self, x: FloatArray) -> FloatArray:
        return euler_step(self.field, x, self.h)


@dataclass(frozen=True)
class MassLayer:
    """One Euler step of ẋ = (M(x) − M(x)ᵀ)1."""

    network: Network
    h: float

    def __call__(self, x: FloatArray) -> FloatArray:
        return Euler.step(mass_system(self.network), 0.0, x, self.h)


@dataclass(frozen=True)
class StructuredNetwork:
    """Layers that share a property, the point at which to look, and a second one to compare."""

    kept: Property
    layers: tuple[Map, ...]
    x: FloatArray
    y: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        for layer in self.layers:
            x = layer(x)
        return x


@st.composite
def _networks(draw: st.DrawFn, kept: Property) -> StructuredNetwork:
    n = 2 * draw(st.integers(1, 2)) if kept == "symplectic" else draw(st.integers(2, 4))
    layers = st.lists(_layer(kept, n), min_size=1, max_size=4)
    return StructuredNetwork(kept, tuple(draw(layers)), *draw(strategies.point_pairs(n)))


def _layer(kept: Property, n: int) -> SearchStrategy[Map]:
    if kept == "mass":
        return st.builds(MassLayer, networks(n, n * n), st.floats(-0.5, 0.5))
    if kept == "symplectic":
        return module_networks(n // 2)
    if kept == "volume":
        return coupled_layers(n - 1, 1)
    matrices = strategies.matrices(columns=n, sigma_max=1.0)
    fields = matrices.flatmap(lambda A: strategies.gradient_fields(A))
    return st.builds(EulerLayer, fields, st.floats(0.0, 2.0))


class Composition(Claim[StructuredNetwork]):
    name = "A2.composition"
    title = "A network inherits what all of its layers have, whatever their weights"
    statement = (
        r"\mathrm{Lip}(\Psi_2\Psi_1) \le \mathrm{Lip}(\Psi_2)\,\mathrm{Lip}(\Psi_1);"
        r"\quad I \circ \Psi_i = I \Rightarrow I \circ \Psi_2\Psi_1 = I;"
        r"\quad D_i^TJD_i = J \Rightarrow (D_2D_1)^TJ(D_2D_1) = J;"
        r"\quad \det D_2D_1 = \det D_2 \det D_1"
    )
    assumptions = (
        Assumption(r"\Psi_i", "layers; each has the property everywhere it is evaluated"),
        Assumption(r"I, J, |\cdot|", "the same integral, form and norm for all layers"),
        Assumption(r"D_i", "Jacobians, where the layers are differentiable"),
    )
    source = Source("paper, the recipe for structured networks", "P")

    def prove(self) -> Proof:
        J = sympy.Matrix(canonical_structure(2))
        D1, D2 = (sympy.Matrix(4, 4, sympy.symbols(f"{name}0:16")) for name in "de")
        P, Q = (sympy.Matrix(3, 3, sympy.symbols(f"{name}0:9")) for name in "pq")
        d0, d1, d2, l1, l2, i0, i1, i2 = z3.Reals("d_0 d_1 d_2 L_1 L_2 I_0 I_1 I_2")
        product = D2 * D1
        return Proof(
            (
                prove_by_smt(
                    r"$|\Psi_1x - \Psi_1y| \le L_1|x - y|$ and the same for $\Psi_2$ at the points"
                    r" $\Psi_1x, \Psi_1y$ give the factor $L_1L_2$",
                    name="lipschitz",
                    given=[d0 >= 0, l2 >= 0, d1 <= l1 * d0, d2 <= l2 * d1],
                    show=d2 <= l1 * l2 * d0,
                ),
                prove_by_smt(
                    r"$I(\Psi_2(\Psi_1x)) = I(\Psi_1x) = I(x)$",
                    name="integral",
                    given=[i2 == i1, i1 == i0],
                    show=i2 == i0,
                ),
                cited(r"$D(\Psi_2 \circ \Psi_1)(x) = D_2(\Psi_1x)\,D_1(x)$", "chain rule"),
                prove_identity(
                    r"$(D_2D_1)^TJ(D_2D_1) - J = D_1^T(D_2^TJD_2 - J)D_1 + (D_1^TJD_1 - J)$ for"
                    r" arbitrary $4 \times 4$ matrices",
                    product.T * J * product - J,
                    D1.T * (D2.T * J * D2 - J) * D1 + (D1.T * J * D1 - J),
                ),
                prove_identity(
                    r"$\det D_2D_1 = \det D_2 \det D_1$ for arbitrary $3 \times 3$ matrices",
                    (P * Q).det(),
                    P.det() * Q.det(),
                ),
                cited(
                    "the same for any number of layers and any dimension", "induction; Cauchy–Binet"
                ),
            )
        )

    def instances(self) -> SearchStrategy[StructuredNetwork]:
        kinds: list[Property] = ["non-expansive", "mass", "symplectic", "volume"]
        return st.sampled_from(kinds).flatmap(lambda kept: _networks(kept))

    def measure(self, instance: StructuredNetwork) -> Measurement:
        return _measure(instance.kept, instance, instance.x, instance.y)

    def witness(self) -> Witness:
        layer = EulerLayer(GradientField([[1.0]], activation=relu()), 1.0)
        network = StructuredNetwork("non-expansive", (layer,) * 3, -np.ones(1), -2 * np.ones(1))
        return Witness("three layers where ReLU is 0", self.measure(network))

    def mutants(self) -> Sequence[Mutant]:
        x, y = np.array([1.0, 0.5]), np.array([0.5, -0.25])
        network = Network(np.eye(2), np.zeros(2), np.arange(8.0).reshape(4, 2))
        turn, shear = _rotation(1.0), np.array([[1.0, 2.0], [0.0, 1.0]])
        mass_layer = MassLayer(network, 0.5)
        # A rotation is an isometry; in the norm |shear·x| so is its conjugate.
        conjugate = np.linalg.solve(shear, turn @ shear)

        def keeps_weighted_mass(z: FloatArray) -> FloatArray:
            moved = network.skew(z).sum(-1)
            return np.asarray(z + 0.5 * moved / np.array([1.0, 2.0]))

        return (
            Mutant(
                "average of symplectic maps",
                "½(Ψ₁ + Ψ₂), the identity and a rotation",
                lambda: _measure("symplectic", lambda z: 0.5 * (z + z @ turn.T), x, y),
            ),
            Mutant(
                "residual connection around a mass-preserving map",
                "x + hΨ(x), h = ½",
                lambda: _measure("mass", lambda z: z + 0.5 * mass_layer(z), x, y),
            ),
            Mutant(
                "residual connection around an isometry",
                "x + Ψ(x) is non-expansive",
                lambda: _measure("non-expansive", lambda z: z + z @ _rotation(0.5).T, x, y),
            ),
            Mutant(
                "a norm for each layer",
                "each layer is an isometry in a norm of its own",
                lambda: _measure(
                    "non-expansive", lambda z: z @ turn.T @ conjugate.T, x, x + np.array([0.0, 1.0])
                ),
            ),
            Mutant(
                "an integral for each layer",
                "one layer keeps x₁ + x₂, the other x₁ + 2x₂",
                lambda: _measure("mass", lambda z: keeps_weighted_mass(mass_layer(z)), x, y),
            ),
        )


def _rotation(angle: float) -> FloatArray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s], [s, c]])


def _measure(kept: Property, mapping: Map, x: FloatArray, y: FloatArray) -> Measurement:
    if kept == "mass":
        return mass_kept(x, mapping(x))
    if kept == "non-expansive":
        size = 10 * (1 + float(np.linalg.norm(x) + np.linalg.norm(y)))
        allowance = rounding_allowance(size, float(np.linalg.norm(x - y)))
        return Measurement(difference_quotient(mapping, x, y), 1.0, allowance, what="factor")
    D = step_jacobian(mapping, x)
    norm = 1 + float(np.linalg.norm(D, 2))
    if kept == "symplectic":
        return Measurement(symplectic_defect(D), 0.0, ALLOWANCE * norm**2, "=", "defect")
    allowance = ALLOWANCE * len(x) * norm ** (len(x) - 1)
    return Measurement(float(np.linalg.det(D)), 1.0, allowance, "=", "determinant")
