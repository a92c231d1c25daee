"""From a PyTorch module to a certificate: ``certify(module, input_shape)``.

The package can be called: ``flowcert.networks.certify`` is both the place and the function.
"""

import sys
from types import ModuleType

from .certifying import Certifier, certify
from .pixels import Pixels
from .tracing import Traced, trace
from .user_rules import UserRule

__all__ = [
    "Certifier",
    "Pixels",
    "Traced",
    "UserRule",
    "certify",
    "rule",
    "rules",
    "trace",
]

rule, rules = certify.rule, certify.rules


class _Callable(ModuleType):
    """A package that is called as its function."""

    __call__ = staticmethod(certify)


sys.modules[__name__].__class__ = _Callable
