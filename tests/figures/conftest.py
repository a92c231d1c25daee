"""Data that are computed once, and one figure that is quick and simple."""

from collections.abc import Callable
from typing import Any

import matplotlib.figure
import numpy as np
import pytest

from flowcert.figures import Figure, FigureCheck, FigureData, all_figures


class Diagonal(Figure):
    name = "X1_diagonal"
    title = "A diagonal"
    statement = "$y = x$."

    def compute(self) -> FigureData:
        return {"x": np.linspace(0, 1, 5)}

    def check(self, data: FigureData) -> tuple[FigureCheck, ...]:
        return (
            FigureCheck("x rises", bool(np.all(np.diff(data["x"]) > 0)), "looked at"),
            FigureCheck("x is large", False, "it is not", kind="report"),
        )

    def draw(self, data: FigureData) -> matplotlib.figure.Figure:
        picture = matplotlib.figure.Figure(figsize=(2, 2))
        picture.subplots().plot(data["x"], data["x"])
        return picture


@pytest.fixture
def diagonal() -> Diagonal:
    return Diagonal()


@pytest.fixture(scope="session")
def computed() -> dict[str, FigureData]:
    """Every figure's data, by the figure's name. Copy before you change them."""
    return {figure.name: figure.compute() for figure in all_figures()}


@pytest.fixture
def failures_of(computed: dict[str, FigureData]) -> Callable[..., list[str]]:
    """What a figure's checks complain of, once an array of its data has been changed."""

    def failures(name: str, key: str, change: Callable[[Any], Any]) -> list[str]:
        [figure] = [figure for figure in all_figures() if figure.name == name]
        array = computed[name][key].copy()
        replaced = change(array)
        data = {**computed[name], key: array if replaced is None else replaced}
        return [check.what for check in figure.check(data) if not check.passes]

    return failures
