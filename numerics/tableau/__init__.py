"""Butcher tableaux: exact coefficients, and everything that can be derived from them."""

from .tableau import ButcherTableau, Coefficients, Tableau

__all__ = ["ButcherTableau", "Coefficients", "Tableau"]
