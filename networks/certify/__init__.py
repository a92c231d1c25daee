"""From a PyTorch module to a certificate: ``certify(module, input_shape)``."""

from .accuracy import CertifiedAccuracy, certified_accuracy
from .certifying import Certifier, certify
from .pixels import Pixels
from .search import LowerEnd, search_lower
from .tracing import Traced, trace
from .user_rules import UserRule

__all__ = [
    "CertifiedAccuracy",
    "Certifier",
    "LowerEnd",
    "Pixels",
    "Traced",
    "UserRule",
    "certified_accuracy",
    "certify",
    "search_lower",
    "trace",
]
