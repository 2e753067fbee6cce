"""Names and modules of version 0.1 that live elsewhere now: still found, with a DeprecationWarning that says where."""

import difflib
import importlib
import importlib.abc
import importlib.machinery
import sys
import types
import warnings
from collections.abc import Iterable
from typing import Any

from lossland.core._floors import FLOORS, face_of

MODULES = {
    "activations": "elements.activations",
    "losses": "elements.losses",
    "registry": "elements",
    "pairing": "elements",
    "combinators": "elements",
    "testing": "elements",
    "datasets": "data",
    "carding": "properties",
    "models": "training",
    "objectives": "training",
    "fitting": "training",
    "sweeping": "training",
    "solver": "solvers",
    "kernels": "solvers",
    "planes": "landscapes",
    "selection": "estimator",
    "tables": "core",
    "page.thinning": "page",
    "comparisons": "experiment",
} | dict.fromkeys(
    ("card_figures", "plane_figures", "field_figures", "path_figures", "topology_figures", "geometry_figures"),
    "figures",
)
"""Modules that users of version 0.1 imported -> where their public names are now."""


def moved_name(name: str, listed: Iterable[str], missing: AttributeError) -> Any:
    """What `lossland.NAME` was before the wings; `missing`, with the nearest name, is raised if no face has the name.

    Args:
        name: of a function or class that a wing gives to users.
        listed: what is on top today.
        missing: the error for a name that nothing has.

    Returns:
        The function or class.
    """
    wings = [wing for floor in reversed(FLOORS) for wing in floor]
    homes = {given: f"lossland.{wing}.{given}" for wing in wings for given in face_of(wing).users}
    if name in homes:
        _warn(f"lossland.{name}", homes[name], stacklevel=3)
        return getattr(importlib.import_module(homes[name].rpartition(".")[0]), name)
    if name.startswith("_"):
        raise missing
    homes |= {each: f"lossland.{each}" for each in listed}
    near = difflib.get_close_matches(name, homes, n=1)
    raise AttributeError(f"{missing}.{f' Did you mean {homes[near[0]]}?' if near else ''}", name=name) from None


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives `import lossland.OLD` a module that hands on to the new one."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        old = fullname.removeprefix("lossland.")
        return importlib.machinery.ModuleSpec(fullname, self) if old != fullname and old in MODULES else None

    def create_module(self, spec: Any) -> Any:
        return types.ModuleType(spec.name)

    def exec_module(self, module: Any) -> None:
        new = f"lossland.{MODULES[module.__name__.removeprefix('lossland.')]}"
        held = importlib.import_module(new)
        _warn(module.__name__, new, stacklevel=2)
        module.__doc__, module.__all__ = held.__doc__, [n for n in dir(held) if not n.startswith("_")]
        module.__getattr__ = lambda name: getattr(held, name)


def find_moved_modules() -> None:
    """Let Python find the modules of 0.1; asked last, so that it costs nothing where a module exists."""
    if not any(type(finder).__name__ == _Finder.__name__ for finder in sys.meta_path):
        sys.meta_path.append(_Finder())


def _warn(old: str, new: str, stacklevel: int) -> None:
    warnings.warn(f"{old} is {new} now; the old place goes in version 0.3.", DeprecationWarning, stacklevel + 1)
