"""Whether a sum of polynomials times sines, cosines and moments is zero: decided wave by wave."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import sympy
from sympy.simplify.fu import TR8

from ..symbolic import CosineMoment, SineMoment, in_closed_form

# Dummies: a field may have a variable that is called z.
_Z, _SINE, _COSINE = (sympy.Dummy(name, real=True) for name in ("z", "sine", "cosine"))


def vanishes(expression: Any) -> bool:
    """Return whether the expression is proved to be 0 for all real values of its symbols.

    Products of waves become sums, phases are split off, moments become closed forms in one z at a
    time. What is left is Σ_z (P_z sin z + Q_z cos z + R_z)/z^m with polynomials P, Q, R in the
    variables: it is 0 if every P_z and Q_z is, and the sum of all R_z/z^m. False says that this did
    not decide.
    Source: flowcert [D].

    >>> x = sympy.Symbol("x", real=True)
    >>> vanishes(x * SineMoment(0, x) + sympy.cos(x) - 1), vanishes(x * SineMoment(0, x))
    (True, False)
    """
    parts: dict[Any, Any] = defaultdict(lambda: sympy.Integer(0))
    for term in sympy.Add.make_args(sympy.expand(TR8(sympy.expand(expression)))):
        z, value = _in_one_wave(term)
        parts[z] += value
    remainder = sympy.Integer(0)
    for z, value in parts.items():
        waves, rest = _apart(z, value)
        if any(sympy.expand(amplitude) != 0 for amplitude in waves):
            return False
        remainder += rest
    return bool(sympy.expand(sympy.numer(sympy.together(remainder))) == 0)


def _in_one_wave(term: Any) -> tuple[Any, Any]:
    """Return (z, the term in z, sin z and cos z as symbols of their own)."""
    for factor in sympy.Mul.make_args(term):
        if isinstance(factor, CosineMoment | SineMoment):
            z = sympy.expand(factor.args[1])
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


def _apart(z: Any, value: Any) -> tuple[list[Any], Any]:
    """Return the numerators P_z and Q_z of the waves, and R_z/z^m."""
    numerator, denominator = sympy.fraction(sympy.together(sympy.expand(value)))
    terms = dict(sympy.Poly(sympy.expand(numerator), _SINE, _COSINE).terms())
    rest = terms.pop((0, 0), sympy.Integer(0)) / denominator
    return [amplitude.subs(_Z, z) for amplitude in terms.values()], rest.subs(_Z, z)
