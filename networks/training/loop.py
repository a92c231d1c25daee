"""The training loop: an epoch at a time, each a function of what the last one left."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ...errors import DataError
from ..constraints import maintain_
from ..data import Images
from .checkpoint import Checkpoint, Curves, part
from .configuration import Configuration
from .schedule import batches, epoch_generator, one_cycle


class Training:
    """A network in training: ``run_epoch_`` trains one epoch, ``checkpoint`` says where it stands.

    Parameters, buffers, moments and ``epoch`` are the whole state: order, noise and learning rate
    are computed from seed and epoch. On one machine, on a CPU with the same number of threads, the
    same configuration gives the same bits, however often it was stopped. Raises DomainError from
    ``run_epoch_`` once a weight is NaN or infinite.

    >>> from flowcert.networks.data import digits
    >>> training = Training(Configuration(width=64, depth=1, epochs=1), digits(0))
    >>> training.run_epoch_()
    >>> training.finished, len(training.curves["loss"])
    (True, 1)
    """

    def __init__(
        self, configuration: Configuration, images: Images, device: str | torch.device = "cpu"
    ) -> None:
        self.configuration = configuration
        self.device = torch.device(device)
        self.images = images
        self.epoch = 0
        self.curves: Curves = {"loss": [], "accuracy": []}
        self.network: nn.Module = configuration.network(images).to(self.device)
        self._loss = configuration.loss_function()
        self._optimiser = torch.optim.Adam(self.network.parameters())
        self._x, self._y = images.train.to(self.device), images.train_labels.to(self.device)

    @property
    def finished(self) -> bool:
        return self.epoch >= self.configuration.epochs

    def run_epoch_(self) -> None:
        """Train one epoch; loss and accuracy on its batches, as they came, go to the curves."""
        generator = epoch_generator(self.configuration.seed, self.epoch)
        steps = math.ceil(len(self._x) / self.configuration.batch)
        total, right = torch.zeros((), device=self.device), torch.zeros((), device=self.device)
        self.network.train()
        for i, batch in enumerate(batches(len(self._x), self.configuration.batch, generator)):
            self._set_rate(self.epoch * steps + i, self.configuration.epochs * steps)
            chosen = batch.to(self.device)
            labels = self._y[chosen]
            logits = self.network(self._disturbed(self._x[chosen], generator))
            loss = self._loss(logits, labels)
            self._optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # PyTorch's own
            self._optimiser.step()
            maintain_(self.network)
            total += loss.detach() * len(labels)
            right += (logits.detach().argmax(1) == labels).sum()
        self.epoch += 1
        self.curves["loss"].append(float(total) / len(self._x))
        self.curves["accuracy"].append(float(right) / len(self._x))

    def _disturbed(self, x: Tensor, generator: torch.Generator) -> Tensor:
        if self.configuration.noise == 0.0:
            return x
        # Drawn on the CPU: the same numbers on every device.
        noise = torch.randn(x.shape, generator=generator)
        return x + self.configuration.noise * noise.to(self.device)

    def _set_rate(self, step: int, steps: int) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = one_cycle(step, steps, self.configuration.learning_rate)

    def checkpoint(self) -> Checkpoint:
        """Return where training stands; the tensors are those in use, not copies."""
        tensors = {f"network/{name}": value for name, value in self.network.state_dict().items()}
        for index, state in self._optimiser.state_dict()["state"].items():
            for name, value in state.items():
                tensors[f"optimiser/{index}/{name}"] = value
        return Checkpoint(
            self.configuration,
            self.images.sha256,
            self.epoch,
            self.curves,
            torch.get_num_threads(),
            self.device.type,
            tensors,
        )

    def resume_(self, checkpoint: Checkpoint) -> None:
        """Go on from a checkpoint of the same configuration and data, or raise DataError."""
        differences = self.configuration.differences(checkpoint.configuration)
        if differences:
            raise _other(f"a checkpoint of another configuration: {differences}")
        if checkpoint.data_sha256 != self.images.sha256:
            raise _other("a checkpoint of other data, or of another version of scikit-learn's")
        try:
            self.network.load_state_dict(part(checkpoint.tensors, "network"))
        except RuntimeError as error:
            raise _other("a checkpoint of a network with other tensors") from error
        groups = self._optimiser.state_dict()["param_groups"]
        state = _nested(part(checkpoint.tensors, "optimiser"))
        self._optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.epoch = checkpoint.epoch
        self.curves = {name: list(values) for name, values in checkpoint.curves.items()}


def _nested(tensors: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """``{"0/step": …}`` as the optimiser keeps it: ``{0: {"step": …}}``."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = tensor
    return state


def _other(came: str) -> DataError:
    return DataError(
        came=came,
        expected="one of this very run",
        remedy="Choose another folder with --out; nothing here was changed.",
    )
