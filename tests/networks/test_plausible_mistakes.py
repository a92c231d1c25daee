"""What newcomers pass by mistake gets an error that says what to pass instead."""

import pytest
import torch
from torch import nn

from flowcert.errors import DomainError, ShapeError, StructureError
from flowcert.networks.constraints import (
    BoundedSpectralNorm,
    Orthogonal,
    PatchOrthogonal,
    StepPair,
    constrain,
    project,
)
from flowcert.networks.layers import (
    AlmostOrthogonal,
    AlternatingPair,
    BoundaryStep,
    CollapsedPair,
    EnergyStep,
    ExpansiveGradientStep,
    ExpansiveStep,
    GradientStep,
    ResidualStep,
    RungeKuttaStep,
    ScaledBoundaryStep,
    SharedPair,
    convolution,
    dense,
)

linear = nn.Linear(3, 3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: BoundaryStep(linear),
        lambda: ScaledBoundaryStep(linear),
        lambda: GradientStep(linear, 0.5),
        lambda: RungeKuttaStep(linear, 0.5),
        lambda: ExpansiveStep(linear, 0.5),
        lambda: ExpansiveGradientStep(linear, 0.5),
        lambda: SharedPair(linear, 0.5, 0.1),
        lambda: CollapsedPair(linear, 0.5, 0.1),
        lambda: AlternatingPair(linear, dense(3, 3), 0.5, 0.1),
        lambda: AlternatingPair(dense(3, 3), linear, 0.5, 0.1),
        lambda: ResidualStep(linear, dense(3, 3)),
        lambda: EnergyStep(linear, 4, 0.5),
        lambda: constrain(linear, Orthogonal(dense(3, 3).operator)),
        lambda: project(linear, Orthogonal(dense(3, 3).operator)),
    ],
)
def test_a_linear_layer_of_pytorch_is_no_affine_map(make):
    with pytest.raises(StructureError, match=r"got a Linear .* Use dense\("):
        make()


@pytest.mark.parametrize(
    "kind", [Orthogonal, PatchOrthogonal, BoundedSpectralNorm, AlmostOrthogonal]
)
def test_an_affine_map_is_no_operator(kind):
    with pytest.raises(StructureError, match="pass its attribute operator"):
        kind(dense(3, 3))


def test_a_class_is_no_constraint():
    with pytest.raises(StructureError, match="an instance of a constraint"):
        constrain(dense(3, 3), Orthogonal)


@pytest.mark.parametrize("step", [nn.Parameter(torch.tensor(0.5)), torch.ones(2), StepPair()])
def test_trained_steps_have_their_own_modules(step):
    with pytest.raises(StructureError, match="BoundedStep"):
        GradientStep(dense(3, 3), step)


@pytest.mark.parametrize("step", [-0.5, float("nan"), float("inf"), "long", None])
def test_steps_are_numbers(step):
    with pytest.raises(DomainError):
        GradientStep(dense(3, 3), step)


def test_an_image_has_three_axes():
    with pytest.raises(ShapeError, match="channels"):
        convolution((4, 4), 4)
