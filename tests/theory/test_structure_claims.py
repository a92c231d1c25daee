"""What the claims of groups A and F rest on, against oracles; and that they notice broken code."""

import importlib

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from flowcert.numerics import Euler, Heun, RungeKutta
from flowcert.numerics.methods.collocation import RadauIIA
from flowcert.numerics.methods.diagonally_implicit import ImplicitMidpoint
from flowcert.numerics.switching import SwitchingSystem
from flowcert.theory.claims.structure.random_methods import (
    explicit_methods,
    runge_kutta_methods,
    symplectic_methods,
)
from flowcert.theory.claims.structure.smooth_networks import (
    Network,
    arrays,
    energies,
    networks,
    quartic_energies,
)
from flowcert.theory.claims.structure.step_jacobian import (
    ALLOWANCE,
    step_jacobian,
    symplectic_defect,
)
from flowcert.theory.registry import claims_in

few = settings(max_examples=40, deadline=None, database=None, derandomize=True)


def module(name):
    return importlib.import_module(f"flowcert.theory.claims.{name}")


def claim_of(name):
    (claim,) = claims_in(module(name))
    return claim


def violated(name):
    """Whether one of a hundred random instances violates the only claim of a module."""
    claim, found = claim_of(name), []

    # Without shrinking: one counterexample is enough.
    @settings(
        max_examples=100, deadline=None, database=None, derandomize=True, phases=[Phase.generate]
    )
    @given(claim.instances())
    def look(instance):
        if not any(found):
            found.append(not claim.measure(instance).holds)

    look()
    return any(found)


@few
@given(networks(3, 3), arrays(3, size=4.0))
def test_jacobian_of_a_black_box_is_the_jacobian(network, x):
    slope = 1 - np.tanh(network.W @ x + network.b) ** 2
    exact = network.V @ np.diag(slope) @ network.W
    assert np.abs(step_jacobian(network, x) - exact).max() <= 0.1 * ALLOWANCE


def test_jacobian_is_not_transposed():
    A = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert np.allclose(step_jacobian(lambda y: y @ A.T, np.zeros(2)), A, atol=1e-12)


@pytest.mark.parametrize("scale", [1.0, 1.001])
def test_defect_tells_symplectic_matrices_from_others(scale):
    shear = np.array([[1.0, 0.0], [3.0, 1.0]])
    assert symplectic_defect(scale * shear) == pytest.approx(scale**2 - 1, abs=1e-12)


@few
@given(
    st.integers(1, 4).flatmap(
        lambda n: st.tuples(
            st.one_of(energies(n), energies(n, quartic=True), quartic_energies(n)),
            arrays(n, size=2.0),
            arrays(n, size=2.0),
        )
    )
)
def test_energies_have_the_gradients_hessians_and_curvatures_that_they_claim(drawn):
    energy, x, y = drawn
    n = len(x)
    gradient = step_jacobian(lambda z: np.repeat(energy.value(z)[..., None], n, -1), x)[0]
    assert np.allclose(gradient, energy.gradient(x), atol=1e-8)
    assert np.allclose(step_jacobian(energy.gradient, x), energy.hessian(x), atol=1e-8)
    between = x + np.linspace(0, 1, 7)[:, None] * (y - x)
    largest = np.linalg.norm(energy.hessian(between), 2, axis=(-2, -1)).max()
    assert largest <= energy.curvature_bound(x, y) + 1e-12


@few
@given(symplectic_methods())
def test_random_symplectic_methods_are_symplectic_exactly(method):
    assert method.tableau.is_symplectic()
    assert method.tableau.is_diagonally_implicit()


@few
@given(explicit_methods())
def test_random_explicit_methods_are_explicit_and_never_symplectic(method):
    assert method.tableau.is_explicit()
    assert not method.tableau.is_symplectic()


def test_every_kind_of_method_is_drawn():
    kinds = set()

    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(runge_kutta_methods())
    def look(method):
        kinds.add((method.tableau.is_explicit(), method.tableau.is_symplectic()))

    look()
    assert kinds == {(True, False), (False, True), (False, False)}


def reversed_pieces(original):
    return lambda pieces, *rest: original(list(pieces)[::-1], *rest)


def test_reversed_layers_are_noticed(monkeypatch):
    layers = module("discrete.residual_layer")
    monkeypatch.setattr(layers, "switching_euler", reversed_pieces(layers.switching_euler))
    assert violated("discrete.residual_layer")


def test_a_switching_system_that_never_switches_is_noticed(monkeypatch):
    monkeypatch.setattr(SwitchingSystem, "active", lambda self, t: self.systems[0])
    assert violated("discrete.switched_composition")


def test_a_reversed_flow_map_is_noticed(monkeypatch):
    switched = module("discrete.switched_composition")
    flow_map = reversed_pieces(switched.switching_flow_map)
    monkeypatch.setattr(switched, "switching_flow_map", flow_map)
    assert violated("discrete.switched_composition")


@pytest.mark.parametrize(
    ("name", "method", "baseline"),
    [
        ("structure.norm_correction", "NormCorrectedHeun", Heun),
        ("structure.sphere_exponential", "LieEuler", Euler),
        ("structure.sphere_exponential", "RKMK4", Euler),
        ("structure.discrete_gradient_energy", "Gonzalez", ImplicitMidpoint),
        ("structure.discrete_gradient_energy", "ItohAbe", Euler),
        ("structure.partitioned_steps", "StormerVerlet", Euler),
    ],
)
def test_a_method_without_its_structure_is_noticed(monkeypatch, name, method, baseline):
    target = type(getattr(module(name), method))
    wanted = getattr(module(name), method)
    original = target.step

    def step(self, system, t, y, h):
        chosen = baseline.step if self is wanted else original.__get__(self)
        return chosen(system, t, y, h)

    monkeypatch.setattr(target, "step", step)
    assert violated(name)


@pytest.mark.parametrize(
    ("name", "function", "broken"),
    [
        (
            "structure.gonzalez_gradient",
            "gonzalez_gradient",
            lambda system, x, y: system.gradient((x + y) / 2),
        ),
        ("structure.itoh_abe_gradient", "itoh_abe_gradient", lambda system, x, y: 0 * x),
        (
            "structure.average_gradient",
            "average_gradient",
            lambda system, x, y, nodes: system.gradient((x + y) / 2),
        ),
    ],
)
def test_a_broken_discrete_gradient_is_noticed(monkeypatch, name, function, broken):
    monkeypatch.setattr(module(name), function, broken)
    assert violated(name)


@pytest.mark.parametrize(
    "name", ["structure.symplectic_runge_kutta", "structure.quadratic_integrals"]
)
def test_steps_that_do_not_belong_to_their_tableau_are_noticed(monkeypatch, name):
    step = RungeKutta.step
    monkeypatch.setattr(
        RungeKutta, "step", lambda self, s, t, y, h: y + 1.001 * (step(self, s, t, y, h) - y)
    )
    assert violated(name)


@pytest.mark.parametrize(
    "name", ["structure.symplectic_runge_kutta", "structure.quadratic_integrals"]
)
def test_gauss_methods_that_are_not_gauss_methods_are_noticed(monkeypatch, name):
    monkeypatch.setattr(module("structure.method_form"), "GaussLegendre", RadauIIA)
    assert claim_of(name).prove().outcome == "refuted"


@pytest.mark.parametrize(
    "name",
    ["structure.mass_field", "structure.mass_projection", "discrete.property_survives_composition"],
)
def test_a_forgotten_transpose_is_noticed(monkeypatch, name):
    monkeypatch.setattr(Network, "skew", Network.matrix)
    assert violated(name)
