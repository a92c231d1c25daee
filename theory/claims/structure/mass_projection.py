"""F1: a network with mass-preserving layers keeps the mass if its lift and projection do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import Euler
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from .mass_field import mass_kept, mass_system
from .smooth_networks import Network, networks


@dataclass(frozen=True)
class MassNetwork:
    """L pads x with d zeros, Euler layers keep the mass of k + d coordinates, P gives k back."""

    layers: tuple[tuple[Network, float], ...]
    dropped: int
    x: FloatArray

    def lifted(self) -> FloatArray:
        """The state of the last layer, shape (k + d,)."""
        state = np.concatenate([self.x, np.zeros(self.dropped)])
        for network, h in self.layers:
            state = Euler.step(mass_system(network), 0.0, state, h)
        return state


def projection(k: int, d: int) -> FloatArray:
    """(x, z) ↦ x + 1(1ᵀz)/k, as a matrix of shape (k, k + d)."""
    return np.hstack([np.eye(k), np.full((k, d), 1 / k)])


@st.composite
def _mass_networks(draw: st.DrawFn) -> MassNetwork:
    k, d = draw(st.integers(1, 3)), draw(st.integers(0, 3))
    layer = st.tuples(networks(k + d, (k + d) ** 2), st.floats(-0.5, 0.5))
    layers = draw(st.lists(layer, min_size=1, max_size=3))
    return MassNetwork(tuple(layers), d, draw(strategies.points(k)))


class MassProjection(Claim[MassNetwork]):
    name = "F1.mass_projection"
    title = "Zero padding and a projection that shares out the dropped mass keep the mass"
    statement = (
        r"L(x) = (x, 0),\quad P(x, z) = x + \tfrac1k\mathbf{1}(\mathbf{1}^Tz)"
        r" \;\Rightarrow\; \mathbf{1}^T P\Psi L x = \mathbf{1}^Tx,\quad PL = I"
    )
    assumptions = (
        Assumption(r"x \in \mathbb{R}^k,\ z \in \mathbb{R}^d", "kept and dropped coordinates"),
        Assumption(r"\mathbf{1}^T\Psi(y) = \mathbf{1}^Ty", "layers that keep the mass"),
    )
    source = Source("paper, mass-preserving networks", "P")

    def prove(self) -> Proof:
        k, d = 3, 2
        x = sympy.Matrix(sympy.symbols(f"x0:{k}"))
        z = sympy.Matrix(sympy.symbols(f"z0:{d}"))
        P = sympy.Matrix.hstack(sympy.eye(k), sympy.ones(k, d) / k)
        L = sympy.Matrix.vstack(sympy.eye(k), sympy.zeros(d, k))
        count, kept, dropped = sympy.symbols("k kept dropped", positive=True)
        return Proof(
            (
                prove_identity(
                    r"$\mathbf{1}^TLx = \mathbf{1}^Tx$ for $k = 3$, $d = 2$",
                    sum(L * x),
                    sum(x),
                ),
                prove_identity(
                    r"$\mathbf{1}^TP(x, z) = \mathbf{1}^Tx + \mathbf{1}^Tz$ for $k = 3$, $d = 2$",
                    sum(P * sympy.Matrix.vstack(x, z)),
                    sum(x) + sum(z),
                ),
                prove_identity(
                    r"for every $k$: $k$ coordinates receive $\tfrac1k\mathbf{1}^Tz$ each",
                    kept + count * (dropped / count),
                    kept + dropped,
                ),
                prove_identity(
                    r"$PL = I$: a network of no layers is the identity", P * L, sympy.eye(k)
                ),
                cited("each layer keeps the mass", "claim F1.mass_field"),
            )
        )

    def instances(self) -> SearchStrategy[MassNetwork]:
        return _mass_networks()

    def measure(self, instance: MassNetwork) -> Measurement:
        P = projection(len(instance.x), instance.dropped)
        return _against(instance, P)

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        layer = Network(np.eye(3), np.array([0.5, 0.0, -0.5]), np.arange(27.0).reshape(9, 3) / 9)
        network = MassNetwork(((layer, 0.5),), 1, np.array([1.0, 0.5]))
        drop = np.eye(2, 3)
        return (
            Mutant("mass dropped", "P(x, z) = x", lambda: _against(network, drop)),
            Mutant(
                "wrong share",
                "each kept coordinate gets 1/(k + d) of the dropped mass",
                lambda: _against(network, np.array([[1.0, 0.0, 1 / 3], [0.0, 1.0, 1 / 3]])),
            ),
            Mutant(
                "padding with ones",
                "L(x) = (x, 1)",
                lambda: mass_kept(network.x, projection(2, 1) @ np.append(network.x, 1.0)),
            ),
        )


def _against(network: MassNetwork, P: FloatArray) -> Measurement:
    return mass_kept(network.x, P @ network.lifted())
