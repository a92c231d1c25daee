"""Second floor: PyTorch. For now the published networks' learned numbers, read safely."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import published

__all__ = ["published"]


def __getattr__(name: str) -> Any:
    # Loaded late, so that `python -m flowcert.networks.published` is not imported a second time.
    if name == "published":
        import importlib

        return importlib.import_module(".published", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
