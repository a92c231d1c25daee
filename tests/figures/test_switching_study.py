"""The switching study: its figure says what the stored runs say, and notices what cannot be."""

import numpy as np
import pytest

from flowcert.figures.switching_study import SWITCHING, SwitchingStudy, variants


@pytest.fixture(scope="module")
def data():
    return SwitchingStudy().compute()


def failing(data):
    return [check.what for check in SwitchingStudy().check(data) if not check.passes]


def changed(data, key, value, place=...):
    array = data[key].copy()
    array[place] = value
    return {**data, key: array}


def test_every_variant_and_seed_is_there(data):
    assert variants(data) == list(SWITCHING["variants"])
    shape = (len(SWITCHING["seeds"]), len(SWITCHING["radii"]))
    assert all(data[f"{name}/certified"].shape == shape for name in variants(data))


def test_all_claims_hold(data):
    assert failing(data) == []


def test_the_comparisons_are_told_and_not_judged(data):
    reports = [check for check in SwitchingStudy().check(data) if check.kind == "report"]
    assert len(reports) == 3
    assert all("points on average" in check.detail for check in reports)


@pytest.mark.parametrize(
    ("key", "value", "place", "complaint"),
    [
        ("MaxMin/certified", 1.0, (0, -1), "falls with the radius"),
        ("MaxMin/clean", 0.0, 2, "falls with the radius"),
        ("SLL/upper", 1.0 + 1e-12, 3, "1-Lipschitz"),
        ("flexible, authors' box/steps", 0.0501, (0, 0, 1), "authors' box"),
        ("flexible, authors' region/steps", 9.0, (1, 2, 1), "authors' region"),
        ("flexible, sharp region/steps", 9.0, (4, 3, 1), "flexible, sharp region:"),
        ("flexible, sharp region, a = 0.1/steps", 9.0, (4, 0, 1), "a = 0.1"),
    ],
)
def test_what_cannot_be_is_noticed(data, key, value, place, complaint):
    found = failing(changed(data, key, value, place))
    assert len(found) == 1
    assert complaint in found[0]


def test_a_report_follows_the_data(data):
    better = changed(data, "flexible, sharp region/certified", 1.0)
    told = {check.what: check for check in SwitchingStudy().check(better)}
    check = told["flexible, sharp region beats flexible, no expansion at radius 0.25"]
    assert check.holds
    assert "5 of 5 seeds" in check.detail
    assert np.all(better["flexible, sharp region/certified"] == 1.0)
