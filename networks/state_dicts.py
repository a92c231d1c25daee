"""PyTorch's files of weights, read without running code."""

from __future__ import annotations

import pickle
import struct
import warnings
from pathlib import Path

import torch

from ..errors import DataError

# What torch.load raises on a file that is no state dict, is cut off, or wants to run code.
_LOAD_ERRORS = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    ArithmeticError,
    MemoryError,
    struct.error,
)


def load_state_dict(file: Path, remedy: str) -> dict[str, torch.Tensor]:
    """Return the state dict of a file; ``remedy`` is what to do about one that is none.

    ``weights_only`` makes torch refuse every pickle that would run code. Raises DataError.
    """
    expected = "a PyTorch state dict (names and tensors, nothing else)"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on foreign files torch guesses aloud
            state = torch.load(file, weights_only=True, map_location="cpu")
    except FileNotFoundError as error:
        came = f"{file}: no such file"
        raise DataError(came=came, expected=expected, remedy="Check the path.") from error
    except _LOAD_ERRORS as error:
        came = f"{file}, which torch.load(weights_only=True) refuses ({type(error).__name__})"
        raise DataError(came=came, expected=expected, remedy=remedy) from error
    if not isinstance(state, dict) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in state.items()
    ):
        came = f"{file}: a {type(state).__name__} that holds other things than tensors"
        raise DataError(came=came, expected=expected, remedy=remedy)
    return state
