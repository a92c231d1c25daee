"""D2: the sharp factor of an Euler step on a gradient field, any matrix, any sign of the step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import GradientField, leaky_relu
from ....numerics.validation import FloatArray
from ... import strategies
from ...bounds import bound_contractive_factor, formula_contractive_factor
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...measuring import difference_quotient
from ...proof import Proof, cited
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...strategies import LayerStep


class SharpFactor(Claim[LayerStep]):
    name = "D2.sharp_factor"
    title = "The sharp factor of a gradient Euler step"
    statement = (
        r"\mathrm{Lip}\big(x - hA^T\Sigma(Ax + b)\big)"
        r" \le \max\big(|1 - h a\,\sigma_{\min}(A)^2|, |1 - h\,\sigma_{\max}(A)^2|\big)"
    )
    assumptions = (
        Assumption(r"\sigma' \in [a, 1],\ 0 \le a \le 1", "slopes of the activation"),
        Assumption(r"h \in \mathbb{R}", "the step, of any sign"),
        Assumption(
            r"\sigma_{\min} = 0 \text{ if } m < n", "A of shape (m, n), not orthogonal in general"
        ),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        a, h, low, high, eigenvalue = z3.Reals("a h sigma_min sigma_max eigenvalue")
        domain = [a >= 0, a <= 1, low >= 0, high >= low]
        factor = formula_contractive_factor(on, a, h, low, high)
        within = [eigenvalue >= a * low**2, eigenvalue <= high**2]
        return Proof(
            (
                cited(
                    r"the difference quotient is $I - hM$, $M = A^T D A$ symmetric, with"
                    r" eigenvalues in $[a\sigma_{\min}^2, \sigma_{\max}^2]$",
                    "claim D2.matrix_sandwich and the Courant-Fischer theorem",
                ),
                cited(
                    r"$\|I - hM\| = \max_\lambda |1 - h\lambda|$ over the eigenvalues of $M$",
                    "spectral theorem",
                ),
                prove_by_smt(
                    r"$|1 - h\lambda| \le$ the factor for each"
                    r" $\lambda \in [a\sigma_{\min}^2, \sigma_{\max}^2]$",
                    name="eigenvalue",
                    given=[*domain, *within],
                    show=on.absolute(1 - h * eigenvalue) <= factor,
                ),
                prove_by_smt(
                    r"the factor is one of the two end values: $D = aI$ and $D = I$ attain them",
                    name="attained",
                    given=domain,
                    show=z3.Or(
                        factor == on.absolute(1 - h * a * low**2),
                        factor == on.absolute(1 - h * high**2),
                    ),
                ),
            )
        )

    def instances(self) -> SearchStrategy[LayerStep]:
        return strategies.gradient_steps(step=st.floats(-2.0, 8.0))

    def measure(self, instance: LayerStep) -> Measurement:
        matrix = instance.matrix
        claimed = bound_contractive_factor(
            instance.slope, instance.step, matrix.sigma_min, matrix.sigma_max
        )
        return Measurement(
            instance.attained_factor(),
            float(claimed),
            instance.rounding_allowance(),
            what="factor",
        )

    def witness(self) -> Witness:
        # Either end is attained: slope a along σ_min, slope 1 along σ_max.
        A = np.diag([1.0, 2.0])
        low = _against(A, 0.5, 0.125, 1.0, 2.0, side=-1.0)
        high = _against(A, 0.5, 0.75, 1.0, 2.0, side=1.0)
        worse = low if not low.attained else high
        return Witness(
            "A = diag(1, 2), a = ½: h = 1/8, x = (−1, −1), y = (−2, −1) and"
            " h = 3/4, x = (1, 1), y = (1, 2); b = 0",
            worse,
        )

    def mutants(self) -> Sequence[Mutant]:
        tilted = np.diag([1.0, 0.1])
        return (
            Mutant(
                "orthogonal case for any A",
                "σ_min = σ_max = 1 for A = diag(1, 0.1)",
                lambda: _against(tilted, 0.5, 1.0, 1.0, 1.0, side=-1.0),
            ),
            Mutant(
                "spectral norm alone",
                "max(|1 − ah‖A‖²|, |1 − h‖A‖²|) for A = diag(1, 2), h = 1/8",
                lambda: _against(np.diag([1.0, 2.0]), 0.5, 0.125, 2.0, 2.0, side=-1.0),
            ),
            Mutant(
                "wide matrix",
                "σ_min = 1 for A = (1, 0), which has fewer rows than columns",
                lambda: _against(np.array([[0.0, 1.0]]), 0.5, 1.0, 1.0, 1.0, side=-1.0),
            ),
        )


def _against(
    A: FloatArray, a: float, h: float, low: float, high: float, side: float
) -> Measurement:
    """The larger quotient along the two axes, on the negative or the positive side."""
    field = GradientField(A, activation=leaky_relu(a))
    x = side * np.ones(2)
    quotients = (
        difference_quotient(lambda p: p + h * field(p), x, x + side * axis) for axis in np.eye(2)
    )
    claimed = float(bound_contractive_factor(a, h, low, high))
    return tightest(*(Measurement(q, claimed, 1e-12, what="factor") for q in quotients))
