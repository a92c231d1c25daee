"""Presnov's decomposition: identities proved, numbers by scipy, planted errors not proved."""

import dataclasses

import numpy as np
import pytest
import sympy
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from flowcert import StructureError
from flowcert.theory.decomposition import presnov
from flowcert.theory.decomposition.waves import vanishes
from flowcert.theory.symbolic import CosineMoment, SineMoment, symbolic_field

# Named like the variable of the moments' closed forms, on purpose.
NAMES = sympy.symbols("x y z", real=True)
x, y, z = NAMES


def random_field(seed):
    """A polynomial of degree up to 3 and, for every other seed, waves with phases and products."""
    draw = np.random.default_rng(seed)
    n = 2 + seed % 4 // 2
    state = NAMES[:n]

    def number():
        return sympy.Rational(int(draw.integers(-6, 7)), int(draw.integers(1, 5)))

    def component():
        terms = [
            number() * sympy.prod([state[i] for i in draw.integers(0, n, size=degree)])
            for degree in range(4)
        ]
        if seed % 2:
            angle = sum(int(c) * s for c, s in zip(draw.integers(-2, 3, n), state, strict=True))
            wave = sympy.sin if draw.random() < 0.5 else sympy.cos
            terms.append(number() * wave(angle + number()))
            terms.append(number() * state[0] * sympy.cos(state[1]) * sympy.sin(state[n - 1]))
        return sum(terms)

    return symbolic_field([component() for _ in range(n)], state)


@pytest.mark.parametrize("seed", range(20))
def test_random_fields_are_decomposed_with_proof(seed):
    f = random_field(seed)
    parts = presnov(f)
    assert parts.proof.outcome == "proved", parts.proof.reason
    assert {step.engine for step in parts.proof.steps} == {"algebra"}
    potential = sympy_values(parts.potential, f)
    draw = np.random.default_rng(seed)
    for p in draw.uniform(-2, 2, size=(3, f.dimension)):
        exact, _ = quad(lambda t, p=p: float(p @ f(t * p)), 0, 1, epsabs=1e-12, epsrel=1e-12)
        assert abs(potential(p) - exact) < 1e-9
        gradient, sphere = parts.gradient(p), parts.sphere(p)
        slopes = [
            (potential(p + 1e-5 * e) - potential(p - 1e-5 * e)) / 2e-5 for e in np.eye(len(p))
        ]
        assert np.allclose(gradient, slopes, atol=1e-6)
        assert np.allclose(gradient + sphere, f(p), atol=1e-10)
        assert abs(p @ sphere) < 1e-10
        skew = sympy_values(parts.skew, f)(p).reshape(f.dimension, f.dimension)
        for i in range(f.dimension):
            for j in range(f.dimension):
                entry, _ = quad(turning(f, p, i, j), 0, 1, epsabs=1e-12, epsrel=1e-12)
                assert abs(skew[i, j] - entry) < 1e-9


def turning(f, p, i, j):
    """t ↦ t(Df − Dfᵀ)ᵢⱼ(tx), with Df by central differences."""

    def integrand(t):
        steps = [1e-5 * e for e in np.eye(len(p))]
        D = np.stack([(f(t * p + s) - f(t * p - s)) / 2e-5 for s in steps], axis=-1)
        return t * float(D[i, j] - D[j, i])

    return integrand


def sympy_values(expressions, f):
    """x ↦ values, with the moments by scipy's quadrature."""
    modules = [
        {
            "CosineMoment": lambda k, a: quad(lambda t: t**k * np.cos(a * t), 0, 1)[0],
            "SineMoment": lambda k, a: quad(lambda t: t**k * np.sin(a * t), 0, 1)[0],
        },
        "numpy",
    ]
    function = sympy.lambdify(f.symbols, expressions, modules=modules)
    return lambda p: np.asarray(function(*p), dtype=float)


def test_the_linear_case_in_closed_form():
    """U = ½xᵀsym(B)x and S = skew(B), for a B of symbols' worth of rationals."""
    draw = np.random.default_rng(3)
    for n in (1, 2, 3, 4):
        B = sympy.Matrix(n, n, [sympy.Rational(int(e), 7) for e in draw.integers(-9, 9, n * n)])
        state = sympy.Matrix(sympy.symbols(f"u1:{n + 1}", real=True))
        parts = presnov(symbolic_field(list(B * state), list(state)))
        assert sympy.expand(parts.potential - (state.T * (B + B.T) * state)[0] / 4) == 0
        assert parts.skew == (B - B.T) / 2
        assert parts.proof.outcome == "proved"


def test_a_gradient_field_has_no_skew_part():
    energy = sympy.sin(x + 2 * y) + x**3 * y
    parts = presnov(symbolic_field([energy.diff(x), energy.diff(y)], [x, y]))
    assert parts.skew == sympy.zeros(2, 2)
    assert vanishes(parts.potential - energy + energy.subs({x: 0, y: 0}))


PLANTED_IN = [
    ([y - x**2, x * y], "polynomial"),
    ([sympy.sin(x) + y, x * sympy.cos(y + 1)], "waves"),
]


@pytest.mark.parametrize("components", [c for c, _ in PLANTED_IN], ids=[n for _, n in PLANTED_IN])
@pytest.mark.parametrize(
    "planted",
    [
        lambda U: 2 * U,
        lambda U: -U,
        lambda U: U - sympy.Add.make_args(sympy.expand(U))[0],
        lambda U: U + x / 10**9,
        lambda U: U + x * y * CosineMoment(2, x) / 1000,
    ],
    ids=["factor", "sign", "missing term", "one tiny term", "one more moment"],
)
def test_wrong_potentials_are_not_proved(components, planted):
    parts = presnov(symbolic_field(components, [x, y]))
    assert parts.proof.outcome == "proved"
    wrong = dataclasses.replace(parts, potential=planted(parts.potential))
    assert wrong.proof.outcome != "proved"


@pytest.mark.parametrize("planted", ["symmetric", "twice", "transposed", "none"])
def test_wrong_skew_parts_are_not_proved(planted):
    parts = presnov(symbolic_field([sympy.sin(x) + y, x * sympy.cos(y + 1)], [x, y]))
    S = {
        # S + (rank one that maps x to 0) keeps S(x)x: only skewness is lost.
        "symmetric": parts.skew + sympy.Matrix([[y**2, -x * y], [-x * y, x**2]]),
        "twice": 2 * parts.skew,
        "transposed": parts.skew.T,
        "none": 0 * parts.skew,
    }[planted]
    assert dataclasses.replace(parts, skew=S).proof.outcome != "proved"


@pytest.mark.parametrize(
    "first", [sympy.exp(x**2) * y, sympy.sin(x * y), 1 / (1 + x**2), sympy.sin(x) / x]
)
def test_what_sympy_integrates_is_the_integral(first):
    """Other functions go through sympy's integrals; at points of both signs, judged by scipy."""
    parts = presnov(symbolic_field([first, x], [x, y]))
    for p in np.random.default_rng(0).uniform(-1.5, 1.5, size=(4, 2)):
        exact, _ = quad(lambda t, p=p: float(p @ parts.field(t * p)), 0, 1)
        value = complex(
            parts.potential.subs(dict(zip(parts.field.symbols, p, strict=True))).evalf()
        )
        assert abs(value - exact) < 1e-9
    assert parts.proof.outcome != "refuted"


@pytest.mark.parametrize("first", [sympy.tanh(x + y) * x * y, 1 / x, y / x**2])
def test_an_integral_that_sympy_lacks_or_that_diverges_is_refused(first):
    with pytest.raises(StructureError, match="numeric_presnov"):
        presnov(symbolic_field([first, y], [x, y]))


def test_nothing_vanishes_because_a_variable_is_called_z():
    """Seen: the name of the closed forms' variable was taken for the field's."""
    assert not vanishes(sympy.sin(x) * (z - x))
    sine, cosine = sympy.symbols("sine cosine", real=True)
    assert not vanishes(sympy.sin(x) * cosine - sympy.cos(x) * sine)
    parts = presnov(symbolic_field([sympy.sin(x) * z, y, z * z], [x, y, z]))
    assert parts.proof.outcome == "proved"
    wrong = dataclasses.replace(parts, potential=parts.potential + sympy.sin(x) * (z - x))
    assert wrong.proof.outcome != "proved"


IDENTITIES = [
    x * SineMoment(0, x) + sympy.cos(x) - 1,
    y * CosineMoment(0, y) - sympy.sin(y),
    x * CosineMoment(3, x) + 3 * SineMoment(2, x) - sympy.sin(x),
    sympy.sin(x + y) - sympy.sin(x) * sympy.cos(y) - sympy.cos(x) * sympy.sin(y),
    sympy.cos(x - 1) - sympy.cos(x) * sympy.cos(1) - sympy.sin(x) * sympy.sin(1),
    sympy.sin(x) ** 2 + sympy.cos(x) ** 2 - 1,
    sympy.sin(2 * z + 3 * x) - sympy.sin(3 * x + 2 * z),
    # Constants of two waves that cancel.
    x * SineMoment(0, x) + sympy.cos(x) - y * SineMoment(0, y) - sympy.cos(y),
    (x + z) * SineMoment(0, x + z)
    + sympy.cos(x + z)
    + sympy.expand((x + 1) ** 2)
    - (x + 1) ** 2
    - 1,
]

frequencies = st.sampled_from([x, y, z, x + y, x - z, 2 * x, x + 2 * y - z])
coefficients = st.sampled_from([1, -1, 2, x, y, z, x * z, x - y, sympy.Rational(1, 10**6)])


@st.composite
def waves(draw):
    """One term: a polynomial times a wave with a phase, a moment, or a product of waves."""
    angle, factor = draw(frequencies), draw(coefficients)
    phase = draw(st.sampled_from([0, 1, sympy.Rational(-1, 3)]))
    power = draw(st.integers(0, 3))
    wave = draw(
        st.sampled_from(
            [
                sympy.Integer(1),
                sympy.sin(angle + phase),
                sympy.cos(angle + phase),
                CosineMoment(power, angle),
                SineMoment(power, angle),
                sympy.sin(angle) * sympy.cos(y),
            ]
        )
    )
    return factor * wave


def is_nonzero(expression):
    """Certainly not the zero function: values in 30 digits, moments by mpmath's quadrature."""
    from mpmath import mp, mpf

    with mp.workdps(30):
        function = sympy.lambdify(
            NAMES,
            expression,
            modules=[
                {
                    "CosineMoment": lambda k, a: mp.quad(lambda t: t**k * mp.cos(a * t), [0, 1]),
                    "SineMoment": lambda k, a: mp.quad(lambda t: t**k * mp.sin(a * t), [0, 1]),
                },
                "mpmath",
            ],
        )
        places = [(mpf("0.3"), mpf("0.7"), mpf("-1.1")), (mpf(1), mpf("-0.4"), mpf("0.9"))]
        return any(abs(function(*place)) > 1e-20 for place in places)


@pytest.mark.parametrize("identity", IDENTITIES)
def test_identities_vanish(identity):
    assert not is_nonzero(identity)
    assert vanishes(identity)


@settings(max_examples=60)
@given(st.sampled_from(IDENTITIES), waves())
def test_an_identity_with_one_term_more_never_vanishes(identity, term):
    assert is_nonzero(identity + term)
    assert not vanishes(identity + term)


@settings(max_examples=60)
@given(st.lists(waves(), min_size=1, max_size=4))
def test_random_sums_vanish_only_if_they_are_zero(terms):
    total = sum(terms)
    assume(total != 0)
    if vanishes(total):
        assert not is_nonzero(total)
    rewritten = sympy.expand_trig(sympy.expand(total * (x + 1)))
    assert vanishes(total * (x + 1) - rewritten)
