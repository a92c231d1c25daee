"""The sympy forms of the NumPy fields: the same field, with its floats as exact fractions."""

import mpmath
import numpy as np
import pytest
import sympy

from flowcert import StructureError
from flowcert.numerics import (
    ExpansiveGradientField,
    ExpansiveLayerField,
    GradientField,
    HamiltonianField,
    LinearField,
    MassField,
    RidgePotentialField,
    SphereField,
    leaky_relu,
    piecewise_linear,
    relu,
    softplus_mixture,
    tanh_mixture,
)
from flowcert.theory.symbolic import SymbolicField, symbolic_form

ACTIVATIONS = (tanh_mixture(0.0), tanh_mixture(0.3), softplus_mixture(0.0), softplus_mixture(0.7))


def build(kind, activation, seed=0, n=2, m=3):
    rng = np.random.default_rng(seed)
    A, b, alpha = rng.normal(size=(m, n)), rng.normal(size=m), rng.normal(size=m)
    M = rng.normal(size=(m, n, n))
    if kind is LinearField:
        return LinearField(M[0])
    if kind is ExpansiveLayerField:
        return kind(M[0], b[:n], activation)
    if kind in (RidgePotentialField, HamiltonianField):
        return kind(A, b, alpha, activation)
    if kind is SphereField:
        return kind(A, b, M - M.swapaxes(1, 2), activation)
    if kind is MassField:
        return kind(A, b, M, activation)
    return kind(A, b, activation)


KINDS = (
    ExpansiveGradientField,
    ExpansiveLayerField,
    GradientField,
    HamiltonianField,
    LinearField,
    MassField,
    RidgePotentialField,
    SphereField,
)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: a.name)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_jacobians_agree(kind, activation):
    field = build(kind, activation)
    form = symbolic_form(field)
    assert isinstance(form, SymbolicField)
    x = np.random.default_rng(1).normal(size=(4, 5, 2)) * 2
    assert np.allclose(form(x), field(x), rtol=0, atol=1e-13)
    assert np.allclose(form.jacobian(x), field.jacobian(x), rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", [RidgePotentialField, SphereField])
def test_three_and_one_dimensions(kind):
    for n in (1, 3):
        field = build(kind, tanh_mixture(0.2), n=n)
        x = np.random.default_rng(2).normal(size=(6, n))
        assert np.allclose(symbolic_form(field)(x), field(x), rtol=0, atol=1e-13)
        assert symbolic_form(field).dimension == n


def test_floats_are_the_fractions_that_they_are():
    """0.1 is 3602879701896397/2⁵⁵, and a tanh mixture of slope 0.1 has 1 − that beside it."""
    form = symbolic_form(LinearField([[0.1]]))
    x = form.symbols[0]
    tenth = sympy.Rational(3602879701896397, 2**55)
    assert form.expressions[0] == tenth * x
    mixed = symbolic_form(ExpansiveLayerField([[1.0]], None, tanh_mixture(0.1))).expressions[0]
    assert sympy.expand(mixed - tenth * x - (1 - tenth) * sympy.tanh(x)) == 0


def test_many_digits_agree_with_the_formula():
    """Sixty digits, term by term: −Σ a(a x + b + softplus …) is not a rounding of itself."""
    field = GradientField([[0.3]], [0.7], softplus_mixture(0.25))
    form = symbolic_form(field)
    with mpmath.workdps(60):
        a, b, x = mpmath.mpf(0.3), mpmath.mpf(0.7), mpmath.mpf(1) / 3
        s = a * x + b
        exact = -a * (s / 4 + mpmath.mpf(3) / 4 * (mpmath.log(1 + mpmath.exp(s)) - mpmath.log(2)))
        value = form.expressions[0].subs(form.symbols[0], sympy.Rational(1, 3)).evalf(60)
        assert abs(mpmath.mpf(str(value)) - exact) < mpmath.mpf(10) ** -55


def test_the_structure_is_proved_not_sampled():
    smooth = tanh_mixture(0.0)
    potential = symbolic_form(build(RidgePotentialField, smooth)).jacobian_matrix
    assert sympy.expand(potential[0, 1] - potential[1, 0]) == 0
    sphere = symbolic_form(build(SphereField, smooth))
    x = sympy.Matrix(sphere.symbols)
    assert sympy.expand(x.dot(sphere.expressions)) == 0
    mass = symbolic_form(build(MassField, smooth))
    assert sympy.expand(sum(mass.expressions)) == 0
    hamiltonian = symbolic_form(build(HamiltonianField, smooth))
    assert sympy.expand(hamiltonian.jacobian_matrix.trace()) == 0


@pytest.mark.parametrize("activation", [relu(), leaky_relu(), piecewise_linear([0.0], [1.0, 1.0])])
def test_kinks_have_no_symbolic_form(activation):
    with pytest.raises(StructureError, match="tanh_mixture"):
        symbolic_form(GradientField([[1.0]], None, activation))


def test_strangers_and_subclasses_are_refused():
    class Doubled(GradientField):
        def __call__(self, x):
            return 2 * super().__call__(x)

    for field in (Doubled([[1.0]], None, tanh_mixture()), object()):
        with pytest.raises(StructureError, match="symbolic_field"):
            symbolic_form(field)
