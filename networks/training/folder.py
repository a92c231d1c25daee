"""The folder of a run: its files, whose they are, and who may write them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import DataError, OutputError
from .checkpoint import Checkpoint, read_checkpoint
from .configuration import Configuration
from .record import Record, read_record


class RunFolder:
    """The files of a run; ``record`` is written last and marks it as finished.

    >>> RunFolder(Path("run")).model.name
    'model.safetensors'
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoint = path / "checkpoint.safetensors"
        self.model = path / "model.safetensors"
        self.curves = path / "curves.json"
        self.record = path / "record.json"
        self.certificate = path / "certificate"

    def find(
        self, configuration: Configuration, *, fresh: bool = False
    ) -> tuple[Record | None, Checkpoint | None]:
        """Return record and checkpoint of this very run, as far as there are any.

        ``fresh`` removes them instead, whole or not. What a kill left of half a file is removed.
        Raises DataError for files of another configuration or of unknown origin: they stay.
        """
        record = self._read(self.record, fresh)
        checkpoint = self._read(self.checkpoint, fresh)
        for found in (record, checkpoint):
            self._check_same(found, configuration)
        known = self.record.exists() or self.checkpoint.exists()
        strangers = [p for p in (self.model, self.curves, self.certificate) if p.exists()]
        if strangers and not known:
            raise DataError(
                came=f"the folder {str(self.path)!r} with a {strangers[0].name} of unknown origin",
                expected="a new folder, or that of a run",
                remedy="Choose another one with --out; it was not changed.",
            )
        self._remove_leftovers()
        if fresh:
            self._clear()
            return None, None
        return (
            record if isinstance(record, Record) else None,
            checkpoint if isinstance(checkpoint, Checkpoint) else None,
        )

    def _read(self, file: Path, fresh: bool) -> Record | Checkpoint | None:
        if not file.exists():
            return None
        try:
            return read_record(file) if file == self.record else read_checkpoint(file)
        except DataError:
            if fresh:  # to start over is what was asked for
                return None
            raise

    def _check_same(self, found: Record | Checkpoint | None, wanted: Configuration) -> None:
        differences = found.configuration.differences(wanted) if found else ""
        if differences:
            raise DataError(
                came=f"the folder {str(self.path)!r} of another run: {differences}",
                expected="a new folder, or that of this very configuration",
                remedy="Choose another one with --out; it was not changed.",
            )

    def _clear(self) -> None:
        """Remove a run's own files, the record first: what is left is no finished run."""
        inside = [self.certificate / name for name in ("certificate.json", "weights.safetensors")]
        for file in (self.record, self.model, self.curves, *inside, self.checkpoint):
            file.unlink(missing_ok=True)
        with suppress(OSError):  # not there, or with files of somebody else
            self.certificate.rmdir()

    def _remove_leftovers(self) -> None:
        """Remove what a kill left of files that were being written."""
        for file in (self.record, self.checkpoint, self.model, self.curves):
            for leftover in self.path.glob(f".{file.name}.*"):
                leftover.unlink()
        for name in ("certificate.json", "weights.safetensors"):
            for leftover in self.certificate.glob(f".{name}.*"):
                leftover.unlink()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Within, no other process trains here; the kernel forgets it if this one dies.

        Raises OutputError if one does.
        """
        if sys.platform == "win32":  # no such locks: two runs would write the same files
            yield
            return
        handle = os.open(self.path, os.O_RDONLY)
        try:
            self._lock(handle)
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        from fcntl import LOCK_EX, LOCK_NB, flock

        try:
            flock(handle, LOCK_EX | LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                came=f"the folder {str(self.path)!r}, in which another process is training",
                expected="a folder of one run",
                remedy="Wait for it, or choose another folder with --out.",
            ) from error
