"""The translations of ATen operations, and the refusal of all others."""

from __future__ import annotations

from importlib import import_module

from .call import Call
from .lowering import REFUSALS, TRANSLATIONS, Value

# One module a family; each registers what it translates.
FAMILIES = (
    "activations",
    "arithmetic",
    "extrema",
    "linear",
    "normalisation",
    "refused",
    "resampling",
    "shapes",
)
for _family in FAMILIES:
    import_module(f".lowering_{_family}", __package__)
import_module(".user_rules", __package__)


def translate(call: Call) -> Value:
    """Return the value of an operation that depends on the input, or refuse it by name.

    Raises StructureError.
    """
    if call.operation in REFUSALS:
        raise call.refused(REFUSALS[call.operation])
    translation = TRANSLATIONS.get(call.operation)
    if translation is None:
        raise call.refused("no rule for it")
    value = translation(call)
    call.check_all_read()
    return value
