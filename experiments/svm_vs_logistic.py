"""Do a linear SVM and logistic regression err alike on real data?

Claim S6, by nested cross-validation on independent sources of real measurements, listed before any was looked at
(`lossland.experiment.SOURCES`). C is chosen inside each training part, both losses see the same folds, and inputs are
standardised by the training part alone, in the inner folds too. Sources are the units: on each, folds share examples,
so its noise is corrected for that (Nadeau & Bengio 2003); over them, differences are a sample.

Two yardsticks say what a practical difference is: one point of error, as Benavoli et al. (2017) take it, beside a
quarter, half and twice of that; and what other examples do, to two logistic regressions that share three quarters of
their training examples.
"""

import functools
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from lossland import experiment as study
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, equal, gather, number, percent, proportion

MODELS = {"svm": "hinge", "logistic": "logistic"}
ROPE = 0.01
"""Half the region of practical equivalence, fixed before the first result."""
FLAT = 1e-3
"""Weights of standardised inputs that are shorter decide nothing."""
ROPES = {"quarter": 0.0025, "half": 0.005, "one": 0.01, "two": 0.02}


@dataclass(frozen=True)
class Config:
    """What is compared on what."""

    sources: tuple[str, ...] = tuple(each.name for each in study.SOURCES)
    """Independent real data sets."""
    repeats: int = 2
    """How often the outer folds are drawn anew."""
    outer: int = 5
    """Outer folds, which measure."""
    inner: int = 5
    """Inner folds, which choose C."""
    Cs: tuple[float, ...] = tuple(4.0**k for k in range(-5, 4))
    """Candidates for C, the weight of the summed loss."""
    seed: int = 2200
    """Decides the folds."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(sources=("iris", "crabs", "glass", "birth weight"), repeats=1, outer=4, inner=3, Cs=(0.01, 0.1, 1.0))
SECONDS = 80


# ------------------------------------------------------------------------------------------------------------ computing


def compare(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Both models on one source: what is measured on every outer fold, axes (repeat, fold, ...)."""
    data, held = study.real_source(name), []
    for r in range(config.repeats):
        outer = study.fold_numbers(data.labels, config.outer, config.seed + r)
        for k in range(config.outer):
            held.append(_one_fold(config, data, outer != k, config.seed + 1000 * (r + 1) + k))
            tick(len(held), config.repeats * config.outer)
    shape = config.repeats, config.outer
    folded = {key: np.asarray([each[key] for each in held]) for key in held[0]}
    return {key: value.reshape(*shape, *value.shape[1:]) for key, value in folded.items()} | {"n": data.n, "d": data.d}


def _one_fold(config: Config, data: Any, training: Any, seed: int) -> dict[str, Any]:
    """Errors, chosen Cs, support, and how far the two rules part, on one outer fold."""
    train, test = np.flatnonzero(training), np.flatnonzero(~training)
    inner = study.fold_numbers(data.labels[train], config.inner, seed)
    chosen = {model: study.choose_C(data, train, inner, loss, config.Cs) for model, loss in MODELS.items()}
    fits = {model: study.exact_fits(data, train, loss, config.Cs) for model, loss in MODELS.items()}
    at = {model: chosen[model].by_error for model in MODELS}
    rules = {model: study.signs(fits[model].scores[at[model], test]) for model in MODELS}
    # Two logistic regressions, each without another fifth of the training part.
    twins = study.signs(chosen["logistic"].without[:2, test])
    wrong = twins != data.labels[test]
    return {
        "error": [np.mean(rules[m] != data.labels[test]) for m in MODELS],
        "support": [np.mean(fits[m].duals[at[m], train] > 0) for m in MODELS],
        "disagreement": np.mean(rules["svm"] != rules["logistic"]),
        "own_disagreement": np.mean(twins[0] != twins[1]),
        "own_difference": wrong[0].mean() - wrong[1].mean(),
        "angle": angle(*(fits[model].weights[at[model]] for model in MODELS)),
    }


def angle(a: Any, b: Any) -> float:
    """Between two weight vectors, in degrees; NaN where one is zero: an SVM that always says the larger class."""
    sizes = np.linalg.norm(a), np.linalg.norm(b)
    if min(sizes) < FLAT:
        return np.nan
    return float(np.degrees(np.arccos(np.clip(a @ b / (sizes[0] * sizes[1]), -1, 1))))


def compute(config: Config, run: Any) -> Any:
    """Compare on every source; returns dims (source, repeat, fold, model)."""
    parts = run({name: functools.partial(compare, config, name) for name in config.sources})
    fields = {name: ["repeat", "fold", "model"] for name in ("error", "support")} | {"n": [], "d": []}
    fields |= {n: ["repeat", "fold"] for n in ("disagreement", "own_disagreement", "own_difference", "angle")}
    return gather(parts, str, {"source": config.sources}, fields).assign_coords(model=list(MODELS))


# ----------------------------------------------------------------------------------------------------------- statistics


def differences(results: Any) -> Any:
    """Error of the SVM minus that of logistic regression on every fold, (source, repeat * fold)."""
    gap = results.error.sel(model="svm") - results.error.sel(model="logistic")
    return gap.values.reshape(gap.sizes["source"], -1)


def over(results: Any, level: float = 0.95) -> study.OverSources:
    """What holds over sources; a source's noise is no less than that of one example in its n."""
    rows, ratio = differences(results), 1.0 / (results.sizes["fold"] - 1)
    noise = (1 / rows.shape[1] + ratio) * rows.var(axis=1, ddof=1)
    return study.over_sources(means(results), np.maximum(noise, 1.0 / results.n.values**2), level)


def means(results: Any) -> Any:
    """The mean difference on each source, (source,); what rounding leaves of a tie is none."""
    return np.round(differences(results).mean(axis=1), 12) + 0.0


def adjusted(results: Any) -> Any:
    """The corrected resampled p of each source, after Holm."""
    ratio = 1.0 / (results.sizes["fold"] - 1)
    return study.holm([study.corrected_t(row, ratio)[1] for row in differences(results)])


def per_source(results: Any, field: str) -> Any:
    """The mean over folds on each source."""
    return results[field].mean(("repeat", "fold"))


# --------------------------------------------------------------------------------------------------------------- claims


@claim(
    "S6",
    "Over sources the mean difference of the two errors is practically zero",
    equal(0, within=1, unit="points"),
    "before",
)
def mean_difference(results: Any) -> Any:
    """In points, SVM minus logistic regression."""
    return study.mean_estimate(100 * means(results))


@claim("S6", "On most sources the two errors are within one point", proportion(least=0.5), "before")
def alike_on_most(results: Any) -> Any:
    """Sources, of all."""
    return int((abs(means(results)) <= ROPE).sum()), means(results).size


@claim("S6", "Where the two differ, it is on most sources the SVM that errs more", proportion(least=0.5), "after")
def worse_on_most(results: Any) -> Any:
    """Sources, of those that are not tied."""
    up, down, _ = study.sign_test(means(results))
    return up, up + down


@claim("S6", "On the median source the two disagree on few predictions", at_most(0.05, "%"), "after")
def few_disagree(results: Any) -> Any:
    """The share of predictions that differ."""
    return study.median_estimate(per_source(results, "disagreement"))


@claim("S6", "Where neither is zero, their weights differ on the median source", at_least(5, "degrees"), "after")
def weights_differ(results: Any) -> Any:
    """The angle between the two weight vectors, of sources where both have some."""
    return study.median_estimate(per_source(results, "angle").dropna("source"))


@claim("S6", "Another loss changes fewer predictions than other training examples do", at_most(0, "points"), "before")
def loss_against_examples(results: Any) -> Any:
    """Disagreement of the losses minus that of two logistic regressions, a quarter of their examples exchanged."""
    return study.mean_estimate(100 * (per_source(results, "disagreement") - per_source(results, "own_disagreement")))


@claim("S7", "On no source does the SVM rest on every example", at_most(0, "sources"), "after")
def svm_rests_on_all(results: Any) -> int:
    """Sources where all training examples support the SVM in every fold."""
    return int((per_source(results, "support").sel(model="svm") == 1).sum())


@claim("S7", "On every source logistic regression rests on every example", at_most(0, "sources"), "before")
def logistic_leaves_some_out(results: Any) -> int:
    """Sources where some training example has no weight in logistic regression."""
    return int((per_source(results, "support").sel(model="logistic") < 1).sum())


# -------------------------------------------------------------------------------------------------------------- showing


def draw(results: Any) -> dict[str, Any]:
    """One dot a source: the two errors, their difference, and what another loss changes against other examples."""
    figure, (axes,) = fig.panels(1, 3, height=2.5)
    error = 100 * per_source(results, "error")
    _diagonal(axes[0], error.sel(model="logistic"), error.sel(model="svm"), "equal")
    axes[0].set(xlabel="error of logistic regression, %", ylabel="error of the SVM, %", title="Both losses err alike")
    _draw_differences(axes[1], results)
    own, other = (100 * per_source(results, name) for name in ("own_disagreement", "disagreement"))
    _diagonal(axes[2], own, other, "as many")
    axes[2].set(xlabel="changed by other examples, %", ylabel="changed by another loss, %")
    axes[2].set_title("Predictions that change")
    return {"errors": figure}


def _diagonal(ax: Any, x: Any, y: Any, words: str) -> None:
    """Dots on a square with its diagonal."""
    end = 1.06 * max(x.values.max(), y.values.max())
    ax.plot([0, end], [0, end], color=fig.GREY, lw=0.8)
    ax.plot(x, y, "o", color=fig.BLACK, ms=3, alpha=0.75, mew=0, clip_on=False)
    ax.set(xlim=(0, end), ylim=(0, end), aspect="equal")
    fig.label_line(ax, words, 0.97 * end, 0.9 * end, fig.GREY, ha="right", rotation=45, rotation_mode="anchor")


def _draw_differences(ax: Any, results: Any) -> None:
    """The difference on each source in order, the region of practical equivalence, and the mean with its interval."""
    gaps, ratio, found = 100 * means(results), 1.0 / (results.sizes["fold"] - 1), over(results).mean
    order, end = np.argsort(gaps), gaps.size + 2
    for at, row in enumerate(100 * differences(results)[order]):
        held = study.correlated_posterior(row, ratio, 100 * ROPE)
        ax.plot([at, at], [held.low, held.high], color=fig.GREY, lw=0.6)
    ax.axhspan(-100 * ROPE, 100 * ROPE, color=fig.GREY, alpha=0.25, lw=0)
    ax.axhline(0, color=fig.BLACK, lw=0.6)
    ax.plot(gaps[order], "o", color=fig.BLACK, ms=2.2)
    ax.plot([end, end], [100 * found.low, 100 * found.high], color=fig.VIOLET, lw=1.6)
    ax.plot([end], [100 * found.value], "D", color=fig.VIOLET, ms=4)
    words = f"mean {100 * found.value:+.2f} ({100 * found.low:+.2f} to {100 * found.high:+.2f})"
    ax.text(0.98, 0.03, words, transform=ax.transAxes, ha="right", fontsize=7, color=fig.VIOLET)
    ax.set(xlabel="sources in order (bars: 95 %)", ylabel="error of SVM $-$ logistic, points", xticks=[])
    ax.set_title(f"On average within {number(100 * ROPE)} point" if abs(found.value) <= ROPE else "They differ")


def report(results: Any) -> list[Any]:
    """Errors of each source, and what regions of practical equivalence of several widths hold."""
    ratio, mean, sure, rows = 1.0 / (results.sizes["fold"] - 1), means(results), adjusted(results), []
    shown = {name: per_source(results, name) for name in ("error", "disagreement", "angle", "support")}
    for k, row in enumerate(differences(results)):
        held, turned = study.correlated_posterior(row, ratio, ROPE), shown["angle"][k].item()
        size = f"{int(results.n[k])} x {int(results.d[k])}"
        error = [f"{100 * shown['error'].sel(model=model)[k].item():.1f}" for model in MODELS]
        gap = f"{100 * mean[k]:+.2f} [{100 * held.low:+.2f}, {100 * held.high:+.2f}]"
        differ = f"{100 * shown['disagreement'][k].item():.1f}", "-" if np.isnan(turned) else f"{turned:.0f}"
        resting = f"{100 * shown['support'].sel(model='svm')[k].item():.0f}"
        rows.append((str(results.source.values[k]), size, *error, gap, f"{sure[k]:.2f}", *differ, resting))
    columns = ("data", "n x d", "SVM error %", "logistic error %", "difference, points [95 %]", "p (Holm)")
    errors = table("Nested cross-validation, means over folds", (*columns, "disagree %", "angle deg", "SV %"), rows)
    inside = [(number(100 * r), percent(np.mean(abs(mean) <= r)), _sure(over(results), r)) for r in ROPES.values()]
    return [errors, table("Practical equivalence", ("within points", "sources %", "P(one more source)"), inside)]


def _sure(found: study.OverSources, rope: float) -> str:
    """A probability that is never said to be 1."""
    held = study.equivalence(found, rope)
    return f"{held:.2f}" if held < 0.995 else "above 0.99"


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    found, mean = over(results), means(results)
    up, down, p = study.sign_test(mean)
    shown = {name: per_source(results, name) for name in ("disagreement", "own_disagreement", "angle", "support")}
    support = shown["support"].sel(model="svm")
    return {f"same_{word}": _sure(found, rope) for word, rope in ROPES.items()} | {
        "datasets": f"{mean.size}",
        "repeats": f"{results.sizes['repeat']}",
        "outer": f"{results.sizes['fold']}",
        "inner": f"{json.loads(results.attrs['config'])['inner']}",
        "rope_points": number(100 * ROPE),
        "mean_points": f"{100 * found.mean.value:+.2f}",
        "mean_low": f"{100 * found.mean.low:+.2f}",
        "mean_high": f"{100 * found.mean.high:+.2f}",
        "between_points": f"{100 * found.between:.2f}",
        "fresh_points": f"{100 * mean[~results.source.isin(study.KNOWN).values].mean():+.2f}",
        "worse_on": f"{up}",
        "better_on": f"{down}",
        "sign_p": number(p, 2),
        "within_rope": f"{int((abs(mean) <= ROPE).sum())}",
        "largest_points": f"{100 * abs(mean).max():.2f}",
        "smallest_holm": f"{adjusted(results).min():.2f}",
        "loss_spread": f"{100 * np.sqrt((differences(results) ** 2).mean()):.2f}",
        "example_spread": f"{100 * np.sqrt(float((results.own_difference**2).mean())):.2f}",
        "disagree_percent": percent(shown["disagreement"].median()),
        "own_disagree_percent": percent(shown["own_disagreement"].median()),
        "flat_on": f"{int(shown['angle'].isnull().sum())}",
        "angle": f"{float(shown['angle'].median()):.1f}",
        "angle_most": f"{float(shown['angle'].max()):.0f}",
        "support_least_percent": percent(support.min(), 0),
        "support_all_on": f"{int((support == 1).sum())}",
        "support_percent": percent(support.median(), 0),
    }
