"""∫₀¹ tᵏ cos(zt) dt and ∫₀¹ tᵏ sin(zt) dt: smooth at z = 0, where their closed forms divide.

Presnov's potential of a trigonometric field is made of them. They are closed under differentiation:
C_k' = −S_{k+1} and S_k' = C_{k+1}.
"""

from __future__ import annotations

from typing import Any

import sympy

from ...errors import DomainError


def _require_power(k: Any) -> None:
    if not (k.is_Integer and k >= 0):
        raise DomainError(
            came=f"the moment of t^k with k = {k}",
            expected="an integer k ≥ 0",
            remedy="Other powers have no closed form here.",
        )


class CosineMoment(sympy.Function):  # type: ignore[misc]  # sympy carries no types
    """C_k(z) = ∫₀¹ tᵏ cos(zt) dt, k ≥ 0 an integer; C_k(0) = 1/(k + 1). Source: flowcert [D].

    >>> z = sympy.Symbol("z")
    >>> CosineMoment(0, 0), CosineMoment(1, z).diff(z)
    (1, -SineMoment(2, z))
    """

    nargs = 2
    is_real = True

    @classmethod
    def eval(cls, k: Any, z: Any) -> Any:
        _require_power(k)
        if z.is_zero:
            return sympy.Integer(1) / (k + 1)
        if z.could_extract_minus_sign():
            return cls(k, -z)
        return None

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative in z; there is none in k."""
        k, z = self.args
        if argindex != 2:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return -SineMoment(k + 1, z)


class SineMoment(sympy.Function):  # type: ignore[misc]  # sympy carries no types
    """S_k(z) = ∫₀¹ tᵏ sin(zt) dt, k ≥ 0 an integer; odd in z. Source: flowcert [D].

    >>> z = sympy.Symbol("z")
    >>> SineMoment(0, 0), SineMoment(0, -z), SineMoment(0, z).diff(z)
    (0, -SineMoment(0, z), CosineMoment(1, z))
    """

    nargs = 2
    is_real = True

    @classmethod
    def eval(cls, k: Any, z: Any) -> Any:
        _require_power(k)
        if z.is_zero:
            return sympy.Integer(0)
        if z.could_extract_minus_sign():
            return -cls(k, -z)
        return None

    def fdiff(self, argindex: int = 1) -> Any:
        """Return the derivative in z; there is none in k."""
        k, z = self.args
        if argindex != 2:
            raise sympy.core.function.ArgumentIndexError(self, argindex)
        return CosineMoment(k + 1, z)


def in_closed_form(expression: Any) -> Any:
    """Return the expression with its moments in terms of sin z, cos z and 1/z, valid for z ≠ 0.

    By parts: C_k = (sin z − k S_{k−1})/z and S_k = (k C_{k−1} − cos z)/z, C₀ = sin z/z,
    S₀ = (1 − cos z)/z. Both sides are continuous: an identity that holds for z ≠ 0 holds at 0.

    >>> z = sympy.Symbol("z")
    >>> in_closed_form(SineMoment(0, z))
    (1 - cos(z))/z
    """
    return sympy.sympify(expression).replace(
        lambda part: isinstance(part, CosineMoment | SineMoment),
        lambda part: _closed(type(part), int(part.args[0]), part.args[1]),
    )


def _closed(kind: Any, k: int, z: Any) -> Any:
    if kind is CosineMoment:
        return (sympy.sin(z) - (k * _closed(SineMoment, k - 1, z) if k else 0)) / z
    lower = k * _closed(CosineMoment, k - 1, z) if k else 1
    return (lower - sympy.cos(z)) / z
