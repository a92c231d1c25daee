"""Whether a sum of polynomials times sines, cosines and moments is zero: decided wave by wave."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sympy
from sympy.simplify.fu import TR8

from ..symbolic import CosineMoment, SineMoment, in_closed_form

_Z, _SINE, _COSINE = sympy.symbols("z sine cosine", real=True)


def vanishes(expression: Any) -> bool:
    """Return whether the expression is proved to be 0 for all real values of its symbols.

    Products of waves become sums, phases are split off, moments become closed forms in one z at a
    time. What is left is Σ_z (P_z sin z + Q_z cos z + R_z)/z^m with polynomials P, Q, R in the
    variables: it is 0 if, for each z, every one of them is. False says that this did not decide.
    Source: flowcert [D].

    >>> x = sympy.Symbol("x", real=True)
    >>> vanishes(x * SineMoment(0, x) + sympy.cos(x) - 1), vanishes(x * SineMoment(0, x))
    (True, False)
    """
    parts: dict[Any, Any] = defaultdict(lambda: sympy.Integer(0))
    for term in sympy.Add.make_args(sympy.expand(TR8(sympy.expand(expression)))):
        z, value = _in_one_wave(term)
        parts[z] += value
    return all(_is_zero(z, value) for z, value in parts.items())


def _in_one_wave(term: Any) -> tuple[Any, Any]:
    """Return (z, the term in z, sin z and cos z as symbols of their own)."""
    for factor in sympy.Mul.make_args(term):
        if isinstance(factor, CosineMoment | SineMoment):
            z = factor.args[1]
            moment = in_closed_form(type(factor)(factor.args[0], _Z))
            return z, term / factor * _named(moment)
        if isinstance(factor, sympy.sin | sympy.cos) and factor.free_symbols:
            [argument] = factor.args
            phase = argument.as_independent(*argument.free_symbols, as_Add=True)[0]
            z = sympy.expand(argument - phase)
            sign = -1 if z.could_extract_minus_sign() else 1
            wave = sympy.expand_trig(type(factor)(sign * _Z + phase))
            return sign * z, term / factor * _named(wave)
    return sympy.Integer(0), term


def _named(wave: Any) -> Any:
    return wave.subs({sympy.sin(_Z): _SINE, sympy.cos(_Z): _COSINE})


def _is_zero(z: Any, value: Any) -> bool:
    numerator = sympy.numer(sympy.together(sympy.expand(value)))
    coefficients = sympy.Poly(sympy.expand(numerator), _SINE, _COSINE).coeffs()
    return all(sympy.expand(c.subs(_Z, z)) == 0 for c in coefficients)
