"""D3: an Euler step on a strongly monotone Lipschitz field is non-expansive for h ≤ 2μ/L²."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ... import strategies
from ...bounds import (
    bound_monotone_lipschitz_factor,
    bound_monotone_step,
    formula_monotone_lipschitz_factor,
    formula_monotone_step,
    formula_squared_monotone_lipschitz_factor,
)
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...measuring import logarithmic_norm
from ...proof import Proof
from ...proof.smt import SmtArithmetic, prove_by_smt


@dataclass(frozen=True)
class MonotoneStep:
    """The step x + hBx with −B monotone."""

    B: FloatArray
    h: float

    @property
    def monotonicity(self) -> float:
        return max(-logarithmic_norm(self.B), 0.0)

    @property
    def lipschitz(self) -> float:
        return float(np.linalg.norm(self.B, 2))

    def factor(self) -> float:
        return float(np.linalg.norm(np.eye(len(self.B)) + self.h * self.B, 2))


# −f contracts at rate ½ and rotates: Lipschitz constant 1.
SPIRAL = np.array([[-0.5, -np.sqrt(0.75)], [np.sqrt(0.75), -0.5]])


@st.composite
def _monotone_steps(draw: st.DrawFn) -> MonotoneStep:
    n = draw(st.integers(1, 4))
    M = draw(strategies.matrices(rows=n, columns=n)).entries
    shift = max(logarithmic_norm(M), 0.0) + draw(st.floats(0.01, 1.0))
    return MonotoneStep(M - shift * np.eye(n), draw(st.floats(0.0, 2.0)))


class MonotoneStepClaim(Claim[MonotoneStep]):
    name = "D3.monotone_step"
    title = "Euler steps on strongly monotone Lipschitz fields"
    statement = (
        r"\mathrm{Lip}(x + hf(x)) \le \sqrt{1 - 2h\mu + h^2L^2},"
        r" \quad \le 1 \text{ exactly for } h \le \frac{2\mu}{L^2}"
    )
    assumptions = (
        Assumption(
            r"\langle f(x) - f(y), x - y\rangle \le -\mu|x - y|^2", "−f strongly monotone, μ ≥ 0"
        ),
        Assumption(r"|f(x) - f(y)| \le L|x - y|", "Lipschitz"),
        Assumption(r"h \ge 0", "the step"),
    )
    source = Source("paper, contractive layers; classical", "P")

    def prove(self) -> Proof:
        on = SmtArithmetic()
        h, mu, L, p, q, r = z3.Reals("h mu L p q r")
        domain = [h >= 0, mu >= 0, L >= mu, L > 0]
        squared = formula_squared_monotone_lipschitz_factor(mu, L, h)
        factor = formula_monotone_lipschitz_factor(on, mu, L, h)
        return Proof(
            (
                prove_by_smt(
                    r"$p \le -\mu r$ and $q \le L^2 r$ give"
                    r" $r + 2hp + h^2q \le (1 - 2h\mu + h^2L^2)r$",
                    name="expand",
                    given=[*domain, r >= 0, p <= -mu * r, q <= L**2 * r],
                    show=r + 2 * h * p + h**2 * q <= squared * r,
                ),
                prove_by_smt(
                    "the radicand is not negative",
                    name="radicand",
                    given=domain,
                    show=squared >= 0,
                ),
                prove_by_smt(
                    r"it is $\le 1$ exactly for $h \le 2\mu/L^2$",
                    name="limit",
                    given=[*domain, *on.side_conditions, h > 0],
                    show=(factor <= 1) == (h <= formula_monotone_step(mu, L)),
                ),
            )
        )

    def instances(self) -> SearchStrategy[MonotoneStep]:
        return _monotone_steps()

    def measure(self, instance: MonotoneStep) -> Measurement:
        mu, L = instance.monotonicity, max(instance.lipschitz, instance.monotonicity)
        claimed = float(bound_monotone_lipschitz_factor(mu, L, instance.h))
        allowance = 1e-10 * (1 + instance.h * L)
        return Measurement(instance.factor(), claimed, allowance, what="factor")

    def witness(self) -> Witness:
        limit = float(bound_monotone_step(0.5, 1.0))
        step = MonotoneStep(SPIRAL, limit)
        attained = Measurement(step.factor(), 1.0, what="factor")
        within = self.measure(MonotoneStep(SPIRAL, 0.5))
        return Witness(
            "f = −x/2 rotated by 60°: h = 2μ/L² = 1 has factor 1, h = ½ the stated one",
            attained if within.attained else within,
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "gradient limit",
                "h = 2/L, which needs a gradient field",
                lambda: Measurement(MonotoneStep(SPIRAL, 2.0).factor(), 1.0, what="factor"),
            ),
            Mutant(
                "Lipschitz constant not squared",
                "h = 2μ/L for L = 2",
                lambda: Measurement(MonotoneStep(2 * SPIRAL, 1.0).factor(), 1.0, what="factor"),
            ),
            Mutant(
                "monotone only",
                "μ = 0: a rotation expands at every step",
                lambda: tightest(
                    *(
                        Measurement(MonotoneStep(np.array([[0.0, -1], [1, 0]]), h).factor(), 1.0)
                        for h in (0.1, 1.0)
                    )
                ),
            ),
        )
