"""Labelled images for training and testing, split by a seed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import DomainError

_TESTED = 0.2  # the share of each class that is held out


@dataclass(frozen=True)
class Images:
    """Images (count, channels, height, width), float32 in [0, 1], with labels (count,), int64.

    ``sha256`` is that of all four tensors: another split, or another version of the data, has
    another one.
    """

    name: str
    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    classes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        channels, height, width = self.train.shape[1:]
        return channels, height, width

    @property
    def mean(self) -> list[float]:
        """The mean of the training pixels, one number a channel."""
        return [float(mean) for mean in self.train.double().mean(dim=(0, 2, 3))]

    @property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for tensor in (self.train, self.train_labels, self.test, self.test_labels):
            digest.update(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(np.ascontiguousarray(tensor.numpy()).tobytes())
        return digest.hexdigest()

    def validation(self, seed: int) -> Images:
        """Return the training images alone, a fifth of each class of them to test on.

        For choices of settings: the test images stay unseen.

        >>> digits(0).validation(0).test.shape
        torch.Size([287, 1, 8, 8])
        """
        tested = _stratified(self.train_labels.numpy(), seed)
        return replace(
            self,
            name=f"{self.name}, validation {seed}",
            train=self.train[~tested],
            train_labels=self.train_labels[~tested],
            test=self.train[tested],
            test_labels=self.train_labels[tested],
        )


def digits(seed: int = 0) -> Images:
    """Return scikit-learn's 1797 handwritten digits, a fifth of each class to test on.

    Grey images of 8×8 pixels, (count, 1, 8, 8): integers from 0 to 16, divided by 16, exactly.
    ``seed`` ≥ 0 decides the split. Raises DomainError. Source: UCI, optical recognition of
    handwritten digits (its test part), as shipped with scikit-learn.

    >>> images = digits(seed=0)
    >>> images.train.shape, images.test.shape
    (torch.Size([1438, 1, 8, 8]), torch.Size([359, 1, 8, 8]))
    """
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    x = torch.from_numpy(np.float32(pixels / 16.0)).reshape(-1, 1, 8, 8)
    y = torch.from_numpy(labels.astype(np.int64))
    tested = _stratified(labels, seed)
    return Images("digits", x[~tested], y[~tested], x[tested], y[tested], classes=10)


def read_seed(seed: int) -> int:
    """Return a seed, an integer in [0, 2⁶³), or raise DomainError.

    >>> read_seed(3)
    3
    """
    given: object = seed  # whatever a caller without types passes
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given < 2**63:
        raise DomainError(
            came=f"seed = {seed!r}", expected="an integer, at least 0", remedy="0 is a fine seed."
        )
    return given


def _stratified(labels: NDArray[np.int64], seed: int) -> Tensor:
    """A mask of a fifth of each class, drawn by the seed."""
    random = np.random.default_rng(read_seed(seed))
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        chosen[members[: round(_TESTED * len(members))]] = True
    return chosen
