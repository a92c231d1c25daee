"""Scalings with known and with enclosed entries."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flowcert.errors import ShapeError
from flowcert.theory.interval import Interval
from flowcert.theory.spectral import Diagonal


def test_exact_entries_have_exact_singular_values() -> None:
    values = Diagonal(np.array([[0.1], [-4.0], [2.0]]), (3, 7)).singular_values(smallest=True)
    assert (values.smallest, values.largest_lower, values.largest) == (0.1, 4.0, 4.0)
    assert values.width == 0.0


@pytest.mark.parametrize("scale", [1e-320, 1e-200, 1e-30, 1.0, 1e300])
def test_enclosed_entries_bracket_the_truth(scale: float) -> None:
    """γ/√(v + ε) against mpmath."""
    import mpmath

    rng = np.random.default_rng(0)
    gamma, variance, epsilon = rng.normal(size=9) * scale, rng.uniform(0.0, 2.0, size=9), 1e-5
    root = (Interval.of(variance) + epsilon).square_root()
    diagonal = Diagonal(Interval.of(gamma) / root, (9,))
    with mpmath.workdps(60):
        exact = [
            abs(mpmath.mpf(float(g))) / mpmath.sqrt(mpmath.mpf(float(v)) + mpmath.mpf(epsilon))
            for g, v in zip(gamma, variance, strict=True)
        ]
        values = diagonal.singular_values(smallest=True)
        assert mpmath.mpf(values.smallest) <= min(exact)
        assert mpmath.mpf(values.largest_lower) <= max(exact) <= mpmath.mpf(values.largest)
        errors = [abs(e - abs(s)) for e, s in zip(exact, map(float, diagonal.scale), strict=True)]
        assert max(errors) <= mpmath.mpf(diagonal.norm_error)
    assert values.width <= 1e-14 or scale < 1e-300


def test_zero_and_unknown_entries() -> None:
    assert Diagonal(np.array([0.0, 1.0]), (2,)).singular_values(smallest=True).smallest == 0.0
    unknown = Diagonal(Interval(np.array([-1.0]), np.array([3.0])), (1,))
    values = unknown.singular_values(smallest=True)
    assert (values.smallest, values.largest_lower, values.largest) == (0.0, 0.0, 3.0)
    assert values.reason
    assert unknown.norm_error >= 2.0


def test_an_entry_that_overflows_has_an_infinite_norm() -> None:
    entries = Interval.of(np.array([1e300])) / Interval.of(1e-300)
    diagonal = Diagonal(entries, (1,))
    assert diagonal.singular_values().largest == diagonal.norm_error == math.inf
    assert not np.any(np.isnan(diagonal.apply(np.ones(1))))


def test_the_map_and_its_adjoint_and_absolute_value() -> None:
    rng = np.random.default_rng(1)
    s, x = rng.normal(size=(3, 1)), rng.normal(size=(5, 3, 4))
    diagonal = Diagonal(s, (3, 4))
    np.testing.assert_array_equal(diagonal.apply(x), s * x)
    np.testing.assert_array_equal(diagonal.adjoint(x), s * x)
    np.testing.assert_array_equal(diagonal.absolute().apply(x), np.abs(s) * x)
    np.testing.assert_array_equal(diagonal.matrix(), np.diag(np.repeat(s, 4)))


@pytest.mark.parametrize("shape", [(4,), (2, 3, 4), (3,)])
def test_a_scale_that_would_change_the_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="broadcasts"):
        Diagonal(np.ones(shape), (1, 3, 2))
