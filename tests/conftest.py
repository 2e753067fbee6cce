"""Strict everywhere: silent broadcasting raises, warnings are errors, and every element comes from the registries."""

import ctypes
import gc
import os
from pathlib import Path

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.data import DATASETS
from lossland.elements import ACTIVATIONS, LOSSES

jax.config.update("jax_numpy_rank_promotion", "raise")
# Most of the suite's time is compiling small programs: the workers share what they compiled, and so does the next run.
jax.config.update("jax_compilation_cache_dir", str(Path(__file__).parent.parent / ".pytest_cache" / "compiled"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)

# JAX keeps many small objects alive; looking through the youngest after every 700 new ones is a tenth of the time.
gc.set_threshold(20_000, 20, 20)

FAST = {"loss": 6, "activation": 4, "pair": 40, "some_pair": 40, "dataset_name": 2}


def pytest_generate_tests(metafunc):
    """Parametrise the fixtures `loss`, `activation`, `pair`, `some_pair` and `dataset_name` from the registries."""

    every = {
        "loss": lambda: [entry for entry in LOSSES.values() if _ours(entry)],
        "activation": lambda: [entry for entry in ACTIVATIONS.values() if _ours(entry)],
        "pair": every_pair,
        "some_pair": every_pair,
        "dataset_name": lambda: list(DATASETS),
    }
    for name, elements in every.items():
        if name in metafunc.fixturenames:
            own = 13 if name == "some_pair" else 1
            metafunc.parametrize(name, _spread(elements(), FAST[name], own), ids=lambda e: getattr(e, "name", e))


def _spread(elements, fast, own):
    """`make test` takes every `own`-th and the names they lack, `make check` every `fast`-th, `make exhaustive` all."""
    taken = set(range(0, len(elements), own))
    for part in ("loss", "activation") if own > 1 else ():
        names = [getattr(element, part).name for element in elements]
        taken |= {names.index(name) for name in set(names) - {names[k] for k in taken}}

    def marks(k):
        return () if k % fast == 0 else pytest.mark.slow if k in taken else (pytest.mark.slow, pytest.mark.exhaustive)

    return [pytest.param(e, marks=marks(k)) for k, e in enumerate(elements)]


def every_pair():
    return [p for p in ll.pairs() if _ours(p.loss) and _ours(p.activation)]


def _ours(entry):
    return entry.function.__module__.startswith("lossland.")


@pytest.fixture
def x64():
    """Float64 within one test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def rng():
    return np.random.default_rng(20261123)


@pytest.fixture
def key():
    return jax.random.key(20261123)


@pytest.fixture(autouse=True, scope="module")
def memory():
    """Let go of compiled programs, between modules, once a worker holds 2 GB: all together they would take 6."""
    yield
    held = Path("/proc/self/statm")
    if held.exists() and int(held.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > 2e9:
        jax.clear_caches()
        gc.collect()
        # What is freed stays with the process otherwise, and every module from here on would compile all of it again.
        if hasattr(ctypes.CDLL(None), "malloc_trim"):
            ctypes.CDLL(None).malloc_trim(0)
