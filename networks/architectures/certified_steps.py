"""The steps of certified networks: maps with their constraints, step sizes with their region."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import get_args

from torch import nn

from ...errors import UnknownNameError
from ...theory.step_regions import Family
from ..constraints import (
    BoundedSpectralNorm,
    BoundedStep,
    Orthogonal,
    PatchOrthogonal,
    StepPair,
    constrain,
)
from ..constraints.step_set import Region, StepSet
from ..layers import (
    Affine,
    AlternatingPair,
    BoundaryStep,
    CollapsedPair,
    GradientStep,
    MaxMin,
    ResidualStep,
    ScaledBoundaryStep,
    SharedPair,
    Step,
    convolution,
    dense,
)

SUBSTEPS = 2  # S of the paper's switching regimes
# h_C at first, the authors' prescribed step. Where contraction is strongest, a pair has the factor
# ((1 − a)/(1 + a))^S: a network would lose its signal there before it learns anything.
START = 0.3


class Maps(ABC):
    """The affine maps from a space to itself, or a larger one, that steps are made of."""

    @abstractmethod
    def free(self, *, bias: bool = True) -> Affine:
        """Return a map from the space to itself."""

    @abstractmethod
    def isometry(self) -> Affine:
        """Return a map with AᵀA = I, as small as it can be."""

    @abstractmethod
    def orthonormal(self) -> Affine:
        """Return a map from the space to itself with ‖A‖ ≤ 1, an isometry where there are such."""

    def bounded(self, *, bias: bool = True) -> Affine:
        """Return a map from the space to itself with ‖A‖ ≤ 1."""
        affine = self.free(bias=bias)
        return constrain(affine, BoundedSpectralNorm(affine.operator))


@dataclass(frozen=True)
class DenseMaps(Maps):
    """Maps of vectors of ``width`` entries; isometries are square.

    >>> tuple(DenseMaps(3).isometry().weight.shape)
    (3, 3)
    """

    width: int

    def free(self, *, bias: bool = True) -> Affine:
        return dense(self.width, self.width, bias=bias)

    def isometry(self) -> Affine:
        affine = self.free()
        return constrain(affine, Orthogonal(affine.operator))

    def orthonormal(self) -> Affine:
        return self.isometry()


@dataclass(frozen=True)
class ConvolutionMaps(Maps):
    """Circular convolutions of images (channels, height, width).

    Isometries have k² times as many output channels: that many a patch-orthogonal kernel needs.

    >>> tuple(ConvolutionMaps((2, 4, 4)).isometry().weight.shape)
    (18, 2, 3, 3)
    """

    image: tuple[int, int, int]
    kernel_size: int = 3

    def free(self, *, bias: bool = True) -> Affine:
        return self._convolution(self.image[0], bias=bias)

    def isometry(self) -> Affine:
        affine = self._convolution(self.image[0] * self.kernel_size**2)
        return constrain(affine, PatchOrthogonal(affine.operator))

    def orthonormal(self) -> Affine:
        affine = self.free()
        return constrain(affine, PatchOrthogonal(affine.operator))

    def _convolution(self, outputs: int, *, bias: bool = True) -> Affine:
        return convolution(self.image, outputs, kernel_size=self.kernel_size, bias=bias)


def certified_step(kind: str, maps: Maps, slope: float, region: str | None) -> nn.Module:
    """Return one non-expansive step of a ``kind`` (see ``certified_dense``), its constraints owned.

    >>> certified_step("boundary", DenseMaps(3), 0.5, None)  # doctest: +ELLIPSIS
    BoundaryStep(...
    """
    if kind == "naive":
        return ResidualStep(maps.bounded(), maps.bounded(bias=False), averaged=True)
    if kind == "non-expansive":
        return GradientStep(maps.bounded(), BoundedStep(2.0))
    if kind == "switching-prescribed":
        return _prescribed(maps, slope, region)
    if kind == "switching-flexible":
        return _flexible(maps, slope, region)
    if kind == "boundary":
        return BoundaryStep(maps.free())
    if kind == "scaled-boundary":
        return ScaledBoundaryStep(maps.free())
    return nn.Sequential(maps.orthonormal(), MaxMin())


def read_region(region: str | None) -> Region | None:
    """Return the region of a pair of steps, None for no expansion, or raise UnknownNameError.

    >>> read_region("authors_box")
    'authors_box'
    """
    if region is None:
        return None
    known: Region
    for known in get_args(Region):
        if region == known:
            return known
    raise UnknownNameError(
        came=f"region {region!r}",
        expected=f"one of {', '.join(get_args(Region))}, or None for no expansive steps",
        remedy="Regions are written with underscores.",
    )


def _prescribed(maps: Maps, slope: float, region: str | None) -> nn.Module:
    read = read_region(region)
    if read is None:
        return GradientStep(maps.isometry(), _contraction(), slope, SUBSTEPS)
    pair = _pair(read, "alternating", slope)
    return AlternatingPair(
        maps.isometry(), maps.bounded(), pair.contractive, pair.expansive, slope, SUBSTEPS
    )


def _flexible(maps: Maps, slope: float, region: str | None) -> nn.Module:
    read = read_region(region)
    affine = maps.isometry()
    h_C: Step = _contraction()
    h_E: float | Step = 0.0
    if read is not None:
        pair = _pair(read, "whole_expansive", slope)
        h_C, h_E = pair.contractive, pair.expansive
    if affine.operator.is_square:
        return CollapsedPair(affine, h_C, h_E, slope, substeps=SUBSTEPS)
    if read is None:
        return GradientStep(affine, h_C, slope, SUBSTEPS)
    return SharedPair(affine, h_C, h_E, slope, substeps=SUBSTEPS)


def _pair(region: Region, family: Family, slope: float) -> StepPair:
    """Steps that begin at START, or half way where their interval is shorter than that."""
    low, high = StepSet(region, family, SUBSTEPS, slope).contractive_interval
    start = START if low < START < high else 0.5 * (low + high)
    return StepPair(region, family, SUBSTEPS, slope, contractive=start)


def _contraction() -> Step:
    """h_C alone, in [0, 2S]."""
    return BoundedStep(2.0 * SUBSTEPS, START)
