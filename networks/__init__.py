"""Second floor: PyTorch. Layers that name their claims, certificates of modules, training."""

from typing import TYPE_CHECKING, Any

# The package ``certify`` is found under its own path; its name here is the callable.
from .certify import certified_accuracy, certify, trace

if TYPE_CHECKING:
    from . import (
        architectures,
        constraints,
        layers,
        published,
        published_networks,
        testing,
        training,
    )

__all__ = [
    "architectures",
    "certified_accuracy",
    "certify",
    "constraints",
    "layers",
    "published",
    "published_networks",
    "testing",
    "trace",
    "training",
]


def __getattr__(name: str) -> Any:
    # Loaded late, so that `python -m flowcert.networks.published` is not imported a second time.
    if name in __all__:
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
