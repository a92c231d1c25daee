"""What a graph must pass before it is trusted: a finite bound, and the module's own numbers.

The comparison is a second guard behind the tracing: it sees a wrong translation, and a module that
is another function at another call. It compares f(x) − f(x₀) entry by entry, so that neither an
offset nor a larger entry hides a difference.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from ...errors import StructureError
from ...numerics.validation import FloatArray
from ...theory.certificate.evaluation import evaluate
from ...theory.certificate.rules import Derivation
from .exporting import silence
from .folding import first_line
from .function import FAILURES, Function

# Relative tolerances: of an entry's own differences, and of all (constants folded in float32).
_OF_ENTRY = {torch.float64: 1e-5, torch.float32: 1e-2}
_OF_ALL = {torch.float64: 1e-6, torch.float32: 1e-3}
_SIZES = (1e-2, 1.0, 1e2)
_BATCHES = (1, 3, 17)

NOT_COMPARED = (
    "A layer is the user's assertion: the graph was not compared with the module's own numbers."
)


def check_translation(function: Function, derivation: Derivation) -> None:
    """Raise StructureError if a module, as a function, computes other numbers than its graph.

    ``function`` is in float64 where the module can be copied to it (``in_double_if_possible``); a
    module in half precision that cannot is refused.
    """
    if function.dtype not in _OF_ENTRY:
        raise StructureError(
            came=f"a module in {function.dtype} that does not run in float64",
            expected="one whose numbers can be compared with those of its graph",
            remedy="Give forward no constants of a fixed type.",
        )
    x = _points(derivation)
    ours = evaluate(derivation, x)[derivation.graph.output].reshape(len(x), -1)
    theirs = _run(function, x)
    if _differ(ours, theirs, function.dtype):
        raise StructureError(
            came="a module that computes other numbers than the graph it was traced to",
            expected="the same function at every call and for batches of every size",
            remedy="Keep state, randomness and the batch's size out of forward; else report it.",
        )


def _points(derivation: Derivation) -> FloatArray:
    """x₀ and random points of several sizes, or of the domain."""
    shape = derivation.graph.input.shape
    low, high = derivation.lines[derivation.graph.input.name].range
    random = np.random.default_rng(0)
    count = sum(_BATCHES) - 1
    if math.isfinite(low):
        x = random.uniform(low, high, size=(count, *shape))
    else:
        sizes = np.resize(_SIZES, count).reshape(-1, *(1,) * len(shape))
        x = sizes * random.normal(size=(count, *shape))
    start = np.zeros((1, *shape))
    return np.clip(np.concatenate([start, x]).astype(np.float32).astype(np.float64), low, high)


def _run(function: Function, x: FloatArray) -> FloatArray:
    """The module's own values, in batches of several sizes."""
    tensor = torch.as_tensor(x, dtype=function.dtype, device=function.device)
    try:
        with silence(), torch.no_grad():
            # A batch of one may lose its axis (squeeze): the numbers count.
            parts = [
                function.call(part).reshape(len(part), -1)
                for part in torch.split(tensor, list(_BATCHES))
            ]
            return torch.cat(parts).to("cpu", torch.float64).numpy()
    except FAILURES as error:
        raise StructureError(
            came=f"a module that fails on batches of {_BATCHES}: {first_line(error)}",
            expected="the same function for batches of every size",
            remedy="Keep the batch's size out of forward.",
        ) from error


def _differ(ours: FloatArray, theirs: FloatArray, dtype: torch.dtype) -> bool:
    if ours.shape != theirs.shape:
        return True
    known = np.isfinite(ours) & np.isfinite(theirs)
    ours, theirs = np.where(known, ours, 0.0), np.where(known, theirs, 0.0)
    changes = np.abs(ours - ours[:1])
    largest = np.maximum(changes.max(axis=1, keepdims=True), 1e-3 * np.abs(ours).max())
    # Rounding belongs to the size of the point, as do its changes.
    allowed = _OF_ENTRY[dtype] * changes + _OF_ALL[dtype] * largest
    return bool(np.any(np.abs((ours - ours[:1]) - (theirs - theirs[:1])) > allowed + 1e-300))


def check_finite(derivation: Derivation) -> None:
    """Refuse an infinite bound, with the first node that has one."""
    if derivation.upper < math.inf:
        return
    graph, lines = derivation.graph, derivation.lines
    node = next(n for n in graph if lines[n.name].upper == math.inf)
    ranges = ", ".join("[{:g}, {:g}]".format(*lines[name].range) for name in node.inputs)
    what = node.attributes.get("function", "") or node.operation
    remedy = "Give domain=(low, high), the range of the entries of an input."
    if math.isfinite(lines[graph.input.name].range[0]):
        remedy = "Rewrite it, or give a bound of its layer with certify.rule."
    raise StructureError(
        came=f"{what!r} ({node.name}{f' in {node.layer}' if node.layer else ''}) "
        f"of values in {ranges}, without a finite Lipschitz constant",
        expected="operations whose constant is finite on the range of their inputs",
        remedy=remedy,
    )
