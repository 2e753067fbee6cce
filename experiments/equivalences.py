"""Which pairs are the same problem under two names? Values, slopes, curvatures and training runs, side by side.

Claims S1-S3: sigmoid + cross-entropy is identity + logistic, at every score and along every run; hinge is a ReLU of
1 - m; further identities likewise. The whole grid of pairs is searched for more, and what only looks alike is measured.
"""

import functools
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import lossland as ll

Curve = Callable[[Any, Any], Any]
"""A loss of scores and labels, elementwise."""


@dataclass(frozen=True)
class Config:
    """Where the pairs are compared, and what is trained."""

    near: float = 8.0
    """Scores from -near to near, a hundred in a unit, kinks among them."""
    far: tuple[float, ...] = (10.0, 20.0, 50.0, 100.0, 1e3, 1e4)
    """Further scores, of both signs."""
    dataset: str = "breast_cancer"
    """What is trained on, standardised."""
    steps: int = 500
    """Of gradient descent, from zero and from random starts."""
    learning_rate: float = 0.1
    """The step size."""
    l2: float = 1e-3
    """The penalty l2/2 * ||w||^2."""
    starts: int = 3
    """Random starts."""
    activations: tuple[str, ...] = ()
    """Of the pairs searched for equal problems; empty: all."""
    losses: tuple[str, ...] = ()
    """The same for losses."""
    first: int = 0
    """Only so many identities, and so many of what only looks alike; 0: all."""
    chunk: int = 55
    """Pairs searched in one resumable part."""
    seed: int = 0
    """Decides the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(
    dataset="two_gaussians(n=100)",
    steps=60,
    starts=1,
    first=1,
    activations=("identity", "sigmoid"),
    losses=("logistic", "cross_entropy", "sparsemax", "modified_huber"),
)


class Compared(NamedTuple):
    """Two losses of the score that are said to be the same, or are not."""

    claim: str
    left: Curve
    right: Curve
    written: Curve | None = None
    """The left side as its formula is written, where it is not the plain composition of a pair's two functions."""


def composed(made: Any) -> Curve:
    """A pair as it is written, the loss of the output, without the forms that keep digits."""
    import jax.numpy as jnp

    def curve(z: Any, t: Any) -> Any:
        a = made.activation(z)
        return made.loss(t * a if made.loss.kind == "margin" else jnp.where(t > 0, a, 1.0 - a))

    return curve


def by_label(positive: Curve, negative: Curve) -> Curve:
    """A loss put together from one for t = +1 and one for t = -1."""
    import jax.numpy as jnp

    return lambda z, t: jnp.where(t > 0, positive(z, t), negative(z, t))


def identities() -> dict[str, Compared]:
    """What is equal at every score: left and right sides by the formula that says so."""
    import jax.numpy as jnp

    hinge, logistic = ll.pair("identity+hinge"), ll.pair("identity+logistic")
    sigmoid_margin, savage = ll.pair("identity+sigmoid_margin"), ll.pair("identity+savage")
    ramp, perceptron = ll.pair("identity+ramp"), ll.pair("identity+perceptron")
    huber, sparsemax = ll.pair("identity+modified_huber"), ll.pair("identity+sparsemax")
    relu, rounded = ll.activations.relu, ll.pair("identity", "smooth_hinge(gamma=2.0)")
    matching, entropy = ll.pair("scaled_sigmoid+cross_entropy"), ll.losses.cross_entropy
    return {
        "sigmoid + cross-entropy = identity + logistic": Compared("S1, S2", ll.pair("sigmoid+cross_entropy"), logistic),
        "hinge(m) = ReLU(1 - m)": Compared("S3", hinge, lambda z, t: relu(1.0 - t * z)),
        "hinge(m) = perceptron(m - 1)": Compared("S3", hinge, ll.pair("identity", ll.shifted("perceptron", 1.0))),
        "ReLU + hinge = ramp | 1 + perceptron": Compared(
            "S5", ll.pair("relu+hinge"), by_label(ramp, lambda z, t: 1.0 + perceptron(z, t))
        ),
        "tanh + cross-entropy of (1 + a)/2 = logistic(2m)": Compared(
            "S1-S3",
            matching,
            lambda z, t: logistic(2.0 * z, t),
            written=lambda z, t: entropy(0.5 * (1.0 + t * ll.activations.tanh(z))),
        ),
        "tanh + hinge = 2 sigmoid loss(2m)": Compared(
            "S1-S3", ll.pair("tanh+hinge"), lambda z, t: 2.0 * sigmoid_margin(2.0 * z, t)
        ),
        "sigmoid + hinge = sigmoid loss + 1[t = -1]": Compared(
            "S1-S3", ll.pair("sigmoid+hinge"), lambda z, t: sigmoid_margin(z, t) + jnp.where(t > 0, 0.0, 1.0)
        ),
        "tanh + squared = 4 Savage": Compared("S1-S3", ll.pair("tanh+squared"), lambda z, t: 4.0 * savage(z, t)),
        "sigmoid + Brier = Savage(m/2)": Compared("S1-S3", ll.pair("sigmoid+brier"), lambda z, t: savage(0.5 * z, t)),
        "modified Huber = 4 sparsemax": Compared("S1-S3", huber, lambda z, t: 4.0 * sparsemax(z, t)),
        "modified Huber = 4 smooth hinge(2)": Compared("S1-S3", huber, lambda z, t: 4.0 * rounded(z, t)),
    }


TIES = "ReLU + hinge with tie 1/2, with tie 0"


def lookalikes() -> dict[str, Compared]:
    """What is often taken for equal and is not."""
    import jax.numpy as jnp

    hinge, relu_hinge = ll.pair("identity+hinge"), ll.pair("relu+hinge")
    logistic, softplus = ll.pair("identity+logistic"), ll.activations.softplus
    half, rounded = ll.pair("identity+squared_hinge"), ll.pair("identity+smooth_hinge")
    pairs = {
        TIES: (ll.pair("relu(tie=0.5)", "hinge"), relu_hinge),
        "ReLU + hinge, identity + hinge": (relu_hinge, hinge),
        "tanh + hinge, identity + hinge": (ll.pair("tanh+hinge"), hinge),
        "sigmoid + hinge, identity + hinge": (ll.pair("sigmoid+hinge"), hinge),
        "softplus + hinge, ReLU + hinge": (ll.pair("softplus+hinge"), relu_hinge),
        "softplus(1 - m), hinge": (lambda z, t: softplus(1.0 - t * z), hinge),
        "logistic / ln 2, hinge": (lambda z, t: logistic(z, t) / math.log(2.0), hinge),
        "smooth hinge, squared hinge / 2": (rounded, lambda z, t: 0.5 * half(z, t)),
        "sigmoid + Brier, sigmoid + cross-entropy": (ll.pair("sigmoid+brier"), ll.pair("sigmoid+cross_entropy")),
        "sigmoid + squared (labels -1, +1), sigmoid + Brier": (ll.pair("sigmoid+squared"), ll.pair("sigmoid+brier")),
        "identity + hinge with tie 1, with tie 0": (ll.pair("identity", "hinge(tie=1.0)"), hinge),
        "-ln(1 / (1 + exp(-m))) as written, logistic": (lambda z, t: -jnp.log(1.0 / (1.0 + jnp.exp(-t * z))), logistic),
    }
    return {said: Compared("not equal", *both) for said, both in pairs.items()}


# ------------------------------------------------------------------------------------------------------------ computing


def scores_of(config: Config) -> Any:
    """Every score at which losses are compared, ascending; whole hundredths, so that kinks are met exactly."""
    import numpy as np

    count = round(100 * config.near)
    near, far = np.arange(-count, count + 1) / 100.0, np.array(config.far)
    return np.concatenate([-far[::-1], near, far])


def jets(curve: Curve, scores: Any) -> Any:
    """Value, slope and curvature at each score, for t = +1 and -1: (3, 2, scores)."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    def along(function: Curve) -> Curve:
        return lambda z, t: jax.jvp(lambda x: function(x, t), (z,), (jnp.ones_like(z),))[1]

    orders = (curve, along(curve), along(along(curve)))
    z = jnp.asarray(scores)
    return np.array([[np.asarray(f(z, jnp.full_like(z, t))) for t in (1.0, -1.0)] for f in orders])


def compare(compared: Compared, config: Config, tick: Any) -> dict[str, Any]:
    """Both sides at every score, and the largest distance of their parameters along training runs."""
    scores = scores_of(config)
    left, right = jets(compared.left, scores), jets(compared.right, scores)
    written = compared.written or (
        composed(compared.left) if isinstance(compared.left, ll.elements.Pair) else compared.left
    )
    return {"left": left, "right": right, "written": values(written, scores), "apart": trained_apart(compared, config)}


def values(curve: Curve, scores: Any) -> Any:
    """The values alone, (2, scores)."""
    import jax.numpy as jnp
    import numpy as np

    z = jnp.asarray(scores)
    return np.array([np.asarray(curve(z, jnp.full_like(z, t))) for t in (1.0, -1.0)])


def trained_apart(compared: Compared, config: Config) -> Any:
    """The largest distance of a parameter at each record, over all starts; both sides train side by side."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    data, model = ll.standardise(ll.load(config.dataset)), ll.linear()
    inputs, labels = jnp.asarray(data.inputs), jnp.asarray(data.labels)

    def loss(curve: Curve, params: Any) -> Any:
        penalty = 0.5 * config.l2 * params["weights"] @ params["weights"]
        return jnp.mean(curve(model.apply(params, inputs), labels)) + penalty

    def both(params: Any) -> Any:
        # Neither half moves the other: the gradient of a sum in its own half is that half's own.
        return loss(compared.left, params[0]) + loss(compared.right, params[1])

    def apart(params: Any) -> Any:
        away = jax.tree.map(lambda a, b: jnp.max(jnp.abs(a - b)), *params)
        return jnp.maximum(away["weights"], away["bias"])

    def run(start: Any) -> Any:
        descent = optax.sgd(config.learning_rate)
        every = max(1, config.steps // 20)
        return ll.fit(both, (start, start), descent, config.steps, record_every=every, record=apart).records

    keys = jax.random.split(jax.random.key(config.seed), config.starts)
    drawn = jax.vmap(lambda key: model.init(key, data.d))(keys)
    starts = jax.tree.map(lambda x: jnp.concatenate([jnp.zeros_like(x[:1]), x]), drawn)
    return np.asarray(jax.vmap(run)(starts)).max(axis=0)


def chosen(config: Config) -> dict[str, Compared]:
    """The comparisons, identities first."""
    limit = config.first or None
    return dict([*list(identities().items())[:limit], *list(lookalikes().items())[:limit]])


PROBES = (-7.9, 8.05, 0.29)
"""Where the grid of pairs is compared: from, to, step; no kink is met."""


def searched(config: Config) -> list[Any]:
    """The admissible pairs among which equal problems are sought."""
    return [
        made
        for made in ll.pairs()
        if (not config.activations or made.activation.name in config.activations)
        and (not config.losses or made.loss.name in config.losses)
    ]


def tabulate(pairs: list[Any], tick: Any) -> dict[str, Any]:
    """Both class curves of each pair at the probes, (pair, class, probe)."""
    import numpy as np

    probes, rows = np.arange(*PROBES), []
    for number, made in enumerate(pairs):
        rows.append([np.asarray(made.positive(probes)), np.asarray(made.negative(probes))])
        tick(number + 1, len(pairs))
    return {"curves": np.array(rows, float)}


def canonical(curves: Any) -> Any:
    """Curves without their constants and common factor: equal for pairs that are one problem, (pair, class, probe)."""
    import numpy as np

    with np.errstate(invalid="ignore"):
        moved = curves - curves[:, :, 30:31]
        size = np.abs(moved[:, :, 20]).max(axis=1) + np.abs(moved[:, :, 36]).max(axis=1)
        return moved / np.where(size > 0, size, 1.0)[:, None, None]


def grouped(curves: Any) -> Any:
    """For each pair the number of the first pair whose curves are its own up to a factor and a constant a class."""
    import numpy as np

    held = canonical(curves)
    first = np.arange(len(held))
    for row in range(len(held)):
        if first[row] == row:
            with np.errstate(invalid="ignore"):
                away = np.abs(held[row] - held[row + 1 :]) <= 1e-9 * (1.0 + np.abs(held[row]))
            same = away | ((held[row] == held[row + 1 :]) | (np.isnan(held[row]) & np.isnan(held[row + 1 :])))
            rest = first[row + 1 :]
            rest[same.all(axis=(1, 2)) & (rest == np.arange(row + 1, len(held)))] = row
    return first


def compute(config: Config, run: Any) -> Any:
    """Both sides of every comparison; returns dims (comparison, side, order, label, score), (pair), ..."""
    import numpy as np
    import xarray

    every = chosen(config)
    pairs = searched(config)
    chunks = [pairs[k : k + config.chunk] for k in range(0, len(pairs), config.chunk)]
    parts = {said: functools.partial(compare, each, config) for said, each in every.items()}
    parts |= {f"pairs {k}": functools.partial(tabulate, chunk) for k, chunk in enumerate(chunks)}
    held = run(parts)
    results = xarray.Dataset(coords={"comparison": list(every), "side": ["left", "right"], "label": [1, -1]})
    results = results.assign_coords(order=["value", "slope", "curvature"], score=scores_of(config))
    results["claim"] = (("comparison",), [each.claim for each in every.values()])
    sides = np.stack([[held[said]["left"], held[said]["right"]] for said in every])
    results["jet"] = (("comparison", "side", "order", "label", "score"), sides)
    results["written"] = (("comparison", "label", "score"), np.stack([held[said]["written"] for said in every]))
    results["trained"] = (("comparison", "record"), np.stack([held[said]["apart"] for said in every]))
    curves = np.concatenate([held[f"pairs {k}"]["curves"] for k in range(len(chunks))])
    results = results.assign_coords(pair=[made.name for made in pairs])
    results["first"] = (("pair",), grouped(curves))
    results.attrs["near"] = config.near
    return results


def differences(results: Any) -> Any:
    """|left - right| / max(1, |right|); 0 where both are the same infinity, inf where only one side is a number."""
    left, right = (results.jet.sel(side=side, drop=True) for side in ("left", "right"))
    return left.copy(data=_apart(left.values, right.values))


def as_written(results: Any) -> Any:
    """The same for the values of the left side as its formula is written, within |z| <= near."""
    near = results.sel(score=slice(-results.near, results.near))
    right = near.jet.sel(side="right", order="value", drop=True)
    return right.copy(data=_apart(near.written.values, right.values))


def _apart(left: Any, right: Any) -> Any:
    import numpy as np

    with np.errstate(invalid="ignore"):
        apart = np.abs(left - right) / np.maximum(1.0, np.abs(right))
    return np.where(left == right, 0.0, np.where(np.isnan(apart), np.inf, apart))


def is_identity(results: Any) -> Any:
    """Which comparisons are said to be equal."""
    return results.claim != "not equal"


# -------------------------------------------------------------------------------------------------------------- drawing

EXACT, INFINITE = 1e-18, 1e4
"""Where differences of exactly 0 and of inf are drawn."""


def draw(results: Any) -> dict[str, Any]:
    """The worst difference of every comparison, on one logarithmic axis."""
    return {"differences": draw_differences(results)}


def draw_differences(results: Any) -> Any:
    """A line for each comparison, a mark each for values, slopes, curvatures and training runs."""
    import numpy as np

    from lossland import figures as fig

    equal = is_identity(results).values
    places = np.where(equal, np.arange(equal.size), np.arange(equal.size) + 1.0)
    figure, axes = fig.panels(1, 1, height=0.185 * equal.size + 1.1)
    ax = axes[0, 0]
    for place in places:
        ax.axhline(place, color=fig.GREY, lw=0.3, zorder=0)
    for number, (name, (mark, shade, held)) in enumerate(_series(results).items()):
        shown = np.clip(np.where(np.isfinite(held), held, INFINITE), EXACT, INFINITE)
        ax.plot(shown, places + 0.1 * (number - 2), mark, ms=3.6, color=shade, mfc="none", mew=1.0, label=name)
    ax.axvline(np.finfo(float).eps, color=fig.GREY, lw=0.8, ls=":")
    ax.text(np.finfo(float).eps * 1.5, equal.sum(), "rounding unit", fontsize=6.5, color=fig.GREY, va="center")
    ax.set_yticks(places, [str(said) for said in results.comparison.values], fontsize=7)
    ax.set_ylim(places[-1] + 0.7, -0.7)
    ax.set(xscale="log", xlim=(0.3 * EXACT, 4 * INFINITE))
    ax.set_xlabel("largest difference, relative to max(1, |right side|); of runs: of a parameter")
    ticks = [1e-16, 1e-12, 1e-8, 1e-4, 1.0]
    names = ["0", *(f"$10^{{{round(math.log10(x))}}}$" for x in ticks), r"$\infty$"]
    ax.set_xticks([EXACT, *ticks, INFINITE], names)
    ax.minorticks_off()
    for said, rows in (("equal", places[equal]), ("not equal", places[~equal])):
        ax.text(5 * INFINITE, rows.mean(), said, rotation=270, fontsize=8, ha="left", va="center")
    figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=5)
    return figure


def _series(results: Any) -> dict[str, tuple[str, str, Any]]:
    """Mark, colour and the worst number of each comparison, for everything that is compared."""
    from lossland import figures as fig

    worst = differences(results).max(["label", "score"])
    looks = {"value": ("o", fig.BLUE), "slope": ("s", fig.ORANGE), "curvature": ("^", fig.GREEN)}
    series = {f"{order}s": (*look, worst.sel(order=order).values) for order, look in looks.items()}
    written = as_written(results).max(["label", "score"]).values
    series[f"values as written, $|z| \\leq {results.near:g}$"] = ("d", fig.PINK, written)
    series["training runs"] = ("x", fig.BLACK, results.trained.max("record").values)
    return series


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """The identities, what is not equal and where, the groups of pairs, and the verdicts."""
    from lossland.core import table

    equal = results.isel(comparison=is_identity(results).values)
    apart = differences(equal).max(["label", "score"])
    trained, written = equal.trained.max("record"), as_written(equal).max(["label", "score"])
    rows = []
    for said in equal.comparison.values:
        numbers = [float(apart.sel(comparison=said, order=order)) for order in ("value", "slope", "curvature")]
        numbers += [float(written.sel(comparison=said)), float(trained.sel(comparison=said))]
        rows.append((str(said), str(equal.claim.sel(comparison=said).item()), *(f"{x:.1e}" for x in numbers)))
    columns = ("identity", "claim", "values", "slopes", "curvatures", "values as written", "training runs")
    told = f"{len(groups_of(results))} groups of pairs are one problem, up to a factor and a constant for each class"
    heads = ("not equal", "values differ most", "slopes differ most", "equal values", "training runs part by")
    return [
        table("Equal: largest differences, relative to max(1, |right side|)", columns, rows),
        table(
            f"Not equal, and where (within |z| <= {results.near:g}, beyond where they are equal there)",
            heads,
            unequal(results),
        ),
        table(f"{told}; those with a pair of a linear output", ("linear", "the same problem"), linear_groups(results)),
    ], verdicts(results)


def unequal(results: Any) -> list[tuple[str, ...]]:
    """Rows that say where each lookalike differs most."""
    other = results.isel(comparison=~is_identity(results).values)
    apart = differences(other)
    near = apart.sel(score=slice(-results.near, results.near))
    rows = []
    for said in other.comparison.values:
        one = near.sel(comparison=said)
        # What is equal near 0 and nowhere else is shown where it breaks.
        shown = apart.sel(comparison=said) if float(one.sel(order="value").max()) < 1e-9 else one
        same = float((one.sel(order="value") <= 1e-12).mean())
        parted = float(other.trained.sel(comparison=said).max())
        rows.append(
            (
                str(said),
                _worst(shown, "value"),
                _worst(shown, "slope"),
                f"{100 * same:.1f} % of scores",
                f"{parted:.2g}",
            )
        )
    return rows


def _worst(apart: Any, order: str) -> str:
    """The largest difference and the score where it is taken, the one nearest to 0 if there are several."""
    import numpy as np

    held = apart.sel(order=order)
    worst = float(held.max())
    if worst == 0.0:
        return "none"
    label, score = np.nonzero(held.values >= worst * (1 - 1e-12))
    nearest = int(np.argmin(np.abs(held.score.values[score])))
    return f"{worst:.3g} at z = {held.score.values[score[nearest]]:g}, t = {int(held.label.values[label[nearest]]):+d}"


def groups_of(results: Any) -> list[list[str]]:
    """The groups of two pairs or more that are one problem, the largest first."""
    import numpy as np

    names, first = results.pair.values, results["first"].values
    groups = [[str(n) for n in names[first == k]] for k in np.unique(first)]
    return sorted((g for g in groups if len(g) > 1), key=len, reverse=True)


def linear_groups(results: Any) -> list[tuple[str, str]]:
    """The groups with a pair of a linear output: which other outputs hide a loss of a linear score."""
    rows = []
    for names in groups_of(results):
        linear = [name for name in names if name.startswith("identity+")]
        if linear:
            rows.append((linear[0], ", ".join(name for name in names if name != linear[0])))
    return rows


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    from lossland.experiment import Verdict

    apart = differences(results)
    equal = is_identity(results)
    worst = apart.isel(comparison=equal.values).max(["label", "score"])
    trained = results.trained.max("record")
    runs = float(trained.isel(comparison=equal.values).max())
    written = float(as_written(results).isel(comparison=equal.values).max())
    first = str(results.comparison.values[0])
    alike, run = float(worst.sel(comparison=first).max()), float(trained.sel(comparison=first))
    far = float(apart.sel(comparison=first, score=[-1e4, 1e4]).max())
    closest = float(apart.isel(comparison=~equal.values).max(["order", "label", "score"]).min())
    kinked, parted = apart.sel(comparison=TIES), float(trained.sel(comparison=TIES))
    places = kinked.score.values[(kinked.sel(order="slope") > 0).any("label").values]
    group = next((g for g in groups_of(results) if "identity+logistic" in g), [])
    problems = len(set(results["first"].values.tolist()))
    values, slopes, curvatures = (float(worst.sel(order=o).max()) for o in ("value", "slope", "curvature"))
    return [
        Verdict(
            "S1, S2: sigmoid + cross-entropy is identity + logistic, also at |z| = 1e4",
            "values, slopes, curvatures within 1e-15, parameters of all runs within 1e-12",
            f"{alike:.1e}, at 1e4 {far:.1e}, runs {run:.1e}",
            alike <= 1e-15 and run <= 1e-12,
        ),
        Verdict(
            "S1-S3: every identity of the table holds",
            "values, slopes and curvatures within 1e-12",
            f"{values:.1e}, {slopes:.1e}, {curvatures:.1e}",
            max(values, slopes, curvatures) <= 1e-12,
        ),
        Verdict(
            "S1-S3: also as the formulas are written, without the pairs' stable forms",
            "values within 1e-9 for |z| <= near; outputs near their limits lose digits",
            f"{written:.1e}",
            written <= 1e-9,
        ),
        Verdict("S1-S3: and trains alike", "parameters of all runs within 1e-9", f"{runs:.1e}", runs <= 1e-9),
        Verdict(
            "What only looks alike is not equal",
            "each differs somewhere by more than 1e-3",
            f"at least {closest:.2g}",
            closest > 1e-3,
        ),
        Verdict(
            "S5: a tie changes no value, one slope, and the run from zero",
            "values equal, slopes differ at z = 0 alone, parameters part by more than 1e-3",
            f"at z = {', '.join(f'{z:g}' for z in places)}; {parted:.2g}",
            float(kinked.sel(order="value").max()) == 0 and places.tolist() == [0.0] and parted > 1e-3,
        ),
        Verdict(
            "S1: the search of the grid finds it too",
            "sigmoid + cross-entropy is in the group of identity + logistic",
            f"{', '.join(group)}; {results.pair.size} pairs are {problems} problems",
            "sigmoid+cross_entropy" in group,
        ),
    ]


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    equal = is_identity(results)
    apart, trained = differences(results), results.trained.max("record")
    worst = apart.isel(comparison=equal.values).max(["label", "score"])
    other = apart.isel(comparison=~equal.values).max(["order", "label", "score"])
    first = str(results.comparison.values[0])
    groups = groups_of(results)
    return {
        "identities": f"{int(equal.sum())}",
        "lookalikes": f"{int((~equal).sum())}",
        "pairs": f"{results.pair.size}",
        "problems": f"{len(set(results['first'].values.tolist()))}",
        "groups": f"{len(groups)}",
        "largest_group": f"{len(groups[0])}",
        "logistic_apart": f"{float(worst.sel(comparison=first).max()):.1e}",
        "logistic_trained": f"{float(trained.sel(comparison=first)):.1e}",
        "values": f"{float(worst.sel(order='value').max()):.1e}",
        "slopes": f"{float(worst.sel(order='slope').max()):.1e}",
        "curvatures": f"{float(worst.sel(order='curvature').max()):.1e}",
        "trained": f"{float(trained.isel(comparison=equal.values).max()):.1e}",
        "written": f"{float(as_written(results).isel(comparison=equal.values).max()):.1e}",
        "closest_lookalike": f"{float(other.min()):.2g}",
        "tie_parts": f"{float(trained.sel(comparison=TIES)):.2f}",
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
