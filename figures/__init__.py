"""Third floor: the paper's figures, each with its data, its checks and its picture."""

from .figure import Figure, FigureCheck, FigureData
from .generating import FigureReport, generate
from .registry import all_figures, find_figures

__all__ = [
    "Figure",
    "FigureCheck",
    "FigureData",
    "FigureReport",
    "all_figures",
    "find_figures",
    "generate",
]
