"""Maxima and minima over windows and axes, and sorting: the values, never their places."""

from __future__ import annotations

from collections.abc import Sequence

from .call import Call
from .lowering import Signal, Value, Withheld, translates
from .lowering_arithmetic import extremum

Windows = list[list[int]]


def _pooled(call: Call, signal: Signal, windows: dict[int, Windows]) -> Signal:
    """The maximum over windows of indices along some axes."""
    shape = tuple(
        len(windows[axis]) if axis in windows else n for axis, n in enumerate(signal.shape)
    )
    axes = sorted(windows)
    attributes = {"axes": axes, "windows": [windows[axis] for axis in axes]}
    return call.emit("max_pool", [signal], shape, attributes)


@translates(
    "max_pool1d", "max_pool2d", "max_pool3d",
    "max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices",
)  # fmt: skip
def _max_pool(call: Call) -> Value:
    signal, dimensions, kernel, stride, padding = read_pooling(call, "max_pool")
    first = signal.rank - dimensions
    dilation = spread(call["dilation"], dimensions)
    lengths = call.result_shape
    windows = {}
    for d in range(dimensions):
        axis = first + d
        n = signal.shape[axis]
        reach = dilation[d] * (kernel[d] - 1) + 1
        starts = [o * stride[d] - padding[d] for o in range(lengths[axis])]
        windows[axis] = [
            [i for i in range(start, start + reach, dilation[d]) if 0 <= i < n] for start in starts
        ]
    value = _pooled(call, signal, windows)
    return (value, _PLACES) if "with_indices" in call.operation else value


_PLACES = Withheld("the places of maxima, which jump")


def read_pooling(call: Call, name: str) -> tuple[Signal, int, list[int], list[int], list[int]]:
    """What is pooled, over how many axes of an image, and kernel, stride and padding of each."""
    signal = call.signal("self")
    dimensions = int(call.operation[len(name)])
    if signal.rank < dimensions:
        raise call.mixes()
    kernel = spread(call["kernel_size"], dimensions)
    stride = spread(call["stride"], dimensions) or kernel
    padding = spread(call["padding"], dimensions)
    call.overlook("ceil_mode")  # seen in the result's shape
    return signal, dimensions, kernel, stride, padding


def spread(value: Value, dimensions: int) -> list[int]:
    """One number for each axis of an image; an empty list stays one."""
    numbers = [value] if isinstance(value, int) else list(value)
    return [int(n) for n in (numbers * dimensions if len(numbers) == 1 else numbers)]


def adaptive_windows(length: int, results: int) -> Windows:
    """PyTorch's windows [⌊i·n/m⌋, ⌈(i + 1)·n/m⌉) for m results of n entries."""
    return [
        list(range(i * length // results, -(-(i + 1) * length // results))) for i in range(results)
    ]


@translates("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d")
def _adaptive_max_pool(call: Call) -> Value:
    signal = call.signal("self")
    sizes = spread(call["output_size"], int(call.operation[len("adaptive_max_pool")]))
    first = signal.rank - len(sizes)
    if first < 0:
        raise call.mixes()
    windows = {
        first + d: adaptive_windows(signal.shape[first + d], size) for d, size in enumerate(sizes)
    }
    return _pooled(call, signal, windows), _PLACES


@translates("amax", "amin")
def _over_axes(call: Call) -> Value:
    signal = call.signal("self")
    axes = call.axes(call["dim"], signal.rank)
    return _reduced(call, signal, axes, call["keepdim"], call.operation == "amax")


@translates("max", "min")
def _max(call: Call) -> Value:
    """Over an axis, of two values, or (refused: it mixes the batch) of all entries."""
    largest = call.operation == "max"
    if "other" in call:
        return extremum(call, "maximum" if largest else "minimum")
    if "dim" not in call:
        raise call.mixes()
    signal = call.signal("self")
    axis = call.axis(call["dim"], signal.rank)
    return _reduced(call, signal, [axis], call["keepdim"], largest), _PLACES


def _reduced(call: Call, signal: Signal, axes: Sequence[int], keep: bool, largest: bool) -> Signal:
    sign = 1.0 if largest else -1.0
    windows = {axis: [list(range(signal.shape[axis]))] for axis in axes}
    value = call.scaled(_pooled(call, call.scaled(signal, sign), windows), sign)
    return value if keep else call.reshape(value, without_axes(signal.shape, axes))


def without_axes(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """A shape without some of its axes."""
    return tuple(n for axis, n in enumerate(shape) if axis not in axes)


@translates("sort")
def _sort(call: Call) -> Value:
    signal = call.signal("self")
    axis = call.axis(call["dim"], signal.rank)
    call.overlook("stable")  # it tells equal values apart
    return _sorted(call, signal, axis, bool(call["descending"])), _PLACES


def _sorted(call: Call, signal: Signal, axis: int, descending: bool) -> Signal:
    attributes = {"axis": axis, "descending": descending}
    return call.emit("sort", [signal], signal.shape, attributes)


@translates("topk")
def _top(call: Call) -> Value:
    signal = call.signal("self")
    axis = call.axis(call["dim"], signal.rank)
    if not call["sorted"]:
        raise call.refused("values in no particular order", "Pass sorted=True.")
    ordered = _sorted(call, signal, axis, bool(call["largest"]))
    return call.select(ordered, axis, range(call["k"])), _PLACES


@translates("kthvalue", "median")
def _ranked(call: Call) -> Value:
    if "dim" not in call:
        raise call.mixes()
    signal = call.signal("self")
    axis = call.axis(call["dim"], signal.rank)
    k = call["k"] if "k" in call else (signal.shape[axis] + 1) // 2
    value = call.select(_sorted(call, signal, axis, False), axis, [k - 1])
    if not call["keepdim"]:
        value = call.reshape(value, without_axes(signal.shape, [axis]))
    return value, _PLACES
