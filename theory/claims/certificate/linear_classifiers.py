"""Linear classifiers, whose nearest point of another class is known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from ....numerics.validation import FloatArray
from ...certificate import Derivation, Graph, Node, derive
from ...certificate.radius import certified_radius
from ...claim import Measurement


@dataclass(frozen=True)
class LinearClassifier:
    """f(x) = Wx at a point x; ``head`` says whether W is the last operation of the graph."""

    W: FloatArray
    x: FloatArray
    head: bool = True

    def derivation(self) -> Derivation:
        classes, n = self.W.shape
        nodes = [
            Node("x", "input", (), (n,)),
            Node("y", "dense", ("x",), (classes,), {}, {"weight": "W"}),
        ]
        if not self.head:  # the same values, of which only L is known
            nodes.append(Node("z", "sum", ("y",), (classes,), {"coefficients": [1.0]}))
        return derive(Graph(tuple(nodes), nodes[-1].name), {"W": self.W})

    def margins(self) -> tuple[int, list[Fraction]]:
        """The class k and f_k − f_j for every j, exactly."""
        logits = [_dot(row, self.x) for row in self.W]
        k = max(range(len(logits)), key=logits.__getitem__)
        return k, [logits[k] - f for f in logits]

    def distance(self) -> float:
        """min_j (f_k − f_j)/|w_k − w_j|: where the class changes first, or ties."""
        k, margins = self.margins()
        squares = [
            margin**2 / _dot(self.W[k] - row, self.W[k] - row)
            for margin, row in zip(margins, self.W, strict=True)
            if np.any(row != self.W[k])
        ]
        return math.sqrt(min(squares))

    def measure(self, radius: float, allowance: float = 1e-12) -> Measurement:
        """A radius against the distance of the nearest other class."""
        return Measurement(radius, self.distance(), allowance, what="radius")

    def certified(self) -> Measurement:
        """The certified radius of the function itself: as executed, it is smaller."""
        radius = certified_radius(self.derivation(), self.x[None], execution="exact")
        return self.measure(float(radius[0]))


def _dot(a: FloatArray, b: FloatArray) -> Fraction:
    products = (Fraction(float(p)) * Fraction(float(q)) for p, q in zip(a, b, strict=True))
    return sum(products, Fraction(0))


@st.composite
def linear_classifiers(draw: st.DrawFn, head: bool) -> LinearClassifier:
    """Two to four classes with multiples of 1/16: differences of rows are exact."""
    n, classes = draw(st.integers(1, 4)), draw(st.integers(2, 4))
    entries = st.integers(-64, 64).map(lambda i: i / 16)
    rows = draw(
        st.lists(
            st.lists(entries, min_size=n, max_size=n),
            min_size=classes,
            max_size=classes,
            unique_by=tuple,
        )
    )
    x = draw(st.lists(entries, min_size=n, max_size=n))
    return LinearClassifier(np.array(rows), np.array(x), head)
