"""Where does descent without a penalty go in the long run: to the hard margin like 1/log t, or elsewhere?

Claim S9. On the two-point set the constants of the drift are exact: for an exponential tail the gap of the direction is
(ln 2 / 3) / log t. A polynomial tail, a feature of ones, the hinge and a ReLU output lead elsewhere.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, equal, number, ordered

SECONDS = 15
LIMIT = float(np.log(2.0)) / 3
"""The offset of the two-point set, and the constant of its law."""
PATH = (1e-2, 1e-4, 1e-8, 1e-12)
HARD = np.array([1.0, 0.0])
"""The hard margin of the two-point set."""


@dataclass(frozen=True)
class Config:
    """How long and how finely."""

    steps: int = 1_000_000
    """Steps of descent."""
    settings: int = 64
    """Step sizes run at once."""
    learning_rate: float = 0.1
    """The step of the runs that are drawn, on the sum of the losses."""
    log_time: float = 700.0
    """Where gradient flow ends, the logarithm of its time."""
    seed: int = 22
    """Decides the starts of the hinge, of normalised steps and of the polynomial tail."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(steps=20_000, settings=8, log_time=200.0)


# ------------------------------------------------------------------------------------------------------------ computing


def runs_of(config: Config) -> dict[str, Any]:
    """Name -> a function that runs it; all on the two-point set unless it says otherwise."""
    two, flow = ll.load("two_points"), ll.geometry.flow_in_log_time
    plain: dict[str, Any] = {"steps": config.steps, "learning_rates": config.learning_rate}
    figure1 = ll.load("soudry_figure1")
    starts = np.random.default_rng(config.seed).normal(scale=2.0, size=(3, 2))
    one = starts[0]
    return {
        "exponential": lambda: ll.implicit_bias("exponential", two, **plain),
        "logistic": lambda: ll.implicit_bias("logistic", two, start=one, **plain),
        "normalised": lambda: ll.implicit_bias("logistic", two, method="normalised", start=one, **plain),
        "flow": lambda: flow("logistic", two, log_time=config.log_time),
        "dwd": lambda: flow("dwd", two, log_time=min(config.log_time, 100.0), start=one),
        "hinge": lambda: ll.implicit_bias("hinge", two, start=starts, **plain),
        "relu": lambda: ll.implicit_bias("relu+logistic", figure1, start=[0.5, 0.3], **plain),
        "bias": lambda: flow("logistic", unmirrored(), log_time=config.log_time, bias=True),
        "mixed": lambda: ll.implicit_bias("logistic", mixed(), **plain),
    }


def mixed() -> ll.Dataset:
    """Three examples along the first axis that cannot be separated, two off it that can."""
    inputs = np.array([[1.0, 0.0], [-1.0, 0.0], [-2.0, 0.0], [0.3, 1.0], [-0.7, 1.0]])
    return ll.Dataset(inputs, np.ones(5), one_class=True)


def unmirrored() -> ll.Dataset:
    """Three examples whose free bias is not 0."""
    return ll.Dataset(np.array([[1.0, 2.0], [-1.0, 1.0], [3.0, 1.0]]), np.array([1, -1, 1]))


def many(config: Config) -> dict[str, Any]:
    """How far the last points of many step sizes are from the exact offset."""
    rates = np.linspace(0.05, 1.0, config.settings)
    run = ll.implicit_bias("exponential", ll.load("two_points"), steps=config.steps, learning_rates=rates)
    drift = np.stack([np.log(config.steps * 1.5 * rates) + LIMIT, np.full(len(rates), LIMIT)], axis=1)
    return {"rate": rates, "off": run.points[:, -1] - drift}


def limits() -> dict[str, Any]:
    """Exact directions: with a feature of ones, with a free bias, of the mixed set, of DWD; the regularisation path."""
    two, apart = ll.load("two_points"), unmirrored()
    signed = two.labels[:, None] * two.inputs
    # Losses like 1/m are least, among points of one norm, where the pulls 1/m^2 add up along the point itself.
    least = lambda turn: np.sum(1.0 / (signed @ [np.cos(turn), np.sin(turn)]))  # noqa: E731
    turn: Any = minimize_scalar(least, bounds=(-0.46, 0.78), options={"xatol": 1e-10})
    return {
        "appended": ll.descent_limit(apart, bias=True).weights,
        "free": ll.solve("hinge", apart, C=np.inf).weights,
        "foot": ll.geometry.ray_and_foot(mixed()).foot,
        "polynomial": [np.cos(turn.x), np.sin(turn.x)],
        "path": ll.solve("exponential", two, C=1 / np.array(PATH), bias=False).weights,
    }


def compute(config: Config, run: Any) -> Any:
    """Every run, with its own axes."""
    import xarray

    held = runs_of(config)
    parts: dict[str, Any] = {name: lambda tick, go=go: go()._asdict() for name, go in held.items()}
    parts |= {"many": lambda tick: many(config), "limits": lambda tick: limits()}
    done = run(parts)
    results = xarray.Dataset()
    for name in held:
        part = done[name]
        results[f"{name}_steps"] = ((f"record_{name}",), part["steps"])
        results[f"{name}_points"] = ((f"run_{name}", f"record_{name}", f"weight_{name}"), part["points"])
        results[f"{name}_margins"] = ((f"run_{name}", f"record_{name}", f"example_{name}"), part["margins"])
        results[f"{name}_losses"] = ((f"run_{name}", f"record_{name}"), part["losses"])
    results["many_off"] = (("setting", "weight"), done["many"]["off"])
    results = results.assign_coords(setting=done["many"]["rate"], l2=list(PATH))
    results["path"] = (("l2", "weight"), done["limits"]["path"])
    for name in ("appended", "free", "foot", "polynomial"):
        results[f"limit_{name}"] = ((f"weight_limit_{name}",), done["limits"][name])
    return results


def run_of(results: Any, name: str) -> Any:
    """A saved run as a `LongRun`."""
    return ll.geometry.LongRun(*(results[f"{name}_{field}"].values for field in ll.geometry.LongRun._fields))


def end_of(results: Any, name: str) -> Any:
    """How near the ends of a run's settings are to the hard margin: an `Approach` at the last record."""
    far = ll.geometry.approach(run_of(results, name), HARD)
    return ll.geometry.Approach(*(field[:, -1] for field in far))


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """The direction's gap against log t: exponential tails follow the law, a polynomial one does not."""
    figure, axes = fig.panels(1, 1, width=fig.COLUMN, height=2.9)
    ax, last = axes[0, 0], float(np.log(results.flow_steps.values[-1]))
    looks = {
        "flow": (fig.colour("logistic"), "-", 2.8),
        "exponential": (fig.GREEN, (0, (4, 1.5)), 1.6),
        "dwd": (fig.BROWN, "-.", 1.6),
    }
    for name, (shade, dash, width) in looks.items():
        run = run_of(results, name)
        kept = run.steps > np.exp(2.0)
        ax.plot(np.log(run.steps[kept]), ll.geometry.approach(run, HARD).gaps[0, kept], color=shade, ls=dash, lw=width)
    span = np.array([2.0, last])
    ax.plot(span, LIMIT / span, color=fig.BLACK, ls=":", lw=1)
    ends = end_of(results, "dwd").gaps[0], end_of(results, "exponential").gaps[0]
    fig.label_line(ax, "polynomial tail (DWD): elsewhere", 5.0, 1.18 * ends[0], looks["dwd"][0], va="bottom")
    at = float(np.log(results.exponential_steps.values[-1]))
    fig.label_line(ax, "exponential loss (descent)", 1.05 * at, 1.2 * ends[1], looks["exponential"][0], va="bottom")
    fig.label_line(ax, "logistic loss\n(flow)", 0.3 * last, 1.25 * LIMIT / (0.3 * last), looks["flow"][0], va="bottom")
    fig.label_line(
        ax, "exact law\n$\\frac{1}{3}\\ln 2\\,/\\,\\log t$", 5.0, 0.8 * LIMIT / 5.0, fig.BLACK, ha="right", va="top"
    )
    ax.set(xscale="log", yscale="log", xlabel=r"$\log t$", ylabel="gap of the direction to the SVM's")
    ax.set_title("With exponential tails the gap falls like $1/\\log t$")
    return {"gaps": figure}


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """The gap times log t along the run."""
    run = run_of(results, "exponential")
    gaps = ll.geometry.approach(run, HARD).gaps[0]
    rows = []
    for power in range(2, int(np.log10(run.steps[-1])) + 1):
        k = int(np.argmin(np.abs(run.steps - 10.0**power)))
        scaled = gaps[k] * np.log(run.steps[k])
        rows.append((f"{run.steps[k]:.0f}", f"{run.points[0, k, 1]:.6f}", f"{scaled:.4f}"))
    return [table("Descent on the two-point set", ("step", "w2", "gap log t"), rows)]


@claim("S9", "On the two-point set w2 comes to ln 2 / 3 for every step size: off by", at_most(1e-6), fixed="before")
def offset(results):
    return float(abs(results.many_off[:, 1]).max())


@claim("S9", "w1 - log t comes to log(1.5 eta) + ln 2 / 3: off by log(t) / (eta t) times", at_most(20), fixed="before")
def drift(results):
    steps = float(results.exponential_steps.values[-1])
    rest = np.log(steps) / (results.setting.values * steps)
    return float((np.abs(results.many_off.values[:, 0]) / rest).max())


@claim("S9", "The direction's gap times log t comes to ln 2 / 3: their ratio", equal(1, within=0.01), fixed="before")
def law(results):
    return scaled_gap(results) / LIMIT


@claim("S9", "The regularisation path's offsets rise to ln 2 / 3", ordered("rising", strictly=True), fixed="before")
def path(results):
    return [*results.path.values[:, 1], LIMIT]


@claim("S9", "A feature of ones leads to the least ||w||^2 + b^2", at_most(0.01, "radians"), fixed="before")
def appended(results):
    return ll.angle(results.bias_points.values[0, -1], results.limit_appended.values)


@claim("S9", "That is not the SVM with a free bias", at_least(0.05, "radians"), fixed="before")
def not_the_free_bias(results):
    return ll.angle(results.bias_points.values[0, -1, :2], results.limit_free.values)


@claim("S9", "A polynomial tail leads to where sum 1/m is least", at_most(0.01, "radians"), fixed="before")
def polynomial(results):
    return ll.angle(results.dwd_points.values[0, -1], results.limit_polynomial.values)


@claim("S9", "That is not the hard margin", at_least(0.05, "radians"), fixed="after")
def not_the_hard_margin(results):
    return float(end_of(results, "dwd").angles[0])


@claim("S9", "The hinge stops, the sum of its losses at", at_most(0), fixed="before")
def stopped(results):
    return float(results.hinge_losses[:, -1].max())


@claim("S9", "The hinge's directions depend on the start: they spread", at_least(0.05, "radians"), fixed="after")
def spread(results):
    return float(np.ptp(end_of(results, "hinge").angles))


@claim("S9", "ReLU + logistic keeps ln 2 for each negative: least excess", at_least(-1e-12), fixed="before")
def floor(results):
    return float(results.relu_losses.min()) - 2 * float(np.log(2.0))


@claim("S9", "Normalised steps leave this share of the margin gap of plain ones", at_most(0.01), fixed="after")
def normalised(results):
    return float(end_of(results, "normalised").margin_gaps[0] / end_of(results, "logistic").margin_gaps[0])


@claim("S9", "Without separability descent follows the ray from its foot: off by", at_most(0.01), fixed="before")
def foot(results):
    return float(abs(results.mixed_points.values[0, -1, 0] - results.limit_foot.values[0]))


def scaled_gap(results: Any) -> float:
    """The gap of the direction times log t, at the end of the flow."""
    return float(end_of(results, "flow").gaps[0] * np.log(results.flow_steps.values[-1]))


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    config = json.loads(results.attrs["config"])
    return {
        "limit": f"{LIMIT:.4f}",
        "offset_error": number(offset(results), 2),
        "step_sizes": f"{results.setting.size}",
        "steps": f"{config['steps']}",
        "log_time": f"{config['log_time']:g}",
        "scaled_gap": f"{scaled_gap(results):.5f}",
        "path_first": f"{float(results.path[0, 1]):.4f}",
        "path_last": f"{float(results.path[-1, 1]):.4f}",
        "path_first_penalty": f"{float(results.l2[0]):.0e}",
        "path_last_penalty": f"{float(results.l2[-1]):.0e}",
        "appended_angle": number(appended(results), 2),
        "free_angle": number(not_the_free_bias(results), 2),
        "polynomial_angle": number(not_the_hard_margin(results)),
        "polynomial_off": number(polynomial(results), 1),
        "hinge_angles": ", ".join(f"{angle:.2f}" for angle in end_of(results, "hinge").angles),
        "relu_excess": number(floor(results), 2),
        "margin_gap_plain": number(end_of(results, "logistic").margin_gaps[0], 2),
        "margin_gap_normalised": number(end_of(results, "normalised").margin_gaps[0], 2),
        "foot": number(foot(results), 2),
    }
