"""Training many models at once: our step against the machine's limit, and against peers at equal example passes.

    python benchmarks/sweep.py [--parts limit,peers,compile,memory,processes] [--rounds 7] [--out benchmarks/results]

limit      a step of all models against its two matrix products alone plus its elementwise part alone.
peers      one full pass over the data for every model: SGDClassifier, a torch loop over models, torch.func.vmap(grad),
           torch batched by hand, and `vmap` of `lax.switch` over pairs. The torch rows need torch, which is not
           installed by `make bench` (pip install torch).
compile    the first call of 168 pairs, in a new process, without and with the compilation cache.
memory     the peak of a process that trains 16800 models on 569 x 30, above that of importing JAX.
processes  two processes, each on one core, against one process on one core.

Each round times all rows one after the other, so that a change in the machine's speed hits all; medians of the rounds
and of the rounds' ratios are reported. Compile time is reported apart.
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
import optax

import lossland as ll
from lossland.core import replacing, show, table, versions
from lossland.training import Examples, Job, begin_block, blocks, losses_of, make_grid

ACTIVATIONS = ("identity", "relu", "leaky_relu", "softplus", "sigmoid", "tanh", "hard_tanh", "soft_sign", "arctan")
ACTIVATIONS = (*ACTIVATIONS, "exp", "elu", "squareplus")
LOSSES = (
    "hinge",
    "squared_hinge",
    "smooth_hinge",
    "modified_huber",
    "logistic",
    "exponential",
    "perceptron",
    "squared",
)
LOSSES = (*LOSSES, "absolute", "ramp", "savage", "tangent", "huber", "unhinged")
PAIRS = [f"{a}+{b}" for a in ACTIVATIONS for b in LOSSES]
"""12 activations and 14 losses of a margin: 168 pairs, as a table of them all would have."""

SHAPES = {"569 x 30": (569, 30, 10), "569 x 30 ": (569, 30, 100), "10000 x 100": (10_000, 100, 10)}
SHAPES |= {"10000 x 784": (10_000, 784, 10)}
"""Examples, inputs, and models a pair."""


def data_of(n, d):
    """Two Gaussian classes, a tenth of the labels turned."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(n, d))
    labels = np.where(inputs @ rng.normal(size=d) > 0, 1, -1)
    return ll.Dataset(inputs, np.where(rng.random(n) < 0.1, -labels, labels))


def job_of(n, d, models, pairs=PAIRS, batch_size=None):
    """The work of a sweep over `pairs`, `models` learning rates each, and its blocks."""
    grid, _ = make_grid(list(pairs), 1, np.geomspace(1e-4, 1e-2, models), (1e-3,), {})
    f = ll.objective(grid.pairs[0], ll.linear(), data_of(n, d))
    examples = Examples(f.inputs, f.labels, None, None, jnp.asarray(n, f.inputs.dtype))
    none = dict.fromkeys(Job._fields)
    model = ll.linear()
    given = {"grid": grid, "model": model, "optimizer": optax.sgd, "init": model.init, "examples": examples}
    given |= {"batch_size": batch_size, "tolerance": 0.0, "key": jax.random.key(0), "apart": False}
    return Job(**none | given), blocks(grid, batch_size or n)


def ours(n, d, models, steps, batch_size=None, pairs=PAIRS):
    """A function that takes `steps` steps of every model, and the job, its blocks and their plans."""
    job, blocks = job_of(n, d, models, pairs, batch_size)
    begun = [begin_block(job, block) for block in blocks]
    states = [block.state for block in begun]

    def run():
        for k, block in enumerate(begun):
            states[k] = block.advance(states[k], int(states[k].step) + steps)
        jax.block_until_ready(states)

    return run, job, blocks, [block.plan for block in begun]


def limit_parts(job, blocks, plans, steps):
    """The matrix products of those steps alone, and their elementwise part alone: two functions."""
    inputs, labels = job.examples.inputs, job.examples.labels
    n, d = inputs.shape

    @jax.jit
    def products(weights):
        def body(_, w):
            scores = jnp.matmul(w, inputs.T, precision="highest")
            return w - 1e-6 * jnp.matmul(scores, inputs, precision="highest")

        return jax.lax.fori_loop(0, steps, body, weights)

    @functools.partial(jax.jit, static_argnums=0)
    def slopes(plan, scores):
        return losses_of(plan, scores, labels)[1]

    counts = [len(block.pairs) * block.width for block in blocks]
    weights = [jnp.full((count, d), 0.01) for count in counts]
    scores = {count: jax.random.normal(jax.random.key(0), (count, n)) for count in set(counts)}

    def run_products():
        jax.block_until_ready([products(w) for w in weights])

    def run_slopes():
        for plan, count in zip(plans, counts, strict=True):
            for _ in range(steps):
                jax.block_until_ready(slopes(plan, scores[count]))

    return run_products, run_slopes


def limit(rounds):
    """Our step against products + elementwise part."""
    found = []
    for name, (n, d, models) in SHAPES.items():
        steps = max(2, int(4e7 / (n * models * len(PAIRS))))
        step, job, blocks, plans = ours(n, d, models, steps)
        products, slopes = limit_parts(job, blocks, plans, steps)
        times = paired({"step": step, "products": products, "elementwise": slopes}, rounds, steps)
        total = len(PAIRS) * models
        ratio = float(np.median(times["step"] / (times["products"] + times["elementwise"])))
        found.append(
            {"shape": name.strip(), "models": total, "blocks": len(blocks), "over_limit": ratio}
            | {f"{key}_ms": float(np.median(t) * 1e3) for key, t in times.items()}
            | {"model_steps_per_s": float(total / np.median(times["step"]))}
        )
        print(json.dumps(found[-1]), flush=True)
    return found


def paired(functions, rounds, steps):
    """Name -> (rounds,) seconds a step, all timed one after the other in each round."""
    for run in functions.values():
        run()
    times = {name: [] for name in functions}
    for _ in range(rounds):
        for name, run in functions.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) / steps)
    return {name: np.asarray(t) for name, t in times.items()}


# --------------------------------------------------------------------------------------------------------------- peers


def peers(rounds):
    """Seconds that one pass over the data takes for all models, ours and theirs."""
    found = []
    for name in ("569 x 30", "10000 x 100"):
        n, d, models = SHAPES[name]
        steps = 20 if n < 1000 else 4
        rows = {"ours": (lambda run: run, ours(n, d, models, steps)[0], steps)}
        theirs = {"SGDClassifier": sgd_classifier(n, d), **torch_rows(n, d, models)}
        if n < 1000:
            theirs["vmap of lax.switch"] = switched(n, d, models)
        total = len(PAIRS) * models
        ratios = {peer: [] for peer in theirs}
        rows["ours"][1]()
        for run, _ in theirs.values():
            run()
        for _ in range(rounds):
            start = time.perf_counter()
            rows["ours"][1]()
            own = (time.perf_counter() - start) / steps / total
            for peer, (run, passes) in theirs.items():
                start = time.perf_counter()
                run()
                ratios[peer].append((time.perf_counter() - start) / passes / own)
        for peer, ratio in ratios.items():
            found.append({"shape": name, "peer": peer, "ratio": float(np.median(ratio)), "ours_us": own * 1e6})
            print(json.dumps(found[-1]), flush=True)
    return found


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


COMPILE = """
import json, sys, time
sys.path.insert(0, "benchmarks")
import jax, sweep
jax.numpy.zeros(3).block_until_ready()
start = time.perf_counter()
run, *_ = sweep.ours(569, 30, 10, 1)
run()
print(json.dumps(time.perf_counter() - start))
"""
MEMORY = """
import json, re, sys
sys.path.insert(0, "benchmarks")
import jax, sweep
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 2**20
jax.numpy.zeros(3).block_until_ready()
before = peak()
run, *_ = sweep.ours(569, 30, 100, 20)
run()
print(json.dumps([before, peak()]))
"""


def compile_times(_):
    """Seconds of the first step of 168 pairs, tracing included."""
    with tempfile.TemporaryDirectory() as cache:
        kept = {"JAX_COMPILATION_CACHE_DIR": cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2"}
        cold, _, warm = (_python(COMPILE, more) for more in ({}, kept, kept))
    print(json.dumps({"cold_s": cold, "warm_s": warm}), flush=True)
    return {"cold_s": cold, "warm_s": warm}


def memory(_):
    """GiB before and at the peak, 16800 models on 569 x 30."""
    before, peak = _python(MEMORY, {})
    print(json.dumps({"before_gib": before, "peak_gib": peak}), flush=True)
    return {"before_gib": before, "peak_gib": peak}


def processes(rounds):
    """Two processes on a core each against one process on one core, compilation and start left out."""
    steps = 100
    code = f"""
import sys, time
sys.path.insert(0, "benchmarks")
import jax, sweep
which, count = int(sys.argv[1]), int(sys.argv[2])
pairs = sweep.PAIRS[which::count]
run, *_ = sweep.ours(569, 30, 10, {steps}, pairs=pairs)
run()
print("ready", flush=True)
for _ in sys.stdin:
    run()
    print("done", flush=True)
"""

    def start(core, which, count):
        command = ["taskset", "-c", str(core), sys.executable, "-c", code, str(which), str(count)]
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | variables)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


PARTS = {"limit": limit, "peers": peers, "compile": compile_times, "memory": memory, "processes": processes}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    given = parser.parse_args()
    path = given.out / f"sweep_{jax.default_backend()}.json"
    held = json.loads(path.read_text()) if path.exists() else {}
    for part in given.parts.split(","):
        held[part] = PARTS[part](given.rounds)
    machine = {"device": str(jax.devices()[0].device_kind), "cores": os.cpu_count(), "machine": platform.machine()}
    held["environment"] = machine | {"rounds": given.rounds, "versions": versions()}
    given.out.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(held, indent=1) + "\n")
    report(held)


def report(held):
    """Print the tables."""
    if "limit" in held:
        rows = [
            (r["shape"], r["models"], r["step_ms"], r["products_ms"], r["elementwise_ms"], r["over_limit"])
            for r in held["limit"]
        ]
        columns = ("data", "models", "step ms", "products ms", "elementwise ms", "step / sum")
        show(table("A step against its limit", columns, [(*r[:2], *(f"{x:.3g}" for x in r[2:])) for r in rows]))
    if "peers" in held:
        rows = [(r["peer"], r["shape"], f"{r['ratio']:.3g}") for r in held["peers"]]
        show(table("Their time / ours, equal passes", ("peer", "data", "ratio"), rows))


if __name__ == "__main__":
    main()
