"""``flowcert train``: what it prints, leaves behind, refuses, and how it ends."""

import functools
import json
import signal
import sys
from pathlib import Path

import pytest

from flowcert import cli
from flowcert.networks.attack import Attack
from flowcert.networks.certify import certify
from flowcert.networks.training import Training, evaluation, read_record, run

SMALL = ("--width", "64", "--depth", "1", "--threads", "1", "--device", "cpu")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "certify", functools.partial(certify, effort="quick"))
    monkeypatch.setattr(evaluation, "STRONG", Attack(20, 0.125, from_image=True))
    return tmp_path


@pytest.fixture
def flowcert(monkeypatch, capsys):
    """Run a command in this process: exit code, output, errors."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["flowcert", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        return end.value.code or 0, said.out, said.err

    return call


def files(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_two_epochs_print_and_leave_everything_and_are_recognised(flowcert, here):
    code, said, _ = flowcert("train", "--epochs", 2, *SMALL)
    assert code == 0
    [folder] = (here / "runs").iterdir()
    record = read_record(folder / "record.json")
    results = record.evaluation
    lines = [line.split() for line in said.splitlines()]
    assert f"{100 * results.clean:.1f} % of {len(results.labels)} test images" in said
    for row in zip(
        results.epsilons,
        results.certified,
        results.attacked,
        results.attacked_weakly,
        strict=True,
    ):
        assert [f"{row[0]:g}", *(f"{100 * value:.1f}" for value in row[1:])] in lines
    assert f"Lipschitz constant in [{record.lower:.10g}, {record.upper:.10g}]" in said
    assert "executed in float32" in said
    assert "no attack broke an image within its certified radius" in said
    assert folder.name in said

    code, checked, _ = flowcert("certificate", "check", folder / "certificate")
    assert code == 0
    assert "the certificate holds" in checked

    before = files(folder)
    code, again, _ = flowcert("train", "--epochs", 2, *SMALL)
    assert code == 0
    assert again.startswith("this run was finished before")
    assert again.splitlines()[1:] == said.splitlines()
    assert files(folder) == before


def test_an_image_broken_within_its_radius_is_told_and_fails(flowcert, monkeypatch):
    known = evaluation.certified_accuracy

    def boasting(*arguments, **options):
        import dataclasses

        found = known(*arguments, **options)
        return dataclasses.replace(found, radius=5.0 * found.radius)

    monkeypatch.setattr(evaluation, "certified_accuracy", boasting)
    code, said, _ = flowcert("train", "--epochs", 2, *SMALL, "--out", "run")
    assert code == 1
    assert "REFUTED: broken within their certified radius: test images" in said
    code, said, _ = flowcert("train", "--epochs", 2, *SMALL, "--out", "run")
    assert code == 1


def test_ctrl_c_keeps_what_was_trained_and_says_how_to_go_on(flowcert, here, monkeypatch):
    epoch = Training.run_epoch_

    def interrupted(self):
        epoch(self)
        if self.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    def own(number, frame):
        raise AssertionError("the handler of before")

    given = ("train", "--epochs", 4, *SMALL, "--out", "my run")
    before = signal.signal(signal.SIGINT, own)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Training, "run_epoch_", interrupted)
            code, said, _ = flowcert(*given, "--fresh")
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)
    assert code == 130
    assert "stopped after epoch 2; to go on from there: flowcert train --epochs 4" in said
    assert said.rstrip().endswith("--out 'my run'")
    assert set(files(here / "my run")) == {"checkpoint.safetensors"}
    code, _, _ = flowcert(*given)
    assert code == 0
    assert read_record(here / "my run" / "record.json").resumed_at == 2


def test_a_second_ctrl_c_stops_at_once(flowcert, here, monkeypatch):
    def impatient(self):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("not stopped")

    monkeypatch.setattr(Training, "run_epoch_", impatient)
    code, said, _ = flowcert("train", *SMALL, "--out", "run")
    assert code == 130
    assert "flowcert train" in said
    assert files(here / "run") == {}


def test_a_resumed_run_with_other_threads_says_so(flowcert, monkeypatch):
    epoch = Training.run_epoch_

    def interrupted(self):
        epoch(self)
        signal.raise_signal(signal.SIGINT)

    given = ("train", "--epochs", 3, *SMALL, "--out", "run")
    monkeypatch.setattr(Training, "run_epoch_", interrupted)
    flowcert(*given)
    code, said, _ = flowcert(*given, "--threads", 2)
    assert code == 130
    assert "1 threads on cpu, now with 2" in said.replace("\n", " ")


@pytest.mark.parametrize(
    ("arguments", "error", "told"),
    [
        (["--margin", "0"], "DomainError", "margin = 0"),
        (["--margin", "nan"], "DomainError", "margin"),
        (["--loss", "hinge", "--margin", "-1"], "DomainError", "margin"),
        (["--loss", "mse"], "UnknownNameError", "margin, hinge"),
        (["--kind", "unconstrained"], "UnknownNameError", "boundary"),
        (["--epochs", "-3"], "DomainError", "epochs = -3"),
        (["--epochs", "0"], "DomainError", "epochs = 0"),
        (["--width", "10"], "ShapeError", "width = 10"),
        (["--depth", "0"], "DomainError", "depth = 0"),
        (["--seed", "-1"], "DomainError", "seed = -1"),
        (["--threads", "0"], "DomainError", "threads = 0"),
        (["--device", "cuda"], "DomainError", "cuda"),
        (["--device", "tpu"], "UnknownNameError", "auto, cpu, cuda"),
        (["--out", "file/run"], "OutputError", "file/run"),
    ],
    ids=str,
)
def test_misuse_is_one_clear_error_and_leaves_nothing(
    flowcert, here, monkeypatch, arguments, error, told
):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (here / "file").write_text("")
    code, _, said = flowcert("train", *arguments)
    assert code == 2
    assert said.startswith(f"{error}: got ")
    assert told in said
    assert {path.name for path in here.iterdir()} == {"file"}


def test_a_folder_of_another_run_is_named_and_kept(flowcert, here, monkeypatch):
    epoch = Training.run_epoch_

    def interrupted(self):
        epoch(self)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Training, "run_epoch_", interrupted)
    flowcert("train", *SMALL, "--out", "run")
    before = files(here / "run")
    for more in ([], ["--fresh"]):
        code, _, said = flowcert("train", *SMALL, "--out", "run", "--seed", 1, *more)
        assert code == 2
        assert "seed 0 against 1" in said
        assert files(here / "run") == before


def test_the_default_is_the_configuration_of_the_record(flowcert):
    """No option of the command changes what ``Configuration()`` says by itself."""
    import inspect

    from flowcert.commands.train import train
    from flowcert.networks.training import Configuration

    default = Configuration().to_json()
    for name, parameter in inspect.signature(train).parameters.items():
        if name in default and name != "margin":
            assert parameter.default == default[name]


def test_a_record_is_valid_json(flowcert, here):
    code, _, _ = flowcert("train", "--epochs", 1, *SMALL, "--out", "run")
    assert code == 0

    def refuse(constant):
        raise AssertionError(constant)

    json.loads(Path("run/record.json").read_text(), parse_constant=refuse)


def test_the_current_folder_is_no_run_folder(flowcert, here):
    code, _, complaint = flowcert("train", "--epochs", 2, *SMALL, "--out", "")
    assert code == 2
    assert "OutputError" in complaint
    assert files(here) == {}
