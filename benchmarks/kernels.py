"""`solve_kernel` against scikit-learn's SVC (LIBSVM): paired in one run, reported as ratios.

    python benchmarks/kernels.py [--rounds 5] [--sizes 500,1000,2000] [--out benchmarks/results]

The hinge over the Gaussian kernel, gamma="scale". Each round times ours (to a gap of 1e-8), SVC at its default 1e-3,
and SVC at 1e-6, one after the other; medians are reported, and how far above our lower bound SVC's objective is,
relatively. Kernel matrices are part of both times; our compilation is left out. Where other
programs share the cores, run it with OPENBLAS_NUM_THREADS=1: waiting threads cost more than they bring.
"""

import argparse
import json
import os
import platform
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import make_classification

import lossland as ll
from lossland.core import replacing, show, table, versions
from lossland.experiment import peer
from lossland.solvers import evaluate


def workloads(sizes):
    """(name, data, the values of C)."""
    yield "breast_cancer", ll.standardise(ll.load("breast_cancer")), (0.1, 1.0, 10.0, 1000.0)
    for n in sizes:
        inputs, labels = make_classification(n, 20, n_informative=10, flip_y=0.05, random_state=0)
        data = ll.standardise(ll.Dataset(inputs=inputs, labels=labels))
        yield f"make_classification({n} x 20)", data, (0.1, 1.0, 10.0, 100.0)
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(max(sizes), 2))
    labels = np.sin(2 * inputs[:, 0]) + inputs[:, 1] + 0.5 * rng.normal(size=len(inputs)) > 0
    yield f"plane({max(sizes)} x 2)", ll.Dataset(inputs=inputs, labels=labels), (0.1, 10.0)


def seconds(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def excess(reached, solution, data, C):
    """How far SVC's objective is above our lower bound, relatively."""
    beta = reached.duals * data.labels
    kernel = evaluate(solution.kernel, data.inputs, data.inputs)
    scores = kernel @ beta + reached.bias
    value = 0.5 * beta @ kernel @ beta + C * np.maximum(0.0, 1.0 - data.labels * scores).sum()
    return value / solution.dual_objective - 1.0


def measured(data, C, rounds):
    """Median seconds of ours, SVC and SVC at 1e-6; our gap and their excesses."""
    svc = peer("LIBSVM, Gaussian kernel")
    times = []
    for _ in range(rounds + 1):
        ours, solution = seconds(lambda: ll.solve_kernel("hinge", data, C=C))
        reached = [svc(data, C, tolerance=tolerance, budget=-1) for tolerance in (1e-3, 1e-6)]
        times.append([ours, *(each.seconds for each in reached)])
    # The first round compiles.
    return np.median(times[1:], axis=0), solution.gap, [excess(each, solution, data, C) for each in reached]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="500,1000,2000")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    rows, saved = [], []
    for name, data, Cs in workloads([int(size) for size in options.sizes.split(",")]):
        for C in Cs:
            (ours, svc, tight), gap, errors = measured(data, C, options.rounds)
            ms = [f"{1e3 * value:.1f}" for value in (ours, svc, tight)]
            rows.append((name, f"{C:g}", *ms, f"{svc / ours:.2f}", f"{tight / ours:.2f}", f"{gap:.0e}",
                         *(f"{error:.0e}" for error in errors)))  # fmt: skip
            saved.append(
                {
                    "data": name,
                    "C": C,
                    "seconds": {"ours": ours, "svc": svc, "svc_1e-6": tight},
                    "gap": gap,
                    "svc_excess": dict(zip(("svc", "svc_1e-6"), errors, strict=True)),
                }
            )
    columns = (
        "data",
        "C",
        "ours, ms",
        "SVC",
        "SVC 1e-6",
        "SVC / ours",
        "SVC 1e-6 / ours",
        "gap",
        "SVC off",
        "1e-6 off",
    )
    show(table("hinge over the Gaussian kernel, ours to a gap of 1e-8", columns, rows))
    environment = {
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "blas": os.environ.get("OPENBLAS_NUM_THREADS"),
    } | versions()
    options.out.mkdir(parents=True, exist_ok=True)
    with replacing(options.out / "kernels_cpu.json") as temporary:
        temporary.write_text(json.dumps({"environment": environment, "rows": saved}, indent=1) + "\n")


if __name__ == "__main__":
    main()
