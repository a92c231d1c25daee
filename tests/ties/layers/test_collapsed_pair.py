"""The collapsed pair is the pair: the same values, gradients and exact constant, at a third."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from flowcert.errors import DomainError, ShapeError
from flowcert.networks import certify
from flowcert.networks.constraints import Orthogonal, constrain, maintain_, seal
from flowcert.networks.layers import (
    CollapsedPair,
    ExpansiveGradientStep,
    GradientStep,
    Step,
    convolution,
    dense,
)
from flowcert.numerics import ExpansiveGradientField, GradientField, leaky_relu, switching_euler
from flowcert.theory import strategies
from flowcert.theory.bounds import bound_same_matrix_factor


def orthogonal(n, **options):
    affine = dense(n, n, **options)
    return constrain(affine, Orthogonal(affine.operator))


def circular(channels=2, size=4):
    """A circular convolution that is an isometry: shifts of channels, mixed by a rotation."""
    affine = convolution((channels, size, size + 1), channels)
    turn = torch.linalg.qr(torch.randn(channels, channels, dtype=torch.float64))[0]
    kernel = torch.zeros(affine.weight.shape, dtype=torch.float64)
    for c in range(channels):
        kernel[:, c, c % 3, (c + 1) % 3] = turn[:, c]
    affine.weight.data = kernel.float()
    return affine


MAKERS = {
    "free": (lambda: CollapsedPair(dense(4, 4), 0.3, 0.2), (4,)),
    "orthogonal": (lambda: CollapsedPair(orthogonal(4), 0.3, 0.2), (4,)),
    "long steps": (lambda: CollapsedPair(orthogonal(4), 2.6, 0.2, 0.7, 0.4, 2), (4,)),
    "without bias": (lambda: CollapsedPair(orthogonal(3, bias=False), 0.3, 0.2), (3,)),
    "circular": (lambda: CollapsedPair(convolution((2, 4, 5), 2), 0.3, 0.2), (2, 4, 5)),
    "zeros": (lambda: CollapsedPair(convolution((2, 4, 5), 2, mode="zeros"), 0.3, 0.2), (2, 4, 5)),
}
each = pytest.mark.parametrize("kind", MAKERS)


@each
def test_laws(laws, kind):
    make, shape = MAKERS[kind]
    layer = laws.every(make, shape)
    laws.agrees_with(layer, reference(laws, layer), shape)


def reference(laws, layer):
    """Aᵀ(φ(Ax + b) − b), φ iterated on every entry."""
    A, b = laws.written_out(laws.double(layer).affine)
    h_C, h_E = (float(step().double()) for step in (layer.contractive_step, layer.expansive_step))
    t, S = h_C / layer.substeps, layer.substeps

    def collapsed(x):
        y = x @ A.T + b
        for _ in range(S):
            y = y - t * leaky_relu(layer.slope)(y)
        return (y + h_E * leaky_relu(layer.expansive_slope)(y) - b) @ A

    return laws.flat(collapsed)


@st.composite
def pairs(draw):
    n, S = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    a, a_E = draw(strategies.slopes()), draw(strategies.slopes())
    h_C, h_E = S * draw(st.floats(0.0, 3.0)), draw(st.floats(0.0, 2.0))
    A, b = draw(strategies.orthogonal_matrices(n)), draw(strategies.points(n))
    affine = dense(n, n).double()
    affine.weight.data, affine.bias.data = torch.tensor(A), torch.tensor(b)
    return CollapsedPair(affine, h_C, h_E, a, a_E, S).double()


@settings(max_examples=40, deadline=None)
@given(pairs())
def test_it_is_the_uncollapsed_pair(pair):
    contractive = GradientStep(pair.affine, pair.contractive_step, pair.slope, pair.substeps)
    expansive = ExpansiveGradientStep(pair.affine, pair.expansive_step, pair.expansive_slope)
    x = torch.randn(6, pair.affine.weight.shape[0], dtype=torch.float64)
    ours, theirs = pair(x), expansive(contractive(x))
    size = max(
        1.0, float(theirs.detach().abs().max()), float(pair.affine.bias.detach().abs().max())
    )
    growth = (1 + float(pair.contractive_step()) / pair.substeps) ** pair.substeps
    assert float((ours - theirs).detach().abs().max()) <= 1e-12 * size * growth
    h_C, h_E = float(pair.contractive_step()), float(pair.expansive_step())
    A, b = pair.affine.weight.detach().numpy(), pair.affine.bias.detach().numpy()
    down = (GradientField(A, b, leaky_relu(pair.slope)), h_C / pair.substeps)
    up = (ExpansiveGradientField(A, b, leaky_relu(pair.expansive_slope)), h_E)
    numpy = switching_euler([*[down] * pair.substeps, up], x.numpy())
    assert np.abs(ours.detach().numpy() - numpy).max() <= 1e-12 * size * growth


@settings(max_examples=10, deadline=None)
@given(pairs())
def test_its_bound_is_the_exact_factor_of_the_shared_matrix(pair):
    n = pair.affine.weight.shape[0]
    upper = certify(seal(pair), (n,), effort="quick").upper
    h_C, h_E = float(pair.contractive_step()), float(pair.expansive_step())
    exact = float(
        bound_same_matrix_factor(pair.slope, h_C, h_E, pair.substeps, pair.expansive_slope)
    )
    assert abs(upper - exact) <= 3e-9 * max(1.0, exact)


def test_a_published_pair_is_certified_below_one(laws):
    layer = CollapsedPair(orthogonal(5), 0.11, 0.07)
    bound = laws.bounded(layer, (5,), at_most=1.0)
    assert round(bound, 4) == 0.9555


def test_a_circular_isometry_collapses_too(laws):
    pair = CollapsedPair(circular(), 0.7, 0.3).double()
    nn.init.normal_(pair.affine.bias)
    A, _ = laws.written_out(pair.affine)
    assert np.abs(A.T @ A - np.eye(len(A))).max() < 1e-6
    contractive = GradientStep(pair.affine, pair.contractive_step, 0.5, 2)
    expansive = ExpansiveGradientStep(pair.affine, pair.expansive_step)
    x = laws.points((2, 4, 5))
    assert torch.allclose(pair(x), expansive(contractive(x)), atol=1e-6)


class _Trained(Step):
    def __init__(self, value):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self):
        return self.value


def test_steps_are_trained_through_the_collapse(laws):
    pair = CollapsedPair(orthogonal(3), _Trained(0.3), _Trained(0.2)).double()
    nn.init.normal_(pair.affine.bias)
    laws.differentiates(pair, (3,))
    laws.learns(pair, (3,))
    x = laws.points((3,), count=9)
    pair(x).square().sum().backward()
    ours = [step.value.grad.clone() for step in (pair.contractive_step, pair.expansive_step)]
    pair.zero_grad()
    contractive = GradientStep(pair.affine, pair.contractive_step, 0.5, 2)
    expansive = ExpansiveGradientStep(pair.affine, pair.expansive_step)
    expansive(contractive(x)).square().sum().backward()
    theirs = [step.value.grad for step in (pair.contractive_step, pair.expansive_step)]
    assert torch.allclose(torch.stack(ours), torch.stack(theirs), atol=1e-10)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_after_training_its_factor_is_exact_still(laws, optimiser):
    trained = laws.trained(CollapsedPair(orthogonal(4), 0.11, 0.07), (4,), optimiser)
    maintain_(trained)
    assert laws.bounded(trained, (4,), at_most=1.0) < 0.9556


class _BiasKept(CollapsedPair):
    def forward(self, x):
        p, n = self.slopes()
        y = self.affine(x)
        return self.affine.adjoint(n * y + (p - n) * functional.relu(y))


class _SlopesSwapped(CollapsedPair):
    def slopes(self):
        return super().slopes()[::-1]


class _Transpose(CollapsedPair):
    def forward(self, x):
        p, n = self.slopes()
        y = self.affine(x)
        y = n * y + (p - n) * functional.relu(y) - self.affine.bias
        return functional.linear(y, self.affine.weight)


class _WholeStepInEachSubstep(CollapsedPair):
    def slopes(self):
        whole = CollapsedPair(self.affine, 2 * float(self.contractive_step()), self.expansive_step)
        return whole.double().slopes()


class _WrongSign(CollapsedPair):
    """−φ(−1) without its sign."""

    def slopes(self):
        p, n = super().slopes()
        return p, -n


@pytest.mark.parametrize(
    "bug", [_BiasKept, _SlopesSwapped, _Transpose, _WholeStepInEachSubstep, _WrongSign]
)
def test_planted_bugs_are_found(laws, bug):
    layer = bug(orthogonal(3), 0.4, 0.3)
    nn.init.normal_(layer.affine.bias)
    layer = laws.double(layer)
    with pytest.raises(AssertionError):
        laws.agrees_with(layer, reference(laws, layer), (3,))


def test_without_orthogonality_it_is_not_the_pair(laws):
    affine = dense(3, 3).double()
    pair = CollapsedPair(affine, 0.4, 0.3).double()
    steps = ExpansiveGradientStep(affine, 0.3).double(), GradientStep(affine, 0.4, 0.5, 2).double()
    x = laws.points((3,))
    assert not torch.allclose(pair(x), steps[0](steps[1](x)), atol=1e-3)


@pytest.mark.parametrize("affine", [dense(3, 2), convolution((2, 4, 4), 3)])
def test_a_map_that_is_not_square_is_refused(affine):
    with pytest.raises(ShapeError, match="same shape"):
        CollapsedPair(affine, 0.1, 0.1)


@pytest.mark.parametrize(
    "numbers", [(-0.1, 0.1), (0.1, math.nan), (0.1, 0.1, 1.5), (0.1, 0.1, 0.5, -1.0)]
)
def test_bad_numbers_are_named(numbers):
    with pytest.raises(DomainError):
        CollapsedPair(dense(2, 2), *numbers)


def test_no_substep_is_refused():
    with pytest.raises(DomainError, match="substeps"):
        CollapsedPair(dense(2, 2), 0.1, 0.1, substeps=0)
