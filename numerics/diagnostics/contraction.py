"""Whether a step brings states closer: the largest |Ψx − Ψy| / |x − y| over given pairs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...errors import DomainError, ShapeError
from ..methods import Method
from ..validation import FloatArray, finite_array
from .step_jacobian import prepared_for


@dataclass(frozen=True, eq=False)
class ContractionFactor:
    """The largest ratio, the pair (2, n) that attains it, its images, and the ratios of all pairs.

    >>> from flowcert.numerics import Euler, GradientField
    >>> found = contraction_factor(Euler, GradientField([[1.0]]), [[[1], [2]], [[-1], [-2]]], 0.25)
    >>> found.ratios.tolist(), found.pair.tolist()
    ([0.75, 0.875], [[-1.0], [-2.0]])
    """

    factor: float
    pair: FloatArray
    images: FloatArray
    ratios: FloatArray


def contraction_factor(
    method: Method, system: object, pairs: ArrayLike, h: Any, *, t: Any = 0.0
) -> ContractionFactor:
    """Return max |Ψ(t, x; h) − Ψ(t, y; h)| / |x − y| over pairs (x, y) of shape (m, 2, n).

    An attained ratio: up to rounding a lower bound of the step's Lipschitz constant, never an upper
    one. The rounding is that of float64 relative to |x|/|x − y|: keep the pairs apart. Raises
    ShapeError, and DomainError for pairs of equal states. Source: paper, non-expansive networks
    [P].

    >>> from flowcert.numerics import Euler, LinearField
    >>> contraction_factor(Euler, LinearField([[-1.0]]), [[[0.0], [2.0]]], 0.5).factor
    0.5
    """
    both = finite_array("pairs", pairs)
    prepared = prepared_for(method, system, both)
    if both.ndim != 3 or len(both) == 0 or both.shape[1:] != (2, prepared.dimension):
        raise ShapeError(
            came=f"pairs of shape {both.shape}",
            expected=f"shape (m, 2, {prepared.dimension}), m at least 1",
            remedy="Stack them: np.stack([x, y], axis=1).",
        )
    before = np.linalg.norm(both[:, 0] - both[:, 1], axis=-1)
    if np.any(before == 0):
        raise DomainError(
            came=f"{int(np.sum(before == 0))} pairs of equal states",
            expected="two different states in each pair",
            remedy="Leave those pairs out: they have no ratio.",
        )
    images = method.step(prepared, t, both, h)
    ratios = np.linalg.norm(images[:, 0] - images[:, 1], axis=-1) / before
    worst = int(np.argmax(ratios))
    return ContractionFactor(float(ratios[worst]), both[worst], images[worst], ratios)
