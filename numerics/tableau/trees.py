"""Rooted trees: the index set of the order conditions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from .stage_algebra import DomainMatrix, Number, StageAlgebra

# A tree is the tuple of the trees that hang on its root: () is one node, ((), ()) a root with two.
Tree = tuple[Any, ...]
TIME: Any = "t"  # a leaf that stands for the derivative in time, where c is not A·1


@cache
def rooted_trees(nodes: int) -> tuple[Tree, ...]:
    """Return all rooted trees with this number of nodes, each once; sequence A000081.

    >>> [len(rooted_trees(n)) for n in range(1, 9)]
    [1, 1, 2, 4, 9, 20, 48, 115]
    """
    return tuple(tuple(forest) for forest in _forests(nodes - 1, nodes - 1))


def size(tree: Tree) -> int:
    """Return the number of nodes.

    >>> size(((), ()))
    3
    """
    return 1 + sum(size(branch) for branch in tree) if tree != TIME else 1


def density(tree: Tree) -> int:
    """Return γ: the product of the sizes of the tree and of all its subtrees.

    >>> density(((), ((),)))  # 4 · 1 · 2 · 1
    8
    """
    product = size(tree)
    for branch in tree if tree != TIME else ():
        product *= density(branch)
    return product


def write(tree: Tree) -> str:
    """Return the tree in brackets, τ for a single node.

    >>> write(((), ((),)))
    '[τ, [τ]]'
    """
    if tree in ((), TIME):
        return "τ" if tree == () else TIME
    return f"[{', '.join(map(write, tree))}]"


def stage_weight(algebra: StageAlgebra, tree: Tree) -> DomainMatrix:
    """Return w = Π A·w(branch), the product over the branches: the order condition is b(w) = 1/γ.

    >>> from flowcert.numerics import RK4
    >>> algebra = RK4.tableau.algebra()
    >>> print(algebra.functional(stage_weight(algebra, ((), ()))))
    1/3
    """
    product = algebra.one
    for branch in tree:
        factor = algebra.nodes if branch == TIME else algebra.A * stage_weight(algebra, branch)
        product = algebra.multiply(product, factor)
    return product


def condition_holds(algebra: StageAlgebra, tree: Tree) -> bool:
    """Return whether γ(tree)·b(w) = 1, exactly: the order condition of one tree.

    >>> from flowcert.numerics import Heun
    >>> [condition_holds(Heun.tableau.algebra(), tree) for tree in ((), ((),), ((), ()))]
    [True, True, False]
    """
    weight: Number = algebra.functional(stage_weight(algebra, tree))
    return bool(weight * density(tree) == algebra.domain.one)


def _forests(nodes: int, largest: int) -> Iterator[list[Tree]]:
    """All multisets of trees with ``nodes`` nodes in all and at most ``largest`` in a tree."""
    if nodes == 0:
        yield []
        return
    for first in range(min(nodes, largest), 0, -1):
        for k, tree in enumerate(rooted_trees(first)):
            for rest in _forests(nodes - first, first):
                if not _goes_before(rest, first, k):
                    yield [tree, *rest]


def _goes_before(rest: list[Tree], first: int, k: int) -> bool:
    """Whether the rest opens with a tree of the same size and a smaller number than k."""
    if not rest or size(rest[0]) != first:
        return False
    return rooted_trees(first).index(rest[0]) < k
