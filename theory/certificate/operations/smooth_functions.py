"""Smooth activations. Their extreme slopes are proved by ball arithmetic in the tests.

Assumption: NumPy, SciPy and PyTorch evaluate exp, tanh, erf and their kind in float64 within a few
units in the last place, as ``relative`` and ``absolute`` say of the whole function.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from ...spectral.rounding import above
from .scalar_function import DOWNWARDS, ORIGIN, UPWARDS, Bend, ScalarFunction

_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772  # as PyTorch has them
_GELU_CUBIC = 0.044715
_LOWEST_THRESHOLD = 20.0
_ZERO, _ONE = (0.0, 0.0), (1.0, 1.0)


def elu(*, alpha: float = 1.0) -> ScalarFunction:
    """x where x > 0, else alpha·(eˣ − 1)."""
    return _exponential_below(alpha, max(alpha, 1.0), 1.0)


def selu() -> ScalarFunction:
    """scale·x where x > 0, else scale·alpha·(eˣ − 1), PyTorch's two constants."""
    return _exponential_below(
        _SELU_SCALE * _SELU_ALPHA, above(_SELU_SCALE * _SELU_ALPHA), _SELU_SCALE
    )


def _exponential_below(alpha: float, steepest: float, right: float) -> ScalarFunction:
    return ScalarFunction(
        evaluate=lambda x: np.where(x > 0.0, right * x, alpha * np.expm1(np.minimum(x, 0.0))),
        slope_min=min(0.0, alpha),
        slope_max=steepest,
        limits=((-alpha, -alpha), UPWARDS),
        bends=(ORIGIN,),
        relative=2.0,
        absolute=8.0 * abs(alpha),
        smooth=True,
    )


def celu(*, alpha: float = 1.0) -> ScalarFunction:
    """x where x > 0, else alpha·(exp(x/alpha) − 1)."""
    if alpha <= 0.0:
        raise ValueError(f"alpha = {alpha} is not positive: its slopes are unbounded")
    return ScalarFunction(
        evaluate=lambda x: np.where(x > 0.0, x, alpha * np.expm1(np.minimum(x, 0.0) / alpha)),
        slope_min=0.0,
        slope_max=1.0,
        limits=((-alpha, -alpha), UPWARDS),
        absolute=8.0 * alpha,
        smooth=True,
    )


def gelu() -> ScalarFunction:
    """x·Φ(x), Φ = (1 + erf(x/√2))/2: steepest at ±√2, where σ'' = (2 − x²)φ(x) vanishes."""
    return ScalarFunction(
        evaluate=lambda x: x * (0.5 * special.erfc(-x * math.sqrt(0.5))),
        slope_min=-0.1289041451852,
        slope_max=1.1289041451852,
        limits=(_ZERO, UPWARDS),
        bends=(
            Bend((-0.75179152469357, -0.75179152469356), (-0.169971207479904, -0.169971207479903)),
        ),
        relative=8.0,
        smooth=True,
    )


def gelu_tanh() -> ScalarFunction:
    """x(1 + tanh(√(2/π)(x + 0.044715x³)))/2."""
    factor = 2.0 * math.sqrt(2.0 / math.pi)
    return ScalarFunction(
        # (1 + tanh w)/2 = 1/(1 + exp(−2w))
        evaluate=lambda x: x * special.expit(factor * (x + _GELU_CUBIC * x * x * x)),
        slope_min=-0.1289930686588,
        slope_max=1.1289930686588,
        limits=(_ZERO, UPWARDS),
        bends=(
            Bend((-0.75246142207102, -0.75246142207101), (-0.170040750571255, -0.170040750571254)),
        ),
        relative=8.0,
        smooth=True,
    )


def silu() -> ScalarFunction:
    """x/(1 + e⁻ˣ)."""
    return ScalarFunction(
        evaluate=lambda x: x * special.expit(x),
        slope_min=-0.0998393201289,
        slope_max=1.0998393201289,
        limits=(_ZERO, UPWARDS),
        bends=(
            Bend((-1.27846454276108, -1.27846454276107), (-0.278464542761074, -0.278464542761073)),
        ),
        relative=8.0,
        smooth=True,
    )


def mish() -> ScalarFunction:
    """x·tanh(ln(1 + eˣ))."""
    return ScalarFunction(
        evaluate=lambda x: x * np.tanh(np.logaddexp(0.0, x)),
        slope_min=-0.1125261223895,
        slope_max=1.0884981612518,
        limits=(_ZERO, UPWARDS),
        bends=(
            Bend((-1.19243121451550, -1.19243121451549), (-0.308843413017251, -0.308843413017250)),
        ),
        relative=8.0,
        smooth=True,
    )


def softplus(*, beta: float = 1.0, threshold: float = 20.0) -> ScalarFunction:
    """ln(1 + exp(beta·x))/beta.

    PyTorch switches to x where beta·x > threshold, with a jump of up to exp(−threshold)/beta: it is
    the function without the switch that is bounded, and the jump counts as an error of execution.
    """
    if beta <= 0.0:
        raise ValueError(f"beta = {beta} is not positive")
    if threshold < _LOWEST_THRESHOLD:
        raise ValueError(f"threshold = {threshold} is below 20: it jumps by more than 2.1e-9/beta")
    return ScalarFunction(
        evaluate=lambda x: np.logaddexp(0.0, beta * x) / beta,
        slope_min=0.0,
        slope_max=1.0,
        limits=(_ZERO, UPWARDS),
        relative=8.0,
        absolute=8.0 / beta,
        smooth=True,
        switch=(threshold / beta * (1.0 - 2.0**-40), above(math.exp(-threshold) / beta, 16)),
    )


def sigmoid() -> ScalarFunction:
    """1/(1 + e⁻ˣ): its slope p(1 − p) is in (0, ¼]."""
    return ScalarFunction(
        evaluate=special.expit,
        slope_min=0.0,
        slope_max=0.25,
        limits=(_ZERO, _ONE),
        absolute=8.0,
        smooth=True,
    )


def logsigmoid() -> ScalarFunction:
    """−ln(1 + e⁻ˣ): its slope is that of a sigmoid, in (0, 1)."""
    return ScalarFunction(
        evaluate=lambda x: -np.logaddexp(0.0, -x),
        slope_min=0.0,
        slope_max=1.0,
        limits=(DOWNWARDS, _ZERO),
        relative=4.0,
        absolute=8.0,
        smooth=True,
    )


def tanh() -> ScalarFunction:
    """Tanh x: its slope 1 − tanh² is in (0, 1]."""
    return ScalarFunction(
        evaluate=np.tanh,
        slope_min=0.0,
        slope_max=1.0,
        limits=((-1.0, -1.0), _ONE),
        absolute=8.0,
        smooth=True,
    )


def tanhshrink() -> ScalarFunction:
    """x − tanh x: its slope tanh² is in [0, 1)."""
    return ScalarFunction(
        evaluate=lambda x: x - np.tanh(x),
        slope_min=0.0,
        slope_max=1.0,
        limits=(DOWNWARDS, UPWARDS),
        relative=2.0,
        absolute=8.0,
        smooth=True,
    )


def atan() -> ScalarFunction:
    """The arc tangent: its slope 1/(1 + x²) is in (0, 1]."""
    half_pi = math.pi / 2.0  # below π/2 by less than 1e-16
    return ScalarFunction(
        evaluate=np.arctan,
        slope_min=0.0,
        slope_max=1.0,
        limits=((-half_pi - 1e-15, -half_pi), (half_pi, half_pi + 1e-15)),
        absolute=8.0,
        smooth=True,
    )


def erf() -> ScalarFunction:
    """The error function: its slope 2/√π·exp(−x²) is in (0, 1.12838]."""
    return ScalarFunction(
        evaluate=special.erf,
        slope_min=0.0,
        slope_max=1.1283791670956,
        limits=((-1.0, -1.0), _ONE),
        absolute=8.0,
        smooth=True,
    )


def sin() -> ScalarFunction:
    """Sin x."""
    return _wave(np.sin)


def cos() -> ScalarFunction:
    """Cos x."""
    return _wave(np.cos)


def _wave(function: np.ufunc) -> ScalarFunction:
    return ScalarFunction(
        evaluate=function,
        slope_min=-1.0,
        slope_max=1.0,
        limits=(_ZERO, _ZERO),
        bends=(Bend((-math.inf, math.inf), (-1.0, 1.0)),),  # no turn is looked for: all are there
        absolute=8.0,
        smooth=True,
    )
