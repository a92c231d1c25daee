"""Every nonlinear operation: its constant bounds all quotients, and is attained where it can be."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn import functional

from flowcert import DataError
from flowcert.theory.certificate import Node
from flowcert.theory.certificate.operations import (
    Inputs,
    batch_norms,
    operation_classes,
    read_operation,
)
from flowcert.theory.certificate.operations.operation import times

LINE = (-math.inf, math.inf)


def read(operation, shapes, shape, **attributes):
    names = tuple(f"x{i}" for i in range(len(shapes)))
    return read_operation(Node("y", operation, names, shape, attributes), shapes, {})


def pooling(shape, axes, windows):
    out = list(shape)
    for axis, table in zip(axes, windows, strict=True):
        out[axis] = len(table)
    return read("max_pool", [shape], tuple(out), axes=list(axes), windows=windows)


def windows_of(length, size, stride=1, padding=0, dilation=1):
    """As torch has them: padded entries are never the largest, so they are left out."""
    count = (length + 2 * padding - dilation * (size - 1) - 1) // stride + 1
    starts = range(-padding, -padding + count * stride, stride)
    return [[i for i in range(s, s + size * dilation, dilation) if 0 <= i < length] for s in starts]


def constant(operation, ranges=None):
    inputs = len(operation.shapes)
    return operation.bound(Inputs.separate((1.0,) * inputs, ranges or [LINE] * inputs)).upper


def unit(inputs):
    """The constant of all inputs stacked, as functions of all of them stacked."""
    return Inputs((1.0,) * inputs, 1.0, (LINE,) * inputs)


def quotient(operation, first, second):
    """The difference quotient over all inputs stacked, and the allowance for its rounding."""
    moved = np.sqrt(sum(np.sum((a - b) ** 2) for a, b in zip(first, second, strict=True)))
    a = operation.evaluate(*(v[None] for v in first))
    b = operation.evaluate(*(v[None] for v in second))
    return (np.linalg.norm((a - b).ravel()) / moved, 1e-9 / moved) if moved > 1e-6 else (0.0, 0.0)


# Each has one input of shape (3, 4), but those of two.
SINGLE = {
    "sort": lambda: read("sort", [(3, 4)], (3, 4), axis=1, descending=False),
    "sort descending": lambda: read("sort", [(3, 4)], (3, 4), axis=0, descending=True),
    "softmax": lambda: read("softmax", [(3, 4)], (3, 4), axis=1),
    "log_softmax": lambda: read("log_softmax", [(3, 4)], (3, 4), axis=0),
    "logsumexp": lambda: read("logsumexp", [(3, 4)], (4,), axis=0),
    "standardise": lambda: read("standardise", [(3, 4)], (3, 4), axes=[1], epsilon=1e-2),
    "standardise all": lambda: read("standardise", [(3, 4)], (3, 4), axes=[0, 1], epsilon=0.3),
    "vector_norm": lambda: read("vector_norm", [(3, 4)], (3,), axes=[1]),
    "max_pool": lambda: pooling((3, 4), (0, 1), [windows_of(3, 2), windows_of(4, 3, padding=1)]),
}
DOUBLE_INPUT = {
    "maximum": lambda: read("extremum", [(3, 4)] * 2, (3, 4), kind="maximum"),
    "minimum": lambda: read("extremum", [(3, 4)] * 2, (3, 4), kind="minimum"),
    "concatenate": lambda: read("concatenate", [(3, 4)] * 2, (6, 4), axis=0),
}
TORCH = {
    "sort": lambda x: torch.sort(x, dim=2).values,
    "sort descending": lambda x: torch.sort(x, dim=1, descending=True).values,
    "softmax": lambda x: functional.softmax(x, 2),
    "log_softmax": lambda x: functional.log_softmax(x, 1),
    "logsumexp": lambda x: torch.logsumexp(x, 1),
    "standardise": lambda x: functional.layer_norm(x, (4,), eps=1e-2),
    "standardise all": lambda x: functional.group_norm(x, 1, eps=0.3),
    "vector_norm": lambda x: torch.linalg.vector_norm(x, dim=2),
    "max_pool": lambda x: functional.max_pool2d(x, (2, 3), stride=1, padding=(0, 1)),
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "concatenate": lambda x, y: torch.cat([x, y], 1),
}
ALL = SINGLE | DOUBLE_INPUT


@st.composite
def matrices(draw):
    """Of twelve decades, with ties, with one entry far above the rest, or constant rows."""
    entries = st.floats(-3, 3) | st.sampled_from([0.0, 1.0, -1.0])
    x = draw(arrays(float, (3, 4), elements=entries))
    scale = 10.0 ** draw(st.integers(-6, 3))
    if draw(st.booleans()):
        x = np.round(x)
    if draw(st.booleans()):
        x[draw(st.integers(0, 2)), draw(st.integers(0, 3))] += 20.0
    return x * scale + draw(st.sampled_from([0.0, 0.0, 100.0]))


@pytest.mark.parametrize("name", ALL)
@given(data=st.data())
def test_no_quotient_exceeds_the_constant(name, data):
    operation = ALL[name]()
    inputs = len(operation.shapes)
    first = [data.draw(matrices()) for _ in range(inputs)]
    second = [data.draw(matrices()) for _ in range(inputs)]
    near = [v + 1e-3 * w / (np.abs(w).max() + 1e-9) for v, w in zip(first, second, strict=True)]
    bound = operation.bound(unit(inputs)).upper
    for other in (second, near):
        value, allowance = quotient(operation, first, other)
        assert value <= bound + allowance


@pytest.mark.parametrize("name", ALL)
@given(data=st.data())
def test_values_are_those_of_torch_and_ranges_enclose_them(name, data):
    operation = ALL[name]()
    x = [np.stack([data.draw(matrices())] * 2) for _ in operation.shapes]
    x[0][1] *= -1.0
    values = operation.evaluate(*x)
    expected = TORCH[name](*(torch.from_numpy(v) for v in x)).numpy()
    assert values.shape == (2, *operation.shape()) == expected.shape
    size = max(float(np.abs(v).max()) for v in x)
    # Normalising by 1/√ε magnifies what rounding did to the mean.
    np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12 + 1e-14 * size)
    low, high = operation.range([(float(v.min()), float(v.max())) for v in x])
    assert low - 1e-12 * (1 + size) <= values.min()
    assert values.max() <= high + 1e-12 * (1 + size)
    wide_low, wide_high = operation.range([LINE] * len(x))
    assert wide_low <= low + 1e-9 * (1 + size)
    assert high - 1e-9 * (1 + size) <= wide_high


def jacobian_norm(operation, x, step=1e-6):
    flat = x.ravel()
    columns = []
    for e in np.eye(flat.size) * step:
        ahead, behind = ((flat + s * e).reshape(1, *x.shape) for s in (1, -1))
        columns.append(
            (operation.evaluate(ahead) - operation.evaluate(behind)).ravel() / (2 * step)
        )
    return np.linalg.norm(np.array(columns), 2)


@pytest.mark.parametrize(
    ("name", "x"),
    [
        ("softmax", [[5.0, 5.0, -9.0, -9.0]] * 3),
        ("log_softmax", [[20.0] * 4, [0.0] * 4, [0.0] * 4]),
        ("logsumexp", [[20.0] * 4, [0.0] * 4, [0.0] * 4]),
        ("standardise", [[2.0] * 4] * 3),
        ("standardise all", [[-1.0] * 4] * 3),
        ("vector_norm", [[1.0, 2.0, 3.0, 4.0]] * 3),
        ("sort", [[3.0, 1.0, 2.0, 0.0]] * 3),
        ("max_pool", [[0.0] * 4, [0.0, 9.0, 0.0, 0.0], [0.0] * 4]),
    ],
)
def test_constants_are_attained(name, x):
    operation = SINGLE[name]()
    bound = constant(operation)
    assert bound * (1 - 1e-3) <= jacobian_norm(operation, np.array(x)) <= bound * (1 + 1e-8)


def test_extremum_and_concatenation_attain_the_joint_constant():
    maximum, both = DOUBLE_INPUT["maximum"](), DOUBLE_INPUT["concatenate"]()
    x, y = np.zeros((3, 4)), np.full((3, 4), -1.0)
    assert quotient(maximum, (x, y), (x + 0.5, y))[0] == 1.0
    assert maximum.bound(unit(2)).upper == 1.0
    assert math.sqrt(2) <= constant(maximum) <= math.sqrt(2) * (1 + 1e-13)
    assert quotient(both, (x, y), (x + 0.5, y - 2.0))[0] == pytest.approx(1.0, abs=1e-15)
    assert both.bound(Inputs((3.0, 4.0), 4.5, (LINE, LINE))).upper == 4.5
    assert 5.0 <= both.bound(Inputs((3.0, 4.0), 8.0, (LINE, LINE))).upper <= 5.0 + 1e-13


@given(st.integers(1, 9), st.data())
def test_overlapping_windows_attain_their_constant(length, data):
    size = data.draw(st.integers(1, length))
    stride, padding = data.draw(st.integers(1, 3)), data.draw(st.integers(0, size // 2))
    dilation = data.draw(st.integers(1, max(1, (length - 1) // max(size - 1, 1))))
    windows = windows_of(length, size, stride, padding, dilation)
    if not all(windows):
        return
    operation = pooling((length,), (0,), [windows])
    x = np.random.default_rng(length).normal(size=(2, length))
    expected = functional.max_pool1d(torch.from_numpy(x)[:, None], size, stride, padding, dilation)
    np.testing.assert_array_equal(operation.evaluate(x), expected[:, 0].numpy())
    moved = []
    for peak in range(length):  # one entry far above the others decides all its windows
        base = np.zeros(length)
        base[peak] = 9.0
        moved.append(quotient(operation, [base], [base + (np.arange(length) == peak)])[0])
    assert constant(operation) == pytest.approx(max(moved), rel=1e-14)
    assert constant(operation) >= max(moved) * (1 - 1e-15)


def test_pooling_of_every_kind():
    x = np.random.default_rng(0).normal(size=(2, 3, 7, 6))
    tables = [windows_of(7, 3, 2, 1), windows_of(6, 2, 2)]
    operation = pooling((3, 7, 6), (1, 2), tables)
    expected = functional.max_pool2d(torch.from_numpy(x), (3, 2), 2, (1, 0)).numpy()
    np.testing.assert_array_equal(operation.evaluate(x), expected)
    assert math.sqrt(2) <= constant(operation) <= math.sqrt(2) * (1 + 1e-15)
    adaptive = [[list(range(7 * i // 3, -(-7 * (i + 1) // 3))) for i in range(3)], [list(range(6))]]
    operation = pooling((3, 7, 6), (1, 2), adaptive)
    expected = functional.adaptive_max_pool2d(torch.from_numpy(x), (3, 1)).numpy()
    np.testing.assert_array_equal(operation.evaluate(x), expected)
    dense = pooling((5, 5), (0, 1), [windows_of(5, 3)] * 2)
    assert constant(dense) == 3.0  # nine windows share the middle
    assert constant(pooling((4,), (0,), [[[0, 0, 1], [2, 3, 3]]])) == 1.0


def test_groups_of_one_entry():
    for name in ("softmax", "log_softmax"):
        operation = read(name, [(1, 4)], (1, 4), axis=0)
        assert constant(operation) == 0.0
        assert np.all(operation.evaluate(np.ones((1, 1, 4))) == (name == "softmax"))
        assert operation.range([LINE]) == ((1.0, 1.0) if name == "softmax" else (0.0, 0.0))
    operation = read("standardise", [(1, 4)], (1, 4), axes=[0], epsilon=1e-9)
    assert constant(operation) == 0.0
    assert operation.range([LINE]) == (0.0, 0.0)


def test_softmax_of_two_attains_one_half_exactly():
    operation = read("softmax", [(2,)], (2,), axis=0)
    assert constant(operation) == 0.5
    assert jacobian_norm(operation, np.zeros(2)) == pytest.approx(0.5, rel=1e-8)


# ------------------------------------------------------------------- product


@given(st.data(), st.floats(0.01, 50.0), st.floats(0.01, 50.0))
def test_products_of_bounded_values(data, X, Y):
    operation = read("product", [(5,)] * 2, (5,))
    entries = st.floats(-1, 1) | st.sampled_from([-1.0, 1.0])
    x, x2 = (X * data.draw(arrays(float, 5, elements=entries)) for _ in range(2))
    y, y2 = (Y * data.draw(arrays(float, 5, elements=entries)) for _ in range(2))
    ranges = ((-X, X), (-Y, Y))
    dx, dy = np.linalg.norm(x - x2), np.linalg.norm(y - y2)
    joint = operation.bound(Inputs((1e9, 1e9), math.hypot(dx, dy), ranges)).upper
    separate = operation.bound(Inputs((dx, dy), 1e9, ranges)).upper
    moved = np.linalg.norm(x * y - x2 * y2)
    assert moved <= min(joint, separate) * (1 + 1e-12) + 1e-12
    low, high = operation.range(ranges)
    assert low <= (x * y).min() <= (x * y).max() <= high


def test_products_attain_their_constant():
    operation = read("product", [(1,)] * 2, (1,))
    ranges = ((-3.0, 3.0), (-4.0, 4.0))
    jointly = operation.bound(Inputs((1.0, 1.0), 1.0, ranges)).upper
    assert jointly == pytest.approx(5.0, rel=1e-12)  # at (3, 4), along (4, 3)/5
    x, y, t = 3.0, 4.0, 1e-6
    assert (x * y - (x - 0.8 * t) * (y - 0.6 * t)) / t == pytest.approx(5.0, rel=1e-6)
    same = operation.bound(Inputs((1.0, 1.0), math.sqrt(2), (ranges[0], ranges[0]))).upper
    assert same == pytest.approx(6.0, rel=1e-12)  # x·x on [−3, 3]


def test_products_without_a_range_have_no_bound_unless_one_factor_is_fixed():
    operation = read("product", [(2,)] * 2, (2,))

    def bound(constants, joint, *ranges):
        return operation.bound(Inputs(constants, joint, ranges)).upper

    assert bound((1.0, 1.0), 1.0, LINE, (0.0, 1.0)) == math.inf
    assert bound((1.0, 0.0), 1.0, LINE, (-2.0, 1.0)) == pytest.approx(2.0)
    assert bound((math.inf, 1.0), math.inf, (0.0, 1.0), (0.0, 0.0)) == pytest.approx(1.0)
    assert operation.range([LINE, (0.0, 0.0)]) == (0.0, 0.0)
    assert operation.range([LINE, (1.0, 2.0)]) == LINE


# ------------------------------------------------------------------- sum, norm, asserted


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=4), st.data())
def test_sums(coefficients, data):
    operation = read("sum", [(3,)] * len(coefficients), (3,), coefficients=coefficients)
    draw = arrays(float, 3, elements=st.floats(-10, 10))
    first, second = ([data.draw(draw) for _ in coefficients] for _ in range(2))
    distances = [np.linalg.norm(a - b) for a, b in zip(first, second, strict=True)]
    a = operation.evaluate(*(v[None] for v in first))[0]
    b = operation.evaluate(*(v[None] for v in second))[0]
    inputs = Inputs(tuple(distances), math.hypot(*distances), (LINE,) * len(coefficients))
    assert np.linalg.norm(a - b) <= operation.bound(inputs).upper + 1e-9
    ranges = [(float(v.min()), float(v.max())) for v in first]
    low, high = operation.range(ranges)
    assert low - 1e-9 <= a.min() <= a.max() <= high + 1e-9


def test_sums_of_the_extremely_large_stay_sound():
    operation = read("sum", [(1,)] * 2, (1,), coefficients=[1e200, 1e200])
    low, high = operation.range([(1e200, 1e201), (1e200, 1e201)])
    assert high == math.inf
    assert low < math.inf
    assert operation.bound(Inputs((1e200, 1e200), 1e201, (LINE, LINE))).upper == math.inf
    residual = read("sum", [(1,)] * 2, (1,), coefficients=[1.0, 0.0])
    assert residual.bound(Inputs((1.0, math.inf), math.inf, (LINE, LINE))).upper < 1.0 + 1e-13
    assert residual.range([(0.0, 1.0), LINE]) == (0.0, 1.0)
    mixed = read("sum", [(1,)] * 2, (1,), coefficients=[1.0, -1.0])
    assert mixed.range([LINE, LINE]) == LINE


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1.0, 1e160, 1e300])
def test_norms_of_every_scale(scale):
    operation = read("vector_norm", [(2, 2)], (), axes=[0, 1])
    x = scale * np.array([[[1.0, 2.0], [-2.0, 4.0]]])
    assert operation.evaluate(x)[0] == pytest.approx(5.0 * scale, rel=1e-15)
    assert operation.evaluate(0.0 * x)[0] == 0.0
    assert operation.range([(-1.0, 3.0)]) == (0.0, 6.0)
    assert operation.range([(-3.0, -2.0)]) == (4.0, 6.0)


def test_an_asserted_bound_has_no_value():
    operation = read("asserted", [(3,), (2,)], (7,), rule="MyLayer", upper=2.5)
    factor = operation.bound(Inputs((3.0, 4.0), 5.0, (LINE, LINE)))
    assert 12.5 <= factor.upper <= 12.5 * (1 + 1e-14)
    assert factor.rule == "user-asserted"
    assert operation.range([LINE, LINE]) == LINE
    with pytest.raises(DataError, match="MyLayer"):
        operation.evaluate(np.zeros((1, 3)), np.zeros((1, 2)))


# ------------------------------------------------------------------- never NaN


@pytest.mark.parametrize("name", ALL)
def test_an_unknown_constant_stays_unknown(name):
    operation = ALL[name]()
    inputs = len(operation.shapes)
    unknown = Inputs((math.inf,) * inputs, math.inf, (LINE,) * inputs)
    assert operation.bound(unknown).upper == math.inf
    fixed = Inputs((0.0,) * inputs, 0.0, (LINE,) * inputs)
    assert operation.bound(fixed).upper <= 1e-300


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e150, 1e300])
@pytest.mark.parametrize("name", ALL)
def test_bounds_are_homogeneous(name, scale):
    operation = ALL[name]()
    inputs = len(operation.shapes)
    scaled = Inputs((scale,) * inputs, scale, (LINE,) * inputs)
    expected = operation.bound(unit(inputs)).upper * scale
    assert operation.bound(scaled).upper == pytest.approx(expected, rel=1e-13)


def test_zero_times_unknown_is_zero():
    assert times(0.0, math.inf) == times(math.inf, 0.0) == 0.0
    assert times(1e-200, 1e-200) > 0.0
    assert times(1e200, 1e200) == math.inf
    assert times(1.0, 0.1) == 0.1


def test_norms_of_batches():
    x = np.array([[3.0, 4.0], [0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0], [-math.inf, 0.0]])
    norms = batch_norms(x)
    assert 5.0 <= norms[0] <= 5.0 * (1 + 1e-13)
    assert norms[1] <= 1e-300
    assert np.all(norms[2:] == math.inf)
    assert batch_norms(np.full((1, 4), 1e308))[0] == math.inf
    assert batch_norms(np.full((1, 4), 1e-308))[0] >= 2e-308
    assert batch_norms(np.array([2.0]))[0] >= 2.0
    assert batch_norms(np.zeros((0, 3))).shape == (0,)


# ------------------------------------------------------------------- malformed

PAIR = [(3, 4), (3, 4)]
MALFORMED = [
    ("concatenate", PAIR, (6, 4), {"axis": 2}),
    ("concatenate", PAIR, (6, 4), {"axis": True}),
    ("concatenate", PAIR, (6, 4), {"axis": -2}),
    ("concatenate", PAIR, (5, 4), {"axis": 0}),
    ("concatenate", [(3, 4), (3, 5)], (6, 4), {"axis": 0}),
    ("concatenate", [(3, 4), (3,)], (6, 4), {"axis": 0}),
    ("extremum", PAIR, (3, 4), {"kind": "mean"}),
    ("extremum", PAIR, (3, 4), {"kind": ["maximum"]}),
    ("extremum", [(3, 4), (3, 1)], (3, 4), {"kind": "maximum"}),
    ("extremum", [(3, 4)], (3, 4), {"kind": "maximum"}),
    ("product", [(3, 4), (3, 1)], (3, 4), {}),
    ("product", PAIR, (3, 4), {"axis": 0}),
    ("sort", [(3, 4)], (3, 4), {"axis": 1, "descending": 1}),
    ("sort", [(3, 4)], (3, 4), {"axis": 1}),
    ("sort", [(3, 4)], (4, 3), {"axis": 1, "descending": False}),
    ("sort", [()], (), {"axis": 0, "descending": False}),
    ("softmax", [(3, 4)], (3, 4), {"axis": "1"}),
    ("log_softmax", [(3, 4)], (3, 4), {"axis": 1.0}),
    ("logsumexp", [(3, 4)], (3, 4), {"axis": 1}),
    ("standardise", [(3, 4)], (3, 4), {"axes": [], "epsilon": 1e-5}),
    ("standardise", [(3, 4)], (3, 4), {"axes": [1, 1], "epsilon": 1e-5}),
    ("standardise", [(3, 4)], (3, 4), {"axes": 1, "epsilon": 1e-5}),
    ("standardise", [(3, 4)], (3, 4), {"axes": [1], "epsilon": 0.0}),
    ("standardise", [(3, 4)], (3, 4), {"axes": [1], "epsilon": -1.0}),
    ("standardise", [(3, 4)], (3, 4), {"axes": [1], "epsilon": math.nan}),
    ("standardise", [(3, 4)], (3, 4), {"axes": [1], "epsilon": None}),
    ("max_pool", [(4,)], (1,), {"axes": [0], "windows": [[[0, 4]]]}),
    ("max_pool", [(4,)], (1,), {"axes": [0], "windows": [[[-1]]]}),
    ("max_pool", [(4,)], (1,), {"axes": [0], "windows": [[[]]]}),
    ("max_pool", [(4,)], (1,), {"axes": [0], "windows": [[0]]}),
    ("max_pool", [(4,)], (1,), {"axes": [0], "windows": [[[True]]]}),
    ("max_pool", [(4,)], (1,), {"axes": [0], "windows": [[]]}),
    ("max_pool", [(4,)], (1,), {"axes": [0], "windows": []}),
    ("max_pool", [(4,)], (1,), {"axes": [0], "windows": None}),
    ("max_pool", [(4,)], (2,), {"axes": [0], "windows": [[[0]]]}),
    ("max_pool", [(4,)], (1,), {"axes": [1], "windows": [[[0]]]}),
    ("vector_norm", [(3, 4)], (3,), {"axes": [0]}),
    ("vector_norm", [(3, 4)], (3,), {"axes": [2]}),
    ("asserted", [(3,)], (3,), {"rule": "", "upper": 1.0}),
    ("asserted", [(3,)], (3,), {"rule": 3, "upper": 1.0}),
    ("asserted", [(3,)], (3,), {"rule": "r", "upper": -1.0}),
    ("asserted", [(3,)], (3,), {"rule": "r", "upper": math.nan}),
    ("asserted", [(3,)], (3,), {"rule": "r", "upper": "1"}),
    ("asserted", [], (3,), {"rule": "r", "upper": 1.0}),
    ("sum", PAIR, (3, 4), {"coefficients": [1.0]}),
    ("sum", PAIR, (3, 4), {"coefficients": [1.0, math.inf]}),
    ("sum", PAIR, (3, 4), {"coefficients": [1.0, 10**400]}),
    ("sum", PAIR, (3, 4), {"coefficients": [1.0, False]}),
    ("sum", PAIR, (3, 4), {"coefficients": 1.0}),
    ("sum", [(3, 4), (4, 3)], (3, 4), {"coefficients": [1.0, 1.0]}),
    ("sum", [], (3,), {"coefficients": []}),
]


@pytest.mark.parametrize(("operation", "shapes", "shape", "attributes"), MALFORMED)
def test_what_is_malformed_is_refused_by_name(operation, shapes, shape, attributes):
    with pytest.raises(DataError, match="'y'"):
        read(operation, shapes, shape, **attributes)


def test_an_unknown_operation_is_refused():
    with pytest.raises(DataError, match="hat"):
        read("hat", [(3,)], (3,))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_weights_that_are_no_numbers_are_refused_by_name(bad):
    node = Node("layer3", "dense", ("x",), (1,), {}, {"weight": "W"})
    with pytest.raises(DataError, match="layer3"):
        read_operation(node, [(2,)], {"W": np.array([[1.0, bad]])})


def test_every_operation_has_its_name_once():
    known = operation_classes()
    assert {"sort", "softmax", "logsumexp", "max_pool", "asserted", "input"} <= set(known)
    assert all(cls.operation == name for name, cls in known.items())
