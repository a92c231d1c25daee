"""Results reach the disk whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .errors import OutputError

__all__ = ["output_folder", "write_atomically"]


def output_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the folder, made if need be, or raise OutputError at once if it cannot be written.

    >>> output_folder(tempfile.gettempdir()).is_dir()
    True
    """
    path = Path(folder)
    try:
        path.mkdir(parents=True, exist_ok=True)
        # Permissions alone do not tell (read-only mounts, quotas): try.
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise OutputError(
            came=f"the output folder {str(path)!r} ({error.strerror or error})",
            expected="a folder that can be written",
            remedy="Choose another folder, or make room or permissions there.",
        ) from error
    return path


def write_atomically(target: str | os.PathLike[str], content: bytes | str) -> Path:
    """Write the whole content to ``target``, replacing it in one move; text is UTF-8.

    Whoever reads ``target`` sees the old file or the new one. Raises OutputError; then nothing is
    left behind.

    >>> folder = tempfile.mkdtemp()
    >>> write_atomically(Path(folder) / "answer.txt", "42").read_text()
    '42'
    """
    path = Path(target)
    output_folder(path.parent)
    data = content.encode() if isinstance(content, str) else content
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp is private to its owner; a result is as readable as any other new file.
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            came=f"the output file {str(path)!r} ({error.strerror or error})",
            expected="a file that can be written",
            remedy="Choose another place, or make room or permissions there.",
        ) from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
