"""F5: the average vector field gradient, with a quadrature that is exact for the energy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
from hypothesis.strategies import SearchStrategy

from ....numerics import EnergySystem
from ....numerics.methods.discrete_gradient import average_gradient
from ....numerics.systems.system import State
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from .energy_increments import EnergyPair, energy_pairs
from .smooth_networks import QuarticEnergy


class AverageGradient(Claim[EnergyPair]):
    name = "F5.average_gradient"
    title = "The averaged gradient is a discrete gradient if its quadrature is exact"
    statement = (
        r"\bar\nabla H = \int_0^1 \nabla H(x + sd)\,ds = \sum_k w_k \nabla H(x + c_kd)"
        r" \;\Rightarrow\; \bar\nabla H^Td = H(y) - H(x),\ \bar\nabla H(x, x) = \nabla H(x)"
    )
    assumptions = (
        Assumption(r"H \in C^1", "for the integral: any energy"),
        Assumption(
            r"\deg H \le 2r",
            "for Gauss's rule with r nodes: polynomials; else up to the error of the rule",
        ),
        Assumption(r"d = y - x", "any increment"),
    )
    source = Source("paper, energy-preserving networks", "P")

    def prove(self) -> Proof:
        s = sympy.Symbol("s")
        x, d = sympy.symbols("x0:3"), sympy.symbols("d0:3")
        H = sympy.Function("H")
        point = [x[i] + s * d[i] for i in range(3)]
        along = H(*point)
        by_chain_rule = sum(along.fdiff(i + 1) * d[i] for i in range(3))
        return Proof(
            (
                prove_identity(
                    r"$\frac{d}{ds}H(x + sd) = \nabla H(x + sd)^Td$ for an arbitrary function of"
                    " three variables",
                    sympy.diff(along, s),
                    by_chain_rule,
                ),
                cited(
                    r"$\int_0^1 \nabla H(x + sd)^Td\,ds = H(y) - H(x)$",
                    "fundamental theorem of calculus",
                ),
                *(prove_exact_rule(nodes, 2 * nodes) for nodes in (1, 2, 3)),
                cited(
                    r"$r$ nodes are exact for every polynomial $g'$ of degree $2r - 1$",
                    "Gauss quadrature",
                ),
                prove_identity(
                    r"$d = 0$ gives $\sum_k w_k\nabla H(x) = \nabla H(x)$: the weights sum to 1",
                    sympy.Matrix([sum(w for _, w in _gauss_rule(nodes)) for nodes in (1, 2, 3)]),
                    sympy.ones(3, 1),
                ),
            )
        )

    def instances(self) -> SearchStrategy[EnergyPair]:
        return energy_pairs(polynomial=True)

    def measure(self, instance: EnergyPair) -> Measurement:
        return instance.measure(_with_two_nodes)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        quartic = QuarticEnergy(np.eye(2), np.zeros(2), np.ones(2))
        pair = EnergyPair(quartic, np.array([0.5, -1.0]), np.array([1.0, 0.25]))

        def trapezoid(system: EnergySystem, x: State, y: State) -> State:
            return np.asarray((system.gradient(x) + system.gradient(y)) / 2)

        return (
            Mutant(
                "one node for a quartic",
                "the implicit midpoint rule",
                lambda: pair.measure(lambda system, x, y: average_gradient(system, x, y, nodes=1)),
            ),
            Mutant("the trapezoidal rule", "½(∇H(x) + ∇H(y))", lambda: pair.measure(trapezoid)),
            Mutant(
                "one degree more",
                "two nodes are exact for energies of degree 5",
                lambda: prove_exact_rule(2, 5),
            ),
        )


def prove_exact_rule(nodes: int, degree: int) -> ProofStep:
    """Σ wₖ g'(cₖ) = g(1) − g(0) for an arbitrary polynomial g of this degree."""
    s = sympy.Symbol("s")
    coefficients = sympy.symbols(f"g0:{degree + 1}")
    g = sum(c * s**i for i, c in enumerate(coefficients))
    slope = sympy.diff(g, s)
    return prove_identity(
        rf"{nodes} node(s): $\sum_k w_k g'(c_k) = g(1) - g(0)$ for every polynomial"
        rf" $g(s) = H(x + sd)$ of degree {degree}",
        sum(w * slope.subs(s, c) for c, w in _gauss_rule(nodes)),
        g.subs(s, 1) - g.subs(s, 0),
    )


def _gauss_rule(nodes: int) -> list[tuple[sympy.Expr, sympy.Expr]]:
    """Nodes and weights of Gauss's rule on [0, 1], exact, for at most three nodes."""
    half = sympy.Rational(1, 2)
    if nodes == 1:
        return [(half, sympy.Integer(1))]
    if nodes == 2:
        return [(half - sympy.sqrt(3) / 6, half), (half + sympy.sqrt(3) / 6, half)]
    outer = sympy.Rational(5, 18)
    distance = sympy.sqrt(15) / 10
    return [(half - distance, outer), (half, sympy.Rational(4, 9)), (half + distance, outer)]


def _with_two_nodes(system: EnergySystem, x: State, y: State) -> State:
    return average_gradient(system, x, y, nodes=2)
