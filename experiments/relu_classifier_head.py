"""Is a ReLU a worse classification layer than softmax, or only one that sometimes dies?

The set-up of Agarap (2018): a network whose last layer is a ReLU, trained by cross-entropy of the outputs divided by
their sum, against the same network with a softmax and with one hinge for each class; all see the same splits, first
weights and batches. The published difference is one of single splits. Claims are of these data, over splits and starts:
the units are splits, with the mean over their starts.
"""

import functools
import itertools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.lines import Line2D
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.model_selection import StratifiedShuffleSplit

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, equal, gather, mean_estimate, number, percent, proportion

HEADS = ("softmax", "relu", "hinge")
LOOKS = {"softmax": fig.colour("logistic"), "relu": fig.VIOLET, "hinge": fig.colour("hinge")}
PUBLISHED = {"relu": 90.64, "softmax": 92.40}
"""Test accuracies in percent on breast cancer, inputs as they are, one split (Agarap 2018, notebooks)."""
APART = round(PUBLISHED["softmax"] - PUBLISHED["relu"], 2)
RAW = "breast_cancer, raw"
CLIP = 1e-7
"""Keras clips probabilities to [CLIP, 1 - CLIP]."""


@dataclass(frozen=True)
class Config:
    """Which data, which network, how many runs."""

    cases: tuple[str, ...] = (RAW, "breast_cancer, standardised", "digits, standardised")
    """Data sets, and whether inputs are standardised by the training part."""
    splits: int = 30
    """Random stratified splits."""
    seeds: int = 2
    """First weights and orders of the batches on each split."""
    test_share: float = 0.3
    """Of the examples."""
    widths: tuple[int, ...] = (64, 32)
    """Units of the hidden layers."""
    epochs: int = 60
    """Passes over the training part."""
    batch: int = 64
    """Examples a step."""
    learning_rate: float = 1e-3
    """Of Adam."""
    seed: int = 7
    """Decides splits, first weights and batches."""
    x64: bool = False
    """Compute in float32, as networks do."""


SMOKE = Config(cases=(RAW,), splits=12, widths=(32,), epochs=40)
SECONDS = 100


# ------------------------------------------------------------------------------------------------------------ computing


def parts_of_splits(case: str, config: Config) -> dict[str, Any]:
    """All splits at once: inputs (splits, n, d) and classes (splits, n) of the training and the test parts."""
    read = {"breast_cancer": load_breast_cancer, "digits": load_digits}[case.partition(",")[0]]
    inputs, classes = read(return_X_y=True)
    splitter = StratifiedShuffleSplit(config.splits, test_size=config.test_share, random_state=config.seed)
    train, test = (np.stack(part) for part in zip(*splitter.split(inputs, classes), strict=True))
    made = {"train": inputs[train], "test": inputs[test]}
    if case.endswith("standardised"):
        centre, spread = made["train"].mean(axis=1, keepdims=True), made["train"].std(axis=1, keepdims=True)
        made = {part: (x - centre) / np.where(spread > 0, spread, 1.0) for part, x in made.items()}
    return made | {"train_classes": classes[train], "test_classes": classes[test]}


def first_weights(key: Any, sizes: tuple[int, ...]) -> list[Any]:
    """Glorot & Bengio's uniform weights and biases of 0, as Keras starts: a list of (weights, biases)."""
    drawn = zip(jax.random.split(key, len(sizes) - 1), itertools.pairwise(sizes), strict=True)
    return [(jax.nn.initializers.glorot_uniform()(key, shape), jnp.zeros(shape[1])) for key, shape in drawn]


def scores_of(params: Any, inputs: Any) -> Any:
    """Scores of all classes, (n, classes); hidden layers are ReLUs."""
    for weights, biases in params[:-1]:
        inputs = ll.activations.relu(inputs @ weights + biases[None])
    weights, biases = params[-1]
    return inputs @ weights + biases[None]


def head_loss(head: str, scores: Any, one_hot: Any) -> Any:
    """The mean loss of scores (n, classes): a hinge for each class, or cross-entropy of the true class's share."""
    if head == "hinge":
        return jnp.mean(jnp.sum(ll.losses.hinge((2.0 * one_hot - 1.0) * scores), axis=1))
    if head == "softmax":
        return -jnp.mean(jnp.sum(one_hot * jax.nn.log_softmax(scores, axis=1), axis=1))
    outputs = ll.activations.relu(scores)
    total = jnp.sum(outputs, axis=1, keepdims=True)
    # Keras divides by the sum; where all outputs are 0 that is no number, here a share of 0 without a gradient.
    shares = jnp.clip(outputs / jnp.where(total > 0, total, 1.0), CLIP, 1.0 - CLIP)
    return jnp.mean(ll.losses.cross_entropy(jnp.sum(one_hot * shares, axis=1)))


def train_one(head: str, config: Config, sizes: tuple[int, ...], data: Any, key: Any) -> dict[str, Any]:
    """One network on one split: its accuracies, and where it is dead on the training part.

    `missing`: classes that are never chosen; `stuck`: how many of the `wrong` ones have no score for their own class.
    """
    start, order = jax.random.split(key)
    optimizer = optax.adam(config.learning_rate)
    params = first_weights(start, sizes)
    n, targets = data["train"].shape[0], jax.nn.one_hot(data["train_classes"], sizes[-1])
    steps = max(n // config.batch, 1)

    def loss(params: Any, rows: Any) -> Any:
        return head_loss(head, scores_of(params, data["train"][rows]), targets[rows])

    def step(held: Any, rows: Any) -> tuple[Any, None]:
        params, state = held
        update, state = optimizer.update(jax.grad(loss)(params, rows), state, params)
        return (optax.apply_updates(params, update), state), None

    def epoch(held: Any, key: Any) -> tuple[Any, None]:
        rows = jax.random.permutation(key, n)[: steps * config.batch].reshape(steps, -1)
        return jax.lax.scan(step, held, rows)[0], None

    first = params, optimizer.init(params)
    params = jax.lax.scan(epoch, first, jax.random.split(order, config.epochs))[0][0]
    seen, new = (scores_of(params, data[part]) for part in ("train", "test"))
    chosen = decided(head, seen)
    wrong, off = chosen != data["train_classes"], jnp.sum(targets * seen, axis=1) <= 0
    return {
        "accuracy": jnp.mean(decided(head, new) == data["test_classes"]),
        "by_score": jnp.mean(jnp.argmax(new, axis=1) == data["test_classes"]),
        "missing": jnp.sum(jax.nn.one_hot(chosen, sizes[-1]).sum(axis=0) == 0),
        "wrong": jnp.sum(wrong),
        "stuck": jnp.sum(wrong & off),
    }


def decided(head: str, scores: Any) -> Any:
    """The classes chosen by a ReLU's outputs, or by the scores; ties go to the first class."""
    return jnp.argmax(ll.activations.relu(scores) if head == "relu" else scores, axis=1)


def train(head: str, case: str, config: Config, tick: Any) -> dict[str, Any]:
    """All splits and seeds of a head in one program; axes (split, seed, ...)."""
    data = {name: jnp.asarray(values) for name, values in parts_of_splits(case, config).items()}
    classes = int(data["train_classes"].max()) + 1
    sizes = (data["train"].shape[2], *config.widths, classes)
    keys = jax.random.split(jax.random.key(config.seed), (config.splits, config.seeds))
    found = jax.jit(jax.vmap(jax.vmap(functools.partial(train_one, head, config, sizes), (None, 0))))(data, keys)
    return {name: np.asarray(values) for name, values in found.items()}


def compute(config: Config, run: Any) -> Any:
    """Every head on every case; returns dims (case, head, split, seed, ...)."""
    held = run({f"{c}: {h}": functools.partial(train, h, c, config) for c in config.cases for h in HEADS})
    measured = ("accuracy", "by_score", "missing", "wrong", "stuck")
    fields = {name: ["split", "seed"] for name in measured}
    return gather(held, lambda case, head: f"{case}: {head}", {"case": config.cases, "head": HEADS}, fields)


def collapsed(results: Any) -> Any:
    """Runs that never choose some class on the training part, dims (case, head, split, seed)."""
    return results.missing > 0


def differences(results: Any, head: str, other: str) -> Any:
    """Accuracy of a head minus that of another on each split, means over seeds, in points, (case, split)."""
    mean = 100 * results.accuracy.mean("seed")
    return mean.sel(head=head, drop=True) - mean.sel(head=other, drop=True)


def by_case(rows: Any) -> dict[str, Any]:
    """The mean over splits of rows (case, split) with its interval: of these data, over splits and starts."""
    return {said(case): mean_estimate(row) for case, row in zip(rows.case.values, rows.values, strict=True)}


# --------------------------------------------------------------------------------------------------------------- claims


@claim("", "Softmax alone varies over splits by the published difference", at_least(APART, "points"), "before")
def noise(results: Any) -> float:
    """The standard deviation over splits of softmax's accuracy, one seed each, inputs as they are, in points."""
    return 100 * float(results.accuracy.sel(case=RAW, head="softmax").isel(seed=0).std("split", ddof=1))


@claim("", "No run with softmax or hinge never chooses a class", at_most(0, "runs"), "after")
def others_collapsed(results: Any) -> dict[str, int]:
    """Runs that collapse, of each head."""
    return {head: int(collapsed(results).sel(head=head).sum()) for head in ("softmax", "hinge")}


@claim("", "On raw inputs some runs with ReLU never choose a class", proportion(least=0.05), "after")
def relu_collapsed(results: Any) -> tuple[int, int]:
    """Of all runs."""
    lost = collapsed(results).sel(case=RAW, head="relu")
    return int(lost.sum()), lost.size


@claim("", "Hinge and softmax differ by less than the published difference", equal(0, APART, "points"), "after")
def hinge_like_softmax(results: Any) -> dict[str, Any]:
    """Accuracy of the hinge head minus that of softmax on each case."""
    return by_case(differences(results, "hinge", "softmax"))


@claim("", "ReLU is behind softmax by more than the published difference", at_least(APART, "points"), "after")
def relu_behind(results: Any) -> dict[str, Any]:
    """Accuracy of softmax minus that of the ReLU head on each case."""
    return by_case(differences(results, "softmax", "relu"))


@claim("", "What a ReLU head gets wrong has output 0 for its own class: no gradient", at_least(0.8, "%"), "after")
def stuck(results: Any) -> float:
    """The share of its wrong training examples."""
    relu = results.sel(head="relu")
    return float(relu.stuck.sum() / max(int(relu.wrong.sum()), 1))


@claim("", "Deciding by the scores instead of the outputs gains accuracy", at_least(0, "points"), "after")
def gained_by_scores(results: Any) -> dict[str, Any]:
    """Of the ReLU head, on each case."""
    relu = results.sel(head="relu")
    return by_case(100 * (relu.by_score - relu.accuracy).mean("seed"))


# -------------------------------------------------------------------------------------------------------------- showing


def said(case: Any) -> str:
    """A case as figures call it."""
    return str(case).replace("_", " ").replace(", raw", ", inputs as they are")


def draw(results: Any) -> dict[str, Any]:
    """A dot for each run, a cross if it collapsed; bars are means."""
    figure, axes = fig.panels(1, results.sizes["case"], height=2.4, sharey=True)
    ended, rng = collapsed(results), np.random.default_rng(0)
    lowest = max(0, np.floor(100 * float(results.accuracy.min())) - 3)
    for ax, case in zip(axes[0], results.case.values, strict=True):
        for at, head in enumerate(HEADS):
            one = {"case": case, "head": head}
            values, lost = 100 * results.accuracy.sel(one).values.ravel(), ended.sel(one).values.ravel()
            where = at + rng.uniform(-0.27, 0.27, values.size)
            ax.plot(where[~lost], values[~lost], "o", color=LOOKS[head], ms=2.6, alpha=0.6, mew=0, clip_on=False)
            ax.plot(where[lost], values[lost], "x", color=fig.BLACK, ms=3.6, mew=0.8)
            ax.plot([at - 0.36, at + 0.36], [values.mean()] * 2, color=fig.BLACK, lw=1.3)
        ax.set_xticks(range(len(HEADS)), ["softmax", "ReLU", "hinge"])
        ax.set(title=said(case), xlim=(-0.55, 2.55), ylim=(lowest, 100))
    axes[0, 0].set_ylabel("test accuracy, %")
    axes[0, len(axes[0]) // 2].set_xlabel("last layer")
    handles = [
        Line2D([], [], marker="o", color=fig.GREY, ls="", ms=3.5, label="a run"),
        Line2D([], [], marker="x", color=fig.BLACK, ls="", ms=4, label="a run that never chooses some class"),
        Line2D([], [], color=fig.BLACK, lw=1.3, label="mean"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=3)
    return {"accuracy": figure}


def report(results: Any) -> list[Any]:
    """Accuracies, collapsed runs and dead places of every head."""
    rows, ended = [], collapsed(results)
    for case, head in itertools.product(results.case.values, HEADS):
        one, lost = results.sel(case=case, head=head), ended.sel(case=case, head=head)
        kept = "no such run" if bool(lost.all()) else _spread(one.accuracy.where(~lost))
        accuracies = _spread(one.accuracy), kept, _spread(one.by_score)
        rows.append((said(case), head, *accuracies, f"{int(lost.sum())} of {lost.size}"))
    columns = ("data", "head", "test accuracy %", "of runs not collapsed", "decided by scores", "collapsed")
    return [table("Heads: mean and standard deviation over splits and seeds", columns, rows)]


def _spread(values: Any) -> str:
    return f"{100 * float(values.mean()):.2f} +- {100 * float(values.std()):.2f}"


def numbers(results: Any) -> dict[str, str]:
    """What a text quotes."""
    ended, found = collapsed(results), {}
    for case, head in itertools.product(results.case.values, HEADS):
        name, one = f"{str(case).replace(', ', '_')}_{head}", {"case": case, "head": head}
        found[f"{name}_accuracy"] = f"{100 * float(results.accuracy.sel(one).mean()):.1f}"
        found[f"{name}_by_score"] = f"{100 * float(results.by_score.sel(one).mean()):.1f}"
        found[f"{name}_collapsed"] = str(int(ended.sel(one).sum()))
    alike = differences(results, "hinge", "softmax")
    return found | {
        "runs": str(results.sizes["split"] * results.sizes["seed"]),
        "splits": str(results.sizes["split"]),
        "published_difference": f"{APART:.2f}",
        "softmax_noise": f"{noise(results):.2f}",
        "stuck": percent(stuck(results)),
        "hinge_softmax_most": number(float(abs(alike.mean("split")).max()), 2),
    }
