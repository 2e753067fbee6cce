"""Does a small risk mean few errors? Models fitted where P(t = +1 | x) is known, against the bound psi.

psi(excess error) <= excess risk holds for every score, fitted or not (Bartlett, Jordan & McAuliffe 2006). ReLU + hinge
read at z > 0 has psi = 0: its risk may be as small as one likes, and its errors many.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, gather, mean_estimate, number, pair_name

RELU = "relu+hinge"
RULES = (0.5, 0.0)
"""Thresholds at which ReLU + hinge is read."""
ORIGINS = {"fitted": "fitted models", "random": "random scores", "worst": "errors where they are cheap"}
SHARES = np.concatenate([[0.0], np.geomspace(1e-5, 1, 120)])
"""Excess errors at which psi is drawn, dense towards 0 as the axis of risks is logarithmic."""


@dataclass(frozen=True)
class Config:
    """Which models are fitted to how many samples."""

    fitted: tuple[str, ...] = ("identity+hinge", "identity+logistic")
    """Pairs of a linear output whose models are fitted exactly, beside ReLU + hinge."""
    atoms: int = 200
    """Points on [-1, 1] that the input takes, all with the same probability."""
    samples: int = 12
    """Samples of each size."""
    sizes: tuple[int, ...] = (30, 300, 3000)
    """Examples in a sample."""
    features: int = 9
    """Legendre polynomials that the models use."""
    Cs: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0)
    """Weights of the losses; smaller ones keep the models from the best risk."""
    starts: int = 4
    """Random starts of ReLU + hinge on each sample."""
    steps: int = 3000
    """Steps of its gradient descent."""
    seed: int = 0
    """Decides samples, starts and random scores."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(fitted=("identity+logistic",), samples=2, sizes=(30, 300), steps=200)
SECONDS = 10


# ------------------------------------------------------------------------------------------------------------ computing


def population(config: Config) -> tuple[Any, Any]:
    """The input's features (m, p), its Legendre polynomials, and eta = P(t = +1 | x), (m,)."""
    x = np.linspace(-1, 1, config.atoms)
    features = np.polynomial.legendre.legvander(x, config.features)[:, 1:]
    return features, 0.5 + 0.45 * np.sin(2.5 * np.pi * x) * np.cos(0.8 * x)


def excess(card: Any, eta: Any, scores: Any, threshold: float) -> Any:
    """Excess risk and excess error of scores (k, m) over a uniform input: (k, 2)."""
    wrong = (scores > threshold) != (eta > 0.5)
    error = (np.abs(2 * eta - 1) * wrong).mean(axis=1)
    return np.stack([conditional_excess(card, eta, scores).mean(axis=1), error], axis=1)


def conditional_excess(card: Any, eta: Any, scores: Any) -> Any:
    """By how much scores (k, m) exceed the least risk at each eta (m,)."""
    losses = [np.asarray(curve(scores)) for curve in (card.pair.positive, card.pair.negative)]
    return eta * losses[0] + (1 - eta) * losses[1] - card.risk(eta)


def sampled(config: Config) -> Any:
    """Samples as shares (samples * sizes, 2 m): how often each point came with t = +1, then with t = -1."""
    key, eta = np.random.default_rng(config.seed), population(config)[1]
    chances = np.concatenate([eta, 1 - eta]) / eta.size
    return np.array([key.multinomial(size, chances) / size for size in config.sizes for _ in range(config.samples)])


def other_scores(config: Config, card: Any, threshold: float) -> dict[str, Any]:
    """Scores that no fit gave: smooth random ones, and the best ones but on the wrong side where that costs least."""
    key = np.random.default_rng(config.seed + 1)
    features, eta = population(config)
    random = key.normal(size=(200, features.shape[1])) @ features.T * 10.0 ** key.uniform(-1.5, 0.5, (200, 1))
    # The rule is z > threshold: the threshold itself says -1, what is just above says +1.
    swapped = np.where(eta > 0.5, threshold, threshold + 1e-9)
    cheapest = np.argsort(conditional_excess(card, eta, swapped[None])[0] / np.abs(2 * eta - 1))
    worst = np.tile(card.minimiser(eta), (20, 1))
    for row, count in zip(worst, np.linspace(1, eta.size, 20).astype(int), strict=True):
        row[cheapest[:count]] = swapped[cheapest[:count]]
    return {"random": random + threshold, "worst": worst}


def measured(config: Config, card: Any, fitted: Any, threshold: float) -> dict[str, Any]:
    """Excess risk and error of each score, psi of the error, where each came from, and psi's curve."""
    scores = {"fitted": fitted} | other_scores(config, card, threshold)
    points = np.concatenate([excess(card, population(config)[1], scores[name], threshold) for name in ORIGINS])
    origin = np.repeat(np.arange(len(ORIGINS)), [len(scores[name]) for name in ORIGINS]).astype(float)
    bound, curve = (card.psi(at, threshold) for at in (points[:, 1], SHARES))
    return {"risk": points[:, 0], "error": points[:, 1], "bound": bound, "origin": origin, "curve": curve}


def fit_linear(config: Config, pair: str, _: Any) -> dict[str, Any]:
    """Exact fits to every sample with every C."""
    features, eta = population(config)
    data = ll.Dataset(inputs=np.concatenate([features] * 2), labels=np.repeat([1.0, -1.0], eta.size))
    sol = ll.solve(pair.partition("+")[2], data, C=100 * np.asarray(config.Cs), sample_weights=sampled(config)[:, None])
    return measured(config, ll.card(pair), (sol.weights @ features.T + sol.bias[..., None]).reshape(-1, eta.size), 0.0)


def fit_relu(config: Config, _: Any) -> dict[str, Any]:
    """ReLU + hinge by gradient descent from every start on every sample: the scores."""
    features, _ = population(config)
    pair, points, key = ll.pair(RELU), jnp.asarray(features), np.random.default_rng(config.seed + 2)

    def risk(shares: Any, params: Any) -> Any:
        scores = points @ params["weights"] + params["bias"]
        return shares @ jnp.concatenate([pair.positive(scores), pair.negative(scores)])

    def descend(shares: Any, params: Any) -> Any:
        objective = jax.tree_util.Partial(risk, shares)
        return ll.fit(objective, params, optax.sgd(0.1), config.steps, record_every=config.steps).params

    shares = np.repeat(sampled(config), config.starts, axis=0)
    start = {"weights": key.normal(size=(len(shares), features.shape[1])), "bias": key.normal(size=len(shares))}
    ended = jax.vmap(descend)(jnp.asarray(shares), jax.tree.map(jnp.asarray, start))
    fitted = np.asarray(ended["weights"]) @ features.T + np.asarray(ended["bias"])[:, None]
    held = {tau: measured(config, ll.card(RELU), fitted, tau) for tau in RULES}
    return {f"{field} at {tau:g}": value for tau, each in held.items() for field, value in each.items()}


def fall(config: Config, _: Any) -> dict[str, Any]:
    """Scores whose risk under ReLU + hinge falls to its least: every eta below 1/2 gets epsilon, then less and less."""
    eta, small = population(config)[1], 10.0 ** -np.arange(0, 9.0)
    scores = np.where(eta < 0.5, small[:, None], 1.0)
    return {"epsilon": small, "falling": np.stack([excess(ll.card(RELU), eta, scores, tau) for tau in RULES])}


def compute(config: Config, run: Any) -> Any:
    """Models and other scores measured; dims (setting, point), (setting, share) and (rule, epsilon, excess)."""
    parts: dict[str, Any] = {pair: functools.partial(fit_linear, config, pair) for pair in config.fitted}
    found = run(parts | {RELU: functools.partial(fit_relu, config), "falling": functools.partial(fall, config)})
    fields = {**dict.fromkeys(("risk", "error", "bound", "origin"), ("point",)), "curve": ("share",)}
    settings = {pair: found[pair] for pair in config.fitted}
    settings |= {f"{RELU} at {tau:g}": {f: found[RELU][f"{f} at {tau:g}"] for f in fields} for tau in RULES}
    results = gather(settings, str, {"setting": list(settings)}, fields)
    results = results.assign_coords(share=SHARES, rule=list(RULES), epsilon=found["falling"]["epsilon"])
    results = results.assign_coords(excess=["risk", "error"])
    results.attrs["starts"] = config.starts
    return results.assign(falling=(("rule", "epsilon", "excess"), found["falling"]["falling"]))


# -------------------------------------------------------------------------------------------------------------- drawing

LEAST = 1e-4
"""Excess risks below are drawn here."""


def draw(results: Any) -> dict[str, Any]:
    """Excess error against excess risk; psi forbids the shaded part."""
    figure, (axes,) = fig.panels(1, results.setting.size, height=2.35, sharey=True)
    for ax, setting in zip(axes, results.setting.values, strict=True):
        _draw_setting(ax, results.sel(setting=setting), str(setting))
    for rule in RULES:
        path = np.maximum(results.falling.sel(rule=rule), LEAST)
        ax = axes[list(results.setting.values).index(f"{RELU} at {rule:g}")]
        ax.plot(path.sel(excess="risk"), path.sel(excess="error").clip(2e-3), color=fig.RED, lw=1.2, zorder=5)
    stuck = float(results.falling.sel(rule=0.0, excess="error")[-1])
    axes[-1].annotate(
        "", (LEAST, stuck), (4 * LEAST, stuck), arrowprops={"arrowstyle": "->", "color": fig.RED, "lw": 1.2}, zorder=6
    )
    for ax, said, height in ((axes[-1], "risk falls,\nerrors stay", stuck + 0.06), (axes[-2], "they vanish", 0.04)):
        fig.label_line(ax, said, 1.6e-4, height, fig.RED, fontsize=6.5)
    axes[0].set_ylabel("excess error")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), handlelength=1.4, columnspacing=1.2)
    figure.suptitle("A small risk means few errors, but not for ReLU + hinge read at 0", fontsize=8.5)
    return {"models": figure}


def _draw_setting(ax: Any, held: Any, setting: str) -> None:
    """One pair and rule: its scores by origin, over what psi forbids."""
    share, curve = held.share.values, np.maximum(held.curve.values, LEAST)
    ax.fill_betweenx(share, LEAST, curve, color="#D9D9D9", lw=0, label=r"forbidden by $\psi$")
    for k, (name, shade, shape, size) in enumerate(
        (("fitted", fig.BLACK, "o", 6), ("random", "#9A9A9A", ".", 5), ("worst", fig.VIOLET, "^", 10))
    ):
        rows = (held.origin == k).values
        look = {"marker": shape, "c": shade, "lw": 0, "alpha": 0.75, "zorder": 4 - k}
        ax.scatter(np.maximum(held.risk[rows], LEAST), held.error[rows], s=size, label=ORIGINS[name], **look)
    if not held.curve.any():
        ax.text(0.05, 0.94, "nothing is forbidden", transform=ax.transAxes, fontsize=6.5, va="top")
    ax.set(xscale="log", xlim=(LEAST, 3), ylim=(0, 0.6), xlabel="excess risk")
    ax.set_xticks([LEAST, 1e-2, 1], [r"$\leq 10^{-4}$", "$10^{-2}$", "1"])
    ax.minorticks_off()
    ax.set_title(_titled(setting), fontsize=7.5)


def _titled(setting: str) -> str:
    pair, _, rule = setting.partition(" at ")
    return pair_name(pair) + (f", $z > {'1/2' if rule == '0.5' else '0'}$" if rule else ", $z > 0$")


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """What was measured of the scores."""
    rows = []
    for setting in results.setting.values:
        cell = results.sel(setting=setting)
        spans = [x.where(cell.origin == 0) for x in (cell.risk, cell.error)]
        told = [f"{number(float(x.min()))} to {number(float(x.max()))}" for x in spans]
        rows.append((str(setting), int(cell.risk.count()), *told, number(float((cell.risk - cell.bound).min()))))
    columns = ("pair and rule", "scores", "fitted: excess risk", "fitted: excess error", "least excess risk - psi")
    return [table("Scores measured where eta is known", columns, rows)]


@claim(
    "", "Excess risk is at least psi(excess error), for fitted and all other scores", at_least(-1e-9), fixed="before"
)
def slack(results):
    slack = (results.risk - results.bound).min("point")
    return dict(zip(slack.setting.values, slack.values, strict=True))


@claim("S5", "There are scores whose excess risk under ReLU + hinge tends to 0", at_most(1e-6), fixed="before")
def fallen_risk(results):
    return results.falling.sel(rule=0.0, excess="risk")[-1]


@claim("S5", "Their excess error under z > 0 does not change", at_most(0), fixed="before")
def error_lost(results):
    error = results.falling.sel(rule=0.0, excess="error")
    return error.max() - error.min()


@claim("S5", "Their excess error under z > 1/2 vanishes", at_most(0), fixed="before")
def error_left(results):
    return results.falling.sel(rule=0.5, excess="error")[-1]


def read_apart(results: Any) -> Any:
    """By how many points fitted models of ReLU + hinge err more at 0 than at 1/2, the mean of each sample's starts."""
    at = [results.sel(setting=f"{RELU} at {tau:g}") for tau in (0.0, 0.5)]
    errors = [each.error.values[each.origin.values == 0] for each in at]
    return 100 * (errors[0] - errors[1]).reshape(-1, int(results.attrs["starts"])).mean(axis=1)


@claim("S5", "Read at 0, fitted ReLU + hinge models err more than read at 1/2", at_least(0, "points"), fixed="before")
def more_errors(results):
    return mean_estimate(read_apart(results))


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    falling, apart = results.falling.isel(epsilon=-1), mean_estimate(read_apart(results))
    return {
        "stuck_risk": number(float(falling.sel(rule=0.0, excess="risk"))),
        "stuck_error": number(float(falling.sel(rule=0.0, excess="error"))),
        "half_error": number(float(falling.sel(rule=0.5, excess="error"))),
        "scores": f"{int(results.risk.count())}",
        "slack": number(float((results.risk - results.bound).min())),
        "read_apart": number(apart.value),
        "read_apart_low": number(apart.low),
        "read_apart_high": number(apart.high),
        "samples": f"{read_apart(results).size}",
    }
