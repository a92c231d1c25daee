"""Step pairs: inside their region whatever the optimiser makes of them, in exact fractions."""

import copy
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from torch import nn

from flowcert.networks import certify
from flowcert.networks.constraints import (
    BoundedStep,
    Orthogonal,
    StepPair,
    StepSet,
    constrain,
    maintain_,
    membership,
    seal,
)
from flowcert.networks.layers import ExpansiveStep, GradientStep, dense
from flowcert.theory.step_regions import StepRegion

REGIONS = ("sharp_region", "authors_region", "authors_box")
FAMILIES = ("whole_expansive", "alternating")
each = pytest.mark.parametrize("region", REGIONS)
free = st.one_of(st.floats(-60.0, 60.0), st.sampled_from([-1e4, 1e4, -20.0, 17.0]))


def inside(steps, h_C, h_E):
    """Whether the pair is in the region, decided in fractions from the definition (D1, D2)."""
    c, e, a, S = Fraction(h_C), Fraction(h_E), Fraction(steps.slope), steps.substeps
    if steps.region == "authors_box":
        return Fraction(0.11) <= c <= Fraction(1.89) and 0 <= e <= Fraction(0.05)
    t = c / S
    square = 1 - 2 * a * t + t * t
    if steps.region == "sharp_region":
        square = max(abs(1 - t), abs(1 - a * t)) ** 2
    if steps.family == "alternating":
        return (1 + e / S) ** 2 * square <= 1
    return (1 + e) ** 2 * square**S <= 1


@st.composite
def pairs(draw):
    region = draw(st.sampled_from(REGIONS))
    if region == "authors_box":
        return StepPair(region, draw(st.sampled_from(FAMILIES)))
    slope = draw(st.sampled_from([0.01, 0.1, 0.5, 0.9, 1.0]))
    return StepPair(region, draw(st.sampled_from(FAMILIES)), draw(st.integers(1, 5)), slope)


def moved(pair, p, q, dtype=torch.float32):
    with torch.no_grad():
        for part, value in ((pair.contractive, p), (pair.expansive, q)):
            part.to(dtype)
            part.free.fill_(value)
    return pair


@given(pairs(), free, free, st.sampled_from([torch.float32, torch.float64]))
@example(StepPair("sharp_region", slope=1.0), 0.0, 1e4, torch.float32)
@example(StepPair("authors_region", slope=1.0), 0.0, 1e4, torch.float32)
def test_whatever_the_free_parameters_are(pair, p, q, dtype):
    """Every pair, as it is trained and as it is sealed, is inside: not only on average."""
    moved(pair, p, q, dtype)
    for now in (pair, pair.sealed()):
        h_C, h_E = now.values()
        assert now.contractive().dtype == now.expansive().dtype == dtype
        assert now.holds()
        assert inside(pair.steps, h_C, h_E)
    assert pair.sealed().values()[0] == pair.values()[0]
    assert pair.values()[1] * (1 - 1e-5) <= pair.sealed().values()[1] <= pair.values()[1]


@given(pairs(), st.floats(1e-3, 1 - 1e-3))
def test_the_boundary_is_that_of_the_theory(pair, share):
    low, high = pair.steps.contractive_interval
    h_C = low + (high - low) * share
    limit = float(pair.steps.expansive_limit(torch.tensor(h_C, dtype=torch.float64)))
    if pair.steps.region == "authors_box":
        assert limit == 0.05
        return
    bound = "sharp" if pair.steps.region == "sharp_region" else "authors"
    region = StepRegion(pair.steps.family, bound, pair.steps.substeps, pair.steps.slope)
    assert limit == pytest.approx(min(float(region.estimate_expansive_limit(h_C)), 16.0), rel=1e-9)


@given(pairs())
def test_the_interval_is_as_wide_as_the_region(pair):
    """Just inside its ends some h_E > 0 is admissible, just outside none; in fractions."""
    (low, high), small = pair.steps.contractive_interval, 1e-15
    inner = 1e-6 * (high - low)
    assert inside(pair.steps, low + inner, small)
    assert inside(pair.steps, high - inner, small)
    assert not inside(pair.steps, high + inner, small)
    if pair.steps.region == "authors_box":
        assert not inside(pair.steps, low - inner, small)
    else:
        assert low == 0.0


@given(pairs(), st.floats(0.05, 0.95))
def test_a_pair_just_beyond_is_refused(pair, share):
    low, high = pair.steps.contractive_interval
    h_C = low + (high - low) * share
    limit = pair.steps.bound_expansive_limit(h_C)
    if not np.isfinite(limit):
        return
    assert pair.contains(h_C, max(limit * (1 - 1e-9) - 1e-12, 0.0))
    beyond = limit * (1 + 1e-9) + 1e-12
    assert not inside(pair.steps, h_C, beyond)
    assert not pair.contains(h_C, beyond)
    assert not pair.contains(high * (1 + 1e-12), 1e-9)


@pytest.mark.parametrize("S", [1, 2, 3])
@pytest.mark.parametrize("t", [0.3, 1.0, 1.3, 1.7])
@pytest.mark.parametrize("family", FAMILIES)
def test_beyond_the_sharp_boundary_two_points_really_part(S, t, family):
    """NumPy: orthogonal A, B, and biases that keep each sub-step on the side that counts."""
    steps, a = StepSet("sharp_region", family, S, 0.5), 0.5
    limit = steps.bound_expansive_limit(S * t)

    def stretch(h_E):
        generator = np.random.default_rng(S)
        A, B = (np.linalg.qr(generator.standard_normal((3, 3)))[0] for _ in range(2))
        x, y = np.zeros((2, 3))
        y = 1e-3 * generator.standard_normal(3)
        apart = np.linalg.norm(y - x)

        def leaky(z):
            return np.where(z > 0, z, a * z)

        def expand(z, h):
            c = np.full(3, 1e3) - B @ x  # the side of slope 1
            return z + h * B.T @ leaky(B @ z + c)

        def contract(z):
            side = -1e3 if 1 - a * t >= t - 1 else 1e3  # slope a, or 1
            return z - t * A.T @ leaky(A @ z + (np.full(3, side) - A @ x))

        for _ in range(S):
            x, y = (contract(z) for z in (x, y))
            if family == "alternating":
                x, y = (expand(z, h_E / S) for z in (x, y))
        if family == "whole_expansive":
            x, y = (expand(z, h_E) for z in (x, y))
        return np.linalg.norm(y - x) / apart

    assert stretch(0.999 * limit) < 1.0 < stretch(1.001 * limit)
    assert not steps.contains(S * t, 1.001 * limit)


def network(region, family="whole_expansive"):
    affines = [dense(4, 4), dense(4, 4)]
    for affine in affines:
        constrain(affine, Orthogonal(affine.operator))
    pair = StepPair(region, family)
    contractive = GradientStep(affines[0], pair.contractive, slope=0.5, substeps=2)
    return nn.Sequential(contractive, ExpansiveStep(affines[1], pair.expansive, slope=0.5))


@each
@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_in_the_region_after_training_toward_expansion(region, optimiser):
    """200 steps that reward distance: the boundary is approached, and never crossed."""
    layer = network(region)
    kind, rate = {"SGD": (torch.optim.SGD, 20.0), "Adam": (torch.optim.Adam, 0.1)}[optimiser]
    stepper = kind([p for n, p in layer.named_parameters() if n.endswith("free")], lr=rate)
    for step in range(200):
        stepper.zero_grad()
        (-layer[1].step()).backward()
        stepper.step()
        maintain_(layer)
        if step % 50 == 49:
            assert all(found.holds for found in membership(layer))
    h_C, h_E = layer[0].step.pair.values()
    assert h_E >= 0.95 * layer[0].step.pair.steps.bound_expansive_limit(h_C)
    sealed = seal(layer)
    assert len(membership(sealed)) == 3
    assert certify(sealed, (4,), effort="quick").upper <= 1.0


@pytest.mark.parametrize(
    ("region", "optimiser"),
    [("sharp_region", "SGD"), ("authors_region", "Adam"), ("authors_box", "Adam")],
)
def test_laws(laws, region, optimiser):
    trained = laws.trained(network(region), (4,), optimiser)
    assert all(found.holds for found in membership(trained))
    laws.bounded(trained, (4,), at_most=1.0)
    laws.learns(trained, (4,))
    laws.survives_saving(trained, lambda: network(region), (4,))
    laws.survives_moving(trained, (4,))
    laws.treats_examples_alone(trained, (4,))


@each
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("p", [-1.0, 0.3, 2.0])
def test_gradients_are_those_of_difference_quotients(region, family, p):
    pair = moved(StepPair(region, family), p, -0.7, torch.float64)

    def steps(p, q):
        h_C = torch.func.functional_call(pair.contractive, {"free": p}, ())
        low, high = pair.steps.contractive_interval
        assert low < float(h_C.detach()) < high
        return h_C, pair.steps.expansive_limit(h_C) * torch.sigmoid(q)

    free = [
        part.free.detach().clone().requires_grad_() for part in (pair.contractive, pair.expansive)
    ]
    assert torch.autograd.gradcheck(steps, free, eps=1e-6)


@each
def test_at_the_end_of_float32_gradients_are_finite(region):
    for slope in (0.5, 1.0):
        if (region, slope) == ("authors_box", 1.0):
            continue
        for p in (-1e4, 0.0, 1e4):
            pair = moved(StepPair(region, slope=slope), p, 0.0)
            (pair.contractive() + pair.expansive()).backward()
            assert torch.isfinite(pair.contractive.free.grad)
            assert torch.isfinite(pair.expansive.free.grad)


def test_a_sealed_pair_is_one_pair_and_never_stale():
    pair = StepPair()
    first = pair.contractive.sealed()
    assert pair.expansive.sealed().pair is first.pair
    moved(pair, 1.0, 1.0)
    second = pair.expansive.sealed()
    assert second.pair is not first.pair
    assert second.pair.values()[0] == pair.values()[0]
    assert second.pair.sealed() is second.pair
    assert second.sealed() is second
    assert seal(nn.Sequential(*network("sharp_region")))[0].step.pair.holds()


def test_copies_are_pairs_of_their_own():
    original = network("authors_region")
    copied = copy.deepcopy(original)
    with torch.no_grad():
        copied[0].step.free.fill_(3.0)
    assert copied[1].step.pair is copied[0].step.pair is not original[0].step.pair
    assert copied[1].step.pair.values() != original[1].step.pair.values()


def test_a_type_too_coarse_is_refused_not_rounded():
    pair = moved(StepPair("authors_box"), 1e4, 0.0, torch.bfloat16)
    assert not pair.holds()
    with pytest.raises(Exception, match="holds no pair"):
        pair.sealed()


def test_a_number_changed_after_sealing_is_found():
    sealed = seal(network("sharp_region"))
    with torch.no_grad():
        sealed[1].step.value.mul_(2.1)
    *_, found = membership(sealed)
    assert not found.holds
    assert "0.step with 1.step: not in StepPair(sharp_region" in str(found)
    with pytest.raises(Exception, match="its own predicate refuses"):
        seal(sealed)


@given(st.floats(0.01, 3.0), free, st.sampled_from([torch.float32, torch.float64]))
def test_a_bounded_step_is_below_its_limit(limit, p, dtype):
    step = BoundedStep(limit).to(dtype)
    with torch.no_grad():
        step.free.fill_(p)
    sealed, present = step.sealed(), float(step().detach())
    assert 0.0 <= float(sealed()) <= min(limit, present)
    assert present - float(sealed()) <= 1e-6 * limit
    assert sealed.holds()


def test_a_bounded_step_in_a_layer(laws):
    def make():
        affine = dense(3, 4)
        constrain(affine, Orthogonal(affine.operator))
        return GradientStep(affine, BoundedStep(2.0))

    layer = make()
    laws.learns(layer, (3,))
    laws.survives_saving(layer, make, (3,))
    with torch.no_grad():
        layer.step.free.fill_(1e3)
    laws.bounded(layer, (3,), at_most=1.0)
    sealed = seal(layer)
    assert str(membership(sealed)[1]) == "step: in BoundedStep(limit=2)"
    sealed.step.value.mul_(1.1)
    assert not membership(sealed)[1].holds


# Planted bugs: each must be found by the law above that it breaks.


def _authors_clamp(self):
    """The published slip: a clamp to [−1.9, 0.05], then an absolute value."""
    return torch.clamp(self.free, -1.9, 0.05).abs()


def _no_margin_double_limit(self):
    return 2.0 * self.pair.steps.expansive_limit(self.pair.contractive()) * self.free.sigmoid()


def _wrong_partner(self):
    return self.pair.steps.expansive_limit(torch.ones_like(self.free)) * self.free.sigmoid()


@pytest.mark.parametrize("bug", [_authors_clamp, _no_margin_double_limit, _wrong_partner])
@each
def test_planted_bugs_are_found(monkeypatch, region, bug):
    if (bug, region) == (_wrong_partner, "authors_box"):
        return  # the box's limit is the same for every h_C
    pair = moved(StepPair(region), -6.0, -1.9 if bug is _authors_clamp else 8.0)
    assert pair.holds()
    monkeypatch.setattr(type(pair.expansive), "forward", bug)
    assert not pair.holds()
    assert pair.sealed().holds()


@pytest.mark.parametrize("wrong", [lambda a, t: t - a * t, lambda a, t: 2.1 - t])
def test_a_wrong_boundary_is_found(monkeypatch, wrong):
    def limit(self, h_C):
        gap = wrong(self.slope, h_C / self.substeps)
        return torch.expm1(-self.substeps * torch.log1p(-gap))

    pair = moved(StepPair(slope=0.3), 4.0, 60.0)
    monkeypatch.setattr(StepSet, "expansive_limit", limit)
    assert not pair.holds()
