"""Networks of the paper: the five regimes, as published and certified."""

from .certified_dense import certified_dense
from .certified_network import certified_network
from .published_dense import published_dense
from .published_network import published_network
from .regimes import KINDS, REGIMES

__all__ = [
    "KINDS",
    "REGIMES",
    "certified_dense",
    "certified_network",
    "published_dense",
    "published_network",
]
