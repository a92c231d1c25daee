"""F3: coupled layers keep volume and are inverted explicitly, whatever their weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source, tightest
from ...measuring import rounding_allowance
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .smooth_networks import arrays, step_sizes
from .step_jacobian import ALLOWANCE, step_jacobian


@dataclass(frozen=True)
class CoupledLayer:
    """x⁺ = x + h tanh(Av + a), v⁺ = v + h tanh(Bx⁺ + b) with k and m coordinates."""

    A: FloatArray
    a: FloatArray
    B: FloatArray
    b: FloatArray
    h: float

    def __call__(self, y: FloatArray) -> FloatArray:
        x, v = self._halves(y)
        x = x + self.h * np.tanh(v @ self.A.T + self.a)
        v = v + self.h * np.tanh(x @ self.B.T + self.b)
        return np.concatenate([x, v], axis=-1)

    def inverse(self, y: FloatArray) -> FloatArray:
        """The steps back, in the other order."""
        x, v = self._halves(y)
        v = v - self.h * np.tanh(x @ self.B.T + self.b)
        x = x - self.h * np.tanh(v @ self.A.T + self.a)
        return np.concatenate([x, v], axis=-1)

    def from_old_values(self, y: FloatArray) -> FloatArray:
        """Plain Euler: both halves see the old values."""
        x, v = self._halves(y)
        new_x = x + self.h * np.tanh(v @ self.A.T + self.a)
        new_v = v + self.h * np.tanh(x @ self.B.T + self.b)
        return np.concatenate([new_x, new_v], axis=-1)

    def _halves(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        return y[..., : len(self.a)], y[..., len(self.a) :]


@st.composite
def coupled_layers(draw: st.DrawFn, k: int, m: int) -> CoupledLayer:
    """Layers on (x, v) in R^(k + m)."""
    return CoupledLayer(
        draw(arrays(k, m, size=2.0)),
        draw(arrays(k)),
        draw(arrays(m, k, size=2.0)),
        draw(arrays(m)),
        draw(step_sizes(1.0)),
    )


class CoupledLayers(Claim[tuple[CoupledLayer, FloatArray]]):
    name = "F3.coupled_layer"
    title = "Coupled layers have determinant 1 and an explicit inverse"
    statement = (
        r"x^+ = x + h\Sigma(Av + a),\ v^+ = v + h\Sigma(Bx^+ + b) \;\Rightarrow\; \det D = 1,"
        r"\quad v = v^+ - h\Sigma(Bx^+ + b),\ x = x^+ - h\Sigma(Av + a)"
    )
    assumptions = (
        Assumption(
            r"A \in \mathbb{R}^{k \times m},\ B \in \mathbb{R}^{m \times k},\ a, b",
            "any weights; the two halves may differ in size",
        ),
        Assumption(r"\Sigma", "any activation; differentiable for the determinant"),
        Assumption(r"h \in \mathbb{R}", "any step"),
    )
    source = Source("paper, volume-preserving networks", "P")

    def prove(self) -> Proof:
        h = sympy.Symbol("h")
        x, v = (sympy.Matrix(sympy.symbols(f"{name}0:2")) for name in "xv")
        F, G = _smooth_maps("F", v), _smooth_maps("G", x)
        first = sympy.Matrix.vstack(x + h * F, v).jacobian(sympy.Matrix.vstack(x, v))
        second = sympy.Matrix.vstack(x, v + h * G).jacobian(sympy.Matrix.vstack(x, v))
        unit, zero = sympy.eye(2), sympy.zeros(2, 2)
        P, Q = (sympy.Matrix(2, 2, sympy.symbols(f"{name}0:4")) for name in "pq")
        shear_x = sympy.Matrix(sympy.BlockMatrix([[unit, P], [zero, unit]]))
        shear_v = sympy.Matrix(sympy.BlockMatrix([[unit, zero], [Q, unit]]))
        s, w = sympy.symbols("x v")
        f, g = sympy.Function("F"), sympy.Function("G")
        new_x = s + h * f(w)
        new_v = w + h * g(new_x)
        back_v = new_v - h * g(new_x)
        euler = sympy.Matrix([s + h * f(w), w + h * g(s)]).jacobian([s, w])
        D = sympy.Matrix([new_x, new_v]).jacobian([s, w])
        field = sympy.Matrix.vstack(F, G).jacobian(sympy.Matrix.vstack(x, v))
        return Proof(
            (
                prove_identity(
                    r"the field $(F(v), G(x))$ has divergence 0, for arbitrary smooth $F, G$ of"
                    " two variables: its flow keeps volume (Liouville)",
                    field.trace(),
                    0,
                ),
                prove_identity(
                    r"each half step is a shear of determinant 1 ($k = m = 2$)",
                    sympy.Matrix([first.det(), second.det()]),
                    sympy.ones(2, 1),
                ),
                prove_identity(
                    "and so is their product, for arbitrary off-diagonal blocks",
                    (shear_v * shear_x).det(),
                    1,
                ),
                prove_identity(
                    "the whole layer written out, $k = m = 1$: determinant 1", D.det(), 1
                ),
                prove_identity(
                    "and its explicit inverse, for arbitrary functions $F$ and $G$",
                    sympy.Matrix([new_x - h * f(back_v), back_v]),
                    sympy.Matrix([s, w]),
                ),
                prove_identity(
                    "both halves from the old values: $\\det D = 1 - h^2F'(v)G'(x)$",
                    euler.det(),
                    1 - h**2 * sympy.diff(f(w), w) * sympy.diff(g(s), s),
                ),
                cited(
                    "the same for every $k$ and $m$",
                    "a block-triangular matrix with unit blocks has determinant 1",
                ),
            )
        )

    def instances(self) -> SearchStrategy[tuple[CoupledLayer, FloatArray]]:
        sizes = st.tuples(st.integers(1, 3), st.integers(1, 3))
        return sizes.flatmap(lambda km: st.tuples(coupled_layers(*km), strategies.points(sum(km))))

    def measure(self, instance: tuple[CoupledLayer, FloatArray]) -> Measurement:
        layer, y = instance
        back = _returns(layer.inverse(layer(y)), y)
        return tightest(_keeps_volume(layer, y), back)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        unit = np.eye(1)
        layer = CoupledLayer(unit, np.zeros(1), unit, np.zeros(1), 0.5)
        y = np.array([0.5, -0.25])

        def averaged(z: FloatArray) -> FloatArray:
            return 0.5 * (z + layer(z))

        def same_order(z: FloatArray) -> FloatArray:
            return CoupledLayer(layer.A, layer.a, layer.B, layer.b, -layer.h)(z)

        return (
            Mutant(
                "both halves from the old values",
                "plain Euler keeps volume",
                lambda: _keeps_volume(layer.from_old_values, y),
            ),
            Mutant(
                "residual connection around the layer",
                "½(y + Ψ(y)) keeps volume",
                lambda: _keeps_volume(averaged, y),
            ),
            Mutant(
                "inverse in the same order",
                "the layer with −h inverts the layer with h",
                lambda: _returns(same_order(layer(y)), y),
            ),
        )


def _smooth_maps(name: str, arguments: sympy.Matrix) -> sympy.Matrix:
    return sympy.Matrix([sympy.Function(f"{name}{i}")(*arguments) for i in range(2)])


def _keeps_volume(mapping: Callable[[FloatArray], FloatArray], y: FloatArray) -> Measurement:
    D = step_jacobian(mapping, y)
    # |det D − det D'| ≤ n·‖D‖ⁿ⁻¹‖D − D'‖.
    allowance = ALLOWANCE * len(y) * float(np.linalg.norm(D, 2)) ** (len(y) - 1)
    return Measurement(float(np.linalg.det(D)), 1.0, allowance, "=", "determinant")


def _returns(back: FloatArray, y: FloatArray) -> Measurement:
    error = float(np.abs(back - y).max())
    size = 100 * (1 + float(np.abs(y).max()))
    return Measurement(error, 0.0, rounding_allowance(size), "=", "distance to the start")
