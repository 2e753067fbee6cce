"""Is a ReLU a worse classification layer than softmax, or only one that sometimes dies?

The set-up of Agarap (2018): a network whose last layer is a ReLU, trained by cross-entropy of the outputs divided by
their sum, against the same network with a softmax and with one hinge for each class. All heads see the same splits,
first weights and batches. The published difference is one of single splits and inside their noise; what tells the heads
apart is where the ReLU dies: runs that never choose a class, and examples whose own output is 0, which nothing pulls.
"""

import functools
import math
import sys
from dataclasses import dataclass
from typing import Any

import lossland as ll
from lossland.experiment import corrected_t, holm

HEADS = ("softmax", "relu", "hinge")
PUBLISHED = {"relu": 90.64, "softmax": 92.40}
"""Test accuracies in percent on breast cancer, inputs as they are, one split (Agarap 2018, notebooks)."""
CLIP = 1e-7
"""Keras clips probabilities to [CLIP, 1 - CLIP]."""


@dataclass(frozen=True)
class Config:
    """Which data, which network, how many runs."""

    cases: tuple[str, ...] = ("breast_cancer, raw", "breast_cancer, standardised", "digits, standardised")
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
    records: int = 20
    """How often training accuracy is written down."""
    seed: int = 0
    """Decides splits, first weights and batches."""
    x64: bool = False
    """Compute in float32, as networks do."""


SMOKE = Config(cases=("breast_cancer, raw",), splits=12, widths=(32,), epochs=40, records=5)


# ------------------------------------------------------------------------------------------------------------ computing


def examples(case: str) -> tuple[Any, Any]:
    """Inputs (n, d) and classes 0, 1, ... (n,)."""
    from sklearn.datasets import load_breast_cancer, load_digits

    held: Any = {"breast_cancer": load_breast_cancer, "digits": load_digits}[case.partition(",")[0]]()
    return held.data, held.target


def parts_of_splits(case: str, config: Config) -> dict[str, Any]:
    """All splits at once: inputs (splits, n, d) and classes (splits, n) of the training and the test parts."""
    import numpy as np
    from sklearn.model_selection import StratifiedShuffleSplit

    inputs, classes = examples(case)
    splitter = StratifiedShuffleSplit(config.splits, test_size=config.test_share, random_state=config.seed)
    rows = list(splitter.split(inputs, classes))
    train, test = (np.stack([pair[k] for pair in rows]) for k in (0, 1))
    made = {"train": inputs[train], "test": inputs[test]}
    if case.endswith("standardised"):
        centre, spread = made["train"].mean(axis=1, keepdims=True), made["train"].std(axis=1, keepdims=True)
        made = {part: (x - centre) / np.where(spread > 0, spread, 1.0) for part, x in made.items()}
    return made | {"train_classes": classes[train], "test_classes": classes[test]}


def first_weights(key: Any, sizes: tuple[int, ...]) -> list[Any]:
    """Glorot & Bengio's uniform weights and biases of 0, as Keras starts: a list of (weights, biases)."""
    import itertools

    import jax
    import jax.numpy as jnp

    keys = jax.random.split(key, len(sizes) - 1)
    shapes = list(itertools.pairwise(sizes))
    ends = [math.sqrt(6.0 / (a + b)) for a, b in shapes]
    drawn = zip(keys, shapes, ends, strict=True)
    return [(jax.random.uniform(k, s, minval=-end, maxval=end), jnp.zeros(s[1])) for k, s, end in drawn]


def scores_of(params: Any, inputs: Any) -> Any:
    """Scores of all classes, (n, classes); hidden layers are ReLUs."""
    for weights, biases in params[:-1]:
        inputs = ll.activations.relu(inputs @ weights + biases[None])
    weights, biases = params[-1]
    return inputs @ weights + biases[None]


def head_loss(head: str, scores: Any, one_hot: Any) -> Any:
    """The mean loss of a head.

    Args:
        head: "softmax" and "relu": cross-entropy of the true class's share; "hinge": a hinge for each class.
        scores: (n, classes).
        one_hot: (n, classes), 1 at the true class.

    Returns:
        A scalar.
    """
    import jax
    import jax.numpy as jnp

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

    `missing`: classes that are never chosen; `dead`: outputs whose score is negative for every example; `silent`: the
    share of examples with negative scores only; `stuck`: of the wrong ones, the share whose own score is negative.
    """
    import jax
    import jax.numpy as jnp
    import optax

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

    def stretch(held: Any, keys: Any) -> tuple[Any, Any]:
        held = jax.lax.scan(epoch, held, keys)[0]
        return held, accuracy(decided(head, scores_of(held[0], data["train"])), data["train_classes"])

    keys = jax.random.split(order, config.epochs).reshape(config.records, -1)
    (params, _), trace = jax.lax.scan(stretch, (params, optimizer.init(params)), keys)
    seen, new = (scores_of(params, data[part]) for part in ("train", "test"))
    chosen = jnp.argmax(decided(head, seen), axis=1)
    wrong, off = chosen != data["train_classes"], jnp.sum(targets * seen, axis=1) <= 0
    return {
        "train_accuracy": trace,
        "accuracy": accuracy(decided(head, new), data["test_classes"]),
        "by_score": accuracy(new, data["test_classes"]),
        "missing": jnp.sum(jax.nn.one_hot(chosen, sizes[-1]).sum(axis=0) == 0),
        "dead": jnp.sum((seen <= 0).all(axis=0)),
        "silent": jnp.mean((seen <= 0).all(axis=1)),
        "wrong": jnp.sum(wrong),
        "stuck": jnp.sum(wrong & off),
    }


def decided(head: str, scores: Any) -> Any:
    """What the class is chosen by: a ReLU's outputs, or the scores; ties go to the first class."""
    return ll.activations.relu(scores) if head == "relu" else scores


def accuracy(values: Any, classes: Any) -> Any:
    """The share of examples whose class has the largest value."""
    import jax.numpy as jnp

    return jnp.mean(jnp.argmax(values, axis=1) == classes)


def train(head: str, case: str, config: Config, tick: Any) -> dict[str, Any]:
    """All splits and seeds of a head in one program; axes (split, seed, ...)."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    data = {name: jnp.asarray(values) for name, values in parts_of_splits(case, config).items()}
    classes = int(data["train_classes"].max()) + 1
    sizes = (data["train"].shape[2], *config.widths, classes)
    keys = jax.random.split(jax.random.key(config.seed), (config.splits, config.seeds))
    one = functools.partial(train_one, head, config, sizes)
    found = jax.jit(jax.vmap(jax.vmap(one, in_axes=(None, 0))))(data, keys)
    largest = np.bincount(np.asarray(data["test_classes"][0])).max() / data["test_classes"].shape[1]
    return {name: np.asarray(values) for name, values in found.items()} | {"largest": largest}


def compute(config: Config, run: Any) -> Any:
    """Every head on every case; returns dims (case, head, split, seed, ...)."""
    import numpy as np
    import xarray

    if config.epochs % config.records:
        raise ValueError(f"records must divide epochs; {config.records} does not divide {config.epochs}.")
    held = run({f"{c}: {h}": functools.partial(train, h, c, config) for c in config.cases for h in HEADS})
    passes = np.arange(1, config.records + 1) * (config.epochs // config.records)
    results = xarray.Dataset(coords={"case": list(config.cases), "head": list(HEADS), "epoch": passes})
    dims: dict[str, tuple[str, ...]] = dict.fromkeys(("accuracy", "by_score", "missing", "dead", "silent"), ())
    dims |= {"wrong": (), "stuck": (), "train_accuracy": ("epoch",)}
    for field, own in dims.items():
        values = np.stack([[held[f"{c}: {h}"][field] for h in HEADS] for c in config.cases])
        results[field] = (("case", "head", "split", "seed", *own), values)
    results["largest"] = (("case",), [float(held[f"{c}: {HEADS[0]}"]["largest"]) for c in config.cases])
    results.attrs["ratio"] = config.test_share / (1.0 - config.test_share)
    return results


def collapsed(results: Any) -> Any:
    """Runs that never choose some class on the training part, dims (case, head, split, seed)."""
    return results.missing > 0


def differences(results: Any, head: str, other: str, field: str = "accuracy") -> Any:
    """Accuracy of a head minus that of another on each split, means over seeds, (case, split)."""
    mean = results[field].mean("seed")
    return mean.sel(head=head, drop=True) - mean.sel(head=other, drop=True)


def tested(results: Any, gaps: Any) -> list[float]:
    """The corrected resampled p of differences (case, split) on each case, after Holm."""
    return holm([corrected_t(row, results.attrs["ratio"])[1] for row in gaps.values]).tolist()


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """Test accuracy of every run, and training accuracy along the runs."""
    return {"accuracy": draw_accuracy(results), "training": draw_training(results)}


def _looks() -> dict[str, str]:
    from lossland import figures as fig

    return {"softmax": fig.colour("logistic"), "relu": fig.RED, "hinge": fig.colour("hinge")}


def _said(case: Any) -> str:
    return str(case).replace("_", " ")


def draw_accuracy(results: Any) -> Any:
    """A dot for each run, a cross if it collapsed; bars are means, dotted the share of the largest class."""
    import numpy as np
    from matplotlib.lines import Line2D

    from lossland import figures as fig

    figure, axes = fig.panels(1, results.sizes["case"], height=2.5, sharey=True)
    names = {"softmax": "softmax", "relu": "ReLU", "hinge": "hinge"}
    ended = collapsed(results)
    rng = np.random.default_rng(0)
    for ax, case in zip(axes[0], results.case.values, strict=True):
        for at, head in enumerate(HEADS):
            one = {"case": case, "head": head}
            values, lost = 100 * results.accuracy.sel(one).values.ravel(), ended.sel(one).values.ravel()
            where = at + rng.uniform(-0.27, 0.27, values.size)
            shade = _looks()[head]
            ax.plot(where[~lost], values[~lost], "o", color=shade, ms=2.6, alpha=0.6, mew=0)
            ax.plot(where[lost], values[lost], "x", color=fig.BLACK, ms=3.4, mew=0.8)
            ax.plot([at - 0.36, at + 0.36], [values.mean()] * 2, color=fig.BLACK, lw=1.2)
        ax.axhline(100 * float(results.largest.sel(case=case)), color=fig.GREY, lw=0.8, ls=":")
        ax.set_xticks(range(len(HEADS)), [names[h] for h in HEADS])
        ax.set(title=_said(case), xlim=(-0.55, 2.55), ylim=(0, 103))
    figure.supxlabel("last layer", fontsize=8)
    axes[0, 0].set_ylabel("test accuracy, %")
    handles = [
        Line2D([], [], marker="o", color=fig.GREY, ls="", ms=3.5, label="a run"),
        Line2D([], [], marker="x", color=fig.BLACK, ls="", ms=4, label="a class is never chosen"),
        Line2D([], [], color=fig.BLACK, lw=1.2, label="mean"),
        Line2D([], [], color=fig.GREY, lw=0.8, ls=":", label="always the largest class"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4)
    return figure


def draw_training(results: Any) -> Any:
    """Training accuracy along the runs: a ReLU head's runs one by one, the others' from lowest to highest."""
    from matplotlib.lines import Line2D

    from lossland import figures as fig

    figure, axes = fig.panels(1, results.sizes["case"], height=2.4, sharey=True)
    ended = collapsed(results)
    for ax, case in zip(axes[0], results.case.values, strict=True):
        one = 100 * results.train_accuracy.sel(case=case)
        flat = one.stack(run=("split", "seed")).transpose("head", "run", "epoch")
        lost = ended.sel(case=case, head="relu").stack(run=("split", "seed")).values
        for row, gone in zip(flat.sel(head="relu").values, lost, strict=True):
            ax.plot(results.epoch, row, color=fig.BLACK if gone else fig.RED, lw=0.5, alpha=0.55)
        for head in ("softmax", "hinge"):
            fig.band(ax, results.epoch.values, flat.sel(head=head).values, color=_looks()[head], lw=1.6)
        ax.set(title=_said(case), xlabel="passes over the data", ylim=(0, 103))
    axes[0, 0].set_ylabel("training accuracy, %")
    handles = [
        Line2D([], [], color=_looks()["softmax"], lw=1.6, label="softmax, median and range"),
        Line2D([], [], color=_looks()["hinge"], lw=1.6, label="hinge, median and range"),
        Line2D([], [], color=fig.RED, lw=0.8, label="ReLU, a run"),
        Line2D([], [], color=fig.BLACK, lw=0.8, label="ReLU, a class never chosen at the end"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, columnspacing=1.2, handlelength=1.5)
    return figure


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """Accuracies, collapsed runs and dead places of every head, and the verdicts."""
    from lossland.core import table

    rows, ended = [], collapsed(results)
    for case in results.case.values:
        for head in HEADS:
            one, lost = results.sel(case=case, head=head), ended.sel(case=case, head=head)
            kept = one.accuracy.where(~lost)
            rows.append(
                (
                    _said(case),
                    head,
                    _percent(one.accuracy),
                    _percent(kept) if bool((~lost).any()) else "",
                    _percent(one.by_score),
                    f"{int(lost.sum())} of {lost.size}",
                    *(("", "", "") if head != "relu" else _dead_places(one)),
                )
            )
    columns = ("data", "head", "test accuracy %", "of runs not collapsed", "decided by scores", "collapsed")
    columns += ("runs with a dead output", "all outputs 0, % of examples", "own output 0, % of wrong ones")
    return [table("Heads: mean and standard deviation over splits and seeds", columns, rows)], verdicts(results)


def _dead_places(one: Any) -> tuple[str, str, str]:
    """Where a ReLU head's runs have no gradient on the training part."""
    stuck = 100 * float(one.stuck.sum() / max(int(one.wrong.sum()), 1))
    return f"{int((one.dead > 0).sum())}", f"{100 * float(one.silent.mean()):.1f}", f"{stuck:.0f}"


def _percent(values: Any) -> str:
    return f"{100 * float(values.mean()):.2f} +- {100 * float(values.std()):.2f}"


def noise(results: Any) -> float:
    """The standard deviation over splits of softmax's accuracy, one seed each, inputs as they are, in points."""
    raw = next(case for case in results.case.values if str(case).endswith("raw"))
    return 100 * float(results.accuracy.sel(case=raw, head="softmax").isel(seed=0).std("split", ddof=1))


def verdicts(results: Any) -> list[Any]:
    """What the published difference is worth, and what does tell the heads apart."""
    from lossland.experiment import Verdict

    published, spread = PUBLISHED["softmax"] - PUBLISHED["relu"], noise(results)
    lost = collapsed(results).sum(("case", "split", "seed"))
    counts = {head: int(lost.sel(head=head)) for head in HEADS}
    alike, worse = differences(results, "hinge", "softmax"), differences(results, "relu", "softmax")
    same, apart = tested(results, alike), tested(results, worse)
    relu = results.sel(head="relu")
    stuck = float(relu.stuck.sum() / relu.wrong.sum())
    gains = 100 * (relu.by_score - relu.accuracy).mean(("split", "seed"))
    return [
        Verdict(
            "The published difference lies inside the noise of splits",
            f"{published:.2f} points are less than softmax's own standard deviation over splits, inputs raw",
            f"{spread:.2f} points",
            published < spread,
        ),
        Verdict(
            "The collapsed run is the signal: only the ReLU has any",
            "runs that never choose a class: some with ReLU, none with softmax or hinge",
            ", ".join(f"{head} {count}" for head, count in counts.items()),
            counts["relu"] > 0 == counts["softmax"] + counts["hinge"],
        ),
        Verdict(
            "Hinge and softmax heads are alike",
            "no corrected resampled p below 0.05 after Holm",
            f"least p {min(same):.3f}; {_points(alike)}",
            min(same) >= 0.05,
        ),
        Verdict(
            "In the mean over many runs the ReLU head is worse than published",
            f"behind softmax by more than {published:.2f} points on every case",
            f"{_points(worse)}; corrected p {', '.join(f'{p:.1e}' for p in apart)}",
            bool((100 * worse.mean("split") < -published).all()),
        ),
        Verdict(
            "Most of what a ReLU head gets wrong it cannot learn",
            "of its wrong training examples at least 80 % have output 0 for their class: no gradient of their own",
            f"{100 * stuck:.1f} %",
            stuck >= 0.8,
        ),
        Verdict(
            "Part of the loss is in the decision alone",
            "deciding by the scores instead of the outputs raises its mean accuracy on every case",
            ", ".join(f"{gain:+.1f} points" for gain in gains.values),
            bool((gains > 0).all()),
        ),
    ]


def _points(gaps: Any) -> str:
    return ", ".join(f"{100 * gap:+.1f}" for gap in gaps.mean("split").values) + " points"


def numbers(results: Any) -> dict[str, str]:
    """What a text quotes."""
    ended, found = collapsed(results), {}
    for case in results.case.values:
        for head in HEADS:
            name = f"{str(case).replace(', ', '_')}_{head}"
            one = {"case": case, "head": head}
            found[f"{name}_accuracy"] = f"{100 * float(results.accuracy.sel(one).mean()):.1f}"
            found[f"{name}_deviation"] = f"{100 * float(results.accuracy.sel(one).std()):.1f}"
            found[f"{name}_by_score"] = f"{100 * float(results.by_score.sel(one).mean()):.1f}"
            found[f"{name}_collapsed"] = str(int(ended.sel(one).sum()))
    relu = results.sel(head="relu")
    return found | {
        "runs": str(results.sizes["split"] * results.sizes["seed"]),
        "splits": str(results.sizes["split"]),
        "published_difference": f"{PUBLISHED['softmax'] - PUBLISHED['relu']:.2f}",
        "softmax_noise": f"{noise(results):.2f}",
        "stuck": f"{100 * float(relu.stuck.sum() / relu.wrong.sum()):.1f}",
        "least_p_hinge_softmax": f"{min(tested(results, differences(results, 'hinge', 'softmax'))):.3f}",
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
