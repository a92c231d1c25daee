"""Splitting methods: the flows of the pieces of ẏ = f₁(t, y) + … + f_N(t, y), one after another.

Time is handled so that non-autonomous systems lose no order. A flow solves its piece with time
frozen, so time itself is a piece, ṫ = 1, with a trivial flow: Lie–Trotter and Strang put that piece
first, for any N. Schemes of two pieces A, B use two clocks instead: a flow of A reads its own clock
and advances the one of B, and vice versa. On (y, t_A, t_B) the two pieces are
f_A(t_A, y)∂_y + ∂_{t_B} and f_B(t_B, y)∂_y + ∂_{t_A}: autonomous, with exactly these flows, and the
sum keeps t_A = t_B = t. Either way the non-autonomous step is an autonomous splitting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import DomainError, ShapeError, StructureError
from ..systems.split import Piece, SplitSystem
from ..systems.system import State, System, Time
from .method import Method
from .weights import Formula, Weights


class LieTrotterSplitting(Method):
    """y⁺ = φ_N^h ∘ … ∘ φ₁^h(y), every piece at the time t + h; order 1.

    ``reverse`` gives the adjoint: φ₁^h ∘ … ∘ φ_N^h with every piece at the time t. Guaranteed:
    order 1 for Lipschitz pieces; symplectic, or keeping an invariant, if each flow is or does.
    Source: Trotter (1959) [D].

    >>> from flowcert.numerics.systems.split import linear_piece
    >>> turn = SplitSystem([linear_piece([[0, 1], [0, 0]]), linear_piece([[0, 0], [-1, 0]])], 2)
    >>> LieTrotter.step(turn, 0.0, np.array([1.0, 0.0]), 0.5).tolist()
    [1.0, -0.5]
    """

    order = 1
    symplectic = True

    def __init__(self, name: str, *, reverse: bool = False) -> None:
        self.name = name
        self.reverse = reverse
        # What it is for two pieces: A then B, or B then A.
        self.weights = Weights([0, 1, 1] if reverse else [1, 1])

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        pieces = pieces_of(system, self.name)
        if self.reverse:
            return _flow_through(pieces[::-1], t, y, h)
        return _flow_through(pieces, t + h, y, h)

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system if it is a SplitSystem, or raise StructureError."""
        return split_system(system, self.name)


class StrangSplitting(Method):
    """y⁺ = φ₁^{h/2} ∘ … ∘ φ_N^h ∘ … ∘ φ₁^{h/2}(y), every piece at the time t + h/2; order 2.

    It is ``LieTrotterAdjoint`` after ``LieTrotter``, each with h/2. Guaranteed: order 2 for C²
    pieces; symmetric if each flow is exact or symmetric. Source: Strang (1968) [D].

    >>> from flowcert.numerics.systems.split import linear_piece
    >>> turn = SplitSystem([linear_piece([[0, 1], [0, 0]]), linear_piece([[0, 0], [-1, 0]])], 2)
    >>> Strang.step(turn, 0.0, np.array([1.0, 0.0]), 0.5).tolist()
    [0.875, -0.5]
    """

    order = 2
    symplectic = True
    symmetric = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.weights = Weights(["1/2", 1, "1/2"])  # what it is for two pieces

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        *first, last = pieces_of(system, self.name)
        half = h / 2
        middle = t + half
        y = _flow_through(first, middle, y, half)
        y = guarded_flow(last, middle, y, h)
        return _flow_through(first[::-1], middle, y, half)

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system if it is a SplitSystem, or raise StructureError."""
        return split_system(system, self.name)


class Splitting(Method):
    """y⁺ = … ∘ φ_B^{b₂h} ∘ φ_A^{a₂h} ∘ φ_B^{b₁h} ∘ φ_A^{a₁h}(y) for a system of two pieces A, B.

    ``weights`` are a₁, b₁, a₂, b₂, … (of either length), exact or a function that computes them
    with mpmath (see ``Weights``); a flow of weight 0 is left out. ``order`` is declared, and
    derived by ``derived_order``; symmetric if the flows read the same backwards, which is found
    out for exact weights and declared for others. Raises StructureError for another number of
    pieces. Source: McLachlan (1995) [D].

    >>> from flowcert.numerics.systems.split import linear_piece
    >>> turn = SplitSystem([linear_piece([[0, 1], [0, 0]]), linear_piece([[0, 0], [-1, 0]])], 2)
    >>> mine = Splitting("mine", 2, ["1/2", 1, "1/2"])
    >>> mine.symmetric, mine.step(turn, 0.0, np.array([1.0, 0.0]), 0.5).tolist()
    (True, [0.875, -0.5])
    """

    symplectic = True

    def __init__(
        self,
        name: str,
        order: int,
        weights: Sequence[Any] | Formula,
        *,
        symmetric: bool | None = None,
    ) -> None:
        self.name = name
        self.order = order
        self.weights = Weights(weights)
        # Without being told, exact weights are looked at; irrational ones cost mpmath at import.
        if symmetric is None:
            symmetric = self.weights.exact is not None and is_symmetric_splitting(self.weights)
        self.symmetric = symmetric

    def step(self, system: System, t: Time, y: State, h: Time) -> State:
        pieces = pieces_of(system, self.name, expected=2)
        clocks = [t, t]
        for i, weight in enumerate(self.weights.like(y)):
            if weight == 0:
                continue
            own, other = i % 2, (i + 1) % 2
            y = guarded_flow(pieces[own], clocks[own], y, weight * h)
            clocks[other] = clocks[other] + weight * h
        return y

    def prepare(
        self, system: object, dimension: int | None = None, near: State | None = None
    ) -> System:
        """Return the system if it is a SplitSystem of two pieces, or raise StructureError."""
        return split_system(system, self.name, expected=2)


def is_symmetric_splitting(weights: Weights) -> bool:
    """Return whether a₁, b₁, a₂, … is its own adjoint: a palindrome in flows that move.

    >>> verlet, euler = Weights([0, "1/2", 1, "1/2"]), Weights([1, 1])
    >>> is_symmetric_splitting(verlet), is_symmetric_splitting(euler)
    (True, False)
    """
    numbers = weights.floats if weights.exact is None else weights.exact
    flows = [(i % 2, w) for i, w in enumerate(numbers) if w != 0]
    return flows == flows[::-1]


def split_system(system: object, name: str, *, expected: int | None = None) -> SplitSystem:
    """Return ``system`` if it is a SplitSystem (of ``expected`` pieces), or raise StructureError.

    >>> split_system(3, "Strang")
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got int for Strang; expected a SplitSystem: pieces with flows...
    """
    if not isinstance(system, SplitSystem):
        raise StructureError(
            came=f"{type(system).__name__} for {name}",
            expected="a SplitSystem: pieces with flows of their own",
            remedy="Write SplitSystem([Piece(rate, flow), ...], dimension); linear_piece and "
            "numerical_piece make pieces.",
        )
    if expected is not None and len(system.pieces) != expected:
        raise StructureError(
            came=f"a system of {len(system.pieces)} pieces for {name}",
            expected=f"{expected} pieces",
            remedy="Take LieTrotter, Strang or Yoshida4(Strang), which take any number of pieces, "
            "or join pieces.",
        )
    return system


def pieces_of(system: System, name: str, *, expected: int | None = None) -> tuple[Piece, ...]:
    """Return the pieces of a split system, or raise StructureError.

    >>> pieces_of(SplitSystem([Piece(lambda t, y: y, lambda t, y, h: y)], 1), "Strang", expected=2)
    Traceback (most recent call last):
        ...
    flowcert.errors.StructureError: got a system of 1 pieces for Strang; expected 2 pieces...
    """
    return split_system(system, name, expected=expected).pieces


def guarded_flow(piece: Piece, t: Time, y: State, h: Time) -> State:
    """Return the flow of a piece, of the shape of ``y`` and finite; ShapeError, DomainError if not.

    >>> blow_up = Piece(lambda t, y: y * y, lambda t, y, h: y * np.inf)
    >>> guarded_flow(blow_up, 0.0, np.ones(1), 0.5)
    Traceback (most recent call last):
        ...
    flowcert.errors.DomainError: got a flow of a piece that is not finite at t = 0.0; expected ...
    """
    value = np.asarray(piece.flow(t, y, h))
    if value.shape != y.shape:
        raise ShapeError(
            came=f"the flow of a piece of shape {value.shape} at y of shape {y.shape}",
            expected="a state of the same shape",
            remedy="Index the state from the last axis: y[..., i].",
        )
    if value.dtype != object and not np.all(np.isfinite(value)):
        raise DomainError(
            came=f"a flow of a piece that is not finite at t = {t!r}",
            expected="finite states",
            remedy="The piece may blow up although the whole does not: take a shorter step.",
        )
    return value


def _flow_through(pieces: Sequence[Piece], t: Time, y: State, h: Time) -> State:
    for piece in pieces:
        y = guarded_flow(piece, t, y, h)
    return y


def _mclachlan_2() -> list[Any]:
    import mpmath

    root = mpmath.cbrt(2 * mpmath.sqrt(326) + 36)
    a = mpmath.mpf(1) / 2 - root / 12 + 1 / (6 * root)
    return [a, mpmath.mpf(1) / 2, 1 - 2 * a, mpmath.mpf(1) / 2, a]


def _mclachlan_4() -> list[Any]:
    """Five Lie–Trotter steps βᵢ and adjoints αᵢ = β₆₋ᵢ in turn, neighbours of one letter joined."""
    import mpmath

    s = mpmath.sqrt(19)
    beta = [
        (14 - s) / 108,
        (-23 - 20 * s) / 270,
        mpmath.mpf(1) / 5,
        (10 * s - 2) / 135,
        (146 + 5 * s) / 540,
    ]
    alpha = beta[::-1]
    weights = [beta[0]]
    for i in range(5):
        weights.append(beta[i] + alpha[i])
        weights.append(alpha[i] + beta[i + 1] if i < 4 else alpha[i])
    return weights


LieTrotter = LieTrotterSplitting("LieTrotter")
LieTrotterAdjoint = LieTrotterSplitting("LieTrotterAdjoint", reverse=True)
Strang = StrangSplitting("Strang")
# McLachlan, SIAM J. Sci. Comput. 16 (1995): smallest error among two stages, and among five.
McLachlan2 = Splitting("McLachlan2", 2, _mclachlan_2, symmetric=True)
McLachlan4 = Splitting("McLachlan4", 4, _mclachlan_4, symmetric=True)
