"""Entries moved, selected, copied: shapes, axes, slices, blocks of pixels."""

from __future__ import annotations

import numpy as np

from .call import Call
from .folding import Constant
from .lowering import Signal, Value, translates
from .lowering_extrema import without_axes


@translates(
    *("view", "_unsafe_view", "reshape", "view_as", "reshape_as", "flatten", "unflatten"),
    *("squeeze", "unsqueeze", "view_copy", "_reshape_copy", "squeeze_copy", "unsqueeze_copy"),
)
def _reshape(call: Call) -> Value:
    """Row-major order is kept, so the result's shape says it all."""
    if call.operation.startswith("unsqueeze"):
        call.axis(call["dim"], len(call.result_shape))
    call.overlook("size", "shape", "dim", "sizes", "start_dim", "end_dim", "other")
    if call.arguments.get("dtype") is not None:
        raise call.refused("a view as other numbers")
    signal = call.signal("self")
    return call.reshape(signal, call.result_shape)


@translates("transpose", "swapaxes", "swapdims", "transpose_copy", "mT", "mH", "adjoint")
def _transpose(call: Call) -> Value:
    signal = call.signal("self")
    names = ("axis0", "axis1") if "axis0" in call else ("dim0", "dim1")
    a, b = (call.axis(call.get(names[i], i - 2), signal.rank) for i in (0, 1))
    order = list(range(signal.rank))
    order[a], order[b] = order[b], order[a]
    return call.permute(signal, order)


@translates("t", "numpy_T", "matrix_H")
def _turned(call: Call) -> Value:
    raise call.mixes()  # of a matrix (batch, …) both axes are moved


@translates("permute", "permute_copy")
def _permute(call: Call) -> Value:
    signal = call.signal("self")
    dims = [d % (signal.rank + 1) for d in call["dims"]]
    if dims[0] != 0:
        raise call.mixes()
    return call.permute(signal, [d - 1 for d in dims[1:]])


@translates("movedim", "moveaxis")
def _move(call: Call) -> Value:
    signal = call.signal("self")
    sources = [call.axis(d, signal.rank) for d in _listed(call["source"])]
    targets = [call.axis(d, signal.rank) for d in _listed(call["destination"])]
    order: list[int] = [a for a in range(signal.rank) if a not in sources]
    for target, source in sorted(zip(targets, sources, strict=True)):
        order.insert(target, source)
    return call.permute(signal, order)


def _listed(value: Value) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


@translates("expand", "expand_as", "broadcast_to", "expand_copy")
def _expand(call: Call) -> Value:
    call.overlook("size", "implicit", "other")
    return call.broadcast(call.signal("self"), call.result_shape)


@translates("repeat", "tile")
def _repeat(call: Call) -> Value:
    signal = call.signal("self")
    counts = list(call["repeats" if "repeats" in call else "dims"])
    counts = [1] * (signal.rank + 1 - len(counts)) + counts
    if len(counts) != signal.rank + 1 or counts[0] != 1:
        raise call.mixes()
    for axis, count in enumerate(counts[1:]):
        signal = call.select(signal, axis, list(range(signal.shape[axis])) * count)
    return signal


@translates("repeat_interleave")
def _repeat_each(call: Call) -> Value:
    signal, count = call.signal("self"), call["repeats"]
    call.overlook("output_size")
    if not isinstance(count, int) or call.arguments.get("dim") is None:
        raise call.mixes()
    axis = call.axis(call["dim"], signal.rank)
    return call.select(signal, axis, [i for i in range(signal.shape[axis]) for _ in range(count)])


@translates("slice", "slice_copy")
def _slice(call: Call) -> Value:
    signal = call.signal("self")
    chosen = slice(call["start"], call["end"], call["step"])
    if call["dim"] % (signal.rank + 1) == 0:
        if list(range(2)[chosen]) != [0, 1]:
            raise call.mixes()
        return signal
    axis = call.axis(call["dim"], signal.rank)
    return _nonempty(call, signal, axis, list(range(signal.shape[axis])[chosen]))


@translates("narrow", "narrow_copy")
def _narrow(call: Call) -> Value:
    signal, start, length = call.signal("self"), call["start"], call["length"]
    axis = call.axis(call["dim"], signal.rank)
    if not isinstance(start, int):
        raise call.refused("a start that is no number")
    start %= signal.shape[axis]
    return _nonempty(call, signal, axis, list(range(start, start + length)))


def _nonempty(call: Call, signal: Signal, axis: int, indices: list[int]) -> Signal:
    if not indices:
        raise call.refused("nothing selected")
    return call.select(signal, axis, indices)


@translates("select", "select_copy")
def _select(call: Call) -> Value:
    signal, index = call.signal("self"), call["index"]
    axis = call.axis(call["dim"], signal.rank)
    if not isinstance(index, int):
        raise call.refused("an index that is no number")
    chosen = call.select(signal, axis, [index % signal.shape[axis]])
    return call.reshape(chosen, without_axes(signal.shape, [axis]))


@translates("index_select")
def _index_select(call: Call) -> Value:
    signal = call.signal("self")
    axis = call.axis(call["dim"], signal.rank)
    return call.select(signal, axis, _indices(call, call.constant("index"), signal.shape[axis]))


@translates("index")
def _index(call: Call) -> Value:
    """x[:, …, indices]: one constant list of indices, or a mask, along one axis."""
    signal, given = call.signal("self"), call["indices"]
    places = [place for place, value in enumerate(given) if value is not None]
    if any(not isinstance(given[place], Constant) for place in places):
        raise call.refused("indices computed from the input, which jump")
    if len(places) != 1 or given[places[0]].tensor.ndim != 1:
        raise call.refused("several lists of indices", "Index one axis at a time.")
    axis = call.axis(places[0], signal.rank)
    return call.select(signal, axis, _indices(call, given[places[0]], signal.shape[axis]))


def _indices(call: Call, constant: Constant, length: int) -> list[int]:
    array = constant.tensor.detach().cpu().numpy()
    if array.ndim != 1:
        raise call.refused("a table of indices")
    found = np.flatnonzero(array) if array.dtype == bool else np.mod(array, length)
    if not len(found):
        raise call.refused("nothing selected")
    return [int(i) for i in found]


@translates("split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split", "unsafe_chunk",
            "unbind", "split_copy", "split_with_sizes_copy", "unbind_copy")  # fmt: skip
def _split(call: Call) -> Value:
    """Consecutive parts, whose lengths are those of PyTorch's results."""
    signal = call.signal("self")
    axis = call.axis(call["dim"], signal.rank)
    call.overlook(
        "split_size", "split_sizes", "chunks", "sections", "indices", "indices_or_sections"
    )
    parts, start = [], 0
    for shape in call.result_shapes:
        full = call.without_batch(shape)
        length = 1 if "unbind" in call.operation else full[axis]
        part = _nonempty(call, signal, axis, list(range(start, start + length)))
        parts.append(call.reshape(part, full))
        start += length
    return tuple(parts)


@translates("flip")
def _flip(call: Call) -> Value:
    signal = call.signal("self")
    for axis in call.axes(call["dims"], signal.rank):
        signal = call.select(signal, axis, range(signal.shape[axis])[::-1])
    return signal


@translates("roll")
def _roll(call: Call) -> Value:
    signal = call.signal("self")
    shifts, dims = _listed(call["shifts"]), _listed(call["dims"])
    if not dims:
        raise call.mixes()
    for shift, dim in zip(shifts, dims, strict=True):
        axis = call.axis(dim, signal.rank)
        n = signal.shape[axis]
        signal = call.select(signal, axis, [(i - shift) % n for i in range(n)])
    return signal


@translates("pixel_unshuffle", "pixel_shuffle")
def _pixel_blocks(call: Call) -> Value:
    """Blocks of r×r pixels to channels (channel, row, column), or back."""
    signal = call.signal("self")
    if signal.rank < 3:
        raise call.mixes()
    *front, c, h, w = signal.shape
    f = len(front)
    keep = list(range(f))
    if call.operation == "pixel_unshuffle":
        r = int(call["downscale_factor"])
        blocks = call.reshape(signal, (*front, c, h // r, r, w // r, r))
        moved = call.permute(blocks, [*keep, *(f + i for i in (0, 2, 4, 1, 3))])
    else:
        r = int(call["upscale_factor"])
        blocks = call.reshape(signal, (*front, c // (r * r), r, r, h, w))
        moved = call.permute(blocks, [*keep, *(f + i for i in (0, 3, 1, 4, 2))])
    return call.reshape(moved, call.result_shape)


@translates("channel_shuffle", "native_channel_shuffle")
def _channel_shuffle(call: Call) -> Value:
    signal, groups = call.signal("self"), int(call["groups"])
    if signal.rank == 0:
        raise call.mixes()
    c, *rest = signal.shape
    split = call.reshape(signal, (groups, c // groups, *rest))
    moved = call.permute(split, [1, 0, *range(2, 2 + len(rest))])
    return call.reshape(moved, signal.shape)
