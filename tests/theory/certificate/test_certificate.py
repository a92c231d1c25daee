"""Certificates as data and as files: what is written comes back, what is foreign is told."""

import hashlib
import json
import math
import struct
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowcert.errors import DataError, DomainError, OutputError
from flowcert.theory.certificate import (
    Certificate,
    Graph,
    Node,
    assemble,
    derive,
    hash_weights,
    read_weights,
)
from flowcert.theory.certificate.assembly import rounded_down, rounded_up
from flowcert.theory.certificate.certificate import ASSUMPTIONS
from flowcert.theory.certificate.weights import weights_as_bytes

GRAPH = Graph(
    (
        Node("x", "input", (), (3,)),
        Node("w", "dense", ("x",), (2,), {}, {"weight": "W", "bias": "b"}, "fc (Linear)"),
        Node("y", "activation", ("w",), (2,), {"function": "relu"}),
    ),
    "y",
)
WEIGHTS = {
    "W": np.float64(np.float32(np.random.default_rng(0).normal(size=(2, 3)))),
    "b": np.array([0.1, -0.2]),
    "unused": np.full(4, np.nan),
}


@pytest.fixture
def certificate() -> Certificate:
    points = (np.zeros(3), np.ones(3))
    derivation = derive(GRAPH, WEIGHTS, domain=(0.0, 1.0))
    return assemble(derivation, WEIGHTS, lower=0.25, witness=points, domain=(0.0, 1.0))


def test_it_holds_what_was_derived(certificate):
    norm = np.linalg.svd(WEIGHTS["W"], compute_uv=False)[0]
    assert norm <= certificate.upper <= norm * 1.00001
    assert 0.2499999 < certificate.lower <= 0.25
    assert certificate.input_shape == (3,)
    assert [line.operation for line in certificate.lines] == ["input", "dense", "activation"]
    assert certificate.line("w").layer == "fc (Linear)"
    assert certificate.line("w").rule == certificate.line("w").candidates[0].rule
    assert certificate.assumptions == ASSUMPTIONS
    assert set(certificate.weights) == {"W", "b"}
    with pytest.raises(KeyError):
        certificate.line("nothing")


def test_its_summary_says_the_bracket_the_domain_and_the_hash(certificate):
    text = str(certificate)
    assert f"{certificate.lower:.10g} ≤ Lipschitz constant ≤ {certificate.upper:.10g}" in text
    assert "[0, 1]" in text
    assert certificate.weights_sha256 in text
    assert "fc (Linear)" in text
    everywhere = replace(certificate, domain=None, user_asserted=("w",))
    assert "everywhere" in str(everywhere)
    assert "user-asserted: fc (Linear)" in str(everywhere)


def test_files_give_it_back(certificate, tmp_path):
    folder = certificate.save(tmp_path / "new" / "folder")
    names = {path.name for path in folder.iterdir()}
    assert names == {"certificate.json", "weights.safetensors"}
    loaded = Certificate.load(folder)
    assert loaded == certificate
    assert {key: value.tolist() for key, value in loaded.weights.items()} == {
        key: WEIGHTS[key].tolist() for key in ("W", "b")
    }
    alone = Certificate.load(folder / "certificate.json")
    assert alone == certificate
    assert alone.weights is None
    with pytest.raises(DataError, match="without its weights"):
        alone.save(tmp_path)


def test_it_cannot_be_saved_below_a_file(certificate, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        certificate.save(tmp_path / "file" / "folder")


def test_no_bound_is_null_in_the_file(certificate):
    unknown = replace(certificate, upper=math.inf)
    text = json.dumps(unknown.to_json(), allow_nan=False)
    assert json.loads(text)["upper"] is None
    assert Certificate.from_json(json.loads(text)).upper == math.inf


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "flowcert.certificate/0"),
        ("format", None),
        ("lower", "0.1"),
        ("lower", None),
        ("lower", -0.1),
        ("lower", True),
        ("upper", -1.0),
        ("upper", "Infinity"),
        ("upper", []),
        ("domain", [0.0]),
        ("domain", [0.0, None]),
        ("domain", 1.0),
        ("weights_sha256", 5),
        ("user_asserted", "w"),
        ("assumptions", [1]),
        ("lines", {}),
        ("lines", [{"name": "x"}]),
        ("multipliers", []),
        ("multipliers", {"w": [1.0]}),
        ("multipliers", {"w": [["1"]]}),
        ("witness", [[0.0]]),
        ("witness", [[0.0], "1"]),
        ("witness", [[0.0], [[1.0]]]),
        ("graph", None),
        ("flowcert", 1),
        ("unknown", 1),
    ],
)
def test_a_wrong_entry_is_told(certificate, key, value):
    content = json.loads(json.dumps(certificate.to_json()))
    content[key] = value
    with pytest.raises(DataError) as caught:
        Certificate.from_json(content)
    assert key in str(caught.value)


def test_every_missing_entry_is_told(certificate):
    for key in certificate.to_json():
        content = certificate.to_json()
        del content[key]
        with pytest.raises(DataError) as caught:
            Certificate.from_json(content)
        assert key in str(caught.value) or key == "format"


@pytest.mark.parametrize("content", [None, [], 3, "certificate", {}])
def test_other_things_are_no_certificate(content):
    with pytest.raises(DataError):
        Certificate.from_json(content)


def test_a_line_without_a_rule_is_none(certificate):
    content = certificate.to_json()
    content["lines"][1]["candidates"] = []
    with pytest.raises(DataError, match="at least one rule"):
        Certificate.from_json(content)


@pytest.mark.parametrize("content", [b"", b"{", b"PK\x03\x04 a PyTorch file", b"[NaN]", b"\xff"])
def test_a_foreign_file_is_told(content, tmp_path):
    file = tmp_path / "certificate.json"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        Certificate.load(file)
    assert "certificate.json" in str(caught.value)


@pytest.mark.parametrize("path", ["nothing.json", "\0", "."])
def test_a_missing_file_is_told(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError):
        Certificate.load(path)


def test_a_cut_file_is_told_wherever_it_is_cut(certificate, tmp_path):
    folder = certificate.save(tmp_path)
    for name in ("certificate.json", "weights.safetensors"):
        whole = (folder / name).read_bytes()
        for length in range(0, len(whole) - 2, max(1, len(whole) // 20)):
            (folder / name).write_bytes(whole[:length])
            with pytest.raises(DataError):
                Certificate.load(folder)
        (folder / name).write_bytes(whole)


@pytest.mark.parametrize("domain", [(0.0, 0.0), (1.0, 0.0), (0.0, math.inf), (math.nan, 1.0)])
def test_a_domain_is_finite_and_not_empty(domain):
    with pytest.raises(DomainError):
        assemble(derive(GRAPH, WEIGHTS), WEIGHTS, domain=domain)


def test_attributes_that_are_no_json_are_told():
    nodes = list(GRAPH.nodes)
    nodes[2] = replace(nodes[2], attributes={"function": "relu", "parameters": {}})
    assert assemble(derive(Graph(tuple(nodes), "y"), WEIGHTS), WEIGHTS).upper > 0.0
    derivation = derive(GRAPH, WEIGHTS)
    for foreign in (np.int64(3), {1, 2}, math.nan):
        nodes[2] = replace(nodes[2], attributes={"function": "relu", "parameters": foreign})
        with pytest.raises(DataError, match="no JSON"):
            assemble(replace(derivation, graph=Graph(tuple(nodes), "y")), WEIGHTS)


@given(st.floats(0.0, allow_infinity=True, allow_nan=False))
def test_bounds_are_cut_outward_to_ten_digits(value):
    up, down = rounded_up(value), rounded_down(value)
    assert down <= value <= up
    for cut in (up, down):
        if math.isfinite(cut) and cut >= 1e-300:
            digits = Decimal(repr(cut)).normalize().as_tuple().digits
            assert len(digits) <= 10
    if 1e-300 < value < 1e300:
        assert up <= value * (1 + 2e-9)
        assert down >= value * (1 - 2e-9)


def test_no_number_has_no_bound():
    assert rounded_up(math.nan) == math.inf


# ------------------------------------------------------------------------------- weights


def test_the_hash_is_of_the_numbers_not_of_the_file():
    single = {"a": np.float32([[1.5, -0.0]]), "b": np.float16(2.0)}
    double = {"b": np.array(2.0), "a": np.array([[1.5, -0.0]])}
    transposed = {"b": np.array(2.0), "a": np.array([[1.5, 0.0], [-0.0, 0.0]]).T[:1]}
    assert hash_weights(single) == hash_weights(double) == hash_weights(transposed)
    assert len(hash_weights(double)) == 64


@pytest.mark.parametrize(
    "changed",
    [
        {"a": np.array([1.0, np.nextafter(2.0, 3.0)])},
        {"a": np.array([2.0, 1.0])},
        {"a": np.array([[1.0, 2.0]])},
        {"a": np.array([[1.0], [2.0]])},
        {"b": np.array([1.0, 2.0])},
        {"a": np.array([1.0]), "b": np.array([2.0])},
        {"a": np.array([1.0, 2.0]), "b": np.zeros(0)},
    ],
)
def test_the_hash_sees_every_change(changed):
    assert hash_weights(changed) != hash_weights({"a": np.array([1.0, 2.0])})


def test_the_hash_sees_the_order_of_the_axes():
    assert hash_weights({"a": np.ones((1, 2))}) != hash_weights({"a": np.ones((2, 1))})


def test_the_hash_is_what_it_was():
    """Certificates of earlier versions must stay checkable."""
    weights = {"W": np.array([[1.0, -2.5]]), "b": np.array(0.0)}
    written = struct.pack("<4Q", 1, 2, 1, 2) + b"W" + struct.pack("<2d", 1.0, -2.5)
    written += struct.pack("<2Q", 1, 0) + b"b" + struct.pack("<d", 0.0)
    assert hash_weights(weights) == hashlib.sha256(written).hexdigest()


def test_weights_are_written_exactly_and_small(tmp_path):
    rng = np.random.default_rng(3)
    weights = {
        "single": np.float64(np.float32(rng.normal(size=(4, 5)))),
        "double": rng.normal(size=7),
        "tiny": np.array([1e-45, 1e-320, -0.0]),
        "large": np.array([1e39]),
        "scalar": np.array(0.5),
    }
    file = tmp_path / "w.safetensors"
    file.write_bytes(weights_as_bytes(weights))
    found = read_weights(file, weights)
    assert hash_weights(found) == hash_weights(weights)
    from safetensors.numpy import load_file

    kinds = {key: value.dtype for key, value in load_file(file).items()}
    assert kinds["single"] == kinds["scalar"] == np.float32
    assert kinds["double"] == kinds["tiny"] == kinds["large"] == np.float64


def test_half_precision_is_read_exactly(tmp_path):
    from safetensors.numpy import save_file

    half = np.float16([1.0, -0.1, 6e-8, 65504.0])
    save_file({"half": half, "integers": np.arange(3)}, tmp_path / "w.safetensors")
    assert read_weights(tmp_path / "w.safetensors", ["half"])["half"].tolist() == half.tolist()
    with pytest.raises(DataError, match="I64"):
        read_weights(tmp_path / "w.safetensors", ["integers"])


def test_bfloat16_is_read_exactly(tmp_path):
    import torch
    from safetensors.torch import save_file

    tensor = torch.tensor([1.0, -0.1, 1e-40, 3e38]).to(torch.bfloat16)
    save_file({"brain": tensor}, tmp_path / "w.safetensors")
    found = read_weights(tmp_path / "w.safetensors", ["brain"])["brain"]
    assert found.tolist() == tensor.double().tolist()


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_weights_are_finite_numbers(bad, tmp_path):
    file = tmp_path / "w.safetensors"
    file.write_bytes(weights_as_bytes({"a": np.array([1.0, bad])}))
    with pytest.raises(DataError, match="NaN or infinite"):
        read_weights(file, ["a"])
    with pytest.raises(DataError, match="NaN or infinite"):
        assemble(derive(GRAPH, WEIGHTS), {**WEIGHTS, "b": np.array([1.0, bad])})


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"PK\x03\x04" + b"a" * 64, b"\xff" * 64])
def test_a_foreign_file_of_weights_is_told(content, tmp_path):
    file: Path = tmp_path / "w.safetensors"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_weights(file, ["a"])
    assert "w.safetensors" in str(caught.value)


def test_a_missing_tensor_is_told(tmp_path):
    file = tmp_path / "w.safetensors"
    file.write_bytes(weights_as_bytes({"a": np.ones(2)}))
    with pytest.raises(DataError, match="tensor 'b'"):
        read_weights(file, ["a", "b"])
    with pytest.raises(DataError, match="tensor 'W'"):
        assemble(derive(GRAPH, WEIGHTS), {"b": WEIGHTS["b"]})
    with pytest.raises(DataError, match="int64"):
        assemble(derive(GRAPH, WEIGHTS), {**WEIGHTS, "b": np.arange(2)})
