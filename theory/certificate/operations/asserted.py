"""A bound that the user vouches for."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ....errors import DataError
from ....numerics.validation import FloatArray
from ..graph import Shape
from .attributes import read_number
from .operation import Arithmetic, Factor, Inputs, Operation, times


class Asserted(Operation):
    """y = some map of the inputs, whose constant is ``upper`` by the rule named ``rule``.

    Nothing of it is checked: not the bound, not the shape. Its value is unknown here, so is its
    range, and no error of execution can be bounded.
    """

    operation = "asserted"
    arity = None
    attributes = ("rule", "upper")

    def prepare(self) -> None:
        self.rule, self.upper = self.node.attributes["rule"], read_number(self, "upper")
        if not isinstance(self.rule, str) or not self.rule:
            raise self.malformed(f"the rule {self.rule!r}")
        if self.upper < 0.0:
            raise self.malformed(f"the bound {self.upper}")

    def shape(self) -> Shape:
        return self.node.shape

    def evaluate(self, *values: FloatArray) -> FloatArray:
        raise DataError(
            came=f"the operation {self.node.name!r}, asserted by the rule {self.rule!r}",
            expected="operations whose values are known without the user's module",
            remedy="Evaluate the module itself; a certificate can only bound this one.",
        )

    def bound(self, inputs: Inputs) -> Factor:
        upper = times(self.upper, inputs.joint)
        return Factor(upper, "user-asserted", {"upper": self.upper, "by": self.rule})

    def rounding(
        self,
        values: Sequence[FloatArray],
        output: FloatArray,
        radii: Sequence[FloatArray],
        arithmetic: Arithmetic,
    ) -> FloatArray:
        return np.full(len(output), math.inf)
