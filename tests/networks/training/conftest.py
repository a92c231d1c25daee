"""Runs small enough to be made a dozen times."""

import functools

import pytest

from flowcert.networks.attack import Attack
from flowcert.networks.certify import certify
from flowcert.networks.training import Configuration, evaluation, run


@pytest.fixture(autouse=True)
def _brief(monkeypatch):
    """Less effort where it goes into searches: bounds, checks and files are the same."""
    monkeypatch.setattr(run, "certify", functools.partial(certify, effort="quick"))
    monkeypatch.setattr(evaluation, "STRONG", Attack(20, 0.125, from_image=True))


@pytest.fixture
def tiny():
    """Make a configuration that trains in a tenth of a second, with changes."""
    return functools.partial(Configuration, width=64, depth=1, epochs=4, batch=256)
