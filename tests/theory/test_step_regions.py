"""Step regions: exact numbers, agreement of the float, exact and definitional views."""

import math
from fractions import Fraction

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from flowcert import DomainError, ShapeError
from flowcert.theory import StepRegion
from flowcert.theory.step_optima import (
    exact_area,
    exact_highest_point,
    exact_largest_box,
    exact_widest_interval,
)
from flowcert.theory.step_regions import AUTHORS_BOX, BOUNDS, FAMILIES

REGIONS = [StepRegion(f, b, S) for f in FAMILIES for b in BOUNDS for S in (1, 2, 3, 4)]
STEPS = st.floats(0, 10, allow_subnormal=False)


def defined(region, h_C, h_E):
    """The squared factor by its definition, in fractions, written apart from the package."""
    a, t = Fraction(region.slope), Fraction(h_C) / region.substeps
    q2 = (
        1 - 2 * a * t + t * t if region.bound == "authors" else max(abs(1 - t), abs(1 - a * t)) ** 2
    )
    if region.family == "alternating":
        return (q2 * (1 + Fraction(h_E) / region.substeps) ** 2) ** region.substeps
    return q2**region.substeps * (1 + Fraction(h_E)) ** 2


@given(st.sampled_from(REGIONS), STEPS, STEPS)
def test_membership_is_decided_exactly(region, h_C, h_E):
    inside = defined(region, h_C, h_E) <= 1
    assert region.exact_contains(h_C, h_E) == inside
    if region.contains(h_C, h_E):
        assert inside
    factor = Fraction(float(region.bound_factor(h_C, h_E)))
    assert factor**2 >= defined(region, h_C, h_E)


@given(st.sampled_from(REGIONS), st.floats(0, 1))
def test_every_step_below_the_bound_of_the_limit_is_inside(region, fraction):
    extent = 2 * region.slope if region.bound == "authors" else 2
    h_C = fraction * extent * region.substeps
    limit = float(region.bound_expansive_limit(h_C))
    if math.isfinite(limit):
        assert region.exact_contains(h_C, limit)
        assert not region.exact_contains(h_C, limit * (1 + 1e-9) + 1e-9)
        assert limit == pytest.approx(
            float(region.estimate_expansive_limit(h_C)), abs=1e-9, rel=1e-9
        )


@pytest.mark.parametrize("region", REGIONS, ids=str)
def test_exact_limit_is_the_float_limit(region):
    for h_C in (Fraction(1, 3), Fraction(3, 4)):
        exact = float(region.exact_expansive_limit(h_C))
        assert exact == pytest.approx(float(region.estimate_expansive_limit(float(h_C))), rel=1e-12)


def test_highest_points():
    def heights(family, bound):
        return [
            exact_highest_point(StepRegion(family, bound, S)).expansive_step for S in (1, 2, 3, 4)
        ]

    assert heights("whole_expansive", "sharp") == [2, 8, 26, 80]
    assert heights("alternating", "sharp") == [2, 4, 6, 8]
    assert heights("whole_expansive", "authors")[1] == sympy.Rational(1, 3)
    assert heights("whole_expansive", "authors")[3] == sympy.Rational(7, 9)
    assert float(heights("alternating", "authors")[0]) == pytest.approx(0.1547, abs=1e-4)
    for region in REGIONS:
        point = exact_highest_point(region)
        grid = region.estimate_expansive_limit(np.linspace(0, 2 * region.substeps, 4001))
        assert grid.max() <= float(point.expansive_step) + 1e-12
        assert grid.max() >= float(point.expansive_step) * (1 - 1e-2)


def test_areas():
    log3 = math.log(3)
    assert float(exact_area(StepRegion("whole_expansive", "authors", 1))) == pytest.approx(log3 - 1)
    assert float(exact_area(StepRegion("alternating", "sharp", 3))) == pytest.approx(
        9 * (3 * log3 - 2)
    )
    assert exact_area(StepRegion("whole_expansive", "authors", 3)) == 1
    assert exact_area(StepRegion("whole_expansive", "sharp", 3)) == 30


def test_largest_boxes_beat_a_search():
    for bound, expected in (("sharp", 3.0224), ("authors", 0.2324)):
        region = StepRegion("whole_expansive", bound, 2)
        best = float(exact_largest_box(region).area)
        assert best == pytest.approx(expected, abs=1e-4)
        h_C = np.linspace(0, 4, 801)
        limits = region.estimate_expansive_limit(h_C)
        found = 0.0
        for height in np.linspace(0.01, 3.0, 300):
            wide = h_C[limits >= height]
            if wide.size:
                found = max(found, (wide[-1] - wide[0]) * height)
        assert 0.98 * best <= found <= best + 1e-9


def test_widest_interval_and_the_authors_box():
    authors = StepRegion("whole_expansive", "authors", 2)
    left, right = exact_widest_interval(authors, Fraction(1, 20))
    assert float(right) == pytest.approx(1 + math.sqrt(17 / 21))
    (low, high), (_, top) = AUTHORS_BOX
    assert float(left) < low
    assert high < float(right)
    assert authors.contains([low, high], [top, top]).all()
    assert float(authors.exact_expansive_limit(Fraction("0.11"))) == pytest.approx(2079 / 37921)
    sharp = [
        float(x)
        for x in exact_widest_interval(StepRegion("whole_expansive", "sharp", 2), Fraction(1, 20))
    ]
    assert sharp == pytest.approx([4 * (1 - math.sqrt(20 / 21)), 2 * (1 + math.sqrt(20 / 21))])


def test_limits_of_many_substeps():
    for family, expected in (("alternating", 0.5), ("whole_expansive", math.exp(0.5) - 1)):
        region = StepRegion(family, "authors", 100000)
        assert float(region.exact_limit_of_many_substeps(1)) == pytest.approx(expected)
        assert float(region.estimate_expansive_limit(1.0)) == pytest.approx(expected, abs=1e-4)


def test_complete_contraction_admits_every_expansion():
    region = StepRegion("whole_expansive", "sharp", 1, slope=1.0)
    assert region.bound_expansive_limit(1.0) == np.inf
    assert region.contains(1.0, 1e9)
    assert np.isnan(region.bound_expansive_limit(3.0))


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda: StepRegion("mixed", "sharp", 1), DomainError),
        (lambda: StepRegion("alternating", "best", 1), DomainError),
        (lambda: StepRegion("alternating", "sharp", 0), DomainError),
        (lambda: StepRegion("alternating", "sharp", 1.5), DomainError),
        (lambda: StepRegion("alternating", "sharp", True), DomainError),
        (lambda: StepRegion("alternating", "sharp", 1, slope=1.5), DomainError),
        (lambda: StepRegion("alternating", "sharp", 1, slope=float("nan")), DomainError),
        (lambda: REGIONS[0].contains(-0.1, 0.0), DomainError),
        (lambda: REGIONS[0].contains(0.1, np.nan), DomainError),
        (lambda: REGIONS[0].exact_contains(-1, 0), DomainError),
        (lambda: REGIONS[0].exact_contains(float("inf"), 0), DomainError),
        (lambda: REGIONS[0].bound_factor(np.zeros(2), np.zeros(3)), ShapeError),
        (lambda: exact_widest_interval(REGIONS[0], -1), DomainError),
    ],
)
def test_misuse_is_refused(call, error):
    with pytest.raises(error, match="expected"):
        call()


@pytest.mark.parametrize("S", [3, 4])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bound", BOUNDS)
def test_largest_boxes_of_more_substeps(family, bound, S):
    region = StepRegion(family, bound, S, Fraction(1, 4))
    box = exact_largest_box(region)
    left, right, top = (
        float(x) for x in (box.contractive_min, box.contractive_max, box.expansive_max)
    )
    inside = 1 - 1e-9
    assert region.contains([left / inside, right * inside], [top * inside, top * inside]).all()
    best = 0.0
    for height in np.linspace(0.5, 1.5, 101) * top:
        ends = [complex(end.evalf()).real for end in exact_widest_interval(region, height)]
        best = max(best, (ends[1] - ends[0]) * height)
    assert best <= float(box.area) * (1 + 1e-9)


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_optima_refuse_degenerate_slopes(slope):
    region = StepRegion("whole_expansive", "sharp", 2, slope)
    for optimum in (exact_area, exact_largest_box, lambda r: exact_widest_interval(r, 0.1)):
        with pytest.raises(DomainError, match="slope"):
            optimum(region)
    if slope == 1.0:
        with pytest.raises(DomainError, match="slope"):
            exact_highest_point(region)


@pytest.mark.parametrize("slope", [Fraction(3, 2), np.float32(1.5), sympy.Rational(3, 2), -1])
def test_any_kind_of_number_is_checked(slope):
    with pytest.raises(DomainError, match=r"\[0, 1\]"):
        StepRegion("alternating", "sharp", 1, slope)


def test_a_fraction_is_taken_exactly():
    third = StepRegion("alternating", "sharp", 1, Fraction(1, 3))
    assert exact_highest_point(third).expansive_step == 1
    assert third.contains(1.5, 0.999999999)
    assert Fraction(float(third.bound_factor(1.0, 0.0))) >= Fraction(2, 3)
    with pytest.raises(TypeError, match="rational"):
        StepRegion("alternating", "sharp", 1, sympy.sqrt(2) / 2).bound_factor(1.0, 0.0)
