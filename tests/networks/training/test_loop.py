"""Training is a function of configuration and epoch: stopped anywhere, it gives the same bits."""

import functools
import math

import pytest
import torch
from torch import nn

from flowcert.errors import DomainError, ShapeError, UnknownNameError
from flowcert.networks.training import Configuration, Training, read_checkpoint
from flowcert.networks.training import loop as module


@pytest.fixture(scope="module")
def images():
    return Configuration().images()


def trained(configuration, images, stops=(), folder=None):
    """Train, each time from a checkpoint on the disk after one of the ``stops``."""
    training, left = Training(configuration, images), set(stops)
    while not training.finished:
        training.run_epoch_()
        if training.epoch in left:
            left.remove(training.epoch)
            file = training.checkpoint().save(folder / "c.safetensors")
            torch.manual_seed(training.epoch)  # whatever else happens meanwhile
            torch.rand(3)
            training = Training(configuration, images)
            training.resume_(read_checkpoint(file))
    return training.checkpoint().to_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"kind": "sorting"},
        {"kind": "switching-flexible", "depth": 2},
        {"loss": "hinge", "noise": 0.0},
        {"batch": 2000},
    ],
    ids=str,
)
def test_resumed_training_is_bitwise_the_same(tiny, images, tmp_path, change):
    configuration = tiny(**change)
    whole = trained(configuration, images)
    assert trained(configuration, images) == whole
    assert trained(configuration, images, stops=(1, 2, 3), folder=tmp_path) == whole


def forget_moments(self, checkpoint):
    Training_resume(self, checkpoint)
    self._optimiser = torch.optim.Adam(self.network.parameters())


def forget_epoch(self, checkpoint):
    Training_resume(self, checkpoint)
    self.epoch -= 1
    for values in self.curves.values():
        values.pop()


def forget_buffers(self, checkpoint):
    fresh = {name: buffer.clone() for name, buffer in self.network.named_buffers()}
    Training_resume(self, checkpoint)
    self.network.load_state_dict(fresh, strict=False)


Training_resume = Training.resume_


@pytest.mark.parametrize("bug", [forget_moments, forget_epoch, forget_buffers])
def test_forgotten_state_is_found(tiny, images, tmp_path, monkeypatch, bug):
    whole = trained(tiny(), images)
    monkeypatch.setattr(Training, "resume_", bug)
    assert trained(tiny(), images, stops=(2,), folder=tmp_path) != whole


def test_randomness_that_survives_an_epoch_is_found(tiny, images, tmp_path, monkeypatch):
    def hidden():
        """One generator for the whole run: what a plain loop does."""
        generator = torch.Generator().manual_seed(0)
        return lambda seed, epoch: generator

    monkeypatch.setattr(module, "epoch_generator", hidden())
    whole = trained(tiny(), images)
    monkeypatch.setattr(module, "epoch_generator", hidden())
    training = Training(tiny(), images)
    training.run_epoch_()
    checkpoint = training.checkpoint().save(tmp_path / "c.safetensors")
    monkeypatch.setattr(module, "epoch_generator", hidden())
    resumed = Training(tiny(), images)
    resumed.resume_(read_checkpoint(checkpoint))
    while not resumed.finished:
        resumed.run_epoch_()
    assert resumed.checkpoint().to_bytes() != whole


def test_the_seed_decides_everything_and_pytorchs_generator_stays(tiny, images):
    torch.manual_seed(5)
    state = torch.random.get_rng_state()
    first = trained(tiny(epochs=1), images)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(6)
    assert trained(tiny(epochs=1), images) == first
    other = tiny(epochs=1, seed=1)
    assert trained(other, other.images()) != first


def test_it_learns(tiny, images):
    training = Training(tiny(epochs=15), images)
    while not training.finished:
        training.run_epoch_()
    assert training.curves["loss"][-1] < 0.5 * training.curves["loss"][0]
    assert training.curves["accuracy"][-1] > 0.9
    assert len(training.curves["loss"]) == len(training.curves["accuracy"]) == 15


def test_the_curves_are_means_over_the_images(tiny, images, monkeypatch):
    """With a rate of 0 in effect nothing moves: then they can be computed at once."""
    monkeypatch.setattr(module, "one_cycle", lambda step, steps, largest: 0.0)
    monkeypatch.setattr(module, "maintain_", lambda network: None)
    training = Training(tiny(noise=0.0, batch=100), images)
    training.run_epoch_()
    with torch.no_grad():
        logits = training.network(images.train)
    expected = float(tiny().loss_function()(logits, images.train_labels))
    right = float((logits.argmax(1) == images.train_labels).double().mean())
    assert training.curves["loss"] == [pytest.approx(expected, rel=1e-5)]
    assert training.curves["accuracy"] == [pytest.approx(right, rel=1e-6)]


def test_every_step_is_followed_by_maintenance(tiny, images, monkeypatch):
    calls = []
    monkeypatch.setattr(module, "maintain_", lambda network: calls.append(network))
    training = Training(tiny(), images)
    training.run_epoch_()
    assert calls == [training.network] * math.ceil(len(images.train) / 256)


def test_weights_that_explode_are_named(tiny, images):
    training = Training(tiny(), images)
    with torch.no_grad():
        next(training.network.parameters()).fill_(math.inf)
    with pytest.raises(DomainError, match="learning rate"):
        training.run_epoch_()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"margin": 0.0}, DomainError),
        ({"margin": math.nan}, DomainError),
        ({"loss": "hinge", "margin": -1.0}, DomainError),
        ({"temperature": 0.0}, DomainError),
        ({"epochs": -1}, DomainError),
        ({"epochs": 0}, DomainError),
        ({"epochs": 2.5}, DomainError),
        ({"batch": 0}, DomainError),
        ({"width": 0}, DomainError),
        ({"depth": -2}, DomainError),
        ({"noise": -0.1}, DomainError),
        ({"noise": math.nan}, DomainError),
        ({"learning_rate": 0.0}, DomainError),
        ({"learning_rate": math.inf}, DomainError),
        ({"seed": -1}, DomainError),
        ({"kind": "unconstrained"}, UnknownNameError),
        ({"loss": "mse"}, UnknownNameError),
        ({"data": "mnist"}, UnknownNameError),
    ],
    ids=str,
)
def test_a_bad_configuration_is_named(change, error):
    with pytest.raises(error):
        Configuration(**change)


def test_a_width_below_the_pixels_is_named(tiny, images):
    with pytest.raises(ShapeError, match="width"):
        Training(tiny(width=63), images)


def test_every_configuration_has_a_name_of_its_own():
    make = functools.partial(Configuration, epochs=3)
    assert make().name == make().name
    assert make().name.startswith("digits-boundary-0-")
    others = [make(margin=0.5), make(width=65), make(noise=0.0), make(seed=1), make(loss="hinge")]
    assert len({make().name, *(other.name for other in others)}) == 6
    assert make(noise=0, margin=1).name == make(noise=0.0, margin=1.0).name


def test_a_network_is_the_architecture(tiny, images):
    network = tiny().network(images)
    assert isinstance(network, nn.Module)
    assert network(images.test[:3]).shape == (3, 10)
