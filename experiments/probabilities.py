"""Whose scores can be read as probabilities, those of logistic regression or those of an SVM?

The hinge's conditional risk has its minimum at -1, 0 or +1, so a margin says which class is likelier, not how likely;
it needs a curve fitted to held-out scores: Platt's sigmoid (1999) or a rising step function (Zadrozny & Elkan 2002).
Measured by the Brier score, the mean squared distance of the stated probability from what happened, on the study's
independent sources, with C chosen inside each training part.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from lossland import figures as fig
from lossland.core import table
from lossland.experiment import (
    SOURCES,
    at_least,
    choose_C,
    claim,
    equal,
    exact_fits,
    fold_numbers,
    gather,
    mean_estimate,
    proportion,
    real_source,
)

BEST = "logistic, C by log loss"
RAW, PLATT, ISOTONIC, ERROR = "SVM, raw margin", "SVM + Platt", "SVM + isotonic", "logistic, C by error"
SCALINGS = (BEST, ERROR, PLATT, ISOTONIC, RAW)
LOOKS = {BEST: ("s", fig.colour("logistic")), ERROR: ("D", fig.VIOLET), PLATT: ("o", fig.colour("hinge"))}
LOOKS |= {ISOTONIC: ("^", fig.BROWN), RAW: ("X", fig.BLACK)}
BINS = 10
"""Bins of equal width in which stated probabilities are compared with what happened."""


@dataclass(frozen=True)
class Config:
    """What is compared on what."""

    sources: tuple[str, ...] = tuple(each.name for each in SOURCES)
    """Independent real data sets."""
    repeats: int = 1
    """How often the outer folds are drawn anew."""
    outer: int = 5
    """Outer folds, which measure."""
    inner: int = 5
    """Inner folds, which choose C and hold out the scores that curves are fitted to."""
    Cs: tuple[float, ...] = tuple(4.0**k for k in range(-5, 4))
    """Candidates for C, the weight of the summed loss."""
    seed: int = 3300
    """Decides the folds."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(sources=("iris", "crabs", "glass", "birth weight"), outer=4, inner=3, Cs=(0.01, 0.1, 1.0))
SECONDS = 45


# ------------------------------------------------------------------------------------------------------------ computing


def platt(scores: Any, labels: Any, new: Any) -> Any:
    """Probabilities sigma(A z + B) of new scores, A and B fitted to held-out ones (Platt 1999, smoothed targets)."""
    positive = labels > 0
    up, down = positive.sum(), (~positive).sum()
    target = np.where(positive, (up + 1) / (up + 2), 1 / (down + 2))
    scale = max(float(scores.std()), 1e-12)
    twice, classes = np.tile(scores / scale, 2)[:, None], np.repeat([1, 0], len(scores))
    curve = LogisticRegression(C=1e10, solver="newton-cholesky", tol=1e-10)
    curve.fit(twice, classes, sample_weight=np.concatenate([target, 1 - target]))
    return curve.predict_proba(new[:, None] / scale)[:, 1]


def isotonic(scores: Any, labels: Any, new: Any) -> Any:
    """Probabilities of new scores by the best rising step function of held-out ones."""
    return IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels > 0).predict(new)


def state(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Brier scores and bins of every scaling on one source, axes (repeat * fold, ...)."""
    data, held = real_source(name), []
    for r in range(config.repeats):
        outer = fold_numbers(data.labels, config.outer, config.seed + r)
        for k in range(config.outer):
            held.append(_one_fold(config, data, outer != k, config.seed + 1000 * (r + 1) + k))
            tick(len(held), config.repeats * config.outer)
    return {"brier": np.stack([brier for brier, _ in held]), "bins": np.sum([bins for _, bins in held], axis=0)}


def _one_fold(config: Config, data: Any, training: Any, seed: int) -> tuple[Any, Any]:
    """Brier score of each scaling on one outer fold, and its sums in bins (sum, scaling, bin)."""
    train, test = np.flatnonzero(training), np.flatnonzero(~training)
    inner = fold_numbers(data.labels[train], config.inner, seed)
    chosen = {loss: choose_C(data, train, inner, loss, config.Cs) for loss in ("hinge", "logistic")}
    scores = {loss: exact_fits(data, train, loss, config.Cs).scores[:, test] for loss in chosen}
    raw, past = scores["hinge"][chosen["hinge"].by_error], (chosen["hinge"].held_out, data.labels[train])
    said = {
        BEST: expit(scores["logistic"][chosen["logistic"].by_loss]),
        ERROR: expit(scores["logistic"][chosen["logistic"].by_error]),
        PLATT: platt(*past, raw),
        ISOTONIC: isotonic(*past, raw),
        RAW: expit(raw),
    }
    stated, happened = np.stack([said[scaling] for scaling in SCALINGS]), (data.labels[test] > 0).astype(float)
    return ((stated - happened) ** 2).mean(axis=1), _binned(stated, happened)


def _binned(stated: Any, happened: Any) -> Any:
    """Examples, stated probabilities and positives summed in each bin, (sum, scaling, bin)."""
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    weights = np.ones_like(stated), stated, np.broadcast_to(happened, stated.shape)
    return np.array([[np.bincount(at, w, BINS) for at, w in zip(place, each, strict=True)] for each in weights])


def compute(config: Config, run: Any) -> Any:
    """State probabilities on every source; returns dims (source, fold, scaling, ...)."""
    parts = run({name: functools.partial(state, config, name) for name in config.sources})
    fields = {"brier": ["fold", "scaling"], "bins": ["sum", "scaling", "bin"]}
    results = gather(parts, str, {"source": config.sources}, fields)
    return results.assign_coords(scaling=list(SCALINGS), sum=["count", "stated", "positive"])


def calibration_error(bins: Any) -> Any:
    """The expected calibration error: mean over examples of |share of positives - stated| in their bin.

    Args:
        bins: dims (..., sum, scaling, bin).

    Returns:
        Dims (..., scaling).
    """
    gap = abs(bins.sel(sum="positive") - bins.sel(sum="stated"))
    return gap.sum("bin") / bins.sel(sum="count").sum("bin")


def behind(results: Any) -> Any:
    """Brier score of each scaling minus that of the best one, means over folds, (source, scaling)."""
    mean = results.brier.mean("fold")
    return mean - mean.sel(scaling=BEST)


# --------------------------------------------------------------------------------------------------------------- claims


@claim("S6", "A raw margin is a worse probability than logistic regression's", proportion(least=0.75), "after")
def raw_is_worse(results: Any) -> tuple[int, int]:
    """Sources on which its Brier score is higher."""
    raw = behind(results).sel(scaling=RAW)
    return int((raw > 0).sum()), raw.size


@claim("S6", "Margins scaled by a fitted curve are nearly as good: Brier score", equal(0, within=0.01), "after")
def scaled_is_near(results: Any) -> dict[str, Any]:
    """The mean distance over sources from logistic regression, C by log loss."""
    return {name: mean_estimate(behind(results).sel(scaling=name)) for name in (PLATT, ISOTONIC)}


@claim("S6", "C chosen by error costs logistic regression Brier score in the mean", at_least(0), "after")
def error_costs(results: Any) -> Any:
    """The mean over sources beside C by log loss."""
    return mean_estimate(behind(results).sel(scaling=ERROR))


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """Stated probabilities against what happened, pooled; and how far each scaling is behind on every source."""
    figure, (axes,) = fig.panels(1, 2, height=2.6, width_ratios=[1, 1.35])
    _draw_reliability(axes[0], results)
    _draw_scores(axes[1], results)
    return {"calibration": figure}


def _draw_reliability(ax: Any, results: Any) -> None:
    pooled = results.bins.sum("source")
    ax.plot([0, 1], [0, 1], color=fig.GREY, lw=0.8)
    for scaling, (shape, shade) in LOOKS.items():
        count, stated, positive = pooled.sel(scaling=scaling).values
        full = count > 0
        ax.plot(stated[full] / count[full], positive[full] / count[full], marker=shape, ms=3.5, lw=0.9, color=shade)
    ax.set(xlabel="stated probability", ylabel="share of positives", aspect="equal", xlim=(0, 1), ylim=(0, 1))
    fig.label_line(ax, "SVM, raw margin", 0.8, 0.93, LOOKS[RAW][1], ha="right")
    ax.set_title("Raw margins state too little")


def _draw_scores(ax: Any, results: Any) -> None:
    gaps, others = 100 * behind(results), [scaling for scaling in SCALINGS if scaling != BEST]
    for at, scaling in enumerate(reversed(others)):
        shape, shade = LOOKS[scaling]
        values = np.sort(gaps.sel(scaling=scaling).values)
        ax.plot(values, at + np.linspace(-0.25, 0.25, values.size), shape, color=shade, ms=2.8, alpha=0.7, mew=0)
        ax.plot([values.mean()] * 2, [at - 0.38, at + 0.38], color=fig.BLACK, lw=1.4)
    ax.axvline(0, color=LOOKS[BEST][1], lw=1.2)
    fig.label_line(ax, f" {BEST}", 0, len(others) - 0.42, LOOKS[BEST][1])
    ax.set_yticks(range(len(others)), list(reversed(others)))
    for tick, scaling in zip(ax.get_yticklabels(), reversed(others), strict=True):
        tick.set_color(LOOKS[scaling][1])
    ax.set(xlabel="Brier score behind it, $\\times 100$ (a mark: a source; bar: mean)", ylim=(-0.6, len(others) - 0.2))
    ax.set_title("They cost most; a fitted curve mends part of it")


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """Brier score and expected calibration error of every scaling."""
    brier, error = results.brier.mean("fold"), calibration_error(results.bins)
    rows = [
        (str(name), *(f"{brier[k, j].item():.4f} / {error[k, j].item():.3f}" for j in range(len(SCALINGS))))
        for k, name in enumerate(results.source.values)
    ]
    mean = brier.mean("source"), error.mean("source")
    rows.append(("mean", *(f"{mean[0][j].item():.4f} / {mean[1][j].item():.3f}" for j in range(len(SCALINGS)))))
    return [table("Probabilities: Brier score / expected calibration error", ("data", *SCALINGS), rows)]


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    brier, gaps = results.brier.mean(("source", "fold")), behind(results)
    return {
        "datasets": f"{results.sizes['source']}",
        "brier_logistic": f"{brier.sel(scaling=BEST).item():.4f}",
        "brier_platt": f"{brier.sel(scaling=PLATT).item():.4f}",
        "brier_isotonic": f"{brier.sel(scaling=ISOTONIC).item():.4f}",
        "brier_raw": f"{brier.sel(scaling=RAW).item():.4f}",
        "raw_worse_on": f"{int((gaps.sel(scaling=RAW) > 0).sum())}",
        "raw_most": f"{float(gaps.sel(scaling=RAW).max()):.3f}",
        "unscaled_mean": f"{float(gaps.sel(scaling=ERROR).mean()):.4f}",
        "unscaled_most": f"{float(gaps.sel(scaling=ERROR).max()):.3f}",
    }
