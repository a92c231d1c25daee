"""From operations of PyTorch (ATen) to those of a certificate: what every translation shares.

The batch axis stands first and is never touched; the shapes of signals are without it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...numerics.validation import FloatArray
from ...theory.certificate.graph import Node, Shape

if TYPE_CHECKING:
    from .call import Call


@dataclass(frozen=True)
class Signal:
    """A value that depends on the input: node ``name`` of the certificate's graph."""

    name: str
    shape: Shape

    @property
    def rank(self) -> int:
        return len(self.shape)


@dataclass(frozen=True)
class Withheld:
    """A second result that no certificate can follow (indices of a maximum): refused once used."""

    what: str


# Signal, Constant, Withheld, a Python constant, or a tuple of these.
Value = Any

Translation = Callable[["Call"], Value]
TRANSLATIONS: dict[str, Translation] = {}
REFUSALS: dict[str, str] = {}  # operations that are known, and why they are refused


def translates(*names: str) -> Callable[[Translation], Translation]:
    """Register a translation of the ATen operations of these names (all their overloads)."""

    def register(translation: Translation) -> Translation:
        for name in names:
            TRANSLATIONS[name] = translation
        return translation

    return register


class Lowering:
    """The graph of a certificate as it grows: nodes in order, and weights by key."""

    def __init__(self, dtype: torch.dtype, batch: int) -> None:
        self.dtype = dtype  # of the network and its input
        self.batch = batch  # the length of the batch axis while tracing
        self.nodes: dict[str, Node] = {}
        self.weights: dict[str, FloatArray] = {}
        self.paddings: dict[str, Padding] = {}

    def unique(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self.nodes:
            count += 1
            candidate = f"{name}.{count}"
        return candidate

    def emit(self, node: Node) -> Signal:
        self.nodes[node.name] = node
        return Signal(node.name, node.shape)

    def keep(self, key: str, tensor: FloatArray) -> str:
        """Keep a tensor under a key, another one if that is taken by other numbers."""
        candidate, count = key, 1
        while candidate in self.weights and not _same(self.weights[candidate], tensor):
            count += 1
            candidate = f"{key}.{count}"
        self.weights[candidate] = tensor
        return candidate


@dataclass(frozen=True)
class Padding:
    """A node that pads ``source`` by amounts (low, high) per axis in a ``mode`` of convolutions."""

    source: Signal
    amounts: tuple[tuple[int, int], ...]
    mode: str


def _same(a: FloatArray, b: FloatArray) -> bool:
    return a.shape == b.shape and bool(np.array_equal(a, b))
