"""Runge–Kutta steps: recognised however they are written, bounded above every admissible step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowcert.errors import DataError
from flowcert.numerics import RK4, SSP33, ButcherTableau, Heun
from flowcert.numerics.methods import Kutta3, ThreeEighths
from flowcert.numerics.validation import FloatArray
from flowcert.theory.certificate import (
    Certificate,
    Graph,
    Node,
    assemble,
    check_certificate,
    derive,
)
from flowcert.theory.certificate.segments import Segment
from flowcert.theory.contraction import runge_kutta_contraction

METHODS = {method.name: method.tableau for method in (Heun, SSP33, Kutta3, RK4, ThreeEighths)}


def floats(tableau: ButcherTableau) -> tuple[FloatArray, FloatArray]:
    return np.array(tableau.A, dtype=float), np.array(tableau.b, dtype=float)


class Written:
    """x + Σ h·b_j k_j as a graph, k_j = −MᵀΣ(M y_j + b), in one of several ways of writing it."""

    def __init__(
        self,
        A: FloatArray,
        b: FloatArray,
        h: float,
        slope: float,
        style: str = "flat",
        start: float = 1.0,
    ) -> None:
        self.style, self.h, self.sigma = style, h, {"function": "leaky_relu"}
        self.sigma["parameters"] = {"slope": slope}  # type: ignore[assignment]  # a nested dict
        self.nodes = [Node("x", "input", (), (0,))]
        self.start = start
        stages: list[str] = []
        for j, row in enumerate(A):
            stages.append(self._gradient(j, self._combined(f"y{j}", row, stages)))
        self.output = self._combined("v", b, stages)

    def graph(self, n: int, m: int) -> Graph:
        sizes = {"z": m, "s": m}
        nodes = [replace(node, shape=(sizes.get(node.name[0], n),)) for node in self.nodes]
        return Graph(tuple(nodes), self.output)

    def _gradient(self, j: int, y: str) -> str:
        self.nodes += [
            Node(f"z{j}", "dense", (y,), (0,), {}, {"weight": "M", "bias": "b"}),
            Node(f"s{j}", "activation", (f"z{j}",), (0,), self.sigma),
            Node(f"g{j}", "dense", (f"s{j}",), (0,), {}, {"weight": "N"}),
            Node(f"k{j}", "sum", (f"g{j}",), (0,), {"coefficients": [-1.0]}),
        ]
        return f"k{j}"

    def _combined(self, name: str, row: Sequence[float], stages: Sequence[str]) -> str:
        terms = [(float(a), k) for a, k in zip(row, stages, strict=False) if a]
        if not terms:
            return "x"
        if self.style == "flat":
            numbers = [self.start, *(self.h * a for a, _ in terms)]
            inputs = ("x", *(k for _, k in terms))
            self.nodes.append(Node(name, "sum", inputs, (0,), {"coefficients": numbers}))
            return name
        # h·(a₁k₁ + (a₂k₂ + …)), h as a tensor
        last = ""
        for i, (a, k) in enumerate(terms):
            inputs, numbers = ((k, last), [a, 1.0]) if last else ((k,), [a])
            last = f"{name}.{i}"
            self.nodes.append(Node(last, "sum", inputs, (0,), {"coefficients": numbers}))
        self.nodes += [
            Node(f"{name}.h", "diagonal", (last,), (0,), {}, {"scale": "h"}),
            Node(name, "sum", (f"{name}.h", "x"), (0,), {"coefficients": [1.0, self.start]}),
        ]
        return name


def weights(M: FloatArray, h: float) -> dict[str, FloatArray]:
    return {"M": M, "N": M.T.copy(), "b": np.linspace(-1.0, 1.0, len(M)), "h": np.array(h)}


def segment(written: Written, M: FloatArray) -> Segment | None:
    graph = written.graph(M.shape[1], len(M))
    found = derive(graph, weights(M, written.h)).segments
    steps = [step for step in found if step.rule == "Runge–Kutta step"]
    assert len(steps) <= 1  # the stages are none of their own
    return steps[0] if steps else None


def largest_quotient(
    A: FloatArray, b: FloatArray, h: float, slopes: tuple[float, float], M: FloatArray
) -> float:
    """The largest norm of the step's Jacobian over slopes drawn at each stage: from below."""
    rng, n = np.random.default_rng(0), M.shape[1]
    best = 0.0
    for trial in range(300):
        stages: list[FloatArray] = []
        for row in A:
            J = np.eye(n) + h * sum(
                (a * k for a, k in zip(row, stages, strict=False)), 0.0 * M.T @ M
            )
            d = rng.choice(slopes, size=len(M)) if trial > 2 else np.full(len(M), slopes[trial % 2])
            stages.append(-M.T @ (d[:, None] * M) @ J)
        whole = np.eye(n) + h * sum(a * k for a, k in zip(b, stages, strict=True))
        best = max(best, float(np.linalg.norm(whole, 2)))
    return best


@settings(max_examples=25, derandomize=True, deadline=None)
@given(
    st.integers(0, 10**6),
    st.sampled_from(sorted(METHODS)),
    st.sampled_from([(3, 2), (2, 3), (3, 3)]),
    st.floats(0.05, 3.0),
    st.sampled_from([0.0, 0.5, 1.0, -0.25]),
    st.sampled_from(["flat", "nested"]),
)
def test_no_choice_of_slopes_exceeds_the_factor(
    seed: int, name: str, shape: tuple[int, int], hL: float, slope: float, style: str
) -> None:
    M = np.random.default_rng(seed).standard_normal(shape)
    A, b = floats(METHODS[name])
    h = hL / float(np.linalg.norm(M, 2)) ** 2
    found = segment(Written(A, b, h, slope, style), M)
    assert found is not None
    assert found.claim == "D4.runge_kutta_factor"
    ends = (min(slope, 1.0), max(slope, 1.0))
    assert largest_quotient(A, b, h, ends, M) <= found.factor * (1 + 1e-12)


@pytest.mark.parametrize("larger", [0, 1])
def test_stages_may_have_matrices_of_their_own(larger: int) -> None:
    """Heun on two gradients of different size: the larger one counts, whichever stage it is at."""
    matrices = [np.diag([0.5, 1.0]), np.diag([0.5, 1.0])]
    matrices[larger] = np.diag([1.0, 2.0])
    A, b = floats(Heun.tableau)
    graph = Written(A, b, 0.45, 0.5).graph(2, 2)
    nodes = [
        replace(node, tensors={**node.tensors, "weight": f"{node.tensors['weight']}1"})
        if node.name in ("z1", "g1")
        else node
        for node in graph
    ]
    first, second = matrices
    given = {**weights(first, 0.45), "M1": second, "N1": second.T.copy()}
    [found] = [
        found
        for found in derive(Graph(tuple(nodes), "v"), given).segments
        if found.rule == "Runge–Kutta step"
    ]
    assert found.constants["slopes"] == pytest.approx([0.125, 4.0], rel=1e-6)
    exact = runge_kutta_contraction(Heun.tableau, 0.45, 0.125, 4.0)
    assert found.factor == pytest.approx(exact.bound_factor, rel=1e-6)


@pytest.mark.parametrize("name", sorted(METHODS))
@pytest.mark.parametrize("slope", [0.0, 0.5])
@pytest.mark.parametrize("hL", [0.5, 1.9, 2.6])
def test_it_is_the_factor_of_the_exact_tableau_within_rounding(
    name: str, slope: float, hL: float
) -> None:
    M = np.vstack([np.diag([2.0, 1.0]), np.zeros((1, 2))])
    A, b = floats(METHODS[name])
    found = segment(Written(A, b, hL / 4.0, slope), M)
    exact = runge_kutta_contraction(METHODS[name], Fraction(hL) / 4, slope * 1.0, 4.0)
    assert found is not None
    assert found.factor == pytest.approx(exact.bound_factor, rel=1e-6)


@pytest.mark.parametrize("style", ["flat", "nested"])
def test_within_the_circle_the_factor_is_exactly_one_and_needs_no_multipliers(style: str) -> None:
    M = np.random.default_rng(1).standard_normal((4, 3))
    A, b = floats(RK4.tableau)
    L = float(np.linalg.norm(M, 2)) ** 2
    inside = segment(Written(A, b, 2.0 * (1 - 1e-8) / L, 0.0, style), M)
    outside = segment(Written(A, b, 2.0 * (1 + 1e-6) / L, 0.0, style), M)
    assert inside is not None
    assert outside is not None
    assert inside.factor == 1.0
    assert "multipliers" not in inside.constants
    assert 1.0 < outside.factor < 1.001
    assert "multipliers" in outside.constants


def test_the_actual_coefficients_count_not_those_that_they_mean() -> None:
    """b₁ a little larger: at the limit the step is no longer proved to be non-expansive."""
    M = np.eye(2)
    A, b = floats(Heun.tableau)
    A[1, 0] *= 1.01
    found = segment(Written(A, b, 2.0 * (1 - 1e-9), 0.0), M)
    lower = Fraction(float(A[1, 0]))
    tableau = ButcherTableau([[0, 0], [lower, 0]], list(Heun.tableau.b), [0, lower])
    exact = runge_kutta_contraction(tableau, 2.0, 0, 1)
    assert found is not None
    assert exact.bound_factor > 1.001
    assert found.factor == pytest.approx(exact.bound_factor, rel=1e-6)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"N": np.eye(3)[:2]}, "no adjoint"),
        ({"N": -np.arange(6.0).reshape(3, 2).T}, "the other sign"),
        ({"h": np.array([0.1, 0.2])}, "a step for each entry"),
    ],
)
def test_what_is_no_runge_kutta_step_is_left_alone(change: dict[str, FloatArray], why: str) -> None:
    M = np.arange(6.0).reshape(3, 2)
    written = Written(*floats(Heun.tableau), 0.1, 0.0, "nested")
    graph = written.graph(2, 3)
    assert segment(written, M) is not None
    found = derive(graph, {**weights(M, 0.1), **change}).segments
    assert all(step.rule != "Runge–Kutta step" for step in found), why


def test_x_must_come_in_with_the_coefficient_one() -> None:
    written = Written(*floats(Heun.tableau), 0.1, 0.0, start=0.5)
    assert segment(written, np.eye(2)) is None


def test_extreme_weights_stay_sound() -> None:
    A, b = floats(RK4.tableau)
    for scale in (0.0, 1e-200, 1e-30, 1e30, 1e160):
        found = segment(Written(A, b, 1.0, 0.0), scale * np.eye(2))
        assert found is None or found.factor >= 1.0


def rk4_certificate(slope: float = 0.5) -> tuple[Certificate, dict[str, FloatArray]]:
    M = np.vstack([np.diag([2.0, 1.0]), np.zeros((1, 2))])
    given = weights(M, 0.4)
    graph = Written(*floats(RK4.tableau), 0.4, slope).graph(2, 3)
    return assemble(derive(graph, given), given), given


def test_the_checker_verifies_the_multipliers_without_a_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    certificate, given = rk4_certificate()
    assert list(certificate.multipliers) == ["v, stages"]

    def search(forms: object) -> object:
        raise AssertionError("the checker must not search")

    name = "flowcert.theory.certificate.runge_kutta_steps.search_multipliers"
    monkeypatch.setattr(name, search)
    copied = Certificate.from_json(json.loads(json.dumps(certificate.to_json())))
    assert check_certificate(copied, given).holds


@pytest.mark.parametrize("forged", [[0.0] * 4, [1e9, 0.0, 0.0, 0.0]])
def test_forged_multipliers_prove_nothing(forged: list[float]) -> None:
    certificate, given = rk4_certificate()
    bad = replace(certificate, multipliers={"v, stages": (tuple(forged),)})
    assert not check_certificate(bad, given).holds


@pytest.mark.parametrize("wrong", [[1.0], [1.0, 1.0, 1.0, -1.0], [1.0, 1.0, 1.0, float("inf")]])
def test_multipliers_that_are_none_are_refused(wrong: list[float]) -> None:
    certificate, given = rk4_certificate()
    with pytest.raises(DataError, match="for each stage"):
        derive(certificate.graph, given, multipliers={"v, stages": [wrong]})


def test_a_smaller_recorded_bound_is_not_accepted() -> None:
    certificate, given = rk4_certificate()
    lower = certificate.upper * (1 - 1e-6)
    last = certificate.lines[-1]
    line = replace(
        last, candidates=(replace(last.candidates[0], upper=lower), *last.candidates[1:])
    )
    bad = replace(certificate, upper=lower, lines=(*certificate.lines[:-1], line))
    assert not check_certificate(bad, given).holds
