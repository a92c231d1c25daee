"""Two maps made one: the same matrix as the product of the two, with its error bounded."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Literal

import numpy as np
import pytest

from flowcert.numerics.validation import FloatArray
from flowcert.theory.interval import Interval
from flowcert.theory.spectral import (
    Convolution,
    Dense,
    Diagonal,
    LinearMap,
    Permute,
    Perturbed,
    Reshape,
    TransposedConvolution,
    compose,
)
from flowcert.theory.spectral.composition import rearranged

RNG = np.random.default_rng(7)


def normal(*shape: int) -> FloatArray:
    return RNG.normal(size=shape)


def enclosed(*shape: int) -> Interval:
    return Interval.of(normal(*shape)) / Interval.of(3.0)


def convolution(mode: Literal["zeros", "circular", "reflect", "replicate"]) -> Convolution:
    return Convolution(normal(4, 3, 3, 3), (6, 5, 5), padding=1, groups=2, mode=mode)


TRANSPOSED = TransposedConvolution(normal(4, 3, 3, 3), (4, 3, 3), stride=2, groups=2)

PAIRS: dict[str, tuple[LinearMap, LinearMap]] = {
    "dense dense": (Dense(normal(3, 5), (2, 5)), Dense(normal(5, 4), (2, 4))),
    "rows": (Diagonal(enclosed(3), (2, 3)), Dense(normal(3, 4), (2, 4))),
    "one scale": (Diagonal(enclosed(), (2, 3)), Dense(normal(3, 4), (2, 4))),
    "columns": (Dense(normal(3, 4), (2, 4)), Diagonal(enclosed(1, 4), (2, 4))),
    "diagonals": (Diagonal(enclosed(2, 1), (2, 3)), Diagonal(enclosed(3), (2, 3))),
    "permutes": (Permute((4, 2, 3), (1, 0, 2)), Permute((2, 3, 4), (2, 0, 1))),
    "reshapes": (Reshape((6,), (3, 2)), Reshape((2, 3), (6,))),
    "outputs zeros": (Diagonal(enclosed(4, 1, 1), (4, 5, 5)), convolution("zeros")),
    "outputs reflect": (Diagonal(enclosed(4, 1, 1), (4, 5, 5)), convolution("reflect")),
    "inputs zeros": (convolution("zeros"), Diagonal(enclosed(6, 1, 1), (6, 5, 5))),
    "inputs circular": (convolution("circular"), Diagonal(enclosed(6, 1, 1), (6, 5, 5))),
    "inputs reflect": (convolution("reflect"), Diagonal(enclosed(6, 1, 1), (6, 5, 5))),
    "inputs replicate": (convolution("replicate"), Diagonal(enclosed(6, 1, 1), (6, 5, 5))),
    "transposed inputs": (TRANSPOSED, Diagonal(enclosed(4, 1, 1), (4, 3, 3))),
    "transposed outputs": (Diagonal(enclosed(6, 1, 1), TRANSPOSED.output_shape), TRANSPOSED),
    "twice perturbed": (
        Perturbed(Dense(normal(3, 3), (3,)), 0.1),
        Perturbed(Dense(normal(3, 3), (3,)), 0.2),
    ),
}


@pytest.mark.parametrize("name", sorted(PAIRS))
def test_the_matrix_is_the_product(name: str) -> None:
    outer, inner = PAIRS[name]
    fused = compose(outer, inner)
    assert fused is not None
    assert (fused.input_shape, fused.output_shape) == (inner.input_shape, outer.output_shape)
    product = outer.matrix() @ inner.matrix()
    np.testing.assert_allclose(fused.matrix(), product, atol=1e-13)
    values = fused.singular_values()
    truth = np.linalg.norm(product, 2)
    assert values.largest_lower <= truth * (1 + 1e-13)
    assert truth <= values.largest * (1 + 1e-13)
    separately = outer.singular_values().largest * inner.singular_values().largest
    assert values.largest <= separately * (1 + 1e-9)


def test_the_error_of_a_rounded_product_is_covered() -> None:
    """‖Â − A‖_F in fractions against ``norm_error``."""
    scale = enclosed(4)
    W = normal(3, 4)
    fused = compose(Dense(W, (4,)), Diagonal(scale, (4,)))
    assert isinstance(fused, Dense)
    for ends in (scale.lower, scale.upper):
        off = sum(
            (Fraction(float(fused.weight[i, j])) - Fraction(float(W[i, j])) * Fraction(float(s)))
            ** 2
            for i in range(3)
            for j, s in enumerate(ends)
        )
        assert 0 < off <= Fraction(fused.norm_error) ** 2


@pytest.mark.parametrize("scale", [1e-170, 1e-120, 1.0, 1e140])
def test_the_error_of_a_dense_product_is_covered(scale: float) -> None:
    left, right = normal(3, 6) * scale, normal(6, 2) * scale
    fused = compose(Dense(left, (6,)), Dense(right, (2,)))
    assert isinstance(fused, Dense)
    exact = [
        [
            sum((Fraction(float(a)) * Fraction(float(b)) for a, b in zip(row, column, strict=True)),
                Fraction(0))
            for column in right.T
        ]
        for row in left
    ]  # fmt: skip
    off = sum(
        (Fraction(float(fused.weight[i, j])) - exact[i][j]) ** 2 for i in range(3) for j in range(2)
    )
    assert 0 < off <= Fraction(fused.norm_error) ** 2
    assert fused.singular_values().largest > 0.0


def test_exact_scalings_of_a_kernel_leave_no_error() -> None:
    kernel = convolution("zeros")
    assert isinstance(compose(Diagonal(np.full((4, 1, 1), 2.0), (4, 5, 5)), kernel), Convolution)
    rounded = compose(Diagonal(enclosed(4, 1, 1), (4, 5, 5)), kernel)
    assert isinstance(rounded, Perturbed)
    assert 0.0 < rounded.norm_error < 1e-14


def test_errors_of_perturbed_maps_add_up() -> None:
    outer, inner = PAIRS["twice perturbed"]
    assert isinstance(outer, Perturbed)
    assert isinstance(inner, Perturbed)
    fused = compose(outer, inner)
    assert fused is not None
    worst = 0.0
    for _ in range(200):
        F, E = normal(3, 3), normal(3, 3)
        F *= outer.norm_error / np.linalg.norm(F, 2)
        E *= inner.norm_error / np.linalg.norm(E, 2)
        moved = (outer.matrix() + F) @ (inner.matrix() + E)
        worst = max(worst, float(np.linalg.norm(moved - fused.matrix(), 2)))
        assert np.linalg.norm(moved, 2) <= fused.singular_values().largest
    assert worst <= fused.norm_error


@pytest.mark.parametrize(
    "moved", [Reshape((2, 3), (6,)), Permute((2, 3), (1, 0)), Reshape((2, 3), (3, 1, 2))]
)
def test_a_scaling_moves_through_a_rearrangement(moved: Reshape | Permute) -> None:
    for shape in [(2, 3), (2, 1), (3,), ()]:
        scaling = Diagonal(enclosed(*shape), (2, 3))
        after = rearranged(moved, scaling)
        np.testing.assert_array_equal(
            after.matrix() @ moved.matrix(), moved.matrix() @ scaling.matrix()
        )
        assert after.singular_values() == scaling.singular_values()


def test_what_is_no_map_of_a_known_kind_is_left_alone() -> None:
    assert compose(convolution("zeros"), Diagonal(enclosed(6, 5, 5), (6, 5, 5))) is None
    assert compose(Dense(normal(3, 4), (2, 4)), Diagonal(enclosed(2, 4), (2, 4))) is None
    assert compose(Dense(normal(3, 4), (4,)), Reshape((2, 2), (4,))) is None
    assert compose(Dense(normal(3, 4), (4,)), Diagonal(enclosed(3), (3,))) is None


def test_products_that_overflow_are_left_alone() -> None:
    huge = np.full((2, 2), 1e200)
    assert compose(Dense(huge, (2,)), Dense(huge, (2,))) is None
    assert compose(Diagonal(huge[0], (2,)), Dense(huge, (2,))) is None
    values = compose(Diagonal(huge[0], (2,)), Diagonal(huge[0], (2,)))
    assert values is not None
    assert values.singular_values().largest == math.inf
