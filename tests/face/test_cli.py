"""The command line as users meet it: what it prints, what it writes, how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

MY_CLAIMS = """
import z3
from hypothesis import strategies as st
from flowcert.theory import Assumption, Claim, Measurement, Mutant, Proof, Source, Witness
from flowcert.theory.proof.smt import prove_by_smt

LIMIT = {limit}

class MyTheorem(Claim[float]):
    name = "X9.my_theorem"
    title = "A step of at most two"
    statement = r"|1 - h| \\\\le 1"
    assumptions = (Assumption(r"0 \\\\le h \\\\le 2", "the step"),)
    source = Source("a test", "D")

    def prove(self):
        h = z3.Real("h")
        given = [h >= 0, h <= LIMIT]
        return Proof((prove_by_smt("s", name="square", given=given, show=(1 - h) ** 2 <= 1),))

    def instances(self):
        return st.floats(0.0, LIMIT)

    def measure(self, instance):
        return Measurement(abs(1 - instance), 1.0, what="factor")

    def witness(self):
        return Witness("h = 2", self.measure(2.0))

    def mutants(self):
        return (Mutant("longer", "h = 2.1", lambda: Measurement(1.1, 1.0)),)
"""


def flowcert(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "flowcert", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=None,
    )


def test_check_writes_verdicts_and_queries(tmp_path):
    target, queries = tmp_path / "new" / "verdicts.json", tmp_path / "smt"
    run = flowcert("check", "--only", "D8", "--instances", 10, "--json", target, "--smt", queries)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "all hold" in run.stdout
    verdicts = json.loads(target.read_text())
    assert verdicts["holds"] is True
    assert verdicts["configuration"] == {"instances": 10, "seed": 0}
    assert [claim["name"] for claim in verdicts["claims"]] == [
        "D8.boundary_step",
        "D8.scaled_boundary_step",
        "D8.sorting",
    ]
    for claim in verdicts["claims"]:
        assert {"name", "status", "proof", "instances", "mutants"} <= claim.keys()
        assert all(mutant["refuted"] for mutant in claim["mutants"])
    index = json.loads((queries / "index.json").read_text())
    assert {entry["file"] for entry in index} == {path.name for path in queries.glob("*.smt2")}
    assert not list(tmp_path.rglob(".*"))  # no temporary file is left


def test_the_same_seed_gives_the_same_verdicts(tmp_path):
    def verdicts(seed):
        target = tmp_path / "v.json"
        flowcert("check", "--only", "D2.sharp_factor", "--seed", seed, "--json", target)
        claim = json.loads(target.read_text())["claims"][0]
        return claim["instances"]

    assert verdicts(5) == verdicts(5)


@pytest.mark.parametrize(("limit", "code"), [(2, 0), (3, 1)])
def test_claims_of_a_users_file(tmp_path, limit, code):
    mine = tmp_path / "my_claims.py"
    mine.write_text(MY_CLAIMS.replace("{limit}", str(limit)).replace("\\\\\\\\", "\\\\"))
    run = flowcert("check", "--load", mine, "--only", "X9", "--instances", 20)
    assert run.returncode == code, run.stdout + run.stderr
    assert "X9.my_theorem" in run.stdout
    assert run.stdout.rstrip().endswith(": all hold" if code == 0 else ": NOT all hold")


def test_claim_prints_statement_assumptions_source_and_proof():
    run = flowcert("claim", "D2.sharp_factor")
    assert run.returncode == 0
    for word in ("Statement", "Assumptions", "Source", "Proof", "Sharpness", "Mutants", "z3"):
        assert word in run.stdout
    latex = flowcert("claim", "D2.sharp_factor", "--latex").stdout
    assert latex.startswith(r"\begin{theorem}")
    assert latex.count(r"\begin") == latex.count(r"\end")
    assert "D2.sharp_factor" in flowcert("claim").stdout


def test_judge_steps_says_three_of_six_and_never_fails(tmp_path):
    target = tmp_path / "judgements.json"
    run = flowcert("judge", "steps", "--json", target)
    assert run.returncode == 0, run.stderr
    flexible = [
        j for j in json.loads(target.read_text()) if j["pair"]["family"] == "whole_expansive"
    ]
    regions = ("authors_box", "authors_region", "sharp_region")
    outside = [
        all(c["inside"] is False for c in j["criteria"] if c["name"] in regions) for j in flexible
    ]
    assert (len(outside), sum(outside)) == (6, 3)


def test_figures_are_made_and_checked(tmp_path):
    run = flowcert("figures", "G4_step_alternation", "--out", tmp_path / "out", "--check")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "holds" in run.stdout
    made = {path.suffix for path in (tmp_path / "out").iterdir()}
    assert made == {".png", ".pdf", ".svg", ".npz", ".json"}


def test_method_prints_what_is_derived(tmp_path):
    target = tmp_path / "rk4.json"
    run = flowcert("method", "rk4", "--smoothness", 4, "--json", target)
    assert run.returncode == 0, run.stderr
    rows = json.loads(target.read_text())["properties"]
    assert rows["order"].startswith("4 ")
    assert rows["stability function R(z)"] == "1 + z + 1/2·z^2 + 1/6·z^3 + 1/24·z^4"
    assert rows["circle-contractivity radius r"] == "1"
    assert rows["non-expansive for L = 4 up to h ="] == "0.5"
    assert rows["A-stable"] == "no"
    for row in rows:
        assert row in run.stdout
    assert "h = 0.5" in " ".join(
        flowcert("method", "RK4", "--cocoercivity", 0.25).stdout.replace("h =", "h = ").split()
    )
    assert "GaussLegendre(3)" in flowcert("method").stdout


def test_method_reads_a_users_tableau(tmp_path):
    mine = tmp_path / "mine.json"
    mine.write_text(
        '{"name": "my Ralston", "A": [["0", "0"], ["2/3", "0"]], "b": ["1/4", "3/4"],'
        ' "c": ["0", "2/3"]}'
    )
    run = flowcert("method", mine)
    assert run.returncode == 0, run.stderr
    assert "my Ralston" in run.stdout
    assert "0.791288" in run.stdout  # (√21 − 3)/2


def test_one_method_is_audited(tmp_path):
    target = tmp_path / "audit.json"
    run = flowcert("method", "Heun", "--audit", "--json", target)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 of 1 methods do what they declare" in run.stdout
    [report] = json.loads(target.read_text())
    assert (report["declared_order"], report["derived_order"], report["holds"]) == (2, 2, True)


def test_the_radius_is_none_or_infinite_in_words():
    assert (
        "up to h =  0.0   (a weight is negative or 0"
        in flowcert("method", "ExplicitMidpoint").stdout
    )
    assert flowcert("method", "GaussLegendre(7)").stdout.split()[-1] == "∞"
    assert "order" in flowcert("method", "Yoshida6(StormerVerlet)").stdout


def below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "out"


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["check", "--only", "Z9"], "UnknownNameError"),
        (["check", "--only", ""], "UnknownNameError"),
        (["check", "--only", "D8", "--json", "{blocked}/v.json"], "OutputError"),
        (["check", "--only", "D8", "--smt", "{blocked}"], "OutputError"),
        (["check", "--load", "{missing}"], "DataError"),
        (["check", "--load", "{empty}"], "DataError"),
        (["check", "--load", "{unclosed}"], "DataError"),
        (["claim", "sharp"], "UnknownNameError"),
        (["judge", "steps", "{missing}"], "DataError"),
        (["judge", "steps", "{truncated}"], "DataError"),
        (["method", "RK5"], "UnknownNameError"),
        (["method", "GaussLegendre"], "DomainError"),
        (["method", "GaussLegendre(0)"], "DomainError"),
        (["method", "RK4", "--smoothness", "-1"], "DomainError"),
        (["method", "RK4", "--smoothness", "nan"], "DomainError"),
        (["method", "RK4", "--smoothness", "1", "--cocoercivity", "1"], "DomainError"),
        (["method", "Strang", "--smoothness", "1"], "DomainError"),
        (["method", "RK4", "--all"], "DomainError"),
        (["method", "--audit"], "DomainError"),
        (["method", "RK4", "--json", "{blocked}/m.json"], "OutputError"),
        (["method", "--all", "--json", "{blocked}/m.json"], "OutputError"),
        (["method", "{missing}.json"], "DataError"),
        (["method", "{truncated}"], "DataError"),
        (["figures", "G99", "--out", "{good}"], "UnknownNameError"),
        (["figures", "--out", "{blocked}"], "OutputError"),
    ],
)
def test_misuse_is_one_clear_error_and_exit_code_two(tmp_path, arguments, error):
    empty, truncated = tmp_path / "empty.py", tmp_path / "steps.json"
    empty.write_text("")
    (tmp_path / "unclosed.py").write_text("x = (")
    truncated.write_text('{"format": "flowcert.published_ste')
    places = {
        "blocked": below_a_file(tmp_path),
        "missing": tmp_path / "nothing.py",
        "empty": empty,
        "unclosed": tmp_path / "unclosed.py",
        "truncated": truncated,
        "good": tmp_path / "good",
    }
    run = flowcert(*(argument.format(**places) for argument in arguments))
    assert run.returncode == 2, run.stdout + run.stderr
    assert run.stderr.startswith(f"{error}: got ")
    assert "expected" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "arguments",
    [["check", "--instances", "0"], ["check", "--seed", "-1"], ["nonsense"], ["check", "--no"]],
)
def test_malformed_options_are_misuse(arguments):
    assert flowcert(*arguments).returncode == 2


def test_help_reads_well():
    run = flowcert("--help")
    assert run.returncode == 0
    for command in ("check", "claim", "method", "judge", "figures"):
        assert command in run.stdout
    for command in (["check"], ["claim"], ["method"], ["judge", "steps"], ["figures"]):
        assert flowcert(*command, "--help").returncode == 0
    assert flowcert("--version").stdout.startswith("flowcert ")


def test_works_from_any_folder(tmp_path: Path):
    assert flowcert("claim", "D8.sorting", cwd=tmp_path).returncode == 0
