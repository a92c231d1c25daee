"""Certificates of Lipschitz constants as data, with the rules that derive them; no torch."""

from .assembly import assemble
from .certificate import Candidate, Certificate
from .checker import CheckResult, check_certificate
from .graph import Graph, Node
from .radius import certified_radius
from .rules import Derivation, Line, derive
from .weights import hash_weights, read_weights

__all__ = [
    "Candidate",
    "Certificate",
    "CheckResult",
    "Derivation",
    "Graph",
    "Line",
    "Node",
    "assemble",
    "certified_radius",
    "check_certificate",
    "derive",
    "hash_weights",
    "read_weights",
]
