"""What executions in float64 and float32 do to each operation, against exact values."""

import math

import flint
import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.nn import functional

from flowcert.theory.certificate import Node
from flowcert.theory.certificate.operations import DOUBLE, SINGLE, read_operation

# ------------------------------------------------------------------- activations, entry by entry


def _logistic(x):
    return 1 / (1 + (-x).exp())


def _log_of_one_and(x):
    return x.exp().log1p()


def _clamp(x, low, high):
    return x.max(low).min(high)


ONE, ZERO = flint.arb(1), flint.arb(0)
ALPHA, SCALE = flint.arb(1.6732632423543772), flint.arb(1.0507009873554805)
# Name, parameters, exact value of a ball, PyTorch's function.
FUNCTIONS = [
    ("abs", {}, abs, torch.abs),
    ("atan", {}, lambda x: x.atan(), torch.atan),
    (
        "celu",
        {"alpha": 0.7},
        lambda x: x.max(ZERO) + flint.arb(0.7) * (x.min(ZERO) / flint.arb(0.7)).expm1(),
        lambda x: functional.celu(x, 0.7),
    ),
    ("cos", {}, lambda x: x.cos(), torch.cos),
    (
        "elu",
        {"alpha": 2.5},
        lambda x: x.max(ZERO) + flint.arb(2.5) * x.min(ZERO).expm1(),
        lambda x: functional.elu(x, 2.5),
    ),
    ("erf", {}, lambda x: x.erf(), torch.erf),
    ("gelu", {}, lambda x: x * (-x / flint.arb(2).sqrt()).erfc() / 2, functional.gelu),
    (
        "gelu_tanh",
        {},
        lambda x: (
            x * _logistic((8 / flint.arb.pi()).sqrt() * (x + flint.arb("0.044715") * x * x * x))
        ),
        lambda x: functional.gelu(x, approximate="tanh"),
    ),
    ("hardsigmoid", {}, lambda x: _clamp(x + 3, ZERO, flint.arb(6)) / 6, functional.hardsigmoid),
    ("hardswish", {}, lambda x: x * _clamp(x + 3, ZERO, flint.arb(6)) / 6, functional.hardswish),
    (
        "hardtanh",
        {"min": -0.1, "max": 1.3},
        lambda x: _clamp(x, flint.arb(-0.1), flint.arb(1.3)),
        lambda x: functional.hardtanh(x, -0.1, 1.3),
    ),
    (
        "leaky_relu",
        {"slope": -1.7},
        lambda x: x.max(ZERO) + flint.arb(-1.7) * x.min(ZERO),
        lambda x: functional.leaky_relu(x, -1.7),
    ),
    ("logsigmoid", {}, lambda x: -_log_of_one_and(-x), functional.logsigmoid),
    (
        "mish",
        {},
        lambda x: x - 2 * x / (1 + (1 + x.exp()) ** 2),
        functional.mish,
    ),
    ("relu", {}, lambda x: x.max(ZERO), functional.relu),
    (
        "selu",
        {},
        lambda x: SCALE * x.max(ZERO) + SCALE * ALPHA * x.min(ZERO).expm1(),
        functional.selu,
    ),
    ("sigmoid", {}, _logistic, torch.sigmoid),
    ("silu", {}, lambda x: x * _logistic(x), functional.silu),
    ("sin", {}, lambda x: x.sin(), torch.sin),
    (
        "softplus",
        {"beta": 0.3},
        lambda x: _log_of_one_and(flint.arb(0.3) * x) / flint.arb(0.3),
        lambda x: functional.softplus(x, 0.3),
    ),
    (
        "softplus",
        {"beta": 30.0},
        lambda x: _log_of_one_and(30 * x) / 30,
        lambda x: functional.softplus(x, 30.0),
    ),
    (
        "softshrink",
        {"lambd": 0.3},
        lambda x: x - _clamp(x, flint.arb(-0.3), flint.arb(0.3)),
        lambda x: functional.softshrink(x, 0.3),
    ),
    ("softsign", {}, lambda x: x / (1 + abs(x)), functional.softsign),
    ("tanh", {}, lambda x: x.tanh(), torch.tanh),
    ("tanhshrink", {}, lambda x: x - x.tanh(), functional.tanhshrink),
    ("exp", {}, lambda x: x.exp(), torch.exp),
    ("log", {}, lambda x: x.log(), torch.log),
    ("reciprocal", {}, lambda x: 1 / x, torch.reciprocal),
    ("sqrt", {}, lambda x: x.sqrt(), torch.sqrt),
    ("square", {}, lambda x: x * x, torch.square),
]
NAMES = [f"{name} {parameters}" for name, parameters, _, _ in FUNCTIONS]
POSITIVE = {"log", "sqrt"}
SMOOTH = {
    *("atan", "celu", "cos", "elu", "erf", "exp", "gelu", "gelu_tanh", "log", "logsigmoid"),
    *("mish", "selu", "sigmoid", "silu", "sin", "softplus", "tanh", "tanhshrink"),
}


def activation(name, parameters, count=1):
    node = Node("y", "activation", ("x",), (count,), {"function": name, "parameters": parameters})
    return read_operation(node, [(count,)], {})


def points(name):
    rng = np.random.default_rng(7)
    sizes = [np.geomspace(1e-310, 1e-8, 60), np.geomspace(1e-8, 600.0, 300)]
    x = np.concatenate([*sizes, rng.uniform(0.0, 4.0, 300), rng.uniform(0.0, 40.0, 200)])
    kinks = [k + e for k in (0.3, 0.1, 1.3, 3.0, 6.0) for e in (-1e-9, 0.0, 1e-9)]
    x = np.concatenate([x, kinks, [] if name in {"exp", "square"} else [1e5, 1e30]])
    return x if name in POSITIVE else np.concatenate([x, -x, [] if name == "reciprocal" else [0.0]])


def errors_of(computed, exact, x):
    """|computed − exact|, rounded upwards, entry by entry."""
    with flint.ctx.workprec(1200):  # 1 + exp(−600) must not be 1
        pairs = zip(computed.tolist(), x.tolist(), strict=True)
        differences = [flint.arb(c) - exact(flint.arb(s)) for c, s in pairs]
        return np.array([float(d.abs_upper()) for d in differences])


@pytest.mark.parametrize(("name", "parameters", "exact", "of_torch"), FUNCTIONS, ids=NAMES)
def test_activations_in_float64(name, parameters, exact, of_torch):
    operation = activation(name, parameters)
    x = points(name)[:, None]
    output = operation.evaluate(x)
    bounds = operation.rounding([x], output, [np.zeros(len(x))], DOUBLE)
    by_torch = of_torch(torch.from_numpy(x)).numpy()
    finite = np.isfinite(output[:, 0])
    for computed in (output, by_torch):
        errors = errors_of(computed[finite, 0], exact, x[finite, 0])
        assert np.all(errors <= bounds[finite])
    sizes = 1.0 + np.abs(x[:, 0]) + np.abs(output[:, 0])
    assert np.all((bounds < 1e-13 * sizes + 1e-8)[finite])


@pytest.mark.parametrize(("name", "parameters", "exact", "of_torch"), FUNCTIONS, ids=NAMES)
def test_activations_in_float32(name, parameters, exact, of_torch):
    operation = activation(name, parameters)
    x = points(name)[:, None]
    x = x[(np.abs(x[:, 0]) > 1e-15) & (np.abs(x[:, 0]) < 1e15)].astype(np.float32)
    wide = x.astype(np.float64)
    bounds = operation.rounding([wide], operation.evaluate(wide), [np.zeros(len(x))], SINGLE)
    if name in SMOOTH:
        assert np.all(bounds == math.inf)
        return
    computed = of_torch(torch.from_numpy(x)).numpy()
    assert computed.dtype == np.float32
    errors = errors_of(computed[:, 0], exact, wide[:, 0])
    assert np.all(errors <= bounds)
    assert np.all(
        bounds <= 1e-6 * (1.0 + np.abs(wide[:, 0]) + np.abs(operation.evaluate(wide)[:, 0]))
    )


@pytest.mark.parametrize(("name", "parameters", "exact", "of_torch"), FUNCTIONS, ids=NAMES)
def test_activations_at_any_input_within_the_radius(name, parameters, exact, of_torch):
    operation = activation(name, parameters, 6)
    rng = np.random.default_rng(3)
    x = rng.uniform(0.5, 5.0, (20, 6)) * (1.0 if name in POSITIVE else rng.choice([-1, 1], (20, 6)))
    radius = np.geomspace(1e-12, 0.3, 20)
    moved = x + radius[:, None] * rng.choice([-1, 1], (20, 6)) / math.sqrt(6)
    bounds = operation.rounding([x], operation.evaluate(x), [radius], DOUBLE)
    computed = of_torch(torch.from_numpy(moved)).numpy()
    for row in range(20):
        errors = errors_of(computed[row], exact, moved[row])
        assert np.linalg.norm(errors) <= bounds[row]


FAR = {
    "exp": (0.0, 6.0),
    "gelu": (0.0, 3.0),
    "leaky_relu": (0.0, -1e6),
    "reciprocal": (1.0, -0.9999),
    "square": (1.0, 1e5),
}


@pytest.mark.parametrize("name", FAR)
def test_far_from_the_values_errors_are_larger(name):
    start, far = FAR[name]
    [(parameters, exact, of_torch)] = [case[1:] for case in FUNCTIONS if case[0] == name]
    operation = activation(name, parameters)
    x = np.full((200, 1), start)
    moved = x + far * np.random.default_rng(5).uniform(0.5, 1.0, (200, 1))
    radius = np.abs(moved - x)[:, 0] * (1 + 1e-12)
    bounds = operation.rounding([x], operation.evaluate(x), [radius], DOUBLE)
    errors = errors_of(of_torch(torch.from_numpy(moved)).numpy()[:, 0], exact, moved[:, 0])
    assert np.all(errors <= bounds)
    unmoved = operation.rounding([x], operation.evaluate(x), [np.zeros(200)], DOUBLE)
    assert np.any(errors > unmoved)  # the radius is needed


@pytest.mark.parametrize(("name", "parameters", "exact", "of_torch"), FUNCTIONS, ids=NAMES)
def test_errors_of_many_entries_add_up_in_quadrature(name, parameters, exact, of_torch):
    x = np.full((1, 100), 1.25)
    many, one = activation(name, parameters, 100), activation(name, parameters)
    for arithmetic in (SINGLE, DOUBLE):
        bound = many.rounding([x], many.evaluate(x), [np.zeros(1)], arithmetic)[0]
        single = one.rounding([x[:, :1]], one.evaluate(x[:, :1]), [np.zeros(1)], arithmetic)[0]
        assert bound == pytest.approx(10.0 * single, rel=1e-6)


# ------------------------------------------------------------------- the others, in many digits

mp = mpmath.mp.clone()
mp.dps = 60


def _rows(x, of_row):
    return np.array([of_row([mp.mpf(float(v)) for v in row]) for row in x], dtype=object)


def _softmax(row):
    total = mp.fsum(mp.exp(v) for v in row)
    return [mp.exp(v) / total for v in row]


def _logsumexp(row):
    return mp.log(mp.fsum(mp.exp(v) for v in row))


def _log_softmax(row):
    total = _logsumexp(row)
    return [v - total for v in row]


def _standardise(row):
    mean = mp.fsum(row) / len(row)
    variance = mp.fsum((v - mean) ** 2 for v in row) / len(row)
    return [(v - mean) / mp.sqrt(variance + mp.mpf(1e-5)) for v in row]


def _norm_of(values):
    return float(mp.sqrt(mp.fsum(v**2 for v in np.ravel(values))))


N = 4
ONE_INPUT = {
    "softmax": (
        {"axis": 1},
        lambda x: _rows(x, _softmax),
        lambda x: torch.softmax(x, 1),
    ),
    "log_softmax": (
        {"axis": 1},
        lambda x: _rows(x, _log_softmax),
        lambda x: torch.log_softmax(x, 1),
    ),
    "logsumexp": (
        {"axis": 1},
        lambda x: _rows(x, _logsumexp),
        lambda x: torch.logsumexp(x, 1),
    ),
    "standardise": (
        {"axes": [1], "epsilon": 1e-5},
        lambda x: _rows(x, _standardise),
        lambda x: functional.layer_norm(x, (N,), eps=1e-5),
    ),
    "vector_norm": (
        {"axes": [1]},
        lambda x: _rows(x, lambda row: mp.sqrt(mp.fsum(v**2 for v in row))),
        lambda x: torch.linalg.vector_norm(x, dim=1),
    ),
}


def one_input(name):
    attributes, exact, of_torch = ONE_INPUT[name]
    shape = (2,) if name in {"logsumexp", "vector_norm"} else (2, N)
    operation = read_operation(Node("y", name, ("x",), shape, attributes), [(2, N)], {})
    return operation, exact, of_torch


@st.composite
def inputs(draw):
    """Of any scale, around means far greater than the differences."""
    x = draw(arrays(float, (2, N), elements=st.floats(-1, 1)))
    x = x * 10.0 ** draw(st.integers(-9, 3))
    return x + draw(st.sampled_from([0.0, 1.0, -1e3, 1e8]))


@pytest.mark.parametrize("name", ONE_INPUT)
@given(x=inputs(), radius=st.sampled_from([0.0, 1e-9, 1e-3]))
def test_operations_of_one_input_in_float64(name, x, radius):
    operation, exact, of_torch = one_input(name)
    bound = operation.rounding([x[None]], operation.evaluate(x[None]), [np.full(1, radius)], DOUBLE)
    moved = x + radius / math.sqrt(x.size) * (1 - 1e-12)
    truth = exact(moved)
    by_torch = of_torch(torch.from_numpy(moved)).numpy()
    for computed in (operation.evaluate(moved[None])[0], by_torch):
        assert _norm_of(computed - truth) <= bound[0]
    assert bound[0] < 1e-9 * (1.0 + np.abs(x).max())  # and it says something


def test_group_norm_multiplies_out_and_is_still_within():
    """PyTorch computes x·(1/s) − mean·(1/s): cancellation at a great mean."""
    attributes = {"axes": [0], "epsilon": 1e-5}
    operation = read_operation(Node("y", "standardise", ("x",), (64,), attributes), [(64,)], {})
    rng = np.random.default_rng(0)
    for mean in (0.0, 1e2, 1e5, 1e8):
        x = mean + rng.normal(size=(1, 64)) * 1e-3
        bound = operation.rounding([x], operation.evaluate(x), [np.zeros(1)], DOUBLE)[0]
        [truth] = _rows(x, _standardise)
        for computed in (
            functional.group_norm(torch.from_numpy(x)[:, :, None], 1, eps=1e-5).numpy()[0, :, 0],
            functional.instance_norm(torch.from_numpy(x)[:, None], eps=1e-5).numpy()[0, 0],
            operation.evaluate(x)[0],
        ):
            assert _norm_of(computed - truth) <= bound


def test_long_sums_of_exponentials_are_within():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 1000)) * 5.0
    for name in ("softmax", "log_softmax", "logsumexp"):
        _, exact, of_torch = one_input(name)
        shape = () if name == "logsumexp" else (1000,)
        operation = read_operation(Node("y", name, ("x",), shape, {"axis": 0}), [(1000,)], {})
        bound = operation.rounding([x], operation.evaluate(x), [np.zeros(1)], DOUBLE)[0]
        [truth] = exact(x)
        assert _norm_of(operation.evaluate(x)[0] - truth) <= bound
        assert _norm_of(of_torch(torch.from_numpy(x)).numpy()[0] - truth) <= bound


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "standardise"])
def test_what_is_not_assumed_of_float32_is_unknown(name):
    operation, _, _ = one_input(name)
    x = np.ones((3, 2, N))
    bound = operation.rounding([x], operation.evaluate(x), [np.zeros(3)], SINGLE)
    assert np.all(bound == math.inf)


singles = arrays(np.float32, (2, N), elements=st.floats(-1, 1, width=32))


@given(x=singles, exponent=st.integers(-30, 15))
def test_norms_in_float32(x, exponent):
    operation, exact, of_torch = one_input("vector_norm")
    x = x * np.float32(10.0) ** np.float32(exponent)  # down to where squares underflow
    wide = x.astype(np.float64)
    bound = operation.rounding([wide[None]], operation.evaluate(wide[None]), [np.zeros(1)], SINGLE)
    error = _norm_of(of_torch(torch.from_numpy(x)).numpy().astype(float) - exact(wide))
    assert error <= bound[0]


TWO_INPUTS = [
    ("product", {}, lambda x, y: x * y),
    ("sum", {"coefficients": [1.0, -0.3]}, lambda x, y: x - 0.3 * y),
    ("sum", {"coefficients": [1.0, 1.0]}, lambda x, y: x + y),
]


def _exactly(name, attributes, x, y):
    x, y = (np.vectorize(mp.mpf, otypes=[object])(v.astype(float)) for v in (x, y))
    if name == "product":
        return x * y
    a, b = attributes["coefficients"]
    return mp.mpf(a) * x + mp.mpf(b) * y


@pytest.mark.parametrize(("name", "attributes", "of_torch"), TWO_INPUTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(x=singles, y=singles, exponent=st.integers(-25, 15), radius=st.sampled_from([0.0, 0.1]))
def test_products_and_sums(name, attributes, of_torch, dtype, x, y, exponent, radius):
    shape = (2, N)
    node = Node("y", name, ("a", "b"), shape, attributes)
    operation = read_operation(node, [shape, shape], {})
    arithmetic = SINGLE if dtype is np.float32 else DOUBLE
    scale = 10.0**exponent
    x, y = (x * scale).astype(dtype), (y * dtype(np.pi) * scale).astype(dtype)
    wide = [v.astype(np.float64)[None] for v in (x, y)]
    near = [v + radius * scale / math.sqrt(2 * N) * (1 - 1e-6) for v in (x, y)]
    near = [v.astype(dtype) for v in near]
    radii = [
        np.array([np.linalg.norm(v.astype(float) - w[0]) * (1 + 1e-12)])
        for v, w in zip(near, wide, strict=True)
    ]
    bound = operation.rounding(wide, operation.evaluate(*wide), radii, arithmetic)
    computed = of_torch(*(torch.from_numpy(v) for v in near)).numpy()
    assert computed.dtype == dtype
    truth = _exactly(name, attributes, *near)
    assert _norm_of(computed.astype(float) - truth) <= bound[0]
    if arithmetic is DOUBLE:
        assert _norm_of(operation.evaluate(*(v[None] for v in near))[0] - truth) <= bound[0]


SELECTIONS = [
    ("sort", {"axis": 1, "descending": False}, 1, lambda x: torch.sort(x, dim=1).values),
    ("extremum", {"kind": "minimum"}, 2, torch.minimum),
    ("concatenate", {"axis": 0}, 2, lambda x, y: torch.cat([x, y])),
    (
        "max_pool",
        {"axes": [1], "windows": [[[0, 1], [1, 2], [2, 3]]]},
        1,
        lambda x: functional.max_pool1d(x, 2, 1),
    ),
]


@pytest.mark.parametrize(("name", "attributes", "count", "of_torch"), SELECTIONS)
def test_selections_are_exact(name, attributes, count, of_torch):
    shape = {"concatenate": (4, N), "max_pool": (2, 3)}.get(name, (2, N))
    node = Node("y", name, ("a", "b")[:count], shape, attributes)
    operation = read_operation(node, [(2, N)] * count, {})
    x = [np.random.default_rng(i).normal(size=(2, N)).astype(np.float32) for i in range(count)]
    computed = of_torch(*(torch.from_numpy(v) for v in x)).numpy()
    values = [v.astype(np.float64)[None] for v in x]
    output = operation.evaluate(*values)
    np.testing.assert_array_equal(output[0], computed.astype(np.float64))
    for arithmetic in (SINGLE, DOUBLE):
        bound = operation.rounding(values, output, [np.full(1, 0.5)] * count, arithmetic)
        assert bound.tolist() == [0.0]


def _along_each_axis(of_axis, count):
    maps = [{"axis": axis, "rows": of_axis} for axis in range(count)]
    shape = (len(of_axis),) * count
    return read_operation(Node("y", "axes", ("x",), shape, {"maps": maps}), [(1,) * count], {})


def _copies(size):
    """Linear interpolation of one pixel to ``size``: (1 − t)·x + t·x, from its definition."""
    places = [max((2 * i + 1 - size) / (2 * size), 0.0) for i in range(size)]
    numerators = [round(place * 2 * size) for place in places]
    return [
        {"indices": [0, 0], "weights": [2 * size - t, t], "divisor": 2 * size}
        if t
        else {"indices": [0], "weights": [1], "divisor": 1}
        for t in numerators
    ]


@pytest.mark.parametrize(("count", "mode"), [(1, "linear"), (2, "bilinear"), (3, "trilinear")])
@pytest.mark.parametrize("size", [2, 3, 5, 9])
def test_copies_of_one_pixel_are_rounded(count, mode, size):
    operation = _along_each_axis(_copies(size), count)
    x = np.random.default_rng(0).normal(size=(200, *[1] * count)).astype(np.float32)
    tensor = torch.from_numpy(x)[:, None]
    computed = functional.interpolate(tensor, size=[size] * count, mode=mode)[:, 0].double().numpy()
    exact = np.broadcast_to(x.astype(np.float64), computed.shape)
    np.testing.assert_allclose(operation.evaluate(x.astype(np.float64)), exact, rtol=1e-15)
    values = [x.astype(np.float64)]
    bound = operation.rounding(values, exact, [np.zeros(len(x))], SINGLE)
    errors = np.linalg.norm((computed - exact).reshape(len(x), -1), axis=1)
    assert np.all(errors <= bound)
    assert np.all(bound < 1e-5 * np.linalg.norm(exact.reshape(len(x), -1), axis=1))
    assert size < 9 or errors.max() > 0.0


def test_sums_that_cancel_in_the_matrix_alone_have_no_rounding_bound():
    """x + y and x − y, added up: 2x in the matrix, whose rounding is that of y."""
    both = [[0, 1], [1, 1]], [[0, 1], [1, -1]]
    sums = [{"indices": i, "weights": w, "divisor": 1} for i, w in both]
    total = [{"indices": [0, 1], "weights": [1, 1], "divisor": 2}]
    twice = [{"indices": [0, 0], "weights": [3, -2], "divisor": 1}]
    for maps in ([sums, total], [twice]):
        entries = [{"axis": 0, "rows": rows} for rows in maps]
        node = Node("y", "axes", ("x",), (1,), {"maps": entries})
        operation = read_operation(node, [(2,)], {})
        x = np.array([[1e-8, 1.0]])
        np.testing.assert_array_equal(operation.evaluate(x), [[1e-8]])
        bound = operation.rounding([x], operation.evaluate(x), [np.zeros(1)], SINGLE)
        assert bound[0] == math.inf


def test_an_asserted_operation_has_no_rounding_bound():
    node = Node("y", "asserted", ("x",), (2,), {"rule": "r", "upper": 1.0})
    operation = read_operation(node, [(2,)], {})
    bound = operation.rounding([np.zeros((3, 2))], np.zeros((3, 2)), [np.zeros(3)], DOUBLE)
    assert bound.tolist() == [math.inf] * 3


@pytest.mark.parametrize("name", ["product", "sum"])
def test_unknown_radii_give_no_number(name):
    attributes = {"coefficients": [1.0, 0.0]} if name == "sum" else {}
    node = Node("y", name, ("a", "b"), (2,), attributes)
    operation = read_operation(node, [(2,), (2,)], {})
    values = [np.zeros((1, 2)), np.ones((1, 2))]
    bound = operation.rounding(
        values, operation.evaluate(*values), [np.full(1, math.inf), np.zeros(1)], DOUBLE
    )
    assert bound[0] == math.inf
    other = operation.rounding(
        values, operation.evaluate(*values), [np.zeros(1), np.full(1, math.inf)], DOUBLE
    )
    assert not np.isnan(other[0])
