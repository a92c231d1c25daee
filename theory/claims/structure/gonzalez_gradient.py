"""F5: Gonzalez's discrete gradient, the midpoint gradient with a correction along y − x."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
from hypothesis.strategies import SearchStrategy

from ....numerics import EnergySystem
from ....numerics.methods.discrete_gradient import gonzalez_gradient
from ....numerics.systems.system import State
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .energy_increments import EnergyPair, energy_pairs
from .smooth_networks import QuarticEnergy


class GonzalezGradient(Claim[EnergyPair]):
    name = "F5.gonzalez_gradient"
    title = "Gonzalez's gradient is a discrete gradient"
    statement = (
        r"\bar\nabla H = \nabla H(m) + \frac{H(y) - H(x) - \nabla H(m)^Td}{|d|^2}\,d"
        r" \;\Rightarrow\; \bar\nabla H^Td = H(y) - H(x),\ \bar\nabla H(x, x) = \nabla H(x)"
    )
    assumptions = (
        Assumption(r"H \in C^3", "any energy; C¹ for the identity"),
        Assumption(r"d = y - x,\ m = \tfrac12(x + y)", "∇̄H = ∇H(x) where d = 0"),
    )
    source = Source("paper, energy-preserving networks", "P")

    def prove(self) -> Proof:
        n = 4
        g, d = (sympy.Matrix(sympy.symbols(f"{v}0:{n}")) for v in "gd")
        at_x, at_y = sympy.symbols("H_x H_y")
        square = (d.T * d)[0]
        gradient = g + (at_y - at_x - (g.T * d)[0]) / square * d
        swapped = g + (at_x - at_y + (g.T * d)[0]) / square * (-d)
        e = sympy.Symbol("epsilon")
        along = sympy.Function("g")
        slope = along(e).diff(e)
        missing = along(e) - along(0) - e * slope.subs(e, e / 2).doit()
        derivatives = [sympy.diff(missing, e, k).subs(e, 0).doit() for k in range(3)]
        return Proof(
            (
                prove_identity(
                    r"$\bar\nabla H^Td = H(y) - H(x)$ for arbitrary numbers $H(x)$, $H(y)$ and an"
                    r" arbitrary vector $\nabla H(m)$ of four components",
                    (gradient.T * d)[0],
                    at_y - at_x,
                ),
                prove_identity(
                    r"exchanging $x$ and $y$ changes nothing: the method is symmetric",
                    gradient,
                    swapped,
                ),
                cited(
                    r"with $y = x + \varepsilon v$, $|v| = 1$, $g(\varepsilon) = H(x +"
                    r" \varepsilon v)$: $H(y) - H(x) - \nabla H(m)^Td = g(\varepsilon) - g(0) -"
                    r" \varepsilon g'(\varepsilon/2)$",
                    "chain rule",
                ),
                prove_identity(
                    r"its value and first two derivatives vanish at $\varepsilon = 0$: it is"
                    r" $O(\varepsilon^3)$, the correction $O(\varepsilon^2)$, and"
                    r" $\bar\nabla H \to \nabla H(x)$",
                    sympy.Matrix(derivatives),
                    sympy.zeros(3, 1),
                ),
            )
        )

    def instances(self) -> SearchStrategy[EnergyPair]:
        return energy_pairs()

    def measure(self, instance: EnergyPair) -> Measurement:
        return instance.measure(gonzalez_gradient)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        quartic = QuarticEnergy(np.eye(2), np.zeros(2), np.ones(2))
        pair = EnergyPair(quartic, np.array([0.5, -1.0]), np.array([1.0, 0.25]))

        def corrected_by(factor: float, power: int) -> Measurement:
            def gradient(system: EnergySystem, x: State, y: State) -> State:
                d, g = y - x, system.gradient((x + y) / 2)
                missing = system.energy(y) - system.energy(x) - g @ d
                return np.asarray(g + factor * missing / np.linalg.norm(d) ** power * d)

            return pair.measure(gradient)

        return (
            Mutant(
                "no correction",
                "the implicit midpoint rule on a quartic energy",
                lambda: corrected_by(0.0, 2),
            ),
            Mutant("correction subtracted", "∇H(m) − …", lambda: corrected_by(-1.0, 2)),
            Mutant("|d| for |d|²", "the correction divided by |d|", lambda: corrected_by(1.0, 1)),
        )
