"""A contraction factor with the fractions that prove it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ...errors import ConvergenceError, DataError
from .exact_forms import is_positive_semidefinite, root_rounded_up
from .stage_forms import StageForms


@dataclass(frozen=True)
class ContractionCertificate:
    """Fractions that prove |y⁺ − ŷ⁺| ≤ φ|y − ŷ| for one Runge–Kutta step.

    For every field −g whose slopes lie in [``slope_min``, ``slope_max``],
    ⟨Δg − aΔx, LΔx − Δg⟩ ≥ 0 at each stage, and the tableau ``A``, ``b`` with the step ``step``:
    ``multipliers`` d ≥ 0 make φ²|e|² − |result|² − Σ d_j⟨w_j − h a u_j, h L u_j − w_j⟩ ⪰ 0 with
    φ² = ``factor_squared``. ``verify()`` decides that without rounding and without any search.
    Where h·a = h·L the step is linear: no multipliers, φ is the stability function's value.
    Source: Lessard, Recht and Packard (2016); flowcert, claim ``D4.runge_kutta_factor`` [D].

    >>> half, one = Fraction(1, 2), Fraction(1)
    >>> euler = ContractionCertificate(
    ...     A=((Fraction(0),),), b=(one,), step=one, slope_min=half, slope_max=one,
    ...     multipliers=(Fraction(2),), factor_squared=Fraction(1, 4))
    >>> euler.verify(), euler.bound_factor
    (True, 0.5)
    """

    A: tuple[tuple[Fraction, ...], ...]
    b: tuple[Fraction, ...]
    step: Fraction
    slope_min: Fraction
    slope_max: Fraction
    multipliers: tuple[Fraction, ...]
    factor_squared: Fraction

    @property
    def bound_factor(self) -> float:
        """The factor φ, rounded up."""
        return root_rounded_up(self.factor_squared)

    def forms(self) -> StageForms:
        """Return the quadratic forms of the step."""
        scaled = (self.step * self.slope_min, self.step * self.slope_max)
        return StageForms.of(self.A, self.b, *scaled)

    def verify(self) -> bool:
        """Return whether the fractions prove the factor: d ≥ 0 and the form is ⪰ 0, exactly."""
        s = len(self.b)
        if len(self.A) != s or any(len(row) != s for row in self.A):
            return False
        if self.factor_squared < 0 or self.slope_min > self.slope_max:
            return False
        forms = self.forms()
        if forms.is_linear():
            try:
                return self.factor_squared >= forms.linear_factor() ** 2
            except ConvergenceError:  # a pole of the stability function: no factor at all
                return False
        if len(self.multipliers) != len(self.b) or any(d < 0 for d in self.multipliers):
            return False
        form = forms.lacking(self.multipliers)
        form[0][0] += self.factor_squared
        return is_positive_semidefinite(form)

    def to_json(self) -> dict[str, Any]:
        """Return the certificate as texts of fractions, and the factor as a float."""
        return {
            "A": [[str(x) for x in row] for row in self.A],
            "b": [str(x) for x in self.b],
            "step": str(self.step),
            "slope_min": str(self.slope_min),
            "slope_max": str(self.slope_max),
            "multipliers": [str(d) for d in self.multipliers],
            "factor_squared": str(self.factor_squared),
            "bound_factor": self.bound_factor,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> ContractionCertificate:
        """Return the certificate that ``to_json`` wrote; it is not verified yet.

        Raises DataError.
        """
        try:
            return ContractionCertificate(
                A=tuple(_fractions(row) for row in data["A"]),
                b=_fractions(data["b"]),
                step=Fraction(data["step"]),
                slope_min=Fraction(data["slope_min"]),
                slope_max=Fraction(data["slope_max"]),
                multipliers=_fractions(data["multipliers"]),
                factor_squared=Fraction(data["factor_squared"]),
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            raise DataError(
                came=f"a certificate that cannot be read ({error})",
                expected="what ContractionCertificate.to_json wrote",
                remedy="Compute it anew with runge_kutta_contraction.",
            ) from error


def _fractions(texts: Any) -> tuple[Fraction, ...]:
    return tuple(Fraction(text) for text in texts)
