"""What a grid of a region is held against catches what is wrong with it."""

import numpy as np
import pytest

from flowcert.errors import DomainError
from flowcert.figures.region_grid import RegionGrid, check_inclusion, exactly_inside
from flowcert.theory.step_optima import exact_largest_box
from flowcert.theory.step_regions import BOUNDS, FAMILIES, Bound, Family, StepRegion

REGION = StepRegion("whole_expansive", "sharp", 2)


def _grid(region: StepRegion = REGION, width: float = 4, height: float = 9) -> RegionGrid:
    return RegionGrid.of(region, np.linspace(0, width, 300), np.linspace(0, height, 311))


def _with(grid: RegionGrid, inside: np.ndarray) -> RegionGrid:
    return RegionGrid(grid.region, grid.h_C, grid.h_E, inside)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bound", BOUNDS)
@pytest.mark.parametrize("substeps", [1, 2, 3])
@pytest.mark.parametrize("slope", [0.25, 0.5])
def test_every_check_holds(family: Family, bound: Bound, substeps: int, slope: float) -> None:
    region = StepRegion(family, bound, substeps, slope)
    # Odd sizes keep grid points off the boundary, where float64 may decide either way.
    grid = _grid(region, 2 * substeps + 0.0137, 30.0171)
    for check in (grid.check_membership("m"), grid.check_area("a"), grid.check_highest_point("h")):
        assert check.holds, check


def test_packing_keeps_everything() -> None:
    grid = _grid()
    data = grid.pack("it")
    assert sum(array.nbytes for array in data.values()) < grid.inside.nbytes / 5
    again = RegionGrid.unpack(REGION, "it", data)
    assert np.array_equal(again.inside, grid.inside)
    assert again.h_C is grid.h_C


@pytest.mark.parametrize("change", [(0, 1), (-1, 0), (0, -1), (1, 0)])
def test_a_single_wrong_point_is_found(change: tuple[int, int]) -> None:
    grid = _grid()
    column = 150
    top = int(grid.counts[column])
    inside = grid.inside.copy()
    if change[1] > 0 or change[0] > 0:
        inside[column, top] = True
    else:
        inside[column, top - 1] = False
    check = _with(grid, inside).check_membership("m")
    assert not check.holds
    assert "1 of these wrong" in check.detail


def test_a_gap_in_a_column_is_found() -> None:
    grid = _grid()
    inside = grid.inside.copy()
    inside[150, 1] = False
    check = _with(grid, inside).check_membership("m")
    assert not check.holds
    assert "gap" in check.detail


@pytest.mark.parametrize(
    "wrong",
    [
        StepRegion("whole_expansive", "sharp", 2, 0.49),
        StepRegion("whole_expansive", "sharp", 3),
        StepRegion("whole_expansive", "authors", 2),
        StepRegion("alternating", "sharp", 2),
    ],
)
def test_another_region_s_points_fail_every_check(wrong: StepRegion) -> None:
    mistaken = _with(_grid(), _grid(wrong).inside)
    box = exact_largest_box(REGION)
    sides = np.array([float(box.contractive_min), float(box.contractive_max), 0.0])
    sides[2] = float(box.expansive_max)
    assert not mistaken.check_membership("m").holds
    assert not mistaken.check_area("a").holds
    assert not mistaken.check_highest_point("h").holds
    assert not mistaken.check_largest_box(sides, "b").holds


@pytest.mark.parametrize("factor", [0.9, 1.1])
@pytest.mark.parametrize("side", [0, 1, 2])
def test_another_box_is_not_the_largest(factor: float, side: int) -> None:
    box = exact_largest_box(REGION)
    ends = (box.contractive_min, box.contractive_max, box.expansive_max)
    sides = np.array([float(end) for end in ends])
    grid = _grid()
    assert grid.check_largest_box(sides, "b").holds
    sides[side] *= factor
    assert not grid.check_largest_box(sides, "b").holds


def test_a_box_that_touches_the_boundary_but_is_small_is_not_the_largest() -> None:
    grid = _grid()
    low, high = 2 * (1 - 0.9) / 0.5, 2 * (1 + 0.9)  # the h_C with q ≤ 0.9
    assert not grid.check_largest_box(np.array([low, high, 0.9**-2 - 1]), "b").holds


def test_a_window_that_cuts_the_region_has_no_known_area() -> None:
    for grid in (_grid(width=3.5), _grid(height=7)):
        with pytest.raises(DomainError, match="holds the region whole"):
            grid.check_area("a")


def test_half_of_an_authors_region_has_half_its_area() -> None:
    region = StepRegion("alternating", "authors", 2)
    half, whole = _grid(region, 1, 1), _grid(region, 2, 1)
    assert 2 * half.area_in_window() == whole.area_in_window()
    assert half.check_area("a").holds


def test_inclusion_sees_a_point_outside() -> None:
    inner, outer = _grid(StepRegion("whole_expansive", "authors", 2)), _grid()
    assert check_inclusion(inner, outer, "i").holds
    assert not check_inclusion(outer, inner, "i").holds
    assert not check_inclusion(_with(inner, inner.inside & False), outer, "i").holds
    assert not check_inclusion(inner, _grid(height=8), "i").holds
    inside = inner.inside.copy()
    inside[0, -1] = True
    assert not check_inclusion(_with(inner, inside), outer, "i").holds


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bound", BOUNDS)
def test_the_second_writing_agrees_with_the_region(family: Family, bound: Bound) -> None:
    region = StepRegion(family, bound, 2, 0.5)
    for h_C in (0.0, 0.3, 1.0, 2.0, 8 / 3, 3.9, 4.0, 4.1):
        for h_E in (0.0, 0.05, 0.14, 1 / 3, 1.0, 2.5, 8.0):
            assert exactly_inside(region, h_C, h_E) == region.exact_contains(h_C, h_E)
