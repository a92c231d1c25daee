"""Study: a run of ``flowcert train`` that is killed ends as one that is not.

    .venv/bin/python -m benchmarks.resume

kills it (SIGKILL) twenty times: at moments spread over start-up, training, evaluation and writing,
drawn by a seed, some runs several times, and in the middle of writing each kind of file. The same
command then goes on; model, checkpoint, curves and certificate must be bitwise those of a run that
was left alone, and the results of its evaluation the same. Writes
``benchmarks/resume/results/resume.json``; exits with 1 if one differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.provenance import ROOT, provenance
from flowcert.files import write_atomically

RESULTS = Path(__file__).parent / "results"
SMALL = ("--width", "64", "--depth", "2", "--epochs", "600")
BITWISE = (
    "checkpoint.safetensors",
    "model.safetensors",
    "curves.json",
    "certificate/certificate.json",
    "certificate/weights.safetensors",
)
WRITTEN = ("checkpoint.safetensors", "model.safetensors", "certificate.json", "record.json")
SEVERAL = 4  # every so many runs are killed three times

Answer = dict[str, Any]
Moment = Callable[[float], bool]  # whether to kill now, so many seconds after the start


def main() -> int:
    """Kill, resume, compare; exit with 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resume", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="runs that are killed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        study = _Study(Path(work), given.threads, random.Random(given.seed))
        alone = study.seconds
        trials = [study.trial(i, given.kills) for i in track(range(given.kills), "killing")]
        if study.sources != _sources():
            raise SystemExit("flowcert itself was changed meanwhile: nothing was compared")
    _show(trials)
    alike = sum(not trial["differing"] for trial in trials)
    killed = [kill for trial in trials for kill in _kills(trial) if kill["killed"]]
    result = {
        "configuration": {
            "kills": given.kills,
            "seed": given.seed,
            "threads": given.threads,
            "command": ["flowcert", "train", *SMALL],
        },
        "provenance": provenance(
            __file__, {"total": time.perf_counter() - start}, ("torch", "numpy", "safetensors")
        ),
        "seconds_of_a_run_left_alone": round(alone, 1),
        "compared": [*BITWISE, "results in record.json"],
        "kills": len(killed),
        "bitwise_equal": alike,
        "runs": trials,
    }
    target = write_atomically(RESULTS / "resume.json", json.dumps(result, indent=1) + "\n")
    told = f"{alike} of {given.kills} runs, killed {len(killed)} times, ended bitwise alike"
    Console().print(f"{told}; written {target}")
    return 0 if alike == given.kills else 1


class _Study:
    """A run left alone, and those that are compared with it."""

    def __init__(self, work: Path, threads: int, draw: random.Random) -> None:
        self.work, self.threads, self.draw = work, threads, draw
        self.sources = _sources()
        start = time.perf_counter()
        self.whole = work / "whole"
        self._finish(self.whole)
        self.seconds = time.perf_counter() - start

    def trial(self, index: int, count: int) -> Answer:
        """Kill one run, once or several times, let it end, and compare."""
        folder = self.work / f"run{index}"
        kills = [self._first_kill(index, count, folder)]
        if index % SEVERAL == 0:
            kills += [self._timed(folder, self.draw.random() / 2) for _ in range(2)]
        self._finish(folder)
        differing = [name for name in BITWISE if _bytes(folder, name) != _bytes(self.whole, name)]
        if _results(folder) != _results(self.whole):
            differing.append("results in record.json")
        return {"kills": kills, "differing": differing}

    def _first_kill(self, index: int, count: int, folder: Path) -> Answer:
        """In a stratum of a run's time; of the last runs in the middle of a write."""
        last = count - index - 1
        if last < len(WRITTEN):
            name = WRITTEN[last]
            found = self._kill(folder, lambda _seconds: _is_writing(folder, name))
            return {"when": f"while {name} is written", **found}
        while True:
            share = (index + self.draw.random()) / (count - len(WRITTEN))
            start = time.perf_counter()
            found = self._timed(folder, share)
            if found["killed"]:
                return found
            # It was faster than the one before: not killed at all.
            self.seconds = min(self.seconds, time.perf_counter() - start)
            shutil.rmtree(folder)

    def _timed(self, folder: Path, share: float) -> Answer:
        """Kill after a share of the time that a run takes."""
        moment = share * self.seconds
        found = self._kill(folder, lambda seconds: seconds >= moment)
        return {"when": f"after {moment:.2f} s", **found}

    def _kill(self, folder: Path, moment: Moment) -> Answer:
        process = self._start(folder)
        start = time.perf_counter()
        while process.poll() is None and not moment(time.perf_counter() - start):
            time.sleep(0.0002)
        process.send_signal(signal.SIGKILL)
        process.wait()
        return {
            "killed": process.returncode == -signal.SIGKILL,
            "left": sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()),
        }

    def _finish(self, folder: Path) -> None:
        process = self._start(folder)
        if process.wait() != 0:
            raise SystemExit(f"flowcert train ended with {process.returncode} in {folder}")

    def _start(self, folder: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "flowcert", "train", *SMALL]
        command += ["--device", "cpu", "--threads", str(self.threads), "--out", str(folder)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _is_writing(folder: Path, name: str) -> bool:
    """Whether a file of that name is half written: it has a name of its own until it is whole."""
    places = [place for place in (folder, folder / "certificate") if place.is_dir()]
    return any(file.name.startswith(f".{name}.") for place in places for file in place.iterdir())


def _sources() -> str:
    """A hash of flowcert's own code: runs of different programs are not compared."""
    digest = hashlib.sha256()
    for room in ("commands", "networks", "theory", "numerics"):
        for file in sorted((ROOT / room).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _bytes(folder: Path, name: str) -> bytes:
    return (folder / name).read_bytes()


def _results(folder: Path) -> object:
    content = json.loads((folder / "record.json").read_text())
    return content["results"], content["lipschitz"], content["model_sha256"]


def _kills(trial: Answer) -> list[Answer]:
    kills: list[Answer] = trial["kills"]
    return kills


def _show(trials: list[Answer]) -> None:
    table = Table(title="killed runs")
    for column in ("killed", "left behind by the last kill", "differs in"):
        table.add_column(column)
    for trial in trials:
        kills, differing = _kills(trial), trial["differing"]
        ended = {True: "", False: " (it had ended)"}
        when = ", ".join(kill["when"] + ended[kill["killed"]] for kill in kills)
        table.add_row(when, ", ".join(kills[-1]["left"]), ", ".join(differing) or "nothing")
    Console(width=180).print(table)


if __name__ == "__main__":
    sys.exit(main())
