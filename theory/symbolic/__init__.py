"""Vector fields as sympy expressions: differentiated exactly, evaluated in three arithmetics."""

from .evaluation import array_function, ball_array_function, numeric_function
from .field import SymbolicField, lie_bracket, require_field, symbolic_field
from .forms import symbolic_form
from .moments import CosineMoment, SineMoment, in_closed_form

__all__ = [
    "CosineMoment",
    "SineMoment",
    "SymbolicField",
    "array_function",
    "ball_array_function",
    "in_closed_form",
    "lie_bracket",
    "numeric_function",
    "require_field",
    "symbolic_field",
    "symbolic_form",
]
