"""What random instances are made of: small smooth networks, energies and steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ....numerics.validation import FloatArray

_HIDDEN = 3


@dataclass(frozen=True)
class Network:
    """x ↦ V tanh(Wx + b) from R^n to R^m, batched, with its Jacobian: an arbitrary smooth map."""

    W: FloatArray
    b: FloatArray
    V: FloatArray

    def __call__(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.tanh(x @ self.W.T + self.b) @ self.V.T)

    def matrix(self, x: FloatArray) -> FloatArray:
        """The n² outputs as a matrix M(x), shape (..., n, n)."""
        n = self.W.shape[1]
        return self(x).reshape(*x.shape[:-1], n, n)

    def skew(self, x: FloatArray) -> FloatArray:
        """M(x) − M(x)ᵀ."""
        M = self.matrix(x)
        return M - np.swapaxes(M, -1, -2)


@dataclass(frozen=True)
class RidgeEnergy:
    """H(x) = Σ αᵢ log cosh(aᵢᵀx + bᵢ) + β|x|⁴/4, with its gradient and Hessian."""

    A: FloatArray
    b: FloatArray
    alpha: FloatArray
    beta: float = 0.0

    def value(self, x: FloatArray) -> FloatArray:
        # log cosh, written so that it does not overflow.
        u = np.abs(x @ self.A.T + self.b)
        ridge = (u + np.log1p(np.exp(-2 * u)) - np.log(2)) @ self.alpha
        return np.asarray(ridge + 0.25 * self.beta * (x * x).sum(-1) ** 2)

    def gradient(self, x: FloatArray) -> FloatArray:
        ridge = (self.alpha * np.tanh(x @ self.A.T + self.b)) @ self.A
        return np.asarray(ridge + self.beta * (x * x).sum(-1, keepdims=True) * x)

    def hessian(self, x: FloatArray) -> FloatArray:
        slopes = self.alpha * (1 - np.tanh(x @ self.A.T + self.b) ** 2)
        ridge = self.A.T @ (slopes[..., None] * self.A)
        square = (x * x).sum(-1)[..., None, None]
        outer = x[..., :, None] * x[..., None, :]
        return np.asarray(ridge + self.beta * (square * np.eye(x.shape[-1]) + 2 * outer))

    def curvature_bound(self, x: FloatArray, y: FloatArray) -> float:
        """A bound of ‖∇²H‖ on the box spanned by x and y."""
        ridge = float(np.sum(np.abs(self.alpha) * np.sum(self.A**2, axis=1)))
        return ridge + 3 * self.beta * float(np.sum(np.maximum(np.abs(x), np.abs(y)) ** 2))


@dataclass(frozen=True)
class QuarticEnergy:
    """H(x) = Σ αᵢ(aᵢᵀx + bᵢ)⁴/4, a polynomial, with its gradient and Hessian."""

    A: FloatArray
    b: FloatArray
    alpha: FloatArray

    def value(self, x: FloatArray) -> FloatArray:
        return np.asarray(0.25 * (x @ self.A.T + self.b) ** 4 @ self.alpha)

    def gradient(self, x: FloatArray) -> FloatArray:
        return np.asarray((self.alpha * (x @ self.A.T + self.b) ** 3) @ self.A)

    def hessian(self, x: FloatArray) -> FloatArray:
        slopes = 3 * self.alpha * (x @ self.A.T + self.b) ** 2
        return np.asarray(self.A.T @ (slopes[..., None] * self.A))

    def curvature_bound(self, x: FloatArray, y: FloatArray) -> float:
        """A bound of ‖∇²H‖ on the box spanned by x and y."""
        farthest = np.abs(self.A) @ np.maximum(np.abs(x), np.abs(y)) + np.abs(self.b)
        rows = np.sum(self.A**2, axis=1)
        return float(3 * np.sum(np.abs(self.alpha) * farthest**2 * rows))


def step_sizes(largest: float = 0.5) -> SearchStrategy[float]:
    """Steps of either sign, away from 0 so that a broken structure shows."""
    return st.floats(0.01, largest).flatmap(lambda h: st.sampled_from([h, -h]))


def arrays(*shape: int, size: float = 1.0) -> SearchStrategy[FloatArray]:
    """Arrays with entries in [−size, size]: most of them dense, some with zeros and round numbers.

    Entries drawn one by one are 0 so often that a field of several arrays would mostly vanish.
    """
    count = int(np.prod(shape))
    dense = st.integers(0, 2**32 - 1).map(
        lambda seed: np.random.default_rng(seed).uniform(-size, size, shape)
    )
    entry = st.floats(-size, size, allow_subnormal=False)
    sparse = st.lists(entry, min_size=count, max_size=count).map(
        lambda entries: np.array(entries).reshape(shape)
    )
    return st.one_of(dense, dense, dense, sparse)


@st.composite
def networks(draw: st.DrawFn, inputs: int, outputs: int) -> Network:
    """Networks with one hidden layer and weights in [−1, 1]."""
    W, b = draw(arrays(_HIDDEN, inputs)), draw(arrays(_HIDDEN))
    return Network(W, b, draw(arrays(outputs, _HIDDEN)))


@st.composite
def energies(draw: st.DrawFn, dimension: int, *, quartic: bool = False) -> RidgeEnergy:
    """Energies that are not convex, with a quartic part if asked."""
    A, b, alpha = draw(arrays(_HIDDEN, dimension)), draw(arrays(_HIDDEN)), draw(arrays(_HIDDEN))
    return RidgeEnergy(A, b, alpha, draw(st.floats(0.1, 1.0)) if quartic else 0.0)


@st.composite
def quartic_energies(draw: st.DrawFn, dimension: int) -> QuarticEnergy:
    """Polynomials of degree 4, not convex."""
    A, b = draw(arrays(_HIDDEN, dimension)), draw(arrays(_HIDDEN))
    return QuarticEnergy(A, b, draw(arrays(_HIDDEN)))
