"""Networks of the paper: the five regimes, as published and certified, and approximators."""

from .approximating import approximating_network
from .certified_dense import certified_dense
from .certified_network import certified_network
from .constructed_network import constructed_network
from .learned_field import FieldModel, FreeField, SplitField
from .published_dense import published_dense
from .published_network import published_network
from .regimes import KINDS, REGIMES
from .unstructured import UNSTRUCTURED, unstructured_network

__all__ = [
    "KINDS",
    "REGIMES",
    "UNSTRUCTURED",
    "FieldModel",
    "FreeField",
    "SplitField",
    "approximating_network",
    "certified_dense",
    "certified_network",
    "constructed_network",
    "published_dense",
    "published_network",
    "unstructured_network",
]
