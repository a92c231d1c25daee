"""Every profile of an analysis against sampled maxima, by finite differences."""

import numpy as np
import pytest
import sympy

from flowcert.theory.approximation.analysis import MARGINS, FieldAnalysis
from flowcert.theory.approximation.pieces import split
from flowcert.theory.symbolic import symbolic_field

x, y = sympy.symbols("x y", real=True)
FIELDS = {
    "cubic": [y - x**3 / 3, (1 - x**2) * y - x],
    "waves": [sympy.sin(x + y) / 2, sympy.cos(x) - y / 3],
}
RADIUS = 1.5


@pytest.fixture(scope="module", params=list(FIELDS))
def second(request):
    analysis = FieldAnalysis.of(symbolic_field(FIELDS[request.param], [x, y]), RADIUS)
    mu = analysis.curvature()(RADIUS)
    return analysis.with_pieces(split(analysis.decomposition, "second", mu))


def _ball(radius):
    generator = np.random.default_rng(0)
    z = generator.normal(size=(3000, 2))
    z *= radius / np.linalg.norm(z, axis=-1, keepdims=True)
    z[::2] *= np.sqrt(generator.uniform(size=(1500, 1)))
    return z


def _slopes(f, z, h=1e-5):
    return np.stack([(f(z + e) - f(z - e)) / (2 * h) for e in h * np.eye(2)], -1)


def _bracket(f, g):
    def value(z):
        return (_slopes(g, z) @ f(z)[..., None] - _slopes(f, z) @ g(z)[..., None])[..., 0]

    return value


def _close(sampled, proved, slack):
    assert sampled <= proved + 1e-6 * (1 + abs(proved))
    assert proved <= sampled + (slack - 1) * abs(sampled) + 1e-3


@pytest.mark.parametrize("r", [0.4, 1.5])
def test_profiles_are_above_samples(second, r):
    z = _ball(r)
    fields = [piece.field for piece in second.pieces]
    for i, f in enumerate(fields):
        J = _slopes(f, z)
        symmetric = (J + np.swapaxes(J, 1, 2)) / 2
        _close(np.linalg.eigvalsh(symmetric).max(), second.one_sided((i,))(r), 1.3)
        _close(np.linalg.norm(f(z), axis=-1).max(), second.speed(i)(r), 1.1)
        _close(np.linalg.norm(J, 2, axis=(1, 2)).max(), second.lipschitz(i)(r), 1.6)
    J = _slopes(lambda w: sum(f(w) for f in fields), z)
    whole = np.linalg.eigvalsh((J + np.swapaxes(J, 1, 2)) / 2).max()
    _close(whole, second.one_sided((0, 1, 2))(r), 1.3)


def test_commutators_are_above_samples(second):
    contract, expand, turn = (piece.field for piece in second.pieces)

    def rest(z):
        return expand(z) + turn(z)

    z, r = _ball(1.0), 1.0

    def size(f):
        return np.linalg.norm(f(z), axis=-1).max()

    C = _bracket(contract, rest)
    _close(size(C), second.commutator(((0,), (1, 2)))(r), 1.2)
    _close(size(_bracket(expand, turn)), second.commutator(((1,), (2,)))(r), 1.2)

    def rough(f, g):  # nested differences need a wider step
        h = 1e-3

        def slopes(q):
            return np.stack([(q(z + e) - q(z - e)) / (2 * h) for e in h * np.eye(2)], -1)

        return (slopes(g) @ f(z)[..., None] - slopes(f) @ g(z)[..., None])[..., 0]

    for f, words in ((contract, ((0,), (0,), (1, 2))), (rest, ((1, 2), (0,), (1, 2)))):
        sampled = np.linalg.norm(rough(f, C), axis=-1).max()
        proved = second.commutator(words)(r)
        assert sampled <= proved * 1.001 + 1e-3
        assert proved <= 1.3 * sampled + 1e-2


@pytest.mark.parametrize("margin", [0, 2])
def test_complex_speeds_are_above_complex_samples(margin):
    first = FieldAnalysis.of(symbolic_field(FIELDS["cubic"], [x, y]), RADIUS)
    generator = np.random.default_rng(1)
    width = MARGINS[margin] * RADIUS
    direction = generator.normal(size=(2000, 4))
    direction *= width / np.linalg.norm(direction, axis=-1, keepdims=True)
    z = _ball(1.0)[:2000] + direction[:, :2] + 1j * direction[:, 2:]
    for index, field in ((0, first.pieces[0].field), (1, first.pieces[1].field), (None, None)):
        f = first.decomposition.field if field is None else field
        value = sympy.lambdify(f.symbols, list(f.expressions))(*z.T)
        size = np.sqrt(sum(np.abs(np.broadcast_to(v, 2000)) ** 2 for v in value)).max()
        assert size <= first.complex_speed(index, margin)(1.0) <= 4 * size


def test_pieces_add_up_and_the_expansive_one_expands(second):
    z = _ball(RADIUS)
    parts = sum(piece.field(z) for piece in second.pieces)
    assert np.abs(parts - second.decomposition.field(z)).max() < 1e-12
    J = _slopes(second.pieces[1].field, z)
    assert np.linalg.eigvalsh((J + np.swapaxes(J, 1, 2)) / 2).min() > -1e-6
