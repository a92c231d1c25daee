"""From any system to a separable one, after a check by samples: q̇ may not see q, nor ṗ see p."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...errors import ShapeError, StructureError
from ..systems.separable import SeparableSystem
from ..systems.split import Piece
from ..systems.system import State, System, Time, as_system, state

_SCALES = (1.0, 0.1, 4.0)
_POINTS_PER_SCALE = 3
_SEED = 20  # any fixed one: the same question gets the same answer
_ROUNDING = 2.0**-40  # of the rates: what rounding alone may change


class SampledSeparableSystem(SeparableSystem):
    """A system with q̇ = f(t, p), ṗ = g(t, q), written as one function of (t, y).

    Drift and kick evaluate the whole function at the whole state and keep one half of it: twice the
    work of a ``SeparableSystem``. ``inside`` is a state where the function is defined. Made by
    ``separated``. Source: flowcert [D].

    >>> from flowcert.numerics import FieldSystem
    >>> spring = FieldSystem(lambda t, y: np.stack([y[..., 1], -y[..., 0]], axis=-1), 2)
    >>> SampledSeparableSystem(spring, np.zeros(2)).momentum_rate(0.0, np.array([3.0])).tolist()
    [-3.0]
    """

    def __init__(self, system: System, inside: State) -> None:
        d = system.dimension // 2
        self.system = system

        def position_rate(t: Time, p: State) -> State:
            rest = np.broadcast_to(inside[:d], p.shape)
            return system(t, np.concatenate([rest, p], axis=-1))[..., :d]

        def momentum_rate(t: Time, q: State) -> State:
            rest = np.broadcast_to(inside[d:], q.shape)
            return system(t, np.concatenate([q, rest], axis=-1))[..., d:]

        super().__init__(
            position_rate,
            momentum_rate,
            system.dimension,
            system.jacobian,
            autonomous=system.autonomous,
        )

        # Not with the coordinates of ``inside``: the state itself is where a rate is wanted.
        def drift(t: Time, y: State) -> State:
            rate = system(t, y)
            return np.concatenate([rate[..., :d], 0 * rate[..., d:]], axis=-1)

        def kick(t: Time, y: State) -> State:
            rate = system(t, y)
            return np.concatenate([0 * rate[..., :d], rate[..., d:]], axis=-1)

        self.pieces = (
            Piece(drift, lambda t, y, h: y + h * drift(t, y)),
            Piece(kick, lambda t, y, h: y + h * kick(t, y)),
        )


def separated(
    system: object, name: str, dimension: int | None = None, *, near: State | None = None
) -> SeparableSystem:
    """Return any system as a separable one with y = (q, p), if samples show no other dependence.

    At nine fixed pseudo-random points and times, of three scales, q is moved by about the scale,
    and q̇ must not change beyond rounding (2⁻⁴⁰ of its size); likewise p and ṗ. The points lie
    around ``near`` (a state, or a batch of which the first is taken, which is a tenth point)
    or, without it, around 0; those where the system is not finite are passed over. This
    **samples**: it can refute that a system is separable, not prove it; a dependence that
    vanishes at every point passes. Write a ``SeparableSystem`` to be certain.

    Raises StructureError for an odd dimension, for a system that is not separable (naming the
    entry of the Jacobian), and where no point could be evaluated. Source: flowcert [D].

    >>> separated(lambda t, y: np.stack([y[..., 1], -y[..., 0] - y[..., 1]], axis=-1), "Verlet", 2)
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got ∂ṗ₀/∂p₀ = -1 for Verlet...
    """
    given = as_system(system, dimension)
    refuse_odd_dimension(given, name)
    inside: State | None = None
    for t, y, other in _points(given.dimension, near):
        with np.errstate(all="ignore"):  # a sample may leave the domain: it is passed over
            if _rate(given, t, y) is None:
                continue
            inside = y if inside is None else inside
            for half in _halves(given.dimension):
                _check_block(given, name, t, y, other, half)
    if inside is None:
        raise StructureError(
            came=f"a system that has no finite value at any sample, for {name}",
            expected="a system that can be checked for q̇ = f(t, p), ṗ = g(t, q)",
            remedy="Pass near=y0 to prepare, or write a SeparableSystem.",
        )
    return SampledSeparableSystem(given, inside)


def refuse_odd_dimension(system: System, name: str) -> None:
    """Raise StructureError unless the system has as many momenta as positions.

    >>> from flowcert.numerics import FieldSystem
    >>> refuse_odd_dimension(FieldSystem(lambda t, y: y, 3), "Ruth3")
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got a system of odd dimension 3 for Ruth3; expected ...
    """
    if system.dimension % 2:
        raise StructureError(
            came=f"a system of odd dimension {system.dimension} for {name}",
            expected="y = (q, p) with as many momenta as positions",
            remedy="Take Strang on a SplitSystem, or a Runge–Kutta method.",
        )


def _points(dimension: int, near: State | None) -> Iterator[tuple[float, State, State]]:
    """Times, states, and for each another state of the same size from which halves are taken."""
    random = np.random.default_rng(_SEED)
    centre, unit = np.zeros(dimension), 1.0
    if near is not None:
        centre = state(near, dimension).reshape(-1, dimension)[0].astype(np.float64)
        unit = float(np.abs(centre).max()) or 1.0
        yield 0.0, centre, centre + 0.01 * unit * random.standard_normal(dimension)
    for scale in _SCALES:
        for _ in range(_POINTS_PER_SCALE):
            y, other = centre + scale * unit * random.standard_normal((2, dimension))
            yield float(random.uniform(0.0, 2.0)), y, other


def _halves(dimension: int) -> tuple[slice, slice]:
    d = dimension // 2
    return slice(0, d), slice(d, dimension)


def _rate(system: System, t: float, y: State) -> State | None:
    """f(t, y), or None where it is not finite."""
    try:
        return system(t, y)
    except ShapeError:
        raise
    except (ArithmeticError, ValueError):  # DomainError, and what ``math`` raises
        return None


def _change(system: System, t: float, y: State, moved: State, half: slice) -> State | None:
    """The change of this half of the rates, 0 where rounding explains it, None if not finite."""
    before, after = _rate(system, t, y), _rate(system, t, moved)
    if before is None or after is None:
        return None
    change = np.asarray(after[half] - before[half])
    rounding = _ROUNDING * max(np.abs(before[half]).max(), np.abs(after[half]).max())
    return np.where(np.abs(change) <= rounding, 0.0, change)


def _check_block(system: System, name: str, t: float, y: State, other: State, half: slice) -> None:
    """Raise if this half of the rates changes with the same half of the state."""
    moved = y.copy()
    moved[half] = other[half]
    change = _change(system, t, y, moved, half)
    if change is None or not change.any():
        return
    # All coordinates were moved at once. Which of them was it?
    slopes = np.zeros((len(change), len(change)))
    for j in range(len(change)):
        one = y.copy()
        one[half.start + j] = other[half.start + j]
        alone = _change(system, t, y, one, half)
        if alone is not None:
            slopes[:, j] = alone / (one - y)[half.start + j]
    i, j = divmod(int(np.abs(slopes).argmax()), len(change))
    rate, variable = ("q̇", "q") if half.start == 0 else ("ṗ", "p")
    raise StructureError(
        came=f"∂{rate}{_index(i)}/∂{variable}{_index(j)} = {slopes[i, j]:.6g} for {name}, "
        f"at t = {t:.3g}, y = {np.array2string(y, precision=3, threshold=8)}",
        expected="a separable system: q̇ = f(t, p) and ṗ = g(t, q) with y = (q, p)",
        remedy="Split off the other force and take Strang or Yoshida4(Strang) on a SplitSystem, "
        "or take GaussLegendre(s).",
    )


def _index(k: int) -> str:
    return "".join("₀₁₂₃₄₅₆₇₈₉"[int(digit)] for digit in str(k))
