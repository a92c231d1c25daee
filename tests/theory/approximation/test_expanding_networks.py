"""The second result's network layers do what their name says: U_θ + μ|x|²/2 is convex."""

import numpy as np
import pytest

from flowcert.errors import DomainError, UnknownNameError
from flowcert.theory.approximation import approximate_flow, find_target


def expanding(made):
    [layer] = {id(a): a for a in made.layers if a.kind == "expansive"}.values()
    x = np.random.default_rng(0).normal(size=(4000, 2))
    shares = np.random.default_rng(1).uniform(size=(4000, 1)) ** 0.25
    x *= made.bound.expanding_radius * shares / np.linalg.norm(x, axis=-1, keepdims=True)
    return float(np.linalg.eigvalsh(layer.field.jacobian(x)).min() + layer.shift)


@pytest.mark.parametrize("name", ["NonNormal", "Pendulum"])
def test_network_layers_expand_on_all_of_their_stages(name):
    target = find_target(name)
    made = approximate_flow(
        target.field, 1.0, 1.0, result="second", splitting="LieTrotter", steps=32, width=32
    )
    assert made.bound.total < np.inf
    assert made.bound.expanding_radius >= 1.0
    assert expanding(made) >= 0


def test_with_the_field_alone_in_mind_they_would_not():
    """32 units follow D∇U to some 1e-2: where ∇²U + μ is singular, the network's bends below."""
    made = approximate_flow(
        find_target("NonNormal").field, 1.0, 1.0, result="second", splitting="LieTrotter",
        steps=32, width=32,
    )  # fmt: skip
    [layer] = {id(a): a for a in made.layers if a.kind == "expansive"}.values()
    exactly = (3 + np.sqrt(17)) / 4  # −λ_min(∇²U) = −λ_min(sym B)
    assert layer.shift > exactly
    assert expanding(made) - layer.shift + exactly < 0


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"radius": "one"}, DomainError, "radius = 'one'"),
        ({"time": None}, DomainError, "time = None"),
        ({"width": 8, "seed": -1}, DomainError, "seed = -1"),
        ({"splitting": ["Strang"]}, UnknownNameError, "LieTrotter, Strang"),
    ],
)
def test_what_is_no_number_or_name(given, error, words):
    arguments = {"time": 1.0, "radius": 1.0} | given
    with pytest.raises(error, match=words):
        approximate_flow(find_target("NonNormal").field, **arguments)
