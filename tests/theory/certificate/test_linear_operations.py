"""Dense, diagonal, batch norm, axes and rearrangements as operations of a graph."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from flowcert.errors import DataError
from flowcert.numerics.validation import FloatArray
from flowcert.theory.certificate import Node
from flowcert.theory.certificate.operations import (
    DOUBLE,
    SINGLE,
    Inputs,
    Operation,
    operation_classes,
    read_operation,
)
from flowcert.theory.certificate.operations.linear import scaled

RNG = np.random.default_rng(11)
Shape = tuple[int, ...]


def read(
    kind: str,
    shape: Shape,
    result: Shape,
    attributes: Mapping[str, Any] | None = None,
    **tensors: FloatArray,
) -> Operation:
    keys = {role: role for role in tensors}
    return read_operation(Node("y", kind, ("x",), result, attributes or {}, keys), [shape], tensors)


def row(indices: list[int], weights: list[int], divisor: int) -> dict[str, Any]:
    return {"indices": indices, "weights": weights, "divisor": divisor}


def halves(axis: int) -> dict[str, Any]:
    return {"axis": axis, "rows": [row([0, 1], [1, 1], 2), row([2, 3], [1, 1], 2)]}


def normal(*shape: int) -> FloatArray:
    """Numbers that float32 holds exactly."""
    return RNG.normal(size=shape).astype(np.float32).astype(np.float64)


OPERATIONS: dict[str, Operation] = {
    "dense": read("dense", (3, 5), (3, 4), weight=normal(4, 5), bias=normal(4)),
    "dense without bias": read("dense", (5,), (1,), weight=normal(1, 5)),
    "scale": read("diagonal", (2, 3), (2, 3), scale=normal(2, 1)),
    "divisor": read("diagonal", (2, 3), (2, 3), divisor=normal(2, 1), shift=normal(3)),
    "all": read("diagonal", (3,), (3,), scale=normal(3), divisor=normal(), shift=normal(3)),
    "shift": read("diagonal", (3,), (3,), shift=normal(3)),
    "batch_norm": read(
        "batch_norm",
        (3, 2, 2),
        (3, 2, 2),
        {"epsilon": 1e-5},
        mean=normal(3),
        variance=np.abs(normal(3)),
        weight=normal(3),
        bias=normal(3),
    ),
    "plain batch_norm": read(
        "batch_norm", (3,), (3,), {"epsilon": 0.1}, mean=normal(3), variance=np.zeros(3)
    ),
    "pooling": read("axes", (2, 4, 4), (2, 2, 2), {"maps": [halves(1), halves(2)]}),
    "difference": read(
        "axes", (3,), (2,),
        {"maps": [{"axis": 0, "rows": [row([0, 2], [1, -1], 3), row([], [], 1)]}]},
    ),
    "flip": read(
        "axes", (3,), (3,), {"maps": [{"axis": 0, "rows": [row([j], [1], 1) for j in (2, 1, 0)]}]}
    ),
    "reshape": read("reshape", (2, 3), (6,), {"shape": [6]}),
    "permute": read("permute", (2, 3), (3, 2), {"order": [1, 0]}),
}  # fmt: skip
NAMES = sorted(OPERATIONS)


def jacobian(operation: Operation) -> FloatArray:
    """By differences of ``evaluate``: the operations are affine."""
    [shape] = operation.shapes
    n = math.prod(shape)
    unit = np.concatenate([np.zeros((1, n)), np.eye(n)]).reshape(n + 1, *shape)
    y = operation.evaluate(unit).reshape(n + 1, -1)
    return np.asarray((y[1:] - y[0]).T)


@pytest.mark.parametrize("name", NAMES)
def test_the_constant_is_the_norm_of_the_jacobian(name: str) -> None:
    operation = OPERATIONS[name]
    truth = np.linalg.norm(jacobian(operation), 2)
    factor = operation.bound(Inputs((2.0,), 2.0, ((-math.inf, math.inf),)))
    assert 2.0 * truth * (1 - 1e-12) <= factor.upper <= 2.0 * truth * (1 + 1e-9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ends", [(-1.0, 2.0), (0.0, 1.0), (-3.0, -1.0), (0.25, 0.25)])
def test_the_range_encloses_the_values(name: str, ends: tuple[float, float]) -> None:
    operation = OPERATIONS[name]
    [shape] = operation.shapes
    x = RNG.uniform(*ends, size=(400, *shape))
    x[:200] = RNG.choice(ends, size=x[:200].shape)
    y = operation.evaluate(x)
    low, high = operation.range([ends])
    assert low - 1e-12 <= float(y.min())
    assert float(y.max()) <= high + 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_the_range_of_everything_is_no_nan(name: str) -> None:
    for ends in [(-math.inf, math.inf), (0.0, math.inf), (-1e308, 1e308)]:
        low, high = OPERATIONS[name].range([ends])
        assert low <= high


def test_ranges_of_averages_padding_and_normalisation_are_sharp() -> None:
    assert OPERATIONS["pooling"].range([(0.25, 3.0)]) == (0.25, 3.0)
    padded = {"axis": 0, "rows": [row([], [], 1), row([0], [1], 1), row([1], [1], 1)]}
    assert read("axes", (2,), (3,), {"maps": [padded]}).range([(1.0, 2.0)]) == (0.0, 2.0)
    scale = read("diagonal", (2,), (2,), scale=np.array([-2.0, 1.0]), shift=np.array([1.0, 0.0]))
    assert scale.range([(0.0, 1.0)]) == (-1.0, 1.0)


def test_the_values_are_those_of_the_formulas() -> None:
    x = normal(5, 3, 2, 2)
    norm = OPERATIONS["batch_norm"]
    w = {role: tensor[:, None, None] for role, tensor in norm.weights.items()}
    expected = (x - w["mean"]) / np.sqrt(w["variance"] + 1e-5) * w["weight"] + w["bias"]
    np.testing.assert_allclose(norm.evaluate(x), expected, rtol=1e-13, atol=1e-13)
    image = normal(2, 2, 4, 4)
    windows = image.reshape(2, 2, 2, 2, 2, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(OPERATIONS["pooling"].evaluate(image), windows, atol=1e-15)


def in_longdouble(name: str, x: FloatArray) -> FloatArray:
    """The exact values to 64 bits: from the operation's own numbers, in numpy.longdouble."""
    operation, X = OPERATIONS[name], x.astype(np.longdouble)
    w = {role: tensor.astype(np.longdouble) for role, tensor in operation.weights.items()}
    if name.startswith("dense"):
        return np.asarray(X @ w["weight"].T + w.get("bias", np.longdouble(0)))
    if name in ("scale", "divisor", "all", "shift"):
        one = np.longdouble(1)
        y = X * w.get("scale", one) / w.get("divisor", one) + w.get("shift", np.longdouble(0))
        return np.asarray(y)
    if "batch_norm" in name:
        w = {role: t.reshape(-1, *([1] * (X.ndim - 2))) for role, t in w.items()}
        root = np.sqrt(w["variance"] + np.longdouble(operation.node.attributes["epsilon"]))
        one, zero = np.longdouble(1), np.longdouble(0)
        return np.asarray((X - w["mean"]) / root * w.get("weight", one) + w.get("bias", zero))
    if name == "pooling":
        return np.asarray(X.reshape(-1, 2, 2, 2, 2, 2).sum(axis=(3, 5)) / 4)
    matrix = jacobian(operation)
    exact = np.round(matrix * 3) / np.longdouble(3) if name == "difference" else matrix
    flat = X.reshape(len(X), -1) @ exact.T.astype(np.longdouble)
    return np.asarray(flat.reshape(len(X), *operation.node.shape))


def in_single(name: str, x: FloatArray) -> list[NDArray[Any]]:
    """The ways in which float32 code may compute the operation."""
    operation, X = OPERATIONS[name], x.astype(np.float32)
    w = {role: tensor.astype(np.float32) for role, tensor in operation.weights.items()}
    one, zero = np.float32(1), np.float32(0)
    if name.startswith("dense"):
        return [X @ w["weight"].T + w.get("bias", zero)]
    if name in ("scale", "divisor", "all", "shift"):
        s, d, t = w.get("scale", one), w.get("divisor", one), w.get("shift", zero)
        return [X * s / d + t, X * (s / d) + t, X / d * s + t, X * (one / d) * s + t]
    if "batch_norm" in name:
        w = {role: t.reshape(-1, *([1] * (X.ndim - 2))) for role, t in w.items()}
        epsilon = np.float32(operation.node.attributes["epsilon"])
        g, b, m = w.get("weight", one), w.get("bias", zero), w["mean"]
        scale = one / np.sqrt(w["variance"] + epsilon) * g
        slow = (X - m) / np.sqrt(w["variance"] + epsilon) * g + b
        return [slow, X * scale + (b - m * scale), (X - m) * scale + b]
    if name == "pooling":
        return [X.reshape(-1, 2, 2, 2, 2, 2).sum(axis=(3, 5)) / np.float32(4)]
    if name == "difference":
        first = (X[:, 0] - X[:, 2]) / np.float32(3)
        return [np.stack([first, 0 * first], axis=1)]
    return [operation.evaluate(X.astype(np.float64))]  # moves what float32 holds


@pytest.mark.parametrize("size", [1.0, 1e-7, 1e-30, 1e-42])
@pytest.mark.parametrize("name", NAMES)
def test_the_rounding_bounds_float32_execution(name: str, size: float) -> None:
    operation = OPERATIONS[name]
    [shape] = operation.shapes
    with np.errstate(under="ignore"):
        x = (normal(300, *shape) * size).astype(np.float32).astype(np.float64)
        exact = in_longdouble(name, x)
        radius = np.zeros(len(x))
        bound = operation.rounding([x], operation.evaluate(x), [radius], SINGLE)
        for executed in in_single(name, x):
            difference = (executed.astype(np.longdouble) - exact).reshape(len(x), -1)
            errors = np.sqrt(np.sum(difference.astype(np.float64) ** 2, axis=1))
            assert np.all(errors <= bound)


@pytest.mark.parametrize("name", NAMES)
def test_the_rounding_bounds_float64_execution(name: str) -> None:
    operation = OPERATIONS[name]
    [shape] = operation.shapes
    x = RNG.normal(size=(300, *shape))
    y = operation.evaluate(x)
    bound = operation.rounding([x], y, [np.zeros(len(x))], DOUBLE)
    difference = (y.astype(np.longdouble) - in_longdouble(name, x)).reshape(len(x), -1)
    assert np.all(np.linalg.norm(difference.astype(np.float64), axis=1) <= bound)
    assert np.all(bound <= 1e-12)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("flip", "permute", "reshape")])
def test_the_rounding_covers_every_input_within_the_radius(name: str) -> None:
    """The executed input may be elsewhere: where values vanish at x, they need not nearby."""
    operation = OPERATIONS[name]
    [shape] = operation.shapes
    x = np.zeros((200, *shape))
    moved = normal(200, *shape)
    radius = np.linalg.norm(moved.reshape(200, -1), axis=1) * (1 + 1e-12)
    bound = operation.rounding([x], operation.evaluate(x), [radius], SINGLE)
    exact = in_longdouble(name, moved)
    for executed in in_single(name, moved):
        difference = (executed.astype(np.longdouble) - exact).reshape(200, -1)
        assert np.all(np.linalg.norm(difference.astype(np.float64), axis=1) <= bound)


@pytest.mark.parametrize("name", ["flip", "permute", "reshape"])
def test_what_only_moves_entries_rounds_nothing(name: str) -> None:
    operation = OPERATIONS[name]
    x = normal(4, *operation.shapes[0])
    rounding = operation.rounding([x], operation.evaluate(x), [np.ones(4)], SINGLE)
    np.testing.assert_array_equal(rounding, np.zeros(4))


def test_interpolation_has_no_known_rounding() -> None:
    maps = [{"axis": 0, "rows": [row([0, 1], [1, 3], 4)]}]
    bilinear = read("axes", (2,), (1,), {"maps": maps})
    x = np.ones((1, 2))
    assert bilinear.rounding([x], bilinear.evaluate(x), [np.zeros(1)], SINGLE)[0] == math.inf


def test_a_variance_below_the_float32_numbers_has_no_known_rounding() -> None:
    norm = read("batch_norm", (1,), (1,), {"epsilon": 1e-45}, mean=np.ones(1), variance=np.zeros(1))
    x = np.ones((1, 1))
    assert norm.rounding([x], norm.evaluate(x), [np.zeros(1)], SINGLE)[0] == math.inf
    assert norm.rounding([x], norm.evaluate(x), [np.zeros(1)], DOUBLE)[0] < math.inf


@pytest.mark.parametrize("weight", [1e-30, 1e-200, 1e-320, 1e150, 1e300])
def test_weights_at_the_ends_of_float64_keep_a_sound_constant(weight: float) -> None:
    one = Inputs((1.0,), 1.0, ((-math.inf, math.inf),))
    dense = read("dense", (2,), (2,), weight=np.full((2, 2), weight))
    assert 2.0 * weight <= dense.bound(one).upper < math.inf
    diagonal = read("diagonal", (2,), (2,), scale=np.full(2, weight), divisor=np.full(2, 3.0))
    assert weight / 3.0 <= diagonal.bound(one).upper <= weight / 2.9
    assert diagonal.bound(one).upper > 0.0
    tiny = Inputs((weight,), weight, ((-math.inf, math.inf),))
    assert dense.bound(tiny).upper > 0.0


def test_scaled_is_exact_for_one_and_outward_else() -> None:
    assert scaled(1.0, 0.3) == scaled(0.3, 1.0) == 0.3
    assert scaled(0.0, math.inf) == 0.0
    assert scaled(1e-200, 1e-200) > 0.0
    assert scaled(1e200, 1e200) == math.inf


MALFORMED: list[tuple[str, Shape, Shape, dict[str, Any], dict[str, FloatArray]]] = [
    ("dense", (4,), (3,), {}, {"weight": np.ones((3, 5))}),
    ("dense", (5,), (3,), {}, {"weight": np.ones((3, 5)), "bias": np.ones(4)}),
    ("dense", (5,), (3,), {}, {"weight": np.full((3, 5), math.nan)}),
    ("dense", (5,), (3,), {}, {"weight": np.ones((3, 5)), "bias": np.full(3, math.inf)}),
    ("dense", (5,), (4,), {}, {"weight": np.ones((3, 5))}),
    ("diagonal", (2,), (2,), {}, {}),
    ("diagonal", (2,), (3,), {}, {"scale": np.ones(3)}),
    ("diagonal", (2,), (2,), {}, {"divisor": np.array([1.0, 0.0])}),
    ("diagonal", (2,), (2,), {}, {"scale": np.array([1.0, math.nan])}),
    ("batch_norm", (2,), (2,), {"epsilon": 0.0}, {"mean": np.ones(2), "variance": np.zeros(2)}),
    ("batch_norm", (2,), (2,), {"epsilon": 1.0}, {"mean": np.ones(2), "variance": -np.ones(2)}),
    ("batch_norm", (2,), (2,), {"epsilon": -1.0}, {"mean": np.ones(2), "variance": np.ones(2)}),
    ("batch_norm", (2,), (2,), {"epsilon": "1"}, {"mean": np.ones(2), "variance": np.ones(2)}),
    ("batch_norm", (2,), (2,), {"epsilon": 1.0}, {"mean": np.ones(3), "variance": np.ones(2)}),
    ("axes", (2,), (1,), {"maps": 3}, {}),
    ("axes", (2,), (1,), {"maps": [{"axis": 0}]}, {}),
    ("axes", (2,), (1,), {"maps": [{"axis": 0, "rows": [row([0], [1], 0)]}]}, {}),
    ("axes", (2,), (1,), {"maps": [{"axis": 0, "rows": [row([2], [1], 1)]}]}, {}),
    ("axes", (2,), (1,), {"maps": [{"axis": True, "rows": [row([0], [1], 1)]}]}, {}),
    ("axes", (2,), (1,), {"maps": [{"axis": 0, "rows": [{"indices": [0]}]}]}, {}),
    (
        "axes",
        (2,),
        (1,),
        {"maps": [{"axis": 0, "rows": [{"indices": [0], "weights": [0.5], "divisor": 1}]}]},
        {},
    ),
    ("reshape", (2, 3), (5,), {"shape": [5]}, {}),
    ("reshape", (2, 3), (6,), {"shape": [-2, -3]}, {}),
    ("reshape", (2, 3), (6,), {"shape": "6"}, {}),
    ("permute", (2, 3), (3, 2), {"order": [1, 1]}, {}),
    ("permute", (2, 3), (3, 2), {"order": [1.0, 0.0]}, {}),
]


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: case[0])
def test_malformed_nodes_are_refused(
    case: tuple[str, Shape, Shape, dict[str, Any], dict[str, FloatArray]],
) -> None:
    kind, shape, result, attributes, tensors = case
    with pytest.raises(DataError, match="the operation"):
        read(kind, shape, result, attributes, **tensors)


def test_every_operation_of_this_file_is_registered() -> None:
    assert {"dense", "diagonal", "batch_norm", "axes", "reshape", "permute"} <= set(
        operation_classes()
    )
