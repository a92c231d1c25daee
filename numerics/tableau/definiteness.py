"""Exact definiteness of symmetric matrices: semi-definite, or a vector that shows it is not."""

from __future__ import annotations

from typing import Any

from .ordered_field import OrderedField, ordered_field


def negative_direction(form: Any) -> list[Any] | None:
    """Return w with wᵀ·form·w < 0, or None exactly if the form is positive semi-definite.

    ``form`` is a symmetric ``DomainMatrix`` (s, s) over Q or a real Q(α); w is a list of s numbers
    of that field. The basis is made orthogonal vector by vector (LDLᵀ with symmetric pivoting).
    A vector of negative value ends it. A vector of value zero waits: if in the end only such
    vectors are left and two of them, t and u, have tᵀ·form·u = m ≠ 0, then t − sign(m)·u has the
    value −2|m|; if no two have, the form is semi-definite. Guaranteed: exact, zero pivots
    included. Source: Lagrange's reduction of quadratic forms [D].

    >>> from sympy import QQ
    >>> from sympy.polys.matrices import DM
    >>> negative_direction(DM([[1, 1], [1, 1]], QQ)) is None  # singular, and semi-definite
    True
    >>> negative_direction(DM([[0, 2], [2, 0]], QQ))  # a zero diagonal is not enough
    [1, -1]
    """
    field = ordered_field(form.domain)
    values = [list(row) for row in form.to_list()]
    vectors = _unit_vectors(len(values), form.domain)
    remaining = list(range(len(values)))
    while remaining:
        signs = {i: field.sign(values[i][i]) for i in remaining}
        negative = next((i for i in remaining if signs[i] < 0), None)
        if negative is not None:
            return vectors[negative]
        pivot = next((i for i in remaining if signs[i] > 0), None)
        if pivot is None:
            return _isotropic_pair(values, vectors, remaining, field)
        remaining.remove(pivot)
        _orthogonalise(values, vectors, remaining, pivot)
    return None


def is_positive_definite(form: Any) -> bool:
    """Return whether wᵀ·form·w > 0 for all w ≠ 0: semi-definite and regular. Exact.

    >>> from sympy import QQ
    >>> from sympy.polys.matrices import DM
    >>> is_positive_definite(DM([[2, 1], [1, 1]], QQ)), is_positive_definite(DM([[0]], QQ))
    (True, False)
    """
    return bool(form.det()) and negative_direction(form) is None


def _unit_vectors(size: int, domain: Any) -> list[list[Any]]:
    return [[domain.one if i == j else domain.zero for j in range(size)] for i in range(size)]


def _orthogonalise(
    values: list[list[Any]], vectors: list[list[Any]], remaining: list[int], pivot: int
) -> None:
    """Subtract from every remaining vector its component along the pivot's."""
    for j in remaining:
        if not values[j][pivot]:
            continue
        factor = values[j][pivot] / values[pivot][pivot]
        vectors[j] = [x - factor * y for x, y in zip(vectors[j], vectors[pivot], strict=True)]
        for k in remaining:
            values[j][k] -= factor * values[pivot][k]


def _isotropic_pair(
    values: list[list[Any]], vectors: list[list[Any]], remaining: list[int], field: OrderedField
) -> list[Any] | None:
    """Of vectors of value zero: a combination of negative value, if two are not orthogonal."""
    for i in remaining:
        for j in remaining:
            sign = field.sign(values[i][j])
            if i < j and sign > 0:
                return [x - y for x, y in zip(vectors[i], vectors[j], strict=True)]
            if i < j and sign < 0:
                return [x + y for x, y in zip(vectors[i], vectors[j], strict=True)]
    return None
