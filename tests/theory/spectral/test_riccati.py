"""The Riccati recursion against vertices, SVDs and the semidefinite programme it stands for."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DataError
from flowcert.numerics.validation import FloatArray
from flowcert.theory.spectral import riccati
from flowcert.theory.spectral.chain_layers import ChainLayer, chain_widths
from flowcert.theory.spectral.dense import bound_dense
from flowcert.theory.spectral.multiplier_search import affordable_passes, estimate_multipliers
from flowcert.theory.spectral.riccati import bound_chain

RELU, LEAKY = (0.0, 1.0), (0.25, 1.0)


def multilayer(
    rng: np.random.Generator,
    widths: Sequence[int],
    slopes: tuple[float, float] = RELU,
    scale: float = 1.0,
) -> list[ChainLayer]:
    """W_k σ(… σ(W₁x)), Gaussian with entries of variance 1/width."""
    layers: list[ChainLayer] = []
    for before, after in itertools.pairwise(widths):
        W = scale * rng.standard_normal((after, before)) / math.sqrt(before)
        layers += [ChainLayer.linear(W), ChainLayer(None, None, slopes)]
    return layers[:-1]


def residual(
    rng: np.random.Generator, width: int, depth: int, slopes: tuple[float, float] = LEAKY
) -> list[ChainLayer]:
    """x + ½Cσ(Ax) with matrices of norm 1."""
    layers = []
    for _ in range(depth):
        A, C = rng.standard_normal((2, width, width))
        C *= 0.5 / np.linalg.norm(C, 2)
        layers.append(ChainLayer(A / np.linalg.norm(A, 2), C, slopes, 1.0))
    return layers


def certified(layers: Sequence[ChainLayer]) -> float:
    found = estimate_multipliers(layers)
    assert found is not None
    return bound_chain(layers, found)


def product_bound(layers: Sequence[ChainLayer]) -> float:
    factors = []
    for layer in layers:
        norms = [bound_dense(M).largest for M in (layer.A, layer.C) if M is not None]
        factors.append(abs(layer.skip) + max(map(abs, layer.slopes)) * math.prod(norms))
    return math.prod(factors)


def jacobian(layers: Sequence[ChainLayer], slopes: Sequence[FloatArray]) -> FloatArray:
    J = np.eye(chain_widths(layers)[0])
    for layer, d in zip(layers, slopes, strict=True):
        z = J if layer.A is None else layer.A @ J
        s = d[:, None] * z
        s = s if layer.C is None else layer.C @ s
        J = s + layer.skip * J if layer.skip else s
    return J


def activations(layers: Sequence[ChainLayer]) -> list[int]:
    widths = []
    for layer, outputs in zip(layers, chain_widths(layers)[1:], strict=True):
        hidden = outputs if layer.C is None else layer.C.shape[1]
        widths.append(hidden if layer.A is None else len(layer.A))
    return widths


def vertices(layers: Sequence[ChainLayer]) -> Iterator[list[FloatArray]]:
    choices = [
        [np.array(d) for d in itertools.product(sorted(set(layer.slopes)), repeat=n)]
        for layer, n in zip(layers, activations(layers), strict=True)
    ]
    for slopes in itertools.product(*choices):
        yield list(slopes)


def worst(layers: Sequence[ChainLayer]) -> float:
    """Over all patterns of slopes: what no valid bound of them all can be below."""
    return max(float(np.linalg.norm(jacobian(layers, slopes), 2)) for slopes in vertices(layers))


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([(2, 3, 2), (3, 2, 2, 1), (1, 3, 1), (2, 2, 2, 2)]),
    st.sampled_from([RELU, LEAKY, (-0.5, 1.0), (-1.0, 0.25), (0.5, 3.0)]),
    st.sampled_from([1e-30, 1e-6, 1e-3, 1.0, 1e3, 1e6, 1e30]),
)
def test_no_pattern_of_slopes_exceeds_the_bound(
    seed: int, widths: tuple[int, ...], slopes: tuple[float, float], scale: float
) -> None:
    layers = multilayer(np.random.default_rng(seed), widths, slopes, scale)
    bound, truth = certified(layers), worst(layers)
    assert truth <= bound <= product_bound(layers) * (1 + 1e-3)
    assert bound > 0.0


@settings(max_examples=40, derandomize=True, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from([RELU, LEAKY, (-0.5, 1.0), (1e-20, 1.0), (1e-30, 2e-30), (0.0, 1e12)]),
    st.sampled_from([1.0, -1.0, 0.25, 1e-9, 1e9]),
    st.sampled_from(["AC", "A", "C", ""]),
)
def test_no_pattern_exceeds_the_bound_of_residual_layers(
    seed: int, slopes: tuple[float, float], skip: float, matrices: str
) -> None:
    rng = np.random.default_rng(seed)
    layers = [ChainLayer.linear(rng.standard_normal((2, 3)))]
    for _ in range(2):
        A, C = (rng.standard_normal((2, 2)) if name in matrices else None for name in "AC")
        layers.append(ChainLayer(A, C, slopes, skip))
    truth = worst(layers)
    assert truth * (1 - 1e-13) <= certified(layers) <= product_bound(layers) * (1 + 1e-3)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(0, 10**6), st.floats(-4.0, 4.0))
def test_any_multipliers_give_a_bound(seed: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    layers = multilayer(rng, (2, 3, 2), LEAKY) + residual(rng, 2, 1)
    found = estimate_multipliers(layers)
    assert found is not None
    moved = [[x * 10 ** (spread * rng.random()) for x in row] for row in found]
    assert bound_chain(layers, moved) >= worst(layers)


@pytest.mark.parametrize("slope", [1.0, -0.75, 1e-12])
def test_linear_chains_have_the_norm_of_their_product(slope: float) -> None:
    rng = np.random.default_rng(3)
    layers = multilayer(rng, (5, 4, 6, 3), (slope, slope)) + residual(rng, 3, 2, (slope, slope))
    truth = float(np.linalg.norm(jacobian(layers, next(vertices(layers))), 2))
    bound = certified(layers)
    assert truth * (1 - 1e-14) <= bound <= truth * (1 + 1e-6)


def test_diagonal_networks_are_bounded_sharply() -> None:
    layers = [
        ChainLayer.linear(np.diag([3.0, 1.0])),
        ChainLayer(None, None, RELU),
        ChainLayer.linear(np.diag([2.0, 1.0])),
    ]
    assert 6.0 <= certified(layers) <= 6.0 * (1 + 1e-6)


def test_a_gradient_step_gets_its_sharp_factor() -> None:
    """x − Aᵀσ(Ax), slopes in [¼, 1], σ(A) = 1 and ½: 1 − ¼·¼."""
    A = np.diag([1.0, 0.5])
    layers = [ChainLayer(A, -A.T, LEAKY, 1.0)]
    assert 1 - 1 / 16 <= certified(layers) <= (1 - 1 / 16) * (1 + 1e-3)


def semidefinite(layers: Sequence[ChainLayer]) -> float:
    """LipSDP: the smallest s with |x_N|² ≤ s|x₀|² by any multipliers, all layers at once."""
    import cvxpy as cp

    sizes = [
        n if layer.slopes[0] < layer.slopes[1] else 0
        for layer, n in zip(layers, activations(layers), strict=True)
    ]
    n = chain_widths(layers)[0]
    X = np.eye(n, n + sum(sizes))
    E, at, terms = X.copy(), n, []
    for layer, size in zip(layers, sizes, strict=True):
        low, high = layer.slopes
        Z = X if layer.A is None else layer.A @ X
        answer = 0.5 * (low + high) * Z
        if size:
            V = np.eye(size, X.shape[1], at)
            at += size
            weights = cp.diag(cp.Variable(size, nonneg=True))
            terms.append(Z.T @ weights @ Z - V.T @ weights @ V)
            answer = answer + 0.5 * (high - low) * V
        answer = answer if layer.C is None else layer.C @ answer
        X = answer + layer.skip * X if layer.skip else answer
    s = cp.Variable(nonneg=True)
    M = s * E.T @ E - X.T @ X - sum(terms)
    problem = cp.Problem(cp.Minimize(s), [0.5 * (M + M.T) >> 0])
    problem.solve(solver="CLARABEL")
    assert problem.status == "optimal"
    return math.sqrt(float(s.value))


@pytest.mark.parametrize("seed", range(4))
def test_as_tight_as_the_semidefinite_programme(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layers = multilayer(rng, (6, 8, 8, 3)) if seed % 2 else residual(rng, 6, 3)
    best = semidefinite(layers)
    assert best * (1 - 1e-6) <= certified(layers) <= best * (1 + 1e-3)


def test_much_below_the_product() -> None:
    layers = multilayer(np.random.default_rng(0), [64] * 10 + [10])
    assert certified(layers) < 0.1 * product_bound(layers)
    blocks = residual(np.random.default_rng(0), 32, 6)
    assert certified(blocks) < 0.5 * product_bound(blocks)


def test_ten_layers_of_64_in_half_a_second() -> None:
    layers = multilayer(np.random.default_rng(1), [64] * 10 + [10])
    certified(layers)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        certified(layers)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 2.0  # 0.3 s on an idle core; the machine may be busy


def test_wide_inputs_cost_nothing_and_wide_chains_are_refused() -> None:
    rng = np.random.default_rng(2)
    layers = multilayer(rng, (3000, 8, 8, 2))
    assert certified(layers) <= product_bound(layers)
    wide = [ChainLayer.linear(np.eye(1500)), ChainLayer(None, None, RELU)] * 4
    assert affordable_passes(wide) == 0
    assert estimate_multipliers(wide) is None


@pytest.mark.parametrize("zero", [0, 2])
def test_zero_matrices_give_a_bound_next_to_nothing(zero: int) -> None:
    layers = multilayer(np.random.default_rng(4), (3, 4, 2))
    W = layers[zero].A
    assert W is not None
    layers[zero] = ChainLayer.linear(0.0 * W)
    size = 1.0 if zero == 0 else 1e-40
    assert 0.0 <= bound_chain(layers, [[], [size] * 4, []]) < 1e-9


def test_a_constant_activation_gives_a_bound_next_to_nothing() -> None:
    layers = multilayer(np.random.default_rng(4), (3, 4, 2), (0.0, 0.0))
    assert 0.0 <= bound_chain(layers, [[], [], []]) < 1e-9
    assert estimate_multipliers(layers) is None


@pytest.mark.parametrize("scale", [1e-200, 1e-150, 1e-30, 1e-3, 1e30, 1e100])
def test_scales_come_out_exactly(scale: float) -> None:
    plain = multilayer(np.random.default_rng(6), (4, 5, 5, 2))
    power = 2.0 ** math.frexp(scale)[1]
    scaled = [ChainLayer(None if x.A is None else power * x.A, None, x.slopes) for x in plain]
    bound = certified(scaled)
    exponent = 3 * math.log2(power)
    if exponent < -1000:
        assert 0.0 < bound < 1e-290
    elif exponent > 1000:
        assert bound == math.inf
    else:
        assert bound == pytest.approx(certified(plain) * power**3, rel=1e-12)


def test_an_error_of_the_matrices_is_paid_for() -> None:
    rng = np.random.default_rng(7)
    A, C, W = rng.standard_normal((3, 3, 3))
    exact = [ChainLayer(A, C, LEAKY, 1.0), ChainLayer.linear(W)]
    weights = estimate_multipliers(exact)
    assert weights is not None
    error = 1e-3
    given = [ChainLayer(A, C, LEAKY, 1.0, error, error), ChainLayer.linear(W, error)]
    bound = bound_chain(given, weights)
    for seed in range(20):
        off = np.random.default_rng(seed).standard_normal((3, 3, 3))
        off *= error / np.linalg.norm(off, 2, axis=(1, 2))[:, None, None]
        moved = [ChainLayer(A + off[0], C + off[1], LEAKY, 1.0), ChainLayer.linear(W + off[2])]
        assert worst(moved) <= bound
    assert bound_chain(exact, weights) < bound
    # Along the singular vectors the error is attained.
    U, s, V = np.linalg.svd(W)
    alone = [ChainLayer.linear(W + error * np.outer(U[:, 0], V[0])), ChainLayer(None, None, (1, 1))]
    assert worst(alone) <= bound_chain([ChainLayer.linear(W, error), alone[1]], [[], []])
    assert worst(alone) == pytest.approx(s[0] + error)


BROKEN = {
    "negative": [[], [-1.0, 1.0, 1.0], []],
    "NaN": [[], [math.nan, 1.0, 1.0], []],
    "infinite": [[], [math.inf, 1.0, 1.0], []],
    "too few": [[], [1.0, 1.0], []],
    "a layer missing": [[], [1.0, 1.0, 1.0]],
    "where none belong": [[1.0], [1.0, 1.0, 1.0], []],
}


@pytest.mark.parametrize("weights", BROKEN.values(), ids=BROKEN)
def test_malformed_multipliers_are_refused(weights: list[list[float]]) -> None:
    layers = multilayer(np.random.default_rng(8), (2, 3, 2))
    with pytest.raises(DataError):
        bound_chain(layers, weights)


@pytest.mark.parametrize("size", [0.0, 1e-300, 1e-3])
def test_infeasible_multipliers_give_infinity(size: float) -> None:
    layers = multilayer(np.random.default_rng(8), (2, 3, 2))
    assert bound_chain(layers, [[], [size] * 3, []]) == math.inf


def test_enormous_multipliers_are_a_bad_bound_not_a_wrong_one() -> None:
    layers = multilayer(np.random.default_rng(8), (2, 3, 2))
    for size in (1e10, 1e200, 1e308):
        assert bound_chain(layers, [[], [size] * 3, []]) > worst(layers)


def test_a_chain_without_a_matrix_is_refused() -> None:
    with pytest.raises(DataError, match="matrix"):
        bound_chain([ChainLayer(None, None, RELU)], [[1.0]])


def _half_radius(scale: Callable[..., riccati.ScaledLayer]) -> Callable[..., riccati.ScaledLayer]:
    def broken(layer: ChainLayer) -> riccati.ScaledLayer:
        scaled = scale(layer)
        return replace(scaled, rho=0.5 * scaled.rho)

    return broken


def _without_skip(scale: Callable[..., riccati.ScaledLayer]) -> Callable[..., riccati.ScaledLayer]:
    return lambda layer: replace(scale(layer), skip=0.0)


@pytest.mark.parametrize("breaking", [_half_radius, _without_skip])
def test_the_oracle_sees_a_broken_recursion(
    monkeypatch: pytest.MonkeyPatch,
    breaking: Callable[[Callable[..., riccati.ScaledLayer]], Callable[..., riccati.ScaledLayer]],
) -> None:
    layers = residual(np.random.default_rng(9), 2, 2, RELU)
    weights = estimate_multipliers(layers)
    assert weights is not None
    truth = worst(layers)
    assert truth <= bound_chain(layers, weights)
    monkeypatch.setattr(riccati, "scale_layer", breaking(riccati.scale_layer))
    assert bound_chain(layers, weights) < truth


ONE = np.eye(1)
ALONE = {
    "A within Y": (ChainLayer(ONE, ONE, (1.0, 1.0), 1.0, error_A=0.1), [], 2.1),
    "C within Y": (ChainLayer(ONE, ONE, (1.0, 1.0), 1.0, error_C=0.1), [], 2.1),
    # c = 0: Y vanishes, and λ in the units of scale_layer is barely more than ρ²C² = 1/16.
    "A beside Λ": (ChainLayer(ONE, ONE, (-1.0, 1.0), error_A=0.1), [1.01 / 16], 1.1),
    "C beside P": (ChainLayer(ONE, ONE, (-1.0, 1.0), error_C=0.1), [1.01 / 16], 1.1),
}


@pytest.mark.parametrize("case", ALONE)
def test_each_place_of_an_error_is_paid_for(case: str) -> None:
    layer, weights, truth = ALONE[case]
    assert bound_chain([layer], [weights]) >= truth
    assert bound_chain([replace(layer, error_A=0.0, error_C=0.0)], [weights]) < truth


def test_a_wrong_proposal_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its third term the proposed P̂ is too small: the verification must notice."""
    layers = residual(np.random.default_rng(9), 2, 2, RELU)
    weights = estimate_multipliers(layers)
    assert weights is not None
    truth = worst(layers)
    monkeypatch.setattr(riccati.scipy.linalg, "cho_solve", lambda factor, off: 0.0 * off)
    assert bound_chain(layers, weights) >= truth


def test_the_negative_part_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = residual(np.random.default_rng(9), 3, 1, RELU)
    weights = estimate_multipliers(layers)
    assert weights is not None
    plain = bound_chain(layers, weights)
    monkeypatch.setattr(riccati, "bound_negative_part", lambda M: 1e-3)
    assert bound_chain(layers, weights) ** 2 >= plain**2 * (1 + 0.25e-3)


def test_the_rounding_of_the_matrix_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    layers = residual(np.random.default_rng(9), 3, 1, RELU)
    weights = estimate_multipliers(layers)
    assert weights is not None
    plain = bound_chain(layers, weights)
    monkeypatch.setattr(riccati, "gamma", lambda terms: 1e-3)
    assert bound_chain(layers, weights) ** 2 >= plain**2 * (1 + 1e-3)
