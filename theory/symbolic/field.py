"""A vector field whose components are sympy expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy
from numpy.typing import ArrayLike
from sympy.core.function import AppliedUndef

from ...errors import DomainError, ShapeError, StructureError
from ...numerics.validation import FloatArray
from .evaluation import numeric_function


@dataclass(frozen=True, eq=False)
class SymbolicField:
    """The field f(x) = (f₁, …, fₙ) with fᵢ sympy expressions in the ``symbols`` x₁, …, xₙ.

    A ``VectorField``: call it on points (..., n). ``expressions`` is the n × 1 matrix of the fᵢ,
    ``jacobian_matrix`` that of ∂fᵢ/∂xⱼ. Make one by ``symbolic_field``, which checks. Source:
    flowcert [D].

    >>> q, p = sympy.symbols("q p", real=True)
    >>> pendulum = symbolic_field([p, -sympy.sin(q)], [q, p])
    >>> float(pendulum([0.0, 2.0])[0]), pendulum.jacobian_matrix
    (2.0, Matrix([
    [      0, 1],
    [-cos(q), 0]]))
    """

    symbols: tuple[Any, ...]
    expressions: Any

    @property
    def dimension(self) -> int:
        """The number n of state variables."""
        return len(self.symbols)

    @cached_property
    def jacobian_matrix(self) -> Any:
        """∂fᵢ/∂xⱼ, a sympy matrix."""
        return self.expressions.jacobian(sympy.Matrix(self.symbols))

    def __call__(self, x: ArrayLike) -> FloatArray:
        """Return f(x), shape (..., n)."""
        return self._values(x)

    def jacobian(self, x: ArrayLike) -> FloatArray:
        """Return ∂fᵢ/∂xⱼ at x, shape (..., n, n)."""
        flat = self._slopes(x)
        return flat.reshape(*flat.shape[:-1], self.dimension, self.dimension)

    def plus(self, other: SymbolicField) -> SymbolicField:
        """Return the sum of two fields in the same symbols."""
        return SymbolicField(self.symbols, self.expressions + other.expressions)

    @cached_property
    def _values(self) -> Callable[[ArrayLike], FloatArray]:
        return numeric_function(list(self.expressions), self.symbols)

    @cached_property
    def _slopes(self) -> Callable[[ArrayLike], FloatArray]:
        return numeric_function(list(self.jacobian_matrix), self.symbols)

    def __repr__(self) -> str:
        return f"SymbolicField({list(self.expressions)}, {list(self.symbols)})"


def symbolic_field(components: Sequence[Any], symbols: Sequence[Any]) -> SymbolicField:
    """Return the field with these components in these symbols; floats count exactly.

    Raises ShapeError unless there is one component a symbol, StructureError for symbols that are
    none or other free symbols, DomainError for numbers that are not finite or not real. Source:
    flowcert [D].

    >>> x = sympy.Symbol("x", real=True)
    >>> symbolic_field([0.5 * x], [x]).expressions
    Matrix([[x/2]])
    >>> symbolic_field([x, x], [x])
    Traceback (most recent call last):
        ...
    flowcert.errors.ShapeError: got 2 components in 1 symbols; expected one for each. ...
    """
    names, components = _listed("symbols", symbols), _listed("components", components)
    if not names or len(components) != len(names):
        raise ShapeError(
            came=f"{len(components)} components in {len(names)} symbols",
            expected="one for each",
            remedy="A field on Rⁿ has n components in n variables.",
        )
    symbols_only = all(isinstance(name, sympy.Symbol) for name in names)
    if not symbols_only or len({name.name for name in names}) < len(names):
        raise StructureError(
            came=f"the symbols {names!r}",
            expected="sympy symbols of different names",
            remedy='Write sympy.symbols("x y", real=True).',
        )
    # Real symbols in place of the given ones, so that |x|² has no conjugates.
    real = {name: sympy.Symbol(name.name, real=True) for name in names}
    exact = [_exact(component).xreplace(real) for component in components]
    unknown = sorted({str(s) for e in exact for s in e.free_symbols - set(real.values())})
    if unknown:
        raise StructureError(
            came=f"a field with the parameters {', '.join(unknown)}",
            expected=f"no symbols but {', '.join(str(name) for name in names)}",
            remedy="Put numbers in the place of parameters: expression.subs(...).",
        )
    return SymbolicField(tuple(real.values()), sympy.Matrix(exact))


def _listed(name: str, given: object) -> tuple[Any, ...]:
    try:
        return tuple(given)  # type: ignore[arg-type]  # whatever a caller without types passes
    except TypeError as error:
        raise ShapeError(
            came=f"{given!r} as {name}",
            expected="a list of them, one component for each symbol",
            remedy="Write symbolic_field([-x], [x]) for one variable.",
        ) from error


def require_field(given: object) -> SymbolicField:
    """Return a symbolic field, or raise StructureError for anything else.

    >>> require_field("x")
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got str as a field; expected a SymbolicField. ...
    """
    if isinstance(given, SymbolicField):
        return given
    raise StructureError(
        came=f"{type(given).__name__} as a field",
        expected="a SymbolicField",
        remedy="Write it with sympy: symbolic_field([y, -x], [x, y]); a field that is known by "
        "its values has numeric_presnov and learn_field, a map has lifted_map.",
    )


def _exact(component: Any) -> Any:
    try:
        expression = sympy.sympify(component)
    except (sympy.SympifyError, TypeError) as error:
        raise StructureError(
            came=f"{component!r} as a component",
            expected="a sympy expression or a number",
            remedy="Write it with sympy's functions: sympy.sin(x), not numpy.sin(x).",
        ) from error
    if not isinstance(expression, sympy.Expr) or expression.atoms(AppliedUndef):
        raise StructureError(
            came=f"{component!r} as a component",
            expected="one expression of known functions",
            remedy="A relation, a truth value, a list or f(x) with an unknown f has no values.",
        )
    if expression.has(sympy.nan, sympy.oo, -sympy.oo, sympy.zoo, sympy.I):
        raise DomainError(
            came=f"the component {expression}",
            expected="finite real numbers in a field",
            remedy="Look for a division by zero where the expression was made.",
        )
    # A float is the fraction that it is, not its decimal print.
    return expression.xreplace({x: sympy.Rational(x) for x in expression.atoms(sympy.Float)})


def lie_bracket(A: SymbolicField, B: SymbolicField) -> SymbolicField:
    """Return C = DB·A − DA·B, by which the flows of A and B fail to commute.

    >>> x, y = sympy.symbols("x y", real=True)
    >>> right, up = symbolic_field([1, 0], [x, y]), symbolic_field([0, x], [x, y])
    >>> list(lie_bracket(right, up).expressions)
    [0, 1]
    """
    if A.symbols != B.symbols:
        raise ShapeError(
            came=f"fields in {A.symbols} and in {B.symbols}",
            expected="fields in the same variables",
            remedy="Write both in one set of symbols.",
        )
    bracket = B.jacobian_matrix * A.expressions - A.jacobian_matrix * B.expressions
    return SymbolicField(A.symbols, bracket.applyfunc(sympy.expand))
