"""Clean, certified, attacked: counted image by image, and a contradiction is told."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from flowcert.networks import certified_accuracy
from flowcert.networks.constraints import seal
from flowcert.networks.training import EPSILONS, Evaluation, Training, evaluate
from flowcert.networks.training import evaluation as module


@pytest.fixture
def images(tiny):
    whole = tiny().images()
    return dataclasses.replace(whole, test=whole.test[:60], test_labels=whole.test_labels[:60])


@pytest.fixture
def network(tiny, images):
    training = Training(tiny(), images)
    while not training.finished:
        training.run_epoch_()
    return seal(training.network)


def made(**change):
    """Five images: wrong, certified, attacked, neither, and attacked weakly alone."""
    given = {
        "epsilons": (0.1, 0.5),
        "labels": np.array([0, 1, 2, 3, 4]),
        "classes": np.array([9, 1, 2, 3, 4]),
        "radius": np.array([0.0, 0.6, 0.1, 0.0, 0.05]),
        "weak": np.array([0.0, math.inf, math.inf, math.inf, 0.3]),
        "strong": np.array([0.0, math.inf, 0.2, math.inf, math.inf]),
        "execution": "float32",
    }
    return Evaluation(**{**given, **change})


def test_what_is_counted():
    evaluation = made()
    assert evaluation.clean == 0.8
    assert evaluation.certified == (0.4, 0.2)
    assert evaluation.attacked == (0.8, 0.4)
    assert evaluation.attacked_weakly == (0.8, 0.6)
    assert evaluation.violations == ()


@pytest.mark.parametrize("attack", ["weak", "strong"])
def test_an_adversary_inside_a_certified_radius_is_told(attack):
    distance = np.array([0.0, math.inf, 0.1, math.inf, 0.04])
    assert made(**{attack: distance}).violations == (2, 4)
    # A wrong class is certified of nothing: distance 0 within radius 0 is no contradiction.
    assert 0 not in made(**{attack: distance}).violations


def test_json_gives_all_back():
    evaluation = made()
    again = Evaluation.from_json(json.loads(json.dumps(evaluation.to_json(), allow_nan=False)))
    for field in dataclasses.fields(Evaluation):
        assert np.array_equal(getattr(again, field.name), getattr(evaluation, field.name))


def test_a_network_is_certified_and_attacked(network, images):
    stages = []
    found = evaluate(network, images, seed=1, watch=stages.append)
    assert found.epsilons == EPSILONS == (0.1, 0.25, 0.5)
    assert len(stages) == 3
    assert found.execution == "float32"
    expected = certified_accuracy(
        network, images.test, images.test_labels, EPSILONS, execution="float32"
    )
    assert found.certified == expected.certified
    with torch.no_grad():
        right = (network(images.test).argmax(1) == images.test_labels).numpy()
    assert found.clean == right.mean()
    for certified, attacked, weakly in zip(
        found.certified, found.attacked, found.attacked_weakly, strict=True
    ):
        assert certified <= attacked <= min(weakly, found.clean)
    assert found.violations == ()
    assert found.certified[0] > 0.2
    assert found.attacked[2] < found.clean
    nearest = np.minimum(found.weak, found.strong)
    assert np.all(nearest[found.radius > 0] > found.radius[found.radius > 0])


def test_radii_that_are_too_large_are_refuted(network, images, monkeypatch):
    """The check has teeth: with twice the radii the attack finds contradictions."""

    def boasting(*arguments, **options):
        known = certified_accuracy(*arguments, **options)
        return dataclasses.replace(known, radius=3.0 * known.radius)

    monkeypatch.setattr(module, "certified_accuracy", boasting)
    assert len(evaluate(network, images).violations) >= 5


def test_where_float32_has_no_bound_it_is_float64(images):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.Tanh(), nn.Linear(12, 10)).eval()
    found = evaluate(network, images, epsilons=(0.01,))
    assert found.execution == "float64"
    assert found.violations == ()
    assert next(network.parameters()).dtype == torch.float32
