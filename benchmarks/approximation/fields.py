"""The appendix's field ẋ = sin³x + x³ in R⁴, learned from pairs (x, φ^h(x)), h = 0.05.

Structured: ∇U + S(x)x, a norm-corrected Heun step along S(x)x, then Gonzalez's discrete gradient of
U. What is trained is the residual y − z − h·∇̄U(z, y), z the Heun step from x: for known y it is
explicit; only predictions solve the implicit equation. Unstructured: x + h·g(x), g a plain network,
trained on y − x − h·g(x). Both losses are mean squares over h², so that they are errors of a field.
The true field is a gradient, its S(x)x is zero; nobody tells the network. The g that fits the data
is (φ^h(x) − x)/h: its distance from the field is O(h) however well it is trained.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

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
from flowcert.networks.architectures import (
    FieldModel,
    FreeField,
    SplitField,
    unstructured_network,
)
from flowcert.numerics import FieldSystem, reference_flow

DIMENSION, H = 4, 0.05
SIDE = 1.0  # data are in [−1, 1]⁴
SIZES = (1000, 500, 2000)  # training, validation, test
ROLLOUT, ROLLOUT_SIDE, ROLLOUTS = 15, 0.5, 500  # from [−½, ½]⁴ to t = 0.75 states stay in the box
HIDDEN, SKEW_HIDDEN = 64, 16
# (units, layers) of g: as many parameters as the structured network, within 5 %.
FREE = {"one layer": (80, 1), "two layers": (22, 2), "three layers": (16, 3)}
QUIVER = 15
DATA_SEED = 2026


def configuration(budget: Budget) -> dict[str, Any]:
    """What was run, by which the figure knows its results."""
    return {
        "field": "sin³x + x³",
        "dimension": DIMENSION,
        "step": H,
        "side": SIDE,
        "sizes": list(SIZES),
        "rollout": {"steps": ROLLOUT, "side": ROLLOUT_SIDE, "count": ROLLOUTS},
        "hidden": HIDDEN,
        "skew_hidden": SKEW_HIDDEN,
        "unstructured": {name: list(sizes) for name, sizes in FREE.items()},
        "budget": budget.to_json(),
    }


def true_field(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """sin³x + x³, entry by entry."""
    return np.asarray(np.sin(x) ** 3 + x**3)


def network(kind: str) -> nn.Module:
    """The structured network, or x + h·g(x) with one of the FREE networks as g."""
    if kind == "structured":
        return SplitField(DIMENSION, HIDDEN, SKEW_HIDDEN, H).double()
    width, depth = FREE[kind]
    free = unstructured_network("tanh", DIMENSION, width, DIMENSION, depth=depth)
    return FreeField(free, H).double()


def run(
    budget: Budget, tell: Callable[[str], None]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Train all networks on the field; returns the records and what the figure draws."""
    experiment = Experiment()
    axis = torch.linspace(-SIDE, SIDE, QUIVER, dtype=torch.float64)
    # A slice of R⁴: x₃ = x₄ = 0; of the field its first two entries.
    plane = nn.functional.pad(torch.cartesian_prod(axis, axis), (0, DIMENSION - 2))
    drawn = {"axis": rounded(axis), "true": _slice(torch.from_numpy(true_field(plane.numpy())))}
    records: dict[str, Any] = {}
    for kind in ("structured", *FREE):
        records[kind], first = study(
            lambda kind=kind: network(kind), experiment.task, experiment.measure, budget
        )
        with torch.no_grad():
            drawn[kind] = _slice(cast(FieldModel, first).field(plane))
            if isinstance(first, SplitField):
                drawn["skew part"] = _slice(first.skew_part(plane))
        for what, errors in records[kind]["test"].items():
            drawn[f"{kind}/{what}"] = rounded(errors)
        drawn[f"{kind}/parameters"] = np.array([records[kind]["parameters"]])
        tell(f"field, {kind}: {in_short(records[kind]['test']['one step'])}")
    rival = best_rival(records, ("structured",))
    patient = f"{rival}, {PATIENCE} times the steps"
    records[patient], _ = study(
        lambda: network(rival), experiment.task, experiment.measure, budget.patient()
    )
    tell(f"field, {patient}: {in_short(records[patient]['test']['one step'])}")
    return records, drawn


class Experiment:
    """Pairs (x, φ^h(x)) by a reference solver, and fresh ones to test on."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(DATA_SEED)

        def box(side: float, count: int) -> Tensor:
            uniform = torch.rand((count, DIMENSION), generator=generator, dtype=torch.float64)
            return side * (2 * uniform - 1)

        training, validation, self.test = (box(SIDE, size) for size in SIZES)
        self.start = box(ROLLOUT_SIDE, ROLLOUTS)
        self.task = Task(_mean_square, _with_flow(training), _with_flow(validation))
        self.after = _with_flow(self.test)[1]
        self.end = _with_flow(self.start, H * ROLLOUT)[1]

    @torch.no_grad()
    def measure(self, network: nn.Module) -> dict[str, float]:
        """Root mean squares of one step's error, of the field's, and of the roll-out's end."""
        learned = cast(FieldModel, network)
        x = self.start
        for _ in range(ROLLOUT):
            x = learned(x)
        truth = torch.from_numpy(true_field(self.test.numpy()))
        errors = {
            "one step": learned(self.test) - self.after,
            "field": learned.field(self.test) - truth,
            "roll-out": x - self.end,
        }
        if isinstance(network, SplitField):
            errors["skew part"] = network.skew_part(self.test)
        return {what: float(error.square().mean().sqrt()) for what, error in errors.items()}


def _with_flow(x: Tensor, time: float = H) -> tuple[Tensor, Tensor]:
    system = FieldSystem(lambda t, y: true_field(y), DIMENSION)
    flow = reference_flow(system, x.numpy(), (0.0, time), 1e-10)
    if not flow.meets_tolerance:
        raise RuntimeError(f"the reference flow is not known: {flow.detail}")
    return x, torch.from_numpy(flow.value)


def _mean_square(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return (cast(FieldModel, network).residual(x, y) / H).square().mean()


def _slice(field: Tensor) -> NDArray[Any]:
    """Return (15, 15, 2): the field's first two entries at (x₁, x₂)."""
    return rounded(field[:, :2].reshape(QUIVER, QUIVER, 2))
