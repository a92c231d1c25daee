"""U as a difference of convex functions on a ball, by a quadratic shift that is proved enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from ...errors import DomainError
from ...numerics.validation import FloatArray
from ..cells import Cells, cover, largest_eigenvalue_over
from ..proof import Proof, ProofStep
from ..proof.algebra import as_exact, exact_number, prove_identity
from ..symbolic import symbolic_field

_PER_SIDE = 128


def curvature_over(potential: Any, symbols: tuple[Any, ...], cells: Cells) -> FloatArray:
    """Bound −λ_min(∇²U), at least 0, over each cell.

    >>> from flowcert.theory.cells import cover
    >>> x, y = sympy.symbols("x y", real=True)
    >>> bool(curvature_over(x * x + y * y, (x, y), cover(1.0, 2, 8)).max() == 0)
    True
    """
    highest = largest_eigenvalue_over(cells, -sympy.hessian(potential, symbols), symbols)
    return highest.clip(min=0.0)


def bound_curvature(potential: Any, symbols: tuple[Any, ...], cells: Cells) -> float:
    """Bound −λ_min(∇²U) over the ball, at least 0: with this μ or more, U + μ|x|²/2 is convex.

    Then U = (U + μ|x|²/2) − μ|x|²/2 is a difference of convex functions there. Guaranteed: an
    upper bound, proved cell by cell in ball arithmetic. Source: flowcert [D], claim
    B6.convex_difference.

    >>> from flowcert.theory.cells import cover
    >>> x, y = sympy.symbols("x y", real=True)
    >>> bool(2 <= bound_curvature(x * x - y * y, (x, y), cover(1.0, 2, 8)) < 2.0001)
    True
    """
    return float(curvature_over(potential, symbols, cells).max())


@dataclass(frozen=True, eq=False)
class QuadraticShift:
    """U = ``convex`` + ``concave`` on the ball |x| ≤ ``radius``, by the shift μ = ``shift``.

    ``convex`` is U + μ|x|²/2 and ``concave`` −μ|x|²/2, sympy expressions. ``proof``: that they add
    up and are what they are called, by algebra and by ball arithmetic over the ball.

    >>> x = sympy.Symbol("x", real=True)
    >>> quadratic_shift(x**2, [x], radius=1.0).shift
    0.0
    """

    potential: Any
    symbols: tuple[Any, ...]
    radius: float
    shift: float
    convex: Any
    concave: Any
    proof: Proof


def quadratic_shift(
    potential: Any,
    symbols: Sequence[Any],
    radius: float,
    *,
    shift: float | None = None,
    per_side: int = _PER_SIDE,
) -> QuadraticShift:
    """Return U = (U + μ|x|²/2) − μ|x|²/2 on |x| ≤ radius, with μ bounded by ``bound_curvature``.

    Proved over the ball, for n ≤ 2; another ``shift`` ≥ 0 is taken as it is, and its proof may
    fail ("not proved": ``per_side`` cells did not decide). Raises DomainError for a radius that is
    not positive, n ≥ 3, a curvature without a finite bound (a pole, say) and a negative shift, and
    StructureError for functions that ball arithmetic lacks. Source: flowcert [D], claim
    B6.convex_difference.

    >>> x, y = sympy.symbols("x y", real=True)
    >>> saddle = quadratic_shift(x * y, [x, y], radius=1.0)
    >>> bool(1 <= saddle.shift < 1.0001), saddle.proof.outcome
    (True, 'proved')
    >>> quadratic_shift(x * y, [x, y], radius=1.0, shift=0.5).proof.outcome
    'not proved'
    """
    names = tuple(symbols)
    energy = symbolic_field([potential] * len(names), names)
    U, x = energy.expressions[0], energy.symbols
    bound = bound_curvature(U, x, cover(radius, len(x), per_side))
    if shift is None and not bound < np.inf:
        raise DomainError(
            came=f"{U}, whose curvature has no finite bound on |x| ≤ {radius:g}",
            expected="a potential with bounded second derivatives on the ball",
            remedy="Look for a pole, take a smaller ball, or pass more cells by per_side.",
        )
    exact_number("shift", 0.0 if shift is None else shift, lowest=0)
    mu = bound if shift is None else float(shift)
    square = as_exact(mu) * sum(entry**2 for entry in x) / 2
    proof = Proof((_prove_hessian(U, square, mu, x), _prove_curvature(bound, mu, radius)))
    return QuadraticShift(U, x, float(radius), mu, U + square, -square, proof)


def _prove_hessian(U: Any, square: Any, mu: float, x: tuple[Any, ...]) -> ProofStep:
    H = sympy.hessian(U, x)
    return prove_identity(
        r"$\nabla^2(U + \mu|x|^2/2) = \nabla^2U + \mu I$ and $\nabla^2(-\mu|x|^2/2) = -\mu I$",
        sympy.hessian(U + square, x).row_join(sympy.hessian(-square, x)),
        (H + as_exact(mu) * sympy.eye(len(x))).row_join(-as_exact(mu) * sympy.eye(len(x))),
    )


def _prove_curvature(bound: float, mu: float, radius: float) -> ProofStep:
    statement = rf"$-\lambda_{{\min}}(\nabla^2U) \le \mu = {mu:g}$ on $|x| \le {radius:g}$"
    if bound <= mu:
        return ProofStep(statement, "balls", "proved", f"at most {bound:.17g}, cell by cell")
    return ProofStep(statement, "balls", "not proved", f"only {bound:.17g} is proved")
