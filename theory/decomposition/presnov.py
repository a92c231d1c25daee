"""Presnov's decomposition of a symbolic field: f = ∇U + S(x)x with a proof of its identities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy
from sympy.simplify.fu import TR8

from ...errors import StructureError
from ..proof import Proof, ProofStep
from ..proof.algebra import prove_identity
from ..symbolic import (
    CosineMoment,
    SineMoment,
    SymbolicField,
    in_closed_form,
    require_field,
)
from .waves import vanishes


@dataclass(frozen=True, eq=False)
class SymbolicDecomposition:
    """f = ∇U + X_S: ``potential`` U, ``gradient`` ∇U, ``sphere`` X_S = S(x)x, ``skew`` S(x).

    ``proof`` holds the identities xᵀ∇U = xᵀf and S(x)x = f − ∇U, decided by algebra for this
    field. Source: Presnov, as the paper uses it [P]; claim B1.presnov_identity.

    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x, y = sympy.symbols("x y", real=True)
    >>> parts = presnov(symbolic_field([-y, x**2], [x, y]))
    >>> parts.potential, parts.proof.outcome
    (x**2*y/3 - x*y/2, 'proved')
    """

    field: SymbolicField
    potential: Any
    skew: Any

    @cached_property
    def gradient(self) -> SymbolicField:
        """∇U, the gradient part."""
        symbols = self.field.symbols
        return SymbolicField(symbols, sympy.Matrix([self.potential.diff(x) for x in symbols]))

    @cached_property
    def sphere(self) -> SymbolicField:
        """X_S = S(x)x, the part that is tangent to spheres."""
        x = sympy.Matrix(self.field.symbols)
        return SymbolicField(self.field.symbols, (self.skew * x).applyfunc(sympy.expand))

    @cached_property
    def proof(self) -> Proof:
        """The two identities for this field."""
        x = sympy.Matrix(self.field.symbols)
        rest = self.field.expressions - self.gradient.expressions - self.sphere.expressions
        return Proof(
            (
                _prove_zero(
                    r"$x^T\nabla U(x) = x^T f(x)$",
                    (x.T * (self.gradient.expressions - self.field.expressions))[0],
                ),
                *(
                    _prove_zero(rf"$(f - \nabla U - S(x)x)_{{{i + 1}}} = 0$", entry)
                    for i, entry in enumerate(rest)
                ),
                prove_identity("$S(x)$ is skew", self.skew, -self.skew.T),
            )
        )


def presnov(field: SymbolicField) -> SymbolicDecomposition:
    """Return f = ∇U + S(x)x with U(x) = ∫₀¹ xᵀf(tx) dt and S(x) = ∫₀¹ t(Df − Dfᵀ)(tx) dt.

    Exact, for polynomials times sines and cosines of affine arguments in any dimension (then U and
    S are made of moments, smooth everywhere), and for whatever else sympy integrates. S is smooth
    where f is: f(x) = ∫₀¹ d/dt[t f(tx)] dt and ∇U(x) = ∫₀¹ f(tx) + t Df(tx)ᵀx dt differ by S(x)x.
    Raises StructureError where sympy finds no integral. Source: Presnov, as the paper uses it [P];
    this S flowcert [D].

    >>> from flowcert.theory.symbolic import symbolic_field
    >>> x, y = sympy.symbols("x y", real=True)
    >>> presnov(symbolic_field([-x + 2 * y, -y / 2], [x, y])).potential
    -x**2/2 + x*y - y**2/4
    """
    x = sympy.Matrix(require_field(field).symbols)
    potential = _along_rays((x.T * field.expressions)[0], field.symbols, shift=-1)
    D = field.jacobian_matrix
    entry = sympy.Matrix(
        field.dimension,
        field.dimension,
        lambda i, j: _along_rays(D[i, j] - D[j, i], field.symbols, shift=1) if i < j else 0,
    )
    return SymbolicDecomposition(field, potential, entry - entry.T)


def _along_rays(expression: Any, symbols: tuple[Any, ...], shift: int) -> Any:
    """∫₀¹ t^shift g(tx) dt, term by term."""
    flat = sympy.expand(TR8(sympy.expand(expression)))
    return sum(
        (_term(term, symbols, shift) for term in sympy.Add.make_args(flat)), sympy.Integer(0)
    )


def _term(term: Any, symbols: tuple[Any, ...], shift: int) -> Any:
    """The same for a product of a monomial and at most one sine or cosine."""
    factors = sympy.Mul.make_args(term)
    waves = [f for f in factors if isinstance(f, sympy.sin | sympy.cos) and f.free_symbols]
    rest = term / waves[0] if len(waves) == 1 else term
    if len(waves) > 1 or not rest.is_polynomial(*symbols):
        return _by_sympy(term, symbols, shift)
    power = sympy.Poly(rest, *symbols).total_degree() + shift
    if power < 0:  # a pole at 0: sin x/x has an integral, 1/x has none
        return _by_sympy(term, symbols, shift)
    if not waves:
        return rest / (power + 1)
    [argument] = waves[0].args
    phase = argument.subs(dict.fromkeys(symbols, 0))
    z = sympy.expand(argument - phase)
    if not z.is_polynomial(*symbols) or sympy.Poly(z, *symbols).total_degree() > 1:
        return _by_sympy(term, symbols, shift)
    even, odd = CosineMoment(power, z), SineMoment(power, z)
    if isinstance(waves[0], sympy.cos):
        return rest * (sympy.cos(phase) * even - sympy.sin(phase) * odd)
    return rest * (sympy.cos(phase) * odd + sympy.sin(phase) * even)


def _by_sympy(term: Any, symbols: tuple[Any, ...], shift: int) -> Any:
    t = sympy.Symbol("t", positive=True)
    along = t**shift * term.subs({x: t * x for x in symbols}, simultaneous=True)
    integral = sympy.integrate(sympy.simplify(along), (t, 0, 1))
    if integral.has(sympy.Integral, sympy.nan, sympy.oo, sympy.zoo):
        raise StructureError(
            came=f"the term {term}, whose integral along rays sympy does not find",
            expected="polynomials, sines and cosines of affine arguments, or a term that it can do",
            remedy="Use numeric_presnov, which needs values only.",
        )
    return integral


def _prove_zero(statement: str, expression: Any) -> ProofStep:
    if vanishes(expression):
        return ProofStep(statement, "algebra", "proved")
    return prove_identity(statement, in_closed_form(expression), sympy.Integer(0))
