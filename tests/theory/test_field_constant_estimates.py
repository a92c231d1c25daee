"""Lipschitz constants of fields: what the search finds, and what is refused."""

import math
from dataclasses import dataclass

import mpmath
import numpy as np
import pytest

from flowcert import DomainError, ShapeError, StructureError
from flowcert.numerics import (
    ExpansiveGradientField,
    GradientField,
    LinearField,
    RidgePotentialField,
    SphereField,
    softplus_mixture,
    tanh_mixture,
)
from flowcert.theory.field_constants import (
    bound_lipschitz,
    bound_one_sided_lipschitz,
    estimate_lipschitz,
    estimate_one_sided_lipschitz,
)

ROTATION = np.array([[0.0, -1.0], [1.0, 0.0]])


def sech2(s):
    return float(1 / mpmath.cosh(s) ** 2)


def logistic(s):
    return float(1 / (1 + mpmath.exp(-s)))


def test_estimates_find_the_steepest_point():
    """Far from the middle: sech²(x + 2) on |x| ≤ 3 is 1 at −2; softplus is steepest at the end."""
    assert estimate_lipschitz(RidgePotentialField([[1.0]], [2.0]), 3.0) > 1 - 1e-9
    field = ExpansiveGradientField([[1.0, 0.0]], None, softplus_mixture(0.0))
    assert math.isclose(estimate_lipschitz(field, 2.0), logistic(2.0), rel_tol=1e-6)
    shallow = GradientField(np.eye(2), None, tanh_mixture())
    assert math.isclose(estimate_one_sided_lipschitz(shallow, 1.0), -sech2(1.0), rel_tol=1e-6)
    sphere = SphereField([[1.0, 0.0]], None, [ROTATION])
    assert math.isclose(estimate_one_sided_lipschitz(sphere, 2.0), 2.0, rel_tol=1e-6)


def test_estimates_depend_on_the_seed_alone():
    field = RidgePotentialField(np.random.default_rng(0).normal(size=(5, 3)))
    assert estimate_lipschitz(field, 1.0, seed=1) == estimate_lipschitz(field, 1.0, seed=1)


@dataclass(frozen=True)
class Cubic:
    """f(x) = x³, a field of nobody's family."""

    dimension: int = 2
    mixes: bool = False
    flat: bool = False
    pole: bool = False

    def __call__(self, x):
        return np.asarray(x) ** 3

    def jacobian(self, x):
        x = np.asarray(x)
        J = 3 * x[..., None] ** 2 * np.eye(self.dimension)
        if self.pole:
            J = J + np.where(np.abs(x[..., :1, None]) < 0.1, np.nan, 0.0)
        return (J + x.mean()) if self.mixes else J.reshape(-1) if self.flat else J


def test_any_field_can_be_estimated_but_only_known_ones_are_bounded():
    assert math.isclose(estimate_lipschitz(Cubic(), 2.0), 12.0, rel_tol=1e-6)
    with pytest.raises(StructureError, match=r"SphereField.*estimate_"):
        bound_lipschitz(Cubic(), 2.0)


def test_a_subclass_is_not_taken_for_its_parent():
    class Steeper(GradientField):
        def __call__(self, x):
            return 2 * super().__call__(x)

    with pytest.raises(StructureError, match="Steeper"):
        bound_one_sided_lipschitz(Steeper([[1.0]]), 1.0)


@pytest.mark.parametrize(
    ("field", "error"),
    [
        (Cubic(mixes=True), ShapeError),
        (Cubic(flat=True), ShapeError),
        (Cubic(pole=True), DomainError),
    ],
)
def test_bad_jacobians_are_refused(field, error):
    for estimate in (estimate_lipschitz, estimate_one_sided_lipschitz):
        with pytest.raises(error, match="expected"):
            estimate(field, 1.0)


@pytest.mark.parametrize("radius", [0.0, -1.0, math.nan, math.inf, [1.0], "1"])
@pytest.mark.parametrize(
    "function",
    [bound_lipschitz, bound_one_sided_lipschitz, estimate_lipschitz, estimate_one_sided_lipschitz],
)
def test_a_ball_needs_a_radius(function, radius):
    with pytest.raises(DomainError, match="expected"):
        function(LinearField(np.eye(2)), radius)
