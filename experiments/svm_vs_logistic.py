"""Do a linear SVM and logistic regression classify alike? Nested cross-validation on real and made data says how much.

Claim S6: the errors are practically equal and most predictions agree, though the weights do not; probabilities come
with logistic regression, the SVM's margins need a scaling first. C is chosen inside each training part, both losses
see the same folds, and inputs are standardised by the training part alone, in the inner folds too.
"""

import functools
import json
import sys
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import lossland as ll
from lossland.experiment import Posterior, corrected_t, correlated_posterior, holm, signed_rank

MODELS = {"svm": "hinge", "logistic": "logistic"}
SCALINGS = ("logistic, C by error", "logistic, C by log loss", "SVM + Platt", "SVM + isotonic", "SVM, raw margin")
BINS = 10
"""Bins of equal width in which stated probabilities are compared with what happened."""
REAL = (
    "breast_cancer",
    "digits:0-4/5-9",
    "digits:3/8",
    "digits:1/8",
    "iris:setosa/versicolor",
    "iris:setosa/virginica",
)
REAL += ("iris:versicolor/virginica", "wine:0/1", "wine:0/2", "wine:1/2")
MADE = tuple(f"two_gaussians(n=300, d=10, distance={distance})" for distance in (1.0, 2.0, 3.0))
MADE += ("two_gaussians(n=300, d=2, distance=2.0)", "two_gaussians(n=300, d=10, distance=2.0, positives=0.15)")
MADE += ("two_moons(n=300, noise=0.3)", "separable(n=300, d=10)")


@dataclass(frozen=True)
class Config:
    """What is compared on what."""

    datasets: tuple[str, ...] = REAL + MADE
    """Data sets with two classes, real and made."""
    repeats: int = 10
    """How often the outer folds are drawn anew."""
    outer: int = 5
    """Outer folds, which measure."""
    inner: int = 5
    """Inner folds, which choose C."""
    Cs: tuple[float, ...] = tuple(4.0**k for k in range(-5, 4))
    """Candidates for C, the weight of the summed loss."""
    rope: float = 0.01
    """Errors closer than this are practically equal (the region of practical equivalence)."""
    draws: int = 50_000
    """Monte Carlo draws of the signed-rank posterior over data sets."""
    seed: int = 0
    """Decides the folds and the draws."""
    x64: bool = True
    """Compute in float64."""


SMALL = ("iris:versicolor/virginica", "wine:0/1", "two_gaussians(n=150, d=5, distance=2.0)")
SMOKE = Config(datasets=SMALL, repeats=2, inner=3, Cs=(0.01, 0.1, 1.0, 10.0), draws=5000)


# ------------------------------------------------------------------------------------------------------------ computing


def fold_of(labels: Any, count: int, seed: int) -> Any:
    """The number of the stratified fold of each example, (n,)."""
    import numpy as np

    rows = ll.Dataset(inputs=np.arange(len(labels), dtype=float)[:, None], labels=labels)
    fold = np.empty(len(labels), int)
    for k, part in enumerate(ll.folds(rows, count, seed=seed, standardised=False)):
        fold[part.test.inputs[:, 0].astype(int)] = k
    return fold


def fit_all(data: Any, rows: Any, loss: str, Cs: Any) -> tuple[Any, Any, Any]:
    """Exact fits to some rows for every C: weights (C, d), scores of all examples (C, n), duals (C, n).

    The other rows have weight 0. Rows and columns of zeros are added, which change no optimum, so that data sets of
    like size share one compiled program.
    """
    import numpy as np

    scaled = ll.standardise(data, like=replace(data, inputs=data.inputs[rows], labels=data.labels[rows]))
    more = -data.n % 300, max(16, 1 << (data.d - 1).bit_length()) - data.d
    padded = np.pad(scaled.inputs, ((0, more[0]), (0, more[1])))
    wide = ll.Dataset(inputs=padded, labels=np.pad(data.labels, (0, more[0]), constant_values=1.0))
    used = np.zeros(wide.n)
    used[rows] = 1.0
    sol = ll.solve(loss, wide, C=np.asarray(Cs), sample_weights=used)
    weights, bias, duals = sol.weights[:, : data.d].copy(), sol.bias.copy(), sol.duals[:, : data.n].copy()
    for k in np.flatnonzero(~sol.converged):
        weights[k], bias[k], duals[k] = _by_kernel(scaled, used[: data.n], loss, Cs[k])
    return weights, weights @ scaled.inputs.T + bias[:, None], duals


def _by_kernel(data: Any, used: Any, loss: str, C: float) -> tuple[Any, float, Any]:
    """The same optimum by the solver that works over examples, where the one over inputs has stalled."""
    import numpy as np

    found = ll.solve_kernel(loss, data, C=C, sample_weights=used, kernel=lambda a, b: np.asarray(a) @ np.asarray(b).T)
    if not found.converged:
        raise ValueError(f"{data.name}, {loss}, C = {C:g}: {found.message}")
    return found.coefficients @ found.inputs, found.bias, found.duals


class Chosen(NamedTuple):
    """What the inner folds say: the C of least error, its held-out scores, and the C of least held-out loss."""

    by_error: int
    scores: Any
    by_loss: int


def chosen_inside(data: Any, train: Any, inner: Any, loss: str, Cs: Any) -> Chosen:
    """Choose C by the inner folds' error; of several equal ones, that of least held-out loss of the model's own."""
    import numpy as np

    held = np.empty((len(Cs), len(train)))
    for j in range(inner.max() + 1):
        scores = fit_all(data, train[inner != j], loss, Cs)[1]
        held[:, inner == j] = scores[:, train[inner == j]]
    margins = held * data.labels[train]
    own = np.maximum(0, 1 - margins) if loss == "hinge" else np.logaddexp(0, -margins)
    wrong, lost = (_sign(held) != data.labels[train]).sum(axis=1), own.mean(axis=1)
    best = int(np.lexsort((lost, wrong))[0])
    return Chosen(best, held[best], int(np.argmin(lost)))


def _sign(scores: Any) -> Any:
    import numpy as np

    return np.where(scores > 0, 1.0, -1.0)


def platt(scores: Any, labels: Any, new: Any) -> Any:
    """Probabilities sigma(A z + B) of new scores, A and B fitted to held-out ones (Platt 1999, smoothed targets)."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    positive = labels > 0
    up, down = positive.sum(), (~positive).sum()
    target = np.where(positive, (up + 1) / (up + 2), 1 / (down + 2))
    scale = max(float(scores.std()), 1e-12)
    twice, classes = np.tile(scores / scale, 2)[:, None], np.repeat([1, 0], len(scores))
    curve = LogisticRegression(C=1e10, solver="newton-cholesky", tol=1e-10)
    curve.fit(twice, classes, sample_weight=np.concatenate([target, 1 - target]))
    return curve.predict_proba(new[:, None] / scale)[:, 1]


def isotonic(scores: Any, labels: Any, new: Any) -> Any:
    """Probabilities of new scores by the best rising step function of held-out ones (Zadrozny & Elkan 2002)."""
    from sklearn.isotonic import IsotonicRegression

    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels > 0)
    return model.predict(new)


def compare(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Both models on one data set: what is measured on every outer fold, axes (repeat, fold, ...)."""
    import numpy as np

    data = ll.load(name)
    held: dict[str, list[Any]] = {}
    for r in range(config.repeats):
        outer = fold_of(data.labels, config.outer, config.seed + r)
        for k in range(config.outer):
            seed = config.seed + 1000 * (r + 1) + k
            for key, value in _one_fold(config, data, outer != k, seed).items():
                held.setdefault(key, []).append(value)
            tick(r * config.outer + k + 1, config.repeats * config.outer)
    shape = config.repeats, config.outer
    folded = {key: np.asarray(value).reshape(*shape, *np.shape(value[0])) for key, value in held.items()}
    return folded | {"n": data.n, "d": data.d}


def _one_fold(config: Config, data: Any, training: Any, seed: int) -> dict[str, Any]:
    import numpy as np
    from scipy.special import expit

    train, test = np.flatnonzero(training), np.flatnonzero(~training)
    labels, happened = data.labels[test], data.labels[test] > 0
    inner = fold_of(data.labels[train], config.inner, seed)
    picked, weights, scores, duals, chosen, smooth = {}, {}, {}, {}, {}, {}
    for model, loss in MODELS.items():
        chosen[model] = chosen_inside(data, train, inner, loss, config.Cs)
        # All C at once again: the program for this shape is compiled already.
        fits, at = fit_all(data, train, loss, config.Cs), chosen[model].by_error
        picked[model], weights[model] = config.Cs[at], fits[0][at]
        scores[model], duals[model] = fits[1][at][test], fits[2][at][train]
        smooth[model] = fits[1][chosen[model].by_loss][test]
    raw, past = scores["svm"], (chosen["svm"].scores, data.labels[train])
    stated = [expit(scores["logistic"]), expit(smooth["logistic"]), platt(*past, raw), isotonic(*past, raw), expit(raw)]
    stated = np.stack(stated)
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    bins = [
        [np.bincount(at, v, BINS) for at, v in zip(place, rows, strict=True)] for rows in _weighted(stated, happened)
    ]
    a, b = weights["svm"], weights["logistic"]
    return {
        "error": [np.mean(_sign(scores[m]) != labels) for m in MODELS],
        "C": [picked[m] for m in MODELS],
        "support": [np.mean(duals[m] > 0) for m in MODELS],
        "disagreement": np.mean(_sign(scores["svm"]) != _sign(scores["logistic"])),
        "angle": np.degrees(np.arccos(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))),
        "brier": np.mean((stated - happened) ** 2, axis=1),
        "bins": np.asarray(bins),
    }


def _weighted(stated: Any, happened: Any) -> tuple[Any, Any, Any]:
    """What is summed in each bin: examples, stated probabilities, positives."""
    import numpy as np

    return np.ones_like(stated), stated, np.broadcast_to(happened.astype(float), stated.shape)


def compute(config: Config, run: Any) -> Any:
    """Compare on every data set; returns dims (dataset, repeat, fold, model or scaling)."""
    import numpy as np
    import xarray

    parts = run({name: functools.partial(compare, config, name) for name in config.datasets})
    results = xarray.Dataset(coords={"dataset": list(config.datasets), "model": list(MODELS)})
    results = results.assign_coords(scaling=list(SCALINGS), bin=np.arange(BINS), sum=["count", "stated", "positive"])
    dims = {"error": ("model",), "C": ("model",), "support": ("model",), "disagreement": (), "angle": ()}
    dims |= {"brier": ("scaling",), "bins": ("sum", "scaling", "bin")}
    for field, own in dims.items():
        values = np.stack([parts[name][field] for name in config.datasets])
        results[field] = (("dataset", "repeat", "fold", *own), values)
    for field in ("n", "d"):
        results[field] = (("dataset",), [int(parts[name][field]) for name in config.datasets])
    drawn = signed_rank(_differences(results).mean(axis=1), config.rope, config.draws, config.seed)
    results["over_datasets"] = (("outcome",), list(drawn))
    results.attrs["rope"] = config.rope
    return results


# ----------------------------------------------------------------------------------------------------------- statistics


def _differences(results: Any) -> Any:
    """Error of the SVM - error of logistic regression, (dataset, repeat * fold)."""
    gap = results.error.sel(model="svm") - results.error.sel(model="logistic")
    return gap.values.reshape(gap.sizes["dataset"], -1)


def judged(results: Any) -> list[tuple[float, Posterior]]:
    """The corrected p and the posterior of the difference on each data set."""
    ratio, rope = 1.0 / (results.sizes["fold"] - 1), results.attrs["rope"]
    rows = _differences(results)
    return [(corrected_t(row, ratio)[1], correlated_posterior(row, ratio, rope)) for row in rows]


def calibration_error(bins: Any) -> Any:
    """The expected calibration error: mean over examples of |share of positives - stated| in their bin.

    Args:
        bins: dims (..., sum, scaling, bin), already summed over folds.

    Returns:
        Dims (..., scaling).
    """
    gap = abs(bins.sel(sum="positive") - bins.sel(sum="stated"))
    return gap.sum("bin") / bins.sel(sum="count").sum("bin")


# -------------------------------------------------------------------------------------------------------------- drawing


def short(name: str) -> str:
    """A data set's name as an axis shows it."""
    head, _, settings = name.partition("(")
    kept = [part for part in settings.rstrip(")").split(", ") if part and not part.startswith("n=")]
    words = {"distance": "apart", "positives": "positive"}
    told = [f"{words.get(key, key)} {float(value):g}" for key, _, value in (part.partition("=") for part in kept)]
    return head.replace("_", " ") + (f" ({', '.join(told)})" if told else "")


def draw(results: Any) -> dict[str, Any]:
    """Two figures: errors, predictions and weights beside each other; stated probabilities against what happened."""
    return {"errors": draw_errors(results), "calibration": draw_calibration(results)}


def draw_errors(results: Any) -> Any:
    """A row for each data set: both errors, their difference with its interval, disagreement, angle, support."""
    import numpy as np

    from lossland import figures as fig

    names = [str(n) for n in results.dataset.values]
    where = np.arange(len(names))[::-1]
    figure, axes = fig.panels(1, 4, height=1.1 + 0.17 * len(names), sharey=True)
    mean = results.mean(("repeat", "fold"))
    looks = {"svm": ("SVM", "o", fig.colour("hinge"), 5.5), "logistic": ("logistic", "s", fig.colour("logistic"), 2.8)}
    for model, (label, shape, shade, size) in looks.items():
        axes[0, 0].plot(100 * mean.error.sel(model=model), where, shape, color=shade, ms=size, label=label)
    rope = 100 * results.attrs["rope"]
    axes[0, 1].axvspan(-rope, rope, color=fig.GREY, alpha=0.22, lw=0, label=f"within {rope:g} point")
    for at, row, (_, belief) in zip(where, _differences(results), judged(results), strict=True):
        axes[0, 1].plot([100 * belief.low, 100 * belief.high], [at, at], color=fig.BLACK, lw=1.1)
        axes[0, 1].plot([100 * row.mean()], [at], "o", color=fig.BLACK, ms=3.5)
    axes[0, 2].plot(100 * mean.disagreement, where, "o", color=fig.GREEN, ms=4, label="predictions that differ")
    axes[0, 2].plot(100 * mean.support.sel(model="svm"), where, "^", color=fig.SKY, ms=4, label="support vectors")
    axes[0, 3].plot(mean.angle, where, "D", color=fig.PINK, ms=3.5)
    told = (
        "test error, %",
        "error of SVM $-$ logistic,\npoints (bar: 95 %)",
        "share, %",
        "angle between the\nweights, degrees",
    )
    for ax, words in zip(axes[0], told, strict=True):
        ax.set_xlabel(words)
        ax.grid(axis="y", lw=0.3, color="#DDDDDD")
        ax.set_axisbelow(True)
    for ax in (axes[0, 0], axes[0, 2], axes[0, 3]):
        ax.set_xlim(left=-0.02 * ax.get_xlim()[1])
    axes[0, 0].set_yticks(where, [short(n) for n in names])
    axes[0, 0].set_ylim(-0.7, len(names) - 0.3)
    axes[0, 0].set_ylabel("data set")
    handles = [handle for ax in axes[0] for handle in ax.get_legend_handles_labels()[0]]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), columnspacing=1.2)
    return figure


def _looks() -> dict[str, tuple[str, str]]:
    from lossland import figures as fig

    svm = fig.colour("identity+hinge")
    colours = (fig.colour("logistic"), fig.RED, svm, fig.GREEN, fig.GREY)
    return dict(zip(SCALINGS, zip(("s", "D", "o", "^", "x"), colours, strict=True), strict=True))


def draw_calibration(results: Any) -> Any:
    """The reliability of five ways to state a probability, and their Brier score on each data set."""
    import numpy as np

    from lossland import figures as fig

    figure, axes = fig.panels(1, 2, height=2.2 + 0.09 * results.sizes["dataset"], width_ratios=[1, 1.15])
    reliability, scores = axes[0]
    pooled = results.bins.sum(("dataset", "repeat", "fold"))
    reliability.plot([0, 1], [0, 1], color=fig.BLACK, lw=0.8, ls=":", label="perfect")
    mean = results.brier.mean(("repeat", "fold"))
    where = np.arange(results.sizes["dataset"])[::-1]
    for scaling, (shape, shade) in _looks().items():
        held = pooled.sel(scaling=scaling)
        count = held.sel(sum="count").values
        full = count > 0
        x, y = (held.sel(sum=what).values[full] / count[full] for what in ("stated", "positive"))
        reliability.plot(x, y, marker=shape, ms=3.5, lw=1.0, color=shade, label=scaling)
        extra = mean.sel(scaling=scaling) - mean.sel(scaling=SCALINGS[1])
        if scaling != SCALINGS[1]:
            scores.plot(100 * extra, where, shape, color=shade, ms=4)
    reliability.set(xlabel="stated probability", ylabel="share of positives", aspect="equal")
    handles, names = reliability.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), columnspacing=1.0)
    scores.axvline(0, color=fig.RED, lw=1.2)
    scores.set_xlabel("Brier score $-$ that of logistic with C by\nlog loss, $\\times 100$ (right: worse)")
    scores.set_yticks(where, [short(str(n)) for n in results.dataset.values])
    scores.set(ylabel="data set", ylim=(-0.7, where.size - 0.3))
    scores.grid(axis="y", lw=0.3, color="#DDDDDD")
    return figure


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """Tables of errors and of probabilities, and the verdicts."""
    return [error_table(results), calibration_table(results)], verdicts(results)


def error_table(results: Any) -> Any:
    """Errors, their difference and how sure it is, for each data set."""
    from lossland.core import table

    mean, rows = results.mean(("repeat", "fold")), []
    beliefs = judged(results)
    adjusted = holm([p for p, _ in beliefs])
    for k, (name, row, (p, belief)) in enumerate(
        zip(results.dataset.values, _differences(results), beliefs, strict=True)
    ):
        cell, spread = mean.isel(dataset=k), row.std(ddof=1)
        rows.append(
            (
                short(str(name)),
                f"{int(cell.n)} x {int(cell.d)}",
                f"{100 * cell.error.sel(model='svm').item():.2f}",
                f"{100 * cell.error.sel(model='logistic').item():.2f}",
                f"{100 * row.mean():+.2f} [{100 * belief.low:+.2f}, {100 * belief.high:+.2f}]",
                f"{p:.2f} ({adjusted[k]:.2f})",
                f"{row.mean() / spread if spread else 0.0:+.2f}",
                f"{belief.below:.2f} {belief.inside:.2f} {belief.above:.2f}",
                f"{100 * cell.disagreement.item():.1f}",
                f"{cell.angle.item():.0f}",
                f"{100 * cell.support.sel(model='svm').item():.0f}",
            )
        )
    columns = ("data", "n x d", "SVM error %", "logistic error %", "difference, points [95 %]", "p (Holm)", "effect d")
    columns += ("P(SVM better, same, worse)", "disagree %", "angle deg", "SV %")
    return table("Nested cross-validation, means over folds; effect d: mean / deviation over folds", columns, rows)


def calibration_table(results: Any) -> Any:
    """Brier score and expected calibration error of the five ways to state a probability."""
    from lossland.core import table

    brier = results.brier.mean(("repeat", "fold"))
    error = calibration_error(results.bins.sum("fold")).mean("repeat")
    rows = [
        (short(str(name)), *(f"{brier[k, j].item():.4f} / {error[k, j].item():.3f}" for j in range(len(SCALINGS))))
        for k, name in enumerate(results.dataset.values)
    ]
    rows.append(
        ("mean", *(f"{brier[:, j].mean().item():.4f} / {error[:, j].mean().item():.3f}" for j in range(len(SCALINGS))))
    )
    return table("Probabilities: Brier score / expected calibration error", ("data", *SCALINGS), rows)


def verdicts(results: Any) -> list[Any]:
    """Claim S6, each part decided by a number."""
    import numpy as np

    from lossland.experiment import Verdict

    rope = 100 * results.attrs["rope"]
    beliefs = judged(results)
    apart = [max(belief.below, belief.above) for _, belief in beliefs]
    smallest = float(holm([p for p, _ in beliefs]).min())
    drawn = results.over_datasets.values
    means = _differences(results).mean(axis=1)
    spread = means.std(ddof=1)
    mean = results.mean(("repeat", "fold"))
    disagree, angle = 100 * float(mean.disagreement.median()), float(mean.angle.median())
    brier = mean.brier - mean.brier.sel(scaling=SCALINGS[1])
    raw, unscaled = brier.sel(scaling="SVM, raw margin"), brier.sel(scaling=SCALINGS[0])
    scaled = {name: float(brier.sel(scaling=name).mean()) for name in SCALINGS[2:4]}
    support = mean.support
    return [
        Verdict(
            "S6: over data sets the two err alike",
            f"signed-rank posterior: P(within {rope:g} point is most probable) >= 0.95",
            f"{drawn[1]:.3f} (SVM better {drawn[0]:.3f}, worse {drawn[2]:.3f}); mean {100 * means.mean():+.2f} points, "
            f"effect {means.mean() / spread if spread else 0.0:+.2f}",
            bool(drawn[1] >= 0.95),
        ),
        Verdict(
            f"S6: on no data set is either better by more than {rope:g} point",
            "no correlated posterior gives that 0.95",
            f"highest {max(apart):.3f}",
            max(apart) < 0.95,
        ),
        Verdict(
            "S6: no difference is significant",
            "smallest corrected p after Holm >= 0.05",
            f"{smallest:.3f}",
            smallest >= 0.05,
        ),
        Verdict("S6: most predictions agree", "median disagreement <= 5 %", f"{disagree:.1f} %", disagree <= 5.0),
        Verdict("S6: the weights do not", "median angle between them >= 5 degrees", f"{angle:.1f}", angle >= 5.0),
        Verdict(
            "S7: the SVM rests on some examples, logistic regression on all",
            "support < 100 % on every data set for the SVM, = 100 % for logistic",
            f"{100 * support.sel(model='svm').min().item():.0f} to {100 * support.sel(model='svm').max().item():.0f} % "
            f"against {100 * support.sel(model='logistic').min().item():.0f} %",
            bool((support.sel(model="svm") < 1).all() and (support.sel(model="logistic") == 1).all()),
        ),
        Verdict(
            "S6: a raw margin is no probability",
            "Brier score above that of logistic regression, C by log loss, on three quarters of the data sets",
            f"on {int((raw > 0).sum())} of {raw.size}, by {float(raw.mean()):+.4f} in the mean",
            bool((raw > 0).mean() >= 0.75),
        ),
        Verdict(
            "S6: least error alone does not calibrate logistic regression",
            "Brier score with C by error above that with C by log loss in the mean",
            f"{float(unscaled.mean()):+.4f}, on one data set {float(unscaled.max()):+.4f}",
            bool(unscaled.mean() > 0),
        ),
        Verdict(
            "S6: a scaled margin is nearly as good a one",
            "mean Brier score within 0.01 of logistic regression's, C by log loss, after Platt and after isotonic",
            ", ".join(f"{name} {gap:+.4f}" for name, gap in scaled.items()),
            bool(np.all(np.abs(list(scaled.values())) <= 0.01)),
        ),
    ]


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    beliefs = judged(results)
    means = _differences(results).mean(axis=1)
    mean, config = results.mean(("repeat", "fold")), json.loads(results.attrs["config"])
    brier = mean.brier.mean("dataset")
    worst = 100 * (results.brier.sel(scaling="SVM, raw margin") - results.brier.sel(scaling=SCALINGS[1]))
    support = 100 * mean.support.sel(model="svm")
    unscaled = mean.brier.sel(scaling=SCALINGS[0]) - mean.brier.sel(scaling=SCALINGS[1])
    return {
        "datasets": f"{results.dataset.size}",
        "real": f"{len(set(config['datasets']) & set(REAL))}",
        "repeats": f"{config['repeats']}",
        "outer": f"{config['outer']}",
        "inner": f"{config['inner']}",
        "rope_points": f"{100 * results.attrs['rope']:g}",
        "mean_points": f"{100 * means.mean():+.2f}",
        "effect": f"{means.mean() / means.std(ddof=1):+.2f}",
        "worse_on": f"{int((means > 0).sum())}",
        "better_on": f"{int((means < 0).sum())}",
        "largest_points": f"{100 * abs(means).max():.2f}",
        "posterior_same": f"{results.over_datasets.values[1]:.3f}",
        "highest_apart": f"{max(max(belief.below, belief.above) for _, belief in beliefs):.2f}",
        "smallest_p": f"{min(p for p, _ in beliefs):.2f}",
        "smallest_holm": f"{float(holm([p for p, _ in beliefs]).min()):.2f}",
        "disagree_percent": f"{100 * float(mean.disagreement.median()):.1f}",
        "disagree_most_percent": f"{100 * float(mean.disagreement.max()):.1f}",
        "angle": f"{float(mean.angle.median()):.1f}",
        "angle_most": f"{float(mean.angle.max()):.0f}",
        "support_least_percent": f"{float(support.min()):.0f}",
        "support_most_percent": f"{float(support.max()):.0f}",
        "brier_logistic": f"{float(brier.sel(scaling=SCALINGS[1])):.4f}",
        "brier_platt": f"{float(brier.sel(scaling='SVM + Platt')):.4f}",
        "brier_isotonic": f"{float(brier.sel(scaling='SVM + isotonic')):.4f}",
        "brier_raw": f"{float(brier.sel(scaling='SVM, raw margin')):.4f}",
        "raw_worse_on": f"{int((worst.mean(('repeat', 'fold')) > 0).sum())}",
        "unscaled_most": f"{float(unscaled.max()):.3f}",
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
