"""Every claim of the package is proved, survives its instances, and kills its mutants."""

import json

import numpy as np
import pytest
from hypothesis import given, settings

from flowcert.theory import NotApplicable, all_claims, check_claim

CLAIMS = all_claims()
GROUPS = {"C1", "C2", "C3", "C4", "D1", "D2", "D3", "D4", "D5", "D6", "D7", "D8", "H1", "H2"}
GROUPS |= {"B1", "B2", "B3", "B4", "B5", "B6", "B7"}
GROUPS |= {"A1", "A2", "A3", "F1", "F2", "F3", "F4", "F5", "F6", "E1", "E2"}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_claim_holds(claim):
    verdict = check_claim(claim, instances=25, seed=1)
    assert verdict.holds, verdict.complaint
    assert verdict.status == "proved", verdict.proof.detail
    assert verdict.instances.tried >= 25 or verdict.instances.not_applicable
    assert verdict.mutants
    assert json.loads(json.dumps(verdict.to_json(), allow_nan=False))["name"] == claim.name


def test_there_are_enough_and_every_group_is_there():
    assert len(CLAIMS) >= 25
    assert {claim.group for claim in CLAIMS} == GROUPS
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_claim_is_written_out_in_full(claim):
    assert claim.title
    assert claim.statement
    assert claim.assumptions
    assert claim.source.mark in "PID"
    # Latin or Greek prose belongs between words, not into an unbalanced formula.
    for formula in (claim.statement, *(a.formula for a in claim.assumptions)):
        assert formula.count("{") == formula.count("}")
        assert "$" not in formula


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_rounding_allowances_cannot_hide_a_violation(claim):
    """Most instances must be judged to within a thousandth of what is claimed."""
    strategy = claim.instances()
    if isinstance(strategy, NotApplicable):
        return
    strict = []

    @settings(max_examples=30, database=None, derandomize=True, deadline=None)
    @given(strategy)
    def look(instance):
        measured = claim.measure(instance)
        strict.append(measured.allowance <= 1e-3 * max(1.0, abs(measured.claimed)))

    look()
    assert np.mean(strict) >= 0.9
