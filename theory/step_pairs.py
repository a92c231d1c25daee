"""The step pairs of a network: what its layers make of the learned numbers."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

from .published_steps import (
    REGIMES,
    BlockSteps,
    MatrixEstimates,
    Network,
    NetworkSteps,
    read_published_steps_file,
)
from .step_regions import Family


@dataclass(frozen=True)
class StepPair:
    """One contractive and one expansive step of a network, as its layers take them.

    ``block`` and ``pair`` count from 0, as the state dict does. ``family`` None: a single
    contractive step, ``expansive_step`` 0. ``learned``: the stored numbers that the steps come
    from. The matrices are estimates of the two steps' convolutions, None where unknown.

    >>> numbers = (2, 0.5, 0.0, 0.11, 0.07, True)
    >>> pair = StepPair("switching-flexible", 2, 1, "whole_expansive", *numbers)
    >>> pair.title
    'switching-flexible, block 2, pair 1'
    """

    network: Network
    block: int
    pair: int
    family: Family | None
    substeps: int
    slope: float
    expansive_slope: float
    contractive_step: float
    expansive_step: float
    shares_matrix: bool
    learned: tuple[tuple[str, float], ...] = ()
    contractive_matrix: MatrixEstimates | None = None
    expansive_matrix: MatrixEstimates | None = None

    @property
    def title(self) -> str:
        kind = "step" if self.family is None else "pair"
        return f"{self.network}, block {self.block}, {kind} {self.pair}"


def published_pairs(path: str | PathLike[str] | None = None) -> tuple[StepPair, ...]:
    """Return the step pairs of a step file; without a path those of the published networks.

    Steps are |u|, exactly. Prescribed: h_E = |u_{2i}|·clip(r_i, 0, 1), the exact product, then
    h_C = |u_{2i+1}|. Flexible: h_C = |u_{2i}|, then h_E = |u_{2i+1}|. Non-expansive: single steps.
    Raises DataError. Source: the public code of arXiv:2210.02373 [P].

    >>> pair = published_pairs()[-1]
    >>> pair.title, pair.contractive_step, pair.expansive_step
    ('switching-flexible, block 2, pair 1', 0.10999999940395355, 0.06956993043422699)
    """
    networks = read_published_steps_file(path)
    return tuple(pair for network in networks for pair in pairs_of(network))


def pairs_of(network: NetworkSteps) -> tuple[StepPair, ...]:
    """Return the step pairs of one network, block by block; see ``published_pairs``.

    >>> block = BlockSteps(32, 32, (0.3, -0.01), (4.2,))
    >>> network = NetworkSteps("switching-flexible", "mine.pt", "", 2, 0.5, 0.0, (block,))
    >>> [(pair.contractive_step, pair.expansive_step) for pair in pairs_of(network)]
    [(0.3, 0.01)]
    """
    rule = {
        "non-expansive": _single_steps,
        "switching-prescribed": _prescribed_steps,
        "switching-flexible": _flexible_steps,
    }[network.network]
    regime = REGIMES[network.network]
    return tuple(
        StepPair(
            network=network.network,
            block=b,
            pair=i,
            family=regime.family,
            substeps=network.substeps,
            slope=network.slope,
            expansive_slope=network.expansive_slope,
            contractive_step=steps.contractive,
            expansive_step=steps.expansive,
            shares_matrix=regime.shares_matrix,
            learned=steps.learned,
            contractive_matrix=block.matrix(steps.contractive_matrix),
            expansive_matrix=block.matrix(steps.expansive_matrix),
        )
        for b, block in enumerate(network.blocks)
        for i, steps in enumerate(rule(block))
    )


@dataclass(frozen=True)
class _Steps:
    contractive: float
    expansive: float
    learned: tuple[tuple[str, float], ...]
    contractive_matrix: str
    expansive_matrix: str


def _single_steps(block: BlockSteps) -> list[_Steps]:
    return [_Steps(abs(u), 0.0, ((f"u[{i}]", u),), f"convs.{i}", "") for i, u in enumerate(block.u)]


def _prescribed_steps(block: BlockSteps) -> list[_Steps]:
    found = []
    for i in range(0, len(block.u), 2):
        u_E, u_C, r = block.u[i], block.u[i + 1], block.rescalings[i // 2]
        learned = ((f"u[{i}]", u_E), (f"u[{i + 1}]", u_C), (f"rescalings[{i // 2}]", r))
        h_E = abs(u_E) * min(max(r, 0.0), 1.0)  # exact: 24 + 24 bits fit into a double
        found.append(_Steps(abs(u_C), h_E, learned, f"convs.{i + 1}", f"convs.{i}"))
    return found


def _flexible_steps(block: BlockSteps) -> list[_Steps]:
    found = []
    for i in range(0, len(block.u), 2):
        u_C, u_E = block.u[i], block.u[i + 1]
        learned = ((f"u[{i}]", u_C), (f"u[{i + 1}]", u_E))
        found.append(_Steps(abs(u_C), abs(u_E), learned, f"convs.{i}", f"convs.{i}"))
    return found
