"""Losses against NumPy, term by term, and against difference quotients."""

import math

import numpy as np
import pytest
import torch

from flowcert.errors import DomainError, UnknownNameError
from flowcert.networks.training import Hinge, MarginCrossEntropy, orthogonality_penalty, read_loss

LOSSES = {
    "margin": lambda: MarginCrossEntropy(0.7, 0.1),
    "plain": lambda: MarginCrossEntropy(0.05, 1.0),
    "hinge": lambda: Hinge(0.3),
}


def logits(count=12, classes=5, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(count, classes)), random.integers(0, classes, count)


@pytest.mark.parametrize(("margin", "t"), [(0.7, 0.1), (1.5, 1.0), (0.01, 0.03)])
def test_margin_cross_entropy_is_its_formula(margin, t):
    f, y = logits()
    terms = []
    for row, label in zip(f, y, strict=True):
        shifted = row.copy()
        shifted[label] -= margin
        terms.append(t * math.log(sum(math.exp((v - shifted[label]) / t) for v in shifted)))
    found = MarginCrossEntropy(margin, t)(torch.tensor(f), torch.tensor(y))
    assert float(found) == pytest.approx(np.mean(terms), rel=1e-12)


@pytest.mark.parametrize("margin", [0.07, 0.3, 2.0])
def test_the_hinge_is_its_formula(margin):
    f, y = logits()
    total = 0.0
    for row, label in zip(f, y, strict=True):
        for i, value in enumerate(row):
            if i != label:
                total += max(0.0, margin - (row[label] - value))
    found = Hinge(margin)(torch.tensor(f), torch.tensor(y))
    assert float(found) == pytest.approx(total / len(y), rel=1e-12)


def test_at_temperature_nought_the_margin_is_what_is_lacking():
    f, y = logits()
    lead = np.array([row[k] - np.delete(row, k).max() for row, k in zip(f, y, strict=True)])
    found = MarginCrossEntropy(1.0, 1e-4)(torch.tensor(f), torch.tensor(y))
    assert float(found) == pytest.approx(np.maximum(0.0, 1.0 - lead).mean(), abs=1e-3)


@pytest.mark.parametrize("kind", LOSSES)
def test_gradients_are_difference_quotients(kind):
    f, y = logits()
    labels, loss = torch.tensor(y), LOSSES[kind]()
    x = torch.tensor(f, requires_grad=True)
    loss(x, labels).backward()
    for entry in np.ndindex(f.shape):
        moved = []
        for h in (1e-6, -1e-6):
            g = f.copy()
            g[entry] += h
            moved.append(float(loss(torch.tensor(g), labels)))
        assert float(x.grad[entry]) == pytest.approx((moved[0] - moved[1]) / 2e-6, abs=1e-7)


def test_the_penalty_is_its_sum_over_shifts():
    random = np.random.default_rng(0)
    kernels = [random.normal(size=shape) for shape in ((2, 3, 3, 3), (4, 1, 3, 3), (2, 2, 1, 1))]
    expected = 0.0
    for K in kernels:
        outputs, inputs, k, _ = K.shape
        squares = 0.0
        for p, q in np.ndindex(outputs, outputs):
            for a in range(1 - k, k):
                for b in range(1 - k, k):
                    product = sum(
                        K[p, c, i, j] * K[q, c, i - a, j - b]
                        for c, i, j in np.ndindex(inputs, k, k)
                        if 0 <= i - a < k and 0 <= j - b < k
                    )
                    squares += (product - (p == q and a == b == 0)) ** 2
        expected += math.sqrt(squares)
    found = orthogonality_penalty([torch.tensor(K) for K in kernels])
    assert float(found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("bad", [0.0, -0.1, math.nan, math.inf])
@pytest.mark.parametrize("name", ["margin", "hinge"])
def test_a_margin_is_positive(name, bad):
    with pytest.raises(DomainError, match="margin"):
        read_loss(name, bad)
    with pytest.raises(DomainError, match="temperature"):
        MarginCrossEntropy(0.5, bad)


def test_an_unknown_loss_is_named():
    with pytest.raises(UnknownNameError, match="margin, hinge"):
        read_loss("accuracy")


class _Sign(MarginCrossEntropy):
    def __call__(self, f, y):
        return super().__call__(f + 2 * self.margin * torch.nn.functional.one_hot(y, 5), y)


class _Factor(MarginCrossEntropy):
    def __call__(self, f, y):
        return super().__call__(f, y) / self.temperature


@pytest.mark.parametrize("bug", [_Sign, _Factor])
def test_planted_bugs_are_found(bug, monkeypatch):
    monkeypatch.setitem(globals(), "MarginCrossEntropy", bug)
    with pytest.raises(AssertionError):
        test_margin_cross_entropy_is_its_formula(0.7, 0.1)


def test_the_label_itself_must_not_count(monkeypatch):
    class Own(Hinge):
        def __call__(self, f, y):
            return super().__call__(f, y) + self.margin

    monkeypatch.setitem(globals(), "Hinge", Own)
    with pytest.raises(AssertionError):
        test_the_hinge_is_its_formula(0.3)
