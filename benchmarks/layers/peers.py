"""Layers of other libraries that bound what ours bound, for the same values; none if absent."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from torch import nn

Makers = dict[str, Callable[[], nn.Module]]


def peers(kind: str, width: int) -> Makers:
    """Return constructors by name for a kind of benchmark, or nothing where nothing compares."""
    found: Makers = {}
    torchlip, orthogonium = _library("deel.torchlip"), _library("orthogonium.layers")
    if torchlip is not None:
        found |= _of_torchlip(kind, width)
    if orthogonium is not None:
        found |= _of_orthogonium(kind, width)
    return found


def _library(name: str) -> object | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _of_torchlip(kind: str, width: int) -> Makers:
    from deel import torchlip

    known: dict[str, Makers] = {
        "convolution": {
            "deel-torchlip SpectralConv2d": lambda: torchlip.SpectralConv2d(
                width, width, 3, padding=1, padding_mode="circular"
            ),
            "deel-torchlip FrobeniusConv2d": lambda: torchlip.FrobeniusConv2d(
                width, width, 3, padding=1, padding_mode="circular"
            ),
        },
        "matrix": {"deel-torchlip SpectralLinear": lambda: torchlip.SpectralLinear(width, width)},
        "activation": {"deel-torchlip GroupSort2": torchlip.GroupSort2},
    }
    return known.get(kind, {})


def _of_orthogonium(kind: str, width: int) -> Makers:
    from orthogonium.layers.conv.AOC import AdaptiveOrthoConv2d
    from orthogonium.layers.conv.AOL.aol import AOLConv2D
    from orthogonium.layers.conv.SLL.sll_layer import (
        SDPBasedLipschitzDense,
        SDPBasedLipschitzResBlock,
    )
    from orthogonium.layers.custom_activations import MaxMin
    from orthogonium.layers.linear.ortho_linear import OrthoLinear

    known: dict[str, Makers] = {
        "convolution step": {
            "orthogonium SLL (zeros)": lambda: SDPBasedLipschitzResBlock(width, 1),
        },
        "convolution": {
            "orthogonium AOLConv2D": lambda: AOLConv2D(
                width, width, 3, padding=1, padding_mode="circular"
            ),
            "orthogonium AdaptiveOrthoConv2d": lambda: AdaptiveOrthoConv2d(
                width, width, 3, padding=1, padding_mode="circular"
            ),
        },
        "dense step": {"orthogonium SLL": lambda: SDPBasedLipschitzDense(width, width, width)},
        "matrix": {"orthogonium OrthoLinear": lambda: OrthoLinear(width, width)},
        "activation": {"orthogonium MaxMin": MaxMin},
    }
    return known.get(kind, {})
