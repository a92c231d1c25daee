"""Contraction factors of Runge–Kutta steps, each with an exact certificate.

``runge_kutta_contraction`` searches in float64 for multipliers that prove a factor, rounds them to
fractions and proves the factor with these, in exact arithmetic: whatever the search did, the
bound is rigorous. ``worst_stage_data`` shows exactly how much of it is attained, and
``autonomous_step`` that one autonomous potential attains it.
"""

from .autonomous import AutonomousStep, PotentialPoint, autonomous_step
from .averagedness import exact_averagedness
from .certificate import ContractionCertificate
from .factor import runge_kutta_contraction
from .stage_data import StageData, admissible_stage_data, worst_stage_data
from .stage_forms import StageForms

__all__ = [
    "AutonomousStep",
    "ContractionCertificate",
    "PotentialPoint",
    "StageData",
    "StageForms",
    "admissible_stage_data",
    "autonomous_step",
    "exact_averagedness",
    "runge_kutta_contraction",
    "worst_stage_data",
]
