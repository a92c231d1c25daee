"""A wrong coefficient is caught: refused as inconsistent, or the derived order falls."""

import random
from collections.abc import Callable
from fractions import Fraction

import pytest

from flowcert.errors import DomainError, FlowcertError
from flowcert.numerics import methods as shipped
from flowcert.numerics.methods import RungeKutta
from flowcert.numerics.tableau import ButcherTableau, CollocationTableau

SINGLE = [m for m in map(shipped.__dict__.get, shipped.__all__) if isinstance(m, RungeKutta)]
# The families in radicals, as far as they go. (A rounded one is inconsistent before any change.)
WITH_RADICALS = [
    ("Gauss", 2), ("Gauss", 3), ("RadauIA", 2), ("RadauIA", 3), ("RadauIIA", 2), ("RadauIIA", 3),
    ("LobattoIIIA", 2), ("LobattoIIIA", 3), ("LobattoIIIA", 4), ("LobattoIIIB", 3),
    ("LobattoIIIB", 4), ("LobattoIIIC", 2), ("LobattoIIIC", 3), ("LobattoIIIC", 4),
]  # fmt: skip
CASES: list[tuple[str, ButcherTableau, int, int | None]] = [
    *((m.name, m.tableau, m.order, m.embedded_order) for m in SINGLE),  # type: ignore[misc]  # all are ButcherTableau
    *(
        (f"{family}({s})", tableau.exact(), tableau.order(), None)
        for family, s in WITH_RADICALS
        for tableau in [CollocationTableau(family, s)]
    ),
]
Table = dict[str, list]  # type: ignore[type-arg]  # rows of exact numbers of any kind


def table_of(tableau: ButcherTableau) -> Table:
    parts = {"A": [list(row) for row in tableau.A], "b": list(tableau.b), "c": list(tableau.c)}
    return parts | ({"b_hat": list(tableau.b_hat)} if tableau.b_hat else {})


def is_caught(parts: Table, order: int, embedded_order: int | None) -> bool:
    try:
        changed = ButcherTableau(**parts)
    except FlowcertError:
        return True
    return changed.order() < order or changed.embedded_order() != embedded_order


def change_one(parts: Table, draw: random.Random) -> None:
    """Any single coefficient, by 1e-3 to 1e-1."""
    places = [(key, i) for key in parts if key != "A" for i in range(len(parts[key]))]
    places += [(i, j) for i in range(len(parts["A"])) for j in range(len(parts["A"]))]
    where, i = draw.choice(places)
    row = parts["A"][where] if isinstance(where, int) else parts[where]
    row[i] = row[i] + size_of_change(draw)


def change_a_stage(parts: Table, draw: random.Random) -> None:
    """One entry of A and its node with it: the tableau stays consistent."""
    s, change = len(parts["b"]), size_of_change(draw)
    i, j = draw.randrange(s), draw.randrange(s)
    parts["A"][i][j] = parts["A"][i][j] + change
    parts["c"][i] = parts["c"][i] + change


def change_weights(parts: Table, draw: random.Random) -> None:
    """Two weights, their sum kept: the tableau stays consistent."""
    key = draw.choice([key for key in ("b", "b_hat") if key in parts])
    i, j = draw.sample(range(len(parts[key])), 2)
    change = size_of_change(draw)
    parts[key][i] = parts[key][i] + change
    parts[key][j] = parts[key][j] - change


def size_of_change(draw: random.Random) -> Fraction:
    return Fraction(draw.choice([-1, 1]) * draw.randint(100, 10_000), 100_000)


@pytest.mark.parametrize(
    ("change", "lowest_order", "fewest_stages"),
    [
        (change_one, 1, 1),
        # Consistent changes of methods of order 1 and 2 may leave the order as it is: θ-methods,
        # or the midpoint rule with another first stage.
        (change_a_stage, 3, 1),
        (change_weights, 2, 2),
    ],
)
def test_random_changes_are_caught(
    change: Callable[[Table, random.Random], None], lowest_order: int, fewest_stages: int
) -> None:
    draw = random.Random(20231)
    cases = [case for case in CASES if case[2] >= lowest_order and case[1].stages >= fewest_stages]
    survivors = []
    for number in range(200):
        name, tableau, order, embedded_order = cases[number % len(cases)]
        parts = table_of(tableau)
        assert not is_caught(parts, order, embedded_order), name
        change(parts, draw)
        if not is_caught(parts, order, embedded_order):
            survivors.append((name, parts))
    assert len(survivors) <= 2, survivors


def test_gauss_with_both_nodes_equal_is_caught() -> None:
    """A Gauss method of order 4 that was shipped by a peer with twice the node 1/2 + √3/6."""
    node, other = "1/2 + sqrt(3)/6", "1/4 + sqrt(3)/6"
    good = [["1/4", "1/4 - sqrt(3)/6"], [other, "1/4"]]
    with pytest.raises(DomainError, match="c = A·1"):
        ButcherTableau(good, ["1/2", "1/2"], [node, node])
    rows = [[other, "1/4"], [other, "1/4"]]
    assert ButcherTableau(rows, ["1/2", "1/2"], [node, node]).order() == 1


@pytest.mark.parametrize("sign", [1, -1])
def test_a_lobatto_variant_with_a_wrong_entry_is_caught(sign: int) -> None:
    """Lobatto IIIC with 5/12 where its neighbour's −1/12 belongs, and the sign turned."""
    wrong = [
        ["1/6", "-1/3", "1/6"],
        ["1/6", "5/12", Fraction(sign, 12) if sign > 0 else "5/12"],
        ["1/6", "2/3", "1/6"],
    ]
    with pytest.raises(DomainError, match="c = A·1"):
        ButcherTableau(wrong, ["1/6", "2/3", "1/6"], [0, "1/2", 1])
    nodes = [sum(map(Fraction, row)) for row in wrong]
    assert ButcherTableau(wrong, ["1/6", "2/3", "1/6"], nodes).order() < 4


def test_a_lobatto_variant_with_the_weights_of_another_place_is_caught() -> None:
    """Lobatto IIIA whose last row was read off wrongly: right row sums, order 2 instead of 4."""
    wrong = [[0, 0, 0], ["5/24", "1/3", "-1/24"], ["2/3", "1/6", "1/6"]]
    assert ButcherTableau(wrong, ["1/6", "2/3", "1/6"], [0, "1/2", 1]).order() == 2
