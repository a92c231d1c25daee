"""B5: a scheme of any order p errs by G(h/H)^{p+1}, by Schwarz's lemma in complex time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import sympy
import z3
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ...approximation.local_errors import holomorphic_error
from ...approximation.schemes import SCHEMES, Scheme
from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_identity
from ...proof.smt import prove_by_smt
from .affine_pieces import AffinePieces, affine_pieces, planar

Words = Mapping[str, sympy.Expr]


@dataclass(frozen=True)
class SplitInTime:
    """Pieces, a scheme, a width δ of the complex neighbourhood, and h as a share of H."""

    pieces: AffinePieces
    scheme: Scheme
    margin: float
    share: float

    def measure(self, order: int, start: float = 1.0) -> Measurement:
        stages = self.scheme.stages(len(self.pieces.fields))
        reach = start + self.margin
        path = sum(abs(w) * self.pieces.fields[i].largest(reach) for i, w in stages)
        speed = self.pieces.whole.largest(reach)
        h = self.share * self.margin / max(path, speed, 1e-3)
        timed = replace(self.pieces, h=h)
        claimed = holomorphic_error(h, order, path, speed, self.margin)
        return Measurement(timed.error(stages), claimed, timed.allowance, what="error")


@st.composite
def _splits(draw: st.DrawFn) -> SplitInTime:
    pieces = draw(affine_pieces(2, 3))
    scheme = draw(st.sampled_from(sorted(SCHEMES.values(), key=lambda s: s.order)))
    return SplitInTime(pieces, scheme, draw(st.floats(0.1, 3.0)), draw(st.floats(0.01, 0.99)))


class HolomorphicError(Claim[SplitInTime]):
    name = "B5.holomorphic_error"
    title = "A splitting of order p errs by G(h/H)^{p+1} in holomorphic fields"
    statement = (
        r"|\Psi_h - \varphi_h| \le G\,(h/H)^{p+1},\quad"
        r" H = \frac{\delta}{\max(\sum_i|w_i|M_i,\, M)},\quad G = H\Big(\sum_i|w_i|M_i + M\Big)"
    )
    assumptions = (
        Assumption(r"f_i, f", "holomorphic within δ of the ball, at most Mᵢ and M there"),
        Assumption(r"w_i", "weights of the stages of a splitting of order p"),
        Assumption(r"0 \le h < H", "the step"),
    )
    source = Source("Schwarz's lemma; flowcert", "D")

    def prove(self) -> Proof:
        return Proof((*_prove_paths(), *_prove_schwarz(), *_prove_orders()))

    def instances(self) -> SearchStrategy[SplitInTime]:
        return _splits()

    def measure(self, instance: SplitInTime) -> Measurement:
        return instance.measure(instance.scheme.order)

    def witness(self) -> Witness:
        return Witness(
            "a step of Lie–Trotter that reaches nearly as far as the neighbourhood, h = 0.99H",
            self.measure(replace(_TURNED, scheme=SCHEMES["LieTrotter"], share=0.99)),
            gap="|Ψ − φ| ≤ |Ψ − x| + |φ − x| counts both paths in full, and in opposite directions",
        )

    def mutants(self) -> Sequence[Mutant]:
        thirds = Scheme("thirds", 2, (1 / 3, 1 / 3, 1 / 3))
        short = replace(_TURNED, share=1e-2)
        far = SplitInTime(_SLOW_START, SCHEMES["LieTrotter"], 3.0, 0.99)
        return (
            Mutant(
                "order 4 of Strang",
                "Strang's steps, two orders too many",
                lambda: replace(short, scheme=SCHEMES["Strang"]).measure(4),
            ),
            Mutant(
                "equal thirds",
                "three equal Strang steps in place of Yoshida's",
                lambda: replace(short, scheme=thirds).measure(4),
            ),
            Mutant(
                "order 2 of Lie–Trotter",
                "one order too many",
                lambda: replace(short, scheme=SCHEMES["LieTrotter"]).measure(2),
            ),
            Mutant(
                "the ball for its neighbourhood",
                "speeds are taken at the centre only, not where stages go",
                lambda: far.measure(1, start=-far.margin),
            ),
        )


def _prove_paths() -> tuple[ProofStep, ...]:
    h, H, path, speed, delta, moved = z3.Reals("h H path speed delta moved")
    given = [H > 0, path >= 0, speed >= 0, h >= 0, h <= H, H * path <= delta, H * speed <= delta]
    return (
        cited(
            r"along $[0, w_ih]$ in the complex plane a stage moves by at most $|w_ih|M_i$ as long"
            r" as it stays within δ; it exists that long and depends holomorphically on $h$",
            "holomorphic ordinary differential equations",
        ),
        prove_by_smt(
            r"for $|h| \le H$ all stages together, and the flow of the sum, stay within δ",
            name="paths-stay",
            given=given,
            show=z3.And(h * path <= delta, h * speed <= delta),
        ),
        prove_by_smt(
            r"$|\Psi - \varphi| \le |\Psi - x| + |\varphi - x| \le H(\sum|w_i|M_i + M)$",
            name="distance-of-ends",
            given=[*given, moved <= h * path + h * speed],
            show=moved <= H * (path + speed),
        ),
    )


def _prove_schwarz() -> tuple[ProofStep, ...]:
    h, H, path, speed = sympy.symbols("h H P M", positive=True)
    p = sympy.Symbol("p", positive=True, integer=True)
    return (
        cited(
            r"$g(h) = u^T(\Psi_h(x) - \varphi_h(x))$ for a unit vector $u$ is holomorphic on"
            r" $|h| < H$, at most $G$ there, and has a zero of order $p + 1$ at 0: $|g(h)| \le"
            r" G|h/H|^{p+1}$",
            "maximum principle for g(h)/h^{p+1} (Schwarz's lemma)",
        ),
        prove_identity(
            r"$G(h/H)^{p+1} = h(P + M)(h/H)^p$, as it is computed",
            H * (path + speed) * (h / H) ** (p + 1),
            h * (path + speed) * (h / H) ** p,
        ),
    )


def _prove_orders() -> tuple[ProofStep, ...]:
    """Flows of fields act on functions as exponentials: words in two letters decide the order."""
    w = sympy.Symbol("w")
    cubic = 2 * w**3 + (1 - 2 * w) ** 3
    outer = 1 / (2 - sympy.cbrt(2))
    one = sympy.Integer(1)
    lie_trotter = _product([("A", one), ("B", one)], 1)
    strang = _product(_strang(one), 2)
    yoshida = _product([*_strang(w), *_strang(1 - 2 * w), *_strang(w)], 4)
    rest = [sympy.rem(sympy.expand(e), cubic, w) for e in _excess(yoshida, 4)]
    return (
        cited(
            r"$g \circ \varphi_B \circ \varphi_A = e^{L_A}e^{L_B}g$ with derivations $L$, so words"
            r" in noncommuting letters decide the order",
            "Lie series",
        ),
        prove_identity(
            r"Lie–Trotter: words of length $\le 1$ agree with those of $e^{A + B}$",
            sympy.Matrix(_excess(lie_trotter, 1)),
            sympy.zeros(len(_excess(lie_trotter, 1)), 1),
        ),
        prove_identity(
            r"Strang: words of length $\le 2$ agree",
            sympy.Matrix(_excess(strang, 2)),
            sympy.zeros(len(_excess(strang, 2)), 1),
        ),
        prove_identity(
            r"Yoshida: words of length $\le 4$ agree, modulo $2w^3 + (1 - 2w)^3 = 0$",
            sympy.Matrix(rest),
            sympy.zeros(len(rest), 1),
        ),
        prove_identity(
            r"$w = 1/(2 - 2^{1/3})$ solves $2w^3 + (1 - 2w)^3 = 0$",
            sympy.radsimp(cubic.subs(w, outer)),
            0,
        ),
    )


def _strang(weight: sympy.Expr) -> list[tuple[str, sympy.Expr]]:
    return [("A", weight / 2), ("B", weight), ("A", weight / 2)]


def _product(factors: Sequence[tuple[str, sympy.Expr]], order: int) -> Words:
    """Coefficients of the words of the product of exponentials, up to this length."""
    words: dict[str, sympy.Expr] = {"": sympy.Integer(1)}
    for letter, weight in factors:
        longer: dict[str, sympy.Expr] = {}
        for word, value in words.items():
            for k in range(order - len(word) + 1):
                made = word + letter * k
                term = value * weight**k / sympy.factorial(k)
                longer[made] = longer.get(made, sympy.Integer(0)) + term
        words = {word: sympy.expand(value) for word, value in longer.items()}
    return words


def _excess(words: Words, order: int) -> list[sympy.Expr]:
    """Coefficients less those of e^{A + B}: 1/k! for every word of length k."""
    return [
        words.get("".join(letters), sympy.Integer(0)) - 1 / sympy.factorial(k)
        for k in range(order + 1)
        for letters in product("AB", repeat=k)
    ]


_TURNED = SplitInTime(
    AffinePieces((planar([[0, 0], [0, 0]], [1.0, 0.0]), planar([[0, -1], [1, 0]])), 1.0),
    SCHEMES["Yoshida4"],
    1.0,
    0.5,
)
# At 0 these fields are much slower than where their flows go.
_SLOW_START = AffinePieces((planar([[1, 0], [0, 1]], [0.3, 0.0]), planar([[0, -1], [1, 0]])), 1.0)
