"""Reading the authors' state dicts: what comes out is exact, what is foreign is refused safely."""

import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from flowcert.errors import DataError, OutputError
from flowcert.networks import published
from flowcert.networks.convolution_spectra import ExtremeSingularValues
from flowcert.networks.published import read_published_steps, write_step_data
from flowcert.theory.published_steps import read_published_steps_file

State = dict[str, torch.Tensor]

FLEXIBLE_U = [0.3010752201080322, -0.00064809958, 0.11, -0.0355426967]
PRESCRIBED_U = [0.14115090668201447, 0.3, 0.14115090668201447, 0.3]
FREE_U = [0.0, 0.9398169, 1.9, 0.0]


def state_dict(u: list[float], rescalings: list[float], classes: int = 10) -> State:
    """A state dict of the paper's architecture; every convolution is the identity."""
    state: State = {}
    inputs = 3
    for block, channels in enumerate((32, 64, 128)):
        at = f"seq.{block}."
        state[at + "u"] = torch.tensor(u)
        state[at + "rescalings"] = torch.tensor(rescalings)
        state[at + "conv1.0.weight"] = torch.zeros(channels, inputs, 3, 3)
        for i in range(4):
            state[at + f"convs.{i}.weight"] = torch.zeros(channels, channels, 3, 3)
            state[at + f"convs.{i}.weight"][:, :, 1, 1] = torch.eye(channels)
            state[at + f"convs.{i}.bias"] = torch.zeros(channels)
        inputs = channels
    state["FC.1.weight"] = torch.zeros(classes, 2048)
    state["FC.1.bias"] = torch.zeros(classes)
    return state


def flexible() -> State:
    return state_dict(FLEXIBLE_U, [4.19])


@pytest.fixture
def checkpoint(tmp_path: Path) -> Callable[[Any], Path]:
    def save(content: Any, name: str = "network.pt") -> Path:
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return save


Save = Callable[..., Path]


@pytest.mark.parametrize(
    ("u", "rescalings", "network"),
    [
        (FLEXIBLE_U, [4.19], "switching-flexible"),
        (PRESCRIBED_U, [1.0, 0.7, 4.46], "switching-prescribed"),
        (FREE_U, [0.7, 0.03, 4.5], "non-expansive"),
        ([0.1411509, 0.3, 0.1411509, 0.31], [1.0, 0.7, 4.46], "non-expansive"),
    ],
)
def test_the_regime_is_recognised(
    checkpoint: Save, u: list[float], rescalings: list[float], network: str
) -> None:
    found = read_published_steps(checkpoint(state_dict(u, rescalings)))
    assert found.network == network
    assert [(block.channels, block.pixels) for block in found.blocks] == [
        (32, 32),
        (64, 16),
        (128, 8),
    ]


def test_one_trained_block_is_enough_to_be_not_prescribed(checkpoint: Save) -> None:
    state = state_dict(PRESCRIBED_U, [1.0, 1.0, 4.46])
    state["seq.2.u"] = torch.tensor(FREE_U)
    assert read_published_steps(checkpoint(state)).network == "non-expansive"


def test_every_number_is_the_float32_itself(checkpoint: Save) -> None:
    found = read_published_steps(checkpoint(flexible()))
    for block in found.blocks:
        assert block.u == tuple(float(np.float32(u)) for u in FLEXIBLE_U)
        assert block.rescalings == (float(np.float32(4.19)),)


def test_the_regime_can_be_given(checkpoint: Save) -> None:
    path = checkpoint(state_dict(PRESCRIBED_U, [1.0, 1.0, 4.46]))
    assert read_published_steps(path, "non-expansive").network == "non-expansive"
    for impossible in ("switching-flexible", "unconstrained"):
        with pytest.raises(DataError, match=r"network\.pt"):
            read_published_steps(path, impossible)  # type: ignore[arg-type]


def test_a_hundred_classes_and_the_old_file_format_are_read(tmp_path: Path) -> None:
    state = state_dict(FLEXIBLE_U, [4.19], classes=100)
    torch.save(state, tmp_path / "old.pt", _use_new_zipfile_serialization=False)
    assert read_published_steps(tmp_path / "old.pt").network == "switching-flexible"


def test_a_checkpoint_that_was_saved_on_a_gpu_is_read(checkpoint: Save, tmp_path: Path) -> None:
    path, moved = checkpoint(flexible()), tmp_path / "moved.pt"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(moved, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name.endswith("data.pkl"):
                assert b"\x03\0\0\0cpu" in content
                content = content.replace(b"\x03\0\0\0cpu", b"\x06\0\0\0cuda:0")
            target.writestr(name, content)
    found = read_published_steps(moved)
    assert found.blocks == read_published_steps(path).blocks
    assert found.sha256 != read_published_steps(path).sha256


class Malice:
    """Unpickling it would run code: here, make a file."""

    def __init__(self, where: Path) -> None:
        self.where = where

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.where),)


def test_pickled_code_is_refused_and_never_run(checkpoint: Save, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for content in (Malice(trace), {**flexible(), "seq.0.u": Malice(trace)}):
        with pytest.raises(DataError, match=r"network\.pt"):
            read_published_steps(checkpoint(content))
        plain = tmp_path / "plain.pt"
        plain.write_bytes(pickle.dumps(content))
        with pytest.raises(DataError, match=r"plain\.pt"):
            read_published_steps(plain)
    assert not trace.exists()
    torch.load(checkpoint(Malice(trace)), weights_only=False)  # the trap is a real one
    assert trace.exists()


@pytest.mark.parametrize("kept", [0, 1, 100, 0.1, 0.5, 0.9, -100, -1])
def test_a_truncated_file_is_refused(checkpoint: Save, kept: float) -> None:
    path = checkpoint(flexible())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(kept * len(whole)) if 0 < kept < 1 else int(kept)])
    with pytest.raises(DataError, match=r"network\.pt.*downloaded whole"):
        read_published_steps(path)


def _with(name: str, tensor: torch.Tensor | None) -> Any:
    state = flexible()
    if tensor is None:
        del state[name]
    else:
        state[name] = tensor
    return state


def _with_entry(name: str, value: float) -> Any:
    state = flexible()
    state[name].view(-1)[-1] = value
    return state


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (torch.zeros(3), "a Tensor"),
        ({"epoch": 3, **flexible()}, "other things than tensors"),
        ({3: torch.zeros(3)}, "other things than tensors"),
        ({}, "without 'FC.1.bias'"),
        ({"weight": torch.zeros(3)}, "without 'FC.1.bias'"),
        (_with("seq.1.u", None), "without 'seq.1.u'"),
        (_with("seq.0.rescalings", None), "without 'seq.0.rescalings'"),
        (_with("seq.3.u", torch.zeros(4)), "with 'seq.3.u'"),
        (_with("seq.0.u", torch.zeros(6)), r"seq.0.u of shape \(6,\); expected shape \(4,\)"),
        (_with("seq.0.u", torch.tensor(0.3)), r"seq.0.u of shape \(\)"),
        (_with("seq.2.rescalings", torch.ones(3)), "seq.2.rescalings of shape"),
        (_with("seq.0.rescalings", torch.tensor(1.0)), "seq.0.rescalings of shape"),
        (_with("seq.0.convs.1.weight", torch.zeros(32, 32, 5, 5)), "seq.0.convs.1.weight of shape"),
        (_with("FC.1.weight", torch.zeros(10, 1024)), "FC.1.weight of shape"),
        (_with("FC.1.bias", torch.zeros(11)), "FC.1.bias of shape|FC.1.weight of shape"),
        (_with("seq.0.u", torch.zeros(4, dtype=torch.float64)), "float64"),
        (_with("seq.0.u", torch.zeros(4).to_sparse()), "dense float32"),
        (_with("seq.0.u", torch.zeros(4, device="meta")), "on meta"),
        (_with_entry("seq.0.u", float("nan")), "seq.0.u with NaN"),
        (_with_entry("seq.2.rescalings", float("inf")), "seq.2.rescalings with NaN or inf"),
        (_with_entry("seq.1.convs.3.weight", float("nan")), "seq.1.convs.3.weight with NaN"),
    ],
)
def test_what_is_foreign_is_refused(checkpoint: Save, content: Any, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as error:
        read_published_steps(checkpoint(content))
    assert "network.pt" in error.value.came
    assert "as published" in error.value.remedy


@pytest.mark.parametrize(
    "text", ["", "hello", "\x80\x02X\x01", '{"format": 1}', "PK\x03\x04", "\x80\x02."]
)
def test_what_is_no_torch_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"notes\.txt"):
        read_published_steps(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.pt: no such file.*Check the path"):
        read_published_steps(tmp_path / "absent.pt")
    with pytest.raises(DataError, match=str(tmp_path)):
        read_published_steps(tmp_path)


# Writing the step file.


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The true estimates take minutes for three networks; they have their own tests."""
    monkeypatch.setattr(
        published, "estimate_circular", lambda kernel, n: ExtremeSingularValues(0.9999912, 1.0)
    )
    monkeypatch.setattr(
        published, "estimate_zero_padded", lambda kernel, n: ExtremeSingularValues(n / 100, 2.0)
    )


@pytest.mark.usefixtures("quick")
def test_what_is_written_reads_back(checkpoint: Save, tmp_path: Path) -> None:
    paths = [
        checkpoint(flexible(), "a.pt"),
        checkpoint(state_dict(PRESCRIBED_U, [1.0, 0.7, 4.5]), "b.pt"),
    ]
    target = tmp_path / "steps.json"
    write_step_data(paths, target, source="a test")
    networks = read_published_steps_file(target)
    assert networks == tuple(read_published_steps(path, estimate_matrices=True) for path in paths)
    assert [network.file for network in networks] == ["a.pt", "b.pt"]
    assert '"source": "a test"' in target.read_text(encoding="utf-8")
    # A flexible pair has one matrix; its second convolution takes part in nothing.
    assert [m.name for m in networks[0].blocks[0].matrices] == ["convs.0", "convs.2"]
    assert [m.name for m in networks[1].blocks[0].matrices] == [f"convs.{i}" for i in range(4)]
    estimates = networks[0].blocks[1].matrices[0]
    assert estimates.estimate_sigma_min_circular == 0.99999
    assert estimates.estimate_sigma_min_zero_padded == 0.16


@pytest.mark.usefixtures("quick")
def test_a_failed_writing_leaves_the_old_file_and_nothing_else(
    checkpoint: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = checkpoint(flexible()), tmp_path / "steps.json"
    target.write_text("old", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "replace", full)
        with pytest.raises(OutputError, match=r"steps\.json.*no space left"):
            write_step_data([path], target)
    assert target.read_text(encoding="utf-8") == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["network.pt", "steps.json"]


def test_bad_places_and_bad_inputs_are_told_before_the_long_work(
    checkpoint: Save, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the long work has begun")

    monkeypatch.setattr(published, "estimate_circular", never)
    path = checkpoint(flexible())
    with pytest.raises(OutputError, match="the folder"):
        write_step_data([path], tmp_path)
    with pytest.raises(OutputError, match=r"network\.pt"):
        write_step_data([path], path / "steps.json")
    with pytest.raises(DataError, match=r"absent\.pt"):
        write_step_data([path, tmp_path / "absent.pt"], tmp_path / "steps.json")
    assert not (tmp_path / "steps.json").exists()


def test_the_command_answers_a_bad_file(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "flowcert.networks.published"]
    command += [str(tmp_path / "absent.pt"), "--out", str(tmp_path / "steps.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "absent.pt" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.usefixtures("quick")
def test_the_command_writes_the_file(checkpoint: Save, tmp_path: Path) -> None:
    target = tmp_path / "steps.json"
    assert published.main([str(checkpoint(flexible())), "--out", str(target)]) == 0
    assert read_published_steps_file(target)[0].network == "switching-flexible"
