"""Scaling is the flow of −μx, exactly; its constant is its factor."""

import numpy as np
import pytest

from flowcert.errors import DomainError
from flowcert.networks.layers import Scaling


@pytest.mark.parametrize("factor", [0.9, 0.5, 0.3])
def test_laws(laws, factor):
    layer = Scaling(factor).double()
    laws.bounded(layer, (3,), at_most=factor * (1 + 1e-9))
    laws.agrees_with(layer, lambda x: np.exp(np.log(factor)) * x, (3,))


def test_a_wrong_factor_is_found(laws):
    class Wrong(Scaling):
        def forward(self, x):
            return x - self.factor * x

    with pytest.raises(AssertionError):
        laws.agrees_with(Wrong(0.3).double(), lambda x: 0.3 * x, (3,))


@pytest.mark.parametrize("factor", [-0.1, 1.5, float("nan")])
def test_bad_factors(factor):
    with pytest.raises(DomainError):
        Scaling(factor)
