"""Layers that say of themselves that no constant is finite: refused before anything is traced."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from ...errors import StructureError
from ..layers.layer import Layer
from .user_rules import UserRule


def refuse_layers(module: nn.Module, rules: Mapping[type[nn.Module], UserRule]) -> None:
    """Raise StructureError for a layer of flowcert that is ``refused``, with its own reason.

    A layer of a class with a user's rule counts as that rule says, with all inside it.

    >>> refuse_layers(nn.Sequential(nn.Linear(2, 2)), {})
    """
    vouched = [path for path, layer in module.named_modules() if type(layer) in rules]
    for path, layer in module.named_modules():
        if not isinstance(layer, Layer) or not layer.refused:
            continue
        if any(_contains(outer, path) for outer in vouched):
            continue
        kind = type(layer).__name__
        raise StructureError(
            came=f"a {kind} ({path or 'the module itself'}): {layer.refused}",
            expected="layers with a finite Lipschitz constant",
            remedy=f"Leave it out, or vouch for a bound with certify.rule({kind}, …).",
        )


def _contains(outer: str, path: str) -> bool:
    return outer in ("", path) or path.startswith(f"{outer}.")
