"""One call from a module to a bracket of its Lipschitz constant."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ...errors import DomainError, StructureError
from ...numerics.validation import FloatArray
from ...theory.certificate import Certificate, Derivation, derive
from ...theory.certificate.assembly import assemble
from ...theory.certificate.evaluation import evaluate
from ...theory.certificate.rules import WHOLE_LINE
from .exporting import kind, silence
from .folding import first_line
from .pixels import Numbers, Pixels
from .search import search_lower
from .tracing import Traced, trace
from .user_rules import Bound, UserRule


@dataclass(frozen=True)
class Function:
    """A module as a function of a batch, with the numbers that it computes with and the device."""

    call: Callable[[Tensor], Tensor]
    dtype: torch.dtype
    device: torch.device


class Certifier:
    """``certify(module, input_shape, …)``, with the rules that users have registered.

    >>> certify = Certifier()
    >>> certificate = certify(nn.Linear(2, 2).eval(), (2,), effort="quick")
    >>> 0.0 < certificate.lower <= certificate.upper
    True
    """

    def __init__(self) -> None:
        self.rules: dict[type[nn.Module], UserRule] = {}

    def __call__(
        self,
        module: nn.Module,
        input_shape: Sequence[int],
        *,
        pixel_scale: Numbers | None = None,
        pixel_shift: Numbers | None = None,
        domain: tuple[float, float] | None = None,
        effort: str = "normal",
        seed: int = 0,
        points: ArrayLike | None = None,
    ) -> Certificate:
        """Bracket the Lipschitz constant of f(x) = module((x − pixel_shift)/pixel_scale).

        ``input_shape`` is that of one input, without the batch axis; scale and shift are numbers,
        or one a channel (its first axis); ``domain`` = (low, high) are the ends of the entries of
        x, where the bracket then holds (None: everywhere). The lower end is searched with
        ``effort`` (quick, normal, thorough; none: it is 0), and at ``points`` (count, *input_shape)
        too.
        Guaranteed: lower ≤ Lip(f) ≤ upper for the function that was traced, in exact arithmetic,
        Euclidean norms; a Python number of the module counts as the float64 that it is. Raises
        StructureError, naming operation and layer, for a module that cannot be certified (in
        training mode, untraceable, an unknown operation, no finite bound), DomainError for NaN
        and infinite weights, ShapeError for an input shape that does not fit. Source: paper,
        E1 [P], and flowcert, E [D].

        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).eval()
        >>> certificate = Certifier()(net, (2,), pixel_scale=0.5, effort="quick")
        >>> certificate.lower <= certificate.upper
        True
        """
        pixels = None
        if pixel_scale is not None or pixel_shift is not None:
            pixels = Pixels(
                1.0 if pixel_scale is None else pixel_scale,
                0.0 if pixel_shift is None else pixel_shift,
            )
        ends = _checked_domain(domain)
        traced = trace(module, input_shape, pixels=pixels, rules=self.rules)
        derivation = derive(traced.graph, traced.weights, domain=ends)
        _check_finite(derivation, domain)
        if any(node.operation == "asserted" for node in traced.graph):
            # What the user vouches for has no value here: nothing attained can be shown.
            return assemble(derivation, traced.weights, domain=domain)
        _check_translation(_as_function(module, traced, pixels), derivation)
        if effort == "none":
            return assemble(derivation, traced.weights, domain=domain)
        function = _as_function(_in_double(module, traced) or module, traced, pixels)
        with silence():
            low = search_lower(
                function.call,
                derivation,
                points=points,
                effort=effort,
                seed=seed,
                device=function.device,
                dtype=function.dtype,
            )
        return assemble(
            derivation, traced.weights, lower=low.lower, witness=(low.x, low.y), domain=domain
        )

    def rule(
        self, layer: type[nn.Module], bound: float | Bound | None = None
    ) -> Callable[[Bound], Bound]:
        """Register a bound of the Lipschitz constant of ``layer``'s forward, marked user-asserted.

        ``@certify.rule(MyLayer)`` above ``def bound(layer) -> float``, or
        ``certify.rule(MyLayer, 1.0)``. It holds for exactly this class, not for those derived from
        it, replaces an earlier one and goes before what is known of a layer of PyTorch: a wrong
        rule makes certificates wrong. Nothing inside the layer is looked at; of several inputs the
        bound is that of all of them jointly. Raises StructureError for what is no class of modules.

        >>> certify = Certifier()
        >>> _ = certify.rule(nn.Linear, 1.0)
        >>> certify(nn.Linear(2, 2).eval(), (2,)).user_asserted
        ('asserted',)
        """
        if not isinstance(layer, type) or not issubclass(layer, nn.Module):
            raise StructureError(
                came=f"a rule for {layer!r}",
                expected="a subclass of torch.nn.Module",
                remedy="Put what you know a bound of into a module of its own class.",
            )

        def register(function: Bound) -> Bound:
            name = getattr(function, "__qualname__", type(function).__name__)
            self.rules[layer] = UserRule(f"{layer.__qualname__}: {name}", function)
            return function

        if bound is None:
            return register
        if callable(bound):
            register(bound)
        else:
            self.rules[layer] = UserRule(f"{layer.__qualname__}: {bound}", lambda _layer: bound)
        return register


certify = Certifier()


def _checked_domain(domain: tuple[float, float] | None) -> tuple[float, float]:
    if domain is None:
        return WHOLE_LINE
    ends = tuple(domain)
    if len(ends) != 2 or not -math.inf < ends[0] < ends[1] < math.inf:
        raise DomainError(
            came=f"domain = {domain}",
            expected="the ends (low, high) of the entries of an input, finite, low < high",
            remedy="Leave it out for a bracket that holds everywhere.",
        )
    return float(ends[0]), float(ends[1])


def _check_finite(derivation: Derivation, domain: tuple[float, float] | None) -> None:
    """Refuse an infinite bound, with the first node that has one."""
    if derivation.upper < math.inf:
        return
    graph, lines = derivation.graph, derivation.lines
    node = next(n for n in graph if lines[n.name].upper == math.inf)
    ranges = ", ".join("[{:g}, {:g}]".format(*lines[name].range) for name in node.inputs)
    what = node.attributes.get("function", "") or node.operation
    remedy = "Give domain=(low, high), the range of the entries of an input."
    if domain is not None:
        remedy = "Rewrite it, or give a bound of its layer with certify.rule."
    raise StructureError(
        came=f"{what!r} ({node.name}{f' in {node.layer}' if node.layer else ''}) "
        f"of values in {ranges}, without a finite Lipschitz constant",
        expected="operations whose constant is finite on the range of their inputs",
        remedy=remedy,
    )


_FAILURES = (RuntimeError, TypeError, ValueError, AssertionError, AttributeError, LookupError)


def _in_double(module: nn.Module, traced: Traced) -> nn.Module | None:
    """A copy of the module in float64, if it can be had and run."""
    _, device = kind(module)
    try:
        double = copy.deepcopy(module).double()
        with silence(), torch.no_grad():
            double(torch.zeros((2, *traced.graph.input.shape), dtype=torch.float64, device=device))
    except _FAILURES:
        return None  # numbers of its own precision inside, or weights that cannot be copied
    return double


def _as_function(module: nn.Module, traced: Traced, pixels: Pixels | None) -> Function:
    """The module with the pixel scale in front, and the numbers that it computes with."""
    dtype, device = kind(module)
    shape = traced.graph.input.shape

    def column(numbers: Numbers) -> Tensor:
        array = torch.as_tensor(numbers, dtype=dtype, device=device)
        return array.reshape(-1, *[1] * (len(shape) - 1)) if array.ndim else array

    scale = None if pixels is None else (column(pixels.scale), column(pixels.shift))

    def function(x: Tensor) -> Tensor:
        # A copy, since a module may begin with an operation in place.
        value = x.clone() if scale is None else (x - scale[1]) / scale[0]
        result: Any = module(value)
        while isinstance(result, tuple | list | dict):
            [result] = result.values() if isinstance(result, dict) else result
        tensor: Tensor = result
        return tensor

    return Function(function, dtype, device)


# Relative: to see mistakes, not rounding.
_DIGITS = {torch.float64: 1e-6, torch.float32: 1e-2}


def _check_translation(function: Function, derivation: Derivation) -> None:
    """Refuse a module whose graph computes other numbers, in batches of 1 and 3."""
    dtype, device = function.dtype, function.device
    if dtype not in _DIGITS:
        return
    shape = derivation.graph.input.shape
    low, high = derivation.lines[derivation.graph.input.name].range
    random = np.random.default_rng(0)
    x = random.normal(size=(4, *shape))
    if math.isfinite(low):
        x = random.uniform(low, high, size=(4, *shape))
    x = np.clip(x.astype(np.float32).astype(np.float64), low, high)
    ours = evaluate(derivation, x)[derivation.graph.output].reshape(len(x), -1)
    expected = "the same function at every call and for batches of every size"
    remedy = "Keep state, randomness and the batch's size out of forward; else report it."
    try:
        with silence(), torch.no_grad():
            tensor = torch.as_tensor(x, dtype=dtype, device=device)
            # A batch of one may lose its axis (squeeze): the numbers count.
            parts = [
                function.call(part).reshape(len(part), -1) for part in (tensor[:1], tensor[1:])
            ]
            theirs = torch.cat(parts).to("cpu", torch.float64).numpy()
    except _FAILURES as error:
        came = f"a module that fails on batches of 1 or 3: {first_line(error)}"
        raise StructureError(came=came, expected=expected, remedy=remedy) from error
    if _differ(ours, theirs, _DIGITS[dtype]):
        came = "a module that computes other numbers than the graph it was traced to"
        raise StructureError(came=came, expected=expected, remedy=remedy)


def _differ(ours: FloatArray, theirs: FloatArray, tolerance: float) -> bool:
    if ours.shape != theirs.shape:
        return True
    finite = np.isfinite(ours) & np.isfinite(theirs)
    if not finite.any():
        return False
    size = float(np.max(np.abs(ours[finite])))
    return bool(np.any(np.abs(ours - theirs)[finite] > tolerance * size + 1e-300))
