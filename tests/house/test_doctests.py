"""The examples in the docstrings run, and every public name of the lower rooms has one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def _examples(name: str) -> list[doctest.DocTest]:
    module = importlib.import_module(name)
    return [test for test in doctest.DocTestFinder().find(module, name) if test.examples]


# A docstring shows a strategy as a person would try it.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.NonInteractiveExampleWarning")
def test_examples_run(module_name: str) -> None:
    transcript: list[str] = []
    for test in _examples(module_name):
        doctest.DocTestRunner(optionflags=OPTIONS, verbose=False).run(test, out=transcript.append)
    assert not transcript, "".join(transcript)


def test_there_are_examples(modules: dict[str, Path]) -> None:
    """Guards the test above against finding nothing and passing."""
    names = [name for name in modules if not name.endswith(".__main__")]
    assert sum(len(_examples(name)) for name in names) > 0


def test_public_names_have_an_example() -> None:
    offenders = []
    for package in ("flowcert.numerics", "flowcert.theory", "flowcert.theory.bounds"):
        module = importlib.import_module(package)
        for name in module.__all__:
            thing = getattr(module, name)
            speaks = inspect.isclass(thing) or inspect.isroutine(thing)
            if speaks and ">>>" not in (thing.__doc__ or ""):
                offenders.append(f"{package}.{name}")
    assert not offenders, "no >>> example in the docstring of:\n" + "\n".join(offenders)
