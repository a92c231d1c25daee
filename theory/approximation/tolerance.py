"""Asked for a tolerance: how many steps, how wide networks, how many substeps it takes."""

from __future__ import annotations

from collections.abc import Callable

from ...errors import ConvergenceError, DomainError
from ..symbolic import SymbolicField, require_field
from .construction import Construction, approximate_flow
from .pieces import Result
from .schemes import scheme_of

_MOST_STEPS = 2**13
_WIDTHS = (64, 128, 192, 256, 384, 512)
_MOST_SUBSTEPS = 64


def approximate_within(
    f: SymbolicField,
    time: float,
    radius: float,
    tolerance: float,
    *,
    result: Result = "first",
    splitting: str = "Strang",
    networks: bool = True,
    seed: int = 0,
) -> Construction:
    """Return a construction whose *proved* error is at most ``tolerance`` on |x| ≤ radius.

    With ``networks`` half of the tolerance is for the splitting, which sets the number of steps,
    and the rest for networks and layers, which set widths and substeps; without, layers are flows
    and the splitting may use it all. n ≤ 2. Raises ConvergenceError where the bound does not get
    there, DomainError for a tolerance that is not positive and for n ≥ 3, and what
    ``approximate_flow`` raises. Source: flowcert [D].

    >>> from flowcert.theory.approximation.targets import find_target
    >>> f = find_target("NonNormal").field
    >>> made = approximate_within(f, 1.0, 1.0, 1e-2, networks=False)
    >>> made.bound.total <= 1e-2, made.measured <= 1e-2
    (True, True)
    """
    if not isinstance(tolerance, float | int) or not 0 < tolerance < float("inf"):
        raise DomainError(
            came=f"tolerance = {tolerance!r}",
            expected="a positive finite number",
            remedy="It bounds the error on the ball: 1e-3 is usual.",
        )
    if require_field(f).dimension > 2:
        raise DomainError(
            came=f"a field in dimension {f.dimension}",
            expected="n ≤ 2, for which bounds are proved",
            remedy="Take approximate_flow with your own steps, and look at ``measured``.",
        )

    if networks and scheme_of(splitting).runs_backward:
        raise DomainError(
            came=f"{splitting}, whose stages also run backward, with networks",
            expected="LieTrotter or Strang, or networks=False",
            remedy="No radius is known of backward network stages, so that no bound is.",
        )

    def attempt(steps: int, width: int | None = None, substeps: int = 1) -> Construction:
        return approximate_flow(
            f, time, radius, result=result, splitting=splitting, steps=steps, width=width,
            substeps=substeps, seed=seed,
        )  # fmt: skip

    steps, share = 4, tolerance / 2 if networks else tolerance
    made = attempt(steps)
    while not made.bound.total <= share:
        steps *= 2
        if steps > _MOST_STEPS:
            raise _not_reached(tolerance, made)
        made = attempt(steps)
    if not networks:
        return made
    return _with_networks(attempt, made, tolerance)


def _with_networks(
    attempt: Callable[[int, int, int], Construction], flows: Construction, tolerance: float
) -> Construction:
    """Wider while the field's part is too large, finer while the integration's is."""
    steps, width, substeps = flows.steps, 0, 1
    made = attempt(steps, _WIDTHS[width], substeps)
    while not made.bound.total <= tolerance:
        parts = made.bound
        if not parts.field <= tolerance / 5:
            width += 1
        elif not parts.integration <= tolerance / 4:
            substeps *= 2
        else:  # networks have made room for longer stages, and the splitting pays for it
            steps *= 2
        if width == len(_WIDTHS) or substeps > _MOST_SUBSTEPS or steps > _MOST_STEPS:
            raise _not_reached(tolerance, made)
        made = attempt(steps, _WIDTHS[width], substeps)
    return made


def _not_reached(tolerance: float, made: Construction) -> ConvergenceError:
    return ConvergenceError(
        came=f"a bound of {made.bound.total:.3g} with {made.steps} steps"
        + (f": {made.bound.reason}" if made.bound.reason else ""),
        expected=f"at most {tolerance:g}",
        remedy="Take a smaller ball or a shorter time, cut the flow, "
        "approximate_flows([(f, time / 2)] * 2, radius), or a looser tolerance.",
    )
