"""Runs in folders: resumed, recognised, protected, checked, and loaded again."""

import hashlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from flowcert import files
from flowcert.errors import DataError, DomainError, OutputError, ShapeError, UnknownNameError
from flowcert.networks import certify
from flowcert.networks.constraints import seal
from flowcert.networks.training import Stopped, Training, load_run, read_record, train
from flowcert.theory.certificate import Certificate, check_certificate

NAMES = {
    "certificate",
    "checkpoint.safetensors",
    "curves.json",
    "model.safetensors",
    "record.json",
}
BITWISE = (
    "checkpoint.safetensors",
    "model.safetensors",
    "curves.json",
    "certificate/weights.safetensors",
)


class Stopper:
    """A watch that stops after some epochs, or at a later stage."""

    def __init__(self, after=math.inf, at=""):
        self.after, self.at = after, at
        self.epochs, self.notices, self.stages = [], [], []

    def trained(self, training):
        self.epochs.append(training.epoch)

    def stage(self, what):
        self.stages.append(what)

    def notice(self, what):
        self.notices.append(what)

    def stopped(self):
        return self.epochs[-1] >= self.after or bool(self.at and self.stages[-1:] == [self.at])


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(Path(folder).rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def finished(shared, tiny):
    """A run that was never stopped; made once, since a finished run is not trained again."""
    train(tiny(), shared / "whole", threads=1, device="cpu")
    return shared / "whole"


@pytest.fixture
def copied(finished, tmp_path):
    """A copy that a test may spoil."""
    for name, content in contents(finished).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_a_run_leaves_everything(finished, tiny):
    assert {path.name for path in finished.iterdir()} == NAMES
    record = read_record(finished / "record.json")
    assert record.configuration == tiny()
    assert record.upper <= 1.0
    assert 0.0 < record.lower <= record.upper
    assert record.holds
    assert (record.threads, record.device, record.resumed_at) == (1, "cpu", 0)
    assert record.data_sha256 == tiny().images().sha256
    content = json.loads((finished / "record.json").read_text())
    assert set(content["versions"]) == {"flowcert", "torch", "numpy", "scikit-learn", "foolbox"}
    assert len(content["results"]["images"]["radius"]) == 359
    curves = json.loads((finished / "curves.json").read_text())
    assert {name: len(values) for name, values in curves.items()} == {"loss": 4, "accuracy": 4}


def test_its_certificate_holds(finished):
    assert check_certificate(finished / "certificate").holds
    certificate = Certificate.load(finished / "certificate")
    assert certificate.upper <= 1.0
    again = certify(load_run(finished), (1, 8, 8), effort="none")
    assert (again.weights_sha256, again.upper) == (certificate.weights_sha256, certificate.upper)


def test_the_network_of_a_run_is_the_certified_one(finished, tiny):
    state = torch.random.get_rng_state()
    network = load_run(finished)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not network.training
    record, images = read_record(finished / "record.json"), tiny().images()
    with torch.no_grad():
        assert network(images.test).argmax(1).tolist() == record.evaluation.classes.tolist()
    training = Training(tiny(), images)
    while not training.finished:
        training.run_epoch_()
    expected = seal(training.network).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("after", [1, 3])
def test_a_stopped_run_goes_on_bitwise(finished, tiny, tmp_path, after):
    with pytest.raises(Stopped) as stop:
        train(tiny(), tmp_path, threads=1, device="cpu", watch=Stopper(after), every=math.inf)
    assert stop.value.epoch == after
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoint.safetensors"}
    watch = Stopper()
    record = train(tiny(), tmp_path, threads=1, device="cpu", watch=watch)
    assert watch.epochs == list(range(after, 5))
    assert watch.notices == []
    assert record.resumed_at == after
    whole, resumed = contents(finished), contents(tmp_path)
    assert all(resumed[name] == whole[name] for name in BITWISE)
    assert record.evaluation.to_json() == read_record(finished / "record.json").evaluation.to_json()


def test_a_run_stopped_while_it_is_attacked_goes_on(finished, tiny, tmp_path):
    with pytest.raises(Stopped):
        train(tiny(), tmp_path, threads=1, watch=Stopper(at="the authors' attack"), device="cpu")
    assert "record.json" not in contents(tmp_path)
    watch = Stopper()
    train(tiny(), tmp_path, threads=1, device="cpu", watch=watch)
    assert watch.epochs == [4]
    whole, resumed = contents(finished), contents(tmp_path)
    assert all(resumed[name] == whole[name] for name in BITWISE)


def test_a_finished_run_is_not_trained_again(finished, tiny, monkeypatch):
    before = contents(finished)
    monkeypatch.setattr(Training, "run_epoch_", None)
    record = train(tiny(), finished, threads=1)
    assert contents(finished) == before
    assert record.to_json() == json.loads(before["record.json"])


def test_fresh_starts_over(copied, tiny):
    watch = Stopper(after=2)
    with pytest.raises(Stopped):
        train(tiny(), copied, threads=1, device="cpu", fresh=True, watch=watch)
    assert watch.epochs == [0, 1, 2]
    assert {path.name for path in copied.iterdir()} == {"checkpoint.safetensors"}


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("missing", [(), ("record.json",), ("checkpoint.safetensors",)])
def test_a_folder_of_another_run_is_left_alone(copied, tiny, fresh, missing):
    for name in missing:
        (copied / name).unlink()
    before = contents(copied)
    with pytest.raises(DataError, match=r"another run: margin 0\.9 against 0\.5.*--out"):
        train(tiny(margin=0.5), copied, threads=1, fresh=fresh)
    assert contents(copied) == before


@pytest.mark.parametrize("fresh", [False, True])
def test_files_of_unknown_origin_are_left_alone(tmp_path, tiny, fresh):
    (tmp_path / "model.safetensors").write_text("somebody's")
    with pytest.raises(DataError, match="unknown origin"):
        train(tiny(), tmp_path, threads=1, fresh=fresh)
    assert contents(tmp_path) == {"model.safetensors": b"somebody's"}


@pytest.mark.parametrize("name", ["checkpoint.safetensors", "record.json"])
def test_a_spoilt_file_is_named_and_fresh_replaces_it(copied, tiny, name):
    (copied / name).write_bytes((copied / name).read_bytes()[:-40])
    before = contents(copied)
    with pytest.raises(DataError, match=f"{name}.*--fresh"):
        train(tiny(), copied, threads=1)
    assert contents(copied) == before
    with pytest.raises(Stopped):
        train(tiny(), copied, threads=1, fresh=True, watch=Stopper(after=1))


@pytest.mark.parametrize("name", ["model.safetensors", "record.json"])
def test_a_network_with_other_weights_is_not_loaded(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[-1 if name.startswith("model") else 3] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(DataError, match=name):
        load_run(copied)


def test_a_record_of_another_shape_is_refused(copied):
    content = json.loads((copied / "record.json").read_text())
    for broken in ([], 3, {**content, "image": [1, 8]}, {**content, "configuration": {}}):
        (copied / "record.json").write_text(json.dumps(broken))
        with pytest.raises(DataError, match=r"record\.json"):
            load_run(copied)
    content["configuration"]["width"] = 70
    (copied / "record.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="weights of another network"):
        load_run(copied)


def test_what_a_kill_left_is_removed(tiny, tmp_path):
    (tmp_path / ".checkpoint.safetensors.abc123").write_bytes(b"half")
    (tmp_path / ".mine").write_bytes(b"")
    with pytest.raises(Stopped):
        train(tiny(), tmp_path, threads=1, watch=Stopper(after=1))
    assert set(contents(tmp_path)) == {"checkpoint.safetensors", ".mine"}


def test_other_threads_are_noticed(tiny, tmp_path):
    before = torch.get_num_threads()
    with pytest.raises(Stopped):
        train(tiny(), tmp_path, threads=1, device="cpu", watch=Stopper(after=1))
    watch = Stopper(after=2)
    with pytest.raises(Stopped):
        train(tiny(), tmp_path, threads=2, device="cpu", watch=watch)
    assert len(watch.notices) == 1
    assert "1 threads on cpu, now with 2" in watch.notices[0]
    assert torch.get_num_threads() == before


def test_two_processes_do_not_train_in_one_folder(tiny, tmp_path):
    code = (
        "import fcntl, os, sys, time\n"
        "handle = os.open(sys.argv[1], os.O_RDONLY)\n"
        "fcntl.flock(handle, fcntl.LOCK_EX)\n"
        "print('locked', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(OutputError, match="another process"):
            train(tiny(), tmp_path, threads=1)
    finally:
        other.kill()
        other.communicate()
    with pytest.raises(Stopped):  # a dead process holds nothing
        train(tiny(), tmp_path, threads=1, watch=Stopper(after=1))


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"threads": 0}, DomainError),
        ({"threads": 1.5}, DomainError),
        ({"device": "tpu"}, UnknownNameError),
        ({"device": "cuda"}, DomainError),
        ({"width": 63}, ShapeError),
    ],
)
def test_bad_options_are_named_before_anything_is_written(
    tiny, tmp_path, monkeypatch, options, error
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    sizes = {name: options.pop(name) for name in ("width",) if name in options}
    with pytest.raises(error):
        train(tiny(**sizes), tmp_path / "new", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named_before_training(tiny, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(Training, "run_epoch_", None)
    with pytest.raises(OutputError):
        train(tiny(), tmp_path / "file" / "run")


@pytest.mark.parametrize("failing", [1, 2, 4, 6])
def test_a_write_that_fails_leaves_no_half_file_and_a_run_that_goes_on(
    finished, tiny, tmp_path, monkeypatch, failing
):
    """In order: checkpoint, model, two files of the certificate, curves, record."""
    whole, calls = contents(finished), []
    fsync = os.fsync

    def full(handle):
        calls.append(handle)
        if len(calls) == failing:
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        train(tiny(), tmp_path, threads=1, device="cpu", every=math.inf)
    left = contents(tmp_path)
    assert len(left) == failing - 1
    assert all(whole[name] == content for name, content in left.items())
    train(tiny(), tmp_path, threads=1, device="cpu")
    assert all(contents(tmp_path)[name] == whole[name] for name in BITWISE)


def test_the_recorded_hash_is_that_of_the_file(finished):
    record = read_record(finished / "record.json")
    content = (finished / "model.safetensors").read_bytes()
    assert hashlib.sha256(content).hexdigest() == record.model_sha256
