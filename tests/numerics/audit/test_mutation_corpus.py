"""Real bugs of published integrators: each is caught by the constructor, a guard or the audit."""

from fractions import Fraction

import numpy as np
import pytest

from flowcert.errors import FlowcertError, StructureError
from flowcert.numerics import (
    ButcherTableau,
    Euler,
    FieldSystem,
    LobattoIIIC,
    McLachlan4,
    Method,
    RungeKutta,
    Splitting,
    StormerVerlet,
)
from flowcert.numerics.audit import audit
from flowcert.numerics.problems import ProductOscillator


def complaints(method):
    return " / ".join(audit(method).complaints)


def test_gauss_of_order_four_with_both_nodes_equal():
    """The sign of √3/6 lost in one node: an integrator of order 2, shipped as 4."""
    a, b = "1/4 - sqrt(3)/6", "1/4"
    with pytest.raises(FlowcertError, match="c"):
        ButcherTableau([[b, a], [b, a]], ["1/2", "1/2"], ["1/2 - sqrt(3)/6", "1/2 + sqrt(3)/6"])
    lost = ButcherTableau([[b, a], [b, a]], ["1/2", "1/2"], ["1/2 - sqrt(3)/6"] * 2)
    found = complaints(RungeKutta("Gauss4", lost, 4, symplectic=True, symmetric=True))
    assert "declared order 4, derived" in found
    assert "declared symplectic" in found


@pytest.mark.parametrize(("i", "j"), [(0, 1), (0, 2), (1, 2), (2, 3), (3, 5)])
def test_mclachlan_of_order_four_with_swapped_stages(i, j):
    weights = list(McLachlan4.weights.high_precision(100))
    weights[i], weights[j] = weights[j], weights[i]
    found = complaints(Splitting("McLachlan4", 4, lambda: weights, symmetric=True))
    assert "declared order 4, derived" in found


def test_lobatto_iiif_of_a_wrong_order():
    """Declared as order 2s with s = 3 Lobatto nodes, whose quadrature has order 2s − 2 only."""
    third = ButcherTableau(
        [["1/6", "-1/3", "1/6"], ["1/6", "5/12", "-1/12"], ["1/6", "2/3", "1/6"]],
        ["1/6", "2/3", "1/6"],
        [0, "1/2", 1],
    )
    assert third.order() == LobattoIIIC(3).order == 4
    assert "declared order 6, derived 4" in complaints(RungeKutta("LobattoIIIF(3)", third, 6))


class SymplecticEulerWrittenAsEuler(Method):
    """Both updates from the old values."""

    name, order, symplectic = "SymplecticEuler", 1, True

    def prepare(self, system, dimension=None, near=None):
        return StormerVerlet.prepare(system, dimension)

    def step(self, system, t, y, h):
        return Euler.step(system, t, y, h)


def test_symplectic_euler_written_as_euler():
    assert "declared symplectic, one step errs" in complaints(SymplecticEulerWrittenAsEuler())


@pytest.mark.parametrize("damping", [1.0, 1e-3])
def test_a_method_for_forces_of_position_fed_a_force_of_velocity(damping):
    def damped(t, y):
        return np.stack([y[..., 1], -np.sin(y[..., 0]) - damping * y[..., 1]], axis=-1)

    with pytest.raises(StructureError, match="separable"):
        StormerVerlet.prepare(FieldSystem(damped, 2))
    with pytest.raises(StructureError, match="separable"):
        StormerVerlet.prepare(ProductOscillator.system)


def test_verlet_with_a_force_at_the_wrong_time():
    """Kick, drift, kick with both forces at the old position: order 1."""

    class Careless(Method):
        name, order, symplectic, symmetric = "StormerVerlet", 2, True, True

        def prepare(self, system, dimension=None, near=None):
            return StormerVerlet.prepare(system, dimension)

        def step(self, system, t, y, h):
            d = y.shape[-1] // 2
            q, p = y[..., :d], y[..., d:]
            force = system.momentum_rate(t, q)
            half = p + h / 2 * force
            return np.concatenate(
                [q + h * system.position_rate(t, half), half + h / 2 * force], axis=-1
            )

    found = complaints(Careless())
    assert "declared order 2, derived 1" in found
    assert "declared symplectic" in found
    assert "declared symmetric" in found


@pytest.mark.parametrize("change", [Fraction(1, 1000), Fraction(-1, 10)])
def test_a_weight_of_a_splitting_that_is_a_little_off(change):
    weights = [0, Fraction(1, 2) + change, 1, Fraction(1, 2) - change]
    found = complaints(Splitting("StormerVerlet", 2, weights, symmetric=True))
    assert "declared order 2, derived 1" in found
