"""For tests and doctests alike: what one of them registers does not outlive it."""

import pytest

from lossland.elements import ACTIVATIONS, LOSSES


@pytest.fixture(autouse=True)
def registries():
    """A test may register what it likes, and so may a command that it calls or an example in a docstring."""
    before = dict(ACTIVATIONS), dict(LOSSES)
    yield
    for registry, held in zip((ACTIVATIONS, LOSSES), before, strict=True):
        registry.clear()
        registry.update(held)
