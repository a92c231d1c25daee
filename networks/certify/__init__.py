"""From a PyTorch module to a certificate."""

from .pixels import Pixels
from .tracing import Traced, trace

__all__ = [
    "Pixels",
    "Traced",
    "trace",
]
