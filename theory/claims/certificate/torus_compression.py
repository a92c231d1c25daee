"""E1: a padded, strided convolution is a piece of a circulant operator on a small torus."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import sympy
import z3
from hypothesis.strategies import SearchStrategy

from ...claim import Assumption, Claim, Measurement, Mutant, Source, Witness, tightest
from ...proof import Proof, ProofStep, cited
from ...proof.algebra import prove_cases, prove_identity
from ...proof.smt import prove_by_smt
from ...spectral.convolution import Convolution
from ...spectral.convolution_axis import ConvolutionAxis
from ...spectral.convolution_lower import bound_by_sine_window
from ...spectral.padding import Mode, largest_multiplicity, padded_indices
from ...spectral.symbol import Symbol
from ...spectral.torus import torus_axis
from .small_convolutions import PaddedConvolution, padded_convolutions, single_channel


class TorusCompression(Claim[PaddedConvolution]):
    name = "E1.torus_compression"
    title = "A padded convolution is a piece of a circulant"
    statement = (
        r"\|T\| \le \sqrt{m}\,\max_{f \in \mathbb{Z}_M^d} \|\hat S(f)\|"
        r"\ \text{for}\ M \ge N + \max(p_-, p_+),\ M \ge \text{rows};\quad"
        r" \|T\| \ge \cos^d\!\tfrac{\pi}{N + 1}\,\sup_\omega \|\hat S(\omega)\|"
        r"\ \text{for three taps padded by one}"
    )
    assumptions = (
        Assumption(
            r"\hat S(f) = \sum_a K_a e^{2\pi i f \cdot a / M}",
            "the symbol, K_a with a column for every channel and phase modulo the stride",
        ),
        Assumption(
            r"m \ge 1",
            "1 for zero padding; else how often a pixel is copied at most, over all axes",
        ),
    )
    source = Source("flowcert", "D")

    def prove(self) -> Proof:
        return Proof((*_submatrix(), *_symbols(), *_copies(), *_sine_window()))

    def instances(self) -> SearchStrategy[PaddedConvolution]:
        return padded_convolutions()

    def measure(self, instance: PaddedConvolution) -> Measurement:
        norm, claimed = instance.norm(), instance.claimed()
        upper = Measurement(norm, claimed, 1e-12 * (1.0 + claimed), what="‖T‖")
        highest = float(instance.symbols().max())
        window = bound_by_sine_window(instance.convolution.axes, highest)
        return tightest(
            upper, Measurement(window, norm, 1e-12 * (1.0 + norm), what="sine window, ‖T‖")
        )

    def witness(self) -> Witness:
        K = np.array([[[1.0, 2.0]], [[3.0, -1.0]]])
        axis = ConvolutionAxis.of(size=6, taps=2, stride=2)
        patches = PaddedConvolution(Convolution.of_axes(K, 1, [axis]))
        claimed = patches.claimed()
        return Witness(
            "patches of two pixels, as wide as the stride: the symbol is constant",
            Measurement(patches.norm(), claimed, 1e-12 * claimed, what="‖T‖"),
        )

    def mutants(self) -> Sequence[Mutant]:
        def upper(case: PaddedConvolution, *points: int) -> Measurement:
            on_torus = replace(case, torus_points=points)
            return Measurement(case.norm(), on_torus.claimed(), what="‖T‖")

        return (
            Mutant(
                "torus without room for the padding",
                "M = N: the taps of (1, 0, −1) on two pixels wrap onto each other",
                lambda: upper(single_channel([1.0, 0.0, -1.0], 2, 1, 1), 2),
            ),
            Mutant(
                "torus smaller than the rows",
                "M = N < rows: full padding of one pixel",
                lambda: upper(single_channel([1.0, -1.0], 1, 1, 1), 1),
            ),
            Mutant(
                "symbol's minimum as σ_min",
                "min ‖Ŝx‖ ≤ σ_min(T) for the same padding: a shift loses a pixel",
                _minimum_of_a_shift,
            ),
            Mutant(
                "reflected pixels not counted",
                "m = 1 with reflection: a shift reads the second pixel twice",
                _reflected_shift,
            ),
            Mutant(
                "product over the groups",
                "‖T‖ ≤ product of the groups' norms, each ½",
                _product_over_groups,
            ),
            Mutant(
                "one alias instead of all",
                "‖T‖ ≤ max ‖Ŝ(ω)‖/√s with stride s = 2: the tap (1, 0) keeps its pixel whole",
                _one_alias,
            ),
            Mutant(
                "no loss at the border",
                "‖T‖ ≥ sup ‖Ŝ‖ for three taps padded by one: the sum of three neighbours",
                lambda: Measurement(
                    3.0, single_channel([1.0, 1.0, 1.0], 3, 1, 1).norm(), what="‖T‖"
                ),
            ),
        )


def _minimum_of_a_shift() -> Measurement:
    case = single_channel([1.0, 0.0, 0.0], 3, 1, 1)
    smallest = np.linalg.svd(case.matrix(), compute_uv=False)[-1]
    return Measurement(float(case.symbols().min()), float(smallest), what="σ_min")


def _reflected_shift() -> Measurement:
    case = single_channel([1.0, 0.0, 0.0], 4, 1, 1, "reflect")
    return Measurement(case.norm(), float(case.symbols().max()), what="‖T‖")


def _product_over_groups() -> Measurement:
    axis = ConvolutionAxis.of(size=2, taps=1)
    case = PaddedConvolution(Convolution.of_axes(np.full((2, 1, 1), 0.5), 2, [axis]))
    return Measurement(case.norm(), 0.5 * 0.5, what="‖T‖")


def _one_alias() -> Measurement:
    axis = ConvolutionAxis.of(size=4, taps=2, stride=2)
    case = PaddedConvolution(Convolution.of_axes(np.array([[[1.0, 0.0]]]), 1, [axis]))
    return Measurement(case.norm(), 1.0 / math.sqrt(2.0), what="‖T‖")


def _submatrix() -> tuple[ProofStep, ...]:
    """No read wraps onto a pixel that it must not see, and no two rows become one."""
    N, M, low, high, j, p, q, rows = z3.Reals("N M low high j p q rows")
    given = [N >= 1, low >= 0, high >= 0, M >= N + low, M >= N + high]
    return (
        prove_by_smt(
            r"what is read before the first pixel lands behind the last: $-p_- \le j < 0$ gives"
            r" $N \le j + M < M$",
            name="before",
            given=[*given, j >= -low, j < 0],
            show=z3.And(j + M >= N, j + M < M),
        ),
        prove_by_smt(
            r"what is read behind the last pixel stays there: $N \le j \le N - 1 + p_+$ gives"
            r" $N \le j < M$",
            name="behind",
            given=[*given, j >= N, j <= N - 1 + high],
            show=j < M,
        ),
        prove_by_smt(
            r"rows stay apart: $0 \le p < q < \text{rows} \le M$ gives $0 < q - p < M$",
            name="rows",
            given=[p >= 0, q > p, q < rows, M >= rows],
            show=z3.And(q - p > 0, q - p < M),
        ),
        prove_cases(
            r"so $T$ is a submatrix of the circulant: every entry, every zero padded convolution"
            r" with $N \le 4$, at most 3 taps, padding $\le 2$, stride $\le 3$, dilation $\le 2$",
            _all_axes(),
            _is_submatrix,
        ),
        cited(r"$\|RCE\| \le \|C\|$", "restrictions R and embeddings E have norm at most 1"),
    )


def _all_axes() -> list[ConvolutionAxis]:
    ranges = itertools.product(
        range(1, 5), range(1, 4), range(1, 4), range(1, 3), range(3), range(3)
    )
    return [
        ConvolutionAxis.of(
            size=size, taps=taps, stride=stride, dilation=dilation, low=low, high=high
        )
        for size, taps, stride, dilation, low, high in ranges
        if dilation * (taps - 1) < low + size + high
    ]


def _is_submatrix(axis: ConvolutionAxis) -> bool:
    """Integers throughout: powers of two tell the taps apart."""
    K = np.exp2(np.arange(axis.taps, dtype=np.float64))[None, None]
    T = PaddedConvolution(Convolution.of_axes(K, 1, [axis])).matrix()
    on = torus_axis(axis)
    symbol = Symbol.of_taps(K, 1, [on])
    taps = symbol.taps.reshape(len(on.offsets), len(on.phases))
    for p, pixel in np.ndindex(*T.shape):
        point, phase = divmod(pixel, on.step)
        seen = sum(
            float(taps[a, r])
            for a, offset in enumerate(on.offsets)
            for r, residue in enumerate(on.phases)
            if residue == phase and (p + int(offset) - point) % on.size == 0
        )
        if seen != T[p, pixel]:
            return False
    return True


def _symbols() -> tuple[ProofStep, ...]:
    """Circulants and Fourier; strides and phases: exactly, on a torus of four points."""
    K = sympy.symbols("k_0:4")
    i = sympy.I
    C = sympy.Matrix(4, 4, lambda p, m: K[(m - p) % 4])
    F = sympy.Matrix(4, 4, lambda m, f: i ** (m * f)) / 2
    S = [sum(K[a] * i ** (f * a) for a in range(4)) for f in range(4)]
    P = [[K[r] + K[2 + r] * (-1) ** f for r in range(2)] for f in range(2)]
    strided = C.extract([0, 2], [0, 2, 1, 3])
    by_phase = sympy.Matrix.hstack(
        *(sympy.Matrix(2, 2, lambda p, m, r=r: K[2 * ((m - p) % 2) + r]) for r in range(2))
    )
    aliased = [(S[f] * S[f].subs(i, -i) + S[f + 2] * S[f + 2].subs(i, -i)) / 2 for f in range(2)]
    return (
        prove_identity(
            r"$CF = F\,\mathrm{diag}(\hat S)$ with the unitary $F$, for every kernel ($M = 4$)",
            sympy.expand(C * F),
            sympy.expand(F * sympy.diag(*S)),
        ),
        cited(
            r"the same for $M^d$ points and matrices $K_a$: $\|C\| = \max_f \|\hat S(f)\|$",
            "block circulants are diagonalised by the Fourier matrix (Davis 1979)",
        ),
        prove_identity(
            r"every second row of $C$ is a circulant of the two phases ($M = 4$, $s = 2$)",
            strided,
            by_phase,
        ),
        prove_identity(
            r"and its symbol is the aliased one: $\sum_r P_r P_r^* = \tfrac1s \sum_j \hat S_j"
            r" \hat S_j^*$",
            sympy.Matrix([sympy.expand(P[f][0] ** 2 + P[f][1] ** 2) for f in range(2)]),
            sympy.Matrix([sympy.expand(value) for value in aliased]),
        ),
        cited(
            r"for all $M$ at once: $\sup_\omega \|\hat S\| \le \max_f \|\hat S(f)\| \prod_i"
            r" \cos(\pi d_i / M_i)^{-1}$, $2d_i < M_i$ the degree along the axis",
            "Ehlich and Zeller 1964, between the points of a grid, for Re u*Ŝv an axis at a time",
        ),
        cited(
            r"groups of channels: $T$ is a direct sum, $\|T\|$ the maximum over the groups",
            "norm of a block diagonal matrix",
        ),
    )


def _copies() -> tuple[ProofStep, ...]:
    """Copied pixels: T = (convolution without padding)·P, PᵀP = the multiplicities."""
    modes: tuple[Mode, ...] = ("reflect", "replicate", "circular")
    cases = [
        (size, low, high, mode)
        for size in range(1, 6)
        for low, high in itertools.product(range(4), repeat=2)
        for mode in modes
        if mode == "replicate" or max(low, high) <= size - (mode == "reflect")
    ]

    def holds(case: tuple[int, int, int, Mode]) -> bool:
        P = (padded_indices(*case)[:, None] == np.arange(case[0])).astype(np.int64)
        gram = P.T @ P
        diagonal = np.array_equal(gram, np.diag(np.diag(gram)))
        return diagonal and int(np.diag(gram).max()) == largest_multiplicity(*case)

    return (
        prove_cases(
            r"$P^TP$ is diagonal, its largest entry the largest multiplicity: $\|P\|^2 = m$"
            r" ($N \le 5$, padding $\le 3$)",
            cases,
            holds,
        ),
    )


def _sine_window() -> tuple[ProofStep, ...]:
    """The lower bound: a sine window on a wave, and one frequency of the cube ω + {0, π}ᵈ."""
    x, y = sympy.symbols("x theta", real=True)
    c, k0, plus, minus, z = sympy.symbols("c k_0 k_+ k_- z", nonzero=True)
    S = k0 + plus * z + minus / z
    A = k0 + c * (plus * z + minus / z)
    at_pi = A.subs(z, -z)
    weight = (1 + 1 / c) / 2, (1 - 1 / c) / 2
    t = z3.Real("t")
    return (
        prove_identity(
            r"neighbours of the window: $\sin(x \pm \theta) = \cos\theta \sin x \pm \sin\theta"
            r" \cos x$; it vanishes at $-1$ and $N$, as the padding does",
            sympy.Matrix(
                [sympy.expand_trig(sympy.sin(x + y)), sympy.expand_trig(sympy.sin(x - y))]
            ),
            sympy.Matrix(
                [
                    sympy.cos(y) * sympy.sin(x) + sympy.sin(y) * sympy.cos(x),
                    sympy.cos(y) * sympy.sin(x) - sympy.sin(y) * sympy.cos(x),
                ]
            ),
        ),
        prove_identity(
            r"$\sum_p \sin x_p \cos x_p = 0$: it changes sign under $x_p \to \pi - x_p$, the"
            r" reversal of the pixels; so $|Tv| \ge |\hat A(\omega)u|\,|v|$, $\hat A$ with"
            r" $c^{|a|}K_a$, $c = \cos\theta$",
            sympy.sin(sympy.pi - x) * sympy.cos(sympy.pi - x),
            -sympy.sin(x) * sympy.cos(x),
        ),
        prove_identity(
            r"an axis at a time: $\hat S(\omega) = \frac{1 + 1/c}{2}\hat A(\omega) + \frac{1 -"
            r" 1/c}{2}\hat A(\omega + \pi)$",
            sympy.expand(weight[0] * A + weight[1] * at_pi),
            sympy.expand(S),
        ),
        prove_by_smt(
            r"the weights' moduli add up to $1/c$, so $\max(\|\hat A(\omega)\|,"
            r" \|\hat A(\omega + \pi)\|) \ge c\,\|\hat S(\omega)\|$",
            name="weights",
            given=[t > 0, t <= 1],
            show=z3.And(1 - 1 / t <= 0, (1 + 1 / t) / 2 - (1 - 1 / t) / 2 == 1 / t),
        ),
    )
