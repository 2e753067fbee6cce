"""Compiled programs on disk: where they are kept, when they are not, and what is forgotten."""

import os
import subprocess
import sys
from importlib import metadata

import pytest

from lossland.core import SWITCH, keep_compiled_of_commands
from lossland.core._compiled import cache_folder, forget_oldest

TOLD = ("JAX_COMPILATION_CACHE_DIR", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS")


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """An environment of its own, with a cache folder of its own, in which JAX has been told nothing."""
    own = {name: word for name, word in os.environ.items() if name not in (*TOLD, SWITCH)}
    monkeypatch.setattr(os, "environ", own | {"XDG_CACHE_HOME": str(tmp_path)})
    return os.environ


def test_the_folder_is_apart_for_each_jax_and_each_processor(environment, monkeypatch):
    folder = cache_folder()
    assert f"jax-{metadata.version('jax')}-jaxlib-{metadata.version('jaxlib')}-" in folder.name
    monkeypatch.setattr("lossland.core._compiled._processor", lambda: "another")
    assert cache_folder() != folder
    assert cache_folder().parent == folder.parent


def test_a_command_tells_jax_to_keep_all(environment):
    keep_compiled_of_commands()
    assert [environment[name] for name in TOLD] == [str(cache_folder()), "0"]
    names = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs"
    program = f"import jax; print(*(getattr(jax.config, name) for name in {names}))"
    told = subprocess.run([sys.executable, "-c", program], env=dict(environment), capture_output=True, text=True)
    assert told.stdout.split() == [str(cache_folder()), "0.0"]


def test_a_folder_of_the_users_own_stays(environment):
    environment["JAX_COMPILATION_CACHE_DIR"] = "/somewhere"
    keep_compiled_of_commands()
    assert environment["JAX_COMPILATION_CACHE_DIR"] == "/somewhere"
    assert TOLD[1] not in environment


def test_it_can_be_switched_off(environment):
    environment[SWITCH] = "off"
    keep_compiled_of_commands()
    assert not set(TOLD) & set(environment)


def test_a_folder_that_cannot_be_made_is_no_trouble(environment, tmp_path):
    (tmp_path / "file").write_text("no folder")
    environment["XDG_CACHE_HOME"] = str(tmp_path / "file")
    keep_compiled_of_commands()
    assert not set(TOLD) & set(environment)


def test_what_was_used_longest_ago_is_forgotten(tmp_path):
    for age, name in enumerate(("new", "middle", "old")):
        path = tmp_path / "jax-1" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 100)
        os.utime(path, (1e9 - age, 1e9 - age))
    forget_oldest(tmp_path, 250)
    assert sorted(path.name for path in (tmp_path / "jax-1").iterdir()) == ["middle", "new"]
    forget_oldest(tmp_path / "absent", 0)
