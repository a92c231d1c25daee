"""Jacobians of a torch function along directions, by whatever derivative the function allows."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


class Directions:
    """Improves directions v towards the one that the Jacobian J at x stretches most.

    Forward and reverse derivatives, a difference quotient in the place of the forward one where an
    operation lacks it, and random search over v where there is no derivative at all.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.forward = self.reverse = True

    def improve(self, x: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Return a better direction and a number ≤ ‖J‖ (up to rounding) for each point of a batch.

        v⁺ = JᵀJv/|JᵀJv|, and |JᵀJv|/|Jv|; NaN and infinities count as 0.
        """
        v = _unit(v, v)
        image = self._along(x, v)
        size = _norms(image)
        if self.reverse:
            # |Jᵀu| with u = Jv/|Jv| is at least |Jv| and at most ‖J‖.
            pulled = self._back(x, _unit(image, image))
            if pulled is not None:
                return _unit(pulled, v), torch.maximum(size, _norms(pulled))
        other = _unit(v + 0.5 * _unit(torch.randn_like(v), v), v)
        further = _norms(self._along(x, other))
        better = (further > size).reshape(-1, *(1,) * (v.ndim - 1))
        return torch.where(better, other, v), torch.maximum(size, further)

    def _along(self, x: Tensor, v: Tensor) -> Tensor:
        """Jv, of shape (batch, *output_shape)."""
        if self.forward:
            try:
                with torch.no_grad(), warnings.catch_warnings():
                    # What torch loads for forward derivatives uses what torch itself deprecates.
                    warnings.filterwarnings("ignore", ".*torch.jit", DeprecationWarning)
                    image: Tensor = torch.func.jvp(self.function, (x,), (v,))[1]
                return image.detach()
            except (RuntimeError, NotImplementedError):
                self.forward = False
        step = 1e-6 if x.dtype == torch.float64 else 1e-3
        size = (x.abs().amax(dim=tuple(range(1, x.ndim)), keepdim=True) + 1e-3) * step
        with torch.no_grad():
            moved = self.function(x + size * v) - self.function(x)
        return (moved / size.reshape(-1, *(1,) * (moved.ndim - 1))).detach()

    def _back(self, x: Tensor, image: Tensor) -> Tensor | None:
        """Jᵀu, or None where the function has no derivative."""
        try:
            with torch.enable_grad():
                point = x.detach().requires_grad_()
                [pulled] = torch.autograd.grad(self.function(point), point, image)
            return pulled.detach()
        except (RuntimeError, NotImplementedError):
            self.reverse = False
            return None


def _norms(values: Tensor) -> Tensor:
    """Euclidean norms of a batch; 0 for what is no number. Scaled, so that none underflows."""
    flat = values.reshape(len(values), -1)
    scale = flat.abs().amax(1)
    usable = (scale > 0.0) & scale.isfinite()
    scaled = flat / torch.where(usable, scale, 1.0)[:, None]
    return torch.where(usable, torch.linalg.vector_norm(scaled, dim=1) * scale, 0.0)


def _unit(v: Tensor, otherwise: Tensor) -> Tensor:
    """v/|v|, or the other direction where v is 0 or no number."""
    size = _norms(v)
    shape = (-1, *(1,) * (v.ndim - 1))
    usable = (size > 0.0) & size.isfinite()
    unit = v / torch.where(usable, size, 1.0).reshape(shape)
    return torch.where(usable.reshape(shape), unit, otherwise)
