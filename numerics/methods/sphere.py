"""Methods that keep the norm: Lie-group integrators on spheres, and Heun with norm correction."""

from __future__ import annotations

import numpy as np

from ...errors import StructureError
from ..systems.sphere import RotatingSystem, SphereSystem
from ..systems.system import State, System, Time
from .difference_quotient import unit_roundoff
from .explicit import RK4
from .method import Method
from .skew_exponential import commutator, require_skew, rotate

_ROUNDINGS = 64  # the largest xᵀf of a tangent field, in roundings


class _Rotation(Method):
    """Methods for ẏ = S(t, y)y that move y by rotations."""

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system if it has a skew matrix; raises StructureError."""
        if not isinstance(system, RotatingSystem):
            raise _no_skew(system)
        if isinstance(system, System):
            return system
        return SphereSystem(system.skew, system.dimension)


class _LieEuler(_Rotation):
    """y⁺ = exp(hS(t, y))y.

    Guaranteed: |y⁺| = |y| up to rounding. Raises StructureError where S is not skew. Source:
    Iserles, Munthe-Kaas, Nørsett and Zanna, Acta Numerica 9 (2000) [D].

    >>> turn = SphereSystem(lambda t, y: np.array([[0.0, -1.0], [1.0, 0.0]]), 2)
    >>> LieEuler.step(turn, 0.0, np.array([1.0, 0.0]), np.pi / 2).round(12).tolist()
    [0.0, 1.0]
    """

    name = "LieEuler"
    order = 1

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        return rotate(h * _skew(system, t, y), y)


class _MuntheKaas(_Rotation):
    """y⁺ = exp(v)y, v one step of RK4 for u' = dexp⁻¹_u(S(t, exp(u)y)), u(0) = 0.

    dexp⁻¹_u(k) = k − ½[u, k] + (1/12)[u, [u, k]] + O(|u|⁴): what is cut off does not reach order
    4. Guaranteed: |y⁺| = |y| up to rounding. Raises StructureError where S is not skew. Source:
    Munthe-Kaas, Appl. Numer. Math. 29 (1999); Hairer, Lubich and Wanner, *Geometric Numerical
    Integration*, section IV.8 [D].

    >>> turn = SphereSystem(lambda t, y: np.array([[0.0, -t], [t, 0.0]]), 2)
    >>> RKMK4.step(turn, 0.0, np.array([1.0, 0.0]), np.sqrt(np.pi)).round(12).tolist()
    [0.0, 1.0]
    """

    name = "RKMK4"
    order = 4

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        A, b, c, _ = RK4.tableau.coefficients(y)
        slopes: list[State] = []
        for i in range(len(b)):
            if i == 0:
                slopes.append(h * _skew(system, t, y))
                continue
            # RK4's stages depend on the one before only.
            u = A[i, i - 1] * slopes[i - 1]
            k = h * _skew(system, t + c[i] * h, rotate(u, y))
            inner = commutator(u, k)
            slopes.append(k - inner / 2 + commutator(u, inner) / 12)
        return rotate(sum((w * k for w, k in zip(b, slopes, strict=True)), 0 * slopes[0]), y)


class _NormCorrectedHeun(Method):
    """φ = x + h(k₁ + k₂)/2 by Heun, then x⁺ = (1 − λ)φ + λx, λ = |k₁ − k₂|²/|k₁ + k₂|².

    For fields that are tangent to spheres, xᵀf(t, x) = 0, this λ is (|φ|² − |x|²)/|φ − x|², without
    its cancellation at small h; near λ = 1 (long steps) it is 1 − λ that is computed without, as
    −2xᵀ(φ − x)/|φ − x|²; x⁺ = x where k₁ + k₂ = 0: at rest. Guaranteed: |x⁺| = |x| up to rounding,
    order 2. Raises StructureError where the field is not tangent. Source: paper, sphere-preserving
    fields [P]; the stable λ flowcert [D].

    >>> from flowcert.numerics import FieldSystem
    >>> turn = FieldSystem(lambda t, x: np.stack([-x[..., 1], x[..., 0]], axis=-1), dimension=2)
    >>> x = NormCorrectedHeun.step(turn, 0.0, np.array([3.0, 4.0]), 0.5)
    >>> bool(abs((x * x).sum() - 25) < 1e-14)
    True
    """

    name = "NormCorrectedHeun"
    order = 2

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        first = system(t, y)
        _require_tangent(y, first, h, t)
        end = y + h * first
        second = system(t + h, end)
        _require_tangent(end, second, h, t + h)
        total, difference = first + second, first - second
        size = np.abs(total).max(axis=-1, keepdims=True)
        size = np.where(size == 0, 1, size)  # squares of the quotients do not underflow
        square = ((total / size) ** 2).sum(axis=-1, keepdims=True)
        weight = ((difference / size) ** 2).sum(axis=-1, keepdims=True)
        square = np.where(square == 0, 1, square)
        weight = weight / square
        # h(1 − λ): for short steps 1 − λ is near 1, for long ones λ is.
        inward = -4 * (y * (total / size)).sum(axis=-1, keepdims=True) / size / square
        return np.asarray(y + np.where(2 * weight < 1, h * (1 - weight), inward) * (total / 2))


LieEuler = _LieEuler()
RKMK4 = _MuntheKaas()
NormCorrectedHeun = _NormCorrectedHeun()


def _no_skew(system: object) -> StructureError:
    return StructureError(
        came=f"{type(system).__name__} without a skew matrix",
        expected="a system ẏ = S(t, y)y with skew(t, y)",
        remedy="Write SphereSystem(skew, dimension), or take NormCorrectedHeun.",
    )


def _skew(system: System, t: Time, y: State) -> State:
    rotating: object = system
    if not isinstance(rotating, RotatingSystem):
        raise _no_skew(rotating)
    S = np.asarray(rotating.skew(t, y))
    require_skew(S)
    return S


def _require_tangent(x: State, rate: State, h: Time, t: Time) -> None:
    """Raise where xᵀf is not zero up to the rounding of its terms, or of |x|² in this step."""
    radial = np.abs((x * rate).sum(axis=-1))
    terms = np.abs(x * rate).sum(axis=-1)
    square = (x * x).sum(axis=-1)
    limit = _ROUNDINGS * x.shape[-1] * unit_roundoff(x)
    if np.all((radial <= limit * terms) | (radial * abs(h) <= limit * square)):
        return
    worst = np.max(radial)
    raise StructureError(
        came=f"a field with xᵀf(t, x) = {float(worst):.1e} at t = {float(t):g}",
        expected="a field tangent to spheres: xᵀf(t, x) = 0 up to rounding",
        remedy="Write it as S(t, x)x with S skew, or take Relaxation or Projection.",
    )
