"""A convolution as a matrix, against scipy's correlation."""

import numpy as np
import pytest
from scipy.signal import correlate2d

from flowcert import DomainError, ShapeError
from flowcert.numerics import convolution_matrix


@pytest.mark.parametrize(("padding", "boundary"), [("zero", "fill"), ("circular", "wrap")])
@pytest.mark.parametrize("size", [(4, 5), (3, 3), (1, 2)])
@pytest.mark.parametrize("taps", [(3, 3), (1, 5)])
def test_matrix_is_the_correlation(padding, boundary, size, taps):
    rng = np.random.default_rng(0)
    kernel, image = rng.normal(size=(2, 3, *taps)), rng.normal(size=(3, *size))
    if padding == "circular" and any(t // 2 > s for t, s in zip(taps, size, strict=True)):
        pytest.skip("scipy wraps at most once around the image")
    expected = np.array(
        [
            sum(correlate2d(image[i], kernel[o, i], "same", boundary) for i in range(3))
            for o in range(2)
        ]
    )
    T = convolution_matrix(kernel, *size, padding)
    assert np.allclose((T @ image.ravel()).reshape(2, *size), expected, atol=1e-13)


def test_bad_input_is_refused():
    with pytest.raises(ShapeError):
        convolution_matrix(np.zeros((1, 1, 2, 3)), 3, 3)
    with pytest.raises(ShapeError):
        convolution_matrix(np.zeros((3, 3)), 3, 3)
    with pytest.raises(DomainError):
        convolution_matrix(np.zeros((1, 1, 3, 3)), 0, 3)
    with pytest.raises(DomainError):
        convolution_matrix(np.zeros((1, 1, 3, 3)), 3, 3, "reflect")
    with pytest.raises(DomainError):
        convolution_matrix(np.full((1, 1, 3, 3), np.nan), 3, 3)
