"""From a vector field to layers: the two approximation results, with every error bounded."""

from .construction import Construction, approximate_flow, approximate_flows
from .depth_study import DepthStudy, depth_study
from .error_bound import ErrorBound
from .learned import LearnedField, cubic_field, learn_field, one_step_data
from .lift import LiftedMap, RidgeMap, lifted_map, regression_target
from .obstruction import (
    OrientationObstruction,
    approximate_map,
    estimate_reversal,
    orientation_obstruction,
)
from .ridge_networks import RidgeNetworks, fit_ridge_networks
from .targets import Target, all_targets, find_target
from .tolerance import approximate_within

__all__ = [
    "Construction",
    "DepthStudy",
    "ErrorBound",
    "LearnedField",
    "LiftedMap",
    "OrientationObstruction",
    "RidgeMap",
    "RidgeNetworks",
    "Target",
    "all_targets",
    "approximate_flow",
    "approximate_flows",
    "approximate_map",
    "approximate_within",
    "cubic_field",
    "depth_study",
    "estimate_reversal",
    "find_target",
    "fit_ridge_networks",
    "learn_field",
    "lifted_map",
    "one_step_data",
    "orientation_obstruction",
    "regression_target",
]
