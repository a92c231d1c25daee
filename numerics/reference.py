"""Reference flows: solutions with a stated error, found by two methods that must agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import DomainError, FlowcertError, ShapeError
from .extrapolation import extrapolated_flow
from .flow import ends_of
from .power_series import Field, exact_ball, solution_series, working_bits
from .systems import System, as_system
from .systems.system import State, state
from .validation import FloatArray, finite_array, positive_integer

_UNIT_ROUNDOFF = 2.0**-53
_TIGHTEST = 3e-14  # scipy warns below 100 roundings
_TIGHTEST_RADAU = 1e-12
_SAFETY = 2.0
_MOST_STEPS = 2**40  # of the shortest length; a solution that blows up asks for more
_BITS_A_DIGIT = 3.3219280948873623
_GUARD_BITS = 40


@dataclass(frozen=True, eq=False)
class ReferenceFlow:
    """y(t₁), and how far from the truth it is thought to be.

    ``value`` has the shape of the start; ``estimated_error`` is twice what the methods disagree by
    and have still to settle, as the largest |δyᵢ| / max(1, |yᵢ|), with rounding: two methods that
    err alike would escape it, so it is no proof (``bound_flow`` gives one). ``meets_tolerance``
    says whether it is below the tolerance asked for; ``methods`` and ``detail`` say how it was
    found. Source: flowcert [D].

    >>> from flowcert.numerics.problems import Kepler
    >>> flow = reference_flow(Kepler.system, Kepler.start, Kepler.span)
    >>> flow.meets_tolerance, flow.methods
    (True, ('DOP853', 'extrapolated midpoint rule'))
    """

    value: FloatArray
    estimated_error: float
    meets_tolerance: bool
    methods: tuple[str, ...]
    detail: str


def reference_flow(
    field: object,
    y0: ArrayLike,
    span: tuple[float, float],
    tolerance: float = 1e-10,
    *,
    high_precision: bool = False,
) -> ReferenceFlow:
    """Return y(t₁) of ẏ = f(t, y), y(t₀) = y₀, span = (t₀, t₁), with its estimated error.

    ``field`` is a System, a VectorField or a function of (t, y); y₀ has shape (..., n); t₁ may lie
    before t₀. scipy's DOP853 is cross-checked by the extrapolated midpoint rule, or, where that
    does not settle (stiff fields), by scipy's Radau. With ``high_precision`` two Taylor runs in 30
    and 45 digits are compared, and DOP853 must agree; the field must then run on power series
    (``numerics.elementary``). ``tolerance`` > 0 is relative to max(1, |yᵢ|). A result that cannot
    meet it says so in ``meets_tolerance`` and ``detail``; where no method arrives, the value is
    NaN and the error infinite. Raises DomainError, ShapeError, StructureError. Source: flowcert
    [D].

    >>> from flowcert.numerics import FieldSystem
    >>> grow = FieldSystem(lambda t, y: y, 1)
    >>> flow = reference_flow(grow, [1.0], (0.0, 1.0))
    >>> bool(abs(flow.value[0] - np.e) <= flow.estimated_error * np.e < 1e-10)
    True
    >>> reference_flow(FieldSystem(lambda t, y: y * y, 1), [1.0], (0.0, 2.0)).meets_tolerance
    False
    """
    start = finite_array("y0", y0)
    _require_axis(start)
    system = as_system(field, start.shape[-1])
    start = state(start, system.dimension)
    ends = _span(span)
    if not 0 < tolerance < np.inf:
        raise DomainError(
            came=f"tolerance = {tolerance!r}",
            expected="a positive finite number",
            remedy="1e-10 is the default; with high_precision 1e-15 is possible.",
        )
    if ends[0] == ends[1]:
        return ReferenceFlow(start, 0.0, True, (), "no time passes")
    if high_precision:
        return _in_digits(system, start, ends, tolerance)
    return _in_float64(system, start, ends, tolerance)


def taylor_flow(field: Field, y0: Any, span: tuple[Any, Any], digits: int) -> State:
    """Return y(t₁) in ``digits`` digits, an object array of mpmath numbers of the shape of y₀.

    Taylor steps whose order grows with the digits and whose length is set by the last coefficients.
    ``field`` is a System or a function (t, [y₁, …]) → [f₁, …] that runs on power series; the
    numbers of y₀ (shape (..., n)) and of ``span`` count at their exact value: pass mpmath numbers
    or fractions where 0.1 is meant to be 1/10. The error is a few units of the last digit, times
    what the flow amplifies: an estimate, where ``bound_flow`` gives a bound. Raises DomainError
    where the solution leaves the field's domain or its steps vanish, ShapeError, StructureError.
    Source: Jorba, Zou 2005 [D].

    >>> import mpmath
    >>> with mpmath.workdps(50):
    ...     end = taylor_flow(lambda t, y: [y[0]], [1], (0, 1), 50)
    ...     abs(end[0] - mpmath.e) < mpmath.mpf(10) ** -49
    True
    """
    digits = positive_integer("digits", digits)
    starts = np.asarray(y0, dtype=object)
    _require_axis(starts)
    span = ends_of(span)
    ends = np.empty(starts.shape, dtype=object)
    for index in np.ndindex(starts.shape[:-1]):
        ends[index] = _taylor_run(field, list(starts[index]), span, digits)
    return ends


def _taylor_run(field: Field, y0: list[Any], span: tuple[Any, Any], digits: int) -> list[Any]:
    order = int(1.2 * digits) + 10
    with working_bits(int(digits * _BITS_A_DIGIT) + _GUARD_BITS):
        # All are midpoints: rounding is left to the guard bits, and nothing widens.
        time, end = (exact_ball(t).mid() for t in span)
        y = [exact_ball(value).mid() for value in y0]
        shortest = abs(end - time) / _MOST_STEPS
        while time != end:
            series = solution_series(field, time, y, order)
            longest = None if series is None else _length(series, order, digits)
            if series is None or longest is None or longest < shortest:
                raise DomainError(
                    came=f"a solution without a Taylor step at t = {float(time):.8g}",
                    expected="a solution that exists on the span",
                    remedy="It may blow up or leave the field's domain there.",
                )
            left = end - time
            if abs(left) <= longest:
                step, time = left, end
            else:
                step = longest if left > 0 else -longest
                time = (time + step).mid()
            y = [_evaluate(component.coeffs(), step) for component in series]
    import mpmath

    with mpmath.workdps(digits + 10):
        return [_as_mpmath(value) for value in y]


def _length(series: list[Any], order: int, digits: int) -> Any:
    """The step at which the last two coefficients fall below the last digit."""
    import flint

    scale = max(1.0, *(abs(float(component[0])) for component in series))
    steps = []
    for component in series:
        coefficients = component.coeffs()
        if not all(c.is_finite() for c in coefficients):
            return None
        for k in (order - 1, order):
            size = abs(component[k].mid())
            if size > 0:
                allowed = flint.arb(scale) * flint.arb(10) ** (-digits - 2)
                steps.append((allowed / size).root(k).mid())
    return min(steps) if steps else flint.arb(2) ** 20


def _evaluate(coefficients: list[Any], s: Any) -> Any:
    import flint

    total = flint.arb(0)
    for coefficient in reversed(coefficients):
        total = (total * s + coefficient).mid()
    return total


def _as_mpmath(value: Any) -> Any:
    import mpmath

    mantissa, exponent = value.man_exp()
    return mpmath.ldexp(mpmath.mpf(int(mantissa)), int(exponent))


def _in_digits(
    system: System, start: FloatArray, span: tuple[float, float], tolerance: float
) -> ReferenceFlow:
    methods = ("Taylor in 30 digits", "Taylor in 45 digits", "DOP853")
    try:
        coarse, fine = (taylor_flow(system, start, span, digits) for digits in (30, 45))
    except DomainError as error:
        return _failure(start, methods[:2], str(error))
    value = fine.astype(np.float64)
    settled = _distance((coarse - fine).astype(np.float64), value)
    estimate = _SAFETY * settled + _UNIT_ROUNDOFF
    detail = f"Taylor runs differ by {settled:.1e}"
    check, failed = _scipy_flow(system, start, span, "DOP853", _TIGHTEST)
    apart = np.inf if failed else _distance(check - value, value)
    if not apart <= 1e-9:
        estimate = max(estimate, _SAFETY * apart)
        detail += f", but DOP853 is {apart:.1e} away {failed}"
    return ReferenceFlow(value, estimate, bool(estimate <= tolerance), methods, detail)


def _in_float64(
    system: System, start: FloatArray, span: tuple[float, float], tolerance: float
) -> ReferenceFlow:
    value, failed = _scipy_flow(system, start, span, "DOP853", max(tolerance / 100, _TIGHTEST))
    if failed:
        return _failure(start, ("DOP853",), failed)
    other, unsettled, name = _second_flow(system, start, span, tolerance)
    apart = _distance(value - other, value)
    error = _SAFETY * (apart + unsettled) + 8 * _UNIT_ROUNDOFF
    meets = bool(error <= tolerance)
    detail = f"the methods differ by {apart:.1e}, the second has {unsettled:.1e} to settle"
    if not meets:
        detail += f": more than {tolerance:.1e} allows"
    return ReferenceFlow(value, error, meets, ("DOP853", name), detail)


def _second_flow(
    system: System, start: FloatArray, span: tuple[float, float], tolerance: float
) -> tuple[State, float, str]:
    """A method of another kind: its value, how far it has still to settle, its name."""
    target = max(tolerance / 10, 4 * _UNIT_ROUNDOFF)
    try:
        with np.errstate(all="ignore"):
            value, change = extrapolated_flow(system, start, span, target)
        if change <= max(target, 1e-12):
            return value, change, "extrapolated midpoint rule"
    except FlowcertError:
        pass  # the field overflowed: equal steps are too long for it, Radau chooses its own
    relative = max(tolerance / 100, _TIGHTEST_RADAU)
    value, failed = _scipy_flow(system, start, span, "Radau", relative)
    return value, np.inf if failed else relative, "Radau"


def _scipy_flow(
    system: System, start: FloatArray, span: tuple[float, float], method: str, relative: float
) -> tuple[State, str]:
    """The end of every trajectory of the batch, and why it was not reached (or nothing)."""
    from scipy.integrate import solve_ivp

    options = {"jac": system.jacobian} if method == "Radau" else {}
    ends = np.full(start.shape, np.nan)
    for index in np.ndindex(start.shape[:-1]):
        try:
            with np.errstate(all="ignore"):
                run = solve_ivp(
                    system, span, start[index], method, rtol=relative, atol=relative, **options
                )
        except FlowcertError as error:
            return ends, f"{method} stopped: {error}"
        if not run.success:
            return ends, f"{method} stopped at t = {run.t[-1]:.8g}: {run.message}"
        ends[index] = run.y[:, -1]
    return ends, ""


def _distance(difference: State, value: State) -> float:
    """The largest |δyᵢ| / max(1, |yᵢ|) over the batch; infinite where it is NaN."""
    relative = np.abs(difference) / np.maximum(1.0, np.abs(value))
    largest = float(np.max(relative, initial=0.0))
    return largest if np.isfinite(largest) else np.inf


def _failure(start: FloatArray, methods: tuple[str, ...], detail: str) -> ReferenceFlow:
    return ReferenceFlow(np.full(start.shape, np.nan), np.inf, False, methods, detail)


def _span(span: tuple[float, float]) -> tuple[float, float]:
    ends = finite_array("span", span)
    if ends.shape != (2,):
        raise DomainError(
            came=f"span = {span!r}",
            expected="(t₀, t₁)",
            remedy="Pass the first and the last time.",
        )
    return float(ends[0]), float(ends[1])


def _require_axis(y0: State) -> None:
    if y0.ndim == 0:
        raise ShapeError(
            came="y0 of shape ()",
            expected="shape (..., n): the last axis is the state",
            remedy="Write [y0] for a system of one equation.",
        )
