"""What a figure is: data that it computes, checks of these data, and a picture of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import matplotlib.figure
from numpy.typing import NDArray

FigureData = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class FigureCheck:
    """One thing that was looked at in a figure's data.

    A ``claim`` is what the figure says: it must hold. A ``report`` is told beside it and judges
    nothing, so it never fails.

    >>> FigureCheck("2 + 2 = 5", holds=False, detail="4").passes
    False
    >>> FigureCheck("the total", holds=False, detail="4", kind="report").passes
    True
    """

    what: str
    holds: bool
    detail: str
    kind: Literal["claim", "report"] = "claim"

    @property
    def passes(self) -> bool:
        return self.holds or self.kind == "report"


class Figure(ABC):
    """A figure. One file, one subclass; ``flowcert figures`` finds, draws and checks it.

    ``name`` is GROUP_name with the group of the paper's page (G1, G4, …) and names its files;
    ``title`` is one line; ``statement`` says in plain words, with $mathematics$, what is seen and
    whose it is; ``section``, if there is one, is the name by which figures of several groups on one
    subject are asked for. The three parts hang together by the data alone: what ``compute`` returns
    is stored, ``check`` tests it and ``draw`` shows it. Figures never train; they read stored
    results.
    Source: flowcert [D].

    >>> import numpy as np
    >>> class Line(Figure):
    ...     name, title, statement = "X1_line", "A line", "$y = x$."
    ...     def compute(self): return {"x": np.arange(3.0)}
    ...     def check(self, data): return (FigureCheck("x rises", bool(data["x"][1] > 0), "0, 1"),)
    ...     def draw(self, data):
    ...         picture = matplotlib.figure.Figure()
    ...         picture.subplots().plot(data["x"], data["x"])
    ...         return picture
    >>> Line().group, [check.passes for check in Line().check(Line().compute())]
    ('X1', [True])
    """

    name: ClassVar[str]
    title: ClassVar[str]
    statement: ClassVar[str]
    section: ClassVar[str] = ""

    @property
    def group(self) -> str:
        """The part of the name before the first underscore."""
        return self.name.partition("_")[0]

    @abstractmethod
    def compute(self) -> FigureData:
        """Return the figure's data, the same at every call: named arrays without objects."""

    @abstractmethod
    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        """Test the data against what is known without them: theory, exact arithmetic, the paper."""

    @abstractmethod
    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        """Draw the data. ``generate`` has set the style; pyplot, which keeps state, is not used."""
