"""The torus, the symbol on it, and its extreme singular values over the frequencies."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.theory.spectral import Convolution
from flowcert.theory.spectral.convolution_axis import ConvolutionAxis
from flowcert.theory.spectral.symbol import ROOT_ERROR, Symbol, half_grid, roots_of_unity
from flowcert.theory.spectral.symbol_bounds import grid_maximum, grid_minimum
from flowcert.theory.spectral.torus import phase_taps, torus_axis


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 33, 97, 256, 1001])
def test_roots_of_unity_err_by_less_than_is_said(count):
    from mpmath import mp, mpf

    with mp.workdps(40):
        for j, root in enumerate(roots_of_unity(count)):
            exact = mp.expjpi(mpf(2) * j / count)
            assert abs(mp.mpc(root) - exact) <= mpf(ROOT_ERROR)


def test_half_grid_has_one_of_each_pair():
    for sizes in [(1,), (5,), (6, 4), (3, 4, 2)]:
        chosen = {tuple(f) for f in half_grid(sizes).tolist()}
        for f in itertools.product(*(range(n) for n in sizes)):
            mirrored = tuple(-a % n for a, n in zip(f, sizes, strict=True))
            assert (f in chosen) + (mirrored in chosen) == 1 + (f == mirrored)


@st.composite
def axes(draw):
    size, taps = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    mode = draw(st.sampled_from(["zeros", "circular"]))
    most = size if mode == "circular" else 6
    try:
        return ConvolutionAxis.of(
            size=size,
            taps=taps,
            stride=draw(st.integers(1, 4)),
            dilation=draw(st.integers(1, 3)),
            low=draw(st.integers(0, most)),
            high=draw(st.integers(0, most)),
            mode=mode,
        )
    except ValueError:
        return ConvolutionAxis.of(size=size, taps=1, mode=mode)


def circulant(on, taps):
    """Rows p, columns (m, phase) of the operator on the torus, from its definition."""
    C = np.zeros((on.size, on.size, len(on.phases)))
    for p in range(on.size):
        for a, tap in zip(on.offsets, taps.reshape(len(on.offsets), -1), strict=True):
            C[p, (p + a) % on.size] += tap
    return C


@settings(max_examples=400, deadline=None, derandomize=True)
@given(axis=axes())
def test_the_operator_is_a_piece_of_the_circulant_exactly(axis):
    K = 2.0 ** np.arange(axis.taps)[None, None]  # sums of taps tell which taps they are of
    T = Convolution.of_axes(K, 1, [axis]).matrix()
    on = torus_axis(axis)
    C = circulant(on, phase_taps(K, 1, [on]))
    pixels = np.arange(axis.size)
    phase = np.minimum(np.searchsorted(on.phases, pixels % on.step), len(on.phases) - 1)
    read = on.phases[phase] == pixels % on.step
    columns = C[:, pixels // on.step % on.size, phase] * read
    if axis.mode == "zeros":
        rows = np.arange(axis.rows)
    else:
        rows = np.arange(axis.rows) * axis.stride % axis.size // on.step
    assert np.array_equal(T, columns[rows])
    assert on.unread == (not read.all())
    counts = np.bincount(rows, minlength=on.size)
    assert on.most == counts.max()
    if axis.mode == "circular":
        assert on.fewest == counts.min()
    elif on.fewest:  # what is cut off is 0
        assert not columns[counts == 0].any()
    if on.within:  # a kept row reads kept pixels alone
        kept = np.zeros((on.size, len(on.phases)), dtype=bool)
        np.logical_or.at(kept, (pixels // on.step, phase), read)
        assert not C[rows][:, ~kept].any()


def test_the_torus_is_as_small_as_can_be_for_a_plain_convolution():
    assert torus_axis(ConvolutionAxis.of(size=32, taps=3, low=1, high=1)).size == 33
    assert torus_axis(ConvolutionAxis.of(size=32, taps=3, low=2, high=2)).size == 34
    assert torus_axis(ConvolutionAxis.of(size=32, taps=3)).size == 32
    assert torus_axis(ConvolutionAxis.of(size=32, taps=2, stride=2)).size == 16


def random_symbol(seed, shape=(2, 3, 2, 4, 3), scale=1.0):
    taps = np.random.default_rng(seed).standard_normal(shape) * scale
    return Symbol(taps, tuple(np.arange(-1, n - 1) for n in shape[:-3]))


def svd_over_grid(symbol, sizes):
    values = []
    for f in itertools.product(*(range(n) for n in sizes)):
        S = np.zeros(symbol.taps.shape[-3:], dtype=complex)
        for where in np.ndindex(*symbol.taps.shape[:-3]):
            turn = sum(f[i] * symbol.offsets[i][w] / sizes[i] for i, w in enumerate(where))
            S += symbol.taps[where] * np.exp(2j * np.pi * turn)
        values.append(np.linalg.svd(S, compute_uv=False))
    return np.array(values)


@pytest.mark.parametrize("shape", [(2, 3, 2, 4, 3), (3, 1, 3, 4), (3, 2, 1, 1), (2, 2, 1, 1, 5)])
@pytest.mark.parametrize("seed", range(4))
def test_extremes_over_the_grid_bracket_those_of_a_singular_value_decomposition(shape, seed):
    symbol = random_symbol(seed, shape)
    sizes = (5, 4)[: len(shape) - 3]
    values = svd_over_grid(symbol, sizes)
    top = grid_maximum(symbol, sizes)
    assert top.lower <= values.max() * (1 + 1e-14)
    assert values.max() * (1 - 1e-14) <= top.upper <= values.max() * (1 + 1e-6)
    assert top.lower >= values.max() * (1 - 1e-12)
    if shape[-2] >= shape[-1]:
        low, reason = grid_minimum(symbol, sizes)
        assert values.min() * (1 - 1e-4) <= low <= values.min() * (1 + 1e-14)
        assert reason == ""
    else:
        assert grid_minimum(symbol, sizes) == (0.0, "the symbol has fewer rows than columns")


def test_a_maximum_that_power_steps_miss_is_still_bounded(monkeypatch):
    from flowcert.theory.spectral import symbol_bounds

    monkeypatch.setattr(symbol_bounds, "_estimate_largest", lambda G: (1e-3, 0))
    symbol = random_symbol(0)
    assert svd_over_grid(symbol, (5, 4)).max() <= grid_maximum(symbol, (5, 4)).upper


@pytest.mark.parametrize("shortfall", [1e-9, 1e-2, 0.5])
def test_whatever_estimate_and_factor_are_the_bound_holds(monkeypatch, shortfall):
    """The estimate is too low, and the factor is one of the nearest semidefinite matrix."""
    from flowcert.theory.spectral import symbol_bounds

    def semidefinite_factor(M):
        values, vectors = np.linalg.eigh(M)
        return vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]

    symbol = random_symbol(0)
    truth = svd_over_grid(symbol, (5, 4)).max()
    monkeypatch.setattr(
        symbol_bounds, "_estimate_largest", lambda G: (truth**2 * (1 - shortfall), 0)
    )
    monkeypatch.setattr(np.linalg, "cholesky", semidefinite_factor)
    assert truth <= grid_maximum(symbol, (5, 4)).upper


def test_a_single_tap_is_bounded_by_no_less_than_itself():
    rng = np.random.default_rng(0)
    for tap in rng.uniform(0.5, 1.0, 50):
        symbol = Symbol(np.full((1, 1, 1, 1), tap), (np.array([1]),))
        top = grid_maximum(symbol, (7,))
        low, _ = grid_minimum(symbol, (7,))
        assert low <= tap <= top.upper <= tap * (1 + 1e-13)
        assert top.lower <= tap


def test_the_bounds_enclose_what_ball_arithmetic_encloses():
    """One tap beside the centre of 2 × 2 matrices: λ_max(SSᴴ) in closed form, in balls."""
    import flint

    symbol = random_symbol(3, (2, 1, 2, 2))
    size = 7
    top, highest = grid_maximum(symbol, (size,)), flint.arb(0)
    with flint.ctx.workprec(200):
        for f in range(size):
            S = [
                [
                    sum(
                        flint.acb(float(symbol.taps[k, 0, i, j]))
                        * (flint.acb(2 * f * int(symbol.offsets[0][k])) / size).exp_pi_i()
                        for k in range(2)
                    )
                    for j in range(2)
                ]
                for i in range(2)
            ]
            trace = sum(abs(S[i][j]) ** 2 for i in range(2) for j in range(2))
            determinant = abs(S[0][0] * S[1][1] - S[0][1] * S[1][0]) ** 2
            root = (trace**2 - 4 * determinant).sqrt()
            highest = highest.max(((trace + root) / 2).sqrt())
        assert flint.arb(top.lower) <= highest.upper()
        assert highest.lower() <= flint.arb(top.upper)
        assert flint.arb(top.upper) <= highest.upper() * flint.arb("1.0000001")


def test_the_symbol_errs_by_less_than_is_said():
    from mpmath import mp, mpf

    symbol = random_symbol(1, (3, 3, 1, 2, 2))
    frequencies, sizes = half_grid((9, 5)), (9, 5)
    values = symbol.at(frequencies, sizes)
    with mp.workdps(40):
        for f, computed in zip(frequencies.tolist(), values[:, 0], strict=True):
            square = mpf(0)
            for i, j in np.ndindex(2, 2):
                exact = mp.mpc(0)
                for where in np.ndindex(3, 3):
                    turn = sum(
                        mpf(f[n]) * int(symbol.offsets[n][where[n]]) / sizes[n] for n in range(2)
                    )
                    exact += mpf(float(symbol.taps[(*where, 0, i, j)])) * mp.expjpi(2 * turn)
                square += abs(exact - mp.mpc(computed[i, j])) ** 2
            assert mp.sqrt(square) <= mpf(symbol.error)
    assert 2 * ROOT_ERROR * np.linalg.norm(np.abs(symbol.taps).sum((0, 1))) <= symbol.error < 1e-13
