"""Results that took long: a figure reads them from ``figures/results``, a benchmark writes them.

One JSON file a figure: its format, how the data were made (command, configuration, commit,
machine, seconds) and the data themselves, named lists of numbers. There is nothing random in them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError
from ..files import write_atomically
from .figure import FigureData

FOLDER = Path(__file__).parent / "results"
# Lists of numbers go on one line.
_INNERMOST = re.compile(r"\[\n[^\[\]{}]*\n *\]")


def write_stored_results(
    name: str,
    *,
    configuration: Mapping[str, Any],
    provenance: Mapping[str, Any],
    data: Mapping[str, NDArray[Any]],
    folder: Path | None = None,
) -> Path:
    """Write ``name``.json, whole or not at all, and return its path.

    It goes to ``folder``, or ``figures/results`` if that is None. ``configuration`` says what was
    run, ``provenance`` by what and where, ``data`` are arrays of finite numbers. Exact: every
    float64 is written so that it reads back as itself. Raises OutputError.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = write_stored_results(
    ...     "sums", configuration={"n": 2}, provenance={}, data={"x": np.ones(2)}, folder=folder)
    >>> read_stored_results("sums", {"n": 2}, folder=folder)["x"].tolist()
    [1.0, 1.0]
    """
    content = {
        "format": _format(name),
        **provenance,
        "seed": None,
        "configuration": dict(configuration),
        "data": {key: array.tolist() for key, array in data.items()},
    }
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    compact = _INNERMOST.sub(lambda match: re.sub(r"\n *", " ", match[0]), text)
    return write_atomically(_path(name, folder), compact)


def read_stored_results(
    name: str, configuration: Mapping[str, Any], *, folder: Path | None = None
) -> FigureData:
    """Return the data of ``name``.json in ``folder`` as arrays of int64 or float64.

    ``configuration`` is what the figure shows: data of another run are refused. Raises DataError,
    which names the file, for a missing, truncated or foreign one, and for data that are not
    finite numbers.

    >>> read_stored_results("nothing", {})
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got .../nothing.json: ...
    """
    path = _path(name, folder)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _wrong(path, name, str(error), "a complete JSON file of stored results") from error
    if not isinstance(content, dict) or content.get("format") != _format(name):
        raise _wrong(path, name, "another format", f"the format {_format(name)!r}")
    if content.get("configuration") != dict(configuration):
        raise _wrong(path, name, "another configuration", f"results of {dict(configuration)!r}")
    arrays = content.get("data")
    if not isinstance(arrays, dict) or not arrays:
        raise _wrong(path, name, "no data", "named lists of numbers under the key 'data'")
    return {key: _array(path, name, key, values) for key, values in arrays.items()}


def _array(path: Path, name: str, key: str, values: object) -> NDArray[Any]:
    expected = "a list of finite numbers"
    try:
        array = np.array(values)
    except ValueError as error:  # lists of unequal lengths
        raise _wrong(path, name, f"{key!r} of no shape", expected) from error
    if array.ndim == 0 or array.size == 0 or array.dtype.kind not in "if":
        raise _wrong(path, name, f"{key!r} without numbers", expected)
    if not np.all(np.isfinite(array)):
        raise _wrong(path, name, f"{key!r} with infinite or undefined numbers", expected)
    return array.astype(np.int64 if array.dtype.kind == "i" else np.float64)


def require_shapes(
    name: str,
    data: FigureData,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    folder: Path | None = None,
) -> FigureData:
    """Return the data if they hold exactly these arrays of these shapes, or raise DataError.

    >>> require_shapes("sums", {"x": np.ones(2)}, {"x": (3,)})
    Traceback (most recent call last):
        ...
    flowcert.errors.DataError: got .../sums.json: 'x' of shape (2,); expected shape (3,). ...
    """
    path = _path(name, None)
    if list(data) != list(shapes):
        raise _wrong(path, name, f"the data {list(data)}", f"the data {list(shapes)}")
    for key, shape in shapes.items():
        if data[key].shape != shape:
            raise _wrong(path, name, f"{key!r} of shape {data[key].shape}", f"shape {shape}")
    return data


def _path(name: str, folder: Path | None) -> Path:
    return (FOLDER if folder is None else folder) / f"{name}.json"


def _format(name: str) -> str:
    return f"flowcert.{name}/1"


def _wrong(path: Path, name: str, came: str, expected: str) -> DataError:
    return DataError(
        came=f"{path}: {came}",
        expected=expected,
        remedy="Make it anew from a checkout, with its benchmark in benchmarks/.",
    )
