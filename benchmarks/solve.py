"""Exact solutions against other solvers: time until every problem is within a relative accuracy of its optimum.

    python benchmarks/solve.py [--workloads a,b,c,d,e] [--losses hinge,squared_hinge,logistic] [--accuracy 1e-6]

A peer is run at falling tolerances on each problem; the first that brings its objective within the accuracy of the
certified optimum is the one that is timed, so that no peer is charged for digits that were not asked for. What no
tolerance reaches counts as missed, at the time of the last one. Tolerances are kept with the results: they are looked
for anew (some minutes) with --calibrate, for another version of the peer, or where the first round at them misses
another number of problems. Each round times all solvers one after the other, so that a change in the machine's speed
hits all; medians of the rounds and of the rounds' ratios are reported (of one round where a peer takes longer than the
budget or 50 times as long as ours: noise does not move such ratios). A peer without a free bias is compared with ours
without one, and a peer's time is that of its solving alone. Ours is timed to the same accuracy, where it stops at a gap
that it proves, and to its default, a gap of rounding size. Compile time is reported apart.

(a) breast_cancer, 49 values of C in 1e-3..1e3; (b) 10000 x 100, 10 % label noise, 21 values in 1e-4..10;
(c1), (c8) 100000 x 30, one value and eight; (d) digits 3 and 8, 10 values; (e) 1000 bootstraps of (a) at C = 1.
"""

import argparse
import json
import os
import platform
import sys
import time
import warnings
from importlib import metadata
from pathlib import Path

import jax
import numpy as np

import lossland as ll
from lossland.core import replacing, show, table, versions
from lossland.experiment import peer, primal_value

TOLERANCES = tuple(10.0 ** -np.arange(1, 13))
FAR = 50.0
"""A ratio above this is told from one round."""


def synthetic(n, d):
    """Two Gaussian classes on a random direction, a tenth of the labels turned."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(n, d))
    labels = np.where(inputs @ rng.normal(size=d) + 0.5 * rng.normal(size=n) > 0, 1, -1)
    return ll.standardise(ll.Dataset(inputs, np.where(rng.random(n) < 0.1, -labels, labels)))


def workload(name):
    """(data, Cs (k,), sample weights (k, n) or None)."""
    if name in "ae":
        data = ll.standardise(ll.load("breast_cancer"))
        if name == "a":
            return data, np.logspace(-3, 3, 49), None
        drawn = np.random.default_rng(0).multinomial(data.n, np.full(data.n, 1 / data.n), size=1000)
        return data, np.ones(1000), drawn.astype(float)
    if name == "b":
        return synthetic(10_000, 100), np.logspace(-4, 1, 21), None
    if name == "d":
        return ll.standardise(ll.load("digits:3/8")), np.logspace(-3, 1, 10), None
    return synthetic(100_000, 30), np.ones(1) if name == "c1" else np.logspace(-3, 1, 8), None


def rehline(data, C, weights, tol):
    from rehline import ReHLine

    c = C * (np.ones(data.n) if weights is None else weights)
    solver = ReHLine(C=1.0, U=(-c * data.labels)[None], V=c[None], tol=tol, max_iter=200_000)
    return seconds(lambda: solver.fit(data.inputs)), solver.coef_.ravel(), 0.0


def known(name):
    """A solver of the experiments: (data, C, weights, tolerance) -> (seconds, weights, bias); has it a free bias."""

    def run(data, C, weights, tol):
        # A peer that its most steps cut short looks faster than it is: many where they are cheap.
        most = max(100_000, 600_000_000 // data.n) if weights is None else 100_000
        budget = 10 * most if name == "LIBSVM" else most
        found = peer(name)(data, C, tolerance=tol, budget=budget, sample_weights=weights)
        return found.seconds, found.weights, found.bias

    return run, peer(name).free_bias


PEERS = {
    "hinge": {"ReHLine": (rehline, False), "LIBLINEAR": known("LIBLINEAR"), "LIBSVM": known("LIBSVM")},
    "squared_hinge": {"TRON": known("TRON")},
    "logistic": {"newton-cholesky": known("newton-cholesky"), "lbfgs": known("lbfgs")},
}
TOO_SLOW = {("b", "LIBSVM"), ("c1", "LIBSVM"), ("c8", "LIBSVM")}


def calibrated(run, loss, data, Cs, weights, best, accuracy, limit):
    """For each problem the place of the first tolerance that reaches the accuracy, the last if none does.

    A problem starts at its neighbour's tolerance, one looser, so that the ladder is not climbed anew each time.
    """
    chosen, start, began = [], 0, time.perf_counter()
    for k, C in enumerate(Cs):
        s = None if weights is None else weights[k]
        for place in range(max(start - 1, 0), len(TOLERANCES)):
            value = primal_value(loss, data, C, *run(data, C, s, TOLERANCES[place])[1:], s)
            if value <= best[k] * (1 + accuracy) or time.perf_counter() - began > limit:
                break
        start = place
        chosen.append(place)
    return chosen


def solved(run, loss, problems, places, best, accuracy):
    """The seconds that a peer takes for all problems at its tolerances, and how many it misses."""
    data, Cs, weights = problems
    rows = [None] * len(Cs) if weights is None else weights
    found = [run(data, C, row, TOLERANCES[place]) for C, row, place in zip(Cs, rows, places, strict=True)]
    values = [primal_value(loss, data, C, *each[1:], row) for C, row, each in zip(Cs, rows, found, strict=True)]
    return sum(each[0] for each in found), int(np.sum(np.array(values) > best * (1 + accuracy)))


def kept_places(row, version, problems):
    """The tolerances of an earlier result, if they are of the same peer and problems; a hexadecimal digit each."""
    if row is None or row.get("version") != version or len(row.get("tolerances", "")) != problems:
        return None
    return [int(digit, 16) for digit in row["tolerances"]]


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compared(name, loss, options, kept):
    """Rows of one workload and loss: median seconds and ratios."""
    data, Cs, weights = workload(name)
    settings = {"C": Cs, "sample_weights": weights}
    peers = {k: v for k, v in PEERS[loss].items() if (name, k) not in TOO_SLOW and k in _installed()}
    ours, first, best, rough = {}, {}, {}, {}
    for bias in sorted({bias for _, bias in peers.values()}, reverse=True):
        for what, more in (("to accuracy", {"tol": options.accuracy, "polish": False}), ("to rounding", {})):
            key = what, bias
            ours[key] = lambda bias=bias, more=more: ll.solve(loss, data, **settings, bias=bias, **more)
            first[key] = seconds(ours[key])
        best[bias] = ours["to rounding", bias]()
        rough[bias] = ours["to accuracy", bias]()

    def measured(who, places):
        run, bias = peers[who]
        return solved(run, loss, (data, Cs, weights), places, best[bias].objective, options.accuracy)

    def calibrate(who):
        run, bias = peers[who]
        return calibrated(run, loss, data, Cs, weights, best[bias].objective, options.accuracy, options.limit)

    held = {who: kept.get((name, loss, who)) for who in peers}
    places = {who: kept_places(row, version_of(who), len(Cs)) for who, row in held.items()}
    fresh = {who for who in peers if options.calibrate or places[who] is None}
    places |= {who: calibrate(who) for who in fresh}
    rounds, began = [], time.perf_counter()
    while len(rounds) < options.rounds and (not rounds or time.perf_counter() - began < options.budget):
        mine = {key: seconds(f) for key, f in ours.items()}
        theirs = {who: measured(who, places[who]) for who in peers if not far(rounds, who, peers[who][1])}
        rounds.append((mine, theirs))
        changed = [w for w in peers if w not in fresh and len(rounds) == 1 and theirs[w][1] != held[w]["missed"]]
        if changed:
            places |= {who: calibrate(who) for who in changed}
            fresh, rounds, began = fresh | set(changed), [], time.perf_counter()
    for who, (_, bias) in peers.items():
        timed = [r for r in rounds if who in r[1]]
        mine, rounding = (np.array([r[0][what, bias] for r in timed]) for what in ("to accuracy", "to rounding"))
        theirs = np.array([r[1][who][0] for r in timed])
        yield {
            "workload": name,
            "loss": loss,
            "peer": who,
            "free_bias": bias,
            "problems": len(Cs),
            "seconds": float(np.median(mine)),
            "seconds_to_rounding": float(np.median(rounding)),
            "their_seconds": float(np.median(theirs)),
            "ratio": float(np.median(theirs / mine)),
            "ratio_to_rounding": float(np.median(theirs / rounding)),
            "missed": timed[0][1][who][1],
            "tolerances": "".join(f"{place:x}" for place in places[who]),
            "version": version_of(who),
            "first_call": first["to rounding", bias],
            "worst_gap_to_accuracy": float(np.max(rough[bias].gap)),
            "worst_gap": float(np.max(best[bias].gap)),
            "iterations": float(np.mean(best[bias].iterations)),
            "rounds": len(timed),
        }


def far(rounds, who, bias):
    """Whether a peer was so slow in the first round that another would tell nothing more."""
    return bool(rounds) and rounds[0][1][who][0] > FAR * rounds[0][0]["to accuracy", bias]


def version_of(who):
    """Of the package that a peer is from."""
    package = "rehline" if who == "ReHLine" else "scikit-learn"
    return f"{package} {metadata.version(package)}"


def _installed():
    from importlib.util import find_spec

    every = {name for group in PEERS.values() for name in group}
    return every if find_spec("rehline") else every - {"ReHLine"}


def main():
    # Settings of this machine for one matrix library would slow the peers that use it: begin anew without them.
    held = {"OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"} & set(os.environ)
    if held:
        os.execve(sys.executable, [sys.executable, *sys.argv], {k: v for k, v in os.environ.items() if k not in held})
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", default="a,b,c1,c8,d,e")
    parser.add_argument("--losses", default="hinge,squared_hinge,logistic")
    parser.add_argument("--accuracy", type=float, default=1e-6)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget", type=float, default=20.0, help="seconds after which a workload has no new round")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for finding a peer's tolerances")
    parser.add_argument("--calibrate", action="store_true", help="look for the peers' tolerances anew")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    path = options.out / f"solve_{jax.devices()[0].platform}.json"
    kept = {}
    if path.exists():
        kept = {(r["workload"], r["loss"], r["peer"]): r for r in json.loads(path.read_text())["rows"]}
    for name in options.workloads.split(","):
        for loss in options.losses.split(","):
            for row in compared(name, loss, options, kept):
                kept[name, loss, row["peer"]] = row
                print(json.dumps(row), flush=True)
    columns = (
        "workload",
        "loss",
        "peer",
        "bias",
        "ours, ms",
        "to rounding",
        "theirs",
        "missed",
        "ratio",
        "to rounding",
        "our worst gap",
    )
    rows = [
        (r["workload"], r["loss"], r["peer"], "free" if r["free_bias"] else "none", f"{1e3 * r['seconds']:.1f}",
         f"{1e3 * r['seconds_to_rounding']:.1f}", f"{1e3 * r['their_seconds']:.1f}", f"{r['missed']}/{r['problems']}",
         f"{r['ratio']:.1f}", f"{r['ratio_to_rounding']:.1f}",
         f"{r.get('worst_gap_to_accuracy', float('nan')):.0e}/{r['worst_gap']:.0e}")
        for _, r in sorted(kept.items())
    ]  # fmt: skip
    show(table(f"to a relative accuracy of {options.accuracy:g}", columns, rows))
    environment = {"device": jax.devices()[0].device_kind, "machine": platform.machine(), "cpus": os.cpu_count()}
    options.out.mkdir(parents=True, exist_ok=True)
    saved = {"environment": environment | versions(), "accuracy": options.accuracy}
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(saved | {"rows": [r for _, r in sorted(kept.items())]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
