"""Certificates of Lipschitz constants as data, with the rules that derive them; no torch."""

from .graph import Graph, Node
from .rules import Derivation, Line, derive

__all__ = [
    "Derivation",
    "Graph",
    "Line",
    "Node",
    "derive",
]
