"""The learning rate and the order of the images, computed from where training stands.

Nothing random or hidden survives an epoch: training resumed after any of them goes on as if it had
never stopped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

_RISING = 0.3  # the share of steps in which the rate grows
_FIRST, _LAST = 1.0 / 25.0, 1e-4 / 25.0  # relative to the largest


def one_cycle(step: int, steps: int, largest: float) -> float:
    """Return the learning rate of ``step`` = 0 … steps − 1: up to ``largest``, then nearly to 0.

    Half a cosine up over three tenths of the steps, half a cosine down. Source: L. N. Smith and
    N. Topin (2019), as PyTorch's OneCycleLR anneals it.

    >>> [round(one_cycle(step, 10, 1.0), 4) for step in (0, 2, 9)]
    [0.04, 1.0, 0.0]
    """
    peak = _RISING * steps - 1.0
    last = steps - 1.0
    if step <= peak:
        first, second, done = _FIRST, 1.0, step / peak
    else:
        first, second, done = 1.0, _LAST, (step - peak) / (last - peak)
    return largest * (second + (first - second) * (1.0 + math.cos(math.pi * done)) / 2.0)


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """Return the generator of one epoch: the same whenever, and wherever, that epoch is trained.

    >>> int(torch.randint(100, (), generator=epoch_generator(0, 3)))
    78
    """
    [mixed] = np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(mixed >> np.uint64(1)))


def batches(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the indices 0 … count − 1 in random order, ``size`` at a time (the last may be fewer).

    >>> sorted(int(i) for batch in batches(5, 2, epoch_generator(0, 0)) for i in batch)
    [0, 1, 2, 3, 4]
    """
    yield from torch.split(torch.randperm(count, generator=generator), size)
