"""Each claim of the figures on integrators goes red when data, or what makes them, are wrong."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from flowcert.figures import (
    FigureData,
    contractivity_discs,
    energy_drift,
    find_figures,
    stability_discs,
    work_precision,
)
from flowcert.figures.styling import spread
from flowcert.numerics import Method, find_method

DRIFT, WORK, DISCS, SIR = (
    "N1_energy_drift",
    "N2_work_precision",
    "N3_contractivity_discs",
    "G5_sir_reference",
)
Change = Callable[[Any], Any]
Case = tuple[str, str, Change, str]
ALL = slice(None)


def _scaled(factor: float, part: Any = ALL) -> Change:
    def change(values: Any) -> None:
        values[part] = values[part] * factor

    return change


def _moved(by: float, part: Any = ALL) -> Change:
    def change(values: Any) -> None:
        values[part] = values[part] + by

    return change


def _tilted(errors: Any) -> Any:
    """As if the order were lower by a half: each rung has √2 times the steps of the one before."""
    return errors * 2 ** (0.25 * np.arange(len(errors)))


def _shortened(interval: Any) -> Any:
    return np.array(min(interval, 9.0) * 0.99)


def _nudged(radius: Any) -> Any:
    return np.array(min(radius * 1.000001, 9.0))


def _times(factor: float) -> Change:
    return lambda values: values * factor


def _plus_one(radius: Any) -> Any:
    return radius + 1


def _exchanged(name: str, other: str) -> Callable[[str], Method]:
    """Finds methods, one of them wrongly."""
    return lambda asked: find_method(other if asked == name else asked)


def _flipped(values: Any) -> Any:
    return values[::-1].copy()


def _drift_cases() -> Iterator[Case]:
    yield DRIFT, "block_ends", _moved(1, -2), "the blocks end"
    for method in energy_drift.METHODS:
        yield DRIFT, f"{method}/largest", _moved(2e-12, 5), f"{method}: 200 steps taken anew"
        yield DRIFT, f"{method}/state", _moved(2e-11, 0), f"{method}: 200 steps taken anew"
    yield DRIFT, "Euler/largest", lambda v: np.minimum(v, 1.0), "Euler: the pendulum turns over"
    yield DRIFT, "Euler/largest", _scaled(0.5, -1), "Euler: the pendulum turns over"
    for method in ("RK4", "RadauIIA(2)"):
        yield DRIFT, f"{method}/largest", _scaled(0.9, -3), f"{method}: loses energy steadily"
        yield DRIFT, f"{method}/largest", lambda v: np.minimum(v, v[30]), f"{method}: loses"
        yield DRIFT, f"{method}/mean", np.negative, f"{method}: loses energy steadily"
    for method in energy_drift.SYMPLECTIC:
        yield DRIFT, f"{method}/largest", _scaled(1.06, -1), f"{method}: the second half's"
        yield DRIFT, f"{method}/mean", _line(method), f"{method}: no trend"
    for method in ("StormerVerlet", "ImplicitMidpoint"):
        yield DRIFT, f"{method}/largest", _scaled(1.03, 60), f"{method}: the error is that of"
    yield DRIFT, "Gonzalez/largest", _moved(1.1e-12, 70), "Gonzalez: the energy is kept"
    yield DRIFT, "Gonzalez/mean", _line("Gonzalez"), "Gonzalez: no trend"


def _line(method: str) -> Change:
    """A steady gain that is far below the method's own oscillation, or a few roundings a step."""
    amount = {
        "StormerVerlet": 4e-5,
        "ImplicitMidpoint": 1e-5,
        "Yoshida4(StormerVerlet)": 2e-7,
        "GaussLegendre(2)": 4e-9,
        "Gonzalez": 8e-13,
    }[method]
    return lambda means: means + np.linspace(0, amount, len(means))


def _work_cases() -> Iterator[Case]:
    yield WORK, "Kepler/RK4/steps", _moved(1, 2), "every ladder has the step counts"
    for problem in work_precision.SPANS:
        first = f"{problem}: runs of up to 23 steps taken anew"
        yield WORK, f"{problem}/RK4/error", _scaled(1.001, 3), first
        yield WORK, f"{problem}/GaussLegendre(2)/evaluations", _scaled(1.2, 3), first
        for method in work_precision.METHODS:
            yield WORK, f"{problem}/{method}/error", _tilted, f"{problem}: {method}'s error falls"
        counts = f"{problem}: every method evaluates the field"
        yield WORK, f"{problem}/Yoshida6(StormerVerlet)/evaluations", _moved(1, -1), counts
        yield WORK, f"{problem}/GaussLegendre(3)/evaluations", _scaled(0.3), counts
        winners = f"{problem}: for an error of 1e-08 the higher order wins"
        yield WORK, f"{problem}/DormandPrince/evaluations", _scaled(5), winners
        yield WORK, f"{problem}/GaussLegendre(3)/error", _moved(2e-8), winners


def _disc_cases() -> Iterator[Case]:
    for group, radii in contractivity_discs.GROUPS.items():
        title = contractivity_discs.TITLES[group]
        yield DISCS, f"{group}/boundary", _moved(1e-9), f"{title}: |R| = 1 on the boundary"
        yield DISCS, f"{group}/interval", _shortened, f"{title}: |R| = 1 on the boundary"
        for name in radii:
            yield DISCS, f"{group}/interval", _shortened, f"{name}: the step 2r lies"
            yield DISCS, f"{name}/radius", _nudged, f"{name}: the radius is"
        if group == "implicit":
            continue
        for factor in (0.99, 1.01):
            yield DISCS, f"{group}/largest_disc", _times(factor), f"{title}: the largest disc"
        for name in radii:
            yield DISCS, f"{name}/radius", _plus_one, f"{name}: |R| ≤ 1 all round"
        yield DISCS, f"{name}/radius", _times(4), f"{name}: the step 2r lies"


def _sir_cases() -> Iterator[Case]:
    for method in ("Euler", "RK4", "GaussLegendre(2)"):
        yield SIR, f"mass/{method}", _moved(2e-13, 50), f"{method}: the mass is kept"
    yield SIR, "states", _moved(1e-12, (40, 1)), "the mass that is drawn"
    yield SIR, "reference", _moved(2e-14, (3, 2)), "the reference keeps"
    yield SIR, "states", _moved(2e-5, (30, 0)), "RK4 agrees with the reference"
    yield SIR, "times", _moved(1e-3), "RK4 agrees with the reference"
    yield SIR, "states", _moved(0.2, (33, 0)), "x falls, z rises"
    yield SIR, "states", _scaled(-1, (100, 1)), "x falls, z rises"
    yield SIR, "states", _moved(0.5, (25, 1)), "infections are at their peak"
    yield SIR, "starts", _flipped, "the arrows start"
    yield SIR, "images", _moved(2e-5, (7, 1)), "the images are the reference flow's"
    yield SIR, "images", _moved(2e-13, (7, 1)), "the images are the reference flow's"
    yield SIR, "unstructured/1", lambda v: v * 2.5 / v.sum(axis=1, keepdims=True), "the unstr"
    yield SIR, "unstructured/1", _scaled(-1, (100, 0)), "the unstructured scheme keeps the signs"
    yield SIR, "unstructured/2", _moved(0.01, (-1, 2)), "the unstructured scheme's mass errs"


CASES = [*_drift_cases(), *_work_cases(), *_disc_cases(), *_sir_cases()]


@pytest.mark.parametrize(
    ("figure", "key", "change", "expected"),
    CASES,
    ids=[f"{figure[:2]} {expected[:40]} {number}" for number, (figure, *_, expected) in
         enumerate(CASES)],
)  # fmt: skip
def test_wrong_data(
    failures_of: Callable[..., list[str]], figure: str, key: str, change: Change, expected: str
) -> None:
    assert any(expected in failure for failure in failures_of(figure, key, change))


def _failures(name: str, data: FigureData) -> list[str]:
    [figure] = find_figures([name])
    return [check.what for check in figure.check(data) if not check.passes]


# Claims that look at no data: they go red when what they decide on is another method.
OTHER_METHODS = {
    "two stages, order 2: one stability function": ("Ralston", "SSP33"),
    "three stages, order 3: one stability function": ("Kutta3", "RK4"),
    "four stages, order 4: one stability function": ("ThreeEighths", "SSP33"),
    "implicit, order 2: one stability function": ("ImplicitTrapezoid", "BackwardEuler"),
    "implicit, order 2: the largest disc": ("ImplicitMidpoint", "RK4"),
    "ImplicitMidpoint: contracts for every step": ("ImplicitMidpoint", "ImplicitTrapezoid"),
    "ImplicitMidpoint: |R| ≤ 1": ("ImplicitMidpoint", "RK4"),
    "ImplicitTrapezoid: |R| ≤ 1": ("ImplicitTrapezoid", "Heun"),
    "Heun: contracts in its disc": ("Heun", "Ralston"),
    "Ralston: contracts in its disc": ("Ralston", "Heun"),
    "SSP33: contracts in its disc": ("SSP33", "BogackiShampine"),
    "BogackiShampine: contracts in its disc": ("BogackiShampine", "SSP33"),
    "Kutta3: contracts in its disc": ("Kutta3", "SSP33"),
    "RK4: contracts in its disc": ("RK4", "ThreeEighths"),
    "ThreeEighths: contracts in its disc": ("ThreeEighths", "RK4"),
    "ImplicitTrapezoid: contracts in its disc": ("ImplicitTrapezoid", "ImplicitMidpoint"),
    "only that of Heun leaves": ("Heun", "SSP33"),
}


@pytest.fixture
def forget() -> Iterator[Callable[[], None]]:
    """Results that are kept from check to check are of the right methods, before and after."""
    kept = (
        stability_discs.is_stable_in_disc,
        stability_discs.contracts_in_disc,
        energy_drift._first_steps,
        work_precision._first_rungs,
    )

    def clear() -> None:
        for function in kept:
            function.cache_clear()

    clear()
    yield clear
    clear()


@pytest.mark.parametrize("expected", OTHER_METHODS)
def test_another_method_s_discs(
    computed: dict[str, FigureData],
    monkeypatch: pytest.MonkeyPatch,
    forget: Callable[[], None],
    expected: str,
) -> None:
    name, other = OTHER_METHODS[expected]
    monkeypatch.setattr(stability_discs, "find_method", _exchanged(name, other))
    assert any(expected in failure for failure in _failures(DISCS, computed[DISCS]))


def test_every_claim_has_been_seen_red(computed: dict[str, FigureData]) -> None:
    seen = [(figure, expected) for figure, *_, expected in CASES]
    seen += [(DISCS, expected) for expected in OTHER_METHODS]
    for name in (DRIFT, WORK, DISCS, SIR):
        [figure] = find_figures([name])
        for check in figure.check(computed[name]):
            known = any(name == of and expected in check.what for of, expected in seen)
            assert known or check.kind == "report", check.what


@pytest.mark.parametrize(
    ("method", "other"), [("GaussLegendre(2)", "LobattoIIIA(3)"), ("Gonzalez", "ItohAbe")]
)
def test_another_method_in_the_first_steps(
    computed: dict[str, FigureData],
    monkeypatch: pytest.MonkeyPatch,
    forget: Callable[[], None],
    method: str,
    other: str,
) -> None:
    monkeypatch.setattr(energy_drift, "find_method", _exchanged(method, other))
    [failed] = _failures(DRIFT, computed[DRIFT])
    assert f"{method}: 200 steps taken anew" in failed


def test_the_stored_run_is_what_the_script_summarises() -> None:
    """A pendulum in its lowest position whose energy p²/2 grows from 0 to 1 in equal steps."""
    deviations = np.linspace(0, 1, energy_drift.STEPS + 1)
    states = np.stack([0 * deviations, np.sqrt(2 * deviations)], axis=-1)
    kept = energy_drift.summary("RK4", states)
    ends = energy_drift.block_ends()
    assert kept["RK4/largest"] == pytest.approx(ends / energy_drift.STEPS)
    middles = (np.arange(energy_drift.PARTS) + 0.5) / energy_drift.PARTS
    assert kept["RK4/mean"] == pytest.approx(middles, abs=1e-5)
    assert kept["RK4/state"].tolist() == states[200].tolist()
    assert {1, 200, 50_000, 100_000} <= set(ends.tolist())


def test_labels_make_room() -> None:
    assert spread([3.0, 1.0, 2.0], gap=0.5) == [3.0, 1.0, 2.0]
    assert spread([0.0, 0.0, 0.0], gap=1.0) == [-1.0, 0.0, 1.0]
    rng = np.random.default_rng(0)
    for _ in range(50):
        wanted = rng.uniform(0, 4, 6)
        got = np.array(spread(wanted.tolist(), gap=0.5))
        assert np.diff(np.sort(got)).min() >= 0.5 - 1e-9
        assert np.array_equal(np.argsort(got), np.argsort(wanted))
