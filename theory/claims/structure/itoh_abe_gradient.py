"""F5: the Itoh–Abe discrete gradient, one coordinate after the other, without derivatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
from hypothesis.strategies import SearchStrategy

from ....numerics import EnergySystem
from ....numerics.methods.discrete_gradient import itoh_abe_gradient
from ....numerics.systems.system import State
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .energy_increments import EnergyPair, energy_pairs
from .smooth_networks import QuarticEnergy


class ItohAbeGradient(Claim[EnergyPair]):
    name = "F5.itoh_abe_gradient"
    title = "The Itoh–Abe gradient is a discrete gradient"
    statement = (
        r"(\bar\nabla H)_i = \frac{H(z_i) - H(z_{i-1})}{y_i - x_i},"
        r"\ z_i = (y_1, \dots, y_i, x_{i+1}, \dots, x_n) \;\Rightarrow\;"
        r" \bar\nabla H^T(y - x) = H(y) - H(x),\ \bar\nabla H(x, x) = \nabla H(x)"
    )
    assumptions = (
        Assumption(r"H \in C^1", "any energy"),
        Assumption(r"(\bar\nabla H)_i = \partial_iH(z_i) \text{ where } y_i = x_i", "the limit"),
    )
    source = Source("paper, energy-preserving networks; Itoh and Abe (1988)", "P")

    def prove(self) -> Proof:
        n = 4
        x, y = sympy.symbols(f"x0:{n}"), sympy.symbols(f"y0:{n}")
        H = sympy.Function("H")
        path = [H(*y[:i], *x[i:]) for i in range(n + 1)]
        quotients = [(path[i + 1] - path[i]) / (y[i] - x[i]) for i in range(n)]
        resting = sympy.Matrix([quotients[1].subs(y[1], x[1] + sympy.Symbol("epsilon"))])
        e = sympy.Symbol("epsilon")
        a, b, c = (sympy.Function(name) for name in "abc")
        # H to third order in one coordinate, with coefficients that depend on the others.
        others = (y[0], *x[2:])
        taylor = a(*others) * e + b(*others) * e**2 + c(*others) * e**3
        return Proof(
            (
                prove_identity(
                    r"$\sum_i (\bar\nabla H)_i(y_i - x_i)$ telescopes to $H(y) - H(x)$ for an"
                    r" arbitrary function of four variables",
                    sum(quotients[i] * (y[i] - x[i]) for i in range(n)),
                    path[n] - path[0],
                ),
                prove_identity(
                    r"component 2 is the difference quotient of $H$ in coordinate 2 alone",
                    resting[0],
                    (H(y[0], x[1] + e, *x[2:]) - H(y[0], x[1], *x[2:])) / e,
                ),
                prove_identity(
                    r"which for $H = H_0 + a\varepsilon + b\varepsilon^2 + c\varepsilon^3$ tends to"
                    r" $a = \partial_2H$ as $\varepsilon \to 0$",
                    sympy.cancel(taylor / e).subs(e, 0),
                    a(*others),
                ),
                cited(
                    "a difference quotient tends to the derivative, uniformly near $x$",
                    "mean value theorem; continuity of the partial derivatives",
                ),
            )
        )

    def instances(self) -> SearchStrategy[EnergyPair]:
        return energy_pairs()

    def measure(self, instance: EnergyPair) -> Measurement:
        return instance.measure(itoh_abe_gradient)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        quartic = QuarticEnergy(np.array([[1.0, 1.0], [0.0, 1.0]]), np.zeros(2), np.ones(2))
        pair = EnergyPair(quartic, np.array([0.5, -1.0]), np.array([1.0, 0.25]))

        def all_from_x(system: EnergySystem, x: State, y: State) -> State:
            moved = x + np.diag(y - x)
            return np.asarray((system.energy(moved) - system.energy(x)) / (y - x))

        def at_the_end(system: EnergySystem, x: State, y: State) -> State:
            # The last coordinate by its derivative instead of its quotient.
            found = itoh_abe_gradient(system, x, y)
            return np.append(found[:-1], system.gradient(y)[-1])

        return (
            Mutant(
                "all coordinates from x",
                "zᵢ differs from x in coordinate i only",
                lambda: pair.measure(all_from_x),
            ),
            Mutant(
                "a derivative for a quotient",
                "∂ₙH(y) as the last component",
                lambda: pair.measure(at_the_end),
            ),
        )
