"""What certified networks are trained to make small."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional

from ...errors import DomainError, UnknownNameError
from ...numerics.validation import finite_array


class Loss(ABC):
    """A function of logits (batch, classes) and labels (batch,): one number, the batch's mean."""

    margin: float

    @abstractmethod
    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over the batch."""


class MarginCrossEntropy(Loss):
    """t·CE((f − u·1_y)/t, y): cross-entropy once the right logit has lost a ``margin`` u > 0.

    t = ``temperature`` > 0: for t → 0 it is max_{i≠y} (u − (f_y − f_i)), and 0 where that is
    negative. Raises DomainError. Source: flowcert, I [D].

    >>> loss = MarginCrossEntropy(margin=1.0, temperature=0.01)
    >>> loss(torch.tensor([[0.25, 0.0]]), torch.tensor([0])).item()
    0.75
    """

    def __init__(self, margin: float, temperature: float) -> None:
        self.margin = _positive("margin", margin)
        self.temperature = _positive("temperature", temperature)

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        right = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
        shifted = (logits - self.margin * right) / self.temperature
        return self.temperature * functional.cross_entropy(shifted, labels)


class Hinge(Loss):
    """Σ_{i≠y} max(0, margin − (f_y − f_i)), the paper's loss; ``margin`` > 0.

    Raises DomainError. Source: paper, E3 [P].

    >>> Hinge(margin=1.0)(torch.tensor([[0.5, 0.0, 0.25]]), torch.tensor([0])).item()
    1.25
    """

    def __init__(self, margin: float) -> None:
        self.margin = _positive("margin", margin)

    def __call__(self, logits: Tensor, labels: Tensor) -> Tensor:
        leads = logits.gather(1, labels[:, None]) - logits
        short = functional.relu(self.margin - leads)
        # The label's own lead is 0: its term, the margin, is taken away.
        return short.sum(1).mean() - self.margin


def orthogonality_penalty(kernels: Iterable[Tensor]) -> Tensor:
    """Return Σ ‖conv(K, K) − I‖_F over ``kernels`` (outputs, inputs, k, k), k odd.

    The convolution of K with itself at every shift (padding k − 1), I the identity at shift 0: 0
    for kernels whose circular convolution has orthonormal rows. Not squared. Source: paper, E3
    [P], there with k = 3.

    >>> identity = torch.zeros(2, 2, 3, 3)
    >>> identity[0, 0, 1, 1] = identity[1, 1, 1, 1] = 1.0
    >>> orthogonality_penalty([identity]).item()
    0.0
    """
    penalties = []
    for K in kernels:
        outputs, _, k, _ = K.shape
        products = functional.conv2d(K, K, padding=k - 1)
        identity = torch.zeros_like(products)
        identity[:, :, k - 1, k - 1] = torch.eye(outputs, dtype=K.dtype, device=K.device)
        penalties.append(torch.linalg.vector_norm(products - identity))
    return torch.stack(penalties).sum()


MARGINS = {"margin": 0.9, "hinge": 1.0}  # what each loss is used with unless told otherwise


def read_loss(name: str, margin: float | None = None, temperature: float = 0.1) -> Loss:
    """Return the loss called ``margin`` or ``hinge``, with its usual margin if none is given.

    Raises UnknownNameError, DomainError.

    >>> read_loss("hinge", 0.3).margin
    0.3
    """
    if name not in MARGINS:
        raise UnknownNameError(
            came=f"the loss {name!r}",
            expected=f"one of {', '.join(MARGINS)}",
            remedy="margin is cross-entropy with an offset, hinge the paper's loss.",
        )
    u = MARGINS[name] if margin is None else margin
    return Hinge(u) if name == "hinge" else MarginCrossEntropy(u, temperature)


def _positive(name: str, value: float) -> float:
    number = finite_array(name, value)
    if number.ndim or number <= 0.0:
        raise DomainError(
            came=f"{name} = {value}",
            expected=f"one number, {name} > 0",
            remedy="At 0 nothing pushes a correct image away from the border of its class."
            if name == "margin"
            else "Near 0 the loss is a maximum, beyond 1 nearly plain.",
        )
    return float(number)
