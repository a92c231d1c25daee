"""The Jacobians of each family of fields on a ball, bounded by their structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from ...errors import StructureError
from ...numerics import (
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
from ...numerics.fields.hamiltonian import turned
from ..spectral.dense import bound_dense
from ..spectral.rounding import above, gamma, norm_above
from .cells import Ball
from .eigenvalues import bound_largest_eigenvalue, raised
from .ridge_sums import JacobianBounds, bound_ridge_sum
from .slopes import bound_slopes, preactivations
from .sphere_fields import bound_sphere_field


def find_rule(field: VectorField) -> Callable[[Any, Ball], JacobianBounds]:
    """Return the rule that bounds ‖Df‖ and λ_max(sym Df) of fields of this type on a ball.

    Raises StructureError for a type without a rule; a subclass has none, since it may compute
    something else.

    >>> field = LinearField(np.diag([-1.0, -2.0]))
    >>> find_rule(field)(field, Ball(np.zeros(2), 1.0)).logarithmic_norm < 0
    True
    """
    rule = FAMILIES.get(type(field))
    if rule is None:
        raise StructureError(
            came=f"a field of type {type(field).__name__}",
            expected=f"one of {', '.join(sorted(kind.__name__ for kind in FAMILIES))}",
            remedy="Without a rule nothing is bounded; the estimate_… functions take any field.",
        )
    return rule


def _linear(field: LinearField, ball: Ball) -> JacobianBounds:
    """Df = B everywhere."""
    symmetric = 0.5 * (field.B + field.B.T)  # one rounding of each entry, but for underflow
    error = above(gamma(1) * norm_above(symmetric) + symmetric.size * 2.0**-1074, 2)
    largest = bound_largest_eigenvalue(symmetric)
    return JacobianBounds(
        bound_dense(field.B).largest, raised(largest + error, abs(largest) + error)
    ).consistent()


def _ridge_potential(field: RidgePotentialField, ball: Ball) -> JacobianBounds:
    """Df = Σᵢ αᵢ dᵢ aᵢaᵢᵀ."""
    slopes = bound_slopes(field.activation, *preactivations(field.A, field.b, ball))
    return bound_ridge_sum(field.A, field.A, field.alpha, slopes)


def _hamiltonian(field: HamiltonianField, ball: Ball) -> JacobianBounds:
    """Df = Σᵢ αᵢ dᵢ (Jaᵢ)aᵢᵀ; J is orthogonal, so its norm is that of ∇²H."""
    energy = field.energy_gradient
    slopes = bound_slopes(energy.activation, *preactivations(energy.A, energy.b, ball))
    rotated = bound_ridge_sum(turned(energy.A, axis=-1), energy.A, energy.alpha, slopes)
    hessian = bound_ridge_sum(energy.A, energy.A, energy.alpha, slopes)
    norm = min(rotated.norm, hessian.norm)
    return JacobianBounds(norm, rotated.logarithmic_norm).consistent()


def _expansive_layer(field: ExpansiveLayerField, ball: Ball) -> JacobianBounds:
    """Df = Σ_k d_k e_k b_kᵀ, b_k the rows of B."""
    n = field.dimension
    slopes = bound_slopes(field.activation, *preactivations(field.B, field.c, ball))
    return bound_ridge_sum(np.eye(n), field.B, np.ones(n), slopes)


def _mass(field: MassField, ball: Ball) -> JacobianBounds:
    """Df = Σ_k d_k g_k a_kᵀ with g_k = (M_k − M_kᵀ)1, themselves computed with rounding."""
    slopes = bound_slopes(field.activation, *preactivations(field.A, field.b, ball))
    bounds = bound_ridge_sum(field.directions, field.A, np.ones(len(field.A)), slopes)
    terms = np.abs(field.matrices).sum(-1) + np.abs(field.matrices).sum(-2)
    size = above(norm_above(terms) * norm_above(field.A), 2 * field.dimension + 4)
    steepest = float(np.max(np.maximum(np.abs(slopes.lower), np.abs(slopes.upper))))
    lost = above(gamma(field.dimension + 1) * size * steepest, 3)
    return bounds.plus(JacobianBounds(lost, lost)).consistent()


FAMILIES: Mapping[type, Callable[[Any, Ball], JacobianBounds]] = MappingProxyType(
    {
        ExpansiveGradientField: _ridge_potential,
        ExpansiveLayerField: _expansive_layer,
        GradientField: _ridge_potential,
        HamiltonianField: _hamiltonian,
        LinearField: _linear,
        MassField: _mass,
        RidgePotentialField: _ridge_potential,
        SphereField: bound_sphere_field,
    }
)
