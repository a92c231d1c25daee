"""Reshapes and permutations of axes are isometries."""

from __future__ import annotations

import numpy as np
import pytest

from flowcert.errors import ShapeError
from flowcert.theory.spectral import Permute, Reshape
from flowcert.theory.spectral.rearrangement import Rearrangement

MAPS = [Reshape((2, 3, 4), (6, 4)), Reshape((4,), (2, 1, 2)), Permute((2, 3, 4), (2, 0, 1))]


@pytest.mark.parametrize("moved", MAPS)
def test_the_matrix_is_a_permutation(moved: Rearrangement) -> None:
    matrix = moved.matrix()
    np.testing.assert_array_equal(matrix @ matrix.T, np.eye(moved.rows))
    assert set(np.unique(matrix)) == {0.0, 1.0}
    values = moved.singular_values(smallest=True)
    assert values.smallest == values.largest_lower == values.largest == 1.0
    assert moved.absolute_norm() == 1.0
    assert moved.terms == 0


@pytest.mark.parametrize("moved", MAPS)
def test_the_adjoint_moves_back(moved: Rearrangement) -> None:
    x = np.random.default_rng(0).normal(size=(5, *moved.input_shape))
    np.testing.assert_array_equal(moved.adjoint(moved.apply(x)), x)
    assert moved.apply(x).shape == (5, *moved.output_shape)


def test_permute_is_that_of_numpy() -> None:
    x = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(Permute((2, 3, 4), (2, 0, 1)).apply(x), x.transpose(2, 0, 1))


def test_what_is_no_rearrangement_is_refused() -> None:
    with pytest.raises(ShapeError, match="as many entries"):
        Reshape((2, 3), (5,))
    for order in [(0, 0), (0,), (1, 2)]:
        with pytest.raises(ShapeError, match="order"):
            Permute((2, 3), order)
