"""The checker itself: it goes red for each way in which a claim can fail."""

from dataclasses import dataclass

import pytest
from hypothesis import strategies as st

from flowcert import DataError, DomainError, UnknownNameError
from flowcert.theory import (
    Assumption,
    Claim,
    Measurement,
    Mutant,
    NotApplicable,
    Proof,
    ProofStep,
    Source,
    Witness,
    all_claims,
    check_claim,
    find_claims,
    register,
    registry,
    unregister,
)

GOOD = Proof((ProofStep("x² ≥ 0", "algebra", "proved"),))
OPEN = Proof((ProofStep("x² ≥ 0", "smt", "not proved", "timed out"),))
WRONG = Proof((ProofStep("x² ≥ 0", "smt", "refuted", "x = 1"),))
SURVIVES = Measurement(0.0, 1.0)
KILLED = Measurement(2.0, 1.0)


@dataclass(frozen=True)
class Square(Claim[float]):
    """−x² ≤ ``ceiling`` for x in [−10, 10], with parts that can be broken one by one."""

    proof: object = GOOD
    ceiling: float = 0.0
    witness_at: float = 0.0
    gap: str | None = None
    attack: object = KILLED

    name = "X1.square"
    title = "A square is not negative"
    statement = r"-x^2 \le 0"
    assumptions = (Assumption(r"x \in \mathbb{R}", "any number"),)
    source = Source("a test", "D")

    def prove(self):
        return self.proof

    def instances(self):
        return st.floats(-10, 10)

    def measure(self, instance):
        return Measurement(-(instance**2), self.ceiling)

    def witness(self):
        return Witness("x", self.measure(self.witness_at), self.gap)

    def mutants(self):
        return (Mutant("broken", "an assumption", lambda: self.attack),)


def test_a_sound_claim_holds():
    verdict = check_claim(Square(), instances=20)
    assert (verdict.status, verdict.holds, verdict.complaint) == ("proved", True, "")
    assert verdict.instances.tried >= 20


def test_a_refuted_proof_is_refuted():
    verdict = check_claim(Square(proof=WRONG), instances=5)
    assert (verdict.status, verdict.holds) == ("refuted", False)
    assert "x = 1" in verdict.complaint


def test_a_proof_that_times_out_is_supported_but_no_pass():
    verdict = check_claim(Square(proof=OPEN), instances=5)
    assert (verdict.status, verdict.holds) == ("supported", False)
    assert "timed out" in verdict.complaint


def test_without_a_proof_a_claim_is_supported():
    verdict = check_claim(Square(proof=NotApplicable("an observation")), instances=5)
    assert (verdict.status, verdict.holds) == ("supported", True)


def test_a_violated_instance_is_shrunk_and_shown():
    verdict = check_claim(Square(ceiling=-25.0, witness_at=5.0), instances=200)
    assert verdict.status == "refuted"
    # −x² ≤ −25 fails for |x| < 5; hypothesis shrinks to 0.
    assert verdict.instances.counterexample.startswith(("0.0:", "-0.0:"))


def test_a_witness_that_does_not_attain_is_refuted():
    verdict = check_claim(Square(witness_at=1.0), instances=5)
    assert (verdict.status, verdict.holds) == ("refuted", False)
    assert "witness" in verdict.complaint


def test_a_gap_must_be_a_gap():
    assert check_claim(Square(witness_at=1.0, gap="strict"), instances=5).holds
    assert not check_claim(Square(witness_at=0.0, gap="strict"), instances=5).holds


@pytest.mark.parametrize(
    "attack", [SURVIVES, ProofStep("m", "smt", "proved"), ProofStep("m", "smt", "not proved")]
)
def test_a_surviving_mutant_is_no_pass(attack):
    verdict = check_claim(Square(attack=attack), instances=5)
    assert (verdict.status, verdict.holds) == ("proved", False)
    assert "survives" in verdict.complaint


def test_nan_never_holds():
    nan = float("nan")
    assert not Measurement(nan, 1.0).holds
    assert not Measurement(1.0, nan).holds
    assert not Measurement(nan, nan, relation="=").holds
    assert not Witness("nan", Measurement(nan, 1.0), gap="strict").holds


def test_the_seed_decides_the_instances():
    def drawn(seed):
        seen = []

        class Recording(Square):
            def measure(self, instance):
                seen.append(instance)
                return super().measure(instance)

        check_claim(Recording(), instances=30, seed=seed)
        return seen

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_misuse_is_refused():
    with pytest.raises(DomainError):
        check_claim(Square(), instances=0)
    with pytest.raises(DomainError):
        check_claim(Square(), seed=-1)


def test_claims_can_be_registered_from_outside():
    before = all_claims()
    register(Square())
    try:
        assert len(all_claims()) == len(before) + 1
        assert find_claims("X1") == find_claims("X") == find_claims("X1.square")
        with pytest.raises(DataError, match="second claim"):
            register(Square())
    finally:
        unregister("X1.square")
    assert all_claims() == before


def test_claims_of_installed_packages_are_found(monkeypatch):
    import types

    module = types.ModuleType("elsewhere")

    class Foreign(Square):
        pass

    Foreign.__module__ = "elsewhere"
    module.Foreign = Foreign

    class Entry:
        def load(self):
            return module

    monkeypatch.setattr(registry, "entry_points", lambda group: [Entry()])
    registry._installed_claims.cache_clear()
    try:
        assert find_claims("X1.square")
    finally:
        monkeypatch.undo()
        registry._installed_claims.cache_clear()


@pytest.mark.parametrize("name", ["nogroup", ".x", "X1."])
def test_a_claim_needs_a_group(name):
    class Nameless(Square):
        pass

    Nameless.name = name
    with pytest.raises(DataError, match=r"GROUP\.name"):
        register(Nameless())


def test_unknown_claims_are_named_with_a_hint():
    with pytest.raises(UnknownNameError, match=r"D2\.sharp_factor"):
        find_claims("sharp_fac")
    with pytest.raises(UnknownNameError, match="C1"):
        find_claims("Z9")


@pytest.mark.parametrize("part", ["prove", "instances", "measure", "witness", "mutants", "attack"])
def test_a_claim_that_raises_is_red_and_the_run_goes_on(part):
    def broken(*_):
        raise ZeroDivisionError("oops")

    class Broken(Square):
        pass

    claim = Broken(attack=KILLED)
    if part == "attack":
        Broken.mutants = lambda self: (Mutant("broken", "an assumption", broken),)
    else:
        setattr(Broken, part, broken)
    verdict = check_claim(claim, instances=5)
    assert not verdict.holds
    assert "oops" in verdict.complaint


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("title", ""),
        ("statement", None),
        ("assumptions", "any number"),
        ("assumptions", ("any number",)),
        ("source", "a book"),
        ("source", Source("a book", "Q")),
    ],
)
def test_an_incomplete_claim_is_refused(attribute, value):
    class Incomplete(Square):
        pass

    setattr(Incomplete, attribute, value)
    with pytest.raises(DataError, match=attribute):
        register(Incomplete())


@pytest.mark.parametrize(
    "evidence",
    [
        Measurement(float("nan"), 1.0),
        Measurement(float("inf"), 1.0),
        Measurement(2.0, 1.0, allowance=-1.0),
        Measurement(2.0, 1.0, allowance=float("inf")),
    ],
)
def test_a_broken_attack_kills_no_mutant_and_supports_nothing(evidence):
    assert not evidence.holds
    assert not Mutant.refuted(evidence)


def test_a_measure_that_raises_names_its_instance():
    class Raising(Square):
        def measure(self, instance):
            raise OverflowError("too large")

    verdict = check_claim(Raising(), instances=5)
    assert not verdict.holds
    assert "OverflowError: too large" in verdict.complaint
    assert "measuring" in verdict.complaint
