"""Many instances, one seed: how often a bound was false (never, or it is a defect)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from ...numerics.validation import positive_integer
from .instance import Instance
from .layers import LAYERS
from .networks import NETWORKS, cell_network

_CELLS_EVERY = 100  # linear programming is slow: one instance in so many


@dataclass(frozen=True)
class Campaign:
    """What came out: instances of each family, the violations, and the worst looseness seen."""

    instances: int
    seed: int
    families: dict[str, int] = field(default_factory=dict)
    loosest: dict[str, float] = field(default_factory=dict)
    violations: tuple[Instance, ...] = ()


def run_campaign(
    instances: int,
    *,
    seed: int = 0,
    first: int = 0,
    progress: Callable[[Iterator[int]], Iterator[int]] = iter,
) -> Campaign:
    """Try instances ``first``, ``first`` + 1, …; each depends on ``seed`` and its number alone.

    lower ≤ truth ≤ upper, and σ_min's bound ≤ σ_min, are demanded of each; the oracles are those of
    ``oracles``. Raises DomainError unless ``instances`` ≥ 1. Source: flowcert [D].

    >>> run_campaign(20, seed=1).violations
    ()
    """
    positive_integer("instances", instances)
    families: Counter[str] = Counter()
    loosest: dict[str, float] = {}
    violations = []
    for number in progress(iter(range(first, first + instances))):
        instance = instance_number(number, seed)
        families[instance.family] += 1
        known = loosest.get(instance.family, 1.0)
        loosest[instance.family] = max(known, instance.looseness)
        if instance.violation:
            violations.append(instance)
    return Campaign(instances, seed, dict(families), loosest, tuple(violations))


def instance_number(number: int, seed: int) -> Instance:
    """Return one instance, reproducibly.

    >>> instance_number(3, 0).violation
    ''
    """
    rng = np.random.default_rng([seed, number])
    if number % _CELLS_EVERY == _CELLS_EVERY - 1:
        return cell_network(rng, number)
    families = (*LAYERS, *NETWORKS)
    return families[number % len(families)](rng, number)
