"""A million steps of descent for 64 step sizes at once, against the same loop in NumPy; certificates and maps.

    python benchmarks/geometry.py [--rounds 3] [--out benchmarks/results]

The bar is the issue's: 10^6 steps of the two-point problem for 64 settings in under 30 s on 2 cores, cold (compiling
included). NumPy takes 10^4 of the steps, on the same (64, 2) array; the ratio is per step, of the warm run.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import jax
import numpy as np

import lossland as ll
from lossland.core import replacing, show, table, versions

STEPS, SETTINGS = 10**6, 64
RATES = np.linspace(0.05, 1.0, SETTINGS)


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def numpy_steps(loss, steps):
    """The same descent, written with NumPy's own operations."""
    data = ll.load("two_points")
    rows, points = data.labels[:, None] * data.inputs, np.zeros((SETTINGS, 2))
    for _ in range(steps):
        margins = points @ rows.T
        pulls = np.exp(-margins) if loss == "exponential" else 1.0 / (1.0 + np.exp(margins))
        points = points + RATES[:, None] * (pulls @ rows)
    return points


def long_runs(rounds):
    data = ll.load("two_points")
    rows = {}
    for loss in ("exponential", "logistic"):
        cold = seconds(lambda loss=loss: ll.implicit_bias(loss, data, steps=STEPS, learning_rates=RATES))
        warm, theirs = [], []
        for _ in range(rounds):
            warm.append(seconds(lambda loss=loss: ll.implicit_bias(loss, data, steps=STEPS, learning_rates=RATES)))
            theirs.append(100 * seconds(lambda loss=loss: numpy_steps(loss, STEPS // 100)))
        last = ll.implicit_bias(loss, data, steps=10_000, learning_rates=RATES, records=1).points[:, -1]
        error = float(np.abs(last - numpy_steps(loss, 10_000)).max())
        ratio = float(np.median(np.array(theirs) / np.array(warm)))
        rows[f"{STEPS} steps x {SETTINGS}, {loss}"] = {
            "cold": cold, "warm": float(np.median(warm)), "numpy": float(np.median(theirs)), "ratio": ratio,
            "differs_by": error, "below_30_s": cold < 30.0,
        }  # fmt: skip
    return rows


def others(rounds):
    """Warm times of what is not compared to a peer."""
    clouds = ll.load("two_gaussians(n=40, distance=8.0, seed=1)")
    real = ll.standardise(ll.load("breast_cancer"))
    line = ll.Dataset([[-2.0], [-1.0], [-0.3], [0.4], [1.0], [2.0]], [-1, 1, -1, 1, -1, 1])
    calls = {
        "Clarke, 40 tied, all cells": lambda: ll.clarke_stationarity("relu+hinge", clouds, np.zeros(3)),
        "Clarke, 569 tied, sampled": lambda: ll.clarke_stationarity("relu+hinge", real, np.zeros(31)),
        "basin map, 61 x 61 descents": lambda: ll.basin_map("relu+hinge", line, box=4.0),
        "flow to log t = 700": lambda: ll.geometry.flow_in_log_time("logistic", ll.load("two_points"), log_time=700.0),
    }
    held = {}
    for name, call in calls.items():
        cold = seconds(call)
        held[name] = {"cold": cold, "warm": float(np.median([seconds(call) for _ in range(rounds)]))}
    return held


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    results = long_runs(options.rounds) | others(options.rounds)
    columns = ("cold", "warm", "numpy", "ratio")
    lines = [(name, *(f"{row[k]:.3g}" if k in row else "" for k in columns)) for name, row in results.items()]
    show(table("Geometry", ("what", "cold, s", "warm, s", "NumPy, s", "NumPy / ours"), lines))
    device = jax.devices()[0]
    environment = {"device": device.device_kind, "machine": platform.machine(), "cpus": os.cpu_count()}
    environment |= {"blas": os.environ.get("OPENBLAS_NUM_THREADS", "all"), "load": os.getloadavg()[0]} | versions()
    options.out.mkdir(parents=True, exist_ok=True)
    with replacing(options.out / f"geometry_{device.platform}.json") as temporary:
        temporary.write_text(json.dumps({"environment": environment, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
