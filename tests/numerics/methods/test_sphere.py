"""Methods on spheres: orders on driven rotations, norms to rounding, matrices that are not skew."""

from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from flowcert.errors import ShapeError, StructureError
from flowcert.numerics import LinearField, elementary
from flowcert.numerics.methods import RK4, Heun, Method
from flowcert.numerics.methods.skew_exponential import commutator, require_skew, rotate
from flowcert.numerics.methods.sphere import RKMK4, LieEuler, NormCorrectedHeun
from flowcert.numerics.systems import FieldSystem, SphereSystem

METHODS = [LieEuler, RKMK4, NormCorrectedHeun]


def _matrix(rows: list[list[Any]]) -> Any:
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def _cross(a: Any, b: Any, c: Any) -> Any:
    return _matrix([[0 * a, -c, b], [c, 0 * a, -a], [-b, a, 0 * a]])


def driven_plane() -> SphereSystem:
    def skew(t: Any, y: Any) -> Any:
        w = 1 + y[..., 0] * y[..., 0] + elementary.sin(t)
        return _matrix([[0 * w, -w], [w, 0 * w]])

    return SphereSystem(skew, 2)


def driven_space() -> SphereSystem:
    def skew(t: Any, y: Any) -> Any:
        a, b, c = y[..., 0], y[..., 1], y[..., 2]
        return _cross(a + elementary.sin(2 * t), a * b + 0.3, 2 + c - a * elementary.cos(t))

    return SphereSystem(skew, 3)


def driven_five() -> SphereSystem:
    base = np.array(
        [
            [0, 3, -1, 0, 2],
            [-3, 0, 1, 1, 0],
            [1, -1, 0, -2, 1],
            [0, -1, 2, 0, -1],
            [-2, 0, -1, 1, 0],
        ]
    )
    weights = np.arange(5)

    def skew(t: Any, y: Any) -> Any:
        outer = y[..., :, None] * weights
        return elementary.cos(t) * base + (outer - np.swapaxes(outer, -1, -2)) / 2

    return SphereSystem(skew, 5)


def rigid_body() -> SphereSystem:
    """ẏ = y × I⁻¹y = −(I⁻¹y) × y."""
    return SphereSystem(
        lambda t, y: _cross(-y[..., 0], -y[..., 1] / 2, -y[..., 2] / 3), 3, autonomous=True
    )


PROBLEMS = [
    pytest.param(driven_plane(), [0.6, 0.5], id="plane"),
    pytest.param(driven_space(), [0.8, 0.3, 0.6], id="space"),
    pytest.param(driven_five(), [0.3, -0.5, 0.4, 0.6, -0.2], id="five"),
    pytest.param(rigid_body(), [0.8, 0.3, 0.6], id="rigid-body"),
]


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize(("system", "y0"), PROBLEMS)
def test_declared_order(method: Method, system: SphereSystem, y0: list[float]) -> None:
    end, count = 1.0, {1: 320, 2: 80, 4: 20}[method.order]
    reference = solve_ivp(
        lambda t, y: system(t, y), (0.0, end), y0, method="DOP853", rtol=1e-13, atol=1e-14
    ).y[:, -1]
    errors = []
    for steps in (count, 2 * count):
        y = np.array(y0)
        for i in range(steps):
            y = method.step(system, i * end / steps, y, end / steps)
        errors.append(np.abs(y - reference).max())
    assert np.log2(errors[0] / errors[1]) == pytest.approx(method.order, abs=0.15)


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize(("system", "y0"), PROBLEMS)
def test_the_norm_is_kept(method: Method, system: SphereSystem, y0: list[float]) -> None:
    y, h = np.array(y0), 0.1
    norm = np.linalg.norm(y)
    ratios = [1.0]
    for i in range(1000):
        y = method.step(system, i * h, y, h)
        ratios.append(float(np.linalg.norm(y) / norm))
    assert np.abs(np.diff(ratios)).max() <= 2e-15
    assert abs(ratios[-1] - 1) <= 2e-14


def test_a_frozen_matrix_is_solved_exactly() -> None:
    turn = np.array([[0.0, -3.0, 1.0], [3.0, 0.0, -2.0], [-1.0, 2.0, 0.0]])
    frozen = SphereSystem(lambda t, y: turn, 3, autonomous=True)
    y = np.array([0.8, 0.3, 0.6])
    for method in (LieEuler, RKMK4):
        assert np.abs(method.step(frozen, 0.0, y, 0.7) - expm(0.7 * turn) @ y).max() <= 1e-15


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-160, 1e-12, 1e-8, 1e-4, 1.0, 3.0, 50.0])
@pytest.mark.parametrize("n", [2, 3, 4, 6])
def test_rotations_against_mpmath(n: int, size: float) -> None:
    random = np.random.default_rng(n)
    full = random.normal(size=(n, n))
    skew, y = size * (full - full.T), random.normal(size=n)
    with mpmath.workdps(40):
        wanted = mpmath.expm(mpmath.matrix(skew.tolist())) * mpmath.matrix(y.tolist())
        expected = np.array([float(v) for v in wanted])
    found = rotate(skew, y)
    allowed = 4e-15 * max(1.0, float(np.abs(skew).max()))  # the angle itself is rounded
    assert np.abs(found - expected).max() <= allowed
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(y), rel=3e-15)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_rotations_of_mpmath_numbers(n: int) -> None:
    full = np.random.default_rng(n).normal(size=(n, n))
    skew, y = full - full.T, np.arange(1.0, n + 1)
    with mpmath.workdps(50):
        exact_y = np.array([mpmath.mpf(v) for v in y], dtype=object)
        exact_skew = np.vectorize(mpmath.mpf, otypes=[object])(skew)
        found = rotate(exact_skew, exact_y)
        defect = abs((found * found).sum() - (exact_y * exact_y).sum())
        assert defect <= mpmath.mpf(10) ** -46
    assert np.abs(found.astype(float) - rotate(skew, y)).max() <= 1e-14


def test_the_exponential_of_a_matrix_that_is_not_skew_is_refused() -> None:
    for n in (2, 3, 4):
        matrix = np.triu(np.ones((n, n)), 1) - np.tril(np.ones((n, n)), -1)
        rotate(matrix, np.ones(n))
        matrix[0, 1] += 1e-10
        with pytest.raises(StructureError, match="skew"):
            rotate(matrix, np.ones(n))
    with pytest.raises(StructureError, match="skew"):
        require_skew(np.full((2, 2), np.nan))
    with pytest.raises(StructureError, match="skew"):
        require_skew(np.eye(3))
    with pytest.raises(ShapeError, match="n, n"):
        require_skew(np.zeros((2, 3)))


def test_commutators() -> None:
    random = np.random.default_rng(0)
    a, b = (m - m.T for m in random.normal(size=(2, 4, 4)))
    assert np.abs(commutator(a, b) - (a @ b - b @ a)).max() <= 1e-14
    assert np.all(commutator(a, b) == -commutator(a, b).T)


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_batches_are_the_single_steps(method: Method) -> None:
    system = driven_space()
    batch = np.array([[[0.8, 0.3, 0.6], [0.0, 1.0, 0.0]], [[0.1, -0.3, 2.0], [0.0, 0.0, 0.0]]])
    together = method.step(system, 0.4, batch, 0.1)
    for index in np.ndindex(2, 2):
        alone = method.step(system, 0.4, batch[index], 0.1)
        assert np.abs(together[index] - alone).max() <= 5e-16


@pytest.mark.parametrize("method", METHODS, ids=repr)
@pytest.mark.parametrize(("system", "y0"), PROBLEMS)
def test_forty_digits(method: Method, system: SphereSystem, y0: list[float]) -> None:
    with mpmath.workdps(40):
        y = np.array([mpmath.mpf(v) for v in y0], dtype=object)
        end = method.step(system, mpmath.mpf(1) / 2, y, mpmath.mpf(1) / 4)
        assert abs((end * end).sum() - (y * y).sum()) <= mpmath.mpf(10) ** -37
    in_float = method.step(system, 0.5, np.array(y0), 0.25)
    assert np.abs(end.astype(float) - in_float).max() <= 1e-14


def test_the_stable_weight_is_the_quotient_of_the_paper() -> None:
    """λ = (|φ|² − |x|²)/|φ − x|², in 50 digits, where it cancels in float64."""
    system, x, h = driven_space(), np.array([0.8, 0.3, 0.6]), 1e-3
    with mpmath.workdps(50):
        exact = np.array([mpmath.mpf(v) for v in x], dtype=object)
        phi = Heun.step(system, mpmath.mpf(0), exact, mpmath.mpf(h))
        d = phi - exact
        weight = ((phi * phi).sum() - (exact * exact).sum()) / (d * d).sum()
        expected = ((1 - weight) * phi + weight * exact).astype(float)
    assert np.abs(NormCorrectedHeun.step(system, 0.0, x, h) - expected).max() <= 3e-16


def test_states_at_rest_stay() -> None:
    """k₁ + k₂ = 0 for a tangent field means h|k₁|² = 0: rest, where the quotient is 0/0."""
    poles = FieldSystem(lambda t, y: y @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 0]]), dimension=3)
    x = np.array([[0.0, 0.0, 2.0], [1.0, 0.0, 0.0]])
    end = NormCorrectedHeun.step(poles, 0.0, x, 0.5)
    assert end[0].tolist() == x[0].tolist()
    assert np.linalg.norm(end[1]) == pytest.approx(1, abs=1e-15)
    assert np.linalg.norm(end[1] - x[1]) >= 0.4


def test_plain_fields_are_accepted_if_they_are_tangent() -> None:
    turn = np.array([[0.0, -2.0], [2.0, 0.0]])
    x = np.array([0.6, 0.8])
    expected = NormCorrectedHeun.step(FieldSystem(lambda t, y: y @ turn.T, 2), 0.0, x, 0.1)
    for field in (LinearField(turn), lambda t, y: y @ turn.T):
        system = NormCorrectedHeun.prepare(field, 2)
        assert NormCorrectedHeun.step(system, 0.0, x, 0.1).tolist() == expected.tolist()
    for slope in (np.eye(2), turn + 1e-9 * np.eye(2)):
        with pytest.raises(StructureError, match="tangent"):
            NormCorrectedHeun.step(NormCorrectedHeun.prepare(LinearField(slope)), 0.0, x, 0.1)


def test_a_tangent_field_next_to_rest_is_not_mistaken() -> None:
    """Near the axis of a rotation the field is all cancellation, and xᵀf all rounding."""
    axis, across = np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, -1.0])
    turn = SphereSystem(lambda t, y: _cross(*axis), 3)
    for size in (1e-6, 1e-10, 1e-15, 0.0):
        y = axis / 7 + size * across
        end = NormCorrectedHeun.step(turn, 0.0, y, 0.5)
        assert np.linalg.norm(end) == pytest.approx(np.linalg.norm(y), rel=1e-15)


def test_systems_without_a_skew_matrix_are_refused() -> None:
    plain = FieldSystem(lambda t, y: -y, dimension=2)
    for method in (LieEuler, RKMK4):
        with pytest.raises(StructureError, match="skew"):
            method.prepare(plain)
        with pytest.raises(StructureError, match="skew"):
            method.step(plain, 0.0, np.ones(2), 0.1)
        stretch = SphereSystem(lambda t, y: np.eye(2), 2)
        with pytest.raises(StructureError, match="skew"):
            method.step(stretch, 0.0, np.ones(2), 0.1)


def test_a_rotating_system_of_the_users_own_is_wrapped() -> None:
    class Own:
        dimension = 2

        def skew(self, t: Any, y: Any) -> Any:
            return np.array([[0.0, -1.0], [1.0, 0.0]])

    system = RKMK4.prepare(Own())
    x = np.array([1.0, 0.0])
    expected = np.array([np.cos(0.3), np.sin(0.3)])
    assert np.abs(RKMK4.step(system, 0.0, x, 0.3) - expected).max() <= 1e-15
    assert np.abs(RK4.step(system, 0.0, x, 0.3) - expected).max() <= 1e-4


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_steps_of_length_zero_stay(method: Method) -> None:
    y = np.array([0.8, 0.3, 0.6])
    assert method.step(driven_space(), 0.3, y, 0.0).tolist() == y.tolist()


@pytest.mark.parametrize("h", [1e2, 1e5, 1e8])
@pytest.mark.parametrize("n", [3, 4, 5])
def test_the_norm_is_kept_in_steps_of_any_length(n, h):
    """Far from the identity: there 1 − λ cancels, and phases lose all of their digits."""
    B = np.random.default_rng(n).normal(size=(n, n))

    def skew(t, y):
        A = B * (1 + 0.3 * y[..., 0, None, None])
        return A - np.swapaxes(A, -1, -2)

    system = SphereSystem(skew, n)
    y = np.random.default_rng(0).normal(size=(20, n))
    size = np.linalg.norm(y, axis=-1)
    for method in (LieEuler, RKMK4):
        kept = np.linalg.norm(method.step(system, 0.0, y, h), axis=-1)
        assert np.abs(kept / size - 1).max() <= 1e-14
    kept = np.linalg.norm(NormCorrectedHeun.step(TURN_IN_SPACE, 0.0, y[:, :3], h), axis=-1)
    assert np.abs(kept / np.linalg.norm(y[:, :3], axis=-1) - 1).max() <= 1e-14


# About the axis (1, 2, 2)/3; whole numbers, so that xᵀf is zero up to one rounding.
TURN_IN_SPACE = FieldSystem(lambda t, y: np.cross(np.array([1.0, 2.0, 2.0]), y), 3)
