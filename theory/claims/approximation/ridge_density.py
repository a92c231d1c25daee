"""B4: gradients of ridge networks approximate every polynomial gradient, by explicit steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import comb, prod

import sympy
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, NotApplicable, Source, tightest
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_cases, prove_identity

_HIGHEST = 6
_SYMBOLIC = 4  # with arbitrary directions; above, with the directions 0, …, d


@dataclass(frozen=True)
class HomogeneousPolynomial:
    """p = Σⱼ cⱼ x^{d−j}yʲ in exact arithmetic, and a point at which gradients are compared."""

    coefficients: tuple[Fraction, ...]
    x: Fraction
    y: Fraction

    @property
    def degree(self) -> int:
        return len(self.coefficients) - 1

    def gradient(self) -> tuple[Fraction, Fraction]:
        d, x, y = self.degree, self.x, self.y
        terms = list(enumerate(self.coefficients))
        return (
            sum((c * (d - j) * x ** (d - j - 1) * y**j for j, c in terms if j < d), Fraction(0)),
            sum((c * j * x ** (d - j) * y ** (j - 1) for j, c in terms if j), Fraction(0)),
        )

    def defect(self, directions: Sequence[int]) -> Measurement:
        """The gradient against Aᵀdiag(α)Σ(A·) with σ(u) = d·u^{d−1} and rows (1, s)."""
        d = self.degree
        alpha = _weights(self.coefficients, directions)
        rows = list(zip(alpha, directions, strict=True))
        ridge = [(a * d * (self.x + s * self.y) ** (d - 1), s) for a, s in rows]
        found = (sum(v for v, _ in ridge), sum(s * v for v, s in ridge))
        error = max(abs(f - g) for f, g in zip(found, self.gradient(), strict=True))
        return Measurement(float(error), 0.0, 0.0, "=", "error of the gradient")


_RATIONALS = st.integers(-12, 12).map(lambda k: Fraction(k, 4))
_POLYNOMIALS = st.builds(
    HomogeneousPolynomial,
    st.lists(_RATIONALS, min_size=2, max_size=_HIGHEST + 1).map(tuple),
    _RATIONALS,
    _RATIONALS,
)


class RidgeDensity(Claim[HomogeneousPolynomial]):
    name = "B4.ridge_density"
    title = "Gradients of polynomials are limits of gradients of ridge networks"
    statement = (
        r"\{(x + s_iy)^d\}_{i=0}^d \text{ is a basis of the forms of degree } d;\quad"
        r" \partial_\lambda^k\gamma(\lambda u + b)|_{\lambda=0} = u^k\gamma^{(k)}(b),"
        r"\ \gamma^{(k)}(b) \ne 0"
    )
    assumptions = (
        Assumption(r"s_0, \dots, s_d", "different numbers: d + 1 directions (1, sᵢ)"),
        Assumption(r"d, k \le 6", "the degrees proved here; two variables"),
        Assumption(r"\gamma = \log\cosh,\ b = \tfrac12", "the potential of tanh, and a bias"),
    )
    source = Source("flowcert; Leshno, Lin, Pinkus and Schocken (1993)", "I")

    def prove(self) -> Proof:
        return Proof(
            (
                *(_prove_basis(d) for d in range(1, _SYMBOLIC + 1)),
                _prove_integer_directions(),
                *_prove_ridge_limits(),
                _prove_derivatives_of_the_activation(),
                cited(
                    "divided differences in λ converge to these derivatives with the gradient,"
                    " uniformly on compact sets: gradients of polynomials are limits of gradients"
                    " of ridge networks",
                    "γ is smooth; Taylor's theorem; any non-polynomial activation: Leshno et al.",
                ),
                cited(
                    r"polynomials are dense in $C^1$ of a compact ball, so $\nabla U$ is such a"
                    r" limit for every $U \in C^1$",
                    "Nachbin's theorem",
                ),
            )
        )

    def instances(self) -> SearchStrategy[HomogeneousPolynomial]:
        return _POLYNOMIALS

    def measure(self, instance: HomogeneousPolynomial) -> Measurement:
        d = instance.degree
        # Two sets of directions: the basis does not depend on a lucky choice.
        return tightest(
            instance.defect(range(d + 1)), instance.defect([2 * i - d for i in range(d + 1)])
        )

    def witness(self) -> NotApplicable:
        return NotApplicable("an exact representation has no extreme case")

    def mutants(self) -> Sequence[Mutant]:
        s = sympy.symbols("s0:3")

        def repeated_direction() -> ProofStep:
            matrix = _basis_matrix((s[0], s[1], s[1]))
            return prove_identity("the determinant is 1", matrix.det(), 1)

        def one_direction_less() -> Measurement:
            # xy from (x + s₀y)² and (x + s₁y)², by least squares.
            matrix = sympy.Matrix([[comb(2, j) * i**j for i in (0, 1)] for j in range(3)])
            target = sympy.Matrix([0, 1, 0])
            best = (matrix.T * matrix).LUsolve(matrix.T * target)
            rest = matrix * best - target
            return Measurement(float(rest.norm()), 0.0, 1e-12, "=", "distance of xy")

        def centred_bias() -> ProofStep:
            """With b = 0 the odd derivatives of log cosh vanish: no odd degree is reached."""
            return prove_cases(
                r"$\gamma^{(k)}(0) \ne 0$", range(1, _HIGHEST + 1), lambda k: _derivative(k, 0) != 0
            )

        return (
            Mutant("a direction twice", "s₁ = s₂", repeated_direction),
            Mutant("d directions", "two squares for the forms of degree 2", one_direction_less),
            Mutant("no bias", "b = 0", centred_bias),
        )


def _basis_matrix(directions: Sequence[sympy.Expr]) -> sympy.Matrix:
    """Column i holds the coefficients of (x + sᵢy)^d in x^{d−j}yʲ."""
    d = len(directions) - 1
    return sympy.Matrix([[comb(d, j) * s**j for s in directions] for j in range(d + 1)])


def _determinant(directions: Sequence[sympy.Expr]) -> sympy.Expr:
    """The product of the binomials and of the differences: not 0 for different directions."""
    d = len(directions) - 1
    return prod(comb(d, j) for j in range(d + 1)) * prod(
        b - a for a, b in combinations(directions, 2)
    )


def _weights(coefficients: Sequence[Fraction], directions: Sequence[int]) -> list[Fraction]:
    """α with Σ αᵢ(x + sᵢy)^d = Σ cⱼx^{d−j}yʲ, exactly."""
    exact = sympy.Matrix([sympy.Rational(c.numerator, c.denominator) for c in coefficients])
    solution = _basis_matrix([sympy.Integer(s) for s in directions]).LUsolve(exact)
    return [Fraction(int(a.p), int(a.q)) for a in solution]


def _prove_basis(d: int) -> ProofStep:
    s = sympy.symbols(f"s0:{d + 1}")
    return prove_identity(
        rf"$d = {d}$: the determinant is $\prod_j\binom dj\prod_{{i<k}}(s_k - s_i)$, not 0 for"
        r" different $s_i$",
        _basis_matrix(s).det(method="berkowitz"),
        _determinant(s),
    )


def _prove_integer_directions() -> ProofStep:
    x, y = sympy.symbols("x y")

    def holds(d: int) -> bool:
        s = [sympy.Integer(i) for i in range(d + 1)]
        matrix = _basis_matrix(s)
        powers = [sympy.Poly((x + i * y) ** d, x, y) for i in s]
        monomials = [x ** (d - j) * y**j for j in range(d + 1)]
        entries = sympy.Matrix([[p.coeff_monomial(m) for p in powers] for m in monomials])
        return bool(entries == matrix and matrix.det() == _determinant(s) != 0)

    return prove_cases(
        r"$d \le 6$, directions $(1, i)$, $i = 0, \dots, d$: these are the coefficients of"
        r" $(x + iy)^d$, and the determinant is that product and not 0",
        range(1, _HIGHEST + 1),
        holds,
    )


def _prove_ridge_limits() -> tuple[ProofStep, ...]:
    lam, u, b = sympy.symbols("lambda u b")
    gamma = sympy.Function("gamma")
    return tuple(
        prove_identity(
            rf"$\partial_\lambda^{k}\gamma(\lambda u + b) = u^{k}\gamma^{{({k})}}(\lambda u + b)$"
            r" for arbitrary $\gamma$",
            sympy.diff(gamma(lam * u + b), lam, k).doit(),
            u**k * sympy.diff(gamma(b), b, k).subs(b, lam * u + b),
        )
        for k in (1, 2, 3)
    )


def _derivative(k: int, t: sympy.Expr) -> sympy.Expr:
    """γ⁽ᵏ⁾ for γ = log cosh as a polynomial in t = tanh b: T′ = 1 − T²."""
    T = sympy.Symbol("T")
    value = T
    for _ in range(k - 1):
        value = sympy.expand(sympy.diff(value, T) * (1 - T**2))
    return value.subs(T, t)


def _prove_derivatives_of_the_activation() -> ProofStep:
    T, b = sympy.symbols("T b")
    # tanh ½ is transcendental; a rational enclosure and the polynomial's roots suffice.
    low, high = sympy.Rational(46211, 100000), sympy.Rational(46212, 100000)

    def holds(k: int) -> bool:
        polynomial = sympy.Poly(_derivative(k, T), T)
        inside = sympy.tanh(sympy.Rational(1, 2)).evalf(30)
        by_sympy = sympy.expand(sympy.diff(sympy.tanh(b), b, k - 1))
        same = by_sympy == sympy.expand(_derivative(k, sympy.tanh(b)))
        without_root = not polynomial.is_zero and polynomial.count_roots(low, high) == 0
        return bool(low < inside < high) and same and without_root

    return prove_cases(
        r"$\gamma^{(k)}(\frac12) \ne 0$ for $\gamma = \log\cosh$, $k \le 6$: a polynomial in"
        r" $\tanh\frac12$ without a root near it",
        range(1, _HIGHEST + 1),
        holds,
    )
