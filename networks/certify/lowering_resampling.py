"""Small matrices along axes: padding, averages, means and sums, upsampling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import torch

from .call import Call
from .folding import check_number
from .lowering import Padding, Signal, Value, translates
from .lowering_extrema import adaptive_windows, read_pooling, spread, without_axes

Row = dict[str, Any]
_NOTHING: Row = {"indices": [], "weights": [], "divisor": 1}


def _average(indices: Sequence[int], divisor: int) -> Row:
    return {"indices": list(indices), "weights": [1] * len(indices), "divisor": divisor}


def along(call: Call, signal: Signal, maps: dict[int, list[Row]]) -> Signal:
    """Apply a matrix, given by its rows, along each of some axes."""
    shape = tuple(len(maps[axis]) if axis in maps else n for axis, n in enumerate(signal.shape))
    entries = [{"axis": axis, "rows": rows} for axis, rows in sorted(maps.items())]
    return call.emit("axes", [signal], shape, {"maps": entries})


# ---------------------------------------------------------------------------------- padding


@translates("pad", "constant_pad_nd")
def _pad(call: Call) -> Value:
    signal, given = call.signal("self"), list(call["pad"])
    mode = call.get("mode", "constant")
    value = call.get("value") if call.arguments.get("value") is not None else 0.0
    amounts = [(0, 0)] * signal.rank
    for i in range(len(given) // 2):
        axis = call.axis(-1 - i, signal.rank) if any(given[2 * i : 2 * i + 2]) else None
        if axis is not None:
            amounts[axis] = (given[2 * i], given[2 * i + 1])
    rows = {
        axis: _padded(call, n, lo, hi, mode)
        for axis, (n, (lo, hi)) in enumerate(zip(signal.shape, amounts, strict=True))
        if (lo, hi) != (0, 0)
    }
    padded = along(call, signal, rows) if rows else signal
    number = check_number(value, call.where)
    if mode == "constant" and number != 0.0:
        return _with_border(call, padded, amounts, number)
    if rows and all(lo >= 0 and hi >= 0 for lo, hi in amounts):
        padding = Padding(signal, tuple(amounts), "zeros" if mode == "constant" else str(mode))
        call.lowering.paddings[padded.name] = padding
    return padded


def _padded(call: Call, length: int, low: int, high: int, mode: str) -> list[Row]:
    """The entries of a padded axis; negative amounts crop it."""
    places = range(-low, length + high)
    if mode == "constant":
        return [_average([i], 1) if 0 <= i < length else _NOTHING for i in places]
    if mode == "circular":  # what is left of the axis is wrapped: it is cropped first
        first, left = max(0, -low), length - max(0, -low) - max(0, -high)
        if max(low, high) > left:
            raise call.refused(f"circular padding by ({low}, {high}) of {length} entries")
        return [_average([first + (i - first) % left], 1) for i in places]
    if mode == "replicate":  # the whole axis is continued, here and below: it is cropped last
        return [_average([min(max(i, 0), length - 1)], 1) for i in places]
    if mode == "reflect":
        last = length - 1
        return [_average([last - abs(last - abs(i))], 1) for i in places]
    raise call.refused(f"the padding {mode}")


def _with_border(
    call: Call, padded: Signal, amounts: Sequence[tuple[int, int]], number: float
) -> Signal:
    border = np.full(padded.shape, number)
    inside = tuple(
        slice(max(lo, 0), n - max(hi, 0)) for n, (lo, hi) in zip(padded.shape, amounts, strict=True)
    )
    border[inside] = 0.0
    key = call.lowering.keep(f"{call.name}.border", border)
    return call.emit("diagonal", [padded], padded.shape, tensors={"shift": key})


# ---------------------------------------------------------------------------------- averages


@translates("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _average_pool(call: Call) -> Value:
    signal, dimensions, kernel, stride, padding = read_pooling(call, "avg_pool")
    first = signal.rank - dimensions
    with_padding, override = call["count_include_pad"], call.get("divisor_override")
    lengths = call.result_shape
    maps = {}
    for d in range(dimensions):
        axis = first + d
        n, p, rows = signal.shape[axis], padding[d], []
        for o in range(lengths[axis]):
            start = o * stride[d] - p
            end = min(start + kernel[d], n + p)
            inside = range(max(start, 0), min(end, n))
            count = end - start if with_padding else len(inside)
            rows.append(_average(inside, count if override is None else 1))
        maps[axis] = rows
    if override is not None:
        maps[first] = [{**row, "divisor": int(override)} for row in maps[first]]
    return along(call, signal, maps)


@translates("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d")
def _adaptive_average_pool(call: Call) -> Value:
    signal = call.signal("self")
    sizes = spread(call["output_size"], int(call.operation[len("adaptive_avg_pool")]))
    first = signal.rank - len(sizes)
    if first < 0:
        raise call.mixes()
    maps = {}
    for d, size in enumerate(sizes):
        windows = adaptive_windows(signal.shape[first + d], size)
        maps[first + d] = [_average(window, len(window)) for window in windows]
    return along(call, signal, maps)


@translates("mean", "sum")
def _mean(call: Call) -> Value:
    signal = call.signal("self")
    axes = call.axes(call.get("dim"), signal.rank)
    if call.get("dtype") not in (None, call.lowering.dtype):
        raise call.refused("a cast")
    maps = {}
    for axis in axes:
        n = signal.shape[axis]
        maps[axis] = [_average(range(n), n if call.operation == "mean" else 1)]
    value = along(call, signal, maps)
    kept = call.get("keepdim", False)
    return value if kept else call.reshape(value, without_axes(signal.shape, axes))


@translates("cumsum")
def _cumulative_sum(call: Call) -> Value:
    signal = call.signal("self")
    axis = call.axis(call["dim"], signal.rank)
    rows = [_average(range(i + 1), 1) for i in range(signal.shape[axis])]
    return along(call, signal, {axis: rows})


# ---------------------------------------------------------------------------------- upsampling


@translates(*(
    f"{kind}{d}d"
    for kind in ("upsample_nearest", "_upsample_nearest_exact")
    for d in (1, 2, 3)
))  # fmt: skip
def _nearest(call: Call) -> Value:
    """The indices are PyTorch's own: it computes them in float32, which at some sizes is seen."""
    mode = "nearest-exact" if "exact" in call.operation else "nearest"
    dtype = torch.float64 if call.lowering.dtype == torch.float64 else torch.float32

    def rows(n: int, m: int, factor: float | None) -> list[Row]:
        indices = torch.arange(n, dtype=dtype)[None, None]
        size = {"size": m} if factor is None else {"scale_factor": factor}
        found = torch.nn.functional.interpolate(indices, mode=mode, **size)
        return [_average([int(i)], 1) for i in found.flatten()]

    return _resampled(call, rows, aligned=False)


@translates("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d")
def _linear(call: Call) -> Value:
    aligned = bool(call["align_corners"])

    def rows(n: int, m: int, _factor: float | None) -> list[Row]:
        ratio = Fraction(n, m)
        if aligned:
            ratio = Fraction(n - 1, m - 1) if m > 1 else Fraction(0)
        return [_between(i, n, ratio) for i in range(m)]

    def _between(i: int, n: int, ratio: Fraction) -> Row:
        half = Fraction(1, 2)
        place = i * ratio if aligned else max((i + half) * ratio - half, Fraction(0))
        left = min(floor(place), n - 1)
        right, t = min(left + 1, n - 1), place - left
        # At a border both are the same entry, and stand apart: their sum is rounded.
        used = [(j, w) for j, w in ((left, 1 - t), (right, t)) if w]
        weights = [int(w * t.denominator) for _, w in used]
        return {"indices": [j for j, _ in used], "weights": weights, "divisor": t.denominator}

    return _resampled(call, rows, aligned=aligned)


def _resampled(
    call: Call, rows: Callable[[int, int, float | None], list[Row]], *, aligned: bool
) -> Signal:
    """Each axis by itself; given scale factors must be those of the lengths, else it is refused."""
    signal, shape = call.signal("input" if "input" in call else "self"), call.result_shape
    given = [call[name] for name in call.arguments if name.startswith("scale")]
    call.overlook("output_size")  # seen in the result's shape
    factors = next((list(g) for g in given if isinstance(g, tuple | list)), None)
    if factors is None:
        factors = [g for g in given if g is not None]
    maps = {}
    for axis in range(1, signal.rank):
        n, m = signal.shape[axis], shape[axis]
        factor = float(factors[axis - 1]) if factors else None
        if not aligned and factor is not None and Fraction(factor) != Fraction(m, n):
            raise call.refused(
                f"the scale factor {factor} from {n} to {m}",
                "Give the size, or a factor that fits it exactly.",
            )
        maps[axis] = rows(n, m, factor)
    return along(call, signal, maps)
