"""Attacks: how near a changed image is that a network misclassifies.

Foolbox's projected gradient descent in the Euclidean norm, the paper's attack. What it finds is
looked at again: norms in float64, the pixel box, and the class at the very image that counts.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    >>> image = torch.tensor([[[[0.5, 0.25], [0.0, 0.0]]]])
    >>> found = attack(network, image, torch.tensor([0]), [0.3])
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
        for x, y in zip(*(torch.split(t, _AT_ONCE) for t in (images, labels)), strict=True):
            parts.append(_attacked(network, x, y, np.sort(tried), how))
    distances, adversaries = zip(*parts, strict=True)
    return Attacked(torch.cat(distances).cpu().numpy(), torch.cat(adversaries))


def _attacked(
    network: nn.Module, x: Tensor, y: Tensor, epsilons: FloatArray, how: Attack
) -> tuple[Tensor, Tensor]:
    """Distances and adversaries of a piece of the images; ``epsilons`` in increasing order."""
    found = x.clone()
    distance = torch.full((len(x),), math.inf, dtype=torch.float64, device=x.device)
    distance[_wrong(network, x, y)] = 0.0
    for epsilon in map(float, epsilons):
        for restart in range(how.restarts):
            left = torch.nonzero(torch.isinf(distance)).flatten()
            if not len(left):
                return distance, found
            from_image = how.from_image and restart == 0
            moved = _descend(network, x[left], y[left], epsilon, how, from_image)
            moved = within(moved, x[left], epsilon)
            size = bound_distance(moved, x[left])
            broken = _wrong(network, moved, y[left]) & (size <= epsilon)
            found[left[broken]], distance[left[broken]] = moved[broken], size[broken]
    return distance, found


def _descend(
    network: nn.Module, x: Tensor, y: Tensor, epsilon: float, how: Attack, from_image: bool
) -> Tensor:
    """What Foolbox's attack returns, the best it can within about ``epsilon``."""
    foolbox = _foolbox()
    search = foolbox.attacks.L2PGD(
        rel_stepsize=how.relative_step, steps=how.steps, random_start=not from_image
    )
    model = foolbox.PyTorchModel(network, bounds=(0, 1), device=x.device)
    moved: Tensor = search.run(model, x, foolbox.Misclassification(y), epsilon=epsilon)
    return moved.detach()


def within(moved: Tensor, images: Tensor, epsilon: float) -> Tensor:
    """Return ``moved`` in the pixel box, scaled back to the images where it is farther than ε.

    In float32 a norm of ε may come out as a little more: then by a little more than needed.

    >>> x = torch.full((1, 1, 1, 2), 0.5)
    >>> bool(bound_distance(within(x + 0.25, x, 0.1), x)[0] <= 0.1)
    True
    """
    moved = moved.clamp(0.0, 1.0)
    for slack in _SLACKS:
        size = bound_distance(moved, images)
        far = size > epsilon
        if not bool(far.any()):
            break
        factor = (epsilon * (1.0 - slack) / size[far]).reshape(-1, *[1] * (images.ndim - 1))
        nearer = images[far].double() + factor * (moved[far].double() - images[far].double())
        moved = moved.clone()
        moved[far] = nearer.to(images.dtype).clamp(0.0, 1.0)
    return moved


def bound_distance(a: Tensor, b: Tensor) -> Tensor:
    """Return |a − b| of each example from above, computed in float64: (count,).

    >>> 5.0 <= bound_distance(torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]])).item() < 5.001
    True
    """
    change = (a.double() - b.double()).flatten(1)
    rounding = 1.0 + (change.shape[1] + 4) * 2.0**-53
    distance: Tensor = torch.linalg.vector_norm(change, dim=1) * rounding
    return distance


@torch.no_grad()
def _wrong(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    logits: Tensor = network(x)
    wrong: Tensor = logits.argmax(1) != y
    return wrong


def _foolbox() -> Any:
    """Foolbox, whose import warns that SciPy 2 will move a function."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Please import `gaussian_filter`", DeprecationWarning)
        import foolbox

    return foolbox


@contextmanager
def _frozen(network: nn.Module) -> Iterator[None]:
    """Within, no parameter collects gradients: the attack needs those of images alone."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


def _devices(images: Tensor) -> list[torch.device]:
    return [images.device] if images.is_cuda else []


def _check(network: nn.Module, images: Tensor, labels: Tensor) -> None:
    if any(module.training for module in network.modules()):
        raise StructureError(
            came="a module in training mode",
            expected="eval mode: batch statistics and dropout are no function of one input",
            remedy="Call module.eval() first.",
        )
    if images.ndim < 2 or labels.shape != images.shape[:1]:
        raise ShapeError(
            came=f"images of shape {tuple(images.shape)}, labels of {tuple(labels.shape)}",
            expected="(count, channels, height, width) and (count,)",
            remedy="One label an image.",
        )
    if not len(images):
        raise DataError(came="no images", expected="at least one", remedy="Check the data set.")
    if not bool(((images >= 0.0) & (images <= 1.0)).all()):
        raise DomainError(
            came="pixels outside [0, 1], or NaN",
            expected="pixels in [0, 1]",
            remedy="Divide by their largest value; put a normalisation into the module.",
        )
