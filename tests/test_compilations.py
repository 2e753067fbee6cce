"""An equal second call compiles nothing, and a first one a handful of programs: over every public function of losses.

Losses are combined, models made, optimisers and lambdas written anew for each call: they are equal by what they are.
"""

import importlib
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.core import FLOORS, face_of
from lossland.estimator import PairClassifier, PairClassifierCV

TAKES = {"pair", "pairs", "loss", "optimizer", "objective", "f", "chosen"}
"""The arguments that make a function one of these."""
MAKERS = {"Objective", "Pair", "cards", "check_loss", "check_pair", "label_smoothed", "loss_sum", "objective", "pair",
          "pair_checks", "scaled", "shifted", "smoothed", "truncated", "weighted", "card", "resumed_plane",
          "trajectory_plane", "write_page"}  # fmt: skip
"""What makes a loss or an objective, looks at the function alone, or calls one of the others, and writes files."""
HANDFUL = 12
"""Programs that a first call may compile; more where numbers are still put together one by one."""
MORE = {"sharpness": 30, "hessian_plane": 14, "gradient_weights": 15, "sweep": 14}

# A shape of its own: what other tests have compiled serves none of these.
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(23, 3))
LABELS = np.where(INPUTS @ [1.0, 2.0, 3.0] + RNG.normal(size=23) > 0, 1.0, -1.0)
CENTRE = {"weights": np.array([0.3, -0.2, 0.1]), "bias": np.array(0.05)}
FLAT = {"weights": np.array([0.3, -0.2]), "bias": np.array(0.05)}
AXES = (
    {"weights": np.array([1.0, 0.0, 0.0]), "bias": np.array(0.0)},
    {"weights": np.array([0.0, 1.0, 0.0]), "bias": np.array(0.0)},
    {"weights": np.array([0.0, 0.0, 1.0]), "bias": np.array(0.0)},
)


def data(d=3):
    return ll.Dataset(INPUTS[:, :d], LABELS)


def kinked():
    return ll.pair("identity", ll.weighted("hinge", 2.0))


def smooth():
    return ll.pair("identity", ll.scaled("logistic", 2.0))


def objective(made=None):
    model = ll.Model(lambda key, d: ll.linear().init(key, d), lambda p, x: x @ p["weights"] + p["bias"], "own")
    return ll.objective(smooth() if made is None else made, model, data(), l2=0.1)


def start():
    return jax.tree.map(jnp.float32, CENTRE)


def key():
    return jax.random.key(3)


CALLS = {
    "fit": lambda: ll.fit(objective(kinked()), start(), optax.sgd(0.1), 9, record=lambda p: {"sum": p["bias"] + 1}),
    "sweep": lambda: ll.sweep(
        [kinked(), smooth()], data(), model=ll.mlp((3,)), seeds=2, steps=7, optimizer=lambda rate: optax.sgd(rate)
    ),
    "solve": lambda: ll.solve(ll.weighted("hinge", 2.0), data(), C=[0.5, 1.0]),
    "solve_kernel": lambda: ll.solve_kernel(ll.weighted("hinge", 2.0), data(), C=1.0, gamma=0.5),
    "path": lambda: ll.path(ll.scaled("logistic", 2.0), data(), [0.5, 1.0]),
    "differentiable_solve": lambda: ll.differentiable_solve(
        ll.scaled("logistic", 2.0), jnp.asarray(INPUTS), jnp.asarray(LABELS), 1.0
    ),
    "hessian": lambda: ll.hessian(objective(), start()),
    "hessian_trace": lambda: ll.curvature.hessian_trace(objective(), start()),
    "hessian_diagonal": lambda: ll.curvature.hessian_diagonal(objective(), start()),
    "hessian_vector_product": lambda: ll.curvature.hessian_vector_product(objective(), start(), start()),
    "gauss_newton": lambda: ll.curvature.gauss_newton(objective(), start()),
    "top_eigenvalues": lambda: ll.top_eigenvalues(objective(), start(), 2, key=key()),
    "spectral_density": lambda: ll.spectral_density(objective(), start(), key=key()),
    "sharpness": lambda: ll.sharpness(objective(), start(), 0.1, key=key()),
    "kink_curvature": lambda: ll.kink_curvature(objective(kinked()), start(), 0.1),
    "plane": lambda: ll.plane(kinked(), data(), CENTRE, AXES[:2], radius=1.0, steps=5, quantities=["gradient_norm"]),
    "ray": lambda: ll.ray(smooth(), data(), CENTRE, AXES[0], radius=1.0, steps=5),
    "volume": lambda: ll.volume(smooth(), data(), CENTRE, AXES, radius=1.0, steps=3),
    "shared_planes": lambda: ll.shared_planes([kinked(), smooth()], data(), CENTRE, AXES[:2], radius=1.0, steps=5),
    "random_line": lambda: ll.landscapes.random_line(kinked(), data(), CENTRE, key=key(), steps=5),
    "random_plane": lambda: ll.random_plane(smooth(), data(), CENTRE, key=key(), steps=5),
    "hessian_plane": lambda: ll.landscapes.hessian_plane(smooth(), data(), CENTRE, key=key(), steps=5),
    "hessian_directions": lambda: ll.landscapes.hessian_directions(smooth(), data(), CENTRE, key=key()),
    "gradient_direction": lambda: ll.landscapes.gradient_direction(smooth(), data(), CENTRE),
    "gradient_field": lambda: ll.gradient_field(smooth(), data(), CENTRE, AXES[:2], radius=1.0, steps=5),
    "convexity": lambda: ll.landscapes.convexity(smooth(), data(), CENTRE, AXES[:2], radius=1.0, steps=5),
    "bezier_path": lambda: ll.bezier_path(
        smooth(), data(), CENTRE, AXES[0], steps=5, optimizer=optax.adam(0.1), key=key(), points=5
    ),
    "linear_interpolation": lambda: ll.landscapes.linear_interpolation(smooth(), data(), CENTRE, AXES[0], steps=5),
    "planar_interpolation": lambda: ll.landscapes.planar_interpolation(smooth(), data(), CENTRE, *AXES[:2], steps=5),
    "subsampled_plane": lambda: ll.landscapes.subsampled_plane(
        smooth(), data(), CENTRE, AXES[:2], radius=1.0, steps=5, subsample=9
    ),
    "kink_segments": lambda: ll.landscapes.kink_segments(
        ll.plane(kinked(), data(), CENTRE, AXES[:2], radius=1.0, steps=5), kinked(), data()
    ),
    "cells": lambda: ll.cells(kinked(), data(1), l2=0.1),
    "global_minimum": lambda: ll.global_minimum(kinked(), data(1), l2=0.1),
    "local_minimum": lambda: ll.local_minimum(kinked(), data(2), FLAT),
    "clarke_stationarity": lambda: ll.clarke_stationarity(kinked(), data(2), FLAT),
    "autodiff_selections": lambda: ll.minima.autodiff_selections(kinked(), data(2), FLAT),
    "decision_thresholds": lambda: ll.geometry.decision_thresholds(smooth(), INPUTS[:, 0], LABELS),
    "basin_map": lambda: ll.basin_map(kinked(), data(1), l2=0.1, points=5, steps=9),
    "flow_lines": lambda: ll.geometry.flow_lines(smooth(), data(1), np.zeros((2, 2)), l2=0.1, steps=9, records=3),
    "line_pulls": lambda: ll.geometry.line_pulls(smooth(), data(2), FLAT["weights"], 0.1),
    "gradient_weights": lambda: ll.gradient_weights(objective(), start()),
    "flow_in_log_time": lambda: ll.geometry.flow_in_log_time("logistic", data(), log_time=2.0, records=3, substeps=400),
    "implicit_bias": lambda: ll.implicit_bias("logistic", data(), steps=9, records=3),
    "hidden_svm": lambda: ll.hidden_svm(kinked(), ll.Dataset(INPUTS, np.sign(INPUTS[:, 0]))),
    "PairClassifier": lambda: PairClassifier("relu", ll.scaled("hinge", 2.0), steps=9, random_state=0).fit(
        INPUTS, LABELS
    ),
    "PairClassifierCV": lambda: PairClassifierCV("identity", ll.scaled("hinge", 2.0), Cs=2, cv=2).fit(INPUTS, LABELS),
}


@pytest.fixture
def programs():
    """The names of the programs that were compiled so far."""
    names = []

    def on(event, seconds, **more):
        if event.endswith("backend_compile_duration"):
            names.append(more.get("fun_name", "?"))

    jax.monitoring.register_event_duration_secs_listener(on)
    yield names
    jax.monitoring.unregister_event_duration_listener(on)


def public(wing):
    face = importlib.import_module(f"lossland.{wing}")
    found = {name: getattr(face, name) for name in face_of(wing).users}
    return {name: thing for name, thing in found.items() if inspect.isfunction(thing)}


def test_no_function_is_forgotten():
    wings = [wing for floor in FLOORS for wing in floor if wing not in ("figures", "experiment", "commands")]
    takes = {name for wing in wings for name, f in public(wing).items() if TAKES & set(inspect.signature(f).parameters)}
    assert takes - MAKERS - set(CALLS) == set()


@pytest.mark.parametrize("name", CALLS)
def test_a_second_call_compiles_nothing_and_a_first_a_handful(name, programs):
    # As in a process of its own, whatever ran before.
    jax.clear_caches()
    CALLS[name]()
    assert len(programs) <= MORE.get(name, HANDFUL)
    programs.clear()
    CALLS[name]()
    assert programs == []
