"""What approximating networks are compared with: the same task, no structure, as many numbers."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise
from typing import Literal, get_args

import torch
from torch import nn

from ...errors import UnknownNameError
from ...numerics.validation import positive_integer
from ..layers import Lift, Projection, ResidualStep, dense

Kind = Literal["tanh", "ReLU", "residual"]
UNSTRUCTURED: tuple[str, ...] = get_args(Kind)


def unstructured_network(
    kind: Kind, inputs: int, width: int, outputs: int, *, depth: int = 3, lifted: int = 10
) -> nn.Sequential:
    """Return a network from ``inputs`` to ``outputs`` coordinates without any structure.

    - tanh, ReLU: ``depth`` layers of ``width`` units with that activation, then a linear one;
    - residual: zeros up to ``lifted`` coordinates, ``depth`` steps x + B·ReLU(Ax + b) through
      ``width`` units, then the last ``outputs`` coordinates.

    Weights and biases of the first two are drawn as PyTorch does, those of the residual steps from
    N(0, 1/fan-in) with biases from N(0, 1), B a tenth of that: a beginning near x itself. Raises
    UnknownNameError, DomainError. Source: flowcert [D]; the residual step is the paper's
    unconstrained one [P].

    >>> unstructured_network("tanh", 2, width=5, outputs=1)(torch.zeros(7, 2)).shape
    torch.Size([7, 1])
    """
    if kind == "residual":
        return _residual(inputs, width, outputs, depth, lifted)
    if kind not in UNSTRUCTURED:
        raise UnknownNameError(
            came=f"kind = {kind!r}",
            expected=f"one of {', '.join(UNSTRUCTURED)}",
            remedy="Names are written as in the docstring.",
        )
    widths = [positive_integer("inputs", inputs)]
    widths += [positive_integer("width", width)] * positive_integer("depth", depth)
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.Tanh() if kind == "tanh" else nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, positive_integer("outputs", outputs)))


@torch.no_grad()
def _residual(inputs: int, width: int, outputs: int, depth: int, lifted: int) -> nn.Sequential:
    layers = OrderedDict[str, nn.Module]()
    layers["lift"] = Lift(inputs, lifted)
    for i in range(positive_integer("depth", depth)):
        inner, outer = dense(lifted, width), dense(width, lifted, bias=False)
        if inner.bias is not None:
            nn.init.normal_(inner.bias)
        outer.weight /= 10
        layers[f"step{i + 1}"] = ResidualStep(inner, outer)
    layers["projection"] = Projection(lifted, outputs)
    return nn.Sequential(layers)
