"""The assertions find rare violations, pass true bounds, and show small counterexamples."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowcert.errors import DomainError, ShapeError, StructureError
from flowcert.theory.pair_search import PairSearch
from flowcert.theory.testing import (
    ConservationViolation,
    LipschitzViolation,
    assert_conserves,
    assert_lipschitz,
    assert_nonexpansive,
)

ROTATION = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
AXIS = np.random.default_rng(1).normal(size=64)
AXIS /= np.linalg.norm(AXIS)


def bump(at: float, width: float = 1e-3) -> Callable[[np.ndarray], np.ndarray]:
    """The identity with slope 1.5 and then ½ in a region of this width."""
    return lambda x: x + np.maximum(0.5 * (width / 2 - np.abs(x - at)), 0.0)


PLANTED: list[tuple[str, Callable[[np.ndarray], Any], float, Any, Any]] = [
    ("a bump of width 1e-3", bump(0.37213), 1.0, 1, None),
    ("another", bump(-0.81817), 1.0, 1, None),
    ("a bump in a box", bump(123.4567), 1.0, 1, (120.0, 130.0)),
    ("a ridge", lambda x: np.r_[bump(0.543, 0.02)(x[:1]), 0.9 * x[1:]], 1.0, 2, None),
    ("a kink at 1e4", lambda x: x + 0.01 * np.maximum(x - 1e4, 0), 1.0, 1, None),
    ("a kink at −1e4", lambda x: x + 0.01 * np.minimum(x + 1e4, 0), 1.0, 3, None),
    ("one direction of 64", lambda x: 0.99 * x + 0.02 * (AXIS @ x) * AXIS, 1.0, 64, None),
    (
        "one direction on one side",
        lambda x: 0.9 * x + 0.2 * max(AXIS @ x - 3, 0) * AXIS,
        1.0,
        64,
        None,
    ),
    ("slope 1.001", lambda x: 1.001 * x, 1.0, 3, None),
    ("slope 1 + 1e-9", lambda x: (1 + 1e-9) * x, 1.0, 2, None),
    ("overlapping max-pool", lambda x: np.maximum(x[1:], x[:-1]), 1.0, 3, None),
    ("a steep border", np.sqrt, 100.0, 1, (0.0, 1.0)),
    ("a steep far border", lambda x: x**2, 1.999, 2, (-1.0, 1.0)),
    ("a half-line", lambda x: np.log1p(x), 0.999, 1, (0.0, np.inf)),
    ("tiny numbers", lambda x: 1e-30 * x, 0.9e-30, 2, None),
    ("tiny for squares", lambda x: 1e-200 * x, 0.9e-200, 2, None),
    ("huge numbers", lambda x: 1e150 * x, 0.99e150, 2, None),
    ("a jump", np.sign, 1e3, 1, None),
    ("bound 0", lambda x: 1e-6 * x, 0.0, 2, None),
    ("an image", lambda x: 1.2 * np.roll(x, 1), 1.0, (2, 5, 5), None),
    ("a number", lambda x: float(np.linalg.norm(x)) * 1.01, 1.0, 4, None),
]


@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted[0])
def test_planted_violations_are_found_and_true(planted: Any) -> None:
    _, f, bound, shape, domain = planted
    options = {} if domain is None else {"domain": domain}
    with pytest.raises(LipschitzViolation) as caught:
        assert_lipschitz(f, bound, shape=shape, **options)
    found = caught.value
    low, high = domain or (-np.inf, np.inf)
    for point in (found.x, found.y):
        assert np.all((point >= low) & (point <= high))
    assert np.array_equal(found.fx, f(found.x))
    assert np.array_equal(found.fy, f(found.y))
    moved = np.asarray(found.fx - found.fy, dtype=float).ravel()
    if bound > 0:  # divided first: squares of tiny numbers are 0
        assert np.linalg.norm(moved / bound) > np.linalg.norm(found.x - found.y)
    assert np.any(moved != 0)
    assert found.quotient > bound
    assert "the quotient is" in str(found)


HELD: list[tuple[str, Callable[[np.ndarray], Any], float, Any, Any]] = [
    ("rotation", lambda x: ROTATION @ x + 3, 1.0, 6, None),
    ("absolute value", np.abs, 1.0, 3, None),
    ("max-pool", lambda x: x.reshape(2, 2, 2, 2).max(axis=(1, 3)), 1.0, (4, 4), None),
    ("sorting", np.sort, 1.0, 5, None),
    ("distance", lambda x: np.linalg.norm(x - 1), 1.0, 4, None),
    ("sine", np.sin, 1.0, 2, None),
    ("overlapping max-pool", lambda x: np.maximum(x[1:], x[:-1]), 2**0.5, 3, None),
    ("exponential", np.exp, np.e, 2, (0.0, 1.0)),
    ("parabola", lambda x: x**2, 2.0, 2, (-1.0, 1.0)),
    ("a third", lambda x: x / 3, 1 / 3, 3, None),
    ("offset", lambda x: x + 1e9, 1.0, 3, None),
    ("tiny", lambda x: 1e-310 * x, 1e-310, 2, None),
    ("a constant", lambda x: np.ones(2), 0.0, 3, None),
    ("clipping", lambda x: np.clip(x, -1, 1), 1.0, 3, None),
    ("in place", lambda x: np.multiply(x, 0.5, out=x), 0.5, 3, None),
    ("wide box", lambda x: x, 1.0, 2, (-1e300, 1e300)),
    ("narrow box", lambda x: x, 1.0, 2, (1.0, 1.0 + 1e-12)),
    ("integers", lambda x: (x > 1e9).astype(int), 0.0, 2, (-1.0, 1.0)),
]


@pytest.mark.parametrize("held", HELD, ids=lambda held: held[0])
def test_true_bounds_pass_attained_ones_too(held: Any) -> None:
    _, f, bound, shape, domain = held
    options = {} if domain is None else {"domain": domain}
    for seed in (0, 1):
        assert_lipschitz(f, bound, shape=shape, examples=40, seed=seed, **options)


def test_counterexamples_are_small() -> None:
    """Of 20 coordinates one matters: the others are 0 in what is shown."""

    def f(x: np.ndarray) -> np.ndarray:
        return 0.5 * x + (np.arange(20) == 13) * np.maximum(x - 7, 0)

    with pytest.raises(LipschitzViolation) as caught:
        assert_nonexpansive(f, shape=20)
    found = caught.value
    others = np.arange(20) != 13
    assert not np.any(found.x[others])
    assert not np.any(found.y[others])
    assert str(found).count("\n") == 4
    assert len(str(found)) < 700


def test_hypothesis_finds_some_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PairSearch, "run", lambda *_: None)
    with pytest.raises(LipschitzViolation) as caught:
        assert_nonexpansive(lambda x: 0.9 * x + 0.2 * np.maximum(x - 50, 0), shape=3)
    assert np.count_nonzero(caught.value.x) + np.count_nonzero(caught.value.y) <= 2


def test_the_message_is_readable() -> None:
    with pytest.raises(LipschitzViolation) as caught:
        assert_nonexpansive(lambda x: 1.25 * x, shape=2)
    assert str(caught.value) == (
        "|f(x) − f(y)| = 1.25 > 1·|x − y| = 1: the quotient is 1.25\n"
        "  x    = [0.0, 0.0]\n"
        "  y    = [0.0, 1.0]\n"
        "  f(x) = [0.0, 0.0]\n"
        "  f(y) = [0.0, 1.25]"
    )


def test_long_points_are_shown_by_their_differing_entries() -> None:
    with pytest.raises(LipschitzViolation) as caught:
        assert_nonexpansive(lambda x: 1.5 * np.maximum(x - 1, 0), shape=(3, 8, 8))
    message = str(caught.value)
    assert "of shape (3, 8, 8) but for {(" in message
    assert len(message) < 800


def test_the_same_seed_finds_the_same() -> None:
    found = []
    for seed in (3, 3, 4):
        with pytest.raises(LipschitzViolation) as caught:
            assert_nonexpansive(lambda x: np.sin(3 * x) / 2 + ROTATION[0] @ x, shape=6, seed=seed)
        found.append(str(caught.value))
    assert found[0] == found[1]


def test_a_batched_map_is_searched_the_same() -> None:
    messages = []
    for batched in (False, True):
        with pytest.raises(LipschitzViolation) as caught:
            assert_nonexpansive(lambda x: 0.9 * x + 0.2 * np.abs(x), shape=3, batched=batched)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert_nonexpansive(lambda x: np.abs(x).sum(axis=-1) / 2, shape=(2, 4), batched=True)


def test_the_tolerance_is_an_allowance_for_rounding() -> None:
    def cancels(x: np.ndarray) -> np.ndarray:
        return (x + 1e8) - 1e8  # rounded to a grid of 1.5e-8

    with pytest.raises(LipschitzViolation):
        assert_nonexpansive(cancels, shape=2, domain=(-1.0, 1.0))
    assert_nonexpansive(cancels, shape=2, domain=(-1.0, 1.0), tolerance=1e-6)


# Conservation.


def test_conserving_maps_pass() -> None:
    assert_conserves(lambda x: x[::-1], np.sum, shape=4)
    assert_conserves(lambda x: ROTATION @ x, np.linalg.norm, shape=6)
    assert_conserves(lambda x: ROTATION @ x, lambda x: [x @ x, np.linalg.norm(x)], shape=6)
    # Mass moves between large parts of opposite sign: rounding is relative to the parts.
    assert_conserves(lambda x: x + 0.1 * (x[::-1] - x), np.sum, shape=2)
    # Where the terms cancel to 0, rounding is no drift.
    assert_conserves(
        lambda x: x[0] * np.array([1.0, -0.3, -0.7]),
        lambda x: x.sum() if len(x) > 1 else 0.0,
        shape=1,
    )
    # The quantity of a lift takes either shape.
    assert_conserves(lambda x: np.r_[x, 0.0], np.sum, shape=3)


DRIFTS: list[tuple[str, Callable[[np.ndarray], Any], Callable[[np.ndarray], Any], Any]] = [
    ("always", lambda x: 0.999999 * x, np.sum, 3),
    ("in a strip", lambda x: x + np.array([0.0, 1e-3]) * (abs(x[0] - 2) < 0.01), np.sum, 2),
    ("far out", lambda x: np.where(np.abs(x) > 1e4, 1.01 * x, x), lambda x: x @ x, 3),
    ("of a sum of 0", lambda x: x + 1e-3 * np.sign(x), np.sum, 2),
    ("of the second of two", lambda x: x * [1, 1.1], lambda x: x, 2),
]


@pytest.mark.parametrize("drifting", DRIFTS, ids=lambda drifting: drifting[0])
def test_drifts_are_found_and_true(drifting: Any) -> None:
    _, f, q, shape = drifting
    with pytest.raises(ConservationViolation) as caught:
        assert_conserves(f, q, shape=shape)
    found = caught.value
    change = np.linalg.norm(np.atleast_1d(np.asarray(q(f(found.x))) - np.asarray(q(found.x))))
    assert change == pytest.approx(found.change)
    assert change > found.allowed > 0
    assert "q(f(x)) = " in str(found)


# Misuse.


@pytest.mark.parametrize(
    ("error", "complaint", "arguments"),
    [
        (StructureError, "callable", {"f": 3.0}),
        (DomainError, "NaN or infinite entries at x = ", {"f": lambda x: np.log(x)}),
        (DomainError, "NaN or infinite", {"f": lambda x: np.exp(x)}),
        (ShapeError, "outputs of f", {"f": lambda x: "text"}),
        (ShapeError, "outputs of f", {"f": lambda x: None}),
        (ShapeError, "outputs of f", {"f": lambda x: x + 1j}),
        (ShapeError, "outputs of f", {"f": lambda x: [x, x[:1]]}),
        (ShapeError, "here and", {"f": lambda x: x[x > 0]}),
        (ShapeError, "for a batch", {"f": lambda x: x.sum(), "batched": True}),
        (DomainError, "bound = -1", {"bound": -1}),
        (DomainError, "bound = nan", {"bound": float("nan")}),
        (DomainError, "bound = inf", {"bound": float("inf")}),
        (DomainError, "bound = 'a'", {"bound": "a"}),
        (ShapeError, "shape = 0", {"shape": 0}),
        (ShapeError, "shape = ", {"shape": (2, -1)}),
        (ShapeError, "shape = 2.0", {"shape": 2.0}),
        (DomainError, "domain = ", {"domain": (1.0, 0.0)}),
        (DomainError, "domain = ", {"domain": (0.0, float("nan"))}),
        (DomainError, "domain = ", {"domain": 1.0}),
        (DomainError, "domain = ", {"domain": (np.zeros(3), np.ones(3))}),
        (DomainError, "examples = 0", {"examples": 0}),
        (DomainError, "seed = -1", {"seed": -1}),
        (DomainError, "tolerance = -1", {"tolerance": -1}),
    ],
)
def test_misuse_is_named(error: Any, complaint: str, arguments: dict[str, Any]) -> None:
    options = {"f": np.sin, "bound": 1.0, "shape": 2, **arguments}
    with pytest.raises(error, match=complaint):
        assert_lipschitz(**options)


def test_an_error_of_the_map_itself_comes_through() -> None:
    def broken(x: np.ndarray) -> np.ndarray:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        assert_nonexpansive(broken, shape=2)


def test_violations_cross_process_boundaries() -> None:
    for assertion in (
        lambda: assert_nonexpansive(lambda x: 2 * x, shape=2),
        lambda: assert_conserves(lambda x: 2 * x, np.sum, shape=2),
    ):
        with pytest.raises(AssertionError) as caught:
            assertion()
        again = pickle.loads(pickle.dumps(caught.value))
        assert type(again) is type(caught.value)
        assert str(again) == str(caught.value)


def test_in_a_suite_of_ones_own(tmp_path: Path) -> None:
    """A short report, no database, no warning, also inside a property test."""
    (tmp_path / "test_mine.py").write_text(
        "import numpy as np\n"
        "from hypothesis import given, strategies as st\n"
        "from flowcert.theory.testing import assert_nonexpansive\n"
        "def test_mine():\n"
        "    assert_nonexpansive(lambda x: 1.5 * x, shape=2)\n"
        "@given(st.floats(0.1, 0.9))\n"
        "def test_property(h):\n"
        "    assert_nonexpansive(lambda x: h * x, shape=2, examples=2)\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, str(tmp_path)], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "LipschitzViolation: |f(x) − f(y)| = 1.5 > 1·|x − y| = 1" in done.stdout
    assert "counterexamples.py" not in done.stdout  # the inner workings are hidden
