"""Matrices with orthonormal columns from free parameters, by Cayley's transform."""

from __future__ import annotations

import torch
from torch import Tensor

from ...errors import ConvergenceError, DomainError


def cayley(V: Tensor, base: Tensor) -> Tensor:
    r"""Return the m × n matrix with orthonormal columns that V (m × n, m ≥ n) and a base stand for.

    V = [U; L], A = U − Uᵀ + LᵀL, ``base`` B orthogonal (n × n):
    W = [(I − A)(I + A)⁻¹; 2L(I + A)⁻¹]·B. As sym A = LᵀL ⪰ 0, I + A is invertible, and
    WᵀW = Bᵀ(I + A)⁻ᵀ[(I − A)ᵀ(I − A) + 4LᵀL](I + A)⁻¹B = I. One n × n system, solved in float64
    (in float32 the columns would drift from orthogonal as V grows); the result has V's type.
    Source: Trockman, Kolter (2021); the base as in Lezcano-Casado (2019).

    >>> cayley(torch.zeros(3, 2), torch.eye(2)).tolist()
    [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
    """
    check_precise(V)
    n = V.shape[1]
    B, U, L = base.double(), V[:n].double(), V[n:].double()
    skew = U - U.T
    A = skew + L.T @ L if V.shape[0] > n else skew
    X = _solve(torch.eye(n, dtype=B.dtype, device=B.device) + A, B)
    top = 2.0 * X - B
    W = torch.cat([top, 2.0 * (L @ X)]) if V.shape[0] > n else top
    return W.to(V.dtype)


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    try:
        X: Tensor = torch.linalg.solve(matrix, right)
    except RuntimeError as error:  # PyTorch's LinAlgError is one
        raise ConvergenceError(
            came="free parameters so large that I + A is singular in float64",
            expected="entries of moderate size (below about 10⁴)",
            remedy="Lower the learning rate, or draw the weight anew.",
        ) from error
    return X


def coordinates(W: Tensor) -> tuple[Tensor, Tensor]:
    """Return (V, B) with cayley(V, B) = W for a matrix W with orthonormal columns (m ≥ n).

    Both in float64. B is the orthogonal polar factor of W's upper block, whose other factor H ⪰ 0
    keeps I + H far from singular: U = 0, L = W₂Bᵀ(I + H)⁻¹. Right for every such W, eigenvalue −1
    or not.

    >>> V, B = coordinates(-torch.eye(2))
    >>> cayley(V, B).tolist()
    [[-1.0, 0.0], [0.0, -1.0]]
    """
    n = W.shape[1]
    P, S, Qt = torch.linalg.svd(W[:n].double())
    L = W[n:].double() @ Qt.T / (1.0 + S) @ P.T
    return torch.cat([torch.zeros_like(P), L]), P @ Qt


def nearest_orthonormal(matrix: Tensor) -> Tensor:
    """Return the nearest matrix with orthonormal columns, in float64: the polar factor (m ≥ n).

    Where the matrix has no full rank there are several, and this is one. Raises DomainError for
    half precision, NaN and infinite entries. Source: Fan, Hoffman (1955).

    >>> nearest_orthonormal(torch.diag(torch.tensor([3.0, -0.5]))).tolist()
    [[1.0, 0.0], [0.0, -1.0]]
    """
    check_precise(matrix)
    if not bool(torch.isfinite(matrix).all()):
        raise DomainError(
            came="a weight with NaN or infinite entries",
            expected="finite numbers",
            remedy="Lower the learning rate, or draw the weight anew.",
        )
    P, _, Qt = torch.linalg.svd(matrix.double(), full_matrices=False)
    nearest: Tensor = P @ Qt
    return nearest


def check_precise(weight: Tensor) -> None:
    """Raise DomainError unless the weight is of float32 or float64.

    >>> check_precise(torch.zeros(1))
    """
    if weight.dtype not in (torch.float32, torch.float64):
        raise DomainError(
            came=f"an orthogonal weight of {weight.dtype}",
            expected="float32 or float64",
            remedy="Half precision cannot hold orthogonality: keep the weight in .float().",
        )
