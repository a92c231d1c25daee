"""Certified accuracy: no image that counts has an adversary within the radius."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from flowcert.errors import DataError, DomainError, ShapeError, StructureError, UnknownNameError
from flowcert.networks import certify
from flowcert.networks.certify import trace
from flowcert.networks.certify.accuracy import certified_accuracy


def linear(W, b=None, dtype=torch.float32):
    W = torch.as_tensor(np.asarray(W), dtype=dtype)
    network = nn.Linear(W.shape[1], W.shape[0], bias=b is not None, dtype=dtype).eval()
    with torch.no_grad():
        network.weight.copy_(W)
        if b is not None:
            network.bias.copy_(torch.as_tensor(np.asarray(b), dtype=dtype))
    return network


def squared(a, b):
    """|a − b|², exactly."""
    return sum((Fraction(float(p)) - Fraction(float(q))) ** 2 for p, q in zip(a, b, strict=True))


def test_fractions_at_each_radius():
    images = np.array([[1.0, 0.0], [0.0, 3.0], [2.0, 2.0], [0.0, 1.0]])
    result = certified_accuracy(linear(np.eye(2)), images, [0, 1, 0, 0], [0.0, 0.5, 0.7, 2.0, 9.0])
    # Distances to the diagonal 1/√2 and 3/√2; the third is tied, the fourth misclassified.
    assert result.clean == 0.75
    assert result.certified == (0.5, 0.5, 0.5, 0.25, 0.0)
    assert result.radius == pytest.approx([2**-0.5, 3 * 2**-0.5, 0.0, 0.0], rel=1e-9)
    assert str(result).splitlines()[2] == "radius 0           50.00 %"


def test_a_radius_counts_up_to_its_end_and_not_beyond():
    network, image = linear(np.eye(2)), np.array([[1.0, 0.0]])
    radius = float(certified_accuracy(network, image, [0], []).radius[0])
    beyond = float(np.nextafter(radius, 1.0))
    assert certified_accuracy(network, image, [0], [radius, beyond]).certified == (1.0, 0.0)


def test_float32_networks_of_torch_keep_their_classes_within_the_radius():
    """508 of 1014 naive float32 radii are wrong; here exact and float32 adversaries find none."""
    random = np.random.default_rng(0)
    naive_wrong = tried = 0
    for _ in range(60):
        n, classes = int(random.integers(2, 20)), int(random.integers(2, 4))
        W = random.normal(size=(classes, n)).astype(np.float32)
        x = random.normal(size=n)
        d = (W[0] - W[1]).astype(float)
        # A margin of some hundred units of float32.
        x = (x - d * (d @ x) / (d @ d) + 10.0 ** random.uniform(-7, -4) * d).astype(np.float32)
        network = linear(W)
        logits = network(torch.tensor(x[None])).detach().numpy()[0]
        k = int(np.argmax(logits))
        for j in range(classes):
            if j == k:
                continue
            gap = squared(W[k], W[j])
            margin = sum(
                (Fraction(float(a)) - Fraction(float(b))) * Fraction(float(e))
                for a, b, e in zip(W[k], W[j], x, strict=True)
            )
            naive = float(logits[k] - logits[j]) / float(gap) ** 0.5
            naive_wrong += margin < 0 or Fraction(naive) ** 2 > margin**2 / gap
        result = certified_accuracy(network, x[None], [k], [], execution="float32")
        radius = float(result.radius[0])
        if radius == 0.0:
            continue
        for j in range(classes):
            if j == k:
                continue
            step = (W[j] - W[k]).astype(float)
            for shrink in (1.0, 0.9999, 0.99):
                y = (x + shrink * radius * step / np.linalg.norm(step)).astype(np.float32)
                length = squared(x, y)
                if length > Fraction(radius) ** 2:
                    continue
                executed = network(torch.tensor(y[None])).detach().numpy()[0]
                assert np.flatnonzero(executed == executed.max()).tolist() == [k]
                tried += 1
    assert naive_wrong > 15
    assert tried > 15


def test_attacks_within_the_radius_fail_on_a_convolutional_network():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3)
    ).eval()
    images = torch.rand(30, 1, 8, 8)
    labels = network((images - 0.5) / 0.25).argmax(1)
    result = certified_accuracy(
        network, images, labels, [0.0], pixel_scale=0.25, pixel_shift=0.5, execution="float32"
    )
    assert result.clean == 1.0
    assert result.certified[0] > 0.8
    for step in range(20):
        direction = torch.randn(30, 1, 8, 8)
        direction /= direction.flatten(1).norm(dim=1).reshape(30, 1, 1, 1)
        moved = images.clone().requires_grad_()
        logits = network((moved - 0.5) / 0.25)
        if step % 2:  # towards the runner-up
            second = logits.topk(2).indices[:, 1:]
            gap = (logits.gather(1, second) - logits.gather(1, labels[:, None])).sum()
            [gradient] = torch.autograd.grad(gap, moved)
            direction = gradient / gradient.flatten(1).norm(dim=1).reshape(30, 1, 1, 1)
        radius = torch.tensor(result.radius * 0.99999, dtype=torch.float32).reshape(30, 1, 1, 1)
        attacked = network((images + radius * direction - 0.5) / 0.25).argmax(1)
        assert torch.equal(attacked, labels)


def test_a_pixel_scale_shrinks_the_radii():
    network, image = linear(np.eye(2)), np.array([[1.0, 0.0]])
    plain, scaled = (
        certified_accuracy(network, image, [0], [], **options).radius[0]
        for options in ({}, {"pixel_scale": 0.25, "pixel_shift": 0.5})
    )
    assert plain == pytest.approx(scaled, rel=1e-9)  # a margin grows as much as the constant
    tight = certified_accuracy(linear(np.eye(2), [1.0, 0.0]), image, [0], [], pixel_scale=0.25)
    assert tight.radius[0] == pytest.approx((4.0 + 1.0) / 4.0 / 2**0.5, rel=1e-9)


def test_a_float32_network_has_a_float32_scale():
    """0.247 is no float32 number: the deployed network divides by the nearest one."""
    network, image = linear(np.eye(2)), np.array([[1.0, 0.0]])
    options = {"pixel_scale": 0.247, "pixel_shift": 0.4914}
    [radius] = certified_accuracy(network, image, [0], [], execution="float32", **options).radius
    assert radius == pytest.approx(2**-0.5, rel=1e-5)


def test_every_kind_of_network_and_array_is_taken():
    network = linear(np.eye(2))
    images, labels = torch.tensor([[1.0, 0.0]], dtype=torch.float16), torch.tensor([0])
    certificate = certify(network, (2,), effort="none")
    expected = certified_accuracy(network, images, labels, [0.5])
    assert expected.certified == (1.0,)
    for other in (trace(network, (2,)), certificate):
        assert certified_accuracy(other, [[1.0, 0.0]], [0], [0.5]).radius == expected.radius


def test_images_beside_a_certificates_domain_are_refused():
    certificate = certify(linear(np.eye(2)), (2,), domain=(0.0, 1.0), effort="none")
    with pytest.raises(DomainError, match="domain"):
        certified_accuracy(certificate, [[2.0, 0.0]], [0], [])


def test_long_work_shows_a_bar_and_changes_nothing(monkeypatch, capsys):
    from flowcert.networks.certify import accuracy

    network = linear(np.eye(2))
    images = np.random.default_rng(0).normal(size=(10, 2))
    expected = certified_accuracy(network, images, [0] * 10, [])
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(accuracy, "_PATIENCE", 0.0)
    monkeypatch.setattr(accuracy, "pieces", lambda _, x: iter(np.array_split(x, 5)))
    again = certified_accuracy(network, images, [0] * 10, [])
    assert again.radius == pytest.approx(expected.radius, rel=1e-12)
    assert "certified accuracy" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("images", "labels", "radii", "options", "error"),
    [
        ([[np.nan, 0.0]], [0], [], {}, DomainError),
        ([[1.0, 0.0]], [0], [-1.0], {}, DomainError),
        ([[1.0, 0.0]], [0], [np.nan], {}, DomainError),
        ([[1.0, 0.0]], [2], [], {}, DataError),
        ([[1.0, 0.0]], [0, 1], [], {}, ShapeError),
        ([[1.0, 0.0, 0.0]], [0], [], {}, ShapeError),
        (np.zeros((0, 2)), np.zeros(0, dtype=int), [], {}, DataError),
        ([[1.0, 0.0]], [0], [], {"execution": "tf32"}, UnknownNameError),
        ([[1.0, 0.0]], [0], [], {"pixel_scale": 0.0}, DomainError),
    ],
)
def test_bad_input_is_named(images, labels, radii, options, error):
    with pytest.raises(error):
        certified_accuracy(linear(np.eye(2)), images, labels, radii, **options)


def test_a_module_in_training_mode_is_refused():
    with pytest.raises(StructureError, match="training mode"):
        certified_accuracy(linear(np.eye(2)).train(), [[1.0, 0.0]], [0], [])


def test_a_pixel_scale_beside_a_traced_network_is_refused():
    traced = trace(linear(np.eye(2)), (2,))
    with pytest.raises(DataError, match="pixel scale"):
        certified_accuracy(traced, [[1.0, 0.0]], [0], [], pixel_scale=0.5)


class _Clipped(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / x.norm(dim=1, keepdim=True).clamp(min=1.0)


def test_what_certify_refuses_is_refused_and_not_counted_as_uncertified() -> None:
    net = nn.Sequential(_Clipped(), nn.Linear(3, 2)).eval()
    with pytest.raises(StructureError, match="without a finite Lipschitz constant"):
        certified_accuracy(net, np.ones((2, 3)), [0, 1], [0.1])


@pytest.mark.parametrize("layer", [nn.Tanh(), nn.GELU(), nn.Sigmoid()])
def test_a_function_whose_float32_rounding_is_not_known_is_named(layer: nn.Module) -> None:
    net = nn.Sequential(nn.Linear(3, 3), layer, nn.Linear(3, 2)).eval()
    x = np.ones((1, 3))
    with pytest.raises(DomainError, match=r"executed in float32.*execution='float64'"):
        certified_accuracy(net, x, [0], [0.0], execution="float32")
    assert certified_accuracy(net, x, [0], [0.0]).execution == "float64"


def test_radii_are_a_list() -> None:
    with pytest.raises(DomainError, match="a list of numbers"):
        certified_accuracy(nn.Linear(2, 2).eval(), np.ones((1, 2)), [0], 0.1)  # type: ignore[arg-type]  # the mistake
