"""A run in a folder of its own: trained, sealed, certified, attacked, recorded.

It may be killed at any moment. Every file is written whole or not at all, the checkpoint holds all
that training goes on from, and the record comes last: it marks a run as finished.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import nn

from ...errors import DomainError
from ...files import output_folder, write_atomically
from ...numerics.validation import positive_integer
from ..certify import certify
from ..constraints import seal
from .checkpoint import Checkpoint
from .configuration import Configuration, known
from .evaluation import evaluate
from .folder import RunFolder
from .loop import Training
from .record import Record

_EVERY = 2.0  # seconds between two checkpoints: each takes some hundredths of one
DEVICES = ("auto", "cpu", "cuda")


class Stopped(Exception):  # not an error: the run was asked to stop
    """Raised by ``train`` when its watch asks it to stop; ``epoch`` is where it will go on."""

    def __init__(self, epoch: int) -> None:
        super().__init__(f"stopped after epoch {epoch}")
        self.epoch = epoch


class Watch(Protocol):
    """What a run tells while it works, and asks."""

    def trained(self, training: Training) -> None:
        """Hear that an epoch is over; also told once before the first one."""

    def stage(self, what: str) -> None:
        """Hear that something else begins."""

    def notice(self, what: str) -> None:
        """Hear something that is no error but worth knowing."""

    def stopped(self) -> bool:
        """Return whether to stop as soon as nothing is lost by it."""


class _Silent:
    """A watch for those who only want the result."""

    def trained(self, training: Training) -> None: ...

    def stage(self, what: str) -> None: ...

    def notice(self, what: str) -> None: ...

    def stopped(self) -> bool:
        return False


def train(
    configuration: Configuration,
    folder: str | os.PathLike[str],
    *,
    threads: int = 1,
    device: str = "auto",
    fresh: bool = False,
    watch: Watch | None = None,
    every: float = _EVERY,
) -> Record:
    """Train, seal, certify and attack a network, and leave all that in ``folder``.

    A run that was stopped goes on from its last checkpoint (written each ``every`` seconds), one
    that was finished is read, not trained again; ``fresh`` starts over. On a CPU, with the same
    ``threads``, the result is bitwise that of a run without a stop. Raises, before anything is
    trained: DomainError (no CUDA here, threads), OutputError (a folder that cannot be written, or
    that another process works in), DataError (a folder of another configuration, which stays as it
    is; files that cannot be used). Raises Stopped where ``watch`` asks for it.

    >>> import tempfile
    >>> small = Configuration(width=64, depth=1, epochs=1)
    >>> record = train(small, tempfile.mkdtemp(), threads=1)
    >>> record.upper <= 1.0, record.holds
    (True, True)
    """
    watch = _Silent() if watch is None else watch
    where = read_device(device)
    positive_integer("threads", threads)
    clock = _Clock()
    with _threads(threads):
        # First of all: sizes that do not fit are refused before there is a folder.
        training = Training(configuration, configuration.images(), where)
        place = RunFolder(output_folder(folder))
        with place.alone():
            record, checkpoint = place.find(configuration, fresh=fresh)
            if record is not None:
                return record
            if checkpoint is not None:
                training.resume_(checkpoint)
                _notice_differences(checkpoint, where, watch)
            clock.lap("start")
            return _finished(training, place, watch, every, clock)


def read_device(name: str) -> torch.device:
    """Return a device: of "auto" CUDA where there is one. Raises UnknownNameError, DomainError.

    >>> read_device("cpu")
    device(type='cpu')
    """
    known("device", name, DEVICES)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise DomainError(
            came="the device 'cuda' on a machine where PyTorch finds none",
            expected="cpu, or auto",
            remedy="The digits train on a CPU in a few seconds.",
        )
    return torch.device("cuda" if name != "cpu" and available else "cpu")


def _finished(
    training: Training, place: RunFolder, watch: Watch, every: float, clock: _Clock
) -> Record:
    """Train what is left, certify and attack; write all results, the record last."""
    configuration, images, resumed_at = training.configuration, training.images, training.epoch
    _train_out(training, place, watch, every)
    clock.lap("training")
    watch.stage("sealing and certifying the network")
    network = seal(training.network).cpu()
    model = _model_bytes(network)
    certificate = certify(network, images.shape)
    clock.lap("certificate")
    evaluation = evaluate(network, images, seed=configuration.seed, watch=_stage(watch, training))
    clock.lap("evaluation")
    record = Record(
        configuration=configuration,
        evaluation=evaluation,
        lower=certificate.lower,
        upper=certificate.upper,
        model_sha256=hashlib.sha256(model).hexdigest(),
        data_sha256=images.sha256,
        image=images.shape,
        classes=images.classes,
        mean=images.mean,
        threads=torch.get_num_threads(),
        device=training.device.type,
        seconds=clock.seconds,
        resumed_at=resumed_at,
    )
    write_atomically(place.model, model)
    certificate.save(place.certificate)
    write_atomically(place.curves, json.dumps(training.curves, sort_keys=True) + "\n")
    write_atomically(place.record, json.dumps(record.to_json(), ensure_ascii=False) + "\n")
    return record


def _train_out(training: Training, place: RunFolder, watch: Watch, every: float) -> None:
    """Train what is left, with a checkpoint now and then, and one at the end."""
    watch.trained(training)
    saved = time.monotonic()
    while not training.finished:
        training.run_epoch_()
        watch.trained(training)
        stopped = watch.stopped()
        if stopped or training.finished or time.monotonic() - saved >= every:
            training.checkpoint().save(place.checkpoint)
            saved = time.monotonic()
        if stopped:
            raise Stopped(training.epoch)


def _stage(watch: Watch, training: Training) -> Callable[[str], None]:
    """Tell a stage, unless the run is to stop there."""

    def tell(what: str) -> None:
        if watch.stopped():
            raise Stopped(training.epoch)
        watch.stage(what)

    return tell


def _notice_differences(checkpoint: Checkpoint, device: torch.device, watch: Watch) -> None:
    then, now = (checkpoint.threads, checkpoint.device), (torch.get_num_threads(), device.type)
    if then != now:
        watch.notice(
            f"so far trained with {then[0]} threads on {then[1]}, now with {now[0]} on {now[1]}:"
            " the last bits will not be those of a run without a stop"
        )


def _model_bytes(network: nn.Module) -> bytes:
    from safetensors.torch import save

    return save({name: value.contiguous() for name, value in network.state_dict().items()})


class _Clock:
    """Seconds from one lap to the next."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        # To hundredths at once: what is printed is what is stored.
        self.seconds[name], self._last = round(now - self._last, 2), now


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
