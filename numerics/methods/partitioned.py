"""Partitioned methods for q̇ = f(t, p), ṗ = g(t, q): drifts and kicks, explicit and symplectic.

With y = (q, p) the *drift* moves q by f, the *kick* moves p by g; both are exact flows, so that the
methods are splittings, and symplectic where f = ∇T and g = −∇V. Each piece reads a clock that the
other one advances (see ``splitting``): a drift after a kick of length h reads f at t + h.
"""

from __future__ import annotations

from ..systems.separable import SeparableSystem
from ..systems.system import State, System
from .separation import refuse_odd_dimension, separated
from .splitting import Splitting


class PartitionedMethod(Splitting):
    """A two-piece splitting whose pieces are A the drift and B the kick of a separable system.

    ``prepare`` takes a ``SeparableSystem`` as it is, and anything else that ``as_system`` takes
    after a check that it is separable. Source: Hairer, Lubich and Wanner, *Geometric Numerical
    Integration*, VI.3 [D].

    >>> import numpy as np
    >>> pendulum = StormerVerlet.prepare(
    ...     lambda t, y: np.stack([y[..., 1], -np.sin(y[..., 0])], axis=-1), 2)
    >>> StormerVerlet.step(pendulum, 0.0, np.array([0.0, 1.0]), 0.5).round(6).tolist()
    [0.5, 0.880144]
    """

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system as a separable one, or raise StructureError.

        A system that is not a ``SeparableSystem`` is sampled: see ``separated``. ``near`` is a
        state, the initial one say, around which the points are taken.
        """
        if isinstance(system, SeparableSystem):
            refuse_odd_dimension(system, self.name)
            return system
        return separated(system, self.name, dimension, near=near)


def _forest_ruth() -> list[object]:
    import mpmath

    z = 1 / (2 - mpmath.cbrt(2))
    return [z / 2, z, (1 - z) / 2, 1 - 2 * z, (1 - z) / 2, z, z / 2]


# Kick, then drift: p⁺ = p + h g(t, q), q⁺ = q + h f(t + h, p⁺).
SymplecticEulerA = PartitionedMethod("SymplecticEulerA", 1, [0, 1, 1])

# Drift, then kick, the adjoint of A: q⁺ = q + h f(t, p), p⁺ = p + h g(t + h, q⁺).
SymplecticEulerB = PartitionedMethod("SymplecticEulerB", 1, [1, 1])

# Half a kick, drift, half a kick: two forces a step, at t and t + h, of which the second is the
# first of the next step.
StormerVerlet = PartitionedMethod("StormerVerlet", 2, [0, "1/2", 1, "1/2"])

# Half a drift, kick, half a drift: one force a step, at t + h/2.
PositionVerlet = PartitionedMethod("PositionVerlet", 2, ["1/2", 1, "1/2"])

# Ruth, IEEE Trans. Nucl. Sci. 30 (1983).
Ruth3 = PartitionedMethod("Ruth3", 3, ["7/24", "2/3", "3/4", "-2/3", "-1/24", 1])

# Forest and Ruth, Physica D 43 (1990): the triple jump of PositionVerlet, neighbours joined.
ForestRuth = PartitionedMethod("ForestRuth", 4, _forest_ruth, symmetric=True)
