"""The engines say "proved" only of what is true, and "not proved" when they do not know."""

from fractions import Fraction

import flint
import pytest
import sympy
import z3

from flowcert.theory import Proof, ProofStep
from flowcert.theory.proof import cited
from flowcert.theory.proof.algebra import (
    prove_cases,
    prove_derivative,
    prove_identity,
    prove_limit,
)
from flowcert.theory.proof.balls import BALLS, prove_integral, prove_positive_on_box
from flowcert.theory.proof.smt import SmtArithmetic, prove_by_smt

X = sympy.Symbol("x", positive=True)


def test_identity_that_sympy_cannot_decide_is_not_proved():
    f = sympy.Function("f")(X)
    step = prove_identity("unknown function", f, 0)
    assert step.outcome == "not proved"
    assert "leaves" in step.detail


def test_identity_wrong_in_one_entry_of_a_matrix_is_refuted():
    step = prove_identity("entries", sympy.Matrix([X, X**2]), sympy.Matrix([X, X**3]))
    assert step.outcome == "refuted"


def test_wrong_limit_derivative_and_case_are_refuted():
    assert prove_limit("limit", 1 / X, X, sympy.oo, 1).outcome == "refuted"
    assert prove_derivative("derivative", X**2, X, X).outcome == "refuted"
    assert prove_cases("cases", [1, 2], lambda n: n < 2).outcome == "refuted"
    assert prove_cases("no case", [], lambda n: True).outcome == "not proved"


def test_smt_proves_refutes_and_gives_up():
    x, y, z = z3.Reals("x y z")
    assert prove_by_smt("square", name="a", given=[], show=x * x >= 0).outcome == "proved"
    refuted = prove_by_smt("positive", name="b", given=[x > -1], show=x > 0)
    assert refuted.outcome == "refuted"
    assert "x = " in refuted.detail
    hard = z3.And(x**7 + y**7 + z**7 != 3 * x**5 * y - z**3 * y**4 + 1, x**9 * y == z**9 + 7 * x)
    gave_up = prove_by_smt("hard", name="c", given=[hard], show=x**8 + y**6 > z**9, timeout=0.001)
    assert gave_up.outcome == "not proved"
    assert "unknown" in gave_up.detail
    assert Proof((gave_up,)).outcome == "not proved"


def test_smt_takes_floats_at_their_exact_value():
    on = SmtArithmetic()
    exact = on.number(Fraction(1, 10))
    assert prove_by_smt("0.1", name="d", given=[], show=on.number(0.1) > exact).outcome == "proved"


def test_smt_root_is_the_non_negative_one():
    on = SmtArithmetic()
    root = on.square_root(on.number(4))
    step = prove_by_smt("root", name="e", given=on.side_conditions, show=root == 2)
    assert step.outcome == "proved"
    with pytest.raises(TypeError):
        on.exponential(root)


def test_balls_cover_refute_and_give_up():
    def parabola(x):
        return x * x - BALLS.number(Fraction(1, 4))

    assert prove_positive_on_box("right", parabola, [(Fraction(3, 5), 2)]).outcome == "proved"
    assert prove_positive_on_box("through 0", parabola, [(0, 2)]).outcome == "refuted"
    # Zero on the edge: true with ≥, undecidable by balls, so not proved.
    touching = prove_positive_on_box("edge", parabola, [(Fraction(1, 2), 2)], boxes=200)
    assert touching.outcome == "not proved"


def test_balls_notice_a_dip_between_the_corners():
    def dip(x, y):
        return (x - BALLS.number(Fraction(1, 3))) ** 2 + y - BALLS.number(Fraction(1, 1000))

    assert prove_positive_on_box("dip", dip, [(0, 1), (0, 1)]).outcome == "refuted"


def test_integral_must_agree_to_twenty_digits():
    def third():
        return flint.arb(1) / 3

    def off():
        return flint.arb(1) / 3 + flint.arb("1e-25")

    piece = [(lambda z, analytic: z * z, 0, 1)]
    assert prove_integral("right", piece, third).outcome == "proved"
    assert prove_integral("wrong", piece, off).outcome == "refuted"
    vague = prove_integral("vague", piece, lambda: flint.arb("0.333", 0.01))
    assert vague.outcome == "not proved"


def test_outcome_of_a_proof():
    good = ProofStep("a", "algebra", "proved")
    open_step = ProofStep("b", "smt", "not proved", "time")
    bad = ProofStep("c", "balls", "refuted", "point")
    assert Proof((good, cited("d", "book"))).outcome == "proved"
    assert Proof((good, open_step)).outcome == "not proved"
    assert Proof((good, open_step, bad)).outcome == "refuted"
    assert Proof((cited("d", "book"),)).outcome == "not proved"
    assert Proof(()).outcome == "not proved"
    assert Proof((good, open_step)).reason == "b: time"


def test_integral_does_not_cross_a_branch_cut():
    """The root of (x − ½)² + 1/100 is smooth on [0, 1] but has branch points ½ ± i/10."""

    def root(z, analytic):
        return ((z - BALLS.number(Fraction(1, 2))) ** 2 + BALLS.number(Fraction(1, 100))).sqrt(
            analytic=analytic
        )

    def wrong():
        return flint.arb("0.305505046330389", 1e-15)

    def right():
        half, tenth = flint.arb(1) / 2, flint.arb(1) / 10
        outer = (half**2 + tenth**2).sqrt()
        return half * outer + tenth**2 * (half / tenth).asinh()

    assert (
        prove_integral("wrong branch", [(root, 0, 1)], wrong, tolerance=1e-14).outcome == "refuted"
    )
    assert prove_integral("right", [(root, 0, 1)], right).outcome == "proved"
