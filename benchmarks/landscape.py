"""A plane of a linear model: our time against loss-landscapes', and against our own slower ways.

    python benchmarks/landscape.py [--rounds 5] [--out benchmarks/results]

loss-landscapes and torch are not installed by `make bench` (pip install torch loss-landscapes); without them their
column stays empty. Each round times all one after the other, short ones several times in a row; medians of the rounds
are reported, the first call of each left out. Theirs runs in float32, ours in float64: exact for the hinge, with an
error proven to be below 1e-6 for the logistic loss. Beside the times stands how far ours is from the mean loss computed
example by example in float64, at 500 pixels, and how far the same is in float32.
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

WORK = [("569 x 30", "hinge", 101), ("569 x 30", "logistic", 101), ("10000 x 100", "hinge", 101)]
WORK += [("10000 x 100", "logistic", 101), ("569 x 30", "hinge", 1001), ("569 x 30", "logistic", 1001)]


def data_of(shape):
    if shape == "569 x 30":
        return ll.standardise(ll.load("breast_cancer"))
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(10_000, 100))
    labels = np.where(inputs @ rng.normal(size=100) + rng.normal(size=10_000) > 0, 1, -1)
    return ll.Dataset(inputs, labels)


def theirs(data, loss, steps):
    """A function that computes loss-landscapes' random plane; None where it is not installed."""
    # Threads that spin after torch's work is done would take the cores from whoever is timed next.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    try:
        import loss_landscapes
        import loss_landscapes.metrics
        import torch
    except ImportError:
        return None
    model = torch.nn.Linear(data.d, 1)
    inputs = torch.tensor(np.asarray(data.inputs), dtype=torch.float32)
    labels = torch.tensor(np.asarray(data.labels), dtype=torch.float32)[:, None]
    losses = {
        "hinge": lambda z, t: torch.relu(1 - t * z).mean(),
        "logistic": lambda z, t: torch.nn.functional.softplus(-t * z).mean(),
    }
    metric = loss_landscapes.metrics.Loss(losses[loss], inputs, labels)
    # Without a copy it would leave the model moved, and the next call start elsewhere.
    return lambda: loss_landscapes.random_plane(model, metric, 1, steps, normalization="filter", deepcopy_model=True)


def ours(data, loss, steps, method, tolerance=0.0):
    pair, centre = ll.pair("identity", loss), ll.linear().init(jax.random.key(0), data.d)
    directions = ll.random_directions(centre, jax.random.key(1))
    return lambda: ll.plane(pair, data, centre, directions, radius=1.0, steps=steps, method=method, tolerance=tolerance)


def errors(data, loss, made):
    """The largest error of our plane at 500 pixels, and that of the same mean losses in float32."""
    rng = np.random.default_rng(0)
    i, j = rng.integers(len(made.alphas), size=500), rng.integers(len(made.betas), size=500)
    points = [np.append(np.asarray(p["weights"], float), float(p["bias"])) for p in (made.centre, *made.directions)]
    at = points[0] + made.alphas[i, None] * points[1] + made.betas[j, None] * points[2]
    inputs = np.hstack([data.inputs, np.ones((data.n, 1))])

    def means(kind):
        margins = np.asarray(data.labels, kind)[:, None] * (inputs.astype(kind) @ at.T.astype(kind))
        return _losses(loss, margins).mean(axis=0)

    exact = means(np.float64)
    return float(np.abs(made.values[i, j] - exact).max()), float(np.abs(means(np.float32) - exact).max())


def _losses(loss, margins):
    return np.maximum(0, 1 - margins) if loss == "hinge" else np.logaddexp(0, -margins)


def seconds(way):
    """Seconds of one call: the mean of as many as take a twentieth of a second, after one that is not counted."""
    way()
    start, count = time.perf_counter(), 0
    while count == 0 or time.perf_counter() - start < 0.05:
        way()
        count += 1
    return (time.perf_counter() - start) / count


def measure(shape, loss, steps, rounds):
    """One row: seconds of each way."""
    data = data_of(shape)
    ways = {"ours": ours(data, loss, steps, "fastest", 1e-6)}
    slow = steps > 101
    if not slow:
        ways |= {"scores": ours(data, loss, steps, "scores"), "model": ours(data, loss, steps, "model")}
    peer = theirs(data, loss, steps)
    made = ways["ours"]()
    for name, way in ways.items():
        if name != "ours":
            way()
    times = {name: [] for name in ways}
    if peer is not None:
        times["loss-landscapes"] = []
    for k in range(rounds):
        for name, way in ways.items():
            times[name].append(seconds(way))
        # A plane of a million points takes them a quarter of a minute: once is enough.
        if peer is not None and (k == 0 or not slow):
            start = time.perf_counter()
            peer()
            times["loss-landscapes"].append(time.perf_counter() - start)
    row = {"data": shape, "loss": loss, "steps": steps, "method": made.method}
    row["error"], row["float32_error"] = errors(data, loss, made)
    row["bound"] = made.error
    row |= {f"{name}_ms": 1e3 * float(np.median(t)) for name, t in times.items()}
    if peer is not None:
        row["ratio"] = float(np.median(times["loss-landscapes"]) / np.median(times["ours"]))
    print(json.dumps(row), flush=True)
    return row


TWELVE = ["identity+hinge", "relu+hinge", "leaky_relu+hinge", "hard_tanh+hinge", "identity+squared_hinge"]
TWELVE += ["identity+absolute", "identity+perceptron", "identity+ramp", "identity+modified_huber", "relu+squared"]
TWELVE += ["hard_tanh+squared", "identity+squared"]


def small_and_many(rounds):
    """The call to result of a small plane, and twelve pairs in one pass against twelve passes: milliseconds."""
    data = data_of("569 x 30")
    centre = ll.linear().init(jax.random.key(0), data.d)
    directions = ll.random_directions(centre, jax.random.key(1))
    pairs = [ll.pair(name) for name in TWELVE]
    ways = {
        "small": ours(data, "hinge", 11, "fastest"),
        "together": lambda: ll.shared_planes(pairs, data, centre, directions, radius=1.0),
        "apart": lambda: [ll.plane(p, data, centre, directions, radius=1.0) for p in pairs],
    }
    times = {name: [] for name in ways}
    for k in range(rounds + 1):
        for name, way in ways.items():
            took = 1e3 * seconds(way)
            if k:
                times[name].append(took)
    found = {f"{name}_ms": float(np.median(t)) for name, t in times.items()}
    found["apart_over_together"] = float(np.median(np.array(times["apart"]) / np.array(times["together"])))
    print(json.dumps(found), flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    given = parser.parse_args()
    rows = [measure(*work, given.rounds) for work in WORK]
    more = small_and_many(4 * given.rounds)
    machine = {"device": str(jax.devices()[0].device_kind), "cores": os.cpu_count(), "machine": platform.machine()}
    held = {
        "rows": rows,
        "small_and_twelve": more,
        "environment": machine | {"rounds": given.rounds, "versions": versions()},
    }
    given.out.mkdir(parents=True, exist_ok=True)
    with replacing(given.out / f"landscape_{jax.default_backend()}.json") as temporary:
        temporary.write_text(json.dumps(held, indent=1) + "\n")
    columns = ("data", "loss", "steps", "method", "ours, ms", "scores, ms", "model, ms", "theirs, ms", "ratio")
    columns += ("our error", "float32's")
    keys = ("ours_ms", "scores_ms", "model_ms", "loss-landscapes_ms", "ratio", "error", "float32_error")
    shown = [(*list(r.values())[:4], *(f"{r[k]:.3g}" if k in r else "" for k in keys)) for r in rows]
    show(table("A plane, theirs / ours", columns, shown))


if __name__ == "__main__":
    main()
