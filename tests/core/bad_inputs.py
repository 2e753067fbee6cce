"""Bad values for every argument of every public function, found by signature; and what an error has to be."""

import functools
import importlib
import inspect
import linecache
import signal
import typing
import warnings
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import lossland as ll
from lossland.core import FLOORS, PACKAGE, Table
from lossland.data import DATASETS
from lossland.estimator import PairClassifier, PairClassifierCV

SECONDS = 60
"""An answer takes this long at most, compiling and a busy machine included."""


def public():
    """Every public function: wing.name -> function; whatever a face lists for users."""
    found = {}
    for wing in (wing for floor in FLOORS for wing in floor):
        face = (PACKAGE / wing / "__init__.pyi").read_text().partition('"""For other wings."""')[0]
        for line in face.splitlines():
            if line.startswith("from .") and " import " in line:
                name = line.split()[-1]
                thing = getattr(importlib.import_module(f"lossland.{wing}"), name)
                if inspect.isfunction(thing):
                    found[f"{wing}.{name}"] = thing
    ll.load("two_points")
    found |= {f"data set {entry.name}": entry.function for entry in DATASETS.values()}
    return found | {f"fit of {kind.__name__}": _fitted(kind) for kind in (PairClassifier, PairClassifierCV)}


def _fitted(kind):
    """Making an estimator and fitting it, where its settings are looked at, with the signature of its kind."""

    def fitted(**settings):
        return kind(**settings).fit(_data().inputs, _data().labels)

    fitted.__signature__ = inspect.signature(kind)
    return fitted


@functools.cache
def _data():
    rng = np.random.default_rng(3)
    labels = np.where(np.arange(12) % 2 == 0, 1.0, -1.0)
    return ll.Dataset(rng.normal(size=(12, 2)) + 3.0 * labels[:, None], labels, name="some")


@functools.cache
def _objective():
    return ll.objective(ll.pair("identity", "logistic"), ll.linear(), _data(), l2=0.1)


def _params(seed=0):
    return ll.linear().init(jax.random.key(seed), 2)


@functools.cache
def _plane():
    return ll.plane(ll.pair("identity", "logistic"), _data(), _params(), (_params(1), _params(2)), radius=1.0, steps=5)


@functools.cache
def _trajectory():
    steps = [_params(seed) for seed in range(4)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *steps)


def _axes():
    from matplotlib.figure import Figure

    return Figure().subplots()


GOOD = {
    "data": _data,
    "pair": lambda: ll.pair("identity", "logistic"),
    "model": ll.linear,
    "params": _params,
    "centre": _params,
    "start": _params,
    "end": lambda: _params(1),
    "goal": lambda: _params(1),
    "direction": lambda: _params(1),
    "a": _params,
    "b": lambda: _params(1),
    "c": lambda: _params(2),
    "vector": _params,
    "directions": lambda: (_params(1), _params(2)),
    "key": lambda: jax.random.key(0),
    "loss": lambda: "logistic",
    "activation": lambda: "identity",
    "pairs": lambda: ["identity+logistic"],
    "f": _objective,
    "objective": _objective,
    "first": _objective,
    "second": _objective,
    "optimizer": lambda: optax.sgd(0.1),
    "steps": lambda: 3,
    "C": lambda: 1.0,
    "Cs": lambda: [1.0, 2.0],
    "C_min": lambda: 0.5,
    "C_max": lambda: 1.0,
    "inputs": lambda: _data().inputs,
    "labels": lambda: _data().labels,
    "weights": lambda: np.array([1.0, 2.0]),
    "bias": lambda: 0.5,
    "radius": lambda: 1.0,
    "subsample": lambda: 5,
    "trajectory": _trajectory,
    "by": lambda: 2.0,
    "at": lambda: 2.0,
    "path": lambda: Path("made.nc"),
    "p": _plane,
    "made": _plane,
    "where": lambda: _plane().values > 1.0,
    "values": lambda: [0, 1, 1],
    "classes": lambda: (0, 1),
    "scores": lambda: np.linspace(-1, 1, 12),
    "starts": lambda: 2,
    "samples": lambda: 2,
    "points": lambda: 4,
    "records": lambda: 3,
    "substeps": lambda: 10,
    "seeds": lambda: 1,
    "chosen": lambda: ["identity+logistic"],
    "epochs": lambda: 2,
    "iterations": lambda: 2,
    "stages": lambda: 2,
    "prove": lambda: False,
    "seconds": lambda: 2.0,
    "m": lambda: 3,
    "differences": lambda: [0.1, 0.2, 0.3],
    "ratio": lambda: 0.25,
    "rope": lambda: 0.01,
    "means": lambda: [0.1, 0.2, -0.1],
    "draws": lambda: 10,
    "seed": lambda: 0,
    "columns": lambda: ["a"],
    "rows": lambda: [[1.0]],
    "title": lambda: "t",
    "table": lambda: Table("t", ("a",), (("1",),)),
    "duals": lambda: np.ones(12),
    "log_time": lambda: 5.0,
    "reference": lambda: "hinge",
    "registry": lambda: importlib.import_module("lossland.elements").LOSSES,
    "quiet": lambda: True,
    "name": lambda: "some",
    "out": lambda: Path("results"),
    "axes": _axes,
}
"""A value that is right, by the name of the argument."""

OWN = {
    "volume": {"directions": lambda: (_params(1), _params(2), _params(3)), "steps": lambda: 3},
    "kink_curvature": {"width": lambda: 0.5, "f": lambda: ll.objective(ll.pair("identity", "hinge"), data=_data())},
    "loss_sum": {"terms": lambda: ("hinge", "logistic")},
    "pair": {"activation": lambda: "identity+hinge"},
    "card": {"activation": lambda: "identity+hinge"},
    "objective": {"data": _data},
    "solve": {"C": lambda: 1.0},
    "solve_kernel": {"C": lambda: 1.0},
    "sharpness": {"samples": lambda: 4},
    "spectral_density": {"points": lambda: 112},
    "redrawn": {"data": _data},
    "support_overlap": {"weights": lambda: np.ones(12)},
    "load": {"name": lambda: "two_points"},
    "load_file": {"path": lambda: "lossland.elements.losses"},
    "angle": {"first": lambda: [1.0, 0.0], "second": lambda: [0.0, 1.0]},
    "gradient_angles": {"points": _trajectory},
    "disagreement": {"first": lambda: ([1.0, 0.0], 0.5), "second": lambda: ([0.0, 1.0], 0.0)},
    "plane_difference": {
        "first": GOOD["pair"],
        "second": lambda: ll.pair("identity", "hinge"),
        "directions": GOOD["directions"],
    },
    "cells": {"pair": lambda: "relu+hinge"},
    "find_experiment": {"name": lambda: "relu_vs_hinge"},
    "basin_shares": {"found": lambda: ll.cells("relu+hinge", _data())},
    "flow_lines": {"starts": lambda: np.ones((2, 2))},
    "group_shares": {"held": lambda: ll.gradient_weights(_objective(), _params())},
    "approach": {"run": lambda: ll.implicit_bias("logistic", _data(), steps=10, records=2)},
    "decision_function": {"solution": lambda: ll.solve_kernel("hinge", _data(), C=1.0)},
    "path_at": {"exact": lambda: ll.hinge_path(_data(), 0.5, 1.0)},
    "autodiff_selections": {"pair": lambda: "identity+hinge"},
    "clarke_stationarity": {"pair": lambda: "identity+hinge"},
    "local_minimum": {"pair": lambda: "identity+hinge"},
    "global_minimum": {"pair": lambda: "identity+hinge"},
    "hidden_svm": {"pair": lambda: "relu+hinge"},
    "read_plane": {"path": lambda: _saved()},
    "read_sweep": {"path": lambda: _swept()},
    "cloud": {"name": lambda: "gaussians"},
    "activation_checks": {"entry": lambda: ll.pair("relu", "hinge").activation},
    "loss_checks": {"entry": lambda: ll.pair("relu", "hinge").loss},
    "merge_tree": {"p": lambda: _plane().values},
    "persistence": {"p": lambda: _plane().values},
    "write_npy": {"path": lambda: _table(), "to": lambda: Path("made.npy")},
    "write_page": {"path": lambda: Path("page.html")},
    "write_vtk": {"path": lambda: Path("plane.vtk")},
    "basin_map": {"points": lambda: 3, "steps": lambda: 3},
    "implicit_bias": {"loss": lambda: "logistic"},
    "random_features": {"width": lambda: 1.0},
    "holm": {"p": lambda: [0.1, 0.2]},
    "table": {"rows": lambda: [["1"]]},
    "choose": {"where": lambda: "labels"},
    "check_pair": {"activation": lambda: "identity", "loss": lambda: "hinge"},
}
"""Where an argument of that name means something else, or another value is quicker."""

LEFT_OUT = {
    "experiment": "takes modules and results of an experiment; `lossland run` is tried as a command",
    "figures": "draws results that other functions made",
    "core": "renders tables",
}
"""Wings whose functions take what only lossland makes."""

FILL = {
    "steps",
    "samples",
    "starts",
    "points",
    "records",
    "substeps",
    "epochs",
    "iterations",
    "stages",
    "seconds",
    "draws",
    "seeds",
    "radius",
    "log_time",
    "key",
    "pairs",
    "chosen",
    "columns",
}
"""Arguments that are given even where they may be left out: the default takes longer."""


@functools.cache
def _saved():
    path = Path.cwd() / "saved_plane.nc"
    _plane().to_xarray().to_netcdf(path, engine="h5netcdf")
    return path


def _table():
    Path("table.csv").write_text("a,b,kind\n1,2,0\n3,4,1\n")
    return Path("table.csv")


@functools.cache
def _swept():
    return ll.sweep(["identity+logistic"], _data(), seeds=1, steps=2, folder=Path.cwd()).path


def arguments(name, function):
    """(positional, named) values that are right for a function, by its signature."""
    own = OWN.get(name.rpartition(".")[2], {})
    named = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind == parameter.VAR_POSITIONAL and parameter.name in own:
            return own[parameter.name](), {}
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        needed = parameter.default is parameter.empty
        if parameter.name in own or (parameter.name in GOOD and (needed or parameter.name in FILL)):
            named[parameter.name] = own.get(parameter.name, GOOD.get(parameter.name))()
        elif needed:
            raise KeyError(f"{name} has an argument {parameter.name} of which tests/core/bad_inputs.py knows no value")
    return (), named


BAD = {
    "NaN": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "1e300": lambda: 1e300,
    "10**400": lambda: 10**400,
    "-1": lambda: -1,
    "0": lambda: 0,
    "True": lambda: True,
    "3.7": lambda: 3.7,
    "text 3": lambda: "3",
    "empty text": str,
    "unknown name": lambda: "no such thing",
    "None": lambda: None,
    "[]": list,
    "{}": dict,
    "object": object,
    "complex": lambda: 1 + 2j,
    "bytes": lambda: b"3",
    "array (2, 3, 4)": lambda: np.ones((2, 3, 4)),
    "empty array": lambda: np.zeros(0),
    "objects": lambda: np.array([None, "a"], dtype=object),
    "NaN array": lambda: np.full(12, np.nan),
    "words": lambda: np.array(["a", "b"]),
    "ragged": lambda: [1.0, [2.0, 3.0]],
    "Dataset": _data,
    "function of no argument": lambda: lambda: 1.0,
    "tree of text": lambda: {"weights": "a", "bias": None},
}
"""By name, a function that makes a bad value; some of them are right for some arguments."""


class TooLong(Exception):
    """An answer did not come in time."""


@contextmanager
def limited(seconds):
    """Within the block an alarm ends what takes too long."""

    def ring(number, frame):
        raise TooLong

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def trouble(call):
    """What is wrong with how a call ends: "" for a result or an error with a sentence of lossland's own."""
    try:
        with limited(SECONDS), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = call()
            if inspect.isgenerator(made):
                list(made)
    except TooLong:
        return f"no answer in {SECONDS} s"
    except BaseException as error:
        return unnamed(error)
    return ""


def unnamed(error):
    """Why an error is not a sentence of lossland's own; "" if it is one."""
    kind = type(error)
    last = error.__traceback__
    while last.tb_next is not None:
        last = last.tb_next
    file, number = last.tb_frame.f_code.co_filename, last.tb_lineno
    told = f"{kind.__name__}: {str(error)[:200]!r} at {Path(file).parent.name}/{Path(file).name}:{number}"
    if "sklearn" in kind.__module__ or "sklearn" in file:
        return "" if len(str(error)) > 10 else told  # scikit-learn's own settings, cv and scoring, are told by it
    if "sklearn" in kind.__module__ or "sklearn" in file:
        return "" if len(str(error)) > 10 else told  # scikit-learn's own settings, cv and scoring, are told by it
    if isinstance(error, OSError) and error.errno is not None and error.filename is not None:
        return ""  # the system names the file
    if not isinstance(error, (ValueError, TypeError, OSError)) and not kind.__module__.startswith("lossland"):
        return told
    if not Path(file).is_relative_to(PACKAGE) or not linecache.getline(file, number).strip().startswith("raise"):
        return told
    return "" if len(str(error)) > 10 else told


def must_refuse(function, name, bad):
    """Whether a bad value of this argument may not give a result: counts that are none, data that are no Dataset."""
    hint = typing.get_type_hints(function).get(name)
    if hint is int or hint == (int | None):
        return bad in {"NaN", "inf", "1e300", "10**400", "True", "3.7", "text 3", "complex", "objects", "[]", "{}"} or (
            bad == "-1" and name != "units"
        )
    return hint is ll.Dataset and bad != "Dataset"
