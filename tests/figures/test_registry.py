"""A new figure is one new file; what does not exist is named."""

import re
from types import ModuleType
from typing import Any

import matplotlib.figure
import pytest

from flowcert.errors import UnknownNameError
from flowcert.figures import Figure, all_figures, find_figures
from flowcert.figures.registry import figures_in

NAMES = [
    "B5_error_against_depth",
    "B6_error_budget",
    "G1_authors_and_sharp",
    "G1_regions",
    "G4_step_alternation",
    "G5_sir_reference",
    "G6_learned_field",
    "G6_regression",
    "G6_surface",
    "I1_switching",
    "N1_energy_drift",
    "N2_work_precision",
    "N3_contractivity_discs",
]


def _names(figures: tuple[Figure, ...]) -> list[str]:
    return [figure.name for figure in figures]


def test_the_figures_are_found() -> None:
    assert _names(all_figures()) == NAMES
    assert find_figures() == find_figures([]) == all_figures()


def test_names_and_groups_each_once_in_the_order_asked_for() -> None:
    assert _names(find_figures(["G4", "G1_regions", "G1"])) == [
        "G4_step_alternation",
        "G1_regions",
        "G1_authors_and_sharp",
    ]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("G1_region", "Did you mean G1_regions?"),
        ("g4_step_alternation", "Did you mean G4_step_alternation?"),
        ("alternation", "Did you mean G4_step_alternation?"),
        ("sharp", "Did you mean G1_authors_and_sharp?"),
        ("xyz", "Without a name, all are made"),
        ("", "Without a name, all are made"),
    ],
)
def test_an_unknown_name_is_answered_with_those_that_exist(name: str, hint: str) -> None:
    with pytest.raises(UnknownNameError, match=re.escape(hint)) as caught:
        find_figures(["G1", name])
    assert all(known in str(caught.value) for known in NAMES)


def test_a_module_s_own_figures_only(diagonal: Any) -> None:
    module = ModuleType("specimen")
    here = type(diagonal)
    own = type("Own", (here,), {"__module__": "specimen"})
    private = type("_Private", (here,), {"__module__": "specimen"})
    vars(module).update(Own=own, _Private=private, Imported=here, Figure=Figure, number=1)
    assert [type(figure) for figure in figures_in(module)] == [own]


def test_names_are_file_names_and_texts_are_there() -> None:
    for figure in all_figures():
        assert re.fullmatch(r"[A-Z]\d+_\w+", figure.name)
        assert figure.title
        assert not figure.title.endswith(".")
        assert figure.statement.endswith(".")
        assert figure.statement.count("$") % 2 == 0
        assert "[P]" in figure.statement


def test_statements_can_be_typeset() -> None:
    for figure in all_figures():
        picture = matplotlib.figure.Figure()
        picture.text(0, 0, figure.statement)
        picture.draw_without_rendering()
