"""Walking a graph backwards: from a node to the one that everything before it goes through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from .operations import Operation


@dataclass(frozen=True)
class Way:
    """The nodes that were walked through, in order, from ``start`` (not in it) to the end."""

    start: str
    nodes: tuple[str, ...]


@dataclass(frozen=True)
class Backwards:
    """The operations of a graph by name, in their order of evaluation."""

    operations: Mapping[str, Operation]

    @cached_property
    def order(self) -> dict[str, int]:
        """The place of each node in the order of evaluation."""
        return {name: index for index, name in enumerate(self.operations)}

    def sorted(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the names, each once, in the order of evaluation."""
        return tuple(sorted(set(names), key=self.order.__getitem__))

    def way(
        self,
        end: str,
        before: Callable[[str], Sequence[str] | None],
        *,
        furthest: bool = False,
    ) -> Way | None:
        """Return the way to ``end`` from the nearest node that all paths come through, or None.

        ``before(name)`` names what a node's value is made of, or is None where the walk must not
        go on. ``furthest``: as far back as it goes, not only to the nearest such node.
        """
        pending, passed = {end}, list[str]()
        while True:
            # The latest first: no other pending node can depend on it.
            name = max(pending, key=self.order.__getitem__)
            alone = len(pending) == 1
            made_of = None if alone and passed and not furthest else before(name)
            if made_of is None:
                if not (alone and passed):
                    return None
                return Way(name, self.sorted(passed))
            pending.remove(name)
            pending.update(made_of)
            passed.append(name)
