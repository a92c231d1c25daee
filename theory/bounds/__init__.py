"""Closed-form factors, rates and step limits, each written once over any arithmetic.

``bound_…`` are vectorised float64 functions, rounded outward; ``exact_…`` work on sympy numbers;
``formula_…`` are the expressions themselves, which the proofs reason about. Arguments of
``bound_…`` are float64 numbers: anything else is first rounded to the nearest one (float32 and
small integers exactly).
"""

from .contractive import (
    bound_authors_contractive_factor,
    bound_contractive_factor,
    bound_monotone_lipschitz_factor,
    exact_authors_contractive_factor,
    exact_contractive_factor,
    formula_contractive_factor,
    formula_monotone_lipschitz_factor,
    formula_squared_monotone_lipschitz_factor,
)
from .expansive import (
    bound_expansive_gradient_factor,
    bound_expansive_layer_factor,
    bound_shifted_expansive_factor,
    formula_expansive_gradient_factor,
    formula_expansive_layer_factor,
    formula_shifted_expansive_factor,
)
from .field_error import bound_field_error, formula_field_error, formula_mean_growth
from .flow import (
    bound_expansive_gradient_rate,
    bound_flow_growth,
    bound_gradient_rate,
    bound_switched_flow_growth,
    formula_expansive_gradient_rate,
    formula_flow_growth,
    formula_gradient_rate,
    formula_switched_rate,
)
from .runge_kutta import (
    bound_circle_contractivity_radius,
    bound_cocoercive_step,
    bound_composed_averagedness,
    bound_runge_kutta_step,
    bound_substep_count,
    formula_cocoercive_step,
    formula_composed_averagedness,
    formula_runge_kutta_step,
    formula_substep_count,
)
from .same_matrix import (
    bound_same_matrix_factor,
    exact_same_matrix_factor,
    formula_collapsed_map,
    formula_same_matrix_factor,
)
from .step_limits import (
    bound_averaged_step,
    bound_monotone_step,
    bound_nonexpansive_step,
    formula_averaged_step,
    formula_best_step,
    formula_monotone_step,
    formula_nonexpansive_step,
)

__all__ = [
    "bound_authors_contractive_factor",
    "bound_averaged_step",
    "bound_circle_contractivity_radius",
    "bound_cocoercive_step",
    "bound_composed_averagedness",
    "bound_contractive_factor",
    "bound_expansive_gradient_factor",
    "bound_expansive_gradient_rate",
    "bound_expansive_layer_factor",
    "bound_field_error",
    "bound_flow_growth",
    "bound_gradient_rate",
    "bound_monotone_lipschitz_factor",
    "bound_monotone_step",
    "bound_nonexpansive_step",
    "bound_runge_kutta_step",
    "bound_same_matrix_factor",
    "bound_shifted_expansive_factor",
    "bound_substep_count",
    "bound_switched_flow_growth",
    "exact_authors_contractive_factor",
    "exact_contractive_factor",
    "exact_same_matrix_factor",
    "formula_averaged_step",
    "formula_best_step",
    "formula_cocoercive_step",
    "formula_collapsed_map",
    "formula_composed_averagedness",
    "formula_contractive_factor",
    "formula_expansive_gradient_factor",
    "formula_expansive_gradient_rate",
    "formula_expansive_layer_factor",
    "formula_field_error",
    "formula_flow_growth",
    "formula_gradient_rate",
    "formula_mean_growth",
    "formula_monotone_lipschitz_factor",
    "formula_monotone_step",
    "formula_nonexpansive_step",
    "formula_runge_kutta_step",
    "formula_same_matrix_factor",
    "formula_shifted_expansive_factor",
    "formula_squared_monotone_lipschitz_factor",
    "formula_substep_count",
    "formula_switched_rate",
]
