"""One call from a module to a bracket of its Lipschitz constant."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from numpy.typing import ArrayLike
from torch import nn

from ...errors import DomainError, StructureError
from ...theory.certificate import Certificate, Derivation, derive
from ...theory.certificate.assembly import assemble
from ...theory.certificate.rules import WHOLE_LINE
from .comparison import NOT_COMPARED, check_finite, check_translation
from .exporting import silence
from .function import as_function, in_double_if_possible
from .pixels import Numbers, Pixels
from .search import count_multiplications, search_lower
from .tracing import trace
from .user_rules import Bound, UserRule


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
        training mode, untraceable, a refused layer or operation, no finite bound), DomainError for
        NaN and infinite weights, ShapeError for an input shape that does not fit. Source: paper,
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
        check_finite(derivation)
        if any(node.operation == "asserted" for node in traced.graph):
            # What the user vouches for has no value here: nothing attained can be shown.
            return assemble(derivation, traced.weights, domain=domain, assumptions=(NOT_COMPARED,))
        shape = traced.graph.input.shape
        function = in_double_if_possible(module, shape, pixels)
        check_translation(function, derivation)
        if effort == "none":
            return assemble(derivation, traced.weights, domain=domain)
        if _is_costly(derivation):
            function = as_function(module, shape, pixels)
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
_COSTLY = 6_000_000  # multiplications in one evaluation


def _is_costly(derivation: Derivation) -> bool:
    """Whether the search is made in the module's own precision: its result is judged anew anyway.

    PyTorch's convolutions are several times slower in float64.
    """
    return count_multiplications(derivation) > _COSTLY


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
