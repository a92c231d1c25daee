"""Two states and an energy: what a discrete gradient is measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import EnergySystem, SkewGradientSystem
from ....numerics.systems.system import State
from ....numerics.validation import FloatArray
from ...claim import Measurement, tightest
from ...measuring import rounding_allowance
from .smooth_networks import QuarticEnergy, RidgeEnergy, arrays, energies, quartic_energies

DiscreteGradient = Callable[[EnergySystem, State, State], State]


@dataclass(frozen=True)
class EnergyPair:
    """H and two states x, y, which may be as near as 1e-10 or the same."""

    energy: RidgeEnergy | QuarticEnergy
    x: FloatArray
    y: FloatArray

    @property
    def system(self) -> SkewGradientSystem:
        return SkewGradientSystem(self.energy.value, self.energy.gradient, np.eye(len(self.x)))

    def measure(self, gradient: DiscreteGradient) -> Measurement:
        """∇̄Hᵀ(y − x) against H(y) − H(x), and |∇̄H − ∇H(x)| against √n·sup‖∇²H‖·|y − x|."""
        found, d = gradient(self.system, self.x, self.y), self.y - self.x
        at_x, at_y = float(self.energy.value(self.x)), float(self.energy.value(self.y))
        base = self.energy.gradient(self.x)
        steepness = self.energy.curvature_bound(self.x, self.y) * float(np.linalg.norm(d))
        allowance = rounding_allowance(
            abs(at_x) + abs(at_y) + float(np.linalg.norm(base)) + steepness
        )
        same = Measurement(float(found @ d), at_y - at_x, allowance, "=", "∇̄Hᵀ(y − x)")
        distance = float(np.linalg.norm(found - base))
        near = Measurement(distance, len(d) ** 0.5 * steepness, allowance, what="|∇̄H − ∇H(x)|")
        return tightest(same, near)


@st.composite
def energy_pairs(draw: st.DrawFn, *, polynomial: bool = False) -> EnergyPair:
    """Pairs at every distance from 2 down to 1e-10 and 0, in one to four dimensions."""
    n = draw(st.integers(1, 4))
    kinds: SearchStrategy[RidgeEnergy | QuarticEnergy] = (
        quartic_energies(n) if polynomial else st.one_of(energies(n), quartic_energies(n))
    )
    x = draw(arrays(n, size=2.0))
    scale = draw(st.sampled_from([2.0, 1.0, 1e-2, 1e-5, 1e-10, 0.0]))
    return EnergyPair(draw(kinds), x, x + scale * draw(arrays(n)))
