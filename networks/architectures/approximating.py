"""Networks of the two approximation results: flows of simple fields, one after another."""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import nn

from ...errors import UnknownNameError
from ...numerics.validation import positive_integer
from ...theory.approximation.pieces import RESULTS, Result
from ..layers import (
    Affine,
    ExpansiveGradientStep,
    GradientStep,
    Layer,
    Lift,
    PotentialStep,
    Projection,
    RidgePotential,
    SphereStep,
    dense,
)
from ..layers.layer import Step


def approximating_network(
    dimension: int,
    depth: int,
    hidden: int,
    result: Result = "first",
    *,
    step: float | Step = 1.0,
    extra: int = 0,
    outputs: int | None = None,
    rank: int | None = None,
) -> nn.Sequential:
    r"""Return P∘Ψ_depth∘…∘Ψ₁∘L: vectors of ``dimension`` entries to ``outputs`` of them.

    L adds ``extra`` coordinates, zeros; P keeps the last ``outputs`` (all, if None). On the
    n = dimension + extra coordinates between them Ψ is

    - first: a step h·∇U, U = Σ wᵢ log cosh(aᵢᵀx + bᵢ) with ``hidden`` terms and w of any sign, then
      one along S(x)x that keeps |x|, S skew, from ``hidden`` units (of low ``rank`` if given);
    - second: an expansive step x + h·BᵀReLU(Bx + c), a contractive one x − h·AᵀReLU(Ax + b), both
      with ``hidden`` rows, then the one that keeps |x|. A ridge potential of ReLU²/2 with weights
      of any sign is the difference of two such convex ones, √|wᵢ| going into the rows. The
      contractive step is non-expansive while h‖A‖² ≤ 2: ``constrain`` A to have that always.

    ``step`` is h, a number or one ``Step`` that all share. Weights, signs and biases are drawn by
    PyTorch's generator. No ``certify``: the steps that keep the norm have no global constant.
    Without extra coordinates the network is, for short steps, an orientation-preserving
    homeomorphism: then |x| in one dimension is out of reach (B7). Raises UnknownNameError,
    DomainError. Source: paper, the two results, B5 and B6 [I]; the networks' shape [D].

    >>> network = approximating_network(1, depth=2, hidden=5, extra=3, outputs=1)
    >>> network(torch.zeros(7, 1)).shape
    torch.Size([7, 1])
    """
    added = 0 if extra == 0 else positive_integer("extra", extra)
    n = positive_integer("dimension", dimension) + added
    kept = n if outputs is None else positive_integer("outputs", outputs)
    layers = OrderedDict[str, nn.Module]()
    if added:
        layers["lift"] = Lift(dimension, n)
    for i in range(positive_integer("depth", depth)):
        for name, layer in _block(result, n, hidden, step).items():
            layers[f"{name}{i + 1}"] = layer
        layers[f"sphere{i + 1}"] = SphereStep(n, hidden, step, rank)
    if kept != n:
        layers["projection"] = Projection(n, kept)
    return nn.Sequential(layers)


def _block(result: str, n: int, hidden: int, step: float | Step) -> dict[str, Layer]:
    if result == "first":
        return {"potential": PotentialStep(_signed_potential(n, hidden), step)}
    if result == "second":
        return {
            "expansive": ExpansiveGradientStep(_rows(n, hidden), step),
            "contractive": GradientStep(_rows(n, hidden), step),
        }
    raise UnknownNameError(
        came=f"result = {result!r}",
        expected=f"one of {', '.join(RESULTS)}",
        remedy="The first has gradient steps, the second expansive and contractive ones.",
    )


@torch.no_grad()
def _signed_potential(n: int, hidden: int) -> RidgePotential:
    potential = RidgePotential(_rows(n, hidden, size=1.0))
    nn.init.normal_(potential.weight, std=1 / math.sqrt(hidden))
    return potential


@torch.no_grad()
def _rows(n: int, hidden: int, size: float | None = None) -> Affine:
    """Rows of norm about ``size``, or so that ‖AᵀA‖ is about 1; biases, so that kinks differ."""
    affine = dense(n, positive_integer("hidden", hidden))
    affine.weight *= size if size is not None else math.sqrt(n / max(n, hidden))
    if affine.bias is not None:
        nn.init.normal_(affine.bias)
    return affine
