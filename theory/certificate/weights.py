"""Weights of a certificate: their hash, and their file of tensors without code (safetensors)."""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from ...errors import DataError
from ...numerics.validation import FloatArray
from .reading import read_bounded

LARGEST_WEIGHTS = 2**33  # bytes of a file: 8 GiB
# What float64 holds exactly; bfloat16 is the upper half of a float32.
_TYPES = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "BF16": "<u2"}
Weights = Mapping[str, FloatArray] | str | os.PathLike[str]
_EXPECTED = "a safetensors file with the certified weights"


def hash_weights(weights: Mapping[str, FloatArray], keys: Iterable[str] | None = None) -> str:
    """Return the SHA-256 of the numbers that the weights are, in hexadecimal.

    Of each tensor, in the order of the keys: key, shape and the entries as little-endian float64.
    The same for float32 and float64 files of the same numbers. ``keys`` restricts it to some.

    >>> hash_weights({"a": np.ones(2)}) == hash_weights({"a": np.ones(2, dtype=np.float32)})
    True
    """
    digest = hashlib.sha256()
    for key in sorted(weights if keys is None else keys):
        array = np.ascontiguousarray(weights[key], dtype="<f8").reshape(np.shape(weights[key]))
        name = key.encode("utf-8", "surrogatepass")
        # Lengths stand in front, so that no two different lists give the same bytes.
        digest.update(struct.pack(f"<2Q{array.ndim}Q", len(name), array.ndim, *array.shape))
        digest.update(name)
        digest.update(array.tobytes())
    return digest.hexdigest()


def checked_weights(
    weights: Mapping[str, FloatArray], keys: Iterable[str]
) -> dict[str, FloatArray]:
    """Return the named tensors as float64, exactly; raises DataError for missing or NaN ones.

    >>> checked_weights({"a": np.ones(2)}, ["a"])["a"].dtype
    dtype('float64')
    """
    found: dict[str, FloatArray] = {}
    for key in keys:
        if key not in weights:
            raise _wrong(f"weights without the tensor {key!r}")
        array = np.asarray(weights[key])
        if array.dtype not in (np.float16, np.float32, np.float64):
            raise _wrong(f"the tensor {key!r} of {array.dtype}", "float16, float32 or float64")
        if not np.isfinite(array).all():
            raise _wrong(f"the tensor {key!r} with NaN or infinite entries", "finite numbers")
        found[key] = array.astype(np.float64)
    return found


def find_weights(weights: Weights | None, keys: Iterable[str]) -> dict[str, FloatArray]:
    """Return the named tensors, from a file or from where they are held; None raises DataError.

    >>> find_weights({"a": np.ones(1), "b": np.ones(2)}, ["a"])
    {'a': array([1.])}
    """
    if weights is None:
        raise _wrong("a certificate without its weights", "the folder or file that holds them")
    if isinstance(weights, Mapping):
        return checked_weights(weights, keys)
    return read_weights(weights, keys)


def weights_as_bytes(weights: Mapping[str, FloatArray]) -> bytes:
    """Return a safetensors file of the weights: float32 where that is exact, else float64."""
    from safetensors.numpy import save

    return save({key: _narrow(np.asarray(value)) for key, value in sorted(weights.items())})


def _narrow(array: FloatArray) -> np.ndarray:
    with np.errstate(over="ignore", under="ignore"):
        single = array.astype(np.float32)
    exact = np.array_equal(single.astype(np.float64), array)
    return np.ascontiguousarray(single if exact else array).reshape(array.shape)


def read_weights(path: str | os.PathLike[str], keys: Iterable[str]) -> dict[str, FloatArray]:
    """Read the named tensors of a safetensors file as float64, exactly (float16 to float64).

    Other tensors may stand beside them. Raises DataError for a missing, truncated or foreign file,
    a missing tensor, one of another type, or one with NaN or infinite entries.

    >>> read_weights("no_such_file.safetensors", [])
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got no_such_file.safetensors: No such file ...
    """
    from safetensors import SafetensorError, deserialize

    content = read_bounded(path, LARGEST_WEIGHTS, _EXPECTED)
    try:
        # a function of Rust, without types
        tensors = dict(deserialize(content))  # type: ignore[no-untyped-call]
    except (SafetensorError, ValueError, OverflowError) as error:
        kind = ": a PyTorch file" if content[:2] == b"PK" else ""
        raise _wrong(f"{Path(path)}{kind} ({error})", _EXPECTED) from error
    arrays: dict[str, FloatArray] = {}
    for key in keys:
        if key not in tensors:
            raise _wrong(f"{Path(path)} without the tensor {key!r}")
        found = tensors[key]
        arrays[key] = _array(key, found["dtype"], found["data"], found["shape"])
    return checked_weights(arrays, arrays)


def _array(key: str, kind: str, data: bytes, shape: Iterable[int]) -> FloatArray:
    if kind not in _TYPES:
        raise _wrong(f"the tensor {key!r} of type {kind}", f"one of {sorted(_TYPES)}")
    sizes = tuple(shape)
    numbers = np.frombuffer(data, dtype=_TYPES[kind])
    if kind == "BF16":
        numbers = (numbers.astype(np.uint32) << 16).view(np.float32)
    if numbers.size != math.prod(sizes):
        raise _wrong(f"the tensor {key!r}, cut off", f"shape {sizes}")
    return np.asarray(numbers.reshape(sizes), dtype=np.float64)


def _wrong(came: str, expected: str = _EXPECTED) -> DataError:
    return DataError(
        came=came,
        expected=expected,
        remedy="Use the weights.safetensors that was saved beside the certificate.",
    )
