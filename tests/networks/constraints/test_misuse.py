"""Constraints asked for what they cannot give: named errors with a remedy."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from flowcert.errors import (
    ConvergenceError,
    DomainError,
    ShapeError,
    StructureError,
    UnknownNameError,
)
from flowcert.networks.constraints import (
    BoundedSpectralNorm,
    BoundedStep,
    Constraint,
    Membership,
    Orthogonal,
    PatchOrthogonal,
    StepPair,
    constrain,
    constraint_of,
    maintain_,
    membership,
    project,
    seal,
)
from flowcert.networks.layers import FixedStep, GradientStep, convolution, dense
from flowcert.networks.operators import ConvolutionOperator, DenseOperator

DENSE, CONVOLUTION = DenseOperator(3, 3), ConvolutionOperator((2, 4, 4), 3)
NAN = torch.full((3, 3), torch.nan)
INFINITE = torch.full((3, 3), torch.inf)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Orthogonal(CONVOLUTION), StructureError, "PatchOrthogonal"),
        (lambda: PatchOrthogonal(DENSE), StructureError, "Use Orthogonal"),
        (lambda: Orthogonal(None), StructureError, "a DenseOperator"),
        (lambda: BoundedSpectralNorm(DENSE, -1.0), DomainError, "bound > 0"),
        (lambda: BoundedSpectralNorm(DENSE, 0.0), DomainError, "bound > 0"),
        (lambda: BoundedSpectralNorm(DENSE, float("nan")), DomainError, "bound"),
        (lambda: BoundedSpectralNorm(DENSE, float("inf")), DomainError, "bound"),
        (lambda: Orthogonal(DENSE).contains(NAN), DomainError, "matrix"),
        (lambda: Orthogonal(DENSE).sealed(NAN), DomainError, "matrix"),
        (lambda: Orthogonal(DENSE).projected(INFINITE), DomainError, "NaN or infinite"),
        (lambda: Orthogonal(DENSE).right_inverse(NAN), DomainError, "NaN or infinite"),
        (lambda: Orthogonal(DENSE)(torch.eye(3).half()), DomainError, "Half precision"),
        (lambda: Orthogonal(DENSE)(torch.eye(3).bfloat16()), DomainError, "Half precision"),
        (lambda: Orthogonal(DENSE).contains(torch.eye(3).half()), DomainError, "Half"),
        (lambda: Orthogonal(DENSE).sealed(torch.eye(3).half()), DomainError, "Half"),
        (lambda: Orthogonal(DENSE).right_inverse(torch.eye(3).half()), DomainError, "Half"),
        (lambda: Orthogonal(DENSE)(torch.eye(2)), ShapeError, r"\(3, 3\)"),
        (lambda: PatchOrthogonal(CONVOLUTION).contains(torch.eye(3)), ShapeError, "shape"),
        (lambda: BoundedSpectralNorm(DENSE).contains(NAN), DomainError, "matrix"),
        (lambda: BoundedSpectralNorm(DENSE).sealed(INFINITE), DomainError, "matrix"),
        (lambda: StepPair("their_region"), UnknownNameError, "sharp_region, authors_region"),
        (lambda: StepPair(family="mixed"), UnknownNameError, "alternating, whole_expansive"),
        (lambda: StepPair(slope=-0.1), DomainError, "slope"),
        (lambda: StepPair(slope=1.1), DomainError, "slope"),
        (lambda: StepPair(slope=float("nan")), DomainError, "slope"),
        (lambda: StepPair(slope=0.0), DomainError, r"slope in \(0, 1\]"),
        (lambda: StepPair(substeps=0), DomainError, "substeps"),
        (lambda: StepPair("authors_box", slope=0.04), DomainError, "the authors' box"),
        (lambda: StepPair("authors_box", "alternating", 8), None, ""),
        (lambda: StepPair("authors_box", substeps=1), None, ""),
        (lambda: StepPair(contractive=4.0), DomainError, "at the start"),
        (lambda: StepPair(contractive=0.0), DomainError, "at the start"),
        (lambda: StepPair(contractive=-1.0), DomainError, "contractive_step"),
        (lambda: StepPair(contractive=float("nan")), DomainError, "contractive_step"),
        (lambda: StepPair(contractive=1.0, expansive=0.78), DomainError, "at the start"),
        (lambda: StepPair(contractive=1.0, expansive=0.0), DomainError, "at the start"),
        (lambda: StepPair(contractive=1.0, expansive=0.77), None, ""),
        (lambda: StepPair("authors_region", contractive=2.0), DomainError, "at the start"),
        (lambda: StepPair("authors_box", contractive=0.1), DomainError, "at the start"),
        (lambda: StepPair("authors_box", expansive=0.05), DomainError, "at the start"),
        (lambda: StepPair().contains(-1.0, 0.1), DomainError, "contractive_step"),
        (lambda: StepPair().contains(1.0, float("nan")), DomainError, "expansive_step"),
        (lambda: BoundedStep(0.0), DomainError, "limit > 0"),
        (lambda: BoundedStep(float("inf")), DomainError, "limit"),
        (lambda: BoundedStep(2.0, 2.0), DomainError, "start = 2"),
        (lambda: BoundedStep(2.0, -1.0), DomainError, "start"),
        (lambda: BoundedStep(2.0).contains(float("nan")), DomainError, "step"),
        (lambda: seal(StepPair().contractive), StructureError, "a step alone"),
    ],
)
def test_bad_input(call, error, words):
    if error is None:
        call()  # the neighbour that is allowed
        return
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize("how", [constrain, project])
def test_a_weight_has_one_owner(how):
    affine = how(dense(3, 3), BoundedSpectralNorm(DENSE))
    for again in (constrain, project):
        with pytest.raises(StructureError, match="one owner"):
            again(affine, BoundedSpectralNorm(DENSE))
    foreign = dense(3, 3)
    parametrizations.orthogonal(foreign)
    with pytest.raises(StructureError, match="one owner"):
        how(foreign, BoundedSpectralNorm(DENSE))


@pytest.mark.parametrize("how", [constrain, project])
def test_a_constraint_belongs_to_one_operator(how):
    zeros = ConvolutionOperator((2, 4, 4), 3, mode="zeros")
    for affine, constraint in (
        (dense(3, 4), Orthogonal(DENSE)),
        (convolution((2, 4, 4), 3), BoundedSpectralNorm(zeros)),
        (convolution((2, 4, 5), 3), PatchOrthogonal(CONVOLUTION)),
    ):
        with pytest.raises(StructureError, match="the same operator"):
            how(affine, constraint)
        assert constraint_of(affine) is None


def test_nothing_is_half_done():
    """A weight that cannot be constrained stays as it was."""
    affine = dense(3, 3)
    with torch.no_grad():
        affine.weight.fill_(torch.nan)
    with pytest.raises(DomainError):
        constrain(affine, Orthogonal(affine.operator))
    assert constraint_of(affine) is None
    assert isinstance(affine.weight, nn.Parameter)


def test_weights_that_become_nan_are_found():
    network = nn.Sequential(constrain(dense(3, 3), Orthogonal(DENSE)))
    pair = StepPair()
    network.append(GradientStep(dense(3, 3), pair.contractive))
    with torch.no_grad():
        network[0].parametrizations.weight.original.fill_(torch.nan)
        pair.contractive.free.fill_(torch.nan)
    with pytest.raises(DomainError, match="parameter 0"):
        maintain_(network)
    weight, steps = membership(network)
    assert not weight.holds
    assert not steps.holds
    for part in network:
        with pytest.raises((DomainError, ConvergenceError)):
            seal(part)


class _Liar(Constraint):
    def forward(self, V):
        return V

    def contains(self, weight):
        return float(weight.detach().abs().max()) <= 1.0

    def sealed(self, weight):
        return weight  # not what it promised


def test_a_constraint_that_does_not_keep_its_word_is_not_sealed():
    affine = constrain(dense(3, 3), _Liar())
    with torch.no_grad():
        affine.weight = torch.full((3, 3), 0.5)
    assert seal(affine).weight.tolist() == [[0.5] * 3] * 3
    with torch.no_grad():
        affine.weight = torch.full((3, 3), 2.0)
    with pytest.raises(ConvergenceError, match=r"weight: not in _Liar"):
        seal(affine)


def test_membership_names_every_place_once():
    pair, affine = StepPair(), constrain(dense(3, 3), Orthogonal(DENSE))
    network = nn.ModuleDict(
        {
            "first": GradientStep(affine, pair.contractive, 0.5),
            "again": GradientStep(dense(3, 3), pair.expansive, 0.5),
            "projected": project(dense(3, 3), BoundedSpectralNorm(DENSE)),
            "bounded": GradientStep(dense(3, 3), BoundedStep(2.0)),
            "plain": GradientStep(dense(3, 3), FixedStep(0.5)),
        }
    )
    places = [
        "first.affine.weight",
        "projected.weight",
        "first.step with again.step",
        "bounded.step",
    ]
    for form in (network, seal(network)):
        assert [found.place for found in membership(form)] == places
        assert all(found.holds for found in membership(form))
    assert str(membership(network)[1]) == "projected.weight: in BoundedSpectralNorm(bound=1)"
    assert membership(nn.Linear(2, 2)) == ()


def test_a_sealed_network_remembers_what_it_was_sealed_into():
    sealed = seal(nn.Sequential(constrain(dense(3, 3), Orthogonal(DENSE))))
    assert set(sealed.state_dict()) == {"0.weight", "0.bias"}
    assert not list(sealed[0].children())
    stored = {name: tensor.clone() for name, tensor in sealed.state_dict().items()}
    stored["0.weight"][0, 0] += 1e-4
    assert membership(sealed.double())[0].holds
    sealed.load_state_dict(stored)
    assert membership(sealed) == (
        Membership("0.weight", "Orthogonal(DenseOperator(inputs=3, outputs=3))", False),
    )
