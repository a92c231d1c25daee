"""D6: the exact Lipschitz constant of a pair that shares one orthogonal matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...bounds import (
    bound_same_matrix_factor,
    formula_collapsed_map,
    formula_same_matrix_factor,
)
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import difference_quotient
from ...proof import Proof, ProofStep, cited
from ...proof.smt import SmtArithmetic, prove_by_smt
from .collapse import SharedPair, shared_pairs


class SameMatrixFactor(Claim[SharedPair]):
    name = "D6.same_matrix_factor"
    title = "The exact constant of a pair with one orthogonal matrix"
    statement = (
        r"\mathrm{Lip}(\Psi) = \max(|\phi(1)|, |\phi(-1)|);\quad t = \tfrac{h_C}{S} < 1:"
        r"\ (1 - t)^S(1 + h_E) \text{ and } (1 - at)^S(1 + a_E h_E)"
    )
    assumptions = (
        Assumption(r"A \text{ square},\ A^T A = I", "one matrix and bias for all steps"),
        Assumption(r"0 \le a, a_E \le 1", "negative slopes of the two LeakyReLUs"),
        Assumption(r"S \ge 1", "any number of sub-steps"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof(
            (
                cited(
                    r"$\mathrm{Lip}(\Psi) = \mathrm{Lip}(\phi)$, and a positively homogeneous"
                    r" scalar $\phi$ has the two slopes $\phi(1)$ and $-\phi(-1)$",
                    "claim D6.collapse; orthogonal maps keep distances",
                ),
                *_sides(),
                cited(
                    r"so from $y = 1$ and $y = -1$ the closed forms follow, for every $S$",
                    "induction on the sub-steps",
                ),
                _short_steps(1),
                _long_steps(1),
            )
        )

    def instances(self) -> SearchStrategy[SharedPair]:
        return shared_pairs()

    def measure(self, instance: SharedPair) -> Measurement:
        return _against(instance, _bound(instance))

    def witness(self) -> Witness:
        pair = SharedPair(np.eye(1), np.zeros(1), 0.5, 0.0, 0.11, 0.07, 2)
        return Witness("h_C = 0.11, h_E = 0.07, S = 2, a = ½: 0.9555", _against(pair, _bound(pair)))

    def mutants(self) -> Sequence[Mutant]:
        tall, b, z = tall_orthonormal_matrix(), np.array([1.0, 1.0, -2.0]), -1.2
        pair = SharedPair(tall, b, 0.5, 0.0, 0.5, 0.2, 1)
        x = np.array([0.0, z * np.sqrt(3)])
        return (
            Mutant(
                "tall matrix",
                "AᵀA = I with more rows than columns attains the factor of separate matrices",
                lambda: Measurement(
                    difference_quotient(pair.layer, x, x + np.array([1e-3, 0.0])),
                    _bound(pair),
                    1e-9,
                    what="factor",
                ),
            ),
            Mutant(
                "closed form beyond t = 1",
                "the slopes of t ≤ 1 up to t = 2",
                lambda: _short_substep(largest=2),
            ),
            Mutant(
                "expansion on one side only",
                "a_E ignored: the exact constant with a_E = 0 for a_E = 1",
                lambda: _against(
                    SharedPair(np.eye(1), np.zeros(1), 0.5, 1.0, 0.5, 1.0, 1),
                    float(bound_same_matrix_factor(0.5, 0.5, 1.0, 1, 0.0)),
                ),
            ),
        )


def tall_orthonormal_matrix() -> FloatArray:
    """Three rows, two orthonormal columns."""
    return np.array([[1.0, 1.0], [-1.0, 1.0], [0.0, 1.0]]) / np.sqrt([2.0, 3.0])


def _bound(pair: SharedPair) -> float:
    return float(bound_same_matrix_factor(pair.a, pair.h_C, pair.h_E, pair.substeps, pair.a_E))


def _against(pair: SharedPair, claimed: float) -> Measurement:
    """Quotients along both rays of the first component, from the kink: A x + b = ±e₁."""
    origin = -pair.A.T @ pair.b
    quotients = (
        difference_quotient(pair.layer, origin, origin + side * pair.A[0]) for side in (1.0, -1.0)
    )
    return Measurement(max(quotients), claimed, 1e-10 * (1 + claimed), "=", "factor")


def _sides() -> tuple[ProofStep, ...]:
    """What one sub-step does on either side of the kink, and what the expansive step does."""
    on = SmtArithmetic()
    y, a, a_E, t, h_E = z3.Reals("y a a_E t h_E")
    slope = [a >= 0, a <= 1]
    substep = formula_collapsed_map(on, y, a, t, on.number(0), 1)
    expansion = formula_collapsed_map(on, y, a, t, h_E, 0, a_E)
    return (
        _short_substep(),
        prove_by_smt(
            r"$1 \le t \le 1/a$: $y \ge 0$ becomes $(1 - t)y \le 0$, $y \le 0$ becomes"
            r" $(1 - at)y \le 0$",
            name="long-substep",
            given=[*slope, t >= 1, a * t <= 1],
            show=z3.And(
                z3.Implies(y >= 0, z3.And(substep == (1 - t) * y, substep <= 0)),
                z3.Implies(y <= 0, z3.And(substep == (1 - a * t) * y, substep <= 0)),
            ),
        ),
        prove_by_smt(
            r"the expansive step multiplies $y \ge 0$ by $1 + h_E$, $y \le 0$ by $1 + a_Eh_E$",
            name="expansion",
            given=[a_E >= 0, a_E <= 1],
            show=z3.And(
                z3.Implies(y >= 0, expansion == (1 + h_E) * y),
                z3.Implies(y <= 0, expansion == (1 + a_E * h_E) * y),
            ),
        ),
    )


def _short_substep(largest: int = 1) -> ProofStep:
    """A sub-step t ≤ 1 keeps its side; a mutant admits longer ones."""
    on = SmtArithmetic()
    y, a, t = z3.Reals("y a t")
    substep = formula_collapsed_map(on, y, a, t, on.number(0), 1)
    return prove_by_smt(
        r"$0 \le t \le 1$: $y \ge 0$ becomes $(1 - t)y \ge 0$, $y \le 0$ becomes"
        r" $(1 - at)y \le 0$",
        name=f"short-substep-{largest}",
        given=[a >= 0, a <= 1, t >= 0, t <= largest],
        show=z3.And(
            z3.Implies(y >= 0, z3.And(substep == (1 - t) * y, substep >= 0)),
            z3.Implies(y <= 0, z3.And(substep == (1 - a * t) * y, substep <= 0)),
        ),
        expected="unsat" if largest == 1 else "sat",
    )


def _short_steps(S: int) -> ProofStep:
    on = SmtArithmetic()
    a, a_E, t, h_E = z3.Reals("a a_E t h_E")
    up, down = (1 - t) ** S * (1 + h_E), (1 - a * t) ** S * (1 + a_E * h_E)
    return prove_by_smt(
        rf"$S = {S}$, $t \le 1$: the slopes are $(1 - t)^S(1 + h_E)$, $(1 - at)^S(1 + a_Eh_E)$",
        name=f"short-S{S}",
        given=[a >= 0, a <= 1, a_E >= 0, a_E <= 1, t >= 0, t <= 1, h_E >= 0],
        show=formula_same_matrix_factor(on, a, S * t, h_E, S, a_E)
        == on.maximum(on.absolute(up), on.absolute(down)),
    )


def _long_steps(S: int) -> ProofStep:
    on = SmtArithmetic()
    a, t, h_E = z3.Reals("a t h_E")
    up, down = (1 - t) * (1 - a * t) ** (S - 1), (1 - a * t) ** S
    return prove_by_smt(
        rf"$S = {S}$, $1 \le t \le 1/a$, $a_E = 0$: the slopes are"
        r" $(1 - t)(1 - at)^{S-1}$ and $(1 - at)^S$, without $h_E$",
        name=f"long-S{S}",
        given=[a >= 0, a <= 1, t >= 1, a * t <= 1, h_E >= 0],
        show=formula_same_matrix_factor(on, a, S * t, h_E, S)
        == on.maximum(on.absolute(up), on.absolute(down)),
    )
