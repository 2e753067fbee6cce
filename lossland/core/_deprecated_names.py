"""Names and modules of version 0.1 that live elsewhere now: still found, with a DeprecationWarning that says where."""

import difflib
import functools
import importlib
import importlib.machinery
import re
import sys
import types
import warnings
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from lossland.core._floors import FLOORS, PACKAGE, face_of

F = TypeVar("F", bound=Callable[..., Any])

MODULES = {"activations": "elements.activations", "losses": "elements.losses"} | {
    module: wing
    for wing, modules in {
        "commands": (
            "card_command cards_command check_command completion_command figures_command landscape_command "
            "list_command page_command run_command solve_command sweep_command tables telling usage"
        ),
        "core": "memory storage",
        "curvature": "crossings densities krylov perturbations refusals spectra",
        "curves": "kinks quintics roughness shapes soundness",
        "data": "datasets files generators",
        "elements": "combinators numerics pairing registry stable testing",
        "estimator": "selection trainers",
        "experiment": "comparisons",
        "figures": "card_figures field_figures geometry_figures path_figures plane_figures topology_figures",
        "geometry": "angles drift flows limits pulls repairs rules",
        "landscapes": (
            "bands buckets connections convexities degrees directions expansions fields headings "
            "interpolations marks moments planes resuming sharing surfaces tangents topology volumes "
            "vtk_files"
        ),
        "minima": "arrangements basins clarke local_slopes mixed piecewise planar programs subdifferentials",
        "properties": ("behaviour calibration card_tables carding duality facts links recognition tails verdicts"),
        "solvers": (
            "boxes certificates descents forms grams implicit interior kernels newton normal paths pieces "
            "polish problems representers separation solver terms"
        ),
        "training": (
            "batches checkpoints fitting grids jobs models objectives processes recording running "
            "sweep_tables sweeping sweeps"
        ),
    }.items()
    for module in modules.split()
}
MODULES |= {f"page.{module}": "page" for module in ("assembly", "clouds", "thinning")}
"""The modules of version 0.1 -> the wing that has what was in them."""


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
    if name in MODULES:
        return importlib.import_module(f"lossland.{name}")
    if name.startswith("_"):
        raise missing
    homes |= {each: f"lossland.{each}" for each in listed}
    near = difflib.get_close_matches(name, homes, n=1)
    raise AttributeError(f"{missing}.{f' Did you mean {homes[near[0]]}?' if near else ''}", name=name) from None


class _Finder:
    """Gives `import lossland.OLD` a module that hands on to the new one."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        old = fullname.removeprefix("lossland.")
        return importlib.machinery.ModuleSpec(fullname, cast(Any, self)) if old != fullname and old in MODULES else None

    def create_module(self, spec: Any) -> Any:
        return types.ModuleType(spec.name)

    def exec_module(self, module: Any) -> None:
        new = f"lossland.{MODULES[module.__name__.removeprefix('lossland.')]}"
        held = importlib.import_module(new)
        _warn(module.__name__, new, stacklevel=2)
        module.__doc__, module.__file__ = held.__doc__, held.__file__
        module.__all__ = [name for name in dir(held) if not name.startswith("_")]
        module.__dir__ = lambda: module.__all__
        module.__getattr__ = lambda name: _inside(held, name)


def _inside(held: Any, name: str) -> Any:
    """A name that a wing's face gives, or that stands in one of its files: a pickle of 0.1 asks for those too."""
    if hasattr(held, name) or name.startswith("__"):
        return getattr(held, name)
    wing = held.__name__.split(".")[1]
    for file in sorted(PACKAGE.glob("*/_[!_]*.py"), key=lambda file: (file.parent.name != wing, file)):
        if re.search(rf"^(class|def) {name}\b|^{name}\b.* = ", file.read_text(), re.MULTILINE):
            return getattr(importlib.import_module(f"lossland.{file.parent.name}.{file.stem}"), name)
    raise AttributeError(f"{held.__name__} has no {name}; version 0.1 may have had it under another name.")


def renamed(**names: str) -> Callable[[F], F]:
    """A decorator that lets a function take a parameter by its name of version 0.1, with a DeprecationWarning.

    Args:
        **names: old name = the name of today.

    Returns:
        The decorator.

    Example:
        >>> import warnings
        >>> twice = renamed(number="x")(lambda x: 2 * x)
        >>> with warnings.catch_warnings(action="ignore"):
        ...     twice(number=3)
        6
    """

    def wrap(function: Any) -> Any:
        @functools.wraps(function)
        def taking(*arguments: Any, **keywords: Any) -> Any:
            for old, new in names.items():
                if old in keywords:
                    _warn(f"The parameter {old} of {function.__name__}", new, stacklevel=2)
                    keywords[new] = keywords.pop(old)
            return function(*arguments, **keywords)

        return taking

    return wrap


def find_moved_modules() -> None:
    """Let Python find the modules of 0.1; asked last, so that it costs nothing where a module exists."""
    if not any(type(finder).__name__ == _Finder.__name__ for finder in sys.meta_path):
        sys.meta_path.append(_Finder())  # type: ignore[arg-type]


def _warn(old: str, new: str, stacklevel: int) -> None:
    warnings.warn(f"{old} is {new} now; the old place goes in version 0.3.", DeprecationWarning, stacklevel + 1)
