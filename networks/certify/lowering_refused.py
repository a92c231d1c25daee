"""Operations that are known and refused, each with its reason."""

from __future__ import annotations

from .lowering import REFUSALS

_ATTENTION = "attention between values: it is not Lipschitz everywhere, and has no rule"
_RECURRENT = "a recurrent cell with gates, products of two values"
_COMPARES = "a comparison of values, which jumps"
_JUMPS = "a function that jumps"
_TWO_VALUES = "a product of values that has no rule: it is not Lipschitz everywhere"
_ROOT = "a root of a value, which is infinitely steep at 0"

_REASONS = {
    _ATTENTION: (
        "scaled_dot_product_attention",
        "_scaled_dot_product_attention_math",
        "_scaled_dot_product_flash_attention_for_cpu",
        "_native_multi_head_attention",
        "_transformer_encoder_layer_fwd",
    ),
    _RECURRENT: ("lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell"),
    _COMPARES: (
        *("gt", "lt", "ge", "le", "eq", "ne", "where", "masked_fill", "argmax", "argmin"),
        *("argsort", "isnan", "isinf", "logical_and", "logical_or", "logical_not"),
    ),
    "a shape that depends on values": ("sym_size", "sym_numel", "nonzero", "masked_select"),
    _JUMPS: (
        *("ceil", "floor", "round", "trunc", "frac", "sign", "sgn", "hardshrink", "heaviside"),
        *("fmod", "remainder", "floor_divide", "histc", "bucketize", "one_hot", "embedding"),
    ),
    _TWO_VALUES: ("baddbmm", "bilinear", "dot", "outer", "ger", "linalg_cross", "prod", "cumprod"),
    _ROOT: ("std", "var", "std_mean", "var_mean", "rsqrt"),
    "random numbers": ("bernoulli", "multinomial", "normal", "rand_like", "randn_like"),
    "a fast Fourier transform, with complex numbers": (
        *("fft_fft", "fft_ifft", "fft_rfft", "fft_irfft", "fft_fft2", "fft_ifft2", "fft_rfft2"),
        *("fft_irfft2", "fft_fftn", "fft_ifftn", "fft_rfftn", "fft_irfftn"),
        *("_fft_c2c", "_fft_r2c", "_fft_c2r"),
    ),
}
REFUSALS.update({name: reason for reason, names in _REASONS.items() for name in names})
