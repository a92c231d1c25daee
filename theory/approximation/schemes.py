"""How flows of pieces are composed: Lie–Trotter, Strang, and Yoshida's fourth order."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import UnknownNameError

Stage = tuple[int, float]


@dataclass(frozen=True)
class Scheme:
    """A splitting of ``order`` p; ``stages(m)`` lists (piece, weight) in the order of action.

    Source: Trotter 1959, Strang 1968, Yoshida 1990 [D].

    >>> scheme_of("Strang").stages(2)
    ((0, 0.5), (1, 1.0), (0, 0.5))
    """

    name: str
    order: int
    substeps: tuple[float, ...]  # weights of the Strang or Lie–Trotter steps it consists of

    @property
    def runs_backward(self) -> bool:
        """Whether some stages have negative weights."""
        return min(self.substeps) < 0

    def stages(self, pieces: int) -> tuple[Stage, ...]:
        """Return the stages of one step for so many pieces, neighbours of one piece joined."""
        if self.order == 1:
            return tuple((i, 1.0) for i in range(pieces))
        found: list[Stage] = []
        for weight in self.substeps:
            halves = [(i, weight / 2) for i in range(pieces - 1)]
            for i, w in [*halves, (pieces - 1, weight), *halves[::-1]]:
                if found and found[-1][0] == i:
                    found[-1] = (i, found[-1][1] + w)
                else:
                    found.append((i, w))
        return tuple(found)


_OUTER = 1 / (2 - 2 ** (1 / 3))
SCHEMES = {
    "LieTrotter": Scheme("LieTrotter", 1, (1.0,)),
    "Strang": Scheme("Strang", 2, (1.0,)),
    # wᵢ with Σwᵢ = 1 and Σwᵢ³ = 0: the error of order 3 cancels, and order 4 by symmetry.
    "Yoshida4": Scheme("Yoshida4", 4, (_OUTER, 1 - 2 * _OUTER, _OUTER)),
}


def scheme_of(name: str) -> Scheme:
    """Return the scheme of this name. Raises UnknownNameError.

    >>> scheme_of("LieTrotter").order
    1
    """
    if not isinstance(name, str) or name not in SCHEMES:
        raise UnknownNameError(
            came=f"the splitting {name!r}",
            expected=f"one of {', '.join(SCHEMES)}",
            remedy="Strang is the usual choice.",
        )
    return SCHEMES[name]
