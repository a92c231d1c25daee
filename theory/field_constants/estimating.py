"""Lipschitz constants of any field on a ball, estimated from below by a search for steep points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...errors import DomainError, ShapeError
from ...numerics import VectorField
from ...numerics.validation import FloatArray
from .bounding import read_radius

_SAMPLES = 2048
_KEPT = 8  # points that the ascent starts from
_TRIALS = 16  # around each of them, in every round
_ROUNDS = 60

Measure = Callable[[FloatArray], FloatArray]


def estimate_lipschitz(field: VectorField, radius: float, *, seed: int = 0) -> float:
    """Estimate sup‖Df(x)‖ over |x| ≤ ``radius`` from below: sampling, then local ascent.

    Works for every field with a batched ``jacobian``; ``radius`` > 0 is finite. No guarantee but
    that, up to rounding, the value is attained. Raises DomainError for a bad radius or a Jacobian
    that is not finite, ShapeError for one that is not batched. Source: flowcert [D].

    >>> from flowcert.numerics import LinearField
    >>> round(estimate_lipschitz(LinearField([[0.0, -3.0], [3.0, 0.0]]), 1.0), 9)
    3.0
    """
    size = read_radius(radius)
    # λ_max(sym J) ≤ ‖J‖: that search may have climbed higher.
    return max(
        _ascend(field, size, measure, seed) for measure in (_spectral_norms, _logarithmic_norms)
    )


def estimate_one_sided_lipschitz(field: VectorField, radius: float, *, seed: int = 0) -> float:
    """Estimate sup λ_max(sym Df(x)) over |x| ≤ ``radius`` from below, as ``estimate_lipschitz``.

    >>> from flowcert.numerics import LinearField
    >>> round(estimate_one_sided_lipschitz(LinearField([[-1.0, -3.0], [3.0, -1.0]]), 1.0), 9)
    -1.0
    """
    return _ascend(field, read_radius(radius), _logarithmic_norms, seed)


def _spectral_norms(J: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(J, 2, axis=(-2, -1)))


def _logarithmic_norms(J: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.eigvalsh(0.5 * (J + J.swapaxes(-1, -2)))[..., -1], np.float64)


def _ascend(field: VectorField, radius: float, measure: Measure, seed: int) -> float:
    """Random trials around the steepest points so far, nearer where none is steeper."""
    rng, n = np.random.default_rng(seed), field.dimension
    x = np.concatenate([np.zeros((1, n)), _ball_points(rng, _SAMPLES, n, radius)])
    jacobians = _checked(field, x)
    _require_batched(field, x, jacobians)
    steepness = measure(jacobians)
    best = np.argsort(steepness)[-_KEPT:]
    x, steepness = x[best], steepness[best]
    reach = np.full(len(x), 0.5 * radius)
    for _ in range(_ROUNDS):
        steps = rng.normal(size=(len(x), _TRIALS, n)) * (reach[:, None, None] / np.sqrt(n))
        trials = _into_ball(x[:, None, :] + steps, radius)
        found = measure(_checked(field, trials))
        winner = found.argmax(axis=1)
        rows = np.arange(len(x))
        better = found[rows, winner] > steepness
        x = np.where(better[:, None], trials[rows, winner], x)
        steepness = np.where(better, found[rows, winner], steepness)
        reach = np.where(better, np.minimum(1.5 * reach, radius), 0.6 * reach)
    return float(steepness.max())


def _ball_points(rng: np.random.Generator, count: int, n: int, radius: float) -> FloatArray:
    """Half of them uniform in the ball, half on its boundary."""
    direction = rng.normal(size=(count, n))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    depth = rng.uniform(size=(count, 1)) ** (1.0 / n)
    depth[: count // 2] = 1.0
    return _into_ball(radius * depth * direction, radius)


def _into_ball(x: FloatArray, radius: float) -> FloatArray:
    """Points outside are pulled to the boundary, and a little beyond it lest they round out."""
    length = np.linalg.norm(x, axis=-1, keepdims=True)
    inside = radius * (1.0 - 2.0**-48)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(length > inside, x * (inside / length), x))


def _checked(field: VectorField, x: FloatArray) -> FloatArray:
    """The Jacobians at x, finite and of the right shape."""
    J = np.asarray(field.jacobian(x), dtype=np.float64)
    if J.shape != (*x.shape, x.shape[-1]):
        raise ShapeError(
            came=f"Jacobians of shape {J.shape} for points of shape {x.shape}",
            expected=f"shape {(*x.shape, x.shape[-1])}",
            remedy="jacobian must map (..., n) to (..., n, n), whatever the leading axes are.",
        )
    if not np.all(np.isfinite(J)):
        raise DomainError(
            came="a Jacobian with NaN or infinite entries",
            expected="finite derivatives on the whole ball",
            remedy="Look for a pole or an overflow of the field, or take a smaller radius.",
        )
    return J


def _require_batched(field: VectorField, x: FloatArray, together: FloatArray) -> None:
    """Points alone must give what they give in a batch."""
    for index in (1, len(x) - 1):
        alone = _checked(field, x[index])
        size = 1.0 + float(np.abs(alone).max())
        if np.abs(alone - together[index]).max() > 1e-8 * size:
            raise ShapeError(
                came="a Jacobian that depends on the other points of its batch",
                expected="every point treated by itself",
                remedy="Let reductions run over the last axis only.",
            )
