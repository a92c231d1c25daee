"""A scalar equation that is neither linear nor autonomous, y' = −y² cos t."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DomainError
from ..elementary import cos
from ..systems import FieldSystem
from .problem import Problem, closed_form


def _solution(t: Any, y: list[Any]) -> list[Any]:
    import mpmath

    turns = [k * mpmath.pi / 2 for k in (-3, -1, 1, 3)]
    passed = [t, *(turn for turn in turns if min(t, 0) < turn < max(t, 0))]
    if min(1 + y[0] * mpmath.sin(s) for s in passed) <= 0:
        raise DomainError(
            came=f"y₀ = {float(y[0]):g}, whose solution blows up before t = {float(t):g}",
            expected="1 + y₀ sin s > 0 up to t",
            remedy="Stop earlier, or start with |y₀| < 1.",
        )
    return [y[0] / (1 + y[0] * mpmath.sin(t))]


DrivenDecay = Problem(
    name="DrivenDecay",
    title="y' = −y² cos t, solved by y = y₀/(1 + y₀ sin t)",
    system=FieldSystem(lambda t, y: -y * y * cos(t), 1, lambda t, y: (-2 * y * cos(t))[..., None]),
    start=np.array([1.5]),
    span=(0.0, 2.0),
    invariants=(),
    exact=closed_form(_solution),
    source="Hull, Enright, Fellen, Sedgwick 1972, in the manner of problem A3 [D]",
)
