"""Activations: slopes proved by ball arithmetic, values as PyTorch's, ranges, refusals."""

import math

import flint
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from flowcert import DataError
from flowcert.theory.certificate import Node
from flowcert.theory.certificate.operations import DOUBLE, Inputs, read_operation
from flowcert.theory.certificate.operations.activation_functions import DISCONTINUOUS, FUNCTIONS

LINE = (-math.inf, math.inf)

# What is written in a certificate, and PyTorch's own function.
CASES = {
    "abs": ("abs", {}, torch.abs),
    "atan": ("atan", {}, torch.atan),
    "celu": ("celu", {"alpha": 0.7}, lambda x: functional.celu(x, 0.7)),
    "clamp above": ("hardtanh", {"max": 0.3}, lambda x: torch.clamp(x, max=0.3)),
    "clamp below": ("hardtanh", {"min": -0.3}, lambda x: torch.clamp(x, min=-0.3)),
    "cos": ("cos", {}, torch.cos),
    "elu": ("elu", {}, functional.elu),
    "elu steep": ("elu", {"alpha": 1.5}, lambda x: functional.elu(x, 1.5)),
    "elu negative": ("elu", {"alpha": -0.5}, lambda x: functional.elu(x, -0.5)),
    "erf": ("erf", {}, torch.erf),
    "gelu": ("gelu", {}, functional.gelu),
    "gelu_tanh": ("gelu_tanh", {}, lambda x: functional.gelu(x, approximate="tanh")),
    "hardsigmoid": ("hardsigmoid", {}, functional.hardsigmoid),
    "hardswish": ("hardswish", {}, functional.hardswish),
    "hardtanh": (
        "hardtanh",
        {"min": -1.0, "max": 2.0},
        lambda x: functional.hardtanh(x, -1.0, 2.0),
    ),
    "leaky_relu": ("leaky_relu", {"slope": 0.1}, lambda x: functional.leaky_relu(x, 0.1)),
    "leaky_relu negative": (
        "leaky_relu",
        {"slope": -0.6},
        lambda x: functional.leaky_relu(x, -0.6),
    ),
    "leaky_relu steep": ("leaky_relu", {"slope": 3.0}, lambda x: functional.leaky_relu(x, 3.0)),
    "logsigmoid": ("logsigmoid", {}, functional.logsigmoid),
    "mish": ("mish", {}, functional.mish),
    "negative": ("negative", {}, torch.neg),
    "relu": ("relu", {}, functional.relu),
    "relu6": ("relu6", {}, functional.relu6),
    "selu": ("selu", {}, functional.selu),
    "sigmoid": ("sigmoid", {}, torch.sigmoid),
    "silu": ("silu", {}, functional.silu),
    "sin": ("sin", {}, torch.sin),
    "softplus": ("softplus", {"threshold": 50.0}, lambda x: functional.softplus(x, 1.0, 50.0)),
    "softplus beta": (
        "softplus",
        {"beta": 3.0, "threshold": 50.0},
        lambda x: functional.softplus(x, 3.0, 50.0),
    ),
    "softshrink": ("softshrink", {"lambd": 0.4}, lambda x: functional.softshrink(x, 0.4)),
    "softsign": ("softsign", {}, functional.softsign),
    "tanh": ("tanh", {}, torch.tanh),
    "tanhshrink": ("tanhshrink", {}, functional.tanhshrink),
    "threshold": (
        "threshold",
        {"threshold": 0.2, "value": 0.2},
        lambda x: functional.threshold(x, 0.2, 0.2),
    ),
}
LOCAL = {
    "exp": (torch.exp, -50.0, 3.0),
    "log": (torch.log, 0.1, 50.0),
    "reciprocal": (torch.reciprocal, -7.0, -0.2),
    "sqrt": (torch.sqrt, 0.04, 9.0),
    "square": (torch.square, -3.0, 2.0),
}


def activation(function, parameters=None, *, shape=(1,), slope=None):
    attributes = {"function": function}
    if parameters is not None:
        attributes["parameters"] = parameters
    tensors = {} if slope is None else {"slope": "a"}
    node = Node("y", "activation", ("x",), shape, attributes, tensors)
    return read_operation(node, [shape], {} if slope is None else {"a": np.asarray(slope)})


def constant(operation, low=-math.inf, high=math.inf):
    return operation.bound(Inputs((1.0,), 1.0, ((low, high),))).upper


def points():
    far = np.geomspace(1e-12, 1e4, 400)
    kinks = [k + e for k in (-3.0, 3.0, 0.3, -0.3, 0.4, -0.4) for e in (-1e-9, 1e-9)]
    return np.concatenate([-far, [0.0], far, np.linspace(-8.0, 8.0, 4001), kinks])


# ------------------------------------------------------------------- extreme slopes, by balls


@pytest.fixture(autouse=True)
def _precision():
    with flint.ctx.workprec(160):
        yield


def _half(x):
    return x * flint.arb("0.5")


def _logistic(x):
    return (1 + (-x).exp()).inv()


def _gelu(x):
    return _half(x) * (1 + (x * flint.arb("0.5").sqrt()).erf())


def _gelu_tanh(x):
    return x * _logistic((x + x * x * x * flint.arb("0.044715")) * (8 / flint.arb.pi()).sqrt())


def _mish(x):
    return x - x * 2 * (1 + (1 + x.exp()) * (1 + x.exp())).inv()  # tanh ln s = 1 − 2/(1 + s²)


BALLS = {
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "silu": lambda x: x * _logistic(x),
    "mish": _mish,
    "erf": lambda x: x.erf(),
}
END = 8  # beyond |x| = 8 the tails below hold


def _tail(name):
    """How far σ' can be from its limits, 0 at −∞ and 1 (erf: 0) at ∞, beyond |x| = END.

    Each bound decreases in |x| from there on. gelu: xφ(x) and 1 − Φ(x). x·p(k·x): 1 − p and
    x·(kx)'·p(1 − p), with p(1 − p) ≤ exp(−kx). mish: tanh ln s is within 2/s² of 1, s = 1 + eˣ, at
    the right, and at most eˣ at the left. There all slopes are negative: the second term wins.
    """
    x = flint.arb(END)
    if name in {"gelu", "erf"}:
        return x * (-x * x / 2).exp()
    if name == "gelu_tanh":
        factor = (8 / flint.arb.pi()).sqrt()
        return (1 + x * factor * (1 + 3 * flint.arb("0.044715") * x * x)) * (-factor * x).exp()
    return (4 * x + 4) * (-x).exp()


def _slope_on(function, low, high):
    """An enclosure of σ' on [low, high]: the second-order form around the middle."""
    low, high = flint.arb(low), flint.arb(high)
    middle, box = (low + high) / 2, low.union(high)
    at = function(flint.arb_series([middle, 1], 4))
    on = function(flint.arb_series([box, 1], 4))
    offset = box - middle
    square = flint.arb(0).union((high - middle) * (high - middle))
    form = at[1] + 2 * at[2] * offset + 3 * on[3] * square
    return form.intersection(on[1]) if form.overlaps(on[1]) else form


def covered(function, low, high, holds):
    """Whether ``holds`` of an enclosure of σ' on every box of a cover of [low, high]."""
    boxes, tried = [(float(low), float(high))], 0
    while boxes:
        a, b = boxes.pop()
        tried += 1
        if holds(_slope_on(function, a, b)):
            continue
        if tried > 20000 or b - a < 1e-11:
            return False
        boxes += [(a, (a + b) / 2), ((a + b) / 2, b)]
    return True


@pytest.mark.parametrize("name", BALLS)
def test_extreme_slopes_are_proved_on_the_whole_line(name):
    low, high = activation(name).slopes

    def inside(slope):
        return bool(slope >= flint.arb(low)) and bool(slope <= flint.arb(high))

    assert covered(BALLS[name], -END, END, inside)
    for limit in (0,) if name == "erf" else (0, 1):
        assert bool(limit + _tail(name) < flint.arb(high))
        assert name == "erf" or bool(limit - _tail(name) > flint.arb(low))  # erf's are positive


@pytest.mark.parametrize("name", BALLS)
def test_smaller_slopes_are_not(name):
    low, high = activation(name).slopes

    def less(slope):
        return bool(slope <= flint.arb(high) - flint.arb("1e-9"))

    def more(slope):
        return bool(slope >= flint.arb(low) + flint.arb("1e-9"))

    assert not covered(BALLS[name], -END, END, less)
    assert name == "erf" or not covered(BALLS[name], -END, END, more)


@pytest.mark.parametrize("name", [name for name in BALLS if name != "erf"])
def test_the_turning_point_and_its_value_are_proved(name):
    [bend] = activation(name).sigma.bends
    left, right = bend.point
    assert covered(BALLS[name], -END, left, lambda slope: bool(slope < 0))
    assert covered(BALLS[name], right, END, lambda slope: bool(slope > 0))
    at = BALLS[name](flint.arb_series([flint.arb(left), 1], 1))[0]
    value = at + _slope_on(BALLS[name], left, right) * flint.arb(0).union(flint.arb(right - left))
    assert flint.arb(bend.value[0]) <= value
    assert value <= flint.arb(bend.value[1])


# ------------------------------------------------------------------- values, slopes, ranges


@pytest.mark.parametrize("case", CASES)
def test_values_are_those_of_torch(case):
    function, parameters, of_torch = CASES[case]
    x = points()
    expected = of_torch(torch.from_numpy(x)).numpy()
    computed = activation(function, parameters).evaluate(x[:, None])[:, 0]
    assert np.all(np.abs(computed - expected) <= 1e-12 * (1.0 + np.abs(expected)))


@pytest.mark.parametrize("case", LOCAL)
def test_values_on_ranges_are_those_of_torch(case):
    of_torch, low, high = LOCAL[case]
    x = np.linspace(low, high, 101)
    computed = activation(case).evaluate(x[:, None])[:, 0]
    np.testing.assert_allclose(computed, of_torch(torch.from_numpy(x)).numpy(), rtol=1e-14)


def test_prelu_has_a_slope_for_each_channel():
    slope = np.array([0.25, -0.5, 2.0])
    operation = activation("prelu", shape=(3, 4), slope=slope)
    assert operation.slopes == (-0.5, 2.0)
    x = np.random.default_rng(0).normal(size=(5, 3, 4))
    expected = functional.prelu(torch.from_numpy(x), torch.from_numpy(slope)).numpy()
    np.testing.assert_array_equal(operation.evaluate(x), expected)
    assert operation.range([(-1.0, 3.0)])[0] <= -2.0
    assert operation.range([(-math.inf, 0.0)]) == LINE
    single = activation("prelu", shape=(3, 4), slope=[-0.25])
    assert single.slopes == (-0.25, 1.0)
    np.testing.assert_array_equal(single.evaluate(x), np.where(x > 0, x, -0.25 * x))


@pytest.mark.parametrize("case", CASES)
def test_every_function_is_tried_and_its_slopes_are_attained(case):
    function, parameters, of_torch = CASES[case]
    x = torch.from_numpy(points()).requires_grad_()
    [slopes] = torch.autograd.grad(of_torch(x).sum(), x)
    a, L = activation(function, parameters).slopes
    assert a - 1e-7 <= float(slopes.min())  # PyTorch's own derivatives are no better
    assert float(slopes.max()) <= L + 1e-7
    steepest = float(slopes.abs().max())
    assert steepest == pytest.approx(constant(activation(function, parameters)), rel=1e-3)
    assert float(slopes.max()) == pytest.approx(L, abs=1e-3)
    assert float(slopes.min()) == pytest.approx(a, abs=1e-3)


def test_no_function_is_left_out():
    assert {function for function, _, _ in CASES.values()} | set(LOCAL) == set(FUNCTIONS)


@pytest.mark.parametrize("case", CASES)
@given(data=st.data())
def test_difference_quotients_and_ranges(case, data):
    function, parameters, of_torch = CASES[case]
    operation = activation(function, parameters)
    kinks = [0.0, -3.0, 3.0, 6.0, 0.4, -0.4, 0.2, 0.3, -0.3, 1.414, -1.414, 2.4, -2.4, -2.256]
    finite = st.floats(-1e6, 1e6) | st.floats(-4.0, 4.0) | st.sampled_from(kinks)
    x, y = data.draw(finite), data.draw(finite)
    near = x + data.draw(st.floats(-1e-3, 1e-3))
    for s, t in ((x, y), (x, near)):
        [p, q] = operation.evaluate(np.array([[s], [t]]))[:, 0]
        rounding = 1e-15 * (abs(s) + abs(t) + 10.0) * constant(operation)
        assert abs(p - q) <= constant(operation) * abs(s - t) + rounding
        assert operation.slopes[0] * abs(s - t) - rounding <= math.copysign(
            p - q, (p - q) * (s - t)
        )
    low, high = min(x, y), max(x, y)
    inside = np.linspace(low, high, 50)
    bottom, top = operation.range([(low, high)])
    values = of_torch(torch.from_numpy(inside)).numpy()
    slack = 1e-13 * (1.0 + abs(low) + abs(high))
    assert bottom - slack <= values.min()
    assert values.max() <= top + slack
    assert bottom + slack >= operation.range([(-math.inf, high)])[0]
    assert operation.range([LINE])[1] >= top - slack


@pytest.mark.parametrize(("name", "low", "high"), [(n, lo, hi) for n, (_, lo, hi) in LOCAL.items()])
def test_unbounded_slopes_need_a_range(name, low, high):
    operation = activation(name)
    assert constant(operation) == math.inf
    bound = constant(operation, low, high)
    ends = [[low, low + 1e-6], [high - 1e-6, high]]
    x = np.unique(np.concatenate([np.linspace(low, high, 20001), *ends]))
    quotients = np.abs(np.diff(operation.evaluate(x[:, None])[:, 0]) / np.diff(x))
    assert quotients.max() <= bound
    assert quotients.max() == pytest.approx(bound, rel=1e-2)
    bottom, top = operation.range([(low, high)])
    values = operation.evaluate(x[:, None])
    assert bottom <= values.min()
    assert values.max() <= top
    assert (bottom, top) == pytest.approx((values.min(), values.max()), abs=1e-9)


@pytest.mark.parametrize("name", ["log", "reciprocal", "sqrt"])
@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_poles_have_no_bound(name, low):
    assert constant(activation(name), low, 1.0) == math.inf
    assert activation(name).range([(low, 1.0)]) == LINE


def test_ranges_that_overflow_are_unknown():
    assert activation("square").range([(1e200, 1e201)]) == LINE
    assert activation("exp").range([(0.0, 1000.0)]) == LINE
    assert activation("exp").range([(-math.inf, 0.0)]) == pytest.approx((0.0, 1.0))
    assert constant(activation("exp"), -1.0, 1000.0) == math.inf
    assert constant(activation("reciprocal"), 1e-200, 1.0) == math.inf


def test_ranges_are_sharp():
    assert activation("relu").range([(-2.0, 3.0)]) == (0.0, 3.0)
    assert activation("relu6").range([LINE]) == (0.0, 6.0)
    assert activation("abs").range([(-2.0, 1.0)]) == (0.0, 2.0)
    assert activation("sigmoid").range([LINE]) == (0.0, 1.0)
    assert activation("tanh").range([LINE]) == (-1.0, 1.0)
    assert activation("gelu").range([LINE]) == pytest.approx((-0.16997120747990370, math.inf))
    assert activation("gelu").range([(0.0, 1.0)]) == pytest.approx((0.0, 0.8413447460685429))
    assert activation("leaky_relu", {"slope": -1.0}).range([(-2.0, 1.0)])[0] == pytest.approx(0.0)


def test_bounds_multiply_and_a_slope_of_one_is_exact():
    assert activation("relu").bound(Inputs((0.3,), 0.3, (LINE,))).upper == 0.3
    bound = activation("gelu").bound(Inputs((2.0,), 2.0, (LINE,))).upper
    assert 2.2578 < bound < 2.2579
    assert activation("relu").bound(Inputs((math.inf,), math.inf, (LINE,))).upper == math.inf
    zero = activation("prelu", shape=(2,), slope=[0.0, 0.0])
    assert zero.bound(Inputs((0.0,), 0.0, (LINE,))).upper == 0.0


def test_softplus_counts_its_switch_as_an_error():
    operation = activation("softplus")
    x = np.array([[19.0], [19.9999], [20.0001], [30.0]])
    switched = functional.softplus(torch.from_numpy(x)).numpy()
    errors = np.abs(operation.evaluate(x) - switched)[:, 0]
    assert errors.max() > 1e-9
    bounds = operation.rounding([x], operation.evaluate(x), [np.zeros(4)], DOUBLE)
    assert np.all(errors <= bounds)
    assert bounds[0] < 1e-13 < bounds[2] < 3e-9
    assert operation.rounding([x], x, [np.full(4, 1.5)], DOUBLE)[0] > 1e-9


# ------------------------------------------------------------------- refused


@pytest.mark.parametrize("name", sorted(DISCONTINUOUS))
def test_jumps_are_refused(name):
    with pytest.raises(DataError, match="jumps"):
        activation(name)


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        ("swosh", {}),
        ("threshold", {"threshold": 0.0, "value": 1.0}),
        ("threshold", {"threshold": 0.0}),
        ("softshrink", {"lambd": -0.1}),
        ("celu", {"alpha": 0.0}),
        ("softplus", {"beta": 0.0}),
        ("softplus", {"threshold": 1.0}),
        ("hardtanh", {"min": 1.0, "max": 0.0}),
        ("leaky_relu", {"slope": math.nan}),
        ("leaky_relu", {"slope": math.inf}),
        ("leaky_relu", {"slope": 10**400}),
        ("leaky_relu", {"slope": True}),
        ("leaky_relu", {"slope": "0.1"}),
        ("leaky_relu", {"negative_slope": 0.1}),
        ("relu", {"slope": 0.1}),
        ("relu", [0.1]),
        (["relu"], {}),
        ("prelu", {}),
    ],
)
def test_what_is_malformed_is_refused(function, parameters):
    with pytest.raises(DataError, match="y"):
        activation(function, parameters)


@pytest.mark.parametrize(
    "slope", [np.zeros(2), np.zeros((3, 1)), np.zeros(0), [0.1, math.nan, 0.0]]
)
def test_slopes_that_do_not_fit_are_refused(slope):
    with pytest.raises(DataError, match="y"):
        activation("prelu", shape=(3, 4), slope=slope)


def test_a_slope_tensor_belongs_to_prelu():
    with pytest.raises(DataError, match="slope"):
        activation("relu", shape=(3,), slope=[0.5])
