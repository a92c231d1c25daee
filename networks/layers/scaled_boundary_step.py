"""The diagonally scaled boundary step x − 2WᵀT⁻¹ReLU(Wx + b), T ⪰ WWᵀ diagonal."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import ConvergenceError, DomainError, FlowcertError
from ...theory.interval import Interval
from ...theory.spectral.composition import compose
from ...theory.spectral.diagonal import Diagonal
from ...theory.spectral.rounding import above
from ..operators import as_float64
from .affine import Affine, read_affine
from .layer import Layer

_ROOM = 1e-9  # for a certificate that rounds on another way than we do here


class ScaledBoundaryStep(Layer):
    r"""x ↦ x − 2WᵀT⁻¹ReLU(Wx + b), T_ii = Σⱼ|WWᵀ|ᵢⱼ qⱼ/qᵢ: the SLL layer, 1-Lipschitz.

    ``affine`` holds W and b (dense or convolution); q > 0, one number a row or output channel, is
    trained by its logarithm. T is a function of the weight, so that nothing has to be maintained;
    ``seal`` stores 2/T, rounded down until ‖T^{−½}W‖ < 1 rigorously: then the factor is at most 1
    exactly. A row of zeros stays without effect. Source: Araujo et al. (2023); claim
    D8.scaled_boundary_step, which the certificate applies as D2.general_gradient_step of
    (2/T)^{½}W, flowcert [D].

    >>> from flowcert.networks.layers import dense
    >>> ScaledBoundaryStep(dense(2, 3))(torch.zeros(1, 2)).tolist()
    [[0.0, 0.0]]
    """

    claim = "D2.general_gradient_step"
    rule = "gradient step"

    def __init__(self, affine: Affine) -> None:
        super().__init__()
        self.affine = read_affine(affine)
        self.sizes: DominatingSizes | FixedSizes = DominatingSizes(affine)

    def forward(self, x: Tensor) -> Tensor:
        active = functional.relu(self.affine(x))
        return x - self.affine.adjoint(self.affine.per_unit(self.sizes()) * active)

    def seal_(self) -> None:
        """Put rigorous numbers in the place of 2/T."""
        self.sizes = self.sizes.sealed().eval()


class FixedSizes(nn.Module):
    """2/T as numbers that stay, one a row or output channel.

    >>> FixedSizes(torch.ones(2))().tolist()
    [1.0, 1.0]
    """

    values: Tensor

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.register_buffer("values", values)

    def forward(self) -> Tensor:
        return self.values

    def sealed(self) -> FixedSizes:
        """Return itself."""
        return self


class DominatingSizes(nn.Module):
    """2/T of an affine map's weight, T_ii = Σⱼ|WWᵀ|ᵢⱼ qⱼ/qᵢ with q = exp(``logarithms``).

    >>> from flowcert.networks.layers import dense
    >>> DominatingSizes(dense(2, 3))().shape
    torch.Size([3])
    """

    def __init__(self, affine: Affine) -> None:
        super().__init__()
        # In a tuple it is no submodule a second time: the weight has one owner, the layer.
        self._affine = (affine,)
        self.logarithms = nn.Parameter(torch.zeros(affine.operator.units))

    def forward(self) -> Tensor:
        [affine] = self._affine
        return self._sizes(affine.operator.absolute_row_products(affine.weight))

    def sealed(self) -> FixedSizes:
        """Return 2/T rounded down, for which T ⪰ WWᵀ holds rigorously."""
        [affine] = self._affine
        weight = affine.weight.detach()
        sizes = self._sizes(affine.operator.absolute_row_products(weight.double()))
        if not bool(torch.isfinite(sizes).all()):
            raise _no_diagonal(DomainError)
        for _ in range(8):
            rounded = _rounded_down(sizes.detach() * (1.0 - 2.0 * _ROOM), weight.dtype)
            square = _bound_scaled_norm(affine, rounded) ** 2 / 2.0
            if square <= 1.0 - _ROOM:
                return FixedSizes(rounded)
            sizes = rounded.double() / square
        raise _no_diagonal(ConvergenceError)

    def _sizes(self, products: Tensor) -> Tensor:
        q = self.logarithms.to(products.dtype).exp()
        T = (products @ q) / q
        # A larger T dominates as well: a row of zeros divides by this floor instead of by 0.
        return 2.0 / T.clamp(min=torch.finfo(self.logarithms.dtype).eps)


def _no_diagonal(kind: type[FlowcertError]) -> FlowcertError:
    return kind(
        came="a weight for which no diagonal T ⪰ WWᵀ was found",
        expected="finite entries of moderate size",
        remedy="Train with a smaller learning rate, or draw the weight anew.",
    )


def _rounded_down(values: Tensor, dtype: torch.dtype) -> Tensor:
    """The largest numbers of a type that are ≤ ``values`` ≥ 0, entry by entry."""
    nearest = values.to(dtype)
    lower = torch.nextafter(nearest, torch.zeros_like(nearest))
    return torch.where(nearest.double() <= values, nearest, lower)


def _bound_scaled_norm(affine: Affine, sizes: Tensor) -> float:
    """Bound ‖diag(√sizes)·W‖ rigorously, for the numbers as they are stored."""
    values = Interval.of(as_float64(affine.per_unit(sizes)))
    root = Diagonal(values.square_root(), affine.operator.output_shape)
    inner = affine.linear_map()
    together = compose(root, inner)
    if together is not None:
        return together.singular_values().largest
    return above(root.singular_values().largest * inner.singular_values().largest)
