"""E1: E_{l+1} ≤ L_l E_l + δ_l bounds what rounding does to a network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...certificate import Graph, Node, derive
from ...certificate.execution import ErrorBudget
from ...certificate.operations import DOUBLE, SINGLE, Arithmetic
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, cited
from ...proof.smt import prove_by_smt


@dataclass(frozen=True)
class Executed:
    """A ReLU network with float32 weights, centred at ``x`` and executed at ``x + step``."""

    matrices: tuple[FloatArray, ...]
    x: FloatArray
    step: FloatArray

    def graph(self) -> tuple[Graph, dict[str, FloatArray]]:
        nodes, weights = [Node("x", "input", (), self.x.shape)], {}
        for k, W in enumerate(self.matrices):
            last, weights[f"W{k}"] = nodes[-1].name, W
            shape, tensors = (len(W),), {"weight": f"W{k}"}
            nodes.append(Node(f"d{k}", "dense", (last,), shape, {}, tensors))
            if k < len(self.matrices) - 1:
                nodes.append(Node(f"a{k}", "activation", (f"d{k}",), shape, {"function": "relu"}))
        return Graph(tuple(nodes), nodes[-1].name), weights

    def values(self, number: Any) -> list[Any]:
        """The network in np.float32 or in Fraction, entry by entry."""
        entries = [number(float(e)) for e in self.x + self.step]
        for k, W in enumerate(self.matrices):
            if k:
                entries = [max(e, number(0)) for e in entries]
            rows = ([number(float(w)) for w in row] for row in W)
            entries = [
                sum((w * e for w, e in zip(row, entries, strict=True)), number(0)) for row in rows
            ]
        return entries

    def error(self) -> float:
        """|executed − exact| in float32 at x + step, from exact fractions."""
        pairs = zip(self.values(np.float32), self.values(Fraction), strict=True)
        squares = ((Fraction(float(a)) - b) ** 2 for a, b in pairs)
        return math.sqrt(sum(squares, Fraction(0)))

    def bound(self, arithmetic: Arithmetic = SINGLE, *, over_the_ball: bool = True) -> float:
        """E at the last layer, over the ball that x + step lies in (or at x alone)."""
        graph, weights = self.graph()
        budget = ErrorBudget(derive(graph, weights))
        radius = 1.001 * np.linalg.norm(self.step) if over_the_ball else 0.0
        errors = budget.deployed(budget.evaluate(self.x[None]), arithmetic, np.array([radius]))
        return float(errors[graph.output][0])

    def local_errors(self) -> float:
        """Σδ_l alone: what each operation adds, not what becomes of it."""
        graph, weights = self.graph()
        budget = ErrorBudget(derive(graph, weights))
        values = budget.evaluate(self.x[None]).values
        total = 0.0
        for node in graph.nodes[1:]:
            inputs = [values[name] for name in node.inputs]
            radii = [np.zeros(1) for _ in inputs]
            operation = budget.derivation.operations[node.name]
            total += float(operation.rounding(inputs, values[node.name], radii, SINGLE)[0])
        return total

    def measure(self, claimed: float) -> Measurement:
        return Measurement(self.error(), claimed, 0.0, what="rounding error")


@st.composite
def _networks(draw: st.DrawFn) -> Executed:
    widths = draw(st.lists(st.integers(1, 4), min_size=2, max_size=4))
    entries = st.floats(-8.0, 8.0, width=32).filter(lambda w: w == 0.0 or abs(w) > 1e-6)

    def matrix(rows: int, columns: int) -> FloatArray:
        row = st.lists(entries, min_size=columns, max_size=columns)
        return np.array(draw(st.lists(row, min_size=rows, max_size=rows)))

    matrices = tuple(matrix(m, n) for n, m in pairwise(widths))
    [x] = matrix(1, widths[0])
    # The executed input is a float32 number, too.
    moved = np.float32(x + draw(st.sampled_from([0.0, 1e-3, 1.0])) * matrix(1, widths[0])[0])
    return Executed(matrices, x, moved.astype(float) - x)


class ExecutionError(Claim[Executed]):
    name = "E1.execution_error"
    title = "Rounding errors travel by the Lipschitz constants of the layers"
    statement = (
        r"E_{l+1} \le L_l E_l + \delta_l,"
        r"\quad \delta_l \ge |\mathrm{fl}(F_l(\hat x)) - F_l(\hat x)|"
        r" \text{ for all } |\hat x - \bar x_l| \le E_l + L_{1..l}\,\varepsilon"
    )
    assumptions = (
        Assumption(r"|F_l(x) - F_l(y)| \le L_l|x - y|", "layers, or whole steps of several layers"),
        Assumption(
            r"|\mathrm{fl}(\textstyle\sum_i a_ix_i) - \sum_i a_ix_i| \le \gamma_n\sum_i|a_ix_i|",
            "n products summed in any order, γ_n = nu/(1 − nu); plus underflow",
        ),
        Assumption(r"|x - x_0| \le \varepsilon", "the ball over which the error is bounded"),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        total, first, second, E, L, delta = z3.Reals("total first second E L delta")
        F, known, moved, radius = z3.Reals("F known moved radius")
        k, u, a, x, y = z3.Reals("k u a x y")

        def size(value: z3.ArithRef) -> z3.ArithRef:
            return z3.If(value >= 0, value, -value)

        return Proof(
            (
                cited(
                    r"$|\mathrm{fl}(F(\hat x)) - F(x)| \le |\mathrm{fl}(F(\hat x)) - F(\hat x)|"
                    r" + |F(\hat x) - F(x)|$",
                    "the triangle inequality",
                ),
                prove_by_smt(
                    r"so $E_{l+1} \le L_lE_l + \delta_l$, for one layer, and for a step of several"
                    r" with its own factor and the errors that arise inside it",
                    name="one-layer",
                    given=[total <= first + second, first <= delta, second <= L * E],
                    show=total <= L * E + delta,
                ),
                prove_by_smt(
                    r"what is executed at $x$ lies within $F + L\varepsilon + E$ of what was"
                    r" computed at $x_0$: $F$ the error at $x$, $E$ that at $x_0$",
                    name="over-the-ball",
                    given=[
                        total <= first + second + known,
                        first <= F,
                        second <= L * moved,
                        known <= E,
                        moved <= radius,
                        L >= 0,
                    ],
                    show=total <= F + L * radius + E,
                ),
                prove_by_smt(
                    r"there $|a||y| \le |a||x| + |a||y - x|$, so that $\||A||y|\| \le \||A||x|\| +"
                    r" \||A|\|\,|y - x|$",
                    name="larger-inputs",
                    given=[],
                    show=size(a) * size(y) <= size(a) * size(x) + size(a) * size(y - x),
                ),
                prove_by_smt(
                    r"one rounding more: $(1 + \gamma_k)(1 + u) \le 1 + \gamma_{k+1}$, multiplied"
                    r" out with $1 + \gamma_k = 1/(1 - ku)$",
                    name="gamma-above",
                    given=[k >= 0, u > 0, (k + 1) * u < 1],
                    show=(1 + u) * (1 - (k + 1) * u) <= 1 - k * u,
                ),
                prove_by_smt(
                    r"and below: $(1 - \gamma_k)(1 - u) \ge 1 - \gamma_{k+1}$, multiplied out",
                    name="gamma-below",
                    given=[k >= 0, u > 0, (k + 1) * u < 1],
                    show=(1 - 2 * k * u) * (1 - u) * (1 - (k + 1) * u)
                    >= (1 - 2 * (k + 1) * u) * (1 - k * u),
                ),
                cited(r"so $n$ roundings err by $\gamma_n$, in any order", "induction"),
            )
        )

    def instances(self) -> SearchStrategy[Executed]:
        return _networks()

    def measure(self, instance: Executed) -> Measurement:
        return instance.measure(instance.bound())

    def witness(self) -> Witness:
        lost = Executed((np.array([[1.0, 1.0]]),), np.array([1.0, 2.0**-24]), np.zeros(2))
        return Witness(
            "1 + 2⁻²⁴, which float32 rounds to 1",
            lost.measure(lost.bound()),
            gap="γ counts the worst rounding of every operation, and no input has all of them",
        )

    def mutants(self) -> Sequence[Mutant]:
        # 1 + 2⁻²⁵ is rounded to 1, 1 is taken off, and the rest multiplied by 2⁴⁰.
        amplified = Executed(
            (np.array([[1.0, 1.0], [1.0, 0.0]]), np.array([[1.0, -1.0]]), np.array([[2.0**40]])),
            np.array([1.0, 2.0**-25]),
            np.zeros(2),
        )
        odd = np.array([[1.0 + 2.0**-23]])
        nearby = Executed((odd,), np.zeros(1), np.array([1.0 + 2.0**-23]))
        here = Executed((odd,), np.array([1.0 + 2.0**-23]), np.zeros(1))
        return (
            Mutant(
                "errors of the operations alone",
                "E = Σδ_l: an early error is not carried on",
                lambda: amplified.measure(amplified.local_errors()),
            ),
            Mutant(
                "the error at the centre",
                "E at x₀ for all of the ball: it is 0 at 0",
                lambda: nearby.measure(nearby.bound(over_the_ball=False)),
            ),
            Mutant(
                "the wrong arithmetic",
                "u = 2⁻⁵³ for what is executed in float32",
                lambda: here.measure(here.bound(DOUBLE)),
            ),
        )
