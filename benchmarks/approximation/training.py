"""One budget for all networks: plain Adam, so many steps, the rate chosen on validation data."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]
Pairs = tuple[Tensor, Tensor]
# A step of a structured network takes about as many times as long as one of a plain network.
PATIENCE = 5


@dataclass(frozen=True)
class Budget:
    """What each training may spend. ``trial_seed`` is that of the runs that choose the rate."""

    rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
    steps: int = 2500
    batch: int = 100
    look_every: int = 50
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    trial_seed: int = 100

    def to_json(self) -> dict[str, Any]:
        """Return the budget as lists and numbers."""
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }

    def patient(self) -> Budget:
        """Return the budget of about equal time for a network without structure."""
        return replace(self, steps=PATIENCE * self.steps)


@dataclass(frozen=True)
class Task:
    """What is learned: a loss of pairs, and the pairs to train on and to choose by."""

    loss: Loss
    training: Pairs
    validation: Pairs


@dataclass(frozen=True)
class Trained:
    """The network at its best validation loss."""

    network: nn.Module
    validation: float
    seconds: float


def study(
    make: Callable[[], nn.Module],
    task: Task,
    measure: Callable[[nn.Module], dict[str, float]],
    budget: Budget,
) -> tuple[dict[str, Any], nn.Module]:
    """Choose the rate, train all seeds and measure; returns the record and the first network."""
    trials = {rate: train(make, task, budget, rate, budget.trial_seed) for rate in budget.rates}
    rate = min(trials, key=lambda rate: trials[rate].validation)
    runs = [train(make, task, budget, rate, seed) for seed in budget.seeds]
    measured = [measure(run.network) for run in runs]
    record = {
        "parameters": sum(p.numel() for p in runs[0].network.parameters()),
        "steps": budget.steps,
        "learning_rate": rate,
        "trials": {f"{rate:g}": trial.validation for rate, trial in trials.items()},
        "validation": [run.validation for run in runs],
        "test": {name: [each[name] for each in measured] for name in measured[0]},
        "seconds": [round(run.seconds, 2) for run in runs],
    }
    return record, runs[0].network


def train(
    make: Callable[[], nn.Module], task: Task, budget: Budget, rate: float, seed: int
) -> Trained:
    """Train one network: seed s draws its beginning and its batches."""
    torch.manual_seed(seed)
    network = make()
    batches = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    best, state = float("inf"), copy.deepcopy(network.state_dict())
    x, y = task.training
    start = time.perf_counter()
    for step in range(1, budget.steps + 1):
        chosen = torch.randint(len(x), (budget.batch,), generator=batches)
        optimiser.zero_grad()
        task.loss(network, x[chosen], y[chosen]).backward()
        optimiser.step()
        if step % budget.look_every == 0:
            with torch.no_grad():
                loss = float(task.loss(network, *task.validation))
            if loss < best:
                best, state = loss, copy.deepcopy(network.state_dict())
    network.load_state_dict(state)
    return Trained(network, best, time.perf_counter() - start)


def best_rival(records: dict[str, Any], structured: Collection[str]) -> str:
    """Return the unstructured network of the same budget that validates best in the mean."""
    rivals = {kind: record for kind, record in records.items() if kind not in structured}
    steps = min(record["steps"] for record in rivals.values())
    equal = [kind for kind, record in rivals.items() if record["steps"] == steps]
    return min(equal, key=lambda kind: statistics.fmean(records[kind]["validation"]))


def rounded(values: ArrayLike) -> NDArray[np.float64]:
    """Return values to six significant digits: as many as a picture or a table needs."""
    array = np.asarray(values, dtype=np.float64)
    return np.array([float(f"{value:.6g}") for value in array.flat]).reshape(array.shape)


def in_short(errors: list[float]) -> str:
    """Return the seeds' errors for a line on the screen."""
    return "  ".join(f"{error:.2e}" for error in errors)
