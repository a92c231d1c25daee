"""What other tools are known to get wrong: each such failure is a test that passes here."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from flowcert.errors import DomainError, StructureError
from flowcert.networks import certify
from flowcert.theory.certificate import Certificate, derive
from flowcert.theory.certificate.radius import certified_radius


def upper(module: nn.Module, *shape: int) -> float:
    return certify(module.eval(), shape, effort="none").upper


def dense(matrix: list[list[float]], dtype: torch.dtype = torch.float64) -> nn.Linear:
    layer = nn.Linear(len(matrix[0]), len(matrix), bias=False, dtype=dtype)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(matrix, dtype=dtype))
    return layer


def jacobian_norm(module: nn.Module, *shape: int) -> float:
    """Of a linear module, from PyTorch's own derivative and NumPy's SVD."""
    module = module.double()
    jacobian = torch.autograd.functional.jacobian(
        lambda x: module(x[None])[0].flatten(), torch.zeros(*shape, dtype=torch.float64)
    )
    return float(np.linalg.norm(jacobian.reshape(-1, math.prod(shape)).numpy(), 2))


@pytest.mark.parametrize("size", [1e-20, 1e-30, 1e-150, 1e-300])
def test_tiny_weights_are_not_reported_as_1_or_0(size: float) -> None:
    """A power iteration that divides by |v| + 1e-12 reports 0, one that gives up reports 1."""
    found = upper(dense([[size, 0.0], [0.0, size / 2]]), 2)
    assert size <= found <= size * (1 + 1e-6)


@pytest.mark.parametrize("size", [1e-20, 1e-30])
def test_tiny_float32_convolutions_are_not_reported_as_1_or_0(size: float) -> None:
    layer = nn.Conv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(size)
    stored = float(layer.weight.detach())
    found = certify(layer.eval(), (1, 4, 4), effort="quick")
    assert stored <= found.upper <= stored * (1 + 1e-6)
    assert found.lower >= 0.99 * stored


def test_a_zero_matrix_is_0_and_not_NaN() -> None:
    assert upper(dense([[0.0, 0.0]]), 2) == 0.0


def test_huge_weights_do_not_overflow_in_silence() -> None:
    found = upper(dense([[1e150, 0.0], [0.0, 1e150]]), 2)
    assert 1e150 <= found <= 1e150 * (1 + 1e-6)


def test_tied_logits_are_not_certified() -> None:
    """argmax of equal logits is the first by convention: no radius, however small, is certified."""
    certificate = certify(dense([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]).eval(), (2,))
    derivation = derive(certificate.graph, certificate.weights or {})
    points = np.array([[1.0, 0.0], [0.0, 1.0]])
    tied, apart = certified_radius(derivation, points)
    assert tied == 0.0
    assert apart > 0.5


def test_convolutions_are_not_skipped() -> None:
    """A tool that multiplies the norms of nn.Linear alone reports 1 here."""
    convolution = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        convolution.weight.fill_(1.0)
    module = nn.Sequential(convolution, nn.Flatten(), dense([[1.0] + [0.0] * 15])).double()
    assert upper(module, 1, 4, 4) >= jacobian_norm(module, 1, 4, 4) >= 2.0 - 1e-12
    layers = {line.layer for line in certify(module.eval(), (1, 4, 4), effort="none").lines}
    assert "0 (Conv2d)" in layers


def test_the_first_layer_is_not_dropped() -> None:
    module = nn.Sequential(dense([[7.0]]), nn.ReLU(), dense([[1.0]]))
    assert 7.0 <= upper(module, 1) <= 7.0 * (1 + 1e-6)


def test_the_last_layer_and_the_scale_of_the_input_are_not_dropped() -> None:
    module = nn.Sequential(dense([[1.0]]), nn.ReLU(), dense([[5.0]])).eval()
    found = certify(module, (1,), pixel_scale=0.25, effort="none").upper
    assert 20.0 <= found <= 20.0 * (1 + 1e-6)


def test_groups_are_a_maximum_and_no_product() -> None:
    layer = nn.Conv2d(2, 2, 1, groups=2, bias=False)
    with torch.no_grad():
        layer.weight[0], layer.weight[1] = 3.0, 0.5
    assert 3.0 <= upper(layer, 2, 3, 3) <= 3.0 * (1 + 1e-6)


def test_padding_is_not_ignored() -> None:
    """With reflection, border pixels count twice: the symbol of a shift is 1, its norm is not."""
    layer = nn.Conv2d(1, 1, 3, padding=1, padding_mode="reflect", bias=False)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[0, 0, 0, 0] = 1.0
    truth = jacobian_norm(layer, 1, 4, 4)
    assert truth > 1.9
    assert upper(layer, 1, 4, 4) >= truth * (1 - 1e-12)


def test_replicated_padding_is_not_ignored() -> None:
    layer = nn.Conv2d(1, 1, 5, padding=2, padding_mode="replicate", bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0 / 25)
    truth = jacobian_norm(layer, 1, 3, 3)
    assert upper(layer, 1, 3, 3) >= truth * (1 - 1e-12)


class Amplifier(nn.Module):
    """A layer that a tool does not know."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.i0(10.0 * x)


def test_an_unknown_layer_is_not_taken_for_1() -> None:
    module = nn.Sequential(dense([[1.0]]), Amplifier()).eval()
    with pytest.raises(StructureError, match=r"special_i0.*1 \(Amplifier\).*certify\.rule"):
        certify(module, (1,))


class Scaled(nn.Linear):
    """A known layer by its class, another one by its forward."""

    def forward(self, x: Tensor) -> Tensor:
        return 100.0 * super().forward(x)


def test_a_layer_is_what_it_computes_and_not_its_class() -> None:
    layer = Scaled(1, 1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    assert 100.0 <= upper(layer, 1) <= 100.0 * (1 + 1e-6)


def test_functional_calls_are_not_skipped() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.matrix = nn.Parameter(9.0 * torch.eye(2))

        def forward(self, x: Tensor) -> Tensor:
            return torch.nn.functional.linear(x, self.matrix)

    assert 9.0 <= upper(Hidden(), 2) <= 9.0 * (1 + 1e-6)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_NaN_is_not_verified(value: float) -> None:
    module = nn.Sequential(dense([[1.0, 2.0]]), nn.ReLU()).eval()
    with torch.no_grad():
        module[0].weight[0, 1] = value
    with pytest.raises(DomainError, match=r"0\.weight with NaN or infinite entries"):
        certify(module, (2,))


def test_NaN_statistics_are_not_verified() -> None:
    layer = nn.BatchNorm1d(2).eval()
    layer.running_var[1] = math.nan
    with pytest.raises(DomainError, match="running_var with NaN"):
        certify(layer, (2,))


def test_statistics_of_the_batch_are_not_used() -> None:
    """In training mode a batch norm divides by the batch's deviation: refused, not approximated."""
    layer = nn.BatchNorm1d(2)
    layer.running_var.fill_(1e-6)
    with pytest.raises(StructureError, match=r"training mode.*eval\(\)"):
        certify(layer, (2,))
    expected = 1.0 / math.sqrt(1e-6 + 1e-5)
    assert expected * (1 - 1e-6) <= upper(layer, 2) <= expected * (1 + 1e-5)


def test_the_norm_of_the_flattened_kernel_is_not_taken() -> None:
    """The matrix (out, in·k·k) of a kernel of ones has norm 3, the operator nearly 9."""
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    flattened = float(torch.linalg.matrix_norm(layer.weight.detach().reshape(1, -1), 2))
    truth = jacobian_norm(layer, 1, 12, 12)
    assert flattened < 3.001 < 8.0 < truth
    assert truth * (1 - 1e-12) <= upper(layer, 1, 12, 12) <= 9.0 * (1 + 1e-9)


def test_spectral_normalisation_of_a_convolution_does_not_make_it_1_Lipschitz() -> None:
    """PyTorch's own spectral_norm divides by the flattened kernel's norm."""
    layer = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    layer = nn.utils.parametrizations.spectral_norm(layer, n_power_iterations=50)
    layer(torch.ones(1, 1, 3, 3))
    found = certify(layer.eval(), (1, 12, 12), effort="quick")
    assert found.lower > 2.5


def test_overlapping_pooling_is_not_taken_for_1() -> None:
    """One pixel that is the maximum of nine windows moves nine results."""
    found = certify(nn.MaxPool2d(3, 1, 1).eval(), (1, 5, 5), effort="none")
    assert 3.0 <= found.upper <= 3.0 * (1 + 1e-9)


def test_activations_steeper_than_1_are_not_taken_for_1() -> None:
    assert upper(nn.GELU(), 3) > 1.12
    assert upper(nn.SiLU(), 3) > 1.09
    assert upper(nn.LeakyReLU(3.0), 3) == 3.0


def test_a_residual_addition_is_not_a_product() -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = dense([[1.0]])

        def forward(self, x: Tensor) -> Tensor:
            return x + self.inner(x)

    found = upper(Residual(), 1)
    assert 2.0 <= found <= 2.0 * (1 + 1e-6)


def test_one_certificate_says_what_it_assumes() -> None:
    certificate: Certificate = certify(dense([[1.0]]).eval(), (1,), effort="none")
    assert any("exact arithmetic" in text for text in certificate.assumptions)
    assert "traced" in certificate.trusted
