"""Second floor: PyTorch. Certificates of modules; the published networks, read safely."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import published
    from .certify.certifying import certify

__all__ = ["certify", "published"]


def __getattr__(name: str) -> Any:
    # Loaded late: torch takes a second, and `python -m flowcert.networks.published` must not be
    # imported twice. The package ``certify`` can be called.
    if name in __all__:
        import importlib

        return importlib.import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
