"""Sweep, solve and plane on JAX's device, each as a share of what that device's matrix products reach when timed alone.

    python benchmarks/devices.py [--small] [--beside other/devices_cpu.json] [--out benchmarks/results]

`benchmarks/gpu.sh` runs it on the processors and on the GPU of one machine, one after the other. Rates of matrix
products, in float32 as JAX makes them by default and at its highest precision, and in float64, and the rate of copies
are measured first, on the same device. Of each call stand the seconds (the median of three, after one that compiles),
the arithmetic of its matrix products alone, by count, and that as a share of the measured rate: of float32 by default
for a sweep, of float64 for `solve` and planes. What is no matrix product (losses, slopes, sorting, certificates on the
host) makes the share smaller; it is not counted. `solve` is also timed on the host, by NumPy, which is what `devices=`
left out means.
"""

import argparse
import functools
import json
import os
import platform
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import lossland as ll
from lossland.core import replacing, show, table, versions

TWELVE = [f"{a}+{b}" for a in ("identity", "tanh", "softplus") for b in ("hinge", "logistic", "squared", "ramp")]


def drawn(n, d):
    """Two Gaussian classes on a random direction, a tenth of the labels turned."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(n, d))
    labels = np.where(inputs @ rng.normal(size=d) + 0.5 * rng.normal(size=n) > 0, 1, -1)
    return ll.Dataset(inputs, np.where(rng.random(n) < 0.1, -labels, labels))


def seconds(call, rounds=3):
    """The median seconds of a call, after one that compiles."""
    call()
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        # Results of lossland are NumPy arrays, and there; those of JAX are waited for.
        jax.block_until_ready(call())
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def rates(side, numbers):
    """Flops a second of square matrix products, by type and precision, and bytes a second of a copy."""
    found = {}
    for name, dtype, precision in (
        ("float32", jnp.float32, "default"),
        ("float32_highest", jnp.float32, "highest"),
        ("float64", jnp.float64, "highest"),
    ):
        with jax.enable_x64(True):
            a, b = (jax.random.normal(jax.random.key(k), (side, side), dtype) for k in range(2))
            product = jax.jit(lambda a, b, precision=precision: jnp.matmul(a, b, precision=precision))
            found[name] = 2 * side**3 / seconds(lambda product=product, a=a, b=b: product(a, b), 5)
    held = jnp.ones(numbers, jnp.float32)
    found["bytes"] = 8 * numbers / seconds(lambda: (jax.jit(lambda x: 2 * x))(held), 5)
    return found


def sweep(small):
    """Seconds a step of all models, the difference of two calls, and the flops of its two products."""
    n, d, models = (500, 20, 10) if small else (10_000, 100, 500)
    data, lengths = drawn(n, d), (4, 24)
    settings = {"seeds": 1, "learning_rates": np.geomspace(1e-4, 1e-2, models), "l2s": (1e-3,), "record": (0,)}
    if jax.default_backend() != "cpu":
        # All models of a pair at once: a GPU has room for it, and wants it.
        settings["block_scores"] = len(TWELVE) * models * n
    short, long = (seconds(lambda s=steps: ll.sweep(TWELVE, data, steps=s, **settings).status) for steps in lengths)
    step = max(long - short, 1e-9) / (lengths[1] - lengths[0])
    count = len(TWELVE) * models
    return {"what": f"sweep, {count} models, {n} x {d}", "seconds": step, "flop": 4 * count * n * d, "of": "float32"}


def solve(small):
    """Seconds on the device and on the host, and the flops of the Gram products of all steps."""
    found = []
    for loss, n, d, k in (("hinge", 10_000, 100, 21), ("logistic", 10_000, 100, 21), ("hinge", 100_000, 30, 1)):
        n, d, k = (n // 50, d // 10, min(k, 3)) if small else (n, d, k)
        data, C = drawn(n, d), np.logspace(-3, 1, k)
        on_device = functools.partial(ll.solve, loss, data, C=C, devices=jax.devices()[:1])
        made, took = on_device(), seconds(on_device)
        host = seconds(functools.partial(ll.solve, loss, data, C=C))
        flop = 2 * float(np.sum(made.iterations)) * n * (d + 1) ** 2
        row = {"what": f"solve, {loss}, {n} x {d}, {k} values of C", "seconds": took, "flop": flop, "of": "float64"}
        found.append(row | {"host_seconds": host, "worst_gap": float(np.max(made.gap))})
    return found


def plane(small):
    """Seconds of a plane whose scores are affine in it: a product of places and score rows, then a loss a score."""
    n, steps = (500, 11) if small else (10_000, 301)
    data, centre = drawn(n, 30), ll.linear().init(jax.random.key(0), 30)
    axes = ll.random_directions(centre, jax.random.key(1))
    took = seconds(lambda: ll.plane(ll.pair("tanh+logistic"), data, centre, axes, radius=1.0, steps=steps).values)
    what = f"plane, tanh + logistic, {n} x 30, {steps} x {steps}"
    return {"what": what, "seconds": took, "flop": 4 * n * steps**2, "of": "float64", "losses": n * steps**2 / took}


def report(held):
    """Print what was measured."""
    for name, each in held.items():
        if name in ("device", "beside"):
            rate = each["rates"]
            told = ", ".join(f"{key} {rate[key] / 1e12:.3g} Tflop/s" for key in rate if key != "bytes")
            print(f"{each['environment']['device']}: {told}, copies {rate['bytes'] / 1e9:.3g} GB/s")
    rows = [
        (row["what"], f"{1e3 * row['seconds']:.3g}", f"{row['flop'] / row['seconds'] / 1e9:.3g}", row["of"],
         f"{100 * row['share']:.2g} %", f"{row['faster']:.3g}" if "faster" in row else "",
         f"{row['host_seconds'] / row['seconds']:.3g}" if "host_seconds" in row else "")
        for row in held["device"]["rows"]
    ]  # fmt: skip
    columns = ("what", "ms", "Gflop/s", "rate of", "share of it", "other / this", "host by NumPy / this")
    show(table("Shares of the matrix rate measured on the same device", columns, rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--small", action="store_true", help="tiny sizes: only whether all of it runs")
    parser.add_argument("--beside", type=Path, help="what this wrote on the same machine's other device")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    given = parser.parse_args()
    measured = rates(128 if given.small else 8192 if jax.default_backend() != "cpu" else 2048,
                     10**5 if given.small else 10**8)  # fmt: skip
    rows = [sweep(given.small), *solve(given.small), plane(given.small)]
    for row in rows:
        row["share"] = row["flop"] / row["seconds"] / measured[row["of"]]
    device = {"device": jax.devices()[0].device_kind, "machine": platform.machine(), "cpus": os.cpu_count()}
    held = {"device": {"environment": device | versions(), "rates": measured, "rows": rows, "small": given.small}}
    if given.beside is not None:
        held["beside"] = json.loads(given.beside.read_text())["device"]
        theirs = {row["what"]: row["seconds"] for row in held["beside"]["rows"]}
        for row in rows:
            row["faster"] = theirs[row["what"]] / row["seconds"]
    report(held)
    given.out.mkdir(parents=True, exist_ok=True)
    with replacing(given.out / f"devices_{jax.default_backend()}.json") as temporary:
        temporary.write_text(json.dumps(held, indent=1) + "\n")


if __name__ == "__main__":
    main()
