"""E1: a network's constant is bounded layer by layer: products, sums, quadratures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...measuring import difference_quotient, rounding_allowance
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from .small_networks import SmallNetwork, small_networks

# A dense norm is bounded by a shift of relative size 4e-7: what "attained" can mean in float64.
SHIFT = 2e-6


class Product(Claim[SmallNetwork]):
    name = "E1.product"
    title = "A network's constant is bounded by products, sums and quadratures of its layers'"
    statement = (
        r"\mathrm{Lip}(f_2 f_1) \le L_2 L_1;\quad"
        r"\mathrm{Lip}\bigl(\textstyle\sum_i c_i f_i\bigr) \le \sum_i |c_i| L_i"
        r"\ \text{and}\ \le |c|\,\mathrm{Lip}(f_1, \dots, f_k);\quad"
        r"\mathrm{Lip}(f_1, \dots, f_k) \le \sqrt{\textstyle\sum_i L_i^2}"
    )
    assumptions = (
        Assumption(r"L_i \ge \mathrm{Lip}(f_i)", "bounds of all layers: lifts, pooling, the last"),
        Assumption(r"|\cdot|", "Euclidean norms, the same between layers"),
        Assumption(r"f_1", "the input normalisation, where the input is an image in pixels"),
    )
    source = Source("paper, networks as products of Lipschitz layers", "P")

    def prove(self) -> Proof:
        u, v = (sympy.Matrix(sympy.symbols(f"{name}0:3")) for name in "uv")
        c, d = sympy.symbols("c d")
        d0, d1, d2, l1, l2 = z3.Reals("d_0 d_1 d_2 L_1 L_2")
        given = [d0 >= 0, l1 >= 0, l2 >= 0]
        return Proof(
            (
                prove_by_smt(
                    r"composition: $d_1 \le L_1d_0$ and $d_2 \le L_2d_1$ give $d_2 \le L_2L_1d_0$",
                    name="composition",
                    given=[*given, d1 <= l1 * d0, d2 <= l2 * d1],
                    show=d2 <= l2 * l1 * d0,
                ),
                prove_identity(
                    r"Cauchy–Schwarz: $|u|^2|v|^2 - \langle u, v\rangle^2 ="
                    r" \sum_{i<j}(u_iv_j - u_jv_i)^2$",
                    u.dot(u) * v.dot(v) - u.dot(v) ** 2,
                    sum((u[i] * v[j] - u[j] * v[i]) ** 2 for j in range(3) for i in range(j)),
                ),
                prove_identity(
                    r"$|cu + dv|^2 = c^2|u|^2 + 2cd\langle u, v\rangle + d^2|v|^2$",
                    (c * u + d * v).dot(c * u + d * v),
                    c**2 * u.dot(u) + 2 * c * d * u.dot(v) + d**2 * v.dot(v),
                ),
                *_sums(),
                prove_identity(
                    r"concatenation: $|(u, v)|^2 = |u|^2 + |v|^2$",
                    u.col_join(v).dot(u.col_join(v)),
                    u.dot(u) + v.dot(v),
                ),
                prove_by_smt(
                    r"and $d_i \le L_id_0$ give $d_1^2 + d_2^2 \le (L_1^2 + L_2^2)d_0^2$",
                    name="quadrature",
                    given=[*given, d1 >= 0, d2 >= 0, d1 <= l1 * d0, d2 <= l2 * d0],
                    show=d1 * d1 + d2 * d2 <= (l1 * l1 + l2 * l2) * d0 * d0,
                ),
                _larger_of_two("larger-of-two"),
                cited(
                    r"the same for any number of layers, terms and coordinates; an entry that is in"
                    r" at most $k$ windows is counted at most $k$ times: max-pooling has"
                    r" $L \le \sqrt{k}$",
                    "induction; Lagrange's identity",
                ),
            )
        )

    def instances(self) -> SearchStrategy[SmallNetwork]:
        return small_networks()

    def measure(self, instance: SmallNetwork) -> Measurement:
        return _measured(instance, instance.bound())

    def witness(self) -> Witness:
        A, B = np.diag([2.0, 1.0]), np.diag([3.0, 0.5])
        network = SmallNetwork(
            (
                ("scaled", (), 0.25),
                ("dense", (A,), 0.0),
                ("leaky", (), 0.5),
                ("residual", (A, B), 0.5),
                ("concatenated", (A, A), 0.0),
            ),
            np.array([2.0, 1.0]),
            np.array([1.0, 1.0]),
        )
        found = _measured(network, network.bound())
        return Witness(
            "aligned singular vectors, where no ReLU is off",
            replace(found, allowance=SHIFT * found.claimed),
        )

    def mutants(self) -> Sequence[Mutant]:
        def network(*layers: tuple[str, tuple[FloatArray, ...], float]) -> SmallNetwork:
            return SmallNetwork(layers, np.array([2.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0]))

        double = ("dense", (2.0 * np.eye(3),), 0.0)
        normalised = network(("scaled", (), 0.2), double)
        residual = network(("residual", (np.eye(3), np.eye(3)), 1.0))
        both = network(("concatenated", (np.eye(3), np.eye(3)), 0.0))
        pooled = SmallNetwork(
            (("pooled", (), 1.0),), np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.5, 0.0])
        )
        d0, d1, d2, s = z3.Reals("d_0 d_1 d_2 s")
        return (
            Mutant(
                "the last layer forgotten",
                "the bound of all layers but x ↦ 2x",
                lambda: _measured(network(double, double), network(double).bound()),
            ),
            Mutant(
                "the input normalisation forgotten",
                "pixels are divided by 0.2 first",
                lambda: _measured(normalised, network(double).bound()),
            ),
            Mutant(
                "the larger branch of a residual step",
                "max(1, L) in the place of 1 + L",
                lambda: _measured(residual, 1.0),
            ),
            Mutant(
                "the larger part of a concatenation",
                "max(L₁, L₂) in the place of √(L₁² + L₂²)",
                lambda: _measured(both, 1.0),
            ),
            Mutant(
                "overlapping windows counted once",
                "max-pooling of neighbours is non-expansive",
                lambda: _measured(pooled, 1.0),
            ),
            Mutant(
                "a sum in quadrature without cancellation",
                "|f₁ + f₂| ≤ √(d₁² + d₂²)",
                lambda: prove_by_smt(
                    r"$s \le d_1 + d_2$ gives $s^2 \le d_1^2 + d_2^2$",
                    name="no-cross-term",
                    given=[d0 >= 0, d1 >= 0, d2 >= 0, s >= 0, s <= d1 + d2],
                    show=s * s <= d1 * d1 + d2 * d2,
                    expected="sat",
                ),
            ),
        )


def _sums() -> tuple[ProofStep, ...]:
    """Minkowski's inequality from Cauchy–Schwarz, and the two bounds of a weighted sum."""
    p, q, s, inner = z3.Reals("p q s w")
    d0, c1, c2, l1, l2 = z3.Reals("d_0 c_1 c_2 L_1 L_2")
    norms = [p >= 0, q >= 0, s >= 0, c1 >= 0, c2 >= 0]
    return (
        prove_by_smt(
            r"Minkowski: $\langle u, v\rangle^2 \le |u|^2|v|^2$ gives $|u + v| \le |u| + |v|$",
            name="minkowski",
            given=[*norms[:3], inner * inner <= p * p * q * q, s * s == p * p + 2 * inner + q * q],
            show=s <= p + q,
        ),
        prove_by_smt(
            r"sum: $s \le |c_1|p + |c_2|q$ with $p \le L_1d_0$, $q \le L_2d_0$ gives"
            r" $s \le (|c_1|L_1 + |c_2|L_2)d_0$; a residual step is $c = (1, h)$, $L_1 = 1$",
            name="sum",
            given=[*norms, d0 >= 0, p <= l1 * d0, q <= l2 * d0, s <= c1 * p + c2 * q],
            show=s <= (c1 * l1 + c2 * l2) * d0,
        ),
        prove_by_smt(
            r"jointly: $s \le |c_1|p + |c_2|q$ gives $s^2 \le (c_1^2 + c_2^2)(p^2 + q^2)$",
            name="jointly",
            given=[*norms, s <= c1 * p + c2 * q],
            show=s * s <= (c1 * c1 + c2 * c2) * (p * p + q * q),
        ),
    )


def _larger_of_two(name: str) -> ProofStep:
    a, b, c, d = z3.Reals("a b c d")
    first, second = z3.If(a >= b, a, b), z3.If(c >= d, c, d)
    return prove_by_smt(
        r"$(\max(a, b) - \max(c, d))^2 \le (a - c)^2 + (b - d)^2$",
        name=name,
        given=[],
        show=(first - second) * (first - second) <= (a - c) * (a - c) + (b - d) * (b - d),
    )


def _measured(network: SmallNetwork, claimed: float) -> Measurement:
    """The larger of the quotient and the Jacobians' norms, against the bound."""
    x, y = network.x, network.y
    found = max(
        difference_quotient(network, x, y),
        *(float(np.linalg.norm(network.jacobian(point), 2)) for point in (x, y)),
    )
    size = (1.0 + float(np.linalg.norm(x) + np.linalg.norm(y))) * (1.0 + claimed)
    distance = min(float(np.linalg.norm(x - y)), 1.0)
    return Measurement(found, claimed, rounding_allowance(size, distance), what="factor")
