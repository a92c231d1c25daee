"""The derived properties of one method, as a table of words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..methods import Method, RungeKutta, derived_order, find_method
from ..tableau import Tableau, read_tableau
from ..tableau.stability import linear_stability_interval
from .auditing import SPLITTINGS
from .expansion_order import expansion_order
from .specimens import specimen_of


def method_of(name_or_file: str) -> Method:
    """Return the method of a name, or the Runge–Kutta method of a JSON tableau.

    A text that ends in ".json" is a file. A file's method declares what is derived from it.
    Raises UnknownNameError, DataError.

    >>> method_of("heun")
    Heun
    """
    if not name_or_file.endswith(".json"):
        return find_method(name_or_file)
    name, tableau = read_tableau(name_or_file)
    return RungeKutta(
        name or Path(name_or_file).stem,
        tableau,
        tableau.order(),
        symplectic=tableau.is_symplectic(),
        symmetric=tableau.is_symmetric(),
        embedded_order=tableau.embedded_order(),
    )


def method_properties(method: Method) -> dict[str, str]:
    """Return what is derived of a method, each property in words, in the order of a table.

    Everything is exact for Runge–Kutta methods; other methods have an order, and the flags that
    they declare (the audit observes them). Source: flowcert [D].

    >>> from flowcert.numerics.methods import RK4
    >>> method_properties(RK4)["circle-contractivity radius r"]
    '1'
    """
    if isinstance(method, RungeKutta):
        return _of_tableau(method.tableau)
    if isinstance(method, SPLITTINGS):
        derived = derived_order(method)
        order, argument = derived.order, derived.argument
    else:
        specimen = specimen_of(method)
        expansion = expansion_order(method, specimen.autonomous[:2] + specimen.driven[:1])
        order, argument = expansion.order, expansion.argument
    return {
        "order": f"{order}   ({argument})",
        "symplectic": f"{_yes(method.symplectic)}   (as declared; the audit observes it)",
        "symmetric": f"{_yes(method.symmetric)}   (as declared; the audit observes it)",
    }


def _of_tableau(tableau: Tableau) -> dict[str, str]:
    p, q, r = tableau.simplifying_assumptions()
    stability = tableau.stability_function()
    embedded = tableau.embedded_order()
    return {
        "stages": f"{tableau.stages}, {_kind(tableau)}",
        "order": f"{tableau.order()}   ({tableau.order_argument()})",
        "embedded order": "–" if embedded is None else str(embedded),
        "stage order": str(tableau.stage_order()),
        "simplifying assumptions": f"B({p}), C({q}), D({r})",
        "stability function R(z)": _quotient(stability.numerator, stability.denominator),
        "A-stable": _yes(tableau.is_a_stable()),
        "L-stable": _yes(tableau.is_l_stable()),
        "|R| ≤ 1 on": _interval(linear_stability_interval(tableau)),
        "algebraically stable": _yes(tableau.is_algebraically_stable()),
        "circle-contractivity radius r": number(tableau.circle_contractivity_radius()),
        "symplectic": _yes(tableau.is_symplectic()),
        "symmetric": _yes(tableau.is_symmetric()),
    }


def number(exact: Any) -> str:
    """Return an exact number in words: itself, and its decimals unless it is an integer.

    >>> import sympy
    >>> number(sympy.oo), number(sympy.Integer(1)), number(2 * sympy.sqrt(3) - 3)
    ('∞', '1', '-3 + 2*sqrt(3) = 0.464102')
    """
    if exact.is_infinite:
        return "∞"
    if exact.is_Integer:
        return str(exact)
    text = str(exact)
    # A root of a polynomial of high degree says more by its decimals.
    return f"{text} = {float(exact):.6g}" if len(text) < 60 else f"{float(exact):.12g} (algebraic)"


def _kind(tableau: Tableau) -> str:
    if tableau.is_explicit():
        return "explicit"
    return "diagonally implicit" if tableau.is_diagonally_implicit() else "fully implicit"


def _quotient(numerator: tuple[Any, ...], denominator: tuple[Any, ...]) -> str:
    above = _polynomial(numerator)
    return above if len(denominator) == 1 else f"({above}) / ({_polynomial(denominator)})"


def _polynomial(coefficients: tuple[Any, ...]) -> str:
    terms = []
    for k, coefficient in enumerate(coefficients):
        if coefficient == 0:
            continue
        power = "" if k == 0 else "z" if k == 1 else f"z^{k}"
        text = str(coefficient)
        text = f"({text})" if k and (" " in text) else text
        factor = {"1": "", "-1": "−"}.get(text, text + "·") if k else text
        terms.append(factor + power)
    return " + ".join(terms).replace("+ -", "− ").replace("+ −", "− ").replace("-", "−")


def _interval(length: Any) -> str:
    told = number(length)
    return "(−∞, 0]" if told == "∞" else f"[−x, 0], x = {told}"


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"
