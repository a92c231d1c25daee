"""D6: sharing one orthogonal matrix is strictly better than separate matrices."""

from __future__ import annotations

from collections.abc import Sequence

import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...bounds import (
    bound_same_matrix_factor,
    formula_collapsed_map,
    formula_contractive_factor,
    formula_expansive_layer_factor,
    formula_same_matrix_factor,
)
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep, cited
from ...proof.smt import SmtArithmetic, prove_by_smt
from ...step_regions import StepRegion

Case = tuple[float, float, float, int]


class SharingHelps(Claim[Case]):
    name = "D6.sharing_helps"
    title = "One shared orthogonal matrix beats separate ones, strictly"
    statement = (
        r"\max(|\phi(1)|, |\phi(-1)|) < (1 + h_E)\max(|1 - \tfrac{h_C}{S}|,"
        r" |1 - a\tfrac{h_C}{S}|)^S"
    )
    assumptions = (
        Assumption(r"0 \le a < 1", "slope of the contractive LeakyReLU"),
        Assumption(r"a_E = 0", "the expansive activation is ReLU"),
        Assumption(r"h_C, h_E > 0", "true steps"),
        Assumption(r"S \ge 1", "any number of sub-steps"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof(
            (
                *_chain(),
                cited(
                    r"with $X = k^S$: $|\phi(\pm 1)| < (1 + h_E)k^S$ for every $S$",
                    "induction on the sub-steps; the last one decides the strict inequality",
                ),
                _strictly(1),
                _strictly(2),
            )
        )

    def instances(self) -> SearchStrategy[Case]:
        return st.tuples(
            st.floats(0.0, 1.0), st.floats(0.0, 8.0), st.floats(0.0, 3.0), st.integers(1, 6)
        )

    def measure(self, instance: Case) -> Measurement:
        a, h_C, h_E, S = instance
        shared = float(bound_same_matrix_factor(a, h_C, h_E, S))
        separate = float(StepRegion("whole_expansive", "sharp", S, a).bound_factor(h_C, h_E))
        return Measurement(shared, separate, 1e-12 * (1 + separate), what="shared factor")

    def witness(self) -> Witness:
        return Witness(
            "a = ½, h_C = 0.11, h_E = 0.07, S = 2",
            self.measure((0.5, 0.11, 0.07, 2)),
            gap="strict: no step expands the side that the sub-steps contract least",
        )

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "linear activation",
                "a = 1 admitted: both sides contract alike",
                lambda: _strictly(1, name="linear", largest_slope=True),
            ),
            Mutant(
                "linear expansion",
                "a_E = 1: the expansive step does not distinguish the sides",
                lambda: _strictly(1, name="linear-expansion", a_E=1),
            ),
        )


def _chain() -> tuple[ProofStep, ...]:
    """One sub-step, y to z, against k = max(|1 − t|, |1 − at|); then the expansive step."""
    on = SmtArithmetic()
    y, z, a, t, h_E, X = z3.Reals("y z a t h_E X")
    domain = [a >= 0, a < 1, t > 0]
    k = formula_contractive_factor(on, a, t)
    after = formula_collapsed_map(on, y, a, t, on.number(0), 1)
    expanded = formula_collapsed_map(on, z, a, t, h_E, 0)
    return (
        prove_by_smt(
            r"$k = \max(|1 - t|, |1 - at|) > 0$, and one sub-step $y \mapsto z$ has"
            r" $|z| \le k|y|$",
            name="substep",
            given=domain,
            show=z3.And(k > 0, on.absolute(after) <= k * on.absolute(y)),
        ),
        prove_by_smt(
            r"strictly if $z > 0$: such a sub-step never contracts least",
            name="positive-side",
            given=[*domain, after > 0],
            show=after < k * on.absolute(y),
        ),
        prove_by_smt(
            r"$|z| \le X$, strictly if $z > 0$, gives"
            r" $|z + h_E\max(z, 0)| < (1 + h_E)X$",
            name="expansion",
            given=[h_E > 0, X > 0, on.absolute(z) <= X, z3.Implies(z > 0, z < X)],
            show=on.absolute(expanded) < formula_expansive_layer_factor(h_E) * X,
        ),
    )


def _strictly(
    S: int, name: str | None = None, largest_slope: bool = False, a_E: int = 0
) -> ProofStep:
    on = SmtArithmetic()
    a, h_C, h_E = z3.Reals("a h_C h_E")
    separate = formula_expansive_layer_factor(h_E) * formula_contractive_factor(on, a, h_C / S) ** S
    return prove_by_smt(
        f"$S = {S}$, for all step sizes",
        name=name or f"strict-S{S}",
        given=[a >= 0, a <= 1 if largest_slope else a < 1, h_C > 0, h_E > 0],
        show=formula_same_matrix_factor(on, a, h_C, h_E, S, a_E) < separate,
        expected="unsat" if name is None else "sat",
    )
