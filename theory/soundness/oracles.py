"""True Lipschitz constants of small things, by means that share nothing with the bounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.optimize import linprog

from ...numerics.validation import FloatArray
from .instance import Bracket

# LAPACK's singular values err by a small multiple of n·u·σ_max; this is generous.
_RELATIVE_ERROR = 1e-13
_INTERIOR = (
    1e-6  # a cell this wide (or wider) certainly exists, whatever the LP's tolerance of 1e-9
)


def spectral_norm_range(matrix: FloatArray) -> Bracket:
    """Enclose ‖A‖ by LAPACK's singular values, with room for their rounding.

    Scaled by its largest entry first, so that tiny and huge matrices lose nothing.

    >>> spectral_norm_range(np.zeros((2, 3)))
    Bracket(lower=0.0, upper=0.0)
    """
    scale = float(np.max(np.abs(matrix), initial=0.0))
    if scale == 0.0:
        return Bracket(0.0, 0.0)
    norm = float(np.linalg.svd(matrix / scale, compute_uv=False)[0])
    return Bracket(norm * (1 - _RELATIVE_ERROR) * scale, norm * (1 + _RELATIVE_ERROR) * scale)


def ball_spectral_norm(matrix: FloatArray) -> Bracket:
    """Enclose ‖A‖ by ball arithmetic: tr(Gᵖ)^(1/p)/n^(1/p) ≤ λ_max(G) ≤ tr(Gᵖ)^(1/p), G = AᵀA.

    p = 2⁶⁰ by repeated squaring in 600 bits, so that n^(1/p) is nothing; A is not zero.

    >>> norm = ball_spectral_norm(np.diag([3.0, 4.0]))
    >>> norm.lower <= 4.0 <= norm.upper
    True
    """
    import flint

    n = matrix.shape[1]
    with flint.ctx.workprec(600):
        A = flint.arb_mat([[flint.arb(float(entry)) for entry in row] for row in matrix])
        G = A.transpose() * A
        logarithm = flint.arb(0)
        for k in range(60):
            trace = sum((G[i, i] for i in range(n)), flint.arb(0))
            logarithm += trace.log() * flint.arb(2) ** -k
            G = G * (1 / trace)
            G = G * G
        trace = sum((G[i, i] for i in range(n)), flint.arb(0))
        weight = flint.arb(2) ** -60
        high = ((logarithm + trace.log() * weight) / 2).exp()
        low = high * (-flint.arb(n).log() * weight / 2).exp()
        ends = float(low.lower()), float(high.upper())
    return Bracket(math.nextafter(ends[0], 0.0), math.nextafter(ends[1], math.inf))


def smallest_singular_value(matrix: FloatArray) -> float:
    """σ_min by LAPACK, plus its rounding: 0 for fewer rows than columns.

    >>> round(smallest_singular_value(np.diag([2.0, 3.0])), 9)
    2.0
    """
    if matrix.shape[0] < matrix.shape[1]:
        return 0.0
    scale = float(np.max(np.abs(matrix), initial=0.0))
    if scale == 0.0:
        return 0.0
    values = np.linalg.svd(matrix / scale, compute_uv=False)
    return float(values[-1] + _RELATIVE_ERROR * values[0]) * scale


def materialised_convolution(
    kernel: FloatArray,
    image: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[Sequence[int]],
    dilation: Sequence[int],
    groups: int,
    mode: str,
) -> FloatArray:
    """Return the matrix of PyTorch's convolution, entry by entry from its definition.

    y[o, p] = Σ kernel[o, i, d]·x[i, s·p + dilation·d − low], x continued by ``mode``.

    >>> materialised_convolution(np.ones((1, 1, 2)), [3], [1], [[0, 0]], [1], 1, "zeros").tolist()
    [[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]]
    """
    outputs, inputs_of_group = kernel.shape[:2]
    taps = kernel.shape[2:]
    sizes = output_sizes(image, taps, stride, padding, dilation)
    T = np.zeros((outputs, *sizes, inputs_of_group * groups, *image))
    for position in itertools.product(*(range(n) for n in sizes)):
        for tap in itertools.product(*(range(k) for k in taps)):
            source = tuple(
                _continued(s * p + d * t - low, n, mode)
                for p, t, s, d, (low, _), n in zip(
                    position, tap, stride, dilation, padding, image, strict=True
                )
            )
            if None in source:
                continue
            for o in range(outputs):
                first = o // (outputs // groups) * inputs_of_group
                for i in range(inputs_of_group):
                    T[(o, *position, first + i, *source)] += kernel[(o, i, *tap)]
    return T.reshape(outputs * int(np.prod(sizes)), -1)


def output_sizes(
    image: Sequence[int],
    taps: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[Sequence[int]],
    dilation: Sequence[int],
) -> list[int]:
    """Return the number of positions of a convolution along each axis.

    >>> output_sizes([5], [3], [2], [[1, 1]], [1])
    [3]
    """
    return [
        (n + low + high - d * (k - 1) - 1) // s + 1
        for n, s, (low, high), d, k in zip(image, stride, padding, dilation, taps, strict=True)
    ]


def _continued(index: int, size: int, mode: str) -> int | None:
    """The pixel that a padded position shows; None is zero padding."""
    if 0 <= index < size:
        return index
    if mode == "zeros":
        return None
    if mode == "circular":
        return index % size
    if mode == "replicate":
        return min(max(index, 0), size - 1)
    return -index if index < 0 else 2 * (size - 1) - index  # reflect: the border is not repeated


def vertex_constant(weights: Sequence[FloatArray], slopes: tuple[float, float]) -> float:
    """Return max ‖W_L D W_{L−1} ⋯ D W_1‖ over all D with entries at the ends of ``slopes``.

    An upper bound of the constant of the network without skips (not every D need be reachable);
    LAPACK's rounding is added.

    >>> round(vertex_constant([np.eye(2), np.eye(2)], (0.0, 1.0)), 9)
    1.0
    """
    hidden = [len(W) for W in weights[:-1]]
    worst = 0.0
    for pattern in itertools.product(slopes, repeat=sum(hidden)):
        J, used = weights[0], 0
        for width, W in zip(hidden, weights[1:], strict=True):
            D = np.array(pattern[used : used + width])
            J, used = W @ (D[:, None] * J), used + width
        worst = max(worst, spectral_norm_range(J).upper)
    return worst * (1 + len(weights) * _RELATIVE_ERROR)


def exact_cells(weights: Sequence[FloatArray], biases: Sequence[FloatArray]) -> Bracket:
    """Enclose the constant of a ReLU network by enumerating its linear pieces with LP.

    ``weights[i]`` (out, in) and ``biases[i]``, ReLU between them. A pattern of signs is a piece if
    an open set of inputs has it: max t with sᵢ(Mᵢx + cᵢ) ≥ t|Mᵢ| (HiGHS). Pieces with t beyond
    the solver's tolerance give the lower end, all possible ones the upper end.

    >>> exact_cells([np.eye(1), np.eye(1)], [np.zeros(1), np.zeros(1)]).upper > 0.999
    True
    """
    low = high = 0.0
    for J, surely in _pieces(weights, biases):
        norm = spectral_norm_range(J)
        high = max(high, norm.upper)
        if surely:
            low = max(low, norm.lower)
    return Bracket(low * (1 - 1e-12), high * (1 + 1e-12))


def _pieces(
    weights: Sequence[FloatArray], biases: Sequence[FloatArray]
) -> Iterator[tuple[FloatArray, bool]]:
    """The Jacobian of every linear piece, and whether it certainly is one."""
    n = weights[0].shape[1]
    stack: list[tuple[int, FloatArray, FloatArray, list[FloatArray], bool]] = [
        (0, np.eye(n), np.zeros(n), [], True)
    ]
    while stack:
        layer, J, c, rows, surely = stack.pop()
        M, m = weights[layer] @ J, weights[layer] @ c + biases[layer]
        if layer == len(weights) - 1:
            yield M, surely
            continue
        for signs, known, certain in _sign_patterns(M, m, rows):
            open_ = (np.asarray(signs) > 0).astype(float)
            stack.append((layer + 1, open_[:, None] * M, open_ * m, known, surely and certain))


def _sign_patterns(
    M: FloatArray, m: FloatArray, rows: list[FloatArray]
) -> Iterator[tuple[list[int], list[FloatArray], bool]]:
    """Patterns of signs of Mx + m on the cell that ``rows`` (sᵢMᵢ, sᵢmᵢ, |Mᵢ|) describe."""
    pending: list[tuple[list[int], list[FloatArray], bool]] = [([], rows, True)]
    while pending:
        signs, known, certain = pending.pop()
        i = len(signs)
        if i == len(m):
            yield signs, known, certain
            continue
        size = float(np.linalg.norm(M[i]))
        for sign in (1, -1):
            if size == 0.0:  # the neuron is constant: both signs only if it is 0
                if sign * m[i] >= 0:
                    pending.append(([*signs, sign], known, certain and m[i] != 0))
                continue
            extended = [*known, np.array([*(sign * M[i]), sign * m[i], size])]
            width = _width(np.array(extended))
            if width > -1e-9:
                pending.append(([*signs, sign], extended, certain and width > _INTERIOR))


def _width(rows: FloatArray) -> float:
    """The largest t ≤ 1 with sᵢ(Mᵢx + cᵢ) ≥ t|Mᵢ| for some x."""
    sizes = rows[:, -1]
    scaled = rows[:, :-1] / sizes[:, None]
    n = scaled.shape[1] - 1
    constraints = np.column_stack([-scaled[:, :n], np.ones(len(rows))])
    free = [(None, None)] * n
    found = linprog(
        np.array([0.0] * n + [-1.0]), A_ub=constraints, b_ub=scaled[:, n], bounds=[*free, (None, 1)]
    )
    return float(-found.fun) if found.status == 0 else float("-inf")
