r"""A Runge–Kutta method in coordinates in which everything about it is exact.

**What a method is, without its coefficients.** A step evaluates s stages. A *stage vector* u has
one number for each stage; stage vectors are added, and multiplied entry by entry: they form a
commutative algebra with the unit 1 = (1, …, 1). In this algebra a method is a linear map u ↦ Au,
a linear functional u ↦ b(u) = Σ bᵢuᵢ, and the nodes c = A·1. Nothing else is needed:

- the order condition of a tree is b(w) = 1/γ with a stage vector w made of A and products;
- the stability function is R(z) = 1 + z·b((I − zA)⁻¹1);
- the contractivity form is M(u, v) = b(u·Av) + b(v·Au) − b(u)b(v), against the form b(u·v).

**Coordinates are free.** None of this mentions a basis. The unit vectors e₁, …, e_s give the
classical tableau: b(eᵢeⱼ) = bᵢ if i = j, else 0. But let the nodes be the roots of a polynomial
N of degree s with *rational* coefficients (Legendre's for Gauss, its relatives for Radau and
Lobatto). The roots are irrational of high degree, and so are A and b. Now take the basis
1, c, c², …, c^{s−1}: a stage vector is a polynomial p in c, modulo N, since N(c) = 0. The algebra
is Q[x]/(N), a product is a product of polynomials, reduced by N. In these coordinates

- the weights of interpolatory quadrature are moments: b(c^k) = ∫₀¹ x^k dx = 1/(k + 1), k < s;
- C(s), A c^{k−1} = c^k/k, says that A integrates the polynomial (collocation methods);
- D(r), b(c^{k−1}·Au) = b((1 − c^k)·u)/k, is the transpose of that, and defines Radau IA and
  Lobatto IIIB.

All entries are rational. The Gauss method of 12 stages, whose coefficients have no radicals, is a
matrix of 144 fractions, and its order 24, its stability function and the inertia of its
contractivity form are found without rounding. The two sets of coordinates are related by the
Vandermonde matrix V = (cᵢ^k): A_stages = V·A·V⁻¹. A form, such as M, changes by congruence
(u = Vp): its definiteness and the roots of det(M − ρB) stay. V is irrational; it is needed only
for numbers, in ball arithmetic, never for a proof.

Sources: Butcher, *Numerical Methods for Ordinary Differential Equations*, chapter 3 (trees,
B, C, D); Hairer and Wanner, *Solving Ordinary Differential Equations II*, sections IV.5 and IV.13
(V- and W-transformation). The use of Q[x]/(N) for exact analysis: flowcert [D].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# sympy's exact matrices and their numbers; sympy itself is loaded only when one is made.
Domain = Any
DomainMatrix = Any
Number = Any


@dataclass(frozen=True, eq=False)
class StageAlgebra:
    """A method by the map A, the functional b and the unit, in exact coordinates.

    ``domain`` is Q (``sympy.QQ``) or an algebraic field Q(α). All matrices are sympy
    ``DomainMatrix`` over it: ``A`` (s, s), ``b`` and ``b_hat`` (1, s) (the embedded functional, or
    None), ``one`` and ``nodes`` (s, 1), ``gram`` (s, s) with gram[i, j] = b(eᵢ·eⱼ) for the basis
    eᵢ of these coordinates. ``modulus`` holds the s lower coefficients of the monic N, constant
    first, where the coordinates are polynomials modulo N; None where they are the stages.
    Guaranteed: exact. Source: the page above [D].

    >>> from flowcert.numerics import ButcherTableau
    >>> heun = ButcherTableau([[0, 0], [1, 0]], ["1/2", "1/2"], [0, 1]).algebra()
    >>> print(heun.functional(heun.multiply(heun.nodes, heun.nodes)))  # b(c²), which is not 1/3
    1/2
    """

    domain: Domain
    A: DomainMatrix
    b: DomainMatrix
    one: DomainMatrix
    nodes: DomainMatrix
    gram: DomainMatrix
    b_hat: DomainMatrix | None = None
    modulus: tuple[Number, ...] | None = None

    @property
    def dimension(self) -> int:
        """The number s of stages."""
        return int(self.A.shape[0])

    def multiply(self, u: DomainMatrix, v: DomainMatrix) -> DomainMatrix:
        """Return the product u·v of two stage vectors, entry by entry over the stages, (s, 1)."""
        left, right = _column(u), _column(v)
        if self.modulus is None:
            return self.vector([x * y for x, y in zip(left, right, strict=True)])
        return self.vector(_multiply_modulo(left, right, self.modulus, self.domain.zero))

    def vector(self, entries: Sequence[Number]) -> DomainMatrix:
        """Return the stage vector (s, 1) with these coordinates, numbers of the domain."""
        return matrix([[x] for x in entries], self.domain)

    def power(self, k: int) -> DomainMatrix:
        """Return c^k, (s, 1)."""
        result = self.one
        for _ in range(k):
            result = self.multiply(result, self.nodes)
        return result

    def functional(self, u: DomainMatrix) -> Number:
        """Return b(u), a number of the domain."""
        return (self.b * u)[0, 0].element

    def embedded(self, u: DomainMatrix) -> Number:
        """Return b̂(u), a number of the domain; for methods with an embedded functional."""
        return (self.b_hat * u)[0, 0].element


def of_stages(
    domain: Domain,
    A: Sequence[Sequence[Number]],
    b: Sequence[Number],
    c: Sequence[Number],
    b_hat: Sequence[Number] | None = None,
) -> StageAlgebra:
    """Return the algebra of a tableau: its coordinates are the stages.

    The entries are numbers of ``domain``.

    >>> from sympy import QQ
    >>> euler = of_stages(QQ, [[QQ(0)]], [QQ(1)], [QQ(0)])
    >>> print(euler.functional(euler.one))
    1
    """
    s = len(b)
    diagonal = [[b[i] if i == j else domain.zero for j in range(s)] for i in range(s)]
    return StageAlgebra(
        domain=domain,
        A=matrix(A, domain),
        b=matrix([b], domain),
        one=matrix([[domain.one]] * s, domain),
        nodes=matrix([[x] for x in c], domain),
        gram=matrix(diagonal, domain),
        b_hat=None if b_hat is None else matrix([b_hat], domain),
    )


def matrix(rows: Sequence[Sequence[Number]], domain: Domain) -> DomainMatrix:
    """Return the dense exact matrix with these rows, whose entries are numbers of ``domain``.

    >>> from sympy import QQ
    >>> matrix([[QQ(1, 2)]], QQ).shape
    (1, 1)
    """
    from sympy.polys.matrices import DomainMatrix as Matrix

    return Matrix([list(row) for row in rows], (len(rows), len(rows[0])), domain).to_dense()


def _column(u: DomainMatrix) -> list[Number]:
    return list(u.to_list_flat())


def _multiply_modulo(
    left: list[Number], right: list[Number], modulus: tuple[Number, ...], zero: Number
) -> list[Number]:
    """The product of two polynomials of degree < s modulo x^s + Σ modulus[k] x^k."""
    s = len(modulus)
    product = [zero] * (2 * s - 1)
    for i, x in enumerate(left):
        for j, y in enumerate(right):
            product[i + j] += x * y
    for top in range(2 * s - 2, s - 1, -1):
        for k in range(s):
            product[top - s + k] -= product[top] * modulus[k]
    return product[:s]
