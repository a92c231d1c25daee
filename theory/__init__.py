"""First floor: claims that prove and attack themselves, bounds, step regions, strategies."""

from typing import TYPE_CHECKING, Any

from . import bounds
from .checking import check_claim, check_claims
from .claim import (
    Assumption,
    Claim,
    Measurement,
    Mutant,
    NotApplicable,
    Source,
    Witness,
    tightest,
)
from .proof import Proof, ProofStep, SmtQuery
from .registry import all_claims, find_claims, load_claims, register, unregister
from .step_regions import StepRegion
from .verdict import Verdict

if TYPE_CHECKING:
    from . import strategies

__all__ = [
    "Assumption",
    "Claim",
    "Measurement",
    "Mutant",
    "NotApplicable",
    "Proof",
    "ProofStep",
    "SmtQuery",
    "Source",
    "StepRegion",
    "Verdict",
    "Witness",
    "all_claims",
    "bounds",
    "check_claim",
    "check_claims",
    "find_claims",
    "load_claims",
    "register",
    "strategies",
    "tightest",
    "unregister",
]


def __getattr__(name: str) -> Any:
    # hypothesis costs 0.15 s to import: only those pay who use the strategies.
    if name == "strategies":
        import importlib

        return importlib.import_module(".strategies", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
