"""At which thresholds is each pair calibrated? From the cards of all pairs, and psi of ReLU + hinge at each threshold.

psi bounds the excess error of the rule z > threshold: psi(excess error) <= excess risk (Bartlett, Jordan & McAuliffe
2006). A threshold is calibrated if psi is positive there. ReLU + hinge has psi(theta) = min(tau, 1 - tau) theta.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch, Rectangle
from scipy.special import xlogy

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.elements import ACTIVATIONS, LOSSES
from lossland.experiment import at_most, claim, equal, gather, number, pair_name
from lossland.properties import THETAS

RELU = "relu+hinge"
SAID = {2: "at threshold 0", 1: "at other thresholds only", 0: "at no threshold"}
SHADES = {2: "#00614A", 1: "#6FC3A8", 0: "#DEDEDE"}
"""Of the map: the darker, the more is promised."""


@dataclass(frozen=True)
class Config:
    """Which pairs get a card, and where psi of ReLU + hinge is looked at."""

    activations: tuple[str, ...] = ()
    """Activations of the grid; empty: all that are registered."""
    losses: tuple[str, ...] = ()
    """Losses of the grid; empty: all that are registered."""
    thresholds: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5)
    """Thresholds tau of ReLU + hinge whose psi is drawn."""
    taus: int = 41
    """Thresholds from -1/2 to 3/2 at which the slope of its psi is computed; 0, 1/2 and 1 are among them."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(activations=("identity", "relu"), losses=("logistic", "perceptron"), taus=9)
SECONDS = 35


def cards_of(activation: str, losses: tuple[str, ...], tick: Any) -> dict[str, Any]:
    """The calibration of an activation's admissible pairs with some losses; NaN where there is none."""
    admissible = {pair.loss.name for pair in ll.pairs() if pair.activation.name == activation}
    rows = {"low": np.nan, "high": np.nan, "best": np.nan, "zero": 0.0, "has": 0.0, "proven": 0.0}
    found = {key: np.full(len(losses), value) for key, value in rows.items()}
    psi = np.full((len(losses), THETAS.size), np.nan)
    for k, name in enumerate(losses):
        if name in admissible:
            card = ll.card(activation, name)
            psi[k], found["has"][k], found["zero"][k] = card.facts.psi, 1.0, card.calibrated(0.0)
            found["proven"][k] = card.evidence["calibrated"].positive.status == "proven"
            if card.calibrated_thresholds is not None:
                found["low"][k], found["high"][k] = card.calibrated_thresholds
                found["best"][k] = np.nan if card.best_threshold is None else card.best_threshold
        tick(k + 1, len(losses))
    return found | {"psi": psi}


def relu_psi(config: Config, _: Any) -> dict[str, Any]:
    """Psi of ReLU + hinge at some thresholds, its slope over many, and which of them its card calls calibrated."""
    card = ll.card(RELU)
    theta, taus = np.linspace(0, 1, 41), np.linspace(-0.5, 1.5, config.taus)
    return {
        "theta": theta,
        "tau": taus,
        "psi": np.stack([card.psi(theta, tau) for tau in config.thresholds]),
        "slope": np.array([card.psi(1.0, tau) for tau in taus]),
        "calibrated": np.array([card.calibrated(tau) for tau in taus]),
        "best": card.best_threshold,
    }


def compute(config: Config, run: Any) -> Any:
    """Cards of the grid and psi of ReLU + hinge; dims (activation, loss, theta), (threshold, fine) and (tau)."""
    activations, losses = config.activations or tuple(ACTIVATIONS), config.losses or tuple(LOSSES)
    parts: dict[str, Any] = {f"cards of {name}": functools.partial(cards_of, name, losses) for name in activations}
    found = run(parts | {"psi of ReLU + hinge": functools.partial(relu_psi, config)})
    fields = {**dict.fromkeys(("low", "high", "best", "zero", "has", "proven"), ("loss",)), "psi": ("loss", "theta")}
    results = gather(found, "cards of {}".format, {"activation": activations}, fields)
    relu = found["psi of ReLU + hinge"]
    results = results.assign_coords(loss=list(losses), theta=THETAS, threshold=list(config.thresholds))
    results = results.assign_coords(tau=relu["tau"], fine=relu["theta"])
    more = {"relu_psi": (("threshold", "fine"), relu["psi"]), "relu_slope": ("tau", relu["slope"])}
    more |= {"relu_calibrated": ("tau", relu["calibrated"].astype("int8")), "relu_best": float(relu["best"])}
    return results.assign(more)


def status(results: Any) -> Any:
    """Of each pair: 2 if calibrated at 0, 1 if at other thresholds only, 0 if at none, -1 if not admissible."""
    other = xarray.where(results.low.isnull(), 0, 1)
    return xarray.where(results.has == 0, -1, xarray.where(results.zero == 1, 2, other))


def known_slope(tau: Any) -> Any:
    """What psi of ReLU + hinge rises by, under the rule z > tau."""
    return np.clip(np.minimum(tau, 1 - tau), 0, None)


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """Psi of ReLU + hinge, the map of all pairs, and psi of the margin losses."""
    figures = {"relu": draw_relu(results), "thresholds": draw_thresholds(results)}
    return figures | ({"psi": draw_psi(results)} if "identity" in results.activation else {})


def draw_relu(results: Any) -> Any:
    """ReLU + hinge: psi at some thresholds, and its slope at all."""
    figure, (axes,) = fig.panels(1, 2, height=2.3)
    left, right = axes
    looks = ((fig.RED, "-"), ("#777777", ":"), ("#555555", "--"), (fig.BLACK, "-"))
    for tau, (shade, dash) in zip(results.threshold.values, looks, strict=False):
        line = results.relu_psi.sel(threshold=tau).values
        left.plot(results.fine, line, color=shade, ls=dash, clip_on=False, zorder=3)
        fig.label_line(left, rf"$\tau = {tau:g}$", 1.02, line[-1], shade)
    left.set(
        xlabel=r"excess error $\theta$", ylabel=r"$\psi_\tau(\theta)$: least excess risk", xlim=(0, 1), ylim=(0, 0.52)
    )
    left.set_title("Read at 0, any error is possible at no risk")
    tau = np.linspace(-0.5, 1.5, 401)
    right.plot(tau, known_slope(tau), color=fig.GREY, lw=3, alpha=0.5)
    right.plot(results.tau, results.relu_slope, "o", color=fig.RED, ms=2.6)
    fig.label_line(right, r"$\min(\tau, 1 - \tau)$", 0.86, 0.33, "#666666")
    fig.label_line(right, "computed", -0.1, 0.33, fig.RED)
    right.set(xlabel=r"threshold $\tau$ of the rule $z > \tau$", ylabel=r"slope of $\psi_\tau$", xlim=(-0.5, 1.5))
    right.set(ylim=(-0.02, 0.56), title="Read at 1/2, it promises most")
    return figure


def draw_thresholds(results: Any) -> Any:
    """Every pair of the grid: calibrated at threshold 0, at other thresholds only, or at none."""
    state = status(results)
    # Outputs and losses that promise most come first.
    rows, columns = (np.argsort(-state.clip(-0.5).mean(dim).values, kind="stable") for dim in ("loss", "activation"))
    state = state.isel(activation=rows, loss=columns)
    figure, axes = fig.panels(1, 1, height=1.35 + 0.14 * state.activation.size)
    ax, shades = axes[0, 0], ListedColormap([SHADES[k] for k in (0, 1, 2)])
    ax.pcolormesh(np.ma.masked_less(state.values, 0), cmap=shades, vmin=0, vmax=2, edgecolors="white", lw=0.5)
    places = [
        (np.arange(state[dim].size) + 0.5, [pair_name(f"{n}+")[:-3] for n in state[dim].values]) for dim in state.dims
    ]
    ax.set_yticks(*places[0], fontsize=6)
    ax.set_xticks(places[1][0], [str(n).replace("_", " ") for n in state.loss.values], fontsize=6)
    ax.tick_params(axis="x", length=0, rotation=90)
    ax.tick_params(axis="y", length=0)
    if "relu" in state.activation and "hinge" in state.loss:
        at = [list(state[dim].values).index(name) for dim, name in (("loss", "hinge"), ("activation", "relu"))]
        ax.add_patch(Rectangle((at[0], at[1]), 1, 1, fill=False, ec=fig.RED, lw=1.5))
    ax.set(xlabel="loss", ylabel="output")
    ax.invert_yaxis()
    ax.spines[:].set_visible(False)
    handles = [Patch(facecolor=SHADES[k], label=f"{said}: {int((state == k).sum())}") for k, said in SAID.items()]
    if ax.patches:
        handles.append(Patch(facecolor="none", edgecolor=fig.RED, label="ReLU + hinge"))
    figure.legend(handles=handles, loc="outside lower center", ncols=4)
    figure.suptitle("Where the risk of a pair bounds its errors (blank: not admissible)", fontsize=8.5)
    return figure


def draw_psi(results: Any) -> Any:
    """A small panel for each margin loss of the score, the largest psi first, over theta and theta squared."""
    held = results.sel(activation="identity")
    held = held.isel(loss=np.flatnonzero(held.has == 1))
    # A risk without a lower bound has no psi: those panels come last.
    held = held.isel(loss=np.argsort(-held.psi.where(np.isfinite(held.psi), -1.0).mean("theta").values, kind="stable"))
    columns = min(8, held.loss.size)
    rows = -(-held.loss.size // columns)
    figure, axes = fig.panels(rows, columns, height=0.7 + 0.95 * rows, sharex=True, sharey=True)
    theta = results.theta.values
    for ax in axes.ravel()[held.loss.size :]:
        ax.set_axis_off()
    for ax, name, psi in zip(axes.ravel(), held.loss.values, held.psi.values, strict=False):
        ax.plot(theta, theta, color="#B0B0B0", lw=0.8, ls=":", label=r"$\theta$")
        ax.plot(theta, theta**2, color="#B0B0B0", lw=0.8, ls="--", label=r"$\theta^2$")
        if np.isfinite(psi).all():
            ax.plot(theta, psi, color=fig.BLACK, lw=1.6, label=r"$\psi(\theta)$", clip_on=False)
        told = (
            "risk has no\nlower bound" if not np.isfinite(psi[-1]) else "calibrated\nnowhere" if not psi[-1] > 0 else ""
        )
        ax.text(0.5, 0.6, told, transform=ax.transAxes, ha="center", va="center", fontsize=6.5)
        ax.set(xlim=(0, 1), ylim=(0, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
        ax.set_title(str(name).replace("_", " ").replace("huberised ", "huberised\n"), fontsize=6.5)
    for ax in axes[-1]:
        ax.set_xlabel(r"excess error $\theta$", fontsize=7)
    figure.supylabel(r"$\psi(\theta)$: least excess risk", fontsize=8)
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.suptitle("The faster psi rises, the fewer errors a small risk leaves (linear output)", fontsize=8.5)
    return figure


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """Tables of the margin losses and of the grid."""
    tables, state = [], status(results)
    if "identity" in results.activation:
        held, rows = results.sel(activation="identity"), []
        for name in held.loss.values[(held.has == 1).values]:
            cell = held.sel(loss=name)
            low, high, best = (number(float(cell[field])) for field in ("low", "high", "best"))
            where = ("none", "none") if cell.low.isnull() else (low if low == high else f"{low} to {high}", best)
            rows.append((str(name), *where, *(number(float(cell.psi.interp(theta=at))) for at in (0.25, 0.5, 1.0))))
        columns = ("loss", "calibrated thresholds", "best", "psi(1/4)", "psi(1/2)", "psi(1)")
        tables.append(table("Margin losses of the score", columns, rows))
    counted = [(str(name), state.sel(activation=name)) for name in state.activation.values] + [("all", state)]
    rows = [(name, *(int((row == k).sum()) for k in SAID)) for name, row in counted]
    return [*tables, table("Pairs of the grid, by where they are calibrated", ("output", *SAID.values()), rows)]


KNOWN = {
    "hinge": lambda t: t,
    "ramp": lambda t: t,
    "squared_hinge": np.square,
    "squared": np.square,
    "logistic": lambda t: (xlogy(1 + t, 1 + t) + xlogy(1 - t, 1 - t)) / 2,
    "exponential": lambda t: 1 - np.sqrt(1 - t**2),
    "savage": lambda t: t**2 / 4,
    "dwd": lambda t: (1 + t - np.sqrt(1 - t**2)) / 2,
}
"""Psi of margin losses in closed form (Bartlett, Jordan & McAuliffe 2006; dwd: Marron, Todd & Ahn 2007's loss)."""


@claim("", "Psi of the cards is the published one", at_most(1e-6), fixed="before")
def published(results):
    held = results.psi.sel(activation="identity")
    return {
        name: abs(held.sel(loss=name) - form(held.theta)).max() for name, form in KNOWN.items() if name in held.loss
    }


@claim("S5", "ReLU + hinge has psi(theta) = min(tau, 1 - tau) theta under z > tau", at_most(1e-9), fixed="before")
def formula(results):
    return abs(results.relu_psi - known_slope(results.threshold) * results.fine).max()


@claim("S5", "The slope of its psi is min(tau, 1 - tau), or 0, at every threshold", at_most(1e-9), fixed="before")
def slopes(results):
    return abs(results.relu_slope - known_slope(results.tau)).max()


@claim("S5", "Its card calls just 0 < tau < 1 calibrated", at_most(0, "other thresholds"), fixed="before")
def miscalled(results):
    return (results.relu_calibrated != ((results.tau > 0) & (results.tau < 1))).sum()


@claim("S5", "The best threshold of ReLU + hinge is 1/2", equal(0.5, within=1e-9), fixed="before")
def best(results):
    return results.relu_best


@claim("S5", "No pair with a ReLU output is calibrated at threshold 0", at_most(0, "pairs"), fixed="before")
def relu_at_zero(results):
    return (status(results).sel(activation="relu") == 2).sum()


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    state = status(results)
    relu = state.sel(activation="relu")
    return {
        "pairs": f"{int((state >= 0).sum())}",
        "at_zero": f"{int((state == 2).sum())}",
        "elsewhere": f"{int((state == 1).sum())}",
        "nowhere": f"{int((state == 0).sum())}",
        "proven": f"{int(results.proven.sum())}",
        "relu_at_zero": f"{int((relu == 2).sum())}",
        "relu_elsewhere": f"{int((relu == 1).sum())}",
        "relu_nowhere": f"{int((relu == 0).sum())}",
        "formula": number(max(float(formula(results)), float(slopes(results)))),
        "thresholds": f"{results.tau.size}",
    }
