"""When does a small surrogate risk mean few errors? Psi of every pair, and models fitted where eta is known.

psi bounds the excess error of the rule z > threshold: psi(excess error) <= excess risk (Bartlett, Jordan & McAuliffe
2006). ReLU + hinge has psi(theta) = min(tau, 1 - tau) theta under the rule z > tau, so none at all at tau = 0.
"""

import functools
import sys
from dataclasses import dataclass
from typing import Any

import lossland as ll

RELU = "relu+hinge"
ORIGINS = ("fitted", "random", "worst")


@dataclass(frozen=True)
class Config:
    """Which pairs get a card, and which models are fitted to how many samples."""

    activations: tuple[str, ...] = ()
    """Activations of the grid; empty: all that are registered."""
    losses: tuple[str, ...] = ()
    """Losses of the grid; empty: all that are registered."""
    thresholds: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75)
    """Thresholds tau of ReLU + hinge whose psi is drawn."""
    taus: int = 21
    """Thresholds from 0 to 1 at which the slope of its psi is computed."""
    fitted: tuple[str, ...] = ("hinge", "logistic", "squared_hinge", "exponential")
    """Convex losses of the score whose models are fitted, beside ReLU + hinge."""
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


SMOKE = Config(
    activations=("identity", "relu"),
    losses=("logistic", "perceptron"),
    taus=5,
    fitted=("logistic",),
    samples=2,
    sizes=(30, 300),
    steps=200,
)


# ------------------------------------------------------------------------------------------------------------ the cards


def cards_of(activation: str, losses: tuple[str, ...], tick: Any) -> dict[str, Any]:
    """The calibration of an activation's admissible pairs with some losses; NaN where there is none."""
    import numpy as np

    from lossland.elements import LOSSES

    names = losses or tuple(LOSSES)
    admissible = {pair.loss.name for pair in ll.pairs() if pair.activation.name == activation}
    held = {"low": np.nan, "high": np.nan, "best": np.nan, "zero": 0, "has": 0}
    rows = {key: [value] * len(names) for key, value in held.items()}
    psi = np.full((len(names), THETAS), np.nan)
    for k, name in enumerate(names):
        if name in admissible:
            card = ll.card(activation, name)
            found = card.calibrated_thresholds
            rows["has"][k], rows["zero"][k] = 1, int(card.calibrated(0.0))
            if found is not None:
                rows["low"][k], rows["high"][k] = found
                rows["best"][k] = np.nan if card.best_threshold is None else card.best_threshold
            psi[k] = card.facts.psi
        tick(k + 1, len(names))
    return {key: np.asarray(value, float) for key, value in rows.items()} | {"psi": psi}


THETAS = 44
"""How many theta a card looks at, `THETAS` of `lossland.properties`."""


def relu_psi(config: Config, _: Any) -> dict[str, Any]:
    """Psi of ReLU + hinge at each threshold, its slope over many, and risks of scores that near the threshold 0."""
    import numpy as np

    card = ll.card(RELU)
    theta, taus = np.linspace(0, 1, 41), np.linspace(0, 1, config.taus)
    # Every eta below 1/2 is given the score epsilon > 0, every other one its best score.
    eta, small = population(config)[1], 10.0 ** -np.arange(0, 9.0)
    scores = np.where(eta < 0.5, small[:, None], 1.0)
    return {
        "theta": theta,
        "tau": taus,
        "psi": np.stack([card.psi(theta, tau) for tau in config.thresholds]),
        "slope": np.asarray([card.psi(1.0, tau) for tau in taus]),
        "epsilon": small,
        "falling": np.stack([excess(card, eta, scores, tau) for tau in (0.0, 0.5)]),
        "best": card.best_threshold,
        "interval": np.asarray(card.calibrated_thresholds),
        "ends": np.asarray(card.facts.calibration.closed),
    }


# ------------------------------------------------------------------------------------------------- models of known eta


def population(config: Config) -> tuple[Any, Any]:
    """The input's features (m, p), its Legendre polynomials, and eta = P(t = +1 | x), (m,)."""
    import numpy as np

    x = np.linspace(-1, 1, config.atoms)
    features = np.polynomial.legendre.legvander(x, config.features)[:, 1:]
    return features, 0.5 + 0.45 * np.sin(2.5 * np.pi * x) * np.cos(0.8 * x)


def excess(card: Any, eta: Any, scores: Any, threshold: float) -> Any:
    """Excess risk and excess error of scores (k, m) over a uniform input: (k, 2)."""
    import numpy as np

    wrong = (scores > threshold) != (eta > 0.5)
    error = (np.abs(2 * eta - 1) * wrong).mean(axis=1)
    return np.stack([conditional_excess(card, eta, scores).mean(axis=1), error], axis=1)


def conditional_excess(card: Any, eta: Any, scores: Any) -> Any:
    """By how much scores (k, m) exceed the least risk at each eta (m,)."""
    import numpy as np

    losses = [np.asarray(curve(scores)) for curve in (card.pair.positive, card.pair.negative)]
    return eta * losses[0] + (1 - eta) * losses[1] - card.risk(eta)


def drawn(config: Config) -> Any:
    """Samples as counts: (samples * sizes, 2 m), how often each point came with t = +1, then with t = -1."""
    import numpy as np

    key, eta = np.random.default_rng(config.seed), population(config)[1]
    chances = np.concatenate([eta, 1 - eta]) / eta.size
    counts = [key.multinomial(size, chances) for size in config.sizes for _ in range(config.samples)]
    return np.asarray(counts, float)


def other_scores(config: Config, card: Any, eta: Any, threshold: float) -> dict[str, Any]:
    """Scores that no fit gave: smooth random ones, and the best ones but on the wrong side where that costs least."""
    import numpy as np

    key = np.random.default_rng(config.seed + 1)
    features = population(config)[0]
    random = key.normal(size=(200, features.shape[1])) @ features.T * 10.0 ** key.uniform(-1.5, 0.5, (200, 1))
    # The rule is z > threshold: the threshold itself says -1, what is just above says +1.
    swapped = np.where(eta > 0.5, threshold, threshold + 1e-9)
    cheapest = np.argsort(conditional_excess(card, eta, swapped[None])[0] / np.abs(2 * eta - 1))
    worst = np.tile(card.minimiser(eta), (20, 1))
    for row, count in zip(worst, np.linspace(1, eta.size, 20).astype(int), strict=True):
        row[cheapest[:count]] = swapped[cheapest[:count]]
    return {"random": random + threshold, "worst": worst}


def fit_convex(config: Config, loss: str, _: Any) -> dict[str, Any]:
    """Exact fits to every sample with every C: excess risk and error of each, beside those of other scores."""
    import numpy as np

    features, eta = population(config)
    m = eta.size
    data = ll.Dataset(inputs=np.concatenate([features] * 2), labels=np.repeat([1.0, -1.0], m))
    counts = drawn(config)
    shares = counts / counts.sum(axis=1, keepdims=True)
    sol = ll.solve(loss, data, C=100 * np.asarray(config.Cs), sample_weights=shares[:, None])
    scores = (sol.weights @ features.T + sol.bias[..., None]).reshape(-1, m)
    card = ll.card("identity", loss)
    return _measured(config, card, {"fitted": scores} | other_scores(config, card, eta, 0.0), 0.0)


def fit_relu(config: Config, tick: Any) -> dict[str, Any]:
    """ReLU + hinge by gradient descent on every sample; measured under the rules z > 1/2 and z > 0."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    features, eta = population(config)
    pair, points = ll.pair(RELU), jnp.asarray(features)
    key = np.random.default_rng(config.seed + 2)

    def risk(shares: Any, params: Any) -> Any:
        scores = points @ params["weights"] + params["bias"]
        losses = jnp.concatenate([pair.positive(scores), pair.negative(scores)])
        return shares @ losses

    counts = drawn(config)
    shares = np.repeat(counts / counts.sum(axis=1, keepdims=True), config.starts, axis=0)
    start = {"weights": key.normal(size=(len(shares), features.shape[1])), "bias": key.normal(size=len(shares))}

    def descend(share: Any, params: Any) -> Any:
        return ll.fit(
            jax.tree_util.Partial(risk, share), params, optax.sgd(0.1), config.steps, record_every=config.steps
        )

    ended = jax.vmap(descend)(jnp.asarray(shares), jax.tree.map(jnp.asarray, start)).params
    tick(1, 1)
    scores = np.asarray(ended["weights"]) @ features.T + np.asarray(ended["bias"])[:, None]
    card, found = ll.card(RELU), {}
    for tau in (0.5, 0.0):
        held = _measured(config, card, {"fitted": scores} | other_scores(config, card, eta, tau), tau)
        found |= {f"{key} {tau:g}": value for key, value in held.items()}
    return found


def _measured(config: Config, card: Any, scores: dict[str, Any], threshold: float) -> dict[str, Any]:
    """Excess risk and error of each score, psi of the error, where each came from, and psi's curve."""
    import numpy as np

    eta = population(config)[1]
    points = np.concatenate([excess(card, eta, scores[origin], threshold) for origin in ORIGINS])
    origins = np.repeat(np.arange(len(ORIGINS)), [len(scores[origin]) for origin in ORIGINS])
    theta = _shares()
    bound, curve = (card.psi(at, threshold) for at in (points[:, 1], theta))
    return {"points": points, "bound": bound, "origin": origins, "curve": curve}


def _shares() -> Any:
    """Excess errors at which psi is drawn, dense towards 0 as the axis of risks is logarithmic."""
    import numpy as np

    return np.concatenate([[0.0], np.geomspace(1e-5, 1, 120)])


def compute(config: Config, run: Any) -> Any:
    """Cards of the grid, psi of ReLU + hinge, models measured; dims (activation, loss, theta) and (setting, point)."""
    import numpy as np
    import xarray

    from lossland.elements import ACTIVATIONS, LOSSES
    from lossland.properties import THETAS as thetas

    activations, losses = config.activations or tuple(ACTIVATIONS), config.losses or tuple(LOSSES)
    parts: dict[str, Any] = {f"cards of {name}": functools.partial(cards_of, name, losses) for name in activations}
    parts |= {f"fits of {loss}": functools.partial(fit_convex, config, loss) for loss in config.fitted}
    parts |= {"fits of ReLU + hinge": functools.partial(fit_relu, config), "psi": functools.partial(relu_psi, config)}
    found = run(parts)
    results = xarray.Dataset(coords={"activation": list(activations), "loss": list(losses), "theta": thetas})
    for field in ("low", "high", "best", "zero", "has"):
        grid = np.stack([found[f"cards of {name}"][field] for name in activations])
        results[field] = (("activation", "loss"), grid)
    psi = np.stack([found[f"cards of {name}"]["psi"] for name in activations])
    results["psi"] = (("activation", "loss", "theta"), psi)
    _add_relu(results, config, found["psi"])
    _add_points(results, config, found)
    return results


def _add_relu(results: Any, config: Config, relu: Any) -> None:
    results.coords["threshold"] = list(config.thresholds)
    results.coords["tau"], results.coords["fine"] = relu["tau"], relu["theta"]
    results["relu_psi"] = (("threshold", "fine"), relu["psi"])
    results["relu_slope"] = (("tau",), relu["slope"])
    results.coords["epsilon"] = relu["epsilon"]
    results["falling"] = (("rule", "epsilon", "excess"), relu["falling"])
    results["relu_best"], results["relu_interval"] = float(relu["best"]), (("end",), relu["interval"])
    results["relu_closed"] = (("end",), relu["ends"].astype("int8"))
    results.coords["rule"], results.coords["excess"] = [0.0, 0.5], ["risk", "error"]


def _add_points(results: Any, config: Config, found: Any) -> None:
    import numpy as np

    held = {f"identity+{loss}": found[f"fits of {loss}"] for loss in config.fitted}
    for tau in ("0.5", "0"):
        fits = found["fits of ReLU + hinge"]
        held[f"{RELU} at {tau}"] = {key: fits[f"{key} {tau}"] for key in ("points", "bound", "origin", "curve")}
    results.coords["setting"] = list(held)
    longest = max(len(each["bound"]) for each in held.values())
    for key, own in (("points", ("excess",)), ("bound", ()), ("origin", ())):
        padded = [
            np.pad(h[key].astype(float), ((0, longest - len(h[key])),) + ((0, 0),) * len(own), constant_values=np.nan)
            for h in held.values()
        ]
        results[key] = (("setting", "point", *own), np.stack(padded))
    results["curve"] = (("setting", "share"), np.stack([h["curve"] for h in held.values()]))
    results.coords["share"] = _shares()


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """Four figures: psi of the margin losses, thresholds of the grid, ReLU + hinge, fitted models."""
    figures = {"relu": draw_relu(results), "models": draw_models(results), "thresholds": draw_thresholds(results)}
    return figures | ({"psi": draw_psi(results)} if "identity" in results.activation else {})


def draw_psi(results: Any) -> Any:
    """A small panel for each margin loss of the score: its psi, beside theta and theta squared."""
    import numpy as np

    from lossland import figures as fig

    held = results.sel(activation="identity")
    names = [str(name) for name in held.loss.values if float(held.has.sel(loss=name)) == 1]
    columns = min(6, len(names))
    rows = -(-len(names) // columns)
    figure, axes = fig.panels(rows, columns, height=0.75 + 1.0 * rows, sharex=True, sharey=True)
    theta = results.theta.values
    for ax in axes.ravel()[len(names) :]:
        ax.set_axis_off()
    for ax, name in zip(axes.ravel(), names, strict=False):
        ax.plot(theta, theta, color="#BBBBBB", lw=0.8, ls=":", label=r"$\theta$")
        ax.plot(theta, theta**2, color="#BBBBBB", lw=0.8, ls="--", label=r"$\theta^2$")
        psi = held.psi.sel(loss=name).values
        if np.isfinite(psi).all():
            ax.plot(
                theta, psi, color=fig.BLUE if psi[-1] > 0 else fig.RED, lw=1.6, label=r"$\psi(\theta)$", clip_on=False
            )
        told = (
            "no threshold\nis calibrated"
            if not psi[-1] > 0
            else ""
            if np.isfinite(psi[-1])
            else "risk unbounded\n(bounded scores\nonly)"
        )
        ax.text(0.5, 0.5, told, transform=ax.transAxes, ha="center", va="center", fontsize=6.5, color=fig.RED)
        ax.set(title=name.replace("_", " "), xlim=(0, 1), ylim=(0, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        ax.title.set_fontsize(6.5)
    figure.supxlabel(r"excess error $\theta$", fontsize=8)
    figure.supylabel(r"$\psi(\theta)$: least excess risk", fontsize=8)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


def draw_thresholds(results: Any) -> Any:
    """Every pair of the grid: calibrated at threshold 0, at other thresholds only, or at none."""
    import numpy as np
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    from lossland import figures as fig

    state = status(results)
    activations = [str(name).replace("_", " ") for name in results.activation.values]
    losses = [str(name).replace("_", " ") for name in results.loss.values]
    figure, axes = fig.panels(1, 1, height=1.7 + 0.15 * len(activations))
    ax, shades = axes[0, 0], [fig.RED, fig.YELLOW, fig.BLUE]
    ax.pcolormesh(np.ma.masked_less(state, 0), cmap=ListedColormap(shades), vmin=0, vmax=2, edgecolors="white", lw=0.5)
    ax.set_xticks(np.arange(len(losses)) + 0.5, losses, rotation=60, ha="right", rotation_mode="anchor", fontsize=6)
    ax.set_yticks(np.arange(len(activations)) + 0.5, activations, fontsize=6)
    ax.set(xlabel="loss", ylabel="output activation")
    ax.invert_yaxis()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    words = ("at no threshold", "at thresholds other than 0", "at threshold 0")
    handles = [
        Patch(facecolor=c, label=f"{w} ({int((state == k).sum())})")
        for k, (c, w) in enumerate(zip(shades, words, strict=True))
    ]
    figure.legend(
        handles=handles,
        loc="outside upper center",
        ncols=3,
        title="calibrated (number of pairs; white: not admissible)",
        title_fontsize=7,
    )
    return figure


def status(results: Any) -> Any:
    """Of each pair: 2 if calibrated at 0, 1 if at other thresholds only, 0 if at none, -1 if not admissible."""
    import numpy as np

    other = np.where(np.isnan(results.low), 0, 1)
    return np.where(results.has == 0, -1, np.where(results.zero == 1, 2, other))


def draw_relu(results: Any) -> Any:
    """ReLU + hinge: psi at some thresholds, its slope at all, and scores whose risk falls while the error stays."""
    from lossland import figures as fig

    figure, axes = fig.panels(1, 3, height=2.5)
    for tau, shade, dash in zip(
        results.threshold.values, (fig.RED, fig.SKY, fig.BLACK, fig.ORANGE), ("-", "-", "-", "--"), strict=False
    ):
        line = results.relu_psi.sel(threshold=tau)
        axes[0, 0].plot(results.fine, line, color=shade, ls=dash, label=rf"$\tau = {tau:g}$", clip_on=False, zorder=3)
    axes[0, 0].set(
        xlabel=r"excess error $\theta$", ylabel=r"$\psi(\theta)$: least excess risk", xlim=(0, 1), ylim=(0, 0.55)
    )
    axes[0, 0].legend(title="rule $z > \\tau$", loc="upper left")
    tau = results.tau.values
    axes[0, 1].plot(tau, [min(t, 1 - t) for t in tau], color=fig.GREY, lw=3, alpha=0.5, label=r"$\min(\tau, 1 - \tau)$")
    axes[0, 1].plot(tau, results.relu_slope, "o", color=fig.RED, ms=3, label=r"computed $\psi(1)$")
    axes[0, 1].set(xlabel=r"threshold $\tau$", ylabel=r"slope of $\psi$", xlim=(0, 1), ylim=(0, 0.68))
    axes[0, 1].legend(loc="upper center", ncols=1)
    for rule, shade, name, size in ((0.0, fig.RED, "rule $z > 0$", 4), (0.5, fig.BLACK, "rule $z > 1/2$", 3)):
        held = results.falling.sel(rule=rule)
        axes[0, 2].plot(held.sel(excess="risk"), held.sel(excess="error"), "o-", ms=size, lw=1, color=shade, label=name)
    axes[0, 2].set(
        xscale="log", xlabel="excess risk of scores that go\nto their best (leftwards)", ylabel="excess error"
    )
    axes[0, 2].legend(loc="center")
    return figure


def draw_models(results: Any) -> Any:
    """Excess error against excess risk of fitted models and other scores; psi forbids the shaded part."""
    import numpy as np

    from lossland import figures as fig

    figure, axes = fig.panels(-(-results.sizes["setting"] // 3), 3, height=4.6, sharey=True)
    looks = ((fig.BLUE, "o", 6), (fig.GREY, ".", 5), (fig.ORANGE, "^", 9))
    share = results.share.values
    for ax in axes.ravel()[results.sizes["setting"] :]:
        ax.set_axis_off()
    for ax, setting in zip(axes.ravel(), results.setting.values, strict=False):
        held = results.sel(setting=setting)
        curve, risk = held.curve.values, held.points.sel(excess="risk").values
        floor = 1e-4  # what is smaller is drawn here
        ax.plot(np.maximum(curve, floor), share, color=fig.BLACK, lw=1.2, label=r"$\psi$")
        ax.fill_betweenx(
            share, floor, np.maximum(curve, floor), color=fig.RED, alpha=0.12, lw=0, label="forbidden by $\\psi$"
        )
        for k, ((shade, shape, size), origin) in enumerate(zip(looks, ORIGINS, strict=True)):
            rows = (held.origin == k).values
            error = held.points.sel(excess="error").values[rows]
            ax.scatter(
                np.maximum(risk[rows], floor),
                error,
                s=size,
                marker=shape,
                c=shade,
                lw=0,
                alpha=0.7,
                label=SAID[origin],
                zorder=3,
            )
        if not curve.any():
            ax.text(2 * floor, 0.52, "$\\psi = 0$: nothing is forbidden", fontsize=7, color=fig.RED)
        ax.set(
            xscale="log",
            xlim=(floor, 20),
            ylim=(0, 0.6),
            xlabel="excess risk (below $10^{-4}$: on the edge)",
            title=_titled(str(setting)),
        )
    for row in axes:
        row[0].set_ylabel("excess error")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), columnspacing=1.0)
    return figure


SAID = {"fitted": "fitted models", "random": "random scores", "worst": "wrong where that is cheap"}


def _titled(setting: str) -> str:
    if not setting.startswith(RELU):
        return setting.partition("+")[2].replace("_", " ")
    return "ReLU + hinge, rule $z > " + {"0": "0$", "0.5": "1/2$"}[setting.rpartition(" ")[2]]


# ------------------------------------------------------------------------------------------------------------ reporting

KNOWN = ("hinge", "squared_hinge", "squared", "logistic", "exponential", "ramp", "savage", "dwd")


def known_psi(loss: str, theta: Any) -> Any:
    """Psi of a margin loss in closed form (Bartlett, Jordan & McAuliffe 2006; dwd: Marron, Todd & Ahn 2007's loss)."""
    import numpy as np
    from scipy.special import xlogy

    forms = {
        "hinge": lambda t: t,
        "ramp": lambda t: t,
        "squared_hinge": np.square,
        "squared": np.square,
        "logistic": lambda t: (xlogy(1 + t, 1 + t) + xlogy(1 - t, 1 - t)) / 2,
        "exponential": lambda t: 1 - np.sqrt(1 - t**2),
        "savage": lambda t: t**2 / 4,
        "dwd": lambda t: (1 + t - np.sqrt(1 - t**2)) / 2,
    }
    return forms[loss](theta)


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """Tables of psi, of the grid and of the measured scores, and the verdicts."""
    import numpy as np

    from lossland.core import table

    tables = []
    if "identity" in results.activation:
        held, rows = results.sel(activation="identity"), []
        for name in held.loss.values:
            cell = held.sel(loss=name)
            if cell.has == 1:
                psi = [f"{cell.psi.sel(theta=at, method='nearest').item():.4f}" for at in (0.25, 0.5, 1.0)]
                rows.append((str(name), *_thresholds(cell), *psi))
        columns = ("loss", "calibrated thresholds", "best", "psi(1/4)", "psi(1/2)", "psi(1)")
        tables.append(table("Margin losses of the score", columns, rows))
    state = status(results)
    rows = [
        (str(name), *(int((row == k).sum()) for k in (2, 1, 0)))
        for name, row in zip(results.activation.values, state, strict=True)
    ]
    rows.append(("all", *(int((state == k).sum()) for k in (2, 1, 0))))
    tables.append(
        table(
            "Pairs of the grid, by where they are calibrated", ("activation", "at 0", "elsewhere only", "nowhere"), rows
        )
    )
    rows = []
    for setting in results.setting.values:
        cell = results.sel(setting=setting)
        risk, error = (cell.points.sel(excess=what) for what in ("risk", "error"))
        fitted = cell.origin == 0
        least = float((risk - cell.bound).min())
        told = [f"{float(x.where(fitted).min()):.4f} to {float(x.where(fitted).max()):.4f}" for x in (risk, error)]
        rows.append((str(setting), int(np.isfinite(risk).sum()), *told, f"{least:.1e}"))
    columns = ("pair and rule", "scores", "fitted: excess risk", "fitted: excess error", "least excess risk - psi")
    tables.append(table("Scores measured where eta is known", columns, rows))
    return tables, verdicts(results)


def _thresholds(cell: Any) -> tuple[str, str]:
    import numpy as np

    if np.isnan(cell.low):
        return "none", "none"
    low, high = float(cell.low), float(cell.high)
    return (f"{low:g}" if low == high else f"{low:g} to {high:g}"), f"{float(cell.best):g}"


def verdicts(results: Any) -> list[Any]:
    """What the cards and the models say about the theorem, each decided by a number."""
    import numpy as np

    from lossland.experiment import Verdict

    said = []
    names = [name for name in KNOWN if name in results.loss and "identity" in results.activation]
    if names:
        held, theta = results.psi.sel(activation="identity"), results.theta.values
        worst = max(float(np.abs(held.sel(loss=name).values - known_psi(name, theta)).max()) for name in names)
        claim = f"psi from the cards is the known one, for {len(names)} margin losses"
        said.append(Verdict(claim, "differ by at most 1e-6", f"{worst:.1e}", worst <= 1e-6))
    slopes = np.minimum(results.threshold, 1 - results.threshold)
    formula = max(
        float(abs(results.relu_psi - slopes * results.fine).max()),
        float(abs(results.relu_slope - np.minimum(results.tau, 1 - results.tau)).max()),
    )
    low, high = results.relu_interval.values
    closed = results.relu_closed.values
    falling = results.falling.isel(epsilon=-1)
    stuck = results.falling.sel(rule=0.0, excess="error")
    slack = results.points.sel(excess="risk") - results.bound
    count = int(np.isfinite(slack).sum())
    return [
        *said,
        Verdict(
            "S5: ReLU + hinge has psi(theta) = min(tau, 1 - tau) theta under z > tau",
            "differ by at most 1e-9 at every tau and theta",
            f"{formula:.1e}",
            formula <= 1e-9,
        ),
        Verdict(
            "S5: it is calibrated exactly for 0 < tau < 1, best at 1/2",
            "interval (0, 1) without its ends; best threshold 1/2",
            f"{low:g} to {high:g}, ends {'in' if closed.any() else 'out'}, best {float(results.relu_best):g}",
            bool(low == 0 and high == 1 and not closed.any() and results.relu_best == 0.5),
        ),
        Verdict(
            "S5: at tau = 0 the risk can reach its least while the error stays",
            "excess risk < 1e-6 with the excess error of the start > 0.1; at tau = 1/2 the error vanishes",
            f"excess risk {falling.sel(rule=0.0, excess='risk').item():.1e}, error {stuck[-1].item():.3f} against "
            f"{falling.sel(rule=0.5, excess='error').item():.3f}",
            bool(
                falling.sel(rule=0.0, excess="risk") < 1e-6
                and stuck.min() > 0.1
                and falling.sel(rule=0.5, excess="error") == 0
            ),
        ),
        Verdict(
            "Excess risk is at least psi(excess error), for fitted models and any other scores",
            "least difference >= -1e-9 over all pairs and rules",
            f"{float(slack.min()):.1e} over {count} scores",
            float(slack.min()) >= -1e-9,
        ),
    ]


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    import numpy as np

    state = status(results)
    formula = max(
        float(abs(results.relu_psi - np.minimum(results.threshold, 1 - results.threshold) * results.fine).max()),
        float(abs(results.relu_slope - np.minimum(results.tau, 1 - results.tau)).max()),
    )
    slack = results.points.sel(excess="risk") - results.bound
    falling, relu = results.falling.isel(epsilon=-1), state[results.activation.values.tolist().index("relu")]
    return {
        "pairs": f"{int((state >= 0).sum())}",
        "at_zero": f"{int((state == 2).sum())}",
        "elsewhere": f"{int((state == 1).sum())}",
        "nowhere": f"{int((state == 0).sum())}",
        "relu_at_zero": f"{int((relu == 2).sum())}",
        "relu_elsewhere": f"{int((relu == 1).sum())}",
        "relu_nowhere": f"{int((relu == 0).sum())}",
        "formula": f"{formula:.1e}",
        "thresholds": f"{results.tau.size}",
        "stuck_risk": f"{float(falling.sel(rule=0.0, excess='risk')):.1e}",
        "stuck_error": f"{float(falling.sel(rule=0.0, excess='error')):.3f}",
        "half_error": f"{float(falling.sel(rule=0.5, excess='error')):g}",
        "scores": f"{int(np.isfinite(slack).sum())}",
        "slack": f"{float(slack.min()):.1e}",
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
