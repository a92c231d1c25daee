"""The audit of every method: declared against derived against observed."""

from .auditing import MethodAudit, Observation, audit
from .expansion_order import ExpansionOrder, expansion_order
from .properties import method_of, method_properties, number
from .specimens import Specimen, all_specimens, specimen_of

__all__ = [
    "ExpansionOrder",
    "MethodAudit",
    "Observation",
    "Specimen",
    "all_specimens",
    "audit",
    "expansion_order",
    "method_of",
    "method_properties",
    "number",
    "specimen_of",
]
