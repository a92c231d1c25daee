"""B6: the same with expansive, contractive and sphere-preserving fields, after a shift by μx."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...approximation.pieces import FieldPiece
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...proof import Proof, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from .first_result import GROWING_TURN, SLOW_TURN
from .split_flows import SplitFlow, split_flows, with_scaled_commutators, without_growth


class SecondResult(Claim[SplitFlow]):
    name = "B6.second_result"
    title = (
        "Expansive, contractive and sphere-preserving flows approximate the flow of any C³ field"
    )
    statement = (
        r"f = -\mu x + (\nabla U + \mu x) + S(x)x,\quad \nabla^2 U + \mu I \succeq 0,\quad"
        r" |(\Psi^{T/N})^N(x) - \varphi_f^T(x)| \le \sum_{k=1}^{N}"
        r" e^{\nu_{k + 1} + \dots + \nu_N}\,\varepsilon_k"
    )
    assumptions = (
        Assumption(r"f \in C^3", "the field, split by Presnov"),
        Assumption(
            r"\mu \ge \max(0, -\lambda_{\min}(\nabla^2 U))", "on a ball that holds all stages"
        ),
        Assumption(r"\varepsilon_k, \nu_k", "as in B5.first_result, with three pieces"),
    )
    source = Source("paper, second approximation result", "I")

    def prove(self) -> Proof:
        x, y, mu = sympy.symbols("x y mu", real=True)
        U = sympy.Function("U")(x, y)
        square = mu * (x**2 + y**2) / 2
        curvature, shift, length, rate = z3.Reals("curvature shift length rate")
        return Proof(
            (
                prove_identity(
                    r"$\nabla(U + \tfrac12\mu|x|^2) - \mu x = \nabla U$: the pieces add up to $f$",
                    sympy.Matrix([(U + square).diff(x) - mu * x, (U + square).diff(y) - mu * y]),
                    sympy.Matrix([U.diff(x), U.diff(y)]),
                ),
                prove_identity(
                    r"$\nabla^2(U + \tfrac12\mu|x|^2) = \nabla^2U + \mu I$",
                    sympy.hessian(U + square, (x, y)),
                    sympy.hessian(U, (x, y)) + mu * sympy.eye(2),
                ),
                prove_by_smt(
                    r"$v^T\nabla^2Uv \ge \lambda|v|^2$ and $\mu \ge -\lambda$:"
                    r" $v^T(\nabla^2U + \mu I)v \ge 0$, so $\nabla U + \mu x$ moves points apart",
                    name="shifted-curvature",
                    given=[rate >= curvature * length, length >= 0, shift >= -curvature],
                    show=rate + shift * length >= 0,
                ),
                cited(r"the flow of $-\mu x$ is $e^{-\mu t}x$: it contracts", "by insertion"),
                cited(
                    r"$x^T(\nabla U + \mu x)/|x| \le \rho(|x|) + \mu|x|$ bounds its stages, and the"
                    r" errors add up",
                    "B5.first_result; B5.lie_trotter_error, B5.strang_error with three pieces",
                ),
            )
        )

    def instances(self) -> SearchStrategy[SplitFlow]:
        return split_flows()

    def measure(self, instance: SplitFlow) -> Measurement:
        return tightest(_expansion(instance), instance.measure("second"))

    def witness(self) -> Witness:
        measured = replace(SLOW_TURN.measure("second"), allowance=1e-9)
        return Witness("f = e₁ + εJx, for which μ = 0 serves, ε = 10⁻⁴", measured)

    def mutants(self) -> Sequence[Mutant]:
        return (
            Mutant(
                "half the commutator",
                "c/2",
                lambda: SLOW_TURN.measure("second", lambda a: with_scaled_commutators(a, 0.5)),
            ),
            Mutant(
                "no growth",
                "errors are added up without e^{νh}",
                lambda: GROWING_TURN.measure("second", without_growth),
            ),
            Mutant("a tenth of the shift", "μ/10", lambda: _expansion(_BENT, 0.1)),
            Mutant("no shift", "∇U itself is expansive", lambda: _expansion(_BENT, 0.0)),
            Mutant("μ at the centre", "the curvature at 0 serves for all of the ball", _at_centre),
        )


def _expansion(instance: SplitFlow, share: float = 1.0) -> Measurement:
    """How fast the expansive piece (with a share of the shift) moves points together."""
    pieces = instance.analysis("second").pieces
    _, visited = instance.measured(pieces)
    return _contraction(pieces[1], (share - 1) * pieces[1].shift, visited)


def _at_centre() -> Measurement:
    """The curvature of the van der Pol potential at 0 is none: there it takes up energy."""
    piece = _BENT.analysis("second").pieces[1]
    origin = _contraction(piece, -piece.shift, np.zeros((1, 2))).computed
    _, visited = _BENT.measured(_BENT.analysis("second").pieces)
    return _contraction(piece, max(origin, 0.0) - piece.shift, visited)


def _contraction(piece: FieldPiece, change: float, x: FloatArray) -> Measurement:
    slopes = piece.field.jacobian(x)
    lowest = float(np.linalg.eigvalsh((slopes + np.swapaxes(slopes, -1, -2)) / 2).min())
    return Measurement(-(lowest + change), 0.0, 1e-9, what="contraction of the expansive piece")


_BENT = SplitFlow("van der Pol", "Strang", 4, 0.4, 1.0)
