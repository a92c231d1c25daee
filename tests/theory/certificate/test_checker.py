"""The checker: what it accepts, each reason for which it does not, and how much of it there is."""

import inspect
import json
import subprocess
import sys
from dataclasses import replace

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
    rules,
)
from flowcert.theory.certificate.weights import weights_as_bytes
from flowcert.theory.certificate.witness import bound_quotient

RNG = np.random.default_rng(0)
W = np.float64(np.float32(RNG.normal(size=(3, 3)) / 2))
WEIGHTS = {"A": RNG.normal(size=(3, 2)), "W": W, "b": RNG.normal(size=3), "V": W.T.copy()}
LEAKY = {"function": "leaky_relu", "parameters": {"slope": 0.5}}
GRAPH = Graph(
    (
        Node("x", "input", (), (2,)),
        Node("h", "dense", ("x",), (3,), {}, {"weight": "A"}, "lift"),
        Node("z", "dense", ("h",), (3,), {}, {"weight": "W", "bias": "b"}, "step"),
        Node("r", "activation", ("z",), (3,), LEAKY, {}, "step"),
        Node("t", "dense", ("r",), (3,), {}, {"weight": "V"}, "step"),
        Node("y", "sum", ("h", "t"), (3,), {"coefficients": [1.0, -0.5]}, {}, "step"),
    ),
    "y",
)
X, Y = np.array([0.25, 0.5]), np.array([0.5, 0.25])


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    derivation = derive(GRAPH, WEIGHTS, domain=(0.0, 1.0))
    lower = bound_quotient(derivation, X, Y)
    return assemble(derivation, WEIGHTS, lower=lower, witness=(X, Y), domain=(0.0, 1.0))


def test_a_true_certificate_holds(certificate, tmp_path):
    result = check_certificate(certificate)
    assert result.holds
    assert result.verdict == "holds"
    assert result.reasons == result.asserted == ()
    assert certificate.weights_sha256 in result.lines[0]
    folder = certificate.save(tmp_path)
    file, weights = folder / "certificate.json", folder / "weights.safetensors"
    assert check_certificate(folder) == result
    assert check_certificate(file, weights) == result
    assert check_certificate(Certificate.load(file), WEIGHTS) == result


def test_it_needs_the_weights(certificate, tmp_path):
    folder = certificate.save(tmp_path)
    with pytest.raises(DataError, match="without its weights"):
        check_certificate(folder / "certificate.json")
    with pytest.raises(DataError, match="tensor 'V'"):
        check_certificate(certificate, {key: WEIGHTS[key] for key in ("A", "W", "b")})


def test_other_tensors_may_stand_in_the_file(certificate, tmp_path):
    file = tmp_path / "all.safetensors"
    file.write_bytes(weights_as_bytes({**WEIGHTS, "head": np.ones(7)}))
    assert check_certificate(certificate, file).holds


def test_other_weights_are_not_its(certificate):
    one_bit = {**WEIGHTS, "b": np.nextafter(WEIGHTS["b"], np.inf)}
    result = check_certificate(certificate, one_bit)
    assert not result.holds
    assert "SHA-256" in result.reasons[0]


def _output_line(certificate, **changes):
    last = certificate.lines[-1]
    first = replace(last.candidates[0], **changes)
    line = replace(last, candidates=(first, *last.candidates[1:]))
    return replace(certificate, lines=(*certificate.lines[:-1], line))


def _lowered(certificate):
    upper = certificate.upper * (1 - 1e-6)
    return replace(_output_line(certificate, upper=upper), upper=upper)


def _lowered_within(certificate):
    """A line within, on which the output's no longer rests when it is read."""
    line = certificate.lines[1]
    first = replace(line.candidates[0], upper=line.upper * (1 - 1e-6))
    lowered = replace(line, candidates=(first, *line.candidates[1:]))
    lines = (certificate.lines[0], lowered, *certificate.lines[2:])
    return replace(certificate, lines=lines)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: replace(c, upper=c.upper * (1 - 1e-6)), "upper end"),
        (lambda c: replace(c, upper=c.upper * 2), "upper end"),
        (_lowered, "is derived"),
        (lambda c: _lowered_within(c), "gives"),
        (lambda c: _output_line(c, upper=c.upper * 1.5), "first rule is not the best"),
        (lambda c: _output_line(c, rule="magic"), "'magic'"),
        (lambda c: _output_line(c, claim="E1.magic"), "is not derived"),
        (lambda c: _output_line(c, constants={}), "is not derived"),
        (lambda c: replace(c, lines=c.lines[:-1]), "one for each node"),
        (lambda c: replace(c, lines=(*c.lines, c.lines[-1])), "one for each node"),
        (lambda c: replace(c, lines=c.lines[::-1]), "one for each node"),
        (
            lambda c: replace(c, lines=(*c.lines[:-1], replace(c.lines[-1], layer="else"))),
            "'else'",
        ),
        (
            lambda c: replace(c, lines=(*c.lines[:-1], replace(c.lines[-1], operation="max"))),
            "'max'",
        ),
        (
            lambda c: replace(
                c,
                lines=(
                    *c.lines[:-1],
                    replace(c.lines[-1], candidates=c.lines[-1].candidates[:1]),
                ),
            ),
            "is not recorded",
        ),
        (lambda c: replace(c, multipliers={}), "Riccati recursion"),
        (lambda c: replace(c, multipliers={**c.multipliers, "x": ((1.0,),)}), "multipliers"),
        (lambda c: replace(c, lower=c.lower * (1 + 1e-6)), "witness attains"),
        (lambda c: replace(c, lower=c.upper * 2), "> upper end"),
        (lambda c: replace(c, witness=None), "witness attains 0.0"),
        (lambda c: replace(c, witness=(c.witness[0], c.witness[0])), "witness attains 0.0"),
        (lambda c: replace(c, witness=((0.1,), (0.2,))), "cannot be derived"),
        (lambda c: replace(c, witness=((0.5, 1.5), c.witness[1])), "domain"),
        (lambda c: replace(c, domain=(0.0, 0.3)), "domain"),
        (lambda c: replace(c, domain=(1.0, 0.0)), "domain"),
        (lambda c: replace(c, assumptions=c.assumptions[1:]), "assumption"),
        (lambda c: replace(c, arithmetic="exact"), "another arithmetic"),
        (lambda c: replace(c, trusted="everybody"), "trusts something else"),
        (lambda c: replace(c, user_asserted=("h",)), "user-asserted"),
    ],
)
def test_what_is_wrong_is_said(certificate, change, told):
    result = check_certificate(change(certificate), WEIGHTS)
    assert not result.holds
    assert result.verdict == "does not hold"
    assert result.lines == ()
    assert any(told in reason for reason in result.reasons), result.reasons


def test_a_looser_bound_is_as_true(certificate):
    looser = certificate.upper * 1.5
    line = certificate.lines[-1]
    candidates = tuple(replace(c, upper=max(c.upper, looser)) for c in line.candidates)
    lines = (*certificate.lines[:-1], replace(line, candidates=candidates))
    loose = replace(certificate, upper=looser, lines=lines, lower=certificate.lower / 2)
    assert check_certificate(loose).holds


def test_more_assumptions_may_be_named(certificate):
    more = (*certificate.assumptions, "Images are greyscale.")
    assert check_certificate(replace(certificate, assumptions=more)).holds


def test_the_constants_of_another_version_may_be_others(certificate):
    other = _output_line(replace(certificate, version="0.0.0"), constants={"old": 1.0})
    assert check_certificate(other).holds
    fewer = replace(other.lines[-1], candidates=other.lines[-1].candidates[:1])
    assert check_certificate(replace(other, lines=(*other.lines[:-1], fewer))).holds
    for false in (_lowered(other), _lowered_within(other), _output_line(other, rule="magic")):
        assert not check_certificate(false).holds


def test_what_the_user_asserts_is_in_the_verdict():
    attributes = {"rule": "my_bound", "upper": 0.5}
    graph = Graph(
        (Node("x", "input", (), (2,)), Node("y", "asserted", ("x",), (3,), attributes)), "y"
    )
    certificate = assemble(derive(graph, {}), {})
    assert certificate.user_asserted == ("y",)
    assert 0.5 <= certificate.upper < 0.500001
    result = check_certificate(certificate)
    assert result.holds
    assert result.verdict == "holds, given the user's assertions"
    assert result.asserted == ("y: 'my_bound' ≤ 0.5",)
    assert not check_certificate(replace(certificate, user_asserted=())).holds


@pytest.mark.parametrize("scale", [0.0, 1e-200, 1e-30, 1e150])
def test_extreme_weights_are_certified_truly(scale):
    weights = {key: value * scale for key, value in WEIGHTS.items()}
    certificate = assemble(derive(GRAPH, weights), weights)
    assert check_certificate(certificate).holds
    assert Certificate.from_json(json.loads(json.dumps(certificate.to_json()))) == certificate


def test_an_operation_that_fails_is_no_certificate(certificate, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("by a forged attribute")

    monkeypatch.setattr(checker, "derive", fail)
    assert check_certificate(certificate).reasons == (
        "it cannot be derived: by a forged attribute",
    )


def test_a_checker_that_can_be_read_in_an_evening():
    lines = [inspect.getsource(module).count("\n") for module in (checker, rules)]
    assert sum(lines) <= 300


def test_the_checker_needs_no_torch(certificate, tmp_path):
    folder = certificate.save(tmp_path)
    code = (
        "import sys; from flowcert.theory.certificate import check_certificate;"
        f"assert check_certificate({str(folder)!r}).holds;"
        "assert not {'torch', 'sympy', 'z3'} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path).returncode == 0


# A few lines of JSON must not be able to ask for all the memory there is.


def _convolution(shape=(1, 8, 8), **changes):
    attributes = {
        "stride": [1, 1],
        "padding": [[1, 1], [1, 1]],
        "mode": "zeros",
        "dilation": [1, 1],
        "groups": 1,
    } | changes
    x = Node("x", "input", (), (1, 8, 8))
    return Graph((x, Node("y", "convolution", ("x",), shape, attributes, {"weight": "K"})), "y")


def _transposed(shape, **changes):
    attributes = {
        "stride": [1, 1],
        "padding": [1, 1],
        "output_padding": [0, 0],
        "dilation": [1, 1],
        "groups": 1,
    } | changes
    x, operation = Node("x", "input", (), (1, 8, 8)), "transposed_convolution"
    return Graph((x, Node("y", operation, ("x",), shape, attributes, {"weight": "K"})), "y")


def _upsampled(axis, length):
    row = {"indices": [0], "weights": [1], "divisor": 1}
    return {"axis": axis, "rows": [row] * length}


def _axes(maps, shape):
    x = Node("x", "input", (), (8, 8))
    return Graph((x, Node("y", "axes", ("x",), shape, {"maps": maps})), "y")


def _pooled(shape, axes, windows):
    x, attributes = Node("x", "input", (), (8, 2**20)), {"axes": axes, "windows": windows}
    return Graph((x, Node("y", "max_pool", ("x",), shape, attributes)), "y")


HUGE = 10**9
BOMBS = {
    "padding": _convolution((1, 3, 3), padding=[[HUGE, HUGE]] * 2, stride=[HUGE, HUGE]),
    "dilation": _convolution(dilation=[HUGE, HUGE], padding=[[HUGE, HUGE]] * 2),
    "circular": _convolution((1, 3, 3), padding=[[HUGE, HUGE]] * 2, mode="circular"),
    "transposed": _transposed((1, 4, 4), stride=[HUGE, HUGE], padding=[4 * HUGE - HUGE // 2] * 2),
    "axes": _axes([_upsampled(0, 12_000), _upsampled(1, 12_000), _upsampled(0, 8)], (8, 12_000)),
    "windows": _pooled((8, 20_001), [1], [[[0]] * 20_000 + [list(range(20_000))]]),
    "between windows": _pooled((2_000, 1), [0, 1], [[[0]] * 2_000, [[0]]]),
}
BOMB = """
import json, resource, time
import numpy as np
from flowcert.errors import DataError
from flowcert.theory.certificate import Graph, derive
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
try:
    derive(Graph.from_json(json.load(open("graph.json"))), {"K": np.ones((1, 1, 3, 3))})
    said = "derived"
except DataError as error:
    said = str(error)
print(json.dumps([said, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**10]))
"""


@pytest.mark.parametrize("bomb", sorted(BOMBS))
def test_a_small_file_cannot_ask_for_much_memory(bomb, tmp_path):
    (tmp_path / "graph.json").write_text(json.dumps(BOMBS[bomb].to_json()))
    run = subprocess.run(
        [sys.executable, "-c", BOMB], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert run.returncode == 0, run.stderr[-300:]
    said, megabytes = json.loads(run.stdout)
    assert said.startswith("got ")
    assert megabytes < 300
