"""A theorem made executable: statement, proof, random instances, sharpness witness, mutants."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Literal, TypeVar

from .proof import Proof, ProofStep

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

Instance = TypeVar("Instance")
Mark = Literal["P", "I", "D"]
Relation = Literal["<=", "="]


@dataclass(frozen=True)
class Source:
    """Where a statement comes from, and whose it is.

    ``mark``: P, said in the paper's text or shown by its public code; I, inferred, the standard
    statement that the paper's material points to; D, derived in this project.

    >>> Source("paper, contractive layers", "P").mark
    'P'
    """

    where: str
    mark: Mark


@dataclass(frozen=True)
class Assumption:
    r"""A range of a parameter, in LaTeX, and what the parameter is.

    >>> Assumption(r"0 \le a \le 1", "the smallest slope of the activation").meaning
    'the smallest slope of the activation'
    """

    formula: str
    meaning: str


@dataclass(frozen=True)
class NotApplicable:
    """A part that makes no sense for a theorem, with the reason.

    >>> NotApplicable("an identity has no extreme case").reason
    'an identity has no extreme case'
    """

    reason: str


@dataclass(frozen=True)
class Measurement:
    """A computed value against the claimed one.

    The claim is ``computed`` ≤ ``claimed`` (or =), up to ``allowance`` ≥ 0 for rounding.

    >>> Measurement(1.0, 1.5).holds, Measurement(1.6, 1.5).holds
    (True, False)
    """

    computed: float
    claimed: float
    allowance: float = 1e-12
    relation: Relation = "<="
    what: str = ""

    @property
    def holds(self) -> bool:
        """Whether the claim survives this measurement; NaN never does."""
        if not self.meaningful:
            return False
        if self.relation == "=":
            return self.attained
        return self.computed <= self.claimed + self.allowance

    @property
    def attained(self) -> bool:
        """Whether computed and claimed value agree up to the allowance."""
        return self.meaningful and abs(self.computed - self.claimed) <= self.allowance

    @property
    def meaningful(self) -> bool:
        """Whether the numbers can support or refute anything: finite, with an allowance ≥ 0."""
        numbers = (self.computed, self.claimed, self.allowance)
        return all(math.isfinite(number) for number in numbers) and self.allowance >= 0

    @property
    def ratio(self) -> float:
        """computed/claimed: 1 is tight; NaN where that says nothing.

        That is for an equality, a claimed value that is not positive, or one so small that rounding
        decides.
        """
        if self.relation == "=" or self.claimed <= 1e3 * self.allowance:
            return float("nan")
        return self.computed / self.claimed

    def __str__(self) -> str:
        sign = "≤" if self.relation == "<=" else "="
        return f"{self.what or 'computed'} {self.computed:.9g} {sign} {self.claimed:.9g} claimed"


@dataclass(frozen=True)
class Witness:
    """An instance that attains the bound, or the honest gap where none does.

    ``gap`` is None for a witness of sharpness, and otherwise the reason why the bound is not
    attained; the measurement then shows the smallest gap known.

    >>> Witness("h = 2", Measurement(1.0, 1.0)).holds
    True
    """

    instance: str
    measurement: Measurement
    gap: str | None = None

    @property
    def sharp(self) -> bool:
        return self.gap is None

    @property
    def holds(self) -> bool:
        """Whether the measurement shows what the witness is for: equality, or a true gap."""
        if self.sharp:
            return self.measurement.attained
        return self.measurement.holds and not self.measurement.attained


@dataclass(frozen=True)
class Mutant:
    """The statement with one assumption broken; ``attack`` must refute it.

    ``attack`` returns a measurement that violates the broken statement, or a refuted proof step.

    >>> Mutant("too long a step", "h = 3 > 2", lambda: Measurement(2.0, 1.0)).refuted(
    ...     Measurement(2.0, 1.0))
    True
    """

    name: str
    broken: str
    attack: Callable[[], Measurement | ProofStep]

    @staticmethod
    def refuted(evidence: Measurement | ProofStep) -> bool:
        """Whether the evidence of the attack refutes the mutant."""
        if isinstance(evidence, ProofStep):
            return evidence.outcome == "refuted"
        # A NaN or an infinity is a broken attack, not a counterexample.
        return evidence.meaningful and not evidence.holds


class Claim(ABC, Generic[Instance]):
    r"""A theorem. One file, one subclass; ``flowcert check`` finds and runs it.

    ``name`` is GROUP.name with the group of the paper's page (C2, D5, …); ``statement`` is LaTeX;
    ``assumptions`` are the ranges of its parameters. Subclasses give the five parts; a part that
    makes no sense returns ``NotApplicable``. Source: flowcert [D].

    >>> class Square(Claim[float]):
    ...     name = "X1.square"
    ...     title = "A square is not negative"
    ...     statement = r"x^2 \ge 0"
    ...     assumptions = (Assumption(r"x \in \mathbb{R}", "any number"),)
    ...     source = Source("school", "I")
    ...     def prove(self): return NotApplicable("an example")
    ...     def instances(self): return NotApplicable("an example")
    ...     def measure(self, x): return Measurement(-x * x, 0.0)
    ...     def witness(self): return Witness("x = 0", self.measure(0.0))
    ...     def mutants(self): return NotApplicable("an example")
    >>> Square().group, Square().witness().holds
    ('X1', True)
    """

    name: ClassVar[str]
    title: ClassVar[str]
    statement: ClassVar[str]
    assumptions: ClassVar[tuple[Assumption, ...]]
    source: ClassVar[Source]

    @property
    def group(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]

    @abstractmethod
    def prove(self) -> Proof | NotApplicable:
        """Return the exact proof, step by step."""

    @abstractmethod
    def instances(self) -> SearchStrategy[Instance] | NotApplicable:
        """Return a hypothesis strategy of random admissible instances."""

    @abstractmethod
    def measure(self, instance: Instance) -> Measurement:
        """Return the computed against the claimed value of one instance, in float64."""

    @abstractmethod
    def witness(self) -> Witness | NotApplicable:
        """Return an instance that attains the bound, or the honest gap."""

    @abstractmethod
    def mutants(self) -> Sequence[Mutant] | NotApplicable:
        """Return the statement with single assumptions broken; each must be refuted."""


def tightest(*measurements: Measurement) -> Measurement:
    """Return the first measurement that violates its claim, else the one of largest ratio.

    >>> tightest(Measurement(0.5, 1.0), Measurement(0.9, 1.0)).computed
    0.9
    """
    for measurement in measurements:
        if not measurement.holds:
            return measurement
    return max(measurements, key=lambda m: (m.ratio == m.ratio, m.ratio))
