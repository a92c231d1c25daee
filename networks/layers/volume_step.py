"""The step that keeps volume and has an explicit inverse: two halves that move each other."""

from __future__ import annotations

import torch
from torch import Tensor

from ...numerics.validation import positive_integer
from .affine import Affine, convolution, dense
from .layer import Layer, Step, as_step, check_value


class VolumeStep(Layer):
    """x⁺ = x + h·tanh(Av + a), v⁺ = v + h·tanh(Bx⁺ + b); the value is (x, v).

    ``first`` and ``second`` are the numbers of features in x and in v, both at least 1; with an
    ``image`` (height, width) those of channels, and A, B are circular convolutions. (x, v):
    (batch, first + second) or (batch, first + second, height, width). ``step`` h ≥ 0 is a number or
    a ``Step``. Guaranteed: the Jacobian has determinant 1, and ``inverse`` undoes the step, up to
    rounding, for all weights and steps. Bound: that of its halves, claim E1.product. Raises
    DomainError for a bad size or step and for half precision, ShapeError. Source: paper,
    volume-preserving networks [P]; claim F3.coupled_layer.

    >>> step = VolumeStep(1, 2, step=0.5)
    >>> y = torch.tensor([[1.0, 2.0, 3.0]])
    >>> torch.allclose(step.inverse(step(y)), y)
    True
    """

    claim = "E1.product"
    rule = "concatenate"
    structures = ("F3.coupled_layer",)

    def __init__(
        self,
        first: int,
        second: int,
        step: float | Step,
        image: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.first = positive_integer("first", first)
        self.second = positive_integer("second", second)
        self.to_first = _affine(second, first, image)
        self.to_second = _affine(first, second, image)
        self.step = as_step(step)

    def forward(self, y: Tensor) -> Tensor:
        x, v = self._halves(y)
        h = self.step()
        x = x + h * torch.tanh(self.to_first(v))
        v = v + h * torch.tanh(self.to_second(x))
        return torch.cat([x, v], dim=1)

    def inverse(self, y: Tensor) -> Tensor:
        """Return the value that ``forward`` takes to y: the halves back, in the other order."""
        x, v = self._halves(y)
        h = self.step()
        v = v - h * torch.tanh(self.to_second(x))
        x = x - h * torch.tanh(self.to_first(v))
        return torch.cat([x, v], dim=1)

    def _halves(self, y: Tensor) -> tuple[Tensor, Tensor]:
        channels = self.first + self.second
        check_value(y, (channels, *self.to_first.operator.input_shape[1:]), exact=True)
        return y[:, : self.first], y[:, self.first :]


def _affine(inputs: int, outputs: int, image: tuple[int, int] | None) -> Affine:
    if image is None:
        return dense(inputs, outputs)
    return convolution((inputs, *image), outputs)
