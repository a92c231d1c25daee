"""Random layers of PyTorch as instances of F1–F6: the claims hold, and step to the same values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.networks.layers import (
    LAYERS,
    EnergyStep,
    GradientModule,
    MassProjection,
    MassStep,
    Rotation,
    SphereStep,
    VerletStep,
    VolumeStep,
    dense,
)
from flowcert.numerics import (
    Euler,
    Gonzalez,
    ImplicitMidpoint,
    ItohAbe,
    LieEuler,
    StormerVerlet,
)
from flowcert.theory import all_claims
from flowcert.theory.claims.structure import (
    coupled_layer,
    discrete_gradient_energy,
    energy_increments,
    mass_field,
    mass_projection,
    norm_correction,
    partitioned_steps,
    quadratic_integrals,
    skew_gradient_form,
    sphere_exponential,
    symplectic_runge_kutta,
)
from flowcert.theory.claims.structure.gradient_modules import ModuleNetwork
from flowcert.theory.claims.structure.smooth_networks import Network, RidgeEnergy

CLAIMS = {claim.name: claim for claim in all_claims()}
SEEDS = st.integers(0, 2**31)
SIZES = st.integers(2, 4)
STEPS = st.floats(0.01, 0.5)


def holds(name, instance):
    measurement = CLAIMS[name].measure(instance)
    assert measurement.holds, measurement


def randomised(layer, seed):
    """All parameters drawn anew, biases too, in float64."""
    generator = torch.Generator().manual_seed(seed)
    layer = layer.double().requires_grad_(False)
    for parameter in layer.parameters():
        parameter.uniform_(-1.0, 1.0, generator=generator)
    return layer


def point(n, seed):
    return np.random.default_rng(seed).uniform(-1, 1, n)


def value(layer, x):
    return layer(torch.from_numpy(x)[None])[0].numpy()


def network(skew):
    """A full ``SkewMatrix`` as theory's network."""
    return Network(skew.inner.weight.numpy(), skew.inner.bias.numpy(), skew.outer.weight.numpy())


def ridge(potential, scale=1.0):
    affine = potential.affine
    return RidgeEnergy(affine.weight.numpy(), affine.bias.numpy(), scale * potential.weight.numpy())


def same(ours, theirs):
    assert np.abs(ours - theirs).max() <= 1e-12 * max(1.0, np.abs(theirs).max())


@settings(max_examples=20, deadline=None)
@given(SEEDS, SIZES, STEPS)
def test_mass_steps(seed, n, h):
    layer, x = randomised(MassStep(n, 3, h), seed), point(n, seed)
    h = float(layer.step())
    instance = mass_field.MassStep(network(layer.skew), Euler, x, h)
    holds("F1.mass_field", instance)
    same(value(layer, x), instance.step())


@settings(max_examples=20, deadline=None)
@given(SEEDS, SIZES, STEPS)
def test_mass_steps_with_weights(seed, n, h):
    w = point(n, seed + 1)
    layer, x = randomised(MassStep(n, 3, h, weights=w.tolist()), seed), point(n, seed)
    w, h = layer.weights.numpy(), float(layer.step())
    instance = skew_gradient_form.LinearIntegralStep(network(layer.skew), w, Euler, x, h)
    holds("F6.skew_gradient_form", instance)
    after = value(layer, x)
    terms = np.abs(w) @ (np.abs(x) + np.abs(after))
    assert abs(w @ after - w @ x) <= 64 * 2**-53 * max(1.0, terms)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 3), st.integers(0, 3), STEPS)
def test_mass_networks(seed, k, d, h):
    steps = [randomised(MassStep(k + d, 3, h), seed + i) for i in range(3)]
    x = point(k, seed)
    layers = tuple((network(step.skew), float(step.step())) for step in steps)
    instance = mass_projection.MassNetwork(layers, d, x)
    holds("F1.mass_projection", instance)
    whole = torch.nn.Sequential(*steps, MassProjection(k + d, k))
    same(
        value(whole, np.append(x, np.zeros(d))),
        mass_projection.projection(k, d) @ instance.lifted(),
    )


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 2), STEPS)
def test_verlet_steps(seed, d, h):
    layer, x = randomised(VerletStep(2 * d, 3, h), seed), point(2 * d, seed)
    T, V, h = ridge(layer.kinetic), ridge(layer.potential), float(layer.step())
    instance = partitioned_steps.SeparableStep(T, V, StormerVerlet, x, h)
    holds("F2.partitioned_steps", instance)
    same(value(layer, x), StormerVerlet.step(instance.system, 0.0, x, h))
    # The same field as JAᵀdiag(w)Σ(Ax + b) with a block-diagonal A, under an implicit method.
    zero = np.zeros_like(V.A)
    H = RidgeEnergy(
        np.block([[V.A, zero], [zero, T.A]]),
        np.concatenate([V.b, T.b]),
        np.concatenate([V.alpha, T.alpha]),
    )
    holds("F2.hamiltonian_field", (H, x))
    holds(
        "F2.symplectic_runge_kutta",
        symplectic_runge_kutta.HamiltonianStep(H, ImplicitMidpoint, x, h),
    )
    assert float(layer.energy(torch.from_numpy(x)[None])) == pytest.approx(
        float(H.value(x)), abs=1e-13
    )


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(1, 2), STEPS, st.integers(1, 4))
def test_gradient_modules(seed, d, h, count):
    moves = ["momentum", "position"]
    modules = [
        randomised(GradientModule(2 * d, 3, h, moves[i % 2]), seed + i) for i in range(count)
    ]
    x = point(2 * d, seed)
    instance = ModuleNetwork(tuple(ridge(m.potential, float(m.step())) for m in modules))
    holds("F2.gradient_modules", (instance, x))
    same(value(torch.nn.Sequential(*modules), x), instance(x))


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 3), st.integers(1, 3), STEPS)
def test_volume_steps(seed, k, m, h):
    layer, y = randomised(VolumeStep(k, m, h), seed), point(k + m, seed)
    (A, a), (B, b) = (
        (affine.weight.numpy(), affine.bias.numpy()) for affine in (layer.to_first, layer.to_second)
    )
    instance = coupled_layer.CoupledLayer(A, a, B, b, float(layer.step()))
    holds("F3.coupled_layer", (instance, y))
    same(value(layer, y), instance(y))
    same(layer.inverse(torch.from_numpy(y)[None])[0].numpy(), instance.inverse(y))


@settings(max_examples=20, deadline=None)
@given(SEEDS, SIZES, STEPS)
def test_sphere_steps(seed, n, h):
    layer, x = randomised(SphereStep(n, 3, h), seed), point(n, seed)
    instance = norm_correction.SphereStep(network(layer.skew), x, float(layer.step()))
    holds("F4.norm_correction", instance)
    holds("F4.sphere_exponential", sphere_exponential.RotationStep(instance, LieEuler))
    # The paper's λ, with its cancellation, leads to the same point.
    phi, _, _ = instance.heun()
    lam = (phi @ phi - x @ x) / ((phi - x) @ (phi - x))
    assert np.abs(value(layer, x) - (1 - lam) * phi - lam * x).max() < 1e-9


@dataclass(frozen=True)
class HalfSquare:
    """H(x) = ½|Ax + b|², with what the claims about energies ask of one."""

    A: np.ndarray
    b: np.ndarray

    def value(self, x):
        return 0.5 * ((x @ self.A.T + self.b) ** 2).sum(-1)

    def gradient(self, x):
        return (x @ self.A.T + self.b) @ self.A

    def hessian(self, x):
        return np.broadcast_to(self.A.T @ self.A, (*x.shape, x.shape[-1]))

    def curvature_bound(self, x, y):
        return float(np.linalg.norm(self.A, 2) ** 2)


@settings(max_examples=10, deadline=None)
@given(SEEDS, SIZES, STEPS)
def test_energy_steps(seed, n, h):
    layer, x = randomised(EnergyStep(dense(n, 3), 3, h), seed), point(n, seed)
    H, h = HalfSquare(layer.affine.weight.numpy(), layer.affine.bias.numpy()), float(layer.step())
    K, after = network(layer.skew).matrix(x), value(layer, x)
    for method in (Gonzalez, ItohAbe):
        step = discrete_gradient_energy.EnergyStep(H, K, np.zeros((n, n)), method, x, 0.2 * h)
        holds("F5.discrete_gradient_energy", step)
    for name in ("F5.gonzalez_gradient", "F5.itoh_abe_gradient", "F5.average_gradient"):
        holds(name, energy_increments.EnergyPair(H, x, after))
    size = abs(H.value(x)) + np.linalg.norm(H.gradient(x)) * np.linalg.norm(x)
    assert abs(H.value(after) - H.value(x)) <= 64 * 2**-53 * max(1.0, size)


@settings(max_examples=20, deadline=None)
@given(SEEDS, SIZES)
def test_rotations_and_constant_skew_matrices(seed, n):
    layer, x = randomised(Rotation(n), seed), point(n, seed)
    # M(x) = 2G, whatever x is: one hidden unit that is switched on.
    G = layer.generator.numpy()
    constant = Network(np.zeros((1, n)), np.full(1, 20.0), 2 * G.reshape(-1, 1) / np.tanh(20.0))
    instance = quadratic_integrals.QuadraticStep(constant, np.eye(n), ImplicitMidpoint, x, 0.1)
    holds("F6.quadratic_integrals", instance)
    whole = ImplicitMidpoint.step(instance.system, 0.0, x, 1.0)
    assert np.abs(value(layer, x) - whole).max() < 1e-11


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_every_claim_that_a_layer_names_exists(layer):
    assert {*layer.structures, *filter(None, [layer.claim])} <= set(CLAIMS)
    assert bool(layer.refused) != bool(layer.claim and layer.rule)


def test_the_claims_find_a_layer_that_breaks_them():
    """A transpose that is missing: theory's measure of the torch layer itself is red."""
    layer = randomised(MassStep(3, 3, 0.5), 1)
    x = point(3, 1)
    M = network(layer.skew).matrix(x)
    assert not mass_field.mass_kept(x, x + 0.5 * M.sum(-1)).holds
    assert mass_field.mass_kept(x, value(layer, x)).holds
    swapped = randomised(SphereStep(3, 3, 0.5), 1)
    S = network(swapped.skew).matrix(x)
    assert not norm_correction.norm_kept(x, x + 0.5 * (S + S.T) @ x).holds
    assert norm_correction.norm_kept(x, value(swapped, x)).holds
