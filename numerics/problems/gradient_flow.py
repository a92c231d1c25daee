"""A gradient flow of a smooth convex potential that is not quadratic."""

from __future__ import annotations

import numpy as np

from ..elementary import exp, log, tanh
from ..systems import SkewGradientSystem
from ..systems.system import State
from .problem import Problem

# Binary fractions: the same numbers in every arithmetic.
_A = np.array([[1.0, 0.5], [-0.5, 1.5], [0.75, -0.25]])
_B = np.array([0.25, -0.5, 0.125])


def _ridges(y: State) -> State:
    return np.asarray((_A @ y[..., None])[..., 0] + _B)


def _potential(y: State) -> State:
    """Σ log(2 cosh sᵢ), s = Ay + b, in the form that does not overflow."""
    size = abs(_ridges(y))
    return np.asarray((size + log(1 + exp(-2 * size))).sum(axis=-1))


def _gradient(y: State) -> State:
    return np.asarray((_A.T @ tanh(_ridges(y))[..., None])[..., 0])


def _hessian(y: State) -> State:
    slopes = 1 - tanh(_ridges(y)) ** 2
    return np.asarray(_A.T @ (slopes[..., None] * _A))


GradientFlow = Problem(
    name="GradientFlow",
    title="y' = −∇V with V = Σ log(2 cosh(Ay + b)), convex",
    system=SkewGradientSystem(_potential, _gradient, -np.eye(2, dtype=int), _hessian),
    start=np.array([1.5, -1.0]),
    span=(0.0, 2.0),
    invariants=(),
    exact=None,
    source="paper, contractive layers [P]",
)
