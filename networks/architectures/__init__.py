"""Networks of the paper: the five regimes, as published and certified."""

from .certified_dense import certified_dense
from .regimes import KINDS, REGIMES

__all__ = ["KINDS", "REGIMES", "certified_dense"]
