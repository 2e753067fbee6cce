"""For tests and doctests alike: programs are compiled quickly, and what one of them registers does not outlive it."""

import os
from importlib.metadata import version

import pytest

from lossland.core._memory import free_bytes
from lossland.elements import ACTIVATIONS, LOSSES

QUICK = "--xla_cpu_use_fusion_emitters=false --xla_backend_optimization_level=1"
# Most of the time goes into translating programs that run once. Level 1 still contracts a product with a sum, as users'
# programs do; level 0 does not. XLA reads this at the first program; flags of one version may be unknown to the next.
if version("jaxlib").startswith("0.10.") and not os.environ.get("LOSSLAND_FULLY_OPTIMISED"):
    os.environ["XLA_FLAGS"] = f"{QUICK} {os.environ.get('XLA_FLAGS', '')}".strip()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """As many workers as cores, if there are 3 GB for each."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free = free_bytes()
    return cores if free is None else max(1, min(cores, int(free // 3e9)))


@pytest.fixture(autouse=True)
def registries():
    """A test may register what it likes, and so may a command that it calls or an example in a docstring."""
    before = dict(ACTIVATIONS), dict(LOSSES)
    yield
    for registry, held in zip((ACTIVATIONS, LOSSES), before, strict=True):
        registry.clear()
        registry.update(held)
