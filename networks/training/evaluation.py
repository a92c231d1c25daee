"""Clean, certified and attacked accuracy of a network, and whether they agree on every image."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...errors import DomainError
from ...numerics.validation import FloatArray
from ..attack import STRONG, WEAK, Attacked, attack
from ..certify import certified_accuracy
from ..data import Images

EPSILONS = (0.1, 0.25, 0.5)  # Euclidean, in pixels of [0, 1]


@dataclass(frozen=True)
class Evaluation:
    """What a network does on test images, image by image.

    ``classes`` (images,) as executed, ``radius`` (images,) the certified radius, 0 where the class
    is wrong; ``weak`` and ``strong`` (images,) the distance to the nearest adversary that either
    attack found, ∞ for none. ``execution`` is the arithmetic for which the radii hold and in which
    the network was attacked.
    """

    epsilons: tuple[float, ...]
    labels: NDArray[np.int64]
    classes: NDArray[np.int64]
    radius: FloatArray
    weak: FloatArray
    strong: FloatArray
    execution: str

    @property
    def clean(self) -> float:
        return float(np.mean(self.classes == self.labels))

    @property
    def certified(self) -> tuple[float, ...]:
        return tuple(
            float(np.mean((self.radius > 0.0) & (self.radius >= e))) for e in self.epsilons
        )

    @property
    def attacked(self) -> tuple[float, ...]:
        """Accuracy under the strong attack and the weak one together."""
        nearest = np.minimum(self.weak, self.strong)
        return tuple(float(np.mean(nearest > e)) for e in self.epsilons)

    @property
    def attacked_weakly(self) -> tuple[float, ...]:
        """Accuracy under the authors' attack alone."""
        return tuple(float(np.mean(self.weak > e)) for e in self.epsilons)

    @property
    def violations(self) -> tuple[int, ...]:
        """The images with an adversary inside their certified radius: there must be none."""
        nearest = np.minimum(self.weak, self.strong)
        return tuple(np.flatnonzero((self.radius > 0.0) & (nearest <= self.radius)).tolist())

    def to_json(self) -> dict[str, Any]:
        """Return results and, exactly, all that they are computed from; ∞ is null."""
        return {
            "clean": self.clean,
            "epsilons": list(self.epsilons),
            "certified": list(self.certified),
            "attacked": list(self.attacked),
            "attacked_weakly": list(self.attacked_weakly),
            "violations": list(self.violations),
            "execution": self.execution,
            "images": {
                "labels": self.labels.tolist(),
                "classes": self.classes.tolist(),
                "radius": _finite(self.radius),
                "weak": _finite(self.weak),
                "strong": _finite(self.strong),
            },
        }

    @staticmethod
    def from_json(content: dict[str, Any]) -> Evaluation:
        """Read what ``to_json`` gave; LookupError, TypeError or ValueError for anything else."""
        images = content["images"]
        radius, weak, strong = (_infinite(images[name]) for name in ("radius", "weak", "strong"))
        return Evaluation(
            tuple(map(float, content["epsilons"])),
            np.array(images["labels"], dtype=np.int64),
            np.array(images["classes"], dtype=np.int64),
            radius,
            weak,
            strong,
            str(content["execution"]),
        )


def evaluate(
    network: nn.Module,
    images: Images,
    *,
    epsilons: Sequence[float] = EPSILONS,
    seed: int = 0,
    watch: Callable[[str], None] = lambda _what: None,
) -> Evaluation:
    """Return how a sealed network does on the test images; ``watch`` is told what comes next.

    Radii hold for float32 execution if the rounding of all its operations is known there, else for
    float64; the attack meets the network in the same arithmetic. Raises what ``certified_accuracy``
    and ``attack`` raise. Source: paper, E2 and E4 [P].

    >>> from flowcert.networks.data import digits
    >>> from flowcert.networks.layers import UnitRowHead
    >>> network = nn.Sequential(nn.Flatten(), UnitRowHead(64, 10)).eval()
    >>> evaluate(network, digits(0), epsilons=(0.1,)).violations
    ()
    """
    watch("certifying every test image")
    executed, x, y = network, images.test, images.test_labels
    try:
        known = certified_accuracy(network, x, y, epsilons, execution="float32")
    except DomainError:  # an operation, or a weight, that float32 has no bound for
        executed, x = copy.deepcopy(network).double(), x.double()
        known = certified_accuracy(executed, x, y, epsilons, execution="float64")
    found: list[Attacked] = []
    for name, how in (("the authors' attack", WEAK), ("a strong attack", STRONG)):
        watch(name)
        found.append(attack(executed, x, y, epsilons, how=how, seed=seed))
    with torch.no_grad():
        classes = executed(x).argmax(1)
    weak, strong = found
    return Evaluation(
        tuple(map(float, epsilons)),
        y.numpy(),
        classes.numpy(),
        known.radius,
        weak.distance,
        strong.distance,
        known.execution,
    )


def _finite(values: FloatArray) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _infinite(values: list[float | None]) -> FloatArray:
    return np.array([np.inf if value is None else value for value in values], dtype=np.float64)
