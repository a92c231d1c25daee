"""The appendix's regressions: a curve, and a surface, both with a kink."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.approximation.training import (
    PATIENCE,
    Budget,
    Task,
    best_rival,
    in_short,
    rounded,
    study,
)
from flowcert.networks.architectures import approximating_network, unstructured_network

SIDE = 2.0  # inputs are in [−2, 2]ⁿ
SIZES = {"curve": (400, 200, 2000), "surface": (1000, 500, 5000)}  # training, validation, test
DIMENSIONS = {"curve": 1, "surface": 2}
CURVE, SURFACE = 201, 41  # points of the pictures, a side
LIFTED, DEPTH, RANK, STEP = 10, 3, 2, 0.5
# As many parameters in each, within 5 % of the first construction's.
HIDDEN = {"first": 10, "second": 9, "tanh": 30, "ReLU": 30, "residual": 30}
STRUCTURED = ("first", "second")
DATA_SEED = 2026


def configuration(budget: Budget) -> dict[str, Any]:
    """What was run, by which the figure knows its results."""
    return {
        "targets": {
            "curve": "|x| + sin x + x²",
            "surface": "x₁² + |x₂| + sin x₁",
        },
        "side": SIDE,
        "sizes": {name: list(sizes) for name, sizes in SIZES.items()},
        "lifted": LIFTED,
        "depth": DEPTH,
        "rank": RANK,
        "step": STEP,
        "hidden": HIDDEN,
        "structured": list(STRUCTURED),
        "budget": budget.to_json(),
    }


def target(x: Tensor) -> Tensor:
    """|x| + sin x + x² [P] of one coordinate, x₁² + |x₂| + sin x₁ [D] of two: (batch, 1)."""
    return x[:, :1] ** 2 + x[:, -1:].abs() + x[:, :1].sin()


def network(kind: str, dimension: int) -> nn.Module:
    """One of the networks, for inputs of this dimension."""
    if kind in STRUCTURED:
        return approximating_network(
            dimension,
            DEPTH,
            HIDDEN[kind],
            kind,  # type: ignore[arg-type]  # one of the two names
            step=STEP,
            extra=LIFTED - dimension,
            outputs=1,
            rank=RANK,
        )
    return unstructured_network(
        kind,  # type: ignore[arg-type]  # one of the three names
        dimension,
        HIDDEN[kind],
        1,
        depth=DEPTH,
        lifted=LIFTED,
    )


def run(
    budget: Budget, tell: Callable[[str], None]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Train all networks on both targets; returns the records and what the figure draws."""
    records: dict[str, Any] = {}
    drawn: dict[str, NDArray[Any]] = {}
    for name in DIMENSIONS:
        experiment = Experiment(name)
        drawn |= experiment.picture()
        records[name] = {}
        for kind in HIDDEN:
            records[name][kind], arrays = experiment.run(kind, budget)
            drawn |= arrays
            tell(f"{name}, {kind}: {in_short(records[name][kind]['test']['root mean square'])}")
        rival = best_rival(records[name], STRUCTURED)
        patient = f"{rival}, {PATIENCE} times the steps"
        records[name][patient] = experiment.run(rival, budget.patient())[0]
        tell(f"{name}, {patient}: {in_short(records[name][patient]['test']['root mean square'])}")
    return records, drawn


class Experiment:
    """One target: its data, scaled to mean 0 and deviation 1 for all networks alike."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dimension = DIMENSIONS[name]
        generator = torch.Generator().manual_seed(DATA_SEED)
        training, validation, self.test = (
            SIDE * (2 * torch.rand((size, self.dimension), generator=generator) - 1)
            for size in SIZES[name]
        )
        self.mean, self.deviation = target(training).mean(), target(training).std()
        self.task = Task(_mean_square, self._scaled(training), self._scaled(validation))
        side = CURVE if self.dimension == 1 else SURFACE
        self.axis = torch.linspace(-SIDE, SIDE, side)
        self.points = torch.cartesian_prod(*[self.axis] * self.dimension).reshape(
            -1, self.dimension
        )

    def run(self, kind: str, budget: Budget) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Study one network; returns its record and what is drawn of it."""
        record, first = study(
            lambda: network(kind, self.dimension), self.task, self._measure, budget
        )
        prefix = f"{self.name}/{kind}"
        arrays = {prefix: self._on_grid(self._values(first, self.points))}
        arrays |= {f"{prefix}/{what}": rounded(v) for what, v in record["test"].items()}
        return record, arrays | {f"{prefix}/parameters": np.array([record["parameters"]])}

    def picture(self) -> dict[str, NDArray[Any]]:
        """Return the axis and the target's values on it, or on its square."""
        axis, values = rounded(self.axis), self._on_grid(target(self.points))
        return {f"{self.name}/axis": axis, f"{self.name}/target": values}

    def _scaled(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, (target(x) - self.mean) / self.deviation

    @torch.no_grad()
    def _values(self, network: nn.Module, x: Tensor) -> Tensor:
        value: Tensor = self.mean + self.deviation * network(x)
        return value

    def _measure(self, network: nn.Module) -> dict[str, float]:
        error = self._values(network, self.test) - target(self.test)
        return {
            "root mean square": float(error.square().mean().sqrt()),
            "largest": float(error.abs().max()),
        }

    def _on_grid(self, values: Tensor) -> NDArray[Any]:
        return rounded(values.reshape(self.dimension * (len(self.axis),)))


def _mean_square(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return (network(x) - y).square().mean()
