"""A network from a file of weights and the name of its architecture; no pickled code runs.

The architecture is either ``published:NETWORK`` or ``module.path:factory``: the factory is code of
the user's own, imported and called without arguments.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import DataError, StructureError, UnknownNameError
from ..theory.published_steps import REGIMES, Network
from .published_networks import published_module
from .state_dicts import load_state_dict

PUBLISHED = "published"
_REMEDY = "Save module.state_dict() itself: names and tensors, nothing around them."


def load_network(weights: str | os.PathLike[str], architecture: str) -> nn.Module:
    """Return the network in evaluation mode, with the weights of a state dict or safetensors file.

    ``architecture``: ``published:switching-flexible`` (or ``published``: the file is recognised),
    or ``package.module:factory``, a function or class that is called without arguments and returns
    the module; the working directory is searched first. Raises UnknownNameError, StructureError for
    a factory that is none, DataError for weights that do not fit the module exactly.

    >>> load_network("weights.pt", "published:unconstrained")
    Traceback (most recent call last):
        ...
    flowcert.errors.UnknownNameError: got 'published:unconstrained'; expected one of ...
    """
    place, _, name = architecture.partition(":")
    if place == PUBLISHED:
        return published_module(weights, published_name(architecture))
    module = _made(architecture, place, name)
    _fill(module, read_state(weights), f"{Path(weights)} for {architecture}")
    return module.eval()


def published_name(architecture: str) -> Network | None:
    """The network in ``published:NETWORK``, None in ``published``; else UnknownNameError.

    >>> published_name("published:non-expansive")
    'non-expansive'
    """
    name = architecture.partition(":")[2]
    if name and name not in REGIMES:
        raise UnknownNameError(
            came=repr(architecture),
            expected=f"one of {', '.join(f'{PUBLISHED}:{known}' for known in REGIMES)}",
            remedy="Architectures of your own are package.module:factory.",
        )
    return name or None


def read_state(path: str | os.PathLike[str]) -> dict[str, torch.Tensor]:
    """Read a state dict, of PyTorch's format or as safetensors; neither can run code.

    Raises DataError for a missing, truncated or foreign file.

    >>> read_state("no_such_file.pt")
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got no_such_file.pt: ...
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if Path(path).suffix != ".safetensors":
        return load_state_dict(Path(path), _REMEDY)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(
            came=f"{Path(path)}: {_line(error)}",
            expected="a safetensors file",
            remedy="Check the path, and that the file was written completely.",
        ) from error


def _made(architecture: str, place: str, name: str) -> nn.Module:
    def wrong(came: str, remedy: str) -> StructureError:
        expected = "package.module:factory, which called without arguments gives a torch.nn.Module"
        return StructureError(came=f"{architecture!r}: {came}", expected=expected, remedy=remedy)

    if not place or not name:
        raise wrong(
            "no module and factory", f"Or {PUBLISHED}:NETWORK, one of {', '.join(REGIMES)}."
        )
    factory = _imported(place, wrong)
    for part in name.split("."):
        if not hasattr(factory, part):
            raise wrong(f"no {name!r} in it", "Check the name after the colon.")
        factory = getattr(factory, part)
    if not callable(factory):
        raise wrong(f"a {type(factory).__name__}, which cannot be called", "Name a function.")
    try:
        module = factory()
    except Exception as error:  # the factory is the user's, and may raise anything
        raise wrong(_line(error), "It is called without arguments: give them defaults.") from error
    if not isinstance(module, nn.Module):
        raise wrong(f"a {type(module).__name__} comes out", "Return the module.")
    return module


def _imported(place: str, wrong: Any) -> Any:
    # The console script does not look where it is started; a user's network.py is there.
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        return importlib.import_module(place)
    except Exception as error:  # the module is the user's, and may raise anything
        raise wrong(
            _line(error), f"Is {place}.py, or its package, in {here} or on PYTHONPATH?"
        ) from error
    finally:
        sys.path.remove(here)


def _fill(module: nn.Module, state: dict[str, torch.Tensor], what: str) -> None:
    """Every tensor must be there, and none be rounded."""

    def wrong(came: str, remedy: str) -> DataError:
        expected = "the state dict of this very module"
        return DataError(came=f"{what}: {came}", expected=expected, remedy=remedy)

    try:
        keys = module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        told = str(error).strip().splitlines()
        raise wrong(" ".join(told[1:3]).strip() or told[0], "Check the factory's sizes.") from error
    for kind, names in (("without", keys.missing_keys), ("with", keys.unexpected_keys)):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise wrong(f"{kind} {names[0]!r}{more}", "Save module.state_dict(), without a prefix.")
    for name, tensor in module.state_dict().items():
        given = state.get(name)
        if given is not None and not _same(tensor, given):
            remedy = f"Let the factory return a module of {given.dtype}, or convert the file."
            raise wrong(f"{name} of {given.dtype}, which {tensor.dtype} would round", remedy)


def _same(tensor: torch.Tensor, given: torch.Tensor) -> bool:
    if tensor.dtype == given.dtype or not given.is_floating_point():
        return True
    return torch.equal(tensor.double(), given.double())


def _line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
