"""Where the published networks begin: orthogonal maps, as single taps of convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...errors import ShapeError


@torch.no_grad()
def delta_orthogonal_(weight: Tensor) -> Tensor:
    """Make a kernel zero but for its centre tap, a random orthogonal matrix; return it.

    ``weight``: (outputs, inputs, k, k), k odd; or a matrix (outputs, inputs), which becomes
    orthogonal itself. Columns are orthonormal, or rows if there are fewer of them: as long as no
    other tap has been learned, borders do no harm and the convolution keeps lengths (norm 1 with
    fewer outputs than inputs). Raises ShapeError for other weights. Source: paper, initialisation
    [P].

    >>> kernel = delta_orthogonal_(torch.empty(4, 4, 3, 3))
    >>> kernel.count_nonzero().item(), bool(kernel[:, :, 0, 1].any())
    (16, False)
    """
    sizes = tuple(weight.shape[2:])
    if weight.ndim not in (2, 4) or len(set(sizes)) > 1 or any(k % 2 == 0 for k in sizes):
        raise ShapeError(
            came=f"a weight of shape {tuple(weight.shape)}",
            expected="(outputs, inputs) or (outputs, inputs, k, k), k odd",
            remedy="An even kernel has no centre.",
        )
    centre = nn.init.orthogonal_(weight.new_empty(weight.shape[:2]))
    if weight.ndim == 2:
        return weight.copy_(centre)
    weight.zero_()
    weight[:, :, sizes[0] // 2, sizes[0] // 2] = centre
    return weight
