"""A lesson as a module, and its page without a browser."""

import html
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

LESSONS = Path(__file__).parents[2] / "lessons"


@pytest.fixture(scope="session")
def load_lesson() -> Callable[[str], ModuleType]:
    """Loads a lesson by name. Its dataclasses look for their module, so it is registered."""

    def load(stem: str) -> ModuleType:
        name = f"lesson_{stem}"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, LESSONS / f"{stem}.py")
            assert spec is not None
            assert spec.loader is not None
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[name]

    return load


@pytest.fixture(scope="session")
def run_lesson() -> Callable[..., tuple[str, dict[str, Any]]]:
    """Runs a lesson, with other values for some names: its page as HTML, what its cells defined."""

    def run(lesson: ModuleType, **values: object) -> tuple[str, dict[str, Any]]:
        outputs, defs = lesson.app.run(defs=values or None)
        page = "\n".join(getattr(output, "text", "") for output in outputs)
        # The boxes travel as JSON in an attribute.
        page = html.unescape(page).replace(r"\u003c", "<").replace(r"\u003e", ">")
        return page, dict(defs)

    return run


@pytest.fixture(scope="module")
def lesson(request: pytest.FixtureRequest, load_lesson: Callable[[str], ModuleType]) -> ModuleType:
    """The lesson that the file of tests names."""
    return load_lesson(request.module.LESSON)


@pytest.fixture(scope="module")
def at_first(
    lesson: ModuleType, run_lesson: Callable[..., tuple[str, dict[str, Any]]]
) -> tuple[str, dict[str, Any]]:
    """The page as it opens."""
    return run_lesson(lesson)
