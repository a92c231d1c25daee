"""One explicit Runge–Kutta step of the gradient flow −Aᵀσ(Ax + b)."""

from __future__ import annotations

from torch import Tensor

from ...errors import StructureError
from ...numerics import RungeKutta, Tableau, find_method
from .affine import Affine, read_affine
from .gradient_step import gradient
from .layer import Layer, Step, as_step, read_slope


class RungeKuttaStep(Layer):
    """x⁺ = x − hΣᵢbᵢgᵢ with gᵢ = Aᵀσ(Axᵢ + b), xᵢ = x − hΣⱼaᵢⱼgⱼ: any explicit method.

    ``affine`` holds A and b (dense or convolution), ``step`` h ≥ 0 is a number or a ``Step``,
    ``method`` the name of a method, a ``RungeKutta`` or a tableau, σ a LeakyReLU of ``slope`` in
    [0, 1]. Stages that nothing uses are left out. Bound: at most 1 for h ≤ 2r/‖A‖², r the
    method's radius of circle contractivity, and less where the slopes allow it. Raises
    StructureError for a method that is implicit or no Runge–Kutta method, UnknownNameError for an
    unknown name, DomainError for a bad step or slope. Source: paper, contractive layers [P];
    claim D4.runge_kutta_factor [D].

    >>> from flowcert.networks.layers import dense
    >>> RungeKuttaStep(dense(2, 3), step=0.5, method="Heun")
    RungeKuttaStep(
      Heun, slope=0
      (affine): Affine(DenseOperator(inputs=2, outputs=3), bias=True)
      (step): FixedStep()
    )
    """

    claim = "D4.runge_kutta_factor"
    rule = "Runge–Kutta step"

    def __init__(
        self,
        affine: Affine,
        step: float | Step,
        method: str | RungeKutta | Tableau = "RK4",
        slope: float = 0.0,
    ) -> None:
        super().__init__()
        self.affine = read_affine(affine)
        self.step = as_step(step)
        self.slope = read_slope(slope)
        self.method, tableau = _read_method(method)
        self._A, self._b = _needed(tableau)

    def forward(self, x: Tensor) -> Tensor:
        h = self.step()
        gradients: list[Tensor] = []
        for row in self._A:
            stage = _moved(x, h, row, gradients)
            gradients.append(gradient(self.affine, stage, self.slope))
        return _moved(x, h, self._b, gradients)

    def extra_repr(self) -> str:
        return f"{self.method}, slope={self.slope:g}"


def _moved(x: Tensor, h: Tensor, weights: list[float], gradients: list[Tensor]) -> Tensor:
    """x − hΣ wⱼgⱼ over the stages so far, without the terms that are zero."""
    # No product h·wⱼ is formed: it would be rounded, and another one in a float64 copy.
    terms = [w * g for w, g in zip(weights, gradients, strict=False) if w != 0.0]
    if not terms:
        return x
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    moved: Tensor = x - h * total
    return moved


def _read_method(method: object) -> tuple[str, Tableau]:
    """A name to show, and the tableau of an explicit method."""
    found = find_method(method) if isinstance(method, str) else method
    tableau = found.tableau if isinstance(found, RungeKutta) else found
    name = found.name if isinstance(found, RungeKutta) else "a tableau"
    if not isinstance(tableau, Tableau):
        raise StructureError(
            came=f"the method {method!r}",
            expected="a Runge–Kutta method: a name, a RungeKutta or a tableau",
            remedy='For example "RK4", "Heun" or ButcherTableau([[0]], [1], [0]).',
        )
    if not tableau.is_explicit():
        raise StructureError(
            came=f"the implicit method {name}",
            expected="an explicit one: a layer solves no equations",
            remedy='For example "RK4"; implicit steps are in flowcert.numerics.',
        )
    return name, tableau


def _needed(tableau: Tableau) -> tuple[list[list[float]], list[float]]:
    """A and b in float64, without the stages that neither b nor a needed stage uses."""
    A, b, _, _ = tableau.float64()
    needed: list[int] = []
    for j in reversed(range(len(b))):
        if b[j] != 0.0 or any(A[i, j] != 0.0 for i in needed):
            needed.insert(0, j)
    return [[float(A[i, j]) for j in needed] for i in needed], [float(b[j]) for j in needed]
