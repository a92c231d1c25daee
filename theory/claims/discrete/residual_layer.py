"""A1: a residual layer is an Euler step, a residual network the Euler method of a switching ODE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics import Euler, ExpansiveLayerField, switching_euler
from ....numerics.switching import SwitchingSystem
from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source
from ...measuring import rounding_allowance
from ...proof import Proof, cited
from ...proof.algebra import prove_identity


@dataclass(frozen=True)
class ResidualNetwork:
    """P∘Ψ_k∘…∘Ψ₁∘L with layers Ψᵢ(x) = x + hᵢΣ(Bᵢx + cᵢ), a lift L and a projection P."""

    lift: FloatArray
    layers: tuple[tuple[ExpansiveLayerField, float], ...]
    projection: FloatArray

    def written_out(self, x: FloatArray) -> FloatArray:
        """The network as one writes it: matrices, an activation, a skip connection."""
        state = self.lift @ x
        for field, h in self.layers:
            preactivation = [
                sum(weight * entry for weight, entry in zip(row, state, strict=True)) + offset
                for row, offset in zip(field.B, field.c, strict=True)
            ]
            state = state + h * field.activation(np.array(preactivation))
        return self.projection @ state

    def as_steps(self, x: FloatArray) -> FloatArray:
        """The network as the Euler steps of its fields."""
        return self.projection @ switching_euler(self.layers, self.lift @ x)

    def as_integrator(self, x: FloatArray, *, delay: float = 0.0) -> FloatArray:
        """The network as the Euler method applied to ẋ = Λ(θ(t + delay), x)."""
        # θ is constant on [tᵢ, tᵢ₊₁), the switch belongs to the layer that begins there.
        system = SwitchingSystem.of_durations(self.layers, start=-delay)
        state = self.lift @ x
        times = np.cumsum([0.0, *(h for _, h in self.layers)])
        for t, (_, h) in zip(times, self.layers, strict=False):
            state = Euler.step(system, t, state, h)
        return self.projection @ state


@st.composite
def _networks(draw: st.DrawFn) -> tuple[ResidualNetwork, FloatArray]:
    inputs, width, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    layers = draw(
        st.lists(
            st.builds(
                lambda B, c, a, h: (ExpansiveLayerField(B.entries, c, a), h),
                strategies.matrices(rows=width, columns=width, sigma_max=1.0),
                strategies.points(width),
                strategies.activations(),
                st.floats(0.01, 1.0),
            ),
            min_size=1,
            max_size=4,
        )
    )
    lift = draw(strategies.matrices(rows=width, columns=inputs, sigma_max=1.0)).entries
    projection = draw(strategies.matrices(rows=outputs, columns=width, sigma_max=1.0)).entries
    return ResidualNetwork(lift, tuple(layers), projection), draw(strategies.points(inputs))


class ResidualLayer(Claim[tuple[ResidualNetwork, FloatArray]]):
    name = "A1.residual_layer"
    title = "A residual network is the Euler method of a switching system"
    statement = (
        r"x + h\Lambda(\theta, x) = \text{the Euler step of } \dot x = \Lambda(\theta(t), x),"
        r"\quad \mathcal{N} = P \circ \Psi_{f_k}^{h_k} \circ \dots \circ \Psi_{f_1}^{h_1} \circ L"
    )
    assumptions = (
        Assumption(
            r"\theta(t) = \theta_i \text{ on } [t_{i-1}, t_i)",
            "parameters constant between switches; a switch belongs to the layer that begins",
        ),
        Assumption(r"h_i = t_i - t_{i-1} > 0", "one step for each layer"),
        Assumption(r"L, P", "a lift to the width of the layers and a projection from it"),
    )
    source = Source("paper, networks as discretised ODEs", "P")

    def prove(self) -> Proof:
        x, h1, h2, t1, t2 = sympy.symbols("x h_1 h_2 theta_1 theta_2", positive=True)
        t, h = sympy.symbols("t h", real=True)
        field = sympy.Function("Lambda")
        theta = sympy.Piecewise((t1, t < h1), (t2, True))

        def euler(time: sympy.Expr, state: sympy.Expr, step: sympy.Expr) -> sympy.Expr:
            return state + step * field(theta.subs(t, time), state)

        first = x + h1 * field(t1, x)
        flow = sympy.Function("phi")(h)
        slope = field(t1, flow)
        curvature = sympy.diff(slope, h).subs(sympy.diff(flow, h), slope)
        layer = x + h * field(t1, x)
        return Proof(
            (
                prove_identity(
                    r"one Euler step at $t = 0$ is the layer with the parameters $\theta_1$",
                    euler(sympy.Integer(0), x, h1),
                    first,
                ),
                prove_identity(
                    r"the next one, at the switch $t = h_1$, is the layer with $\theta_2$ of that,"
                    r" for an arbitrary $\Lambda$",
                    euler(h1, euler(sympy.Integer(0), x, h1), h2),
                    first + h2 * field(t2, first),
                ),
                cited("and so on for every number of layers", "induction"),
                cited(r"$\varphi'(h) = \Lambda(\theta_1, \varphi(h))$", "what a flow is"),
                prove_identity(
                    r"layer and flow agree to first order at $h = 0$",
                    sympy.Matrix([layer.subs(h, 0), sympy.diff(layer, h)]),
                    sympy.Matrix([x, slope.subs(flow, x)]),
                ),
                prove_identity(
                    r"and not to second: $\varphi'' = \partial_x\Lambda\,\Lambda$, while the layer"
                    r" has second derivative 0, so that it is a discretisation of order 1",
                    curvature - sympy.diff(layer, h, 2),
                    field(t1, flow).fdiff(2) * slope,
                ),
            )
        )

    def instances(self) -> SearchStrategy[tuple[ResidualNetwork, FloatArray]]:
        return _networks()

    def measure(self, instance: tuple[ResidualNetwork, FloatArray]) -> Measurement:
        network, x = instance
        written = network.written_out(x)
        return max(
            (
                _difference(network, x, written, network.as_steps(x)),
                _difference(network, x, written, network.as_integrator(x)),
            ),
            key=lambda measurement: measurement.computed,
        )

    def witness(self) -> NotApplicable:
        return NotApplicable("an identity has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        turn, shift = np.array([[0.0, -1.0], [1.0, 0.0]]), np.array([1.0, 0.0])
        layers = (
            (ExpansiveLayerField(turn), 0.5),
            (ExpansiveLayerField(np.eye(2), shift), 0.25),
        )
        network = ResidualNetwork(np.eye(2), layers, np.eye(2))
        swapped = ResidualNetwork(np.eye(2), layers[::-1], np.eye(2))
        x = np.array([1.0, 2.0])
        written = network.written_out(x)

        def without_skip() -> Measurement:
            (field, h), *_ = layers
            single = ResidualNetwork(np.eye(2), layers[:1], np.eye(2))
            return _difference(single, x, single.written_out(x), h * field(x))

        return (
            Mutant(
                "parameters of the next layer",
                "θ is read at the end of the step",
                lambda: _difference(network, x, written, network.as_integrator(x, delay=0.5)),
            ),
            Mutant(
                "layers swapped",
                "the composition in the other order",
                lambda: _difference(network, x, written, swapped.as_steps(x)),
            ),
            Mutant("no skip connection", "hΛ(θ, x) alone", without_skip),
        )


def _difference(
    network: ResidualNetwork, x: FloatArray, written: FloatArray, computed: FloatArray
) -> Measurement:
    error = float(np.abs(written - computed).max())
    offset = max(float(np.abs(field.c).max()) for field, _ in network.layers)
    growth = float(np.prod([1 + h for _, h in network.layers]))
    size = (1 + float(np.linalg.norm(x)) + offset) * growth
    return Measurement(error, 0.0, rounding_allowance(size), "=", "difference")
