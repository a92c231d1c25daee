"""Random layers and small networks whose true constants are known: the bounds against the truth."""

from .campaign import Campaign, run_campaign
from .instance import Bracket, Instance
from .oracles import (
    exact_cells,
    materialised_convolution,
    spectral_norm_range,
    vertex_constant,
)

__all__ = [
    "Bracket",
    "Campaign",
    "Instance",
    "exact_cells",
    "materialised_convolution",
    "run_campaign",
    "spectral_norm_range",
    "vertex_constant",
]
