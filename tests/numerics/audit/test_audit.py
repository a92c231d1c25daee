"""Every method that is shipped does what it declares, and the audit notices when one does not."""

import json

import numpy as np
import pytest

from flowcert.errors import ConvergenceError, StructureError
from flowcert.numerics import (
    RK4,
    ButcherTableau,
    GaussLegendre,
    Heun,
    ImplicitMidpoint,
    Method,
    RungeKutta,
    StormerVerlet,
)
from flowcert.numerics.audit import (
    Specimen,
    all_specimens,
    audit,
    expansion_order,
    specimen_of,
)
from flowcert.numerics.problems import (
    DrivenLimitCycle,
    DrivenPendulum,
    HenonHeiles,
    Pendulum,
    ProductOscillator,
)

SPECIMENS = all_specimens()


@pytest.mark.parametrize("specimen", SPECIMENS, ids=lambda specimen: specimen.method.name)
def test_a_method_does_what_it_declares(specimen):
    report = audit(specimen)
    assert report.complaints == ()
    assert report.derived_order == report.declared_order
    assert abs(report.nonlinear.order - report.declared_order) <= 0.15
    if report.driven.order is None:
        assert report.driven.detail.startswith("not applicable: ")
    else:
        assert abs(report.driven.order - report.declared_order) <= 0.15
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["holds"] is True


def test_the_list_is_complete():
    names = {specimen.method.name for specimen in SPECIMENS}
    assert len(names) == len(SPECIMENS)
    wanted = [
        "Euler",
        "Heun",
        "ExplicitMidpoint",
        "Ralston",
        "SSP22",
        "SSP33",
        "SSP104",
        "RK4",
        "ThreeEighths",
        "BogackiShampine",
        "DormandPrince",
        "BackwardEuler",
        "ImplicitMidpoint",
        "ImplicitTrapezoid",
        "SDIRK2",
        "SDIRK3",
        "SymplecticEulerA",
        "SymplecticEulerB",
        "StormerVerlet",
        "Ruth3",
        "LieTrotter",
        "Strang",
        "Gonzalez",
        "ItohAbe",
        "LieEuler",
        "RKMK4",
        "NormCorrectedHeun",
    ]  # as a list it would fill a page
    assert set(wanted) <= names
    for family in ("GaussLegendre", "RadauIA", "RadauIIA"):
        assert {f"{family}({s})" for s in range(1, 6)} <= names
    for family in ("LobattoIIIA", "LobattoIIIB", "LobattoIIIC"):
        assert {f"{family}({s})" for s in range(2, 6)} <= names
    for part in ("Yoshida4", "Yoshida6", "Yoshida8", "TripleJump", "Suzuki", "Projection(",
                 "SymmetricProjection(", "Relaxation(", "AverageVectorField("):  # fmt: skip
        assert any(part in name for name in names), part


def test_few_methods_may_do_without_a_driven_problem():
    """Only those that need an energy or an invariant: of an autonomous system."""
    without = {s.method.name.partition("(")[0] for s in SPECIMENS if not s.driven}
    assert without == {
        "Gonzalez", "ItohAbe", "SymmetrisedItohAbe", "AverageVectorField",
        "Projection", "SymmetricProjection", "Relaxation",
    }  # fmt: skip


class Wrong(Method):
    """A method by its step, with declarations to be contradicted."""

    def __init__(self, step, order, base=RK4, **declared):
        self.name, self.order, self._step, self._base = "wrong", order, step, base
        for key, value in declared.items():
            setattr(self, key, value)

    def prepare(self, system, dimension=None, near=None):
        return self._base.prepare(system, dimension)

    def step(self, system, t, y, h):
        return self._step(system, t, y, h)


def _frozen_clock(system, t, y, h):
    """RK4 whose stages all read the clock at the start: of order 1 as soon as time matters."""

    class Frozen:
        autonomous = True

        def __call__(self, _, z):
            return system(t, z)

    return RK4.step(Frozen(), t, y, h)


@pytest.mark.parametrize(
    ("method", "complaint"),
    [
        (Wrong(Heun.step, 3), "declared order 3, derived 2"),
        (Wrong(Heun.step, 2, symmetric=True), "declared symmetric, one step errs"),
        (Wrong(Heun.step, 2, symplectic=True), "declared symplectic, one step errs"),
        (Wrong(ImplicitMidpoint.step, 2), "declared not symplectic, one step errs"),
        (Wrong(ImplicitMidpoint.step, 2, symplectic=True), "declared not symmetric"),
        (Wrong(_frozen_clock, 4), "on DrivenLimitCycle"),
        (RungeKutta("wrong", RK4.tableau, 5), "declared order 5, derived 4"),
        (RungeKutta("wrong", RK4.tableau, 4, symplectic=True), "symplectic, derived otherwise"),
        (RungeKutta("wrong", RK4.tableau, 4, embedded_order=3), "embedded order 3, derived None"),
    ],
)
def test_a_false_declaration_is_noticed(method, complaint):
    report = audit(method)
    assert not report.holds
    assert any(complaint in told for told in report.complaints), report.complaints


def test_no_asymptotic_range_is_a_complaint():
    def rounded(system, t, y, h):
        return (
            np.round(Heun.step(system, t, y, h), 3)
            if y.dtype != object
            else Heun.step(system, t, y, h)
        )

    assert any("observed nan" in told for told in audit(Wrong(rounded, 2)).complaints)


def test_the_expansion_finds_the_order_and_refuses_a_kink():
    assert expansion_order(RK4, [Pendulum, DrivenLimitCycle]).order == 4
    assert expansion_order(GaussLegendre(3), [HenonHeiles]).order == 6

    def kinked(system, t, y, h):
        return Heun.step(system, t, y, h) + abs(h) * abs(h) ** 0.5 * y

    with pytest.raises(ConvergenceError, match="integer exponent"):
        expansion_order(Wrong(kinked, 2), [Pendulum])


def test_a_method_is_offered_what_it_needs():
    assert ProductOscillator in specimen_of(RK4).canonical
    verlet = specimen_of(StormerVerlet)
    assert ProductOscillator not in verlet.canonical  # not separable
    assert verlet.canonical
    assert verlet.driven[0] is DrivenPendulum
    assert isinstance(specimen_of(ImplicitMidpoint), Specimen)

    class Nothing(Method):
        name, order = "nothing", 1

        def prepare(self, system, dimension=None, near=None):
            raise StructureError(came="a", expected="the moon", remedy="Fly.")

        def step(self, system, t, y, h):
            return y

    with pytest.raises(StructureError, match="the moon"):
        specimen_of(Nothing())


def test_a_tableau_that_is_no_method_of_its_order_is_caught_by_all_three():
    both_equal = ButcherTableau([["1/4", "1/4"], ["1/4", "1/4"]], ["1/2", "1/2"], ["1/2", "1/2"])
    report = audit(RungeKutta("Gauss with both nodes equal", both_equal, 4))
    assert report.derived_order == 2
    assert report.nonlinear.order == pytest.approx(2, abs=0.15)
    assert report.driven.order == pytest.approx(2, abs=0.15)
