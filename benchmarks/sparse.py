"""Sparse inputs against LIBLINEAR: time until the objective is within a relative gap of 1e-6, and memory.

    python benchmarks/sparse.py [--losses hinge,squared_hinge,logistic] [--Cs 0.1,1,10] [--gap 1e-6] [--rounds 3]

The data are drawn: words of a vocabulary by their rank (Zipf), weighed by how rare they are, each document brought to
length 1, 20000 x 47000 with 0.15 % stored, a tenth of the labels turned. LIBLINEAR (scikit-learn's) has no free bias:
it is compared with `solve(..., bias=False)`, and ours with a bias is timed beside it. LIBLINEAR gives no dual point:
its weights are held against the best dual bound known, which favours it, and it is run at falling tolerances, of which
the first that reaches the gap is timed, by the quicker of its two ways; what none reaches counts as missed, at the time
of the last. Ours is timed to its own certificate. Each round times all, one after the other; medians of the rounds'
times and ratios are reported. Times are the processor's, of both on one thread: what else the machine does does not
count. Memory is by how much a solve raises the process's at its height (Linux, glibc), in units of the inputs', which
lie there already.
"""

import argparse
import ctypes
import json
import os
import platform
import time
import warnings
from pathlib import Path

import jax
import numpy as np
import scipy.sparse

import lossland as ll
from lossland.core import replacing, show, table, versions
from lossland.elements import values_of

TOLERANCES = tuple(10.0**-k for k in range(1, 9))


def bag_of_words(n, d, length, seed=0):
    """Documents of about `length` different words, and labels by the words' signs, a tenth of them turned."""
    rng = np.random.default_rng(seed)
    often = 1.0 / (np.arange(d) + 20.0)
    counts = rng.poisson(length * 1.35, n).clip(1)
    drawn = rng.choice(d, counts.sum(), p=often / often.sum())
    rows = scipy.sparse.csr_array((np.ones(len(drawn)), (np.repeat(np.arange(n), counts), drawn)), shape=(n, d))
    held = np.bincount(rows.indices, minlength=d)
    rare = np.log(n / np.maximum(held, 1.0))
    rows = scipy.sparse.csr_array(
        ((1.0 + np.log(rows.data)) * rare[rows.indices], rows.indices, rows.indptr), rows.shape
    )
    lengths = np.sqrt(np.maximum((rows * rows).sum(axis=1), 1e-300))
    rows = scipy.sparse.csr_array(scipy.sparse.diags_array(1.0 / lengths) @ rows)
    score = rows @ (rng.normal(size=d) * (rng.random(d) < 0.3))
    turned = np.where(rng.random(n) < 0.1, -1, 1)
    return ll.Dataset(rows, turned * np.where(score > np.median(score), 1, -1))


def liblinear(loss, C, tol, dual=True):
    """LIBLINEAR for a loss, by descent in its dual's coordinates or by Newton's method in the primal."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import LinearSVC

    settings = {"C": C, "tol": tol, "dual": dual, "fit_intercept": False, "max_iter": 100_000, "random_state": 0}
    if loss == "logistic":
        return LogisticRegression(solver="liblinear", **settings)
    return LinearSVC(loss=loss, **settings)


def quickest(data, loss, C, bound, options):
    """LIBLINEAR at the first tolerance that reaches the gap, by its quicker way: the machine, its gap and tolerance."""
    found = []
    for dual in (True, False)[: 1 + (loss != "hinge")]:
        for tol in TOLERANCES:
            peer = liblinear(loss, C, tol, dual)
            took, _ = seconds(lambda peer=peer: peer.fit(data.inputs.copy(), data.labels))
            gap = float(gap_of(data, loss, C, peer.coef_[0], bound))
            if gap <= options.gap or took > options.limit:
                break
        found.append((gap > options.gap, took, peer, gap, tol, dual))
    return min(found, key=lambda row: row[:2])[2:]


def gap_of(data, loss, C, weights, bound):
    """How far the objective at weights lies above a lower bound, relative to its size."""
    with jax.enable_x64(True):
        losses = np.asarray(values_of(ll.pair("identity", loss), data.inputs @ weights, data.labels))
    value = 0.5 * weights @ weights + C * losses.sum()
    return (value - bound) / value


def seconds(call):
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def peak_of(call, inputs):
    """By how much a call raises the process's memory at its height, in units of the inputs', which lie there before."""
    own = inputs.data.nbytes + inputs.indices.nbytes + inputs.indptr.nbytes
    status = Path("/proc/self/status")
    # What was freed and kept would hide what is taken anew.
    ctypes.CDLL(None).malloc_trim(0)
    held = {}
    for name, before in (("VmRSS", lambda: Path("/proc/self/clear_refs").write_text("5")), ("VmHWM", call)):
        before()
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        held[name] = 1024 * int(lines[name].split()[0])
    return (held["VmHWM"] - held["VmRSS"]) / own


def compared(data, loss, C, options):
    """One row of the table."""
    best = ll.solve(loss, data, C=C, bias=False, tol=1e-9)
    bound = float(best.dual_objective)
    peer, gap, tol, dual = quickest(data, loss, C, bound, options)
    times = []
    for _ in range(options.rounds):
        mine, found = seconds(lambda: ll.solve(loss, data, C=C, bias=False, tol=options.gap))
        inputs = data.inputs.copy()
        theirs, _ = seconds(lambda inputs=inputs: peer.fit(inputs, data.labels))
        free, with_bias = seconds(lambda: ll.solve(loss, data, C=C, tol=options.gap))
        times.append((mine, theirs, free, theirs / mine))
    mine, theirs, free, ratio = np.median(np.array(times), axis=0)
    return {
        "loss": loss, "C": C, "seconds": mine, "liblinear_seconds": theirs, "seconds_with_bias": free,
        "ratio": ratio, "gap": float(found.gap), "gap_with_bias": float(with_bias.gap),
        "liblinear_gap": gap, "liblinear_tol": tol, "liblinear_dual": dual, "missed": bool(gap > options.gap),
        "memory": peak_of(lambda: ll.solve(loss, data, C=C, tol=options.gap), data.inputs),
    }  # fmt: skip


def save(path, data, gap, rows):
    """Write what is known so far."""
    environment = {"device": jax.devices()[0].device_kind, "machine": platform.machine(), "cpus": os.cpu_count()}
    held = {"environment": environment | versions(), "data": repr(data), "gap": gap, "rows": rows}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(held, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", default="hinge,squared_hinge,logistic")
    parser.add_argument("--Cs", default="0.1,1,10")
    parser.add_argument("--size", default="20000,47000,55", help="examples, words, words a document")
    parser.add_argument("--gap", type=float, default=1e-6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=30.0, help="seconds after which no smaller tolerance is tried")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    data = bag_of_words(*map(int, options.size.split(",")))
    print(data, flush=True)
    path = options.out / f"sparse_{jax.devices()[0].platform}.json"
    kept = {}
    if path.exists():
        kept = {(r["loss"], r["C"]): r for r in json.loads(path.read_text())["rows"]}
    for loss in options.losses.split(","):
        for C in map(float, options.Cs.split(",")):
            kept[loss, C] = compared(data, loss, C, options)
            print(json.dumps(kept[loss, C]), flush=True)
            save(path, data, options.gap, [r for _, r in sorted(kept.items())])
    columns = (
        "loss",
        "C",
        "ours, s",
        "LIBLINEAR, s",
        "LIBLINEAR / ours",
        "with a bias, s",
        "its gap",
        "memory / inputs",
    )
    rows = [
        (r["loss"], f"{r['C']:g}", f"{r['seconds']:.2f}", f"{r['liblinear_seconds']:.2f}",
         f"{r['ratio']:.2f}", f"{r['seconds_with_bias']:.2f}", f"{r['liblinear_gap']:.0e}",
         f"{r['memory']:.1f}")
        for _, r in sorted(kept.items())
    ]  # fmt: skip
    show(table(f"to a relative gap of {options.gap:g}", columns, rows))


if __name__ == "__main__":
    main()
