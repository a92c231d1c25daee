"""Butcher tableaux: exact coefficients, and everything that can be derived from them."""

from .butcher import ButcherTableau
from .collocation import Balls, CollocationTableau
from .reading import NamedTableau, read_tableau, tableau_to_json
from .simplifying import SimplifyingAssumptions
from .stage_algebra import StageAlgebra
from .tableau import Coefficients, Tableau

__all__ = [
    "Balls",
    "ButcherTableau",
    "Coefficients",
    "CollocationTableau",
    "NamedTableau",
    "SimplifyingAssumptions",
    "StageAlgebra",
    "Tableau",
    "read_tableau",
    "tableau_to_json",
]
