"""The order of any method, from the expansion of its local error in powers of the step.

One step of length h from a point errs by Ch^{p+1}(1 + O(h)). In 160 digits h may be 10⁻¹², and then
log₂ of the ratio of the errors at h and h/2 *is* p + 1, up to about 10⁻¹²: an integer that is read
off, where an observed order is fitted. It needs a point at which C ≠ 0, so several are tried and
the lowest order counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ConvergenceError
from ..methods import Method
from ..problems.problem import Problem
from ..reference import taylor_flow
from ..systems.system import State, System, Time

_DIGITS = 160
_EXPONENT = -12  # h = 10⁻¹²: its tenth power is still far above 10⁻¹⁶⁰
_INTEGER = 1e-4


@dataclass(frozen=True)
class ExpansionOrder:
    """The order p, and how far log₂ e(h)/e(h/2) − 1 was from it.

    >>> ExpansionOrder(2, 1e-12, "").order
    2
    """

    order: int
    distance: float
    argument: str


def expansion_order(method: Method, problems: Sequence[Problem]) -> ExpansionOrder:
    """Return the order of the local error's first term, the lowest over ``problems``.

    The point is the problem's state after a tenth of its span, no special one. Guaranteed: the
    order is at most that, and equal to it unless the first term vanishes at all these points.
    Raises ConvergenceError where no integer exponent shows. Source: flowcert [D].

    >>> from flowcert.numerics.methods.explicit import RK4
    >>> from flowcert.numerics.problems import Pendulum
    >>> expansion_order(RK4, [Pendulum]).order
    4
    """
    found = [_local_exponent(method, problem) for problem in problems]
    exponent, problem = min(
        ((exponent, problem.name) for exponent, problem in zip(found, problems, strict=True)),
    )
    order = round(exponent)
    distance = abs(exponent - order)
    if not distance < _INTEGER:
        raise ConvergenceError(
            came=f"a local error of {method.name} that falls like h^{exponent + 1:.4f}",
            expected="an integer exponent",
            remedy="The step may have no expansion in h there (a kink, an iteration cut short).",
        )
    names = ", ".join(problem.name for problem in problems)
    return ExpansionOrder(
        order,
        distance,
        f"local error on {names} in {_DIGITS} digits: exponent {order + 1} within {distance:.0e}"
        f" (lowest on {problem})",
    )


def _local_exponent(method: Method, problem: Problem) -> float:
    import mpmath

    t0 = problem.span[0] + 0.1 * (problem.span[1] - problem.span[0])
    with mpmath.workdps(_DIGITS):
        y0 = taylor_flow(problem.system, problem.start_in_digits(), (problem.span[0], t0), 30)
        system = method.prepare(problem.system)
        h = mpmath.mpf(10) ** _EXPONENT
        errors = [_local_error(method, problem, system, mpmath.mpf(t0), y0, s) for s in (h, h / 2)]
        if errors[1] == 0:
            return float("inf")
        return float(mpmath.log(errors[0] / errors[1], 2)) - 1


def _local_error(
    method: Method, problem: Problem, system: System, t: Time, y: State, h: Time
) -> Time:
    truth = taylor_flow(problem.system, y, (t, t + h), _DIGITS + 10)
    return np.max(np.abs(method.step(system, t, y, h) - truth))
