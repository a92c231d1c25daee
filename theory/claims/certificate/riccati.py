"""E1: the Riccati recursion bounds a chain of dense layers as a whole."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ... import strategies
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...measuring import difference_quotient
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from ...spectral.chain_layers import ChainLayer, ScaledLayer, scale_layer
from ...spectral.riccati import bound_chain

_ALLOWANCE = 1e-5  # the bound is rounded outward by a little less


@dataclass(frozen=True, eq=False)
class Chain:
    """Layers x ↦ skip·x + Cσ(Ax + b), σ with one slope on either side of 0, and two points.

    ``excess`` > 0 says by how much the multipliers of a layer exceed the least that are feasible.
    """

    layers: tuple[ChainLayer, ...]
    biases: tuple[FloatArray, ...]
    excess: tuple[FloatArray, ...]
    x: FloatArray
    y: FloatArray

    def __repr__(self) -> str:
        return f"chain of {self.layers} with biases {self.biases}"

    def __call__(self, x: FloatArray) -> FloatArray:
        for layer, b in zip(self.layers, self.biases, strict=True):
            A, C = _matrices(layer, len(x))
            z = A @ x + b
            s = np.where(z > 0.0, layer.slopes[1] * z, layer.slopes[0] * z)
            x = (layer.skip * x if layer.skip else 0.0) + C @ s
        return x

    def quotient(self) -> float:
        return difference_quotient(self, self.x, self.y)

    def steepest(self) -> float:
        """The largest norm of a Jacobian over all patterns of slopes, reachable or not."""
        choices = [
            itertools.product(sorted(set(layer.slopes)), repeat=len(b))
            for layer, b in zip(self.layers, self.biases, strict=True)
        ]
        return max(self._norm(slopes) for slopes in itertools.product(*choices))

    def _norm(self, slopes: Sequence[Sequence[float]]) -> float:
        J = np.eye(len(self.x))
        for layer, d in zip(self.layers, slopes, strict=True):
            A, C = _matrices(layer, len(J))
            J = (layer.skip * J if layer.skip else 0.0) + C @ np.diag(d) @ A @ J
        return float(np.linalg.norm(J, 2))

    def bound(self) -> float:
        return bound_chain(self.layers, self.multipliers())

    def multipliers(self) -> list[list[float]]:
        """Λ = λ_max(ρ²CᵀPC)·(1 + excess), by the recursion as it stands, unrounded."""
        scaled = [scale_layer(layer) for layer in self.layers]
        found: list[list[float]] = []
        P = np.eye(len(self(self.x)))
        for layer, excess in zip(reversed(scaled), reversed(self.excess), strict=True):
            A, C = _matrices(layer, len(P) if layer.C is None else layer.C.shape[1])
            P, weights = _recursion(P, layer, A, C, excess)
            found.append(weights.tolist() if layer.rho > 0.0 else [])
        return found[::-1]


def _matrices(layer: ChainLayer | ScaledLayer, width: int) -> tuple[FloatArray, FloatArray]:
    A = np.eye(width) if layer.A is None else layer.A
    return A, np.eye(len(A)) if layer.C is None else layer.C


def _recursion(
    P: FloatArray, layer: ScaledLayer, A: FloatArray, C: FloatArray, excess: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """(YᵀPY + AᵀΛA + ρ²(CᵀPY)ᵀ(Λ − ρ²CᵀPC)⁻¹(CᵀPY), Λ) with the multipliers of the excess."""
    Y = layer.c * C @ A + (layer.skip * np.eye(A.shape[1]) if layer.skip else 0.0)
    if layer.rho == 0.0:
        return Y.T @ P @ Y, np.zeros(0)
    G = layer.rho * C.T @ P @ Y
    R = layer.rho**2 * C.T @ P @ C
    weights = (float(np.linalg.norm(R, 2)) + 1e-9) * (1.0 + excess)
    third = G.T @ np.linalg.solve(np.diag(weights) - R, G)
    return Y.T @ P @ Y + A.T @ np.diag(weights) @ A + third, weights


@st.composite
def _chains(draw: st.DrawFn) -> Chain:
    widths = draw(st.lists(st.integers(1, 3), min_size=2, max_size=4))
    layers, biases = [], []
    for before, after in itertools.pairwise(widths):
        a = draw(strategies.slopes())
        C = draw(strategies.matrices(rows=after, columns=before)).entries
        A = draw(strategies.matrices(rows=before, columns=before)).entries
        skip = draw(st.sampled_from([0.0, 1.0, -0.5])) if before == after else 0.0
        matrix = A if draw(st.booleans()) else None
        layers.append(ChainLayer(matrix, C, (a, 1.0), skip))
        biases.append(draw(strategies.points(before)))
    excess = [
        np.array(draw(st.lists(st.floats(0.1, 8.0), min_size=len(b), max_size=len(b))))
        for b in biases
    ]
    x, y = draw(strategies.point_pairs(widths[0]))
    return Chain(tuple(layers), tuple(biases), tuple(excess), x, y)


class RiccatiRecursion(Claim[Chain]):
    name = "E1.riccati"
    title = "The Riccati recursion bounds a chain of dense layers"
    statement = (
        r"P \leftarrow Y^T P Y + A^T \Lambda A"
        r" + \rho^2 (C^T P Y)^T (\Lambda - \rho^2 C^T P C)^{-1} (C^T P Y),\quad"
        r" P_N = I \;\Rightarrow\; \mathrm{Lip} \le \sqrt{\lambda_{\max}(P_0)}"
    )
    assumptions = (
        Assumption(r"x^+ = Hx + C\Sigma(Ax + b)", "each layer; H a multiple of the identity"),
        Assumption(r"\sigma' \in [c - \rho, c + \rho],\ Y = H + cCA", "slopes of the activation"),
        Assumption(
            r"\Lambda = \mathrm{diag}(\lambda) \succeq 0,\ \Lambda - \rho^2 C^T P C \succ 0",
            "any multipliers of each layer (Λ = ρ²T)",
        ),
    )
    source = Source("flowcert; after Fazlyab et al. 2019 (LipSDP) by Schur complements", "D")

    def prove(self) -> Proof:
        d, z, v, weight, c, rho = z3.Reals("d z v lambda c rho")
        after, slack, square, before = z3.Reals("after slack square before")
        return Proof(
            (
                cited(
                    r"differences obey $\Delta^+ = H\Delta + CDA\Delta$, $D$ diagonal with entries"
                    r" in $[c - \rho, c + \rho]$",
                    "mean value theorem, entry by entry",
                ),
                prove_by_smt(
                    r"$D_{ii} z_i = c z_i + \rho v_i$ with $v_i^2 \le z_i^2$, so that"
                    r" $\Delta^+ = Y\Delta + \rho C v$",
                    name="sector",
                    given=[rho > 0, d >= c - rho, d <= c + rho, rho * v == (d - c) * z],
                    show=v * v <= z * z,
                ),
                prove_by_smt(
                    r"$z^2 \ge v^2$ and $\lambda \ge 0$ give $\lambda(z^2 - v^2) \ge 0$",
                    name="weighted",
                    given=[weight >= 0, v * v <= z * z],
                    show=weight * (z * z - v * v) >= 0,
                ),
                _square_completed(),
                prove_by_smt(
                    r"hence $|\Delta^+|_P^2 \le |\Delta|_{\hat P}^2$: slack and square are $\ge 0$",
                    name="decrease",
                    given=[after + slack + square == before, slack >= 0, square >= 0],
                    show=after <= before,
                ),
                cited(
                    r"$\Lambda - \rho^2 C^T P C \succ 0$ makes the square $\ge 0$ and has an"
                    r" inverse",
                    "definition of positive definite",
                ),
                _matrix_inequality(),
                cited(
                    r"$|\Delta_N|^2 = |\Delta_N|_I^2 \le \dots \le |\Delta_0|_{P_0}^2"
                    r" \le \lambda_{\max}(P_0)|\Delta_0|^2$",
                    "induction over the layers; Rayleigh's quotient",
                ),
            )
        )

    def instances(self) -> SearchStrategy[Chain]:
        return _chains()

    def measure(self, instance: Chain) -> Measurement:
        bound = instance.bound()
        if bound == math.inf:
            # Tiny entries: the multipliers are not verified in floating point. ∞ claims nothing.
            return Measurement(0.0, 0.0, what="nothing is claimed")
        size = 1e-12 * (1.0 + bound)
        return tightest(
            Measurement(instance.steepest(), bound, size, what="largest Jacobian"),
            Measurement(instance.quotient(), bound, 1e-9 * (1.0 + bound), what="quotient"),
        )

    def witness(self) -> Witness:
        relu = ChainLayer(np.diag([3.0, 1.0]), np.diag([2.0, 1.0]), (0.0, 1.0))
        chain = Chain(
            (relu,), (np.zeros(2),), (np.array([1.0, 1.0]),), np.ones(2), np.array([2.0, 1.0])
        )
        return Witness(
            "diag(2, 1)·ReLU·diag(3, 1), λ twice the least feasible: 6 along the first axis",
            Measurement(chain.quotient(), chain.bound(), _ALLOWANCE, what="quotient"),
        )

    def mutants(self) -> Sequence[Mutant]:
        # One ReLU of one entry: c = ρ = ½, constant 1; and x + ReLU(x): constant 2.
        def recursion(weight: float, *, third: bool = True) -> float:
            last = 0.0625 / (weight - 0.25) if third else 0.0
            return math.sqrt(max(0.25 + weight + last, 0.0))

        relu = ChainLayer(None, np.eye(1), (0.0, 1.0))
        narrow = ChainLayer(None, np.eye(1), (0.25, 0.75))
        excess, zero, one = np.ones(1), np.zeros(1), np.ones(1)

        def against(layer: ChainLayer, skip: float = 0.0) -> Measurement:
            truth = ChainLayer(None, np.eye(1), (0.0, 1.0), skip)
            claimed = Chain((layer,), (zero,), (excess,), zero, one).bound()
            computed = Chain((truth,), (zero,), (excess,), zero, one).quotient()
            return Measurement(computed, claimed, _ALLOWANCE, what="quotient")

        return (
            Mutant("half the radius", "ρ = ¼ for a ReLU", lambda: against(narrow)),
            Mutant("forgotten skip", "H = 0 for x + ReLU(x)", lambda: against(relu, 1.0)),
            Mutant(
                "missing term",
                "YᵀPY + AᵀΛA alone, λ = ½, for a ReLU of one entry",
                lambda: Measurement(1.0, recursion(0.5, third=False), what="quotient"),
            ),
            Mutant(
                "infeasible multiplier",
                "λ = 1/5 < ρ² = ¼ for a ReLU of one entry",
                lambda: Measurement(1.0, recursion(0.2), what="quotient"),
            ),
            Mutant(
                "sign of the last term",
                "the square completed with −ρ²(…)",
                lambda: _square_completed(sign=-1),
            ),
            Mutant(
                "full multipliers",
                "Λ = ((1, −1), (−1, 1)) ⪰ 0 is not diagonal: z = (1, 1), v = (1, −1)",
                lambda: Measurement(-_slack(np.array([[1.0, -1.0], [-1.0, 1.0]])), 0.0),
            ),
        )


def _slack(weights: FloatArray) -> float:
    """zᵀΛz − vᵀΛv at z = (1, 1), v = (1, −1), which |vᵢ| ≤ |zᵢ| admits."""
    z, v = np.array([1.0, 1.0]), np.array([1.0, -1.0])
    return float(z @ weights @ z - v @ weights @ v)


def _square_completed(sign: int = 1) -> ProofStep:
    """The identity behind the recursion, in symbols that do not commute (x' is xᵀ)."""
    D, Dt, v, vt, P, Y, Yt, C, Ct, A, At, L, S, inverse = sympy.symbols(
        "D D' v v' P Y Y' C C' A A' Lambda S S^-1", commutative=False
    )
    rho = sympy.Symbol("rho")
    G, Gt = rho * Ct * P * Y, rho * Yt * P * C
    square = sympy.expand((vt - Dt * Gt * inverse) * S * (v - inverse * G * D))
    square = square.subs(S * inverse, 1).subs(inverse * S, 1).subs(S, L - rho**2 * Ct * P * C)
    after = (Dt * Yt + rho * vt * Ct) * P * (Y * D + rho * C * v)
    slack = Dt * At * L * A * D - vt * L * v
    before = Dt * (Yt * P * Y + At * L * A + sign * Gt * inverse * G) * D
    return prove_identity(
        r"$|\Delta^+|_P^2 + (A\Delta)^T\Lambda(A\Delta) - v^T\Lambda v + (v - K\Delta)^T S"
        r" (v - K\Delta) = |\Delta|_{\hat P}^2$ with $S = \Lambda - \rho^2 C^T P C$,"
        r" $K = \rho S^{-1} C^T P Y$",
        after + slack + square,
        before,
    )


def _matrix_inequality() -> ProofStep:
    """What is verified in floating point: the block matrix, for any P̂."""
    D, Dt, v, vt, P, Y, Yt, C, Ct, A, At, L, Q = sympy.symbols(
        "D D' v v' P Y Y' C C' A A' Lambda Q", commutative=False
    )
    rho = sympy.Symbol("rho")
    corner = Q - Yt * P * Y - At * L * A
    form = Dt * corner * D - rho * Dt * Yt * P * C * v - rho * vt * Ct * P * Y * D
    form += vt * (L - rho**2 * Ct * P * C) * v
    after = (Dt * Yt + rho * vt * Ct) * P * (Y * D + rho * C * v)
    slack = Dt * At * L * A * D - vt * L * v
    return prove_identity(
        r"for any $\hat P$, $|\Delta|_{\hat P}^2 - |\Delta^+|_P^2 - \text{slack}$ is the quadratic"
        r" form of $((\hat P - Y^T P Y - A^T\Lambda A, -\rho Y^T P C),"
        r" (-\rho C^T P Y, \Lambda - \rho^2 C^T P C))$: if that is $\succeq 0$, $\hat P$ will do",
        form,
        Dt * Q * D - after - slack,
    )
