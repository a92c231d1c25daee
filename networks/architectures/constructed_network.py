"""A construction of the approximation results, layer by layer in PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import StructureError
from ...numerics import RidgePotentialField, SphereField
from ...numerics.validation import FloatArray
from ...theory.approximation import Construction
from ...theory.approximation.layers import FlowLayer, GradientLayer, SphereLayer
from ..layers import PotentialStep, RidgePotential, Scaling, SphereStep, dense
from ..layers.layer import FixedStep


def constructed_network(construction: Construction) -> nn.Sequential:
    """Return the layers of a construction with networks as a module, in float64.

    Gradient and expansive layers become ``PotentialStep``s by the midpoint rule, contractive ones
    ``Scaling``s, sphere-preserving ones ``SphereStep``s. The module computes what the construction
    does, up to rounding, so its proved ``bound`` holds for it on the construction's ball; it can be
    trained on from there (then the bound is history). Equal layers share their weights. Raises
    StructureError for a construction of flows, without networks. Source: paper, both approximation
    results [I]; flowcert [D].

    >>> from flowcert.theory.approximation import approximate_flow, find_target
    >>> target = find_target("NonNormal")
    >>> made = approximate_flow(target.field, 1.0, 1.0, steps=2, width=16)
    >>> x = torch.tensor([[0.5, -0.5]], dtype=torch.float64)
    >>> bool(np.abs(constructed_network(made)(x).detach().numpy() - made(x.numpy())).max() < 1e-13)
    True
    """
    if not isinstance(construction, Construction) or not construction.networks:
        raise StructureError(
            came=f"{construction!r}, without networks",
            expected="one with networks in their place",
            remedy="Pass a width to approximate_flow.",
        )
    potentials = {id(own): ridge_potential_of(own) for own in _potential_fields(construction)}
    known: dict[int, nn.Module] = {}
    for layer in construction.layers:
        if id(layer) not in known:
            known[id(layer)] = _module(layer, potentials)
    return nn.Sequential(*(known[id(layer)] for layer in construction.layers))


def _potential_fields(construction: Construction) -> list[RidgePotentialField]:
    return [networks.gradient for networks in construction.networks]


def _module(layer: object, potentials: Mapping[int, RidgePotential]) -> nn.Module:
    if isinstance(layer, FlowLayer) and layer.kind == "contractive":
        return Scaling(float(np.exp(layer.shift * layer.time)))
    if isinstance(layer, GradientLayer) and layer.time >= 0:
        potential = potentials[id(layer.field)]
        return PotentialStep(
            potential, _exactly(layer.time), layer.substeps, method="midpoint", shift=layer.shift
        )
    if isinstance(layer, SphereLayer) and layer.time >= 0:
        step = layer.time / layer.substeps
        one = _sphere_step(layer.field, step)
        return one if layer.substeps == 1 else nn.Sequential(*[one] * layer.substeps)
    raise StructureError(
        came=f"{layer!r}",
        expected="layers of networks that run forward in time",
        remedy="Take LieTrotter or Strang: the stages of higher splittings also run backward.",
    )


def _exactly(time: float) -> FixedStep:
    return FixedStep(time, like=torch.zeros((), dtype=torch.float64))


@torch.no_grad()
def ridge_potential_of(field: RidgePotentialField) -> RidgePotential:
    """Return the potential with the weights of a field of tanh, in float64.

    >>> from flowcert.numerics import RidgePotentialField
    >>> potential = ridge_potential_of(RidgePotentialField([[2.0, 0.0]], [1.0], [3.0]))
    >>> potential.weight.tolist(), potential.affine.weight.tolist()
    ([3.0], [[2.0, 0.0]])
    """
    rows, columns = field.A.shape
    potential = RidgePotential(dense(columns, rows)).double()
    _fill(potential.affine.weight, field.A)
    _fill(potential.affine.bias, field.b)
    _fill(potential.weight, field.alpha)
    return potential


@torch.no_grad()
def _sphere_step(field: SphereField, time: float) -> SphereStep:
    """Λ holds the entries of S above the diagonal: Λ − Λᵀ is S."""
    step = SphereStep(field.dimension, len(field.b), _exactly(time)).double()
    step.step = _exactly(time)
    _fill(step.skew.inner.weight, field.A)
    _fill(step.skew.inner.bias, field.b)
    upper = np.triu(field.skew, 1).reshape(len(field.b), -1)
    _fill(step.skew.outer.weight, upper.T)
    return step


def _fill(weight: Tensor | None, values: FloatArray) -> None:
    assert weight is not None  # dense has a bias unless told otherwise
    weight.copy_(torch.from_numpy(np.ascontiguousarray(values)))
