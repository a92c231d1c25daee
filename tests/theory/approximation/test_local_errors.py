"""Local errors against exact flows of linear and shear fields, in many digits."""

import mpmath
import numpy as np
import pytest
from scipy.linalg import expm

from flowcert.theory.approximation.local_errors import (
    growth,
    holomorphic_error,
    lie_trotter_error,
    mean_growth,
    strang_error,
)
from flowcert.theory.approximation.schemes import SCHEMES, scheme_of


def _log_norm(A):
    return float(np.linalg.eigvalsh((A + A.T) / 2).max())


def _bracket(A, B):
    return B @ A - A @ B


def _norm(A):
    return float(np.linalg.norm(A, 2))


def _composed(matrices, stages, h):
    made = np.eye(len(matrices[0]))
    for i, weight in stages:
        made = expm(weight * h * matrices[i]) @ made
    return made


@pytest.mark.parametrize("nu", [-2.0, -1e-9, 0.0, 1e-12, 1e-9, 0.3, 40.0])
@pytest.mark.parametrize("t", [0.0, 1e-9, 0.5, 3.0])
def test_growth_and_its_mean_are_upper_bounds(nu, t):
    with mpmath.workdps(40):
        z = mpmath.mpf(max(nu, 0.0)) * t
        mean = mpmath.expm1(z) / z if z else mpmath.mpf(1)
        assert mpmath.exp(z) <= growth(nu, t) <= mpmath.exp(z) * (1 + mpmath.mpf(10) ** -9)
        assert mean <= mean_growth(nu, t) <= mean * (1 + mpmath.mpf(10) ** -7)


def test_nothing_grows_in_no_time_even_where_nothing_is_known():
    assert growth(np.inf, 0.0) == mean_growth(np.inf, 0.0) == 1.0


@pytest.mark.parametrize("seed", range(40))
def test_lie_trotter_of_linear_fields(seed):
    generator = np.random.default_rng(seed)
    count, n, h = generator.integers(2, 5), generator.integers(1, 4), generator.uniform(0.01, 1)
    matrices = list(generator.uniform(-1, 1, (count, n, n)))
    nus = [_log_norm(A) for A in matrices]
    reach = np.exp(h * sum(max(nu, 0) for nu in nus))
    brackets = [_norm(_bracket(sum(matrices[:j]), matrices[j])) * reach for j in range(1, count)]
    bound = lie_trotter_error(h, _log_norm(sum(matrices)), nus, brackets)
    made = _composed(matrices, [(i, 1.0) for i in range(count)], h)
    assert _norm(made - expm(h * sum(matrices))) <= bound + 1e-14


@pytest.mark.parametrize("seed", range(40))
def test_strang_of_linear_fields(seed):
    generator = np.random.default_rng(100 + seed)
    n, h = generator.integers(1, 4), generator.uniform(0.01, 1)
    A, B = generator.uniform(-1, 1, (2, n, n))
    C, nus = _bracket(A, B), (_log_norm(A), _log_norm(B))
    reach = np.exp(h * sum(max(nu, 0) for nu in nus))
    sizes = (_norm(_bracket(A, C)) * reach, _norm(_bracket(B, C)) * reach)
    bound = strang_error(h, _log_norm(A + B), *nus, *sizes)
    made = _composed([A, B], [(0, 0.5), (1, 1.0), (0, 0.5)], h)
    assert _norm(made - expm(h * (A + B))) <= bound + 1e-14


def test_constants_are_exact_for_slow_shears():
    """e₁ and εx₁e₂: εh²/2. e₁ and ε(x₁e₂ + x₂e₃), ε → 0: ε²h³/12 inside, ε²h³/24 outside."""
    assert 0.5 <= lie_trotter_error(1.0, 0.0, [0.0, 0.0], [1.0]) < 0.5 + 1e-9
    with mpmath.workdps(50):
        h, epsilon = mpmath.mpf(1), mpmath.mpf(10) ** -9
        shear = epsilon * mpmath.matrix([[0, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]])
        move = mpmath.matrix(4, 4)
        move[0, 3] = 1

        def error(outer, inner):
            half = mpmath.expm(outer * h / 2)
            difference = half * mpmath.expm(inner * h) * half - mpmath.expm((outer + inner) * h)
            return abs(difference[2, 3]) / epsilon**2

        inside, outside = float(error(move, shear)), float(error(shear, move))
    assert strang_error(1.0, 0.0, 0.0, 0.0, 0.0, 1.0) == pytest.approx(inside, rel=1e-9)
    assert strang_error(1.0, 0.0, 0.0, 0.0, 1.0, 0.0) == pytest.approx(outside, rel=1e-9)


@pytest.mark.parametrize("name", list(SCHEMES))
@pytest.mark.parametrize("count", [2, 3])
def test_orders_of_the_schemes(name, count):
    """Exact products of exponentials: the local error halves as the order says."""
    scheme = scheme_of(name)
    generator = np.random.default_rng(7)
    matrices = [mpmath.matrix(A.tolist()) for A in generator.uniform(-1, 1, (count, 3, 3))]
    whole = sum(matrices[1:], matrices[0])

    def error(h):
        made = mpmath.eye(3)
        for i, weight in scheme.stages(count):
            made = mpmath.expm(weight * h * matrices[i]) * made
        return mpmath.norm(made - mpmath.expm(h * whole))

    with mpmath.workdps(30):
        order = mpmath.log(error(mpmath.mpf("0.02")) / error(mpmath.mpf("0.01")), 2) - 1
    assert abs(order - scheme.order) < 0.05
    for i in range(count):
        assert sum(w for j, w in scheme.stages(count) if j == i) == pytest.approx(1, abs=1e-15)


@pytest.mark.parametrize("name", list(SCHEMES))
@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_holomorphic_error_of_linear_fields(name, share):
    scheme = scheme_of(name)
    matrices = np.random.default_rng(5).uniform(-1, 1, (2, 2, 2))
    margin = 0.7
    path = sum(abs(w) * _norm(matrices[i]) for i, w in scheme.stages(2)) * (1 + margin)
    speed = _norm(matrices.sum(0)) * (1 + margin)
    h = share * margin / max(path, speed)
    bound = holomorphic_error(h, scheme.order, path, speed, margin)
    error = _norm(_composed(matrices, scheme.stages(2), h) - expm(h * matrices.sum(0)))
    assert error <= bound + 1e-14
    assert bound == pytest.approx(h * (path + speed) * share**scheme.order, rel=1e-9)


def test_holomorphic_error_at_the_edges():
    assert holomorphic_error(1.0, 4, 0.0, 0.0, 1.0) == 0.0
    assert holomorphic_error(1.0, 4, 1.0, 0.5, 1.0) == np.inf  # h = H
    assert holomorphic_error(0.5, 4, np.inf, 1.0, 1.0) == np.inf
    assert holomorphic_error(0.5, 4, 1e-320, 0.0, 1.0) < 1e-300
