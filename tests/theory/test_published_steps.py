"""The step file: what is shipped is exact, and what is damaged is named."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowcert.errors import DataError
from flowcert.theory.published_steps import (
    REGIMES,
    BlockSteps,
    MatrixEstimates,
    NetworkSteps,
    read_published_steps_file,
    step_file_text,
)


def shipped() -> dict[str, Any]:
    text = files("flowcert.theory").joinpath("data", "published_steps.json").read_text("utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def test_the_shipped_file_says_where_it_comes_from() -> None:
    content = shipped()
    assert content["paper"] == "arXiv:2210.02373"
    assert "public repository of arXiv:2210.02373" in content["source"]
    assert "CIFAR-10" in content["source"]
    assert "margin 0.15" in content["source"]
    assert "estimates without guarantee" in content["note"]
    for network in content["networks"]:
        assert network["file"] == f"cifar10_{network['network']}_margin0.15.pt"
        assert len(bytes.fromhex(network["sha256"])) == 32


def test_the_shipped_numbers_are_those_of_the_checkpoints() -> None:
    networks = {network.network: network for network in read_published_steps_file()}
    assert list(networks) == list(REGIMES)
    flexible = [block.u for block in networks["switching-flexible"].blocks]
    assert flexible == [
        (0.3010752201080322, -0.0006480995798483491, 0.10999999940395355, -0.035542696714401245),
        (0.10999999940395355, -0.3252681493759155, 0.2989886403083801, -0.0007172005716711283),
        (0.10999999940395355, -0.8293288350105286, 0.10999999940395355, -0.06956993043422699),
    ]
    prescribed = networks["switching-prescribed"].blocks
    assert {block.u for block in prescribed} == {(0.14115090668201447, 0.30000001192092896) * 2}
    assert prescribed[1].rescalings == (0.7265930771827698, 0.5782028436660767, 5.213927745819092)
    assert networks["non-expansive"].blocks[2].u == (
        0.0,
        0.5136590600013733,
        1.899999976158142,
        0.0,
    )


def test_every_shipped_number_is_a_float32_number() -> None:
    numbers = [
        number
        for network in read_published_steps_file()
        for block in network.blocks
        for number in (*block.u, *block.rescalings)
    ]
    assert len(numbers) == 3 * 3 * 4 + 3 * 3 + 3 * 3 + 3 * 1
    assert all(float(np.float32(number)) == number for number in numbers)


def test_every_network_has_its_regime() -> None:
    for network in read_published_steps_file():
        regime = REGIMES[network.network]
        assert network.substeps == regime.substeps
        assert network.slope == regime.slope
        assert network.expansive_slope == regime.expansive_slope


def test_circular_kernels_are_nearly_orthogonal_and_zero_padded_ones_are_not() -> None:
    """What the project's mathematics says of the published weights (D7)."""
    found = [m for n in read_published_steps_file() for b in n.blocks for m in b.matrices]
    assert len(found) == 12 + 12 + 6
    assert min(m.estimate_sigma_min_circular for m in found) >= 0.998
    assert max(m.estimate_sigma_max_circular for m in found) <= 1.002
    assert min(m.estimate_sigma_min_zero_padded for m in found) == pytest.approx(0.6657, abs=1e-4)
    # A zero-padded operator is a compression of a circular one, on a finer grid.
    assert max(m.estimate_sigma_max_zero_padded for m in found) <= 1.002


Change = Callable[[dict[str, Any]], object]


def _set(*way: Any) -> Change:
    *keys, last, value = way

    def change(content: dict[str, Any]) -> None:
        for key in keys:
            content = content[key]
        content[last] = value

    return change


def _drop(*way: Any) -> Change:
    *keys, last = way

    def change(content: dict[str, Any]) -> None:
        for key in keys:
            content = content[key]
        del content[last]

    return change


NETWORK = ("networks", 2)
BLOCK = (*NETWORK, "blocks", 1)
MATRIX = (*BLOCK, "matrices", 0)
PRESCRIBED = ("networks", 1, "blocks", 0)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_drop("format"), "without 'format'"),
        (_set("format", "flowcert.published_steps/2"), "published_steps/2"),
        (_set("format", 1), "the format"),
        (_drop("networks"), "without 'networks'"),
        (_set("networks", []), "at least 1"),
        (_set("networks", {}), "a list"),
        (_set(*NETWORK, []), r"networks\[2\] .* an object"),
        (_set(*NETWORK, "network", "resnet"), "resnet"),
        (_set(*NETWORK, "network", 3), "a text"),
        (_drop(*NETWORK, "file"), "without 'file'"),
        (_set(*NETWORK, "sha256", None), "sha256"),
        (_set(*NETWORK, "substeps", -2), r"networks\[2\].substeps -2; expected an integer in \[1"),
        (_set(*NETWORK, "substeps", 0), "substeps 0"),
        (_set(*NETWORK, "substeps", 1.5), "substeps 1.5"),
        (_set(*NETWORK, "substeps", True), "substeps True"),
        (_set(*NETWORK, "substeps", 10**9), "substeps 1000000000"),
        (_set(*NETWORK, "slope", 1.5), r"slope 1.5; expected a finite number in \[0, 1\]"),
        (_set(*NETWORK, "slope", "0.5"), "slope '0.5'"),
        (_set(*NETWORK, "expansive_slope", -0.1), "expansive_slope -0.1"),
        (_set(*NETWORK, "blocks", []), "blocks"),
        (_drop(*BLOCK, "u"), r"networks\[2\].blocks\[1\] without 'u'"),
        (_set(*BLOCK, "u", []), "at least 1"),
        (_set(*BLOCK, "u", 0.3), "a list"),
        (_set(*BLOCK, "u", [0.3, 0.1, 0.2]), "in pairs"),
        (_set(*BLOCK, "u", 1, None), r"u\[1\] None"),
        (_set(*BLOCK, "u", 1, True), r"u\[1\] True"),
        (_set(*BLOCK, "u", 1, 10**400), r"u\[1\] too large"),
        (_set(*BLOCK, "rescalings", []), "rescalings"),
        (_set(*PRESCRIBED, "rescalings", [1.0]), "3 rescalings"),
        (_set(*BLOCK, "channels", 0), "channels 0"),
        (_drop(*BLOCK, "pixels"), "without 'pixels'"),
        (_drop(*BLOCK, "matrices"), "without 'matrices'"),
        (_drop(*MATRIX, "name"), "without 'name'"),
        (_drop(*MATRIX, "estimate_sigma_min_zero_padded"), "without 'estimate_sigma_min_zero"),
        (_set(*MATRIX, "estimate_sigma_min_circular", -0.1), "min_circular -0.1"),
        (_set(*MATRIX, "estimate_sigma_max_circular", 0.1), r"max_circular 0.1; .* in \[0.99"),
    ],
)
def test_damage_is_named_with_file_and_place(
    tmp_path: Path, change: Change, complaint: str
) -> None:
    content = shipped()
    change(content)
    path = tmp_path / "steps.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(DataError, match=complaint) as error:
        read_published_steps_file(path)
    assert error.value.came.startswith(str(path))
    assert "flowcert.networks.published" in error.value.remedy


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
def test_what_is_not_finite_is_refused(tmp_path: Path, literal: str) -> None:
    path = tmp_path / "steps.json"
    text = json.dumps(shipped()).replace("0.3010752201080322", literal)
    assert literal in text
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"steps\.json"):
        read_published_steps_file(path)


@pytest.mark.parametrize("kept", [0, 1, 500, 3000, -3])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "steps.json"
    path.write_text(json.dumps(shipped())[:kept], encoding="utf-8")
    with pytest.raises(DataError, match=r"steps\.json.*complete JSON"):
        read_published_steps_file(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"PK\x03\x04 and so on", "a PyTorch file"),
        (b"\xff\xfe\x00", "utf-8"),
        (b"[" * 100_000, "complete JSON"),
        (b"3", "an object"),
        (b"null", "an object"),
    ],
)
def test_what_is_no_step_file_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "steps.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=complaint):
        read_published_steps_file(path)


def test_a_path_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.json", tmp_path, "a\0b"):
        with pytest.raises(DataError, match="Check the path"):
            read_published_steps_file(path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "steps.json"
    path.write_text(json.dumps(shipped()), encoding="utf-8-sig")
    assert read_published_steps_file(path) == read_published_steps_file()


FINITE = st.floats(allow_nan=False, allow_infinity=False)
NORMS = st.floats(0, 1e6)


@st.composite
def networks(draw: st.DrawFn) -> NetworkSteps:
    name = draw(st.sampled_from(list(REGIMES)))
    pairs = draw(st.integers(1, 3))

    def matrix() -> MatrixEstimates:
        ends = [sorted((draw(NORMS), draw(NORMS))) for _ in range(2)]
        return MatrixEstimates(draw(st.text()), *ends[0], *ends[1])

    def block() -> BlockSteps:
        u = draw(st.lists(FINITE, min_size=2 * pairs, max_size=2 * pairs))
        scales = draw(st.lists(FINITE, min_size=pairs + 1, max_size=pairs + 1))
        found = tuple(matrix() for _ in range(draw(st.integers(0, 2))))
        return BlockSteps(draw(st.integers(1, 9)), 8, tuple(u), tuple(scales), found)

    blocks = tuple(block() for _ in range(draw(st.integers(1, 2))))
    file, digest = draw(st.text(st.characters(codec="utf-8"))), draw(st.text('[]{}\\\n" :,'))
    return NetworkSteps(name, file, digest, draw(st.integers(1, 9)), 0.5, 0.0, blocks)


@given(given_networks=st.lists(networks(), min_size=1, max_size=2))
def test_what_is_written_reads_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, given_networks: list[NetworkSteps]
) -> None:
    path = tmp_path_factory.mktemp("written") / "steps.json"
    text = step_file_text(given_networks, source="a test [\n", note="{\n}")
    path.write_text(text, encoding="utf-8", newline="\n")
    assert read_published_steps_file(path) == tuple(given_networks)


def test_a_file_without_numbers_cannot_be_written_as_nan() -> None:
    block = BlockSteps(1, 1, (float("nan"),), (1.0,))
    network = NetworkSteps("non-expansive", "", "", 1, 0.0, 0.0, (block,))
    with pytest.raises(ValueError, match="JSON"):
        step_file_text([network], source="", note="")
