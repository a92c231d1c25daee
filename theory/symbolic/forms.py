"""The fields of numerics as sympy expressions, with their floats as exact fractions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import sympy

from ...errors import StructureError
from ...numerics import (
    Activation,
    ExpansiveGradientField,
    ExpansiveLayerField,
    GradientField,
    HamiltonianField,
    LinearField,
    MassField,
    RidgePotentialField,
    SphereField,
    VectorField,
)
from ...numerics.validation import FloatArray
from .field import SymbolicField, symbolic_field


def symbolic_form(field: VectorField) -> SymbolicField:
    """Return a field of ``numerics.fields`` as a ``SymbolicField`` in the symbols x1, …, xn.

    Every float counts as the fraction that it is: the expressions are the field itself, of which
    NumPy's values are roundings. Raises StructureError for activations with kinks or of unknown
    formula, and for other types of fields (a subclass may compute something else). Source: flowcert
    [D].

    >>> from flowcert.numerics import tanh_mixture
    >>> symbolic_form(GradientField([[0.5]], [0.25], tanh_mixture(0.0))).expressions
    Matrix([[-tanh(x1/2 + 1/4)/2]])
    """
    form = _FORMS.get(type(field))
    if form is None:
        raise StructureError(
            came=f"a field of type {type(field).__name__}",
            expected=f"one of {', '.join(sorted(kind.__name__ for kind in _FORMS))}",
            remedy="Write its components with sympy and pass them to symbolic_field.",
        )
    symbols = sympy.symbols(f"x1:{field.dimension + 1}", real=True)
    return symbolic_field(list(form(field, sympy.Matrix(symbols))), symbols)


def _exact(array: FloatArray) -> Any:
    """A sympy matrix of the fractions that these floats are; a vector becomes a column."""
    columns = array[:, None] if array.ndim == 1 else array
    return sympy.Matrix(*columns.shape, [sympy.Rational(float(entry)) for entry in columns.flat])


def _activated(activation: Activation, A: FloatArray, b: FloatArray, x: Any) -> Any:
    """Σ(Ax + b), a column."""
    sigma = _smooth(activation)
    return (_exact(A) * x + _exact(b)).applyfunc(sigma)


def _smooth(activation: Activation) -> Callable[[Any], Any]:
    a = sympy.Rational(float(activation.slope_min))
    if activation.kind == "tanh":
        return lambda s: a * s + (1 - a) * sympy.tanh(s)
    if activation.kind == "softplus":
        return lambda s: a * s + (1 - a) * (sympy.log(1 + sympy.exp(s)) - sympy.log(2))
    raise StructureError(
        came=f"the activation {activation.name}",
        expected="tanh_mixture or softplus_mixture: a smooth one with a known formula",
        remedy="A kink has no derivative; choose a smooth activation for symbolic work.",
    )


def _linear(field: LinearField, x: Any) -> Any:
    return _exact(field.B) * x


def _ridge_potential(field: RidgePotentialField, x: Any) -> Any:
    values = _activated(field.activation, field.A, field.b, x)
    return _exact(field.A).T * _exact(field.alpha).multiply_elementwise(values)


def _hamiltonian(field: HamiltonianField, x: Any) -> Any:
    half = field.dimension // 2
    gradient = _ridge_potential(field.energy_gradient, x)
    return sympy.Matrix.vstack(gradient[half:, :], -gradient[:half, :])


def _expansive_layer(field: ExpansiveLayerField, x: Any) -> Any:
    return _activated(field.activation, field.B, field.c, x)


def _sphere(field: SphereField, x: Any) -> Any:
    return _combined(field, field.skew, x) * x


def _mass(field: MassField, x: Any) -> Any:
    M = _combined(field, field.matrices, x)
    return (M - M.T) * sympy.ones(field.dimension, 1)


def _combined(field: SphereField | MassField, matrices: FloatArray, x: Any) -> Any:
    """M(x) = Σ_k σ(a_kᵀx + b_k)·M_k."""
    values = _activated(field.activation, field.A, field.b, x)
    zero = sympy.zeros(field.dimension, field.dimension)
    return sum((v * _exact(M) for v, M in zip(values, matrices, strict=True)), zero)


_FORMS: Mapping[type, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        ExpansiveGradientField: _ridge_potential,
        ExpansiveLayerField: _expansive_layer,
        GradientField: _ridge_potential,
        HamiltonianField: _hamiltonian,
        LinearField: _linear,
        MassField: _mass,
        RidgePotentialField: _ridge_potential,
        SphereField: _sphere,
    }
)
