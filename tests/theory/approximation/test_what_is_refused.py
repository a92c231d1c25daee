"""What is no field, no flow, no scheme: named errors; and layers that cannot be executed say so."""

import numpy as np
import pytest
import sympy

from flowcert.errors import ConvergenceError, DomainError, ShapeError, StructureError
from flowcert.theory.approximation import (
    approximate_flow,
    approximate_flows,
    approximate_within,
    depth_study,
    find_target,
)
from flowcert.theory.approximation.analysis import proved_presnov
from flowcert.theory.decomposition import SymbolicDecomposition, presnov
from flowcert.theory.symbolic import symbolic_field

x, y = sympy.symbols("x y", real=True)
TURN = symbolic_field([-y, x], [x, y])


@pytest.mark.parametrize(
    ("components", "error"),
    [
        (None, ShapeError),
        (x, ShapeError),
        ([[y], [-x]], StructureError),
        ([x > 0, y], StructureError),
        ([True, y], StructureError),
        ([sympy.Eq(x, 1), y], StructureError),
        ([sympy.Function("g")(x), y], StructureError),
    ],
)
def test_what_is_no_component(components, error):
    with pytest.raises(error, match="component"):
        symbolic_field(components, [x, y])


def test_what_is_no_field():
    for build in (
        lambda: presnov("x"),
        lambda: approximate_flow("x", 1.0, 1.0),
        lambda: approximate_within(np.sin, 1.0, 1.0, 1e-2),
        lambda: approximate_flow(lambda z: z, 1.0, 1.0),
    ):
        with pytest.raises(StructureError, match="expected a SymbolicField"):
            build()
    with pytest.raises(StructureError, match="expected a Target"):
        depth_study("Pendulum")


def test_what_is_no_list_of_flows():
    for flows in (TURN, [TURN], [(TURN,)], []):
        with pytest.raises(ShapeError, match="flow"):
            approximate_flows(flows, 1.0)


def test_networks_have_no_backward_stages():
    with pytest.raises(DomainError, match="networks=False"):
        approximate_within(TURN, 1.0, 1.0, 1e-2, splitting="Yoshida4")


def test_a_flow_that_its_steps_do_not_follow_says_so():
    """The two pieces commute: the bound is 0, of exact flows. The layers turn 20000 radians."""
    made = approximate_flow(symbolic_field([-20000 * y, 20000 * x], [x, y]), 1.0, 1.0, steps=1)
    assert made.bound.total == 0.0
    with pytest.raises(ConvergenceError, match="too fast"):
        made(np.array([[1.0, 0.0]]))


def test_a_later_flow_is_as_exact_as_its_own_start_asks_for():
    """e^{1.5} ≈ 4.48 is where the second flow is stiff, and where hints from |x| ≤ 1 would fail."""
    flows = [(symbolic_field([x], [x]), 1.5), (symbolic_field([-(x**5)], [x]), 0.1)]
    made = approximate_flows(flows, 1.0, steps=8)
    start = np.exp(1.5)
    exact = start / (1 + 4 * 0.1 * start**4) ** 0.25
    assert abs(made(np.ones((1, 1)))[0, 0] - exact) < 1e-11


def test_backward_stages_are_not_called_expansive():
    made = approximate_flow(
        find_target("NonNormal").field, 0.2, 0.5, result="second", splitting="Yoshida4", steps=32
    )
    assert made.bound.total == np.inf
    assert "not proved to expand" in made.bound.reason


def test_bounds_rest_on_a_proved_decomposition(monkeypatch):
    def wrong(f):
        parts = presnov(f)
        return SymbolicDecomposition(f, parts.potential + x, parts.skew)

    monkeypatch.setattr("flowcert.theory.approximation.analysis.presnov", wrong)
    with pytest.raises(StructureError, match="Presnov's identities are"):
        proved_presnov(symbolic_field([x - y, x * y], [x, y]))


def test_the_allowance_shrinks_with_the_ball():
    made = approximate_flow(find_target("Pendulum").field, 1.0, 1e-6, steps=4)
    assert made.holds
    assert 0 < made.measured <= 1e-6
    assert str(len(made.layers)) in repr(made)
