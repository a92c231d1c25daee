"""Certificates and weights that were changed: none is accepted that makes the bracket false.

The oracle shares nothing with the checker: a transcription of the graph that runs on exact
fractions (the witness) and in float64 (difference quotients and Jacobians all over the domain), and
the singular values of the whole matrix in fifty digits for the network that is linear.
"""

import copy
import json
import math
import random
from dataclasses import dataclass, field
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from flowcert.errors import DataError
from flowcert.theory.certificate import (
    Certificate,
    Graph,
    Node,
    assemble,
    check_certificate,
    checker,
    derive,
    hash_weights,
)
from flowcert.theory.certificate.witness import best_witness

CHANGES = 200  # of each network, each with and without a new hash


def _single(array):
    return np.float64(np.float32(array))


def _nonlinear():
    rng = np.random.default_rng(1)
    W = _single(rng.normal(size=(3, 3)) / 2)
    weights = {
        "D": np.array(0.5),
        "A": _single(rng.normal(size=(3, 2))),
        "a": _single(rng.normal(size=3) / 4),
        "W": W,
        "b": _single(rng.normal(size=3) / 4),
        "V": W.T.copy(),
        "C": _single(rng.normal(size=(2, 3))),
    }
    leaky = {"function": "leaky_relu", "parameters": {"slope": 0.25}}
    nodes = (
        Node("x", "input", (), (2,)),
        Node("scaled", "diagonal", ("x",), (2,), {}, {"divisor": "D"}, "pixel scale"),
        Node("h", "dense", ("scaled",), (3,), {}, {"weight": "A", "bias": "a"}, "lift"),
        Node("r", "activation", ("h",), (3,), {"function": "relu"}, {}, "act"),
        Node("z", "dense", ("r",), (3,), {}, {"weight": "W", "bias": "b"}, "step"),
        Node("l", "activation", ("z",), (3,), leaky, {}, "step"),
        Node("t", "dense", ("l",), (3,), {}, {"weight": "V"}, "step"),
        Node("s", "sum", ("r", "t"), (3,), {"coefficients": [1.0, -0.5]}, {}, "step"),
        Node("m", "extremum", ("s", "r"), (3,), {"kind": "maximum"}, {}, "max"),
        Node("p", "product", ("m", "s"), (3,), {}, {}, "gate"),
        Node("y", "dense", ("p",), (2,), {}, {"weight": "C"}, "out"),
    )
    return Graph(nodes, "y"), weights, (0.0, 1.0)


def _linear():
    rng = np.random.default_rng(2)
    weights = {"A": _single(rng.normal(size=(3, 3))), "B": _single(rng.normal(size=(3, 3)))}
    nodes = (
        Node("x", "input", (), (3,)),
        Node("h", "dense", ("x",), (3,), {}, {"weight": "A"}, "first"),
        Node("g", "sum", ("h", "x"), (3,), {"coefficients": [1.0, 0.0]}, {}, "sum"),
        Node("y", "dense", ("g",), (3,), {}, {"weight": "B"}, "second"),
    )
    return Graph(nodes, "y"), weights, None


def _certified(graph, weights, domain):
    rng = np.random.default_rng(3)
    derivation = derive(graph, weights, **({} if domain is None else {"domain": domain}))
    size = graph.input.entries
    x = rng.uniform(0.0, 1.0, (200, size))
    y = np.clip(x + rng.normal(size=x.shape) * 0.05, 0.0, 1.0)
    found = best_witness(derivation, x, y)
    return assemble(
        derivation, weights, lower=found.lower, witness=(found.x, found.y), domain=domain
    )


# ------------------------------------------------------------------------------- the oracle


def _transcribed(graph, weights, x):
    """The value of a graph at x, in the numbers that x and weights have; unknown things fail."""
    values = {}
    for node in graph["nodes"]:
        given = [values[name] for name in node["inputs"]]
        tensors = {role: weights[key] for role, key in node["tensors"].items()}
        values[node["name"]] = _operation(node, given, tensors, x)
    return values[graph["output"]]


def _operation(node, given, tensors, x):
    attributes = node["attributes"]
    match node["operation"]:
        case "input":
            return x
        case "diagonal":
            [value] = given
            value = value * tensors.get("scale", 1) / tensors.get("divisor", 1)
            return value + tensors.get("shift", 0)
        case "dense":
            [value] = given
            image = (tensors["weight"] * value[None, :]).sum(axis=1)
            return image + tensors.get("bias", 0)
        case "activation":
            [value] = given
            slope = attributes.get("parameters", {}).get("slope", 0)
            assert attributes["function"] == ("leaky_relu" if slope else "relu")
            return np.where(value > 0, value, value * (Fraction(slope) if _exact(value) else slope))
        case "sum":
            exact = _exact(given[0])
            factors = [Fraction(c) if exact else c for c in attributes["coefficients"]]
            return sum(c * v for c, v in zip(factors, given, strict=True))
        case "extremum":
            one, other = given
            larger = attributes["kind"] == "maximum"
            return np.where((one > other) == larger, one, other)
        case "product":
            return given[0] * given[1]
    raise AssertionError(f"the oracle does not know {node}")


def _exact(values):
    return values.dtype == object


def _fractions(array):
    return np.vectorize(Fraction, otypes=[object])(np.asarray(array, dtype=np.float64))


def _is_true(content, weights):
    """A graph that the oracle cannot run has no Lipschitz constant: nothing true is said of it."""
    try:
        return _lower_is_true(content, weights) and _upper_is_true(content, weights)
    except (AssertionError, ArithmeticError, LookupError, TypeError, ValueError):
        return False


def _lower_is_true(content, weights):
    """|f(x) − f(y)| ≥ lower·|x − y| in exact fractions, x and y in the domain."""
    if content["witness"] is None:
        return content["lower"] == 0.0
    x, y = map(_fractions, content["witness"])
    low, high = content["domain"] or (-math.inf, math.inf)
    if min(*x, *y) < low or max(*x, *y) > high:
        return False
    exact = {key: _fractions(value) for key, value in weights.items()}
    moved = _transcribed(content["graph"], exact, x) - _transcribed(content["graph"], exact, y)
    distance = ((x - y) ** 2).sum()
    return (moved**2).sum() >= Fraction(content["lower"]) ** 2 * distance


def _upper_is_true(content, weights):
    if content["upper"] is None:
        return True
    operations = {node["operation"] for node in content["graph"]["nodes"]}
    if operations <= {"input", "dense", "sum", "diagonal"}:
        return content["upper"] >= _norm(content["graph"], weights)
    return content["upper"] >= _steepest(content, weights) * (1 - 1e-6)


def _norm(graph, weights):
    """The largest singular value of a linear network, in fifty digits."""
    size = graph["nodes"][0]["shape"][0]
    exact = {key: _fractions(value) for key, value in weights.items()}
    origin = _transcribed(graph, exact, _fractions(np.zeros(size)))
    columns = [_transcribed(graph, exact, row) - origin for row in _fractions(np.eye(size))]
    with mpmath.workdps(50):
        matrix = mpmath.matrix(
            [[mpmath.mpf(v.numerator) / v.denominator for v in column] for column in columns]
        )
        return max(mpmath.svd_r(matrix, compute_uv=False))


def _steepest(content, weights):
    """The largest Jacobian norm that is seen on a grid of the domain: it is attained nearby."""
    low, high = content["domain"] or (-3.0, 3.0)
    step = (high - low) * 2.0**-22
    largest = 0.0
    for point in np.random.default_rng(4).uniform(low, high, (60, 2)):
        at = _transcribed(content["graph"], weights, point)
        columns = [
            (_transcribed(content["graph"], weights, point + step * unit) - at) / step
            for unit in np.eye(2)
        ]
        slope = np.linalg.svd(np.array(columns), compute_uv=False)[0]
        largest = max(largest, slope - 1e-6 * (1.0 + slope))
    return largest


# ------------------------------------------------------------------------------- the changes


def _places(content, path=()):
    """Every value inside, with the way to it."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(items):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from _places(value, (*path, key))


def _at(content, path):
    for key in path:
        content = content[key]
    return content


def _nudged(number, rng):
    factor = rng.choice([0.0, -1.0, 0.5, 2.0, 0.9, 1.1, 1 - 1e-3, 1 + 1e-3, 1 - 1e-9, 1 + 1e-9])
    if rng.random() < 0.2:
        return number + rng.choice([-1, 1])
    if rng.random() < 0.2:
        return math.nextafter(number, rng.choice([-math.inf, math.inf]))
    changed = number * factor
    return int(changed) if isinstance(number, int) and changed == int(changed) else changed


def _change_anything(content, rng):
    path = rng.choice(list(_places(content)))
    place, key, value = _at(content, path[:-1]), path[-1], _at(content, path)
    kind = rng.random()
    if isinstance(place, list) and len(place) > 1 and kind < 0.2:
        other = rng.randrange(len(place))
        place[key], place[other] = place[other], place[key]
    elif isinstance(place, list) and kind < 0.35:
        place.insert(key, copy.deepcopy(value))
    elif kind < 0.45:
        del place[key]
    elif isinstance(place, dict) and len(place) > 1 and kind < 0.55:
        other = rng.choice(sorted(place))
        place[key], place[other] = place[other], place[key]
    elif isinstance(value, bool) or value is None:
        place[key] = rng.choice([0.5, "text", True, [0.0, 0.5]])
    elif isinstance(value, int | float):
        place[key] = _nudged(value, rng)
    elif isinstance(value, str):
        texts = [_at(content, p) for p in _places(content) if isinstance(_at(content, p), str)]
        place[key] = rng.choice([*texts, "", "relu", "leaky_relu", "minimum", "dense", "reshape"])
    else:
        place[key] = rng.choice([None, [], {}, 1.0, "text"])


def _lower_the_upper_end(content, rng):
    """A forgery that is consistent with itself: the output's line is lowered with it."""
    factor = rng.choice([0.01, 0.05, 0.9, 1 - 1e-6])
    content["upper"] *= factor
    for line in content["lines"]:
        if line["name"] == content["graph"]["output"] or rng.random() < 0.3:
            for candidate in line["candidates"]:
                candidate["upper"] *= factor
    content["lower"] = min(content["lower"], content["upper"])


def _raise_the_lower_end(content, rng):
    content["lower"] += (content["upper"] - content["lower"]) * rng.choice([1e-6, 0.1, 0.5, 1.0])


def _change_the_witness(content, rng):
    point = rng.choice(content["witness"])
    index = rng.randrange(len(point))
    point[index] = rng.choice([_nudged(point[index], rng), -point[index], point[index] + 2.0])


def _change_the_domain(content, rng):
    content["domain"] = rng.choice([None, [0.0, 0.5], [0.5, 1.0], [0.0, 2.0], [-1.0, 1.0], [1, 0]])


def _change_the_graph(content, rng):
    node = rng.choice(content["graph"]["nodes"])
    if node["attributes"] and rng.random() < 0.6:
        for path in _places(node["attributes"]):
            value = _at(node["attributes"], path)
            if isinstance(value, int | float):
                _at(node["attributes"], path[:-1])[path[-1]] = _nudged(value, rng)
    elif node["tensors"] and rng.random() < 0.6:
        role = rng.choice(sorted(node["tensors"]))
        node["tensors"][role] = rng.choice(["A", "B", "C", "D", "W", "V", "a", "b"])
    else:
        names = [other["name"] for other in content["graph"]["nodes"]]
        node["inputs"] = [rng.choice(names) for _ in node["inputs"]]


def _change_the_multipliers(content, rng):
    for rows in content["multipliers"].values():
        for row in rows:
            row[:] = [_nudged(value, rng) for value in row]


KINDS = (
    _change_anything,
    _change_anything,
    _change_anything,
    _lower_the_upper_end,
    _raise_the_lower_end,
    _change_the_witness,
    _change_the_domain,
    _change_the_graph,
    _change_the_multipliers,
)


def _change_weights(weights, rng):
    key = rng.choice(sorted(weights))
    if rng.random() < 0.25:
        other = rng.choice(sorted(weights))
        weights[key], weights[other] = weights[other], weights[key]
        return
    array = weights[key] = weights[key].copy()
    index = rng.randrange(array.size)
    value = float(array.flat[index])
    array.flat[index] = rng.choice([_nudged(value, rng), -value, value * 10.0, value * 1e-30])


@dataclass
class Tally:
    """What became of the changes."""

    unchanged: int = 0
    rejected: int = 0
    harmless: int = 0
    fooled: list[str] = field(default_factory=list)


def _tampered(network, seed, *, changes=CHANGES):
    graph, weights, domain = network
    certificate = _certified(graph, weights, domain)
    original = json.loads(json.dumps(certificate.to_json()))
    assert check_certificate(certificate).holds
    assert _lower_is_true(original, weights)
    assert _upper_is_true(original, weights)
    rng, tally = random.Random(seed), Tally()
    for number in range(changes):
        content, changed = copy.deepcopy(original), dict(weights)
        change = _change_weights if number % 4 == 0 else rng.choice(KINDS)
        if change is _change_weights or (change is _change_the_multipliers and domain is None):
            _change_weights(changed, rng)
        else:
            change(content, rng)
        for rehash in (False, True):
            _tell(tally, original, content, weights, changed, f"{number} {change.__name__}", rehash)
    return tally


def _tell(tally, original, content, weights, changed, name, rehash):
    same = content == original and hash_weights(changed) == hash_weights(weights)
    try:
        if rehash:
            keys = Graph.from_json(content["graph"]).tensor_keys
            content = {**content, "weights_sha256": hash_weights(changed, keys)}
        accepted = check_certificate(Certificate.from_json(content), changed).holds
    except (DataError, KeyError):  # KeyError: there was nothing to hash anew
        accepted = False
    if same and not rehash:
        tally.unchanged += 1
        assert accepted
    elif not accepted:
        tally.rejected += 1
    elif _is_true(content, changed):
        tally.harmless += 1
    else:
        tally.fooled.append(f"{name}, {'with' if rehash else 'without'} a new hash")


@pytest.mark.parametrize(("network", "seed"), [(_nonlinear, 11), (_linear, 12)])
def test_no_change_is_accepted_that_makes_the_bracket_false(network, seed):
    tally = _tampered(network(), seed)
    assert not tally.fooled, tally.fooled
    assert tally.rejected >= 0.6 * 2 * CHANGES, tally
    assert tally.harmless >= 5, tally  # the oracle has been asked


def _derives_nothing(certificate, weights):
    yield from ()


def _looks_at_lines_only(certificate, weights):
    yield from (r for r in _DERIVED(certificate, weights) if "lower end" not in r)


def _looks_at_the_witness_only(certificate, weights):
    yield from (r for r in _DERIVED(certificate, weights) if r.startswith("lower end"))


_DERIVED = checker._derived


@pytest.mark.parametrize(
    "sleepy", [_derives_nothing, _looks_at_lines_only, _looks_at_the_witness_only]
)
@pytest.mark.parametrize(("network", "seed"), [(_nonlinear, 11), (_linear, 12)])
def test_a_checker_that_looks_less_hard_is_fooled(network, seed, sleepy, monkeypatch):
    monkeypatch.setattr(checker, "_derived", sleepy)
    assert len(_tampered(network(), seed, changes=CHANGES // 2).fooled) >= 3


def test_a_checker_without_the_hash_holds_for_other_weights(monkeypatch):
    """What the hash is for: without it a certificate is accepted for weights that are not its."""
    graph, weights, domain = _linear()
    certificate = _certified(graph, weights, domain)
    other = {**weights, "A": weights["A"] * (1 - 1e-12)}
    assert not check_certificate(certificate, other).holds
    monkeypatch.setattr(checker, "hash_weights", lambda _: certificate.weights_sha256)
    assert check_certificate(certificate, other).holds
