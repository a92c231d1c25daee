"""From a vector field to layers: the two approximation results, with every error bounded."""

from .construction import Construction, approximate_flow, approximate_flows
from .depth_study import DepthStudy, depth_study
from .error_bound import ErrorBound
from .ridge_networks import RidgeNetworks, fit_ridge_networks
from .targets import Target, all_targets, find_target
from .tolerance import approximate_within

__all__ = [
    "Construction",
    "DepthStudy",
    "ErrorBound",
    "RidgeNetworks",
    "Target",
    "all_targets",
    "approximate_flow",
    "approximate_flows",
    "approximate_within",
    "depth_study",
    "find_target",
    "fit_ridge_networks",
]
