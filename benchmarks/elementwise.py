"""Value and gradient of elementwise pairs against their usual forms: paired in one run, reported as ratios.

    python benchmarks/elementwise.py [--n 1000000] [--rounds 41] [--out benchmarks/results]

Each round times ours and theirs one after the other, so that a change in the machine's speed hits both; the median of
the rounds' ratios is reported with its quartiles. Compile time is left out. "sum" is `value_and_grad` of the sum of
the losses, as training uses it; "each" returns every loss and every slope.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import lossland as ll
from lossland.core import replacing, show, table, versions


def workloads():
    """(name, ours, their name, theirs) as functions of (scores, labels)."""
    return [
        ("identity+logistic", ll.pair("identity", "logistic"), "optax.sigmoid_binary_cross_entropy", _optax_bce),
        (
            "sigmoid+cross_entropy",
            ll.pair("sigmoid", "cross_entropy"),
            "optax.sigmoid_binary_cross_entropy",
            _optax_bce,
        ),
        (
            "identity+logistic",
            ll.pair("identity", "logistic"),
            "jax.nn.softplus(-m)",
            lambda z, t: jax.nn.softplus(-t * z),
        ),
        (
            "softplus+hinge",
            ll.pair("softplus", "hinge"),
            "jnp forms",
            lambda z, t: jax.nn.relu(1 - t * jax.nn.softplus(z)),
        ),
        ("sigmoid+focal", ll.pair("sigmoid", "focal"), "optax.sigmoid_focal_loss", _optax_focal),
        (
            "identity+tangent",
            ll.pair("identity", "tangent"),
            "jnp.arctan form",
            lambda z, t: (2 * jnp.arctan(t * z) - 1) ** 2,
        ),
        ("arctan+squared", ll.pair("arctan", "squared"), "jnp.arctan form", lambda z, t: (1 - t * jnp.arctan(z)) ** 2),
        ("identity+hinge", ll.pair("identity", "hinge"), "optax.hinge_loss", optax.hinge_loss),
    ]


def _optax_bce(scores, labels):
    return optax.sigmoid_binary_cross_entropy(scores, 0.5 * (labels + 1))


def _optax_focal(scores, labels):
    return optax.sigmoid_focal_loss(scores, 0.5 * (labels + 1), gamma=2.0)


def each(loss):
    """Every loss and every slope."""

    def both(scores, labels):
        values, pull = jax.vjp(lambda z: loss(z, labels), scores)
        return values, pull(jnp.ones_like(values))[0]

    return jax.jit(both)


def total(loss):
    """The sum of the losses and its gradient."""
    return jax.jit(jax.value_and_grad(lambda z, t: jnp.sum(loss(z, t))))


def seconds(function, *arguments, calls):
    start = time.perf_counter()
    for _ in range(calls):
        result = function(*arguments)
    jax.block_until_ready(result)
    return (time.perf_counter() - start) / calls


def paired(ours, theirs, arguments, rounds, calls):
    """Median seconds of both, and the quartiles of theirs / ours over the rounds."""
    for function in (ours, theirs):
        jax.block_until_ready(function(*arguments))
    times = np.array([[seconds(f, *arguments, calls=calls) for f in (ours, theirs)] for _ in range(rounds)])
    ratios = np.quantile(times[:, 1] / times[:, 0], [0.25, 0.5, 0.75])
    return np.median(times, axis=0), ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--calls", type=int, default=1, help="calls a timing, for devices that queue work")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    scores = jnp.asarray(4 * rng.normal(size=options.n), jnp.float32)
    labels = jnp.asarray(rng.choice([-1.0, 1.0], options.n), jnp.float32)
    rows, saved = [], []
    for name, ours, their_name, theirs in workloads():
        for how in (each, total):
            (a, b), ratios = paired(how(ours), how(theirs), (scores, labels), options.rounds, options.calls)
            what = {"each": "each", "total": "sum"}[how.__name__]
            rows.append((name, their_name, what, f"{1e3 * a:.3f}", f"{1e3 * b:.3f}", *(f"{r:.2f}" for r in ratios)))
            saved.append(
                {
                    "ours": name,
                    "theirs": their_name,
                    "what": what,
                    "ms": 1e3 * a,
                    "their_ms": 1e3 * b,
                    "ratio": list(ratios),
                }
            )
    columns = ("ours", "theirs", "value and gradient of", "ours, ms", "theirs, ms", "ratio q1", "median", "q3")
    device = jax.devices()[0]
    show(table(f"{options.n} float32 scores on {device.device_kind}, theirs / ours", columns, rows))
    environment = {"device": device.device_kind, "machine": platform.machine(), "cpus": os.cpu_count()} | versions()
    options.out.mkdir(parents=True, exist_ok=True)
    with replacing(options.out / f"elementwise_{device.platform}.json") as temporary:
        temporary.write_text(json.dumps({"environment": environment, "n": options.n, "rows": saved}, indent=1) + "\n")


if __name__ == "__main__":
    main()
