"""What the audit looks at: every method that is shipped, with problems that suit it."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import FlowcertError, StructureError
from ..methods import (
    RK4,
    BogackiShampine,
    ImplicitMidpoint,
    Method,
    NormCorrectedHeun,
    Projection,
    Relaxation,
    SymmetricProjection,
    all_methods,
)
from ..problems import (
    DrivenDecay,
    DrivenLimitCycle,
    DrivenPendulum,
    DrivenProductOscillator,
    DrivenRotation,
    DrivenShears,
    HenonHeiles,
    Pendulum,
    Problem,
    ProductOscillator,
    RigidBody,
)

# In this order they are offered. With one degree of freedom some errors vanish by accident (the
# one of Itoh and Abe's gradient on the pendulum), so two come first.
_AUTONOMOUS = (HenonHeiles, Pendulum, RigidBody)
_DRIVEN = (DrivenLimitCycle, DrivenDecay, DrivenPendulum, DrivenShears, DrivenRotation)
# y = (q, p), with and without a clock; for separable methods the last two.
_CANONICAL = (ProductOscillator, DrivenProductOscillator, HenonHeiles, DrivenShears)


@dataclass(frozen=True, eq=False)
class Specimen:
    """A method, nonlinear problems for it, and non-autonomous ones or why there are none.

    An order is observed on the first of them that shows an asymptotic range, symplecticity on all
    ``canonical`` ones.

    >>> specimen_of(RK4).autonomous[0]
    HenonHeiles
    """

    method: Method
    autonomous: tuple[Problem, ...]
    driven: tuple[Problem, ...]
    canonical: tuple[Problem, ...]
    reason: str = ""


def all_specimens() -> tuple[Specimen, ...]:
    """Return every method that is shipped, wrappers around methods by examples.

    >>> len(all_specimens()) > 50
    True
    """
    body, two, stars = RigidBody.invariants, HenonHeiles.invariants, (HenonHeiles,)
    bound = "not applicable: an invariant of an autonomous problem"
    # Heun's stages leave the spheres, so that it cannot be offered every field: its system is one
    # that is tangent to all of them.
    rotating = Specimen(NormCorrectedHeun, (RigidBody,), (DrivenRotation,), ())
    return (
        *(specimen_of(method) for method in all_methods() if method is not NormCorrectedHeun),
        rotating,
        Specimen(Projection(RK4, body), (RigidBody,), (), (), bound),
        Specimen(SymmetricProjection(ImplicitMidpoint, two), stars, (), stars, bound),
        Specimen(Relaxation(RK4, two[0]), stars, (), stars, bound),
        Specimen(Relaxation(BogackiShampine, body[1]), (RigidBody,), (), (), bound),
    )


def specimen_of(method: Method) -> Specimen:
    """Return the method with the problems that have the structure which it needs.

    Raises StructureError where no problem has it.

    >>> from flowcert.numerics.methods import Gonzalez
    >>> specimen_of(Gonzalez).driven
    ()
    """
    autonomous, refused = _taken(method, _AUTONOMOUS)
    driven, not_driven = _taken(method, _DRIVEN)
    if not autonomous:
        raise refused
    why = "" if driven else f"not applicable: {method.name} needs {not_driven.expected}"
    canonical, _ = _taken(method, _CANONICAL)
    return Specimen(method, autonomous, driven, canonical, why)


def _taken(
    method: Method, problems: tuple[Problem, ...]
) -> tuple[tuple[Problem, ...], FlowcertError]:
    """The problems whose systems the method takes, and the last refusal."""
    taken: list[Problem] = []
    refusal: FlowcertError = StructureError(came="", expected="", remedy="")
    for problem in problems:
        try:
            method.prepare(problem.system)
        except FlowcertError as error:
            refusal = error
        else:
            taken.append(problem)
    return tuple(taken), refusal
