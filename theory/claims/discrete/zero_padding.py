"""D7: zero padding breaks strict contraction, even of an exactly orthogonal kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import GradientField, convolution_matrix, leaky_relu
from ....numerics.convolution import Padding
from ....numerics.validation import FloatArray
from ... import strategies
from ...bounds import bound_contractive_factor, formula_contractive_factor
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof
from ...proof.algebra import SYMBOLIC, prove_identity
from ...proof.smt import SmtArithmetic, prove_by_smt


@dataclass(frozen=True)
class ConvolutionStep:
    """The step x − hAᵀΣ(Ax) with a zero-padded convolution A on a small image."""

    kernel: FloatArray
    size: int
    a: float
    h: float
    padding: Padding = "zero"

    def matrix(self) -> FloatArray:
        return convolution_matrix(self.kernel, self.size, self.size, self.padding)

    def singular_values(self) -> tuple[float, float]:
        values = np.linalg.svd(self.matrix(), compute_uv=False)
        return float(values[-1]), float(values[0])

    def attained_factor(self) -> float:
        """The norm of the Jacobian where all slopes are a or all are 1: both are reachable."""
        A = self.matrix()
        field = GradientField(A, activation=leaky_relu(self.a))
        unit = np.eye(A.shape[1])
        biased = (
            GradientField(A, side * 10.0 * np.ones(len(A)), field.activation) for side in (-1, 1)
        )
        zero = np.zeros(A.shape[1])
        return max(float(np.linalg.norm(unit + self.h * f.jacobian(zero), 2)) for f in biased)


def shift_kernel() -> FloatArray:
    """One 3 × 3 tap beside the centre: paraunitary, its symbol has modulus 1 everywhere."""
    kernel = np.zeros((1, 1, 3, 3))
    kernel[0, 0, 1, 0] = 1.0
    return kernel


@st.composite
def _paraunitary_steps(draw: st.DrawFn) -> ConvolutionStep:
    """Two channels: Q₁·diag(shift, shift')·Q₂ with orthogonal Q₁, Q₂ is paraunitary."""
    Q1, Q2 = draw(strategies.orthogonal_matrices(2)), draw(strategies.orthogonal_matrices(2))
    kernel = np.zeros((2, 2, 3, 3))
    for channel in range(2):
        row, column = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        kernel[:, :, row, column] += np.outer(Q1[:, channel], Q2[channel])
    return ConvolutionStep(
        kernel, draw(st.integers(2, 4)), draw(strategies.slopes()), draw(st.floats(0.0, 2.5))
    )


class ZeroPadding(Claim[ConvolutionStep]):
    name = "D7.zero_padding"
    title = "Zero padding breaks strict contraction"
    statement = (
        r"A \text{ zero-padded, paraunitary kernel}: \sigma_{\min}(A) \text{ may be } 0,"
        r"\ \mathrm{Lip} \le \max(|1 - ha\sigma_{\min}^2|, |1 - h\sigma_{\max}^2|) \text{ holds},"
        r"\ \max(|1 - ah|, |1 - h|) \text{ does not}"
    )
    assumptions = (
        Assumption(
            r"|\hat K(\omega)| = 1", "a paraunitary kernel: orthogonal if padded circularly"
        ),
        Assumption(r"\sigma' \in [a, 1]", "slopes of the activation"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        omega = sympy.Symbol("omega", real=True)
        symbol = sympy.exp(sympy.I * omega)
        zero = sympy.Matrix(convolution_matrix(shift_kernel(), 2, 3).astype(int))
        circular = sympy.Matrix(convolution_matrix(shift_kernel(), 2, 3, "circular").astype(int))
        lost = sympy.Matrix([0, 0, 1, 0, 0, 0])
        on = SmtArithmetic()
        a, h, low, high = z3.Reals("a h sigma_min sigma_max")
        half = sympy.Rational(1, 2)
        return Proof(
            (
                prove_identity(
                    r"the shift kernel is paraunitary: $|\hat K(\omega)|^2 = 1$",
                    sympy.expand(symbol * sympy.conjugate(symbol)),
                    1,
                ),
                prove_identity(
                    r"circular padding keeps it orthogonal: $A^TA = I$ (a $2 \times 3$ image)",
                    circular.T * circular,
                    sympy.eye(6),
                ),
                prove_identity(
                    "zero padding loses a border pixel: $Ae_3 = 0$, so $\\sigma_{\\min} = 0$",
                    zero * lost,
                    sympy.zeros(6, 1),
                ),
                prove_identity(
                    r"so the step does not move it: factor 1, where $\max(|1 - ah|, |1 - h|)"
                    r" = \tfrac12$ for $a = \tfrac12$, $h = 1$ and the general factor is 1",
                    sympy.Matrix(
                        [
                            formula_contractive_factor(SYMBOLIC, half, sympy.Integer(1)),
                            formula_contractive_factor(SYMBOLIC, half, sympy.Integer(1), 0, 1),
                        ]
                    ),
                    sympy.Matrix([half, 1]),
                ),
                prove_by_smt(
                    r"what remains: $h \le 2/\sigma_{\max}^2$ is non-expansive for every"
                    r" $\sigma_{\min} \le \sigma_{\max}$",
                    name="still-nonexpansive",
                    given=[a >= 0, a <= 1, low >= 0, high >= low, h >= 0, h * high**2 <= 2],
                    show=formula_contractive_factor(on, a, h, low, high) <= 1,
                ),
            )
        )

    def instances(self) -> SearchStrategy[ConvolutionStep]:
        return _paraunitary_steps()

    def measure(self, instance: ConvolutionStep) -> Measurement:
        claimed = float(
            bound_contractive_factor(instance.a, instance.h, *instance.singular_values())
        )
        return Measurement(instance.attained_factor(), claimed, 1e-10, what="factor")

    def witness(self) -> Witness:
        step = ConvolutionStep(shift_kernel(), 4, 0.5, 1.0)
        return Witness("the shift kernel on 4 × 4, a = ½, h = 1", self.measure(step))

    def mutants(self) -> Sequence[Mutant]:
        step = ConvolutionStep(shift_kernel(), 4, 0.5, 1.0)
        circular = ConvolutionStep(shift_kernel(), 4, 0.5, 1.0, "circular")
        return (
            Mutant(
                "orthogonal-case factor",
                "max(|1 − ah|, |1 − h|), which needs AᵀA = I",
                lambda: Measurement(
                    step.attained_factor(), float(bound_contractive_factor(0.5, 1.0)), what="factor"
                ),
            ),
            Mutant(
                "symbol's minimum",
                "σ_min taken from the circular operator, whose smallest singular value is 1",
                lambda: Measurement(
                    step.attained_factor(),
                    float(bound_contractive_factor(0.5, 1.0, *circular.singular_values())),
                    1e-10,
                    what="factor",
                ),
            ),
        )
