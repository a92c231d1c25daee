"""The audit of a method: what it declares, against what is derived, against what is observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ..diagnostics import ObservedOrder, observed_order, reversal_error, symplecticity_defect
from ..methods import Method, RungeKutta, derived_order
from ..methods.composition import Composition
from ..methods.partitioned import PartitionedMethod
from ..methods.splitting import LieTrotterSplitting, Splitting, StrangSplitting
from ..problems import Problem
from .expansion_order import expansion_order
from .specimens import Specimen, specimen_of

ORDER_TOLERANCE = 0.15
STRUCTURE_TOLERANCE = 1e-30  # of steps in 60 digits
_HIGH = 5  # above it float64 has no room for an asymptotic range
_DIGITS = 60
# In 60 digits: the second where the local orders of the first do not agree to 0.05 yet.
_STEPS_IN_DIGITS = ((16, 23, 32, 45), (64, 91, 128, 181))
_SETTLED = 0.05
_STEP = 0.1

SPLITTINGS = (LieTrotterSplitting, StrangSplitting, Splitting, PartitionedMethod, Composition)


@dataclass(frozen=True)
class Observation:
    """An observed order and where it was seen; ``order`` is None where there is nothing to see.

    >>> Observation(None, None, "", "not applicable: no driven problem").order is None
    True
    """

    order: float | None
    confidence: float | None
    problem: str
    detail: str


@dataclass(frozen=True)
class MethodAudit:
    """One method: declared, derived and observed, side by side, with the evidence.

    ``nonlinear`` and ``driven`` are observed orders on an autonomous and a non-autonomous nonlinear
    problem. ``symplectic`` and ``symmetric`` are the declared flags; ``symplectic_derived`` and
    ``symmetric_derived`` come from the tableau (None without one); ``symplecticity_defect`` is
    ‖JᵀΩJ − Ω‖ of one step (None where the method takes no canonical Hamiltonian system),
    ``reversal_error`` what is left of a step there and back. ``complaints`` say what disagrees.
    Source: flowcert [D].

    >>> from flowcert.numerics.methods import Heun
    >>> audit(Heun).holds
    True
    """

    name: str
    declared_order: int
    derived_order: int
    derived_by: str
    nonlinear: Observation
    driven: Observation
    declared_embedded_order: int | None
    derived_embedded_order: int | None
    symplectic: bool
    symplectic_derived: bool | None
    symplecticity_defect: float | None
    symmetric: bool
    symmetric_derived: bool | None
    reversal_error: float
    complaints: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.complaints

    def to_json(self) -> dict[str, Any]:
        """Return the audit as a JSON object."""
        return {**asdict(self), "complaints": list(self.complaints), "holds": self.holds}


def audit(method: Method | Specimen) -> MethodAudit:
    """Audit a method: derive its order and structure, observe them, compare with the declared ones.

    The order is derived from rooted trees or the simplifying assumptions (Runge–Kutta), from words
    (splittings, compositions), else from the expansion of the local error; it is observed on a
    nonlinear and, where the method admits one, a non-autonomous problem, above order 5 in 60
    digits, and must agree to 0.15. Symplecticity and symmetry are observed on one step in 60
    digits: its defect is below 1e-30 if and only if they are declared. A disagreement is a result,
    in ``complaints``. Source: flowcert [D].

    >>> from flowcert.numerics.methods import RK4
    >>> report = audit(RK4)
    >>> report.declared_order, report.derived_order, round(report.nonlinear.order, 1)
    (4, 4, 4.0)
    """
    specimen = method if isinstance(method, Specimen) else specimen_of(method)
    method = specimen.method
    derived, derived_by = _derive_order(specimen)
    tableau = method.tableau if isinstance(method, RungeKutta) else None
    report = MethodAudit(
        name=method.name,
        declared_order=method.order,
        derived_order=derived,
        derived_by=derived_by,
        nonlinear=_observe(method, specimen.autonomous),
        driven=_observe(method, specimen.driven)
        if specimen.driven
        else Observation(None, None, "", specimen.reason),
        declared_embedded_order=getattr(method, "embedded_order", None),
        derived_embedded_order=None if tableau is None else tableau.embedded_order(),
        symplectic=method.symplectic,
        symplectic_derived=None if tableau is None else tableau.is_symplectic(),
        symplecticity_defect=_symplecticity(specimen),
        symmetric=method.symmetric,
        symmetric_derived=None if tableau is None else tableau.is_symmetric(),
        reversal_error=_reversal(specimen),
        complaints=(),
    )
    return replace(report, complaints=tuple(_complaints(report)))


def _derive_order(specimen: Specimen) -> tuple[int, str]:
    method = specimen.method
    if isinstance(method, RungeKutta):
        return method.tableau.order(), method.tableau.order_argument()
    if isinstance(method, SPLITTINGS):
        derived = derived_order(method)
        return derived.order, derived.argument
    expansion = expansion_order(method, specimen.autonomous[:2] + specimen.driven[:1])
    return expansion.order, expansion.argument


def _observe(method: Method, problems: Sequence[Problem]) -> Observation:
    """On the first problem with an asymptotic range: a leading error may happen to vanish."""
    for problem in problems:
        seen = _observe_on(method, problem)
        if seen.found:
            return Observation(seen.order, seen.confidence, problem.name, seen.detail)
    return Observation(float("nan"), float("nan"), problem.name, seen.detail)


def _observe_on(method: Method, problem: Problem) -> ObservedOrder:
    if method.order <= _HIGH:
        return observed_order(method, problem)
    coarse, fine = _STEPS_IN_DIGITS
    seen = observed_order(method, problem, digits=_DIGITS, steps=coarse)
    if seen.confidence <= _SETTLED:  # NaN without an asymptotic range
        return seen
    return observed_order(method, problem, digits=_DIGITS, steps=fine)


def _symplecticity(specimen: Specimen) -> float | None:
    """The largest defect over the canonical problems, None where the method takes none."""
    defects = [
        symplecticity_defect(
            specimen.method,
            problem.system,
            problem.start + 0.1,  # no point of rest in any variable
            _STEP,
            t=problem.span[0],
            digits=_DIGITS,
        ).defect
        for problem in specimen.canonical
    ]
    return max(defects, default=None)


def _reversal(specimen: Specimen) -> float:
    problem = (specimen.driven or specimen.autonomous)[0]
    return reversal_error(
        specimen.method, problem.system, problem.start, _STEP, t=problem.span[0], digits=_DIGITS
    ).error


def _complaints(audit: MethodAudit) -> list[str]:
    found = []
    if audit.derived_order != audit.declared_order:
        found.append(f"declared order {audit.declared_order}, derived {audit.derived_order}")
    if audit.derived_embedded_order != audit.declared_embedded_order:
        found.append(
            f"declared embedded order {audit.declared_embedded_order},"
            f" derived {audit.derived_embedded_order}"
        )
    for seen in (audit.nonlinear, audit.driven):
        # Written so that NaN, no asymptotic range, is a complaint.
        if seen.order is not None and not (
            abs(seen.order - audit.declared_order) <= ORDER_TOLERANCE
        ):
            found.append(
                f"declared order {audit.declared_order}, observed {seen.order:.2f}"
                f" on {seen.problem}"
            )
    defect = audit.symplecticity_defect
    found += _flag("symplectic", audit.symplectic, audit.symplectic_derived, defect)
    found += _flag("symmetric", audit.symmetric, audit.symmetric_derived, audit.reversal_error)
    return found


def _flag(word: str, declared: bool, derived: bool | None, error: float | None) -> list[str]:
    found = []
    if derived is not None and derived != declared:
        found.append(f"declared {'' if declared else 'not '}{word}, derived otherwise")
    if error is not None and (error <= STRUCTURE_TOLERANCE) != declared:
        found.append(f"declared {'' if declared else 'not '}{word}, one step errs by {error:.1e}")
    return found
