"""A checkpoint is whole and of this very run, or it is refused."""

import dataclasses
import json
import random

import pytest
import torch
from safetensors.torch import load_file, save_file

from flowcert import files
from flowcert.errors import DataError, OutputError
from flowcert.networks.training import Training, read_checkpoint


@pytest.fixture
def training(tiny):
    training = Training(tiny(), tiny().images())
    training.run_epoch_()
    return training


def test_what_is_written_is_read(training, tmp_path):
    checkpoint = training.checkpoint()
    file = checkpoint.save(tmp_path / "c.safetensors")
    again = read_checkpoint(file)
    for field in dataclasses.fields(checkpoint):
        if field.name != "tensors":
            assert getattr(again, field.name) == getattr(checkpoint, field.name)
    assert set(again.tensors) == set(checkpoint.tensors)
    assert any(name.startswith("optimiser/0/exp_avg") for name in again.tensors)
    assert any(name.endswith("estimate.direction") for name in again.tensors)
    assert all(torch.equal(again.tensors[n], t) for n, t in checkpoint.tensors.items())
    assert again.to_bytes() == file.read_bytes() == checkpoint.to_bytes()


def test_a_cut_or_changed_file_is_refused(training, tmp_path):
    file = training.checkpoint().save(tmp_path / "c.safetensors")
    whole = file.read_bytes()
    draw = random.Random(0)
    for length in (0, 1, 7, 8, 9, 300, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"c\.safetensors.*--fresh"):
            read_checkpoint(file)
    header = int.from_bytes(whole[:8], "little")
    places = [draw.randrange(8, header) for _ in range(40)]
    places += [draw.randrange(len(whole)) for _ in range(40)]
    for place in places:
        changed = bytearray(whole)
        changed[place] ^= 1 << draw.randrange(7)
        file.write_bytes(changed)
        try:
            found = read_checkpoint(file)
        except DataError:
            continue
        # A space in the header's padding, say: nothing that is read has changed.
        assert found.to_bytes() == whole


def test_the_hash_is_what_finds_a_changed_number(training, tmp_path, monkeypatch):
    file = training.checkpoint().save(tmp_path / "c.safetensors")
    changed = bytearray(file.read_bytes())
    changed[-1] ^= 1
    file.write_bytes(changed)
    with pytest.raises(DataError, match="changed after it was written"):
        read_checkpoint(file)
    from flowcert.networks.training import checkpoint

    header = int.from_bytes(changed[:8], "little")
    said = json.loads(changed[8 : 8 + header])["__metadata__"]["flowcert"]
    monkeypatch.setattr(checkpoint, "_digest", lambda *_: json.loads(said)["sha256"])
    read_checkpoint(file)


def test_foreign_files_are_refused(tmp_path):
    file = tmp_path / "c.safetensors"
    made = {
        "no metadata": lambda: save_file({"w": torch.zeros(2)}, file),
        "other metadata": lambda: save_file({"w": torch.zeros(2)}, file, {"format": "pt"}),
        "no json": lambda: save_file({"w": torch.zeros(2)}, file, {"flowcert": "{"}),
        "a number": lambda: save_file({"w": torch.zeros(2)}, file, {"flowcert": "3"}),
        "deep": lambda: save_file({"w": torch.zeros(2)}, file, {"flowcert": "[" * 10**5}),
        "text": lambda: file.write_text("epoch 3"),
        "a pickle": lambda: torch.save({"w": torch.zeros(2)}, file),
    }
    for make in made.values():
        make()
        with pytest.raises(DataError, match=r"c\.safetensors"):
            read_checkpoint(file)
    with pytest.raises(DataError, match="No such file"):
        read_checkpoint(tmp_path / "missing.safetensors")


@pytest.mark.parametrize(
    "change", [{"epoch": 9}, {"epoch": -1}, {"epoch": 0}, {"curves": {"loss": 3}}]
)
def test_entries_that_make_no_sense_are_refused(training, tmp_path, change):
    """Even under a hash that is right."""
    file = dataclasses.replace(training.checkpoint(), **change).save(tmp_path / "c.safetensors")
    with pytest.raises(DataError, match="entries that a checkpoint does not have"):
        read_checkpoint(file)


def test_another_format_is_refused(training, tmp_path, monkeypatch):
    from flowcert.networks.training import checkpoint

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "FORMAT", "flowcert.checkpoint/9")
        file = training.checkpoint().save(tmp_path / "c.safetensors")
    with pytest.raises(DataError, match="another format"):
        read_checkpoint(file)


@pytest.mark.parametrize("change", [{"seed": 1}, {"margin": 0.5}, {"width": 65}, {"depth": 2}])
def test_a_checkpoint_of_another_configuration_changes_nothing(training, tiny, change):
    other = Training(tiny(**change), tiny(**change).images())
    before = {name: value.clone() for name, value in other.network.state_dict().items()}
    with pytest.raises(DataError, match=next(iter(change))):
        other.resume_(training.checkpoint())
    assert all(torch.equal(before[n], v) for n, v in other.network.state_dict().items())
    assert other.epoch == 0


def test_a_checkpoint_of_other_data_is_refused(training, tiny):
    checkpoint = dataclasses.replace(training.checkpoint(), data_sha256="0" * 64)
    with pytest.raises(DataError, match="other data"):
        Training(tiny(), tiny().images()).resume_(checkpoint)


def test_a_write_that_fails_leaves_the_old_file(training, tmp_path, monkeypatch):
    file = training.checkpoint().save(tmp_path / "c.safetensors")
    before = file.read_bytes()
    training.run_epoch_()

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        training.checkpoint().save(file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_no_code_of_a_checkpoint_runs(training, tmp_path):
    """The tensors and the header are all there is: no pickle."""
    file = training.checkpoint().save(tmp_path / "c.safetensors")
    assert set(load_file(file)) == set(training.checkpoint().tensors)
