"""What a vector field is: a batched right-hand side f of ẋ = f(x) with its Jacobian."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from numpy.typing import ArrayLike

from ..validation import FloatArray


@runtime_checkable
class VectorField(Protocol):
    """The right-hand side f of an autonomous ODE ẋ = f(x) on Rⁿ, batched over leading axes.

    ``field(x)`` maps shape (..., n) to (..., n); ``field.jacobian(x)`` maps it to (..., n, n) with
    entries ∂fᵢ/∂xⱼ (where an activation has a kink: the slope on its right).

    >>> import numpy as np
    >>> from flowcert.numerics import LinearField
    >>> isinstance(LinearField(np.eye(2)), VectorField)
    True
    """

    @property
    def dimension(self) -> int: ...

    def __call__(self, x: ArrayLike) -> FloatArray: ...

    def jacobian(self, x: ArrayLike) -> FloatArray: ...


@runtime_checkable
class PotentialField(VectorField, Protocol):
    """A field with a gradient part ∇U: ``field.potential(x)`` is U(x), shape (...).

    A pure gradient field satisfies f = ∇U (the paper writes a contractive one as −∇V, V = −U).

    >>> import numpy as np
    >>> from flowcert.numerics import LinearField
    >>> isinstance(LinearField(np.eye(2)), PotentialField)
    True
    """

    def potential(self, x: ArrayLike) -> FloatArray: ...


@runtime_checkable
class DecomposedField(PotentialField, Protocol):
    """A field given as f(x) = ∇U(x) + S(x)x; ``skew_part(x)`` is S(x), shape (..., n, n).

    >>> import numpy as np
    >>> from flowcert.numerics import LinearField
    >>> isinstance(LinearField(np.eye(2)), DecomposedField)
    True
    """

    def skew_part(self, x: ArrayLike) -> FloatArray: ...
