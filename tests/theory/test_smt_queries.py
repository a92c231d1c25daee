"""Every exported query is re-checked by cvc5, a solver that shares no code with z3.

cvc5 does not always keep its own time limit, so it runs in a process that is killed.
"""

import subprocess
import sys

import pytest
import z3

from flowcert.theory import all_claims, check_claim
from flowcert.theory.report import write_queries

SECONDS = 30
SOLVE = """
import sys, cvc5
solver = cvc5.Solver()
parser = cvc5.InputParser(solver)
parser.setFileInput(cvc5.InputLanguage.SMT_LIB_2_6, sys.argv[1])
symbols = parser.getSymbolManager()
while not (command := parser.nextCommand()).isNull():
    answer = command.invoke(solver, symbols)
    if answer.strip():
        print(answer.strip())
"""


def ask_cvc5(path):
    run = subprocess.run(
        [sys.executable, "-c", SOLVE, str(path)], capture_output=True, text=True, timeout=SECONDS
    )
    return run.stdout.strip() or run.stderr.strip()


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.name)
def test_cvc5_confirms_every_query(claim, tmp_path):
    verdict = check_claim(claim, instances=1)
    paths = write_queries(tmp_path, [verdict])
    assert len(paths) == len(verdict.queries)
    for path, query in zip(paths, verdict.queries, strict=True):
        assert f"(set-info :status {query.expected})" in path.read_text()
        assert ask_cvc5(path) == query.expected, path.name


def test_a_wrong_status_is_noticed(tmp_path):
    path = tmp_path / "wrong.smt2"
    path.write_text(
        "(set-logic QF_NRA)\n(set-info :status unsat)\n(declare-fun x () Real)\n"
        "(assert (> x 0.0))\n(check-sat)\n"
    )
    assert "unsat" not in ask_cvc5(path).split()[:1]


def test_names_are_unique_so_that_no_query_overwrites_another():
    for claim in all_claims():
        names = [query.name for query in check_claim(claim, instances=1).queries]
        assert len(set(names)) == len(names), claim.name


def test_no_query_is_vacuous():
    """The hypotheses alone must be satisfiable: from a contradiction everything follows."""
    for claim in all_claims():
        for query in check_claim(claim, instances=1).queries:
            *hypotheses, _ = z3.parse_smt2_string(query.text)
            solver = z3.SolverFor("QF_NRA")
            solver.add(*hypotheses)
            assert solver.check() == z3.sat, f"{claim.name}: {query.name}"
