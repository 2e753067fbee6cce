"""How time and memory grow: log-log slopes over two decades of each size, beside the slope that theory gives.

    python benchmarks/scaling.py [--laws solve_n,cells_n] [--small] [--out benchmarks/results]

Each law runs in a process of its own on one processor, smallest size first. A size is called once to compile, then
timed: the processor's time of the quickest of three calls, of one where a call takes longer than two seconds. So other
programs on the machine do not bend the laws. Memory is the process's peak over those calls, above what it held before
the first call of all, so a size's memory holds what earlier sizes left behind. Slopes are least squares over log size,
with their 95 % interval: of time over all sizes, and of both over the last decade, which a call's fixed cost bends less
(memory from 10 MB on). Theory's slope is what the algorithm's operations and arrays give; two slopes are a range.
`--small` only tries whether all of it runs.
"""

import argparse
import gc
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import t as student

import lossland as ll
from lossland.core import replacing, show, table, versions

LEAST_MB = 10.0
"""Memory from which it is fitted."""
LONG = 2.0
"""Seconds of a call from which it is made once."""
ALONE = {name: "1" for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")}


class Law(NamedTuple):
    """A cost as a function of one size.

    Attributes:
        call: what is measured, in words.
        size: what grows.
        sizes: from the smallest on.
        make: size -> a function to be timed.
        time: theory's slope, or (least, most).
        memory: the same of the memory that a call adds.
        why: theory in words.
    """

    call: str
    size: str
    sizes: tuple[int, ...]
    make: Callable[[int], Callable[[], Any]]
    time: tuple[float, float]
    memory: tuple[float, float]
    why: str


def span(least, most):
    """Sizes from `least` to `most`: two a decade, and four in the last one."""
    decades = np.log10(most / least)
    places = [*np.arange(0.0, decades - 1.2, 0.5), *np.arange(decades - 1.0, decades + 0.01, 0.25)]
    return tuple(round(least * 10**place) for place in places)


def drawn(n, d):
    """Two Gaussian classes on a random direction, a tenth of the labels turned."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(n, d))
    labels = np.where(inputs @ rng.normal(size=d) + 0.5 * rng.normal(size=n) > 0, 1, -1)
    labels = np.where(rng.random(n) < 0.1, -labels, labels)
    labels[:2] = 1, -1
    return ll.Dataset(inputs, labels)


def solving(loss, n, d, C=1.0):
    data = drawn(n, d)
    return lambda: ll.solve(loss, data, C=C)


def strengths(n):
    return np.geomspace(0.1, 10.0, n)


def kernel_machine(n):
    data = drawn(n, 20)
    return lambda: ll.solve_kernel("hinge", data, C=1.0)


def sweeping(pairs, n, d, models):
    data, rates = drawn(n, d), np.geomspace(1e-4, 1e-2, models)
    settings = {"seeds": 1, "learning_rates": rates, "l2s": (1e-3,), "steps": 50, "record": (0,)}
    return lambda: ll.sweep(pairs, data, **settings)


def some_pairs(count):
    """So many pairs in an order that does not sort the cheap from the dear."""
    names = [pair.name for pair in ll.pairs()]
    return [names[k] for k in np.random.default_rng(0).permutation(len(names))[:count]]


def planes(pair, n, steps):
    data, centre = drawn(n, 30), ll.linear().init(jax.random.key(0), 30)
    directions = ll.random_directions(centre, jax.random.key(1))
    return lambda: ll.plane(ll.pair(pair), data, centre, directions, radius=1.0, steps=steps)


def taken_apart(n):
    data = drawn(n, 2)
    return lambda: ll.cells("relu+hinge", data, box=3.0)


def of_pieces(count):
    """The card of a convex loss with so many kinks, made anew at each call: a pair that was seen is not read again."""

    def fresh():
        knots = np.linspace(-1.0, 1.0, count)

        @ll.margin_loss
        def many_kinks(margin):
            """A sum of hinges."""
            return sum(jnp.maximum(0.0, float(knot) - margin) for knot in knots) / count

        return ll.card("identity", many_kinks)

    return fresh


def squares(sizes):
    """Odd numbers of steps whose squares come near the sizes."""
    return tuple(2 * round((size**0.5 - 1) / 2) + 1 for size in sizes)


LAWS = {
    "solve_n": Law("solve, hinge, n x 30", "examples n", span(300, 100_000), lambda n: solving("hinge", n, 30),
                   (1, 1), (1, 1), "steps x n d^2"),
    "solve_smooth_n": Law("solve, logistic, n x 30", "examples n", span(300, 100_000),
                          lambda n: solving("logistic", n, 30), (1, 1), (1, 1), "steps x n d^2"),
    "solve_d": Law("solve, hinge, 3000 x d", "inputs d", span(3, 320), lambda d: solving("hinge", 3000, d),
                   (1, 2), (1, 2), "steps x (n d + n d^2 + d^3); the inputs and a d x d matrix"),
    "solve_C": Law("solve, hinge, 569 x 30, k values of C", "values k", span(1, 320),
                   lambda k: solving("hinge", 569, 30, strengths(k)), (1, 1), (1, 1), "k problems side by side"),
    "kernel_n": Law("solve_kernel, hinge, n x 20", "examples n", span(50, 5600), kernel_machine,
                    (2, 3), (2, 2), "n^2 kernel entries; systems of the free duals, a share of n, cubed"),
    "sweep_models": Law("sweep, 2 pairs, 569 x 30, 50 steps", "models", span(10, 2000),
                        lambda m: sweeping(["identity+hinge", "sigmoid+cross_entropy"], 569, 30, m // 2),
                        (1, 1), (0, 1), "models x n d; blocks are as large as the cache, results grow"),
    "sweep_n": Law("sweep, 2 pairs x 16 models, n x 30", "examples n", span(100, 20_000),
                   lambda n: sweeping(["identity+hinge", "sigmoid+cross_entropy"], n, 30, 16),
                   (1, 1), (0, 1), "models x n d"),
    "sweep_d": Law("sweep, 2 pairs x 16 models, 1000 x d", "inputs d", span(3, 600),
                   lambda d: sweeping(["identity+hinge", "sigmoid+cross_entropy"], 1000, d, 16),
                   (0, 1), (0, 1), "models x n d, and n slopes a model whatever d is"),
    "plane_kinks_pixels": Law("plane, hinge, 569 x 30", "pixels", squares(span(100, 1_000_000)),
                              lambda s: planes("identity+hinge", 569, s), (0.5, 1), (0, 1),
                              "rows x n kinks sorted into cells, and a sum a pixel"),
    "plane_scores_pixels": Law("plane, tanh + logistic, 569 x 30", "pixels", squares(span(100, 25_000)),
                               lambda s: planes("tanh+logistic", 569, s), (1, 1), (0, 1), "pixels x n losses"),
    "plane_kinks_n": Law("plane, hinge, n x 30, 101 x 101", "examples n", span(100, 20_000),
                         lambda n: planes("identity+hinge", n, 101), (0, 1), (0, 1), "rows x n kinks, rows^2 pixels"),
    "plane_scores_n": Law("plane, tanh + logistic, n x 30, 51 x 51", "examples n", span(100, 20_000),
                          lambda n: planes("tanh+logistic", n, 51), (1, 1), (0, 1), "pixels x n losses"),
    "cells_n": Law("cells, relu + hinge", "examples n", span(3, 320), taken_apart,
                   (2, 3), (2, 2), "n^2 cells, vertices and edges, each held against all n examples at once"),
    "card_pieces": Law("card, a loss of k kinks", "kinks k", span(1, 100), of_pieces,
                       (1, 2), (0, 1), "k kinks are found, each in a program of k terms"),
    "sweep_pairs": Law("sweep, p pairs x 4 models, 569 x 30", "pairs p", (6, 19, 60, 190, 600),
                       lambda p: sweeping(some_pairs(p), 569, 30, 4), (1, 1), (0, 1), "pairs x models x n d"),
}  # fmt: skip


# ------------------------------------------------------------------------------------------------- within its process


def memory(what):
    """Resident megabytes now ("VmRSS") or at the peak ("VmHWM")."""
    with open("/proc/self/status") as told:
        return next(int(line.split()[1]) for line in told if line.startswith(what)) / 1024


def forget_peak():
    """Let the peak begin anew; where Linux does not allow it the peak is that of the process, compilation included."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        pass


def run(name, small):
    """Measure one law here, a line of JSON for each size."""
    law = LAWS[name]
    if hasattr(os, "sched_setaffinity"):
        # Before JAX makes its threads.
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    jnp.zeros(3).block_until_ready()
    law.make(law.sizes[0])()
    gc.collect()
    before = memory("VmRSS")
    for size in law.sizes[:2] if small else law.sizes:
        call = law.make(size)
        start = time.process_time()
        call()
        first = time.process_time() - start
        gc.collect()
        forget_peak()
        taken = []
        while not taken or (len(taken) < 3 and taken[0] < LONG):
            start = time.process_time()
            held = call()
            taken.append(time.process_time() - start)
            del held
        peak = memory("VmHWM")
        places = size**2 if law.size == "pixels" else size
        row = {"size": places, "seconds": min(taken), "first": first, "mb": max(peak - before, 0.0)}
        print(json.dumps(row), flush=True)


# ---------------------------------------------------------------------------------------------------- all, and slopes


def slope(sizes, values):
    """(slope, half its 95 % interval) of log value over log size; None of fewer than three points."""
    if len(sizes) < 3:
        return None
    x, y = np.log10(sizes), np.log10(values)
    x = x - x.mean()
    found = float(x @ y / (x @ x))
    left = y - y.mean() - found * x
    error = np.sqrt(left @ left / (len(x) - 2) / (x @ x))
    return found, float(student.ppf(0.975, len(x) - 2) * error)


def judged(found, theory):
    """Whether a slope's interval reaches above theory, below it, or holds some of it."""
    if found is None:
        return "too few points"
    low, high = found[0] - found[1], found[0] + found[1]
    if low > theory[1] + 0.05:
        return "above"
    return "below" if high < theory[0] - 0.05 else "as theory"


def measured(name, small):
    """The rows of one law, from a process of its own."""
    words = [sys.executable, __file__, "--within", name, *(["--small"] if small else [])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=900, env=os.environ | ALONE)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def fitted(law, rows):
    """A law's slopes beside theory's, of its rows."""
    sizes, seconds, mb = (np.array([row[key] for row in rows]) for key in ("size", "seconds", "mb"))
    last = sizes >= sizes[-1] / 11
    held = last & (mb > LEAST_MB)
    time = {"all": slope(sizes, seconds), "last_decade": slope(sizes[last], seconds[last]), "theory": law.time}
    room = {"last_decade": slope(sizes[held], mb[held]), "theory": law.memory}
    for fit in (time, room):
        fit["verdict"] = judged(fit["last_decade"], fit["theory"])
    return {"call": law.call, "size": law.size, "why": law.why, "time": time, "memory": room, "rows": rows}


def in_words(found):
    return "" if found is None else f"{found[0]:.2f} ± {found[1]:.2f}"


def report(laws):
    """Print the table of slopes."""
    rows = [
        (law["call"], law["size"], in_words(law["time"]["all"]), in_words(law["time"]["last_decade"]),
         "-".join(f"{x:g}" for x in dict.fromkeys(law["time"]["theory"])), law["time"]["verdict"],
         in_words(law["memory"]["last_decade"]), "-".join(f"{x:g}" for x in dict.fromkeys(law["memory"]["theory"])),
         law["memory"]["verdict"])
        for law in laws.values()
    ]  # fmt: skip
    heads = ("call", "grows", "time", "last decade", "theory", "", "memory", "theory", "")
    show(table("Log-log slopes with 95 % intervals", heads, rows))


def save(path, laws):
    """Write what has been measured so far."""
    path.parent.mkdir(parents=True, exist_ok=True)
    machine = {"device": str(jax.devices()[0].device_kind), "cpus": os.cpu_count(), "machine": platform.machine()}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"environment": machine | versions(), "laws": laws}, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--laws", default=",".join(LAWS))
    parser.add_argument("--small", action="store_true", help="two sizes of each; nothing is saved but what --out names")
    parser.add_argument("--within", help="measure this law here; for the processes that this one starts")
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    if given.within:
        run(given.within, given.small)
        return
    folder = given.out or (None if given.small else Path(__file__).parent / "results")
    path = None if folder is None else folder / f"scaling_{jax.default_backend()}.json"
    held = json.loads(path.read_text())["laws"] if path is not None and path.exists() else {}
    for name in given.laws.split(","):
        held[name] = {"rows": measured(name, given.small)}
        # All are fitted anew, by one rule.
        laws = {name: fitted(law, held[name]["rows"]) for name, law in LAWS.items() if name in held}
        print(name, json.dumps({key: laws[name][key] for key in ("time", "memory")}), flush=True)
        if path is not None:
            save(path, laws)
    report(laws)


if __name__ == "__main__":
    main()
