"""Training many models at once, through the public call: `ll.sweep` on all pairs and on 168 chosen ones.

    python benchmarks/sweep.py [--parts calls,peers,slowest,memory,processes] [--rounds 2] [--out benchmarks/results]

calls      all pairs x 4 models on breast_cancer in new processes: the first call without and with a kept cache of
           compiled programs, an equal second call against its steps alone, peak memory, memory after ten calls.
peers      a step of every model, the difference of two calls of different lengths, against one full pass over the
           data: SGDClassifier, a torch loop over models, torch.func.vmap(grad), torch batched by hand, and `vmap` of
           `lax.switch` over pairs. The torch rows need torch, which `make bench` does not install (pip install torch).
slowest    nanoseconds a score of the pairs that take longest.
memory     the peak of a process that trains 16800 models on 569 x 30, above that of importing JAX.
processes  two processes, each on one core, against one process on one core.

Each round times all rows one after the other, so that a change in the machine's speed hits all; medians of the rounds
and of the rounds' ratios are reported; the long run, half a minute beside ratios of tens, is timed in the first alone.
"""

import argparse
import functools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import lossland as ll
from lossland.core import replacing, show, table, versions

ACTIVATIONS = ("identity", "relu", "leaky_relu", "softplus", "sigmoid", "tanh", "hard_tanh", "soft_sign", "arctan")
ACTIVATIONS = (*ACTIVATIONS, "exp", "elu", "squareplus")
LOSSES = ("hinge", "squared_hinge", "smooth_hinge", "modified_huber", "logistic", "exponential", "perceptron")
LOSSES = (*LOSSES, "squared", "absolute", "ramp", "savage", "tangent", "huber", "unhinged")
PAIRS = [f"{a}+{b}" for a in ACTIVATIONS for b in LOSSES]
"""12 activations and 14 losses of a margin: 168 pairs, which torch and scikit-learn can be given as well."""
SETS = {"all pairs": ("all", len(ll.pairs()), 4), "168 chosen": (PAIRS, len(PAIRS), 10)}
"""Pairs, how many, and models each."""
SHAPES = {"569 x 30": (569, 30), "10000 x 100": (10_000, 100)}
STEPS = {"569 x 30": (100, 600), "10000 x 100": (4, 24)}
"""The lengths of the two calls whose difference gives a step."""
LONG = (9_000, 11_000)
"""The same for the 168 on 569 x 30, where each pair earns a program of its own."""
SLOW = [
    *(f"{a}+bi_tempered" for a in ("sigmoid", "probit", "cloglog", "loglog", "cauchit", "hard_sigmoid")),
    *("probit+tsallis", "probit+focal", "cloglog+asymmetric", "loglog+tsallis", "tanh+absolute", "identity+hinge"),
]


def data_of(n, d):
    """Two Gaussian classes, a tenth of the labels turned."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(n, d))
    labels = np.where(inputs @ rng.normal(size=d) > 0, 1, -1)
    return ll.Dataset(inputs, np.where(rng.random(n) < 0.1, -labels, labels))


def call(pairs, data, models, steps):
    """Seconds of one public call."""
    rates = np.geomspace(1e-4, 1e-2, models)
    start = time.perf_counter()
    ll.sweep(pairs, data, seeds=1, learning_rates=rates, l2s=(1e-3,), steps=steps, record=(0,))
    return time.perf_counter() - start


def step_of(pairs, count, models, data, lengths):
    """Seconds of a step of one model: the difference of two calls."""
    short, long = (call(pairs, data, models, steps) for steps in lengths)
    return (long - short) / (lengths[1] - lengths[0]) / count / models


# --------------------------------------------------------------------------------------------------------------- peers


def peers(rounds):
    """One pass over the data for a model, theirs over ours."""
    found = []
    for name, (n, d) in SHAPES.items():
        data = data_of(n, d)
        ours = {what: functools.partial(step_of, *chosen, data, STEPS[name]) for what, chosen in SETS.items()}
        if n < 1000:
            ours["168 chosen, long run"] = functools.partial(step_of, *SETS["168 chosen"], data, LONG)
        theirs = {"SGDClassifier": sgd_classifier(n, d), **torch_rows(n, d, 10)}
        if n < 1000:
            theirs["vmap of lax.switch"] = switched(n, d, 10)
        times = {row: [] for row in (*ours, *theirs)}
        compiled(data, STEPS[name][0], n < 1000)
        for run, _ in theirs.values():
            run()
        for number in range(rounds):
            for row, one in ours.items():
                if number == 0 or "long" not in row:
                    times[row].append(one())
            for peer, (run, passes) in theirs.items():
                start = time.perf_counter()
                run()
                times[peer].append((time.perf_counter() - start) / passes)
        for what in ours:
            for peer in theirs:
                rounds_of_both = zip(times[peer], times[what], strict=False)
                ratio = float(np.median([took / own for took, own in rounds_of_both]))
                row = {"shape": name, "pairs": what, "peer": peer, "ratio": ratio}
                found.append(row | {"ours_us": float(np.median(times[what]) * 1e6)})
                print(json.dumps(found[-1]), flush=True)
    return found


def compiled(data, steps, long):
    """Compile what is timed: programs do not depend on the number of steps, but on whether it is large."""
    for pairs, _, models in SETS.values():
        call(pairs, data, models, steps)
    if long:
        call(PAIRS, data, SETS["168 chosen"][2], LONG[0])


def sgd_classifier(n, d):
    """scikit-learn's, hinge and log loss: model-passes."""
    from sklearn.linear_model import SGDClassifier

    data, epochs = data_of(n, d), 10

    def run():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for loss in ("hinge", "log_loss"):
                model = SGDClassifier(
                    loss=loss, alpha=1e-3, learning_rate="constant", eta0=0.01, max_iter=epochs, tol=None
                )
                model.fit(data.inputs, data.labels)

    return run, 2 * epochs


def torch_losses():
    """The 168 pairs written for torch."""
    import torch
    from torch.nn import functional as F

    acts = {"identity": lambda z: z, "relu": F.relu, "leaky_relu": F.leaky_relu, "softplus": F.softplus}
    acts |= {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "hard_tanh": F.hardtanh, "soft_sign": F.softsign}
    acts |= {"arctan": torch.arctan, "exp": torch.exp, "elu": F.elu}
    acts |= {"squareplus": lambda z: 0.5 * (z + torch.sqrt(z * z + 4))}
    losses = {"hinge": lambda m: F.relu(1 - m), "squared_hinge": lambda m: F.relu(1 - m) ** 2}
    losses |= {"smooth_hinge": lambda m: torch.where(m < 0, 0.5 - m, 0.5 * F.relu(1 - m) ** 2)}
    losses |= {"modified_huber": lambda m: torch.where(m < -1, -4 * m, F.relu(1 - m) ** 2)}
    losses |= {"logistic": lambda m: F.softplus(-m), "exponential": lambda m: torch.exp(-m)}
    losses |= {"perceptron": lambda m: F.relu(-m), "squared": lambda m: (1 - m) ** 2}
    losses |= {"absolute": lambda m: torch.abs(1 - m), "ramp": lambda m: torch.clamp(1 - m, 0, 1)}
    losses |= {"savage": lambda m: torch.sigmoid(-m) ** 2, "tangent": lambda m: (2 * torch.arctan(m) - 1) ** 2}
    losses |= {"huber": lambda m: F.huber_loss(m, torch.ones_like(m), reduction="none"), "unhinged": lambda m: 1 - m}
    return [lambda z, t, a=acts[a], b=losses[b]: b(t * a(z)) for a in ACTIVATIONS for b in LOSSES]


def torch_rows(n, d, models):
    """A loop over models, torch.func.vmap(grad) pair by pair, and all models of a pair by hand: model-passes."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(os.cpu_count() or 1)
    data = data_of(n, d)
    inputs = torch.tensor(np.asarray(data.inputs), dtype=torch.float32)
    labels = torch.tensor(np.asarray(data.labels), dtype=torch.float32)
    losses = torch_losses()
    return {
        "torch, a loop over models": torch_loop(torch, losses[::7], inputs, labels),
        "torch.func.vmap(grad)": torch_vmap(torch, losses[::4], inputs, labels, models),
        "torch, batched by hand": torch_batched(torch, losses, inputs, labels, models),
    }


def torch_loop(torch, losses, inputs, labels):
    passes = 5

    def run():
        for loss in losses:
            weights = torch.zeros(inputs.shape[1], requires_grad=True)
            bias = torch.zeros((), requires_grad=True)
            descent = torch.optim.SGD([weights, bias], lr=0.001, weight_decay=1e-3)
            for _ in range(passes):
                descent.zero_grad()
                loss(inputs @ weights + bias, labels).mean().backward()
                descent.step()

    return run, passes * len(losses)


def torch_vmap(torch, losses, inputs, labels, models):
    rates = torch.linspace(1e-4, 1e-2, models)[:, None]

    def gradient_of(loss):
        def risk(weights, bias):
            return loss(inputs @ weights + bias, labels).mean() + 5e-4 * (weights * weights).sum()

        return torch.func.vmap(torch.func.grad(risk, argnums=(0, 1)))

    gradients = [gradient_of(loss) for loss in losses]

    def run():
        for gradient in gradients:
            weights, bias = torch.zeros(models, inputs.shape[1]), torch.zeros(models)
            by_weights, by_bias = gradient(weights, bias)
            weights -= rates * by_weights
            bias -= rates[:, 0] * by_bias

    return run, len(losses) * models


def torch_batched(torch, losses, inputs, labels, models):
    rates = torch.linspace(1e-4, 1e-2, models).repeat(len(losses))[:, None]
    count = len(losses) * models
    weights, bias = torch.zeros(count, inputs.shape[1]), torch.zeros(count, 1)

    def run():
        nonlocal weights, bias
        scores = (weights @ inputs.T + bias).requires_grad_()
        total = sum(loss(z, labels).sum() for loss, z in zip(losses, scores.split(models), strict=True))
        (slopes,) = torch.autograd.grad(total / len(labels), scores)
        weights = weights - rates * (slopes @ inputs + 1e-3 * weights)
        bias = bias - rates * slopes.sum(1, keepdim=True)

    return run, count


def switched(n, d, models):
    """`vmap` over models of `lax.switch` over pairs: every model computes every pair."""
    data = data_of(n, d)
    inputs, labels = jnp.asarray(data.inputs, float), jnp.asarray(data.labels, float)
    branches = [functools.partial(lambda p, z: p(z, labels), ll.pair(name)) for name in PAIRS]
    which = jnp.repeat(jnp.arange(len(PAIRS)), models)

    def risk(weights, k):
        return jnp.mean(jax.lax.switch(k, branches, inputs @ weights)) + 5e-4 * weights @ weights

    step = jax.jit(lambda w: w - 1e-3 * jax.vmap(jax.grad(risk))(w, which))
    weights = jnp.zeros((len(which), d))
    return lambda: jax.block_until_ready(step(weights)), len(which)


# --------------------------------------------------------------------------------- what needs processes of its own

START = """
import json, re, sys, time
sys.path.insert(0, "benchmarks")
import jax, lossland as ll, sweep
def memory(what):
    return int(re.search(what + r":\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 2**20
jax.numpy.zeros(3).block_until_ready()
"""
FIRST = (
    START
    + """
data = ll.standardise(ll.load("breast_cancer"))
ll.sweep(ll.pairs(), data, seeds=2, learning_rates=(0.01, 0.1), steps=50, record="log")
"""
)
CALLS = (
    START
    + """
data = ll.standardise(ll.load("breast_cancer"))
def once(steps=50, record="log"):
    start = time.perf_counter()
    ll.sweep(ll.pairs(), data, seeds=2, learning_rates=(0.01, 0.1), steps=steps, record=record)
    return time.perf_counter() - start
first = once()
short, *seconds = (once() for _ in range(6))
after_six = memory("VmRSS")
for _ in range(4):
    once()
lengths = 50, 550
steps = sorted((once(lengths[1], (0,)) - once(lengths[0], (0,))) / (lengths[1] - lengths[0]) for _ in range(3))[1]
print(json.dumps({"first_s": first, "second_s": sorted(seconds)[2], "steps_alone_s": 50 * steps,
                  "step_us": 1e6 * steps / 4 / len(ll.pairs()), "long_call_s": once(1000), "long_steps_s": 1000 * steps,
                  "peak_gib": memory("VmHWM"), "after_six_gib": after_six, "after_ten_gib": memory("VmRSS")}))
"""
)
MEMORY = (
    START
    + """
before = memory("VmHWM")
sweep.call(sweep.PAIRS, sweep.data_of(569, 30), 100, 20)
print(json.dumps([before, memory("VmHWM")]))
"""
)
PART = (
    START
    + """
which, count = int(sys.argv[1]), int(sys.argv[2])
data = sweep.data_of(569, 30)
run = lambda: sweep.call(sweep.PAIRS[which::count], data, 10, 300)
run()
print("ready", flush=True)
for _ in sys.stdin:
    run()
    print("done", flush=True)
"""
)


def calls(_):
    """Seconds and GiB of `ll.sweep(ll.pairs(), breast_cancer)`, 2 seeds x 2 rates, 50 steps."""
    with tempfile.TemporaryDirectory() as cache:
        kept = {"JAX_COMPILATION_CACHE_DIR": cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2"}
        cold = _python(CALLS, {"LOSSLAND_COMPILATION_CACHE": "off"})
        _run_python(FIRST, kept)
        warm = _python(CALLS, kept)
    found = {"cold": cold, "warm": warm}
    print(json.dumps(found), flush=True)
    return found


def slowest(rounds):
    """Nanoseconds a score of single pairs, 20 models each."""
    data, models, found = data_of(569, 30), 20, []
    for name in SLOW:
        call([name], data, models, 100)
        took = np.median([step_of([name], 1, models, data, (100, 600)) for _ in range(min(rounds, 3))])
        found.append({"pair": name, "ns_a_score": float(took / 569 * 1e9)})
        print(json.dumps(found[-1]), flush=True)
    return found


def memory(_):
    """GiB before and at the peak, 16800 models on 569 x 30."""
    before, peak = _python(MEMORY, {})
    print(json.dumps({"before_gib": before, "peak_gib": peak}), flush=True)
    return {"before_gib": before, "peak_gib": peak}


def processes(rounds):
    """Two processes on a core each against one process on one core, compilation and start left out."""

    def start(core, which, count):
        command = ["taskset", "-c", str(core), sys.executable, "-c", PART, str(which), str(count)]
        made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        made.stdout.readline()
        return made

    alone, pair = [start(0, 0, 1)], [start(0, 0, 2), start(1, 1, 2)]
    ratios = []
    for _ in range(rounds):
        one, two = (_together(group) for group in (alone, pair))
        ratios.append(one / two)
    for made in alone + pair:
        made.stdin.close()
        made.wait()
    print(json.dumps({"two_against_one": float(np.median(ratios))}), flush=True)
    return {"two_against_one": float(np.median(ratios))}


def _together(group):
    start = time.perf_counter()
    for made in group:
        made.stdin.write("go\n")
        made.stdin.flush()
    for made in group:
        made.stdout.readline()
    return time.perf_counter() - start


def _python(code, variables):
    return json.loads(_run_python(code, variables).splitlines()[-1])


def _run_python(code, variables):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | variables)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


PARTS = {"calls": calls, "peers": peers, "slowest": slowest, "memory": memory, "processes": processes}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    given = parser.parse_args()
    path = given.out / f"sweep_{jax.default_backend()}.json"
    held = json.loads(path.read_text()) if path.exists() else {}
    held = {part: held[part] for part in PARTS if part in held}
    given.out.mkdir(parents=True, exist_ok=True)
    for part in given.parts.split(","):
        held[part] = PARTS[part](given.rounds)
        machine = {"device": str(jax.devices()[0].device_kind), "cores": os.cpu_count(), "machine": platform.machine()}
        held["environment"] = machine | {"rounds": given.rounds, "versions": versions()}
        with replacing(path) as temporary:
            temporary.write_text(json.dumps(held, indent=1) + "\n")
    report(held)


def report(held):
    """Print the tables."""
    if "calls" in held:
        rows = [(name, *(f"{x:.3g}" for x in row.values())) for name, row in held["calls"].items()]
        show(table("All pairs x 4 models, 50 steps", ("cache", *held["calls"]["cold"]), rows))
    if "peers" in held:
        rows = [(r["peer"], r["shape"], r["pairs"], f"{r['ratio']:.3g}", f"{r['ours_us']:.3g}") for r in held["peers"]]
        show(table("Their pass / our step", ("peer", "data", "pairs", "ratio", "ours, us"), rows))
    if "slowest" in held:
        rows = [(r["pair"], f"{r['ns_a_score']:.3g}") for r in held["slowest"]]
        show(table("Nanoseconds a score", ("pair", "ns"), rows))


if __name__ == "__main__":
    main()
