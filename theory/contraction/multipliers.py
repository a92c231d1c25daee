"""The search for multipliers: floats that are nearly the best ones, not trusted by anybody."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from ...errors import ConvergenceError
from ...numerics.validation import FloatArray
from .barrier import minimise
from .centred_forms import CentredForms
from .stage_forms import StageForms

_SMALLEST_MARGIN = 1e-9
_DUALS_KEPT = 9


class Search(NamedTuple):
    """Multipliers d (s,), others well inside of the admissible set, Gram matrices (s+1, s+1).

    d_j is ``multipliers``[j]·``units``[j], the units being powers of 2. The Gram matrices of
    (e, w₁, …, w_s) belong nearly to the worst admissible differences.
    """

    multipliers: FloatArray
    interior: FloatArray
    units: tuple[Fraction, ...]
    worst: list[FloatArray]


def search_multipliers(forms: StageForms) -> Search:
    """Return nearly the best d ≥ 0: with them φ²|e|² − |result|² − Σ d_j·multiplier_j ⪰ 0.

    Raises ConvergenceError where no d makes the form positive on (0, w): the equations of the
    stages then do not determine them.

    >>> euler = StageForms.of([[Fraction(0)]], [Fraction(1)], Fraction(1, 2), Fraction(1))
    >>> found = search_multipliers(euler)
    >>> round(float(found.multipliers[0]) * float(found.units[0]), 6)
    2.0
    """
    centred = CentredForms.of(forms)
    constant = -np.outer(centred.result, centred.result)
    squares = [centred.multiplier(j) for j in range(len(forms.stages))]
    try:
        interior = _interior([-form[1:, 1:] for form in squares], -constant[1:, 1:])
        found, grams = _best(constant, squares, interior)
    except np.linalg.LinAlgError as error:
        raise ConvergenceError(
            came="a search for multipliers that float64 cannot carry",
            expected="forms whose entries differ by less than about 1e8",
            remedy="Take a shorter step.",
        ) from error
    worst = [centred.basis @ gram @ centred.basis.T for gram in grams]
    return Search(np.maximum(found, 0.0), interior, centred.units, worst)


def _best(
    constant: FloatArray, squares: list[FloatArray], interior: FloatArray
) -> tuple[FloatArray, list[FloatArray]]:
    """The multipliers of the smallest factor, and dual matrices with first entry about 1."""
    size, count = len(constant), len(squares)
    first = np.zeros((size, size))
    first[0, 0] = 1.0
    # The matrix inequality and d ≥ 0, as one block-diagonal matrix.
    terms = [_with_diagonal(first, np.zeros(count))]
    terms += [_with_diagonal(-form, row) for form, row in zip(squares, np.eye(count), strict=True)]
    inside = constant - np.tensordot(interior, np.stack(squares), 1)
    needed = float(inside[0, 1:] @ np.linalg.solve(inside[1:, 1:], inside[1:, 0]) - inside[0, 0])
    start = np.concatenate([[needed + 1.0 + abs(needed)], interior])
    cost = np.concatenate([[1.0], np.zeros(count)])
    x, duals = minimise(cost, _with_diagonal(constant, np.zeros(count)), terms, start)
    return x[1:], [dual[:size, :size] for dual in duals[-_DUALS_KEPT:]]


def _interior(forms: list[FloatArray], result: FloatArray) -> FloatArray:
    """Multipliers d > 0 with Σ d_j·forms_j ≻ result: best conditioned with Σ d ≤ 1, then scaled.

    Explicit methods always have such ones: a large d₁, a smaller d₂, …
    """
    s = len(forms)
    lower = np.zeros(s + 1)
    lower[s] = -1.0
    terms = [_with_diagonal(-np.eye(s), np.zeros(s + 1))]
    terms += [
        _with_diagonal(form, row + lower) for form, row in zip(forms, np.eye(s, s + 1), strict=True)
    ]
    constant = _with_diagonal(np.zeros((s, s)), -lower)
    d = np.full(s, 0.5 / s)
    lowest = float(np.linalg.eigvalsh(np.tensordot(d, np.stack(forms), 1))[0])
    cost = np.concatenate([[-1.0], np.zeros(s)])
    x, _ = minimise(cost, constant, terms, np.concatenate([[lowest - 1.0], d]), gap=1e-10)
    margin, d = float(x[0]), x[1:]
    if not margin > _SMALLEST_MARGIN:
        raise ConvergenceError(
            came="stages that no multipliers control",
            expected="a step that is short enough for its stages to be determined",
            remedy="Take a shorter step, or a smaller largest slope.",
        )
    return np.asarray(d * (2.0 * max(float(np.linalg.norm(result, 2)), 1.0) / margin))


def _with_diagonal(form: FloatArray, diagonal: FloatArray) -> FloatArray:
    m, k = len(form), len(diagonal)
    whole = np.zeros((m + k, m + k))
    whole[:m, :m] = form
    whole[range(m, m + k), range(m, m + k)] = diagonal
    return whole
