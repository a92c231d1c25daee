"""Attacks: how near a changed image is that a network misclassifies.

Foolbox's projected gradient descent in the Euclidean norm, the paper's attack. What it finds is
looked at again: norms in float64, the pixel box, and the class at the very image that counts.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import DataError, DomainError, ShapeError, StructureError
from ..numerics.validation import FloatArray, finite_array, positive_integer
from .data import read_seed

_AT_ONCE = 512  # images
_SLACKS = (0.0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3)  # how much shorter than ε, relatively


@dataclass(frozen=True)
class Attack:
    """``steps`` of length ``relative_step``·ε, ``restarts`` times, from random points of the ball.

    With ``from_image`` the first time begins at the image itself. Raises DomainError.

    >>> STRONG.steps * STRONG.relative_step
    2.5
    """

    steps: int
    relative_step: float
    restarts: int = 1
    from_image: bool = False

    def __post_init__(self) -> None:
        positive_integer("steps", self.steps)
        positive_integer("restarts", self.restarts)
        if not finite_array("relative_step", self.relative_step) > 0.0:
            raise DomainError(
                came=f"relative_step = {self.relative_step}",
                expected="a number > 0",
                remedy="2.5/steps can reach every point of the ball.",
            )


WEAK = Attack(steps=10, relative_step=0.025)  # the authors': it travels a quarter of ε
STRONG = Attack(steps=100, relative_step=2.5 / 100, restarts=2, from_image=True)


@dataclass(frozen=True)
class Attacked:
    """``distance`` (count,): from each image to the nearest misclassified one that was found.

    0 where the image itself is misclassified, ∞ where nothing was found; rounded up.
    ``adversaries`` (count, channels, height, width) are those found, the images elsewhere.
    """

    distance: FloatArray
    adversaries: Tensor

    def broken(self, epsilon: float) -> NDArray[np.bool_]:
        """Return for each image whether a misclassified one within ``epsilon`` was found."""
        return np.asarray(self.distance <= epsilon)

    def accuracy(self, epsilon: float) -> float:
        """Return the fraction of images that no attack broke within ``epsilon``."""
        return 1.0 - float(np.mean(self.broken(epsilon)))


def attack(
    network: nn.Module,
    images: Tensor,
    labels: Tensor,
    epsilons: Sequence[float],
    *,
    how: Attack = STRONG,
    seed: int = 0,
) -> Attacked:
    """Search misclassified images within each of the ``epsilons``, pixels in [0, 1].

    ``network``: any module in eval mode, from (count, channels, height, width) to logits; images
    and module of one type and on one device. An image broken within one ε is not attacked at larger
    ones. What counts has pixels in [0, 1] and a norm ≤ ε, recomputed in float64: what the attack
    leaves outside is scaled back and evaluated again. Deterministic by ``seed``; PyTorch's own
    generator stays as it was. Raises DomainError (ε, pixels), ShapeError, DataError (no images),
    StructureError for a module in training mode. Source: paper, E4 [P]; norms, flowcert [D].

    >>> from flowcert.networks.layers import UnitRowHead
    >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).eval()
    >>> _ = network[1].weight.data.copy_(torch.eye(4)[:2]), network[1].bias.data.zero_()
    >>> found = attack(network, torch.tensor([[[[0.5, 0.25], [0.0, 0.0]]]]), torch.tensor([0]), [0.3])
    >>> bool(0.25 / 2**0.5 <= found.distance[0] <= 0.3)
    True
    """
    _check(network, images, labels)
    tried = finite_array("epsilons", epsilons)
    if tried.ndim != 1 or np.any(tried <= 0.0):
        raise DomainError(
            came=f"epsilons = {epsilons}", expected="a list of numbers > 0", remedy="[0.5]"
        )
    read_seed(seed)
    parts = []
    with torch.random.fork_rng(devices=_devices(images)), _frozen(network):
        torch.manual_seed(seed)
        for x, y in zip(images.split(_AT_ONCE), labels.split(_AT_ONCE), strict=True):
            parts.append(_attacked(network, x, y, np.sort(tried), how))
    distances, adversaries = zip(*parts, strict=True)
    return Attacked(torch.cat(distances).cpu().numpy(), torch.cat(adversaries))
