"""Where does descent go in the long run? To the hard margin like 1/log t, to a ray, or nowhere, by the loss's tail.

The two-point set has exact constants; a feature of ones, a polynomial tail, the hinge and a ReLU lead elsewhere.
"""

import json
import sys
from dataclasses import dataclass
from typing import Any

import lossland as ll

LIMIT = 0.23104906018664842
"""ln 2 / 3."""
PATH = (1e-2, 1e-4, 1e-8, 1e-12)


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
    seed: int = 0
    """Unused: nothing is random."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(steps=20_000, settings=8, log_time=200.0)


def runs_of(config: Config) -> dict[str, Any]:
    """Name -> a function that runs it; all on the two-point set unless it says otherwise."""
    two = ll.load("two_points")
    plain: dict[str, Any] = {"steps": config.steps, "learning_rates": config.learning_rate}
    starts = [[0.0, 0.0], [0.0, 3.0], [2.0, -1.0]]
    figure1 = ll.load("soudry_figure1")
    apart = unmirrored()
    return {
        "exponential": lambda: ll.implicit_bias("exponential", two, **plain),
        "logistic": lambda: ll.implicit_bias("logistic", two, **plain),
        "normalised": lambda: ll.implicit_bias("logistic", two, method="normalised", **plain),
        "flow": lambda: ll.geometry.flow_in_log_time("logistic", two, log_time=config.log_time),
        "dwd": lambda: ll.geometry.flow_in_log_time("dwd", two, log_time=min(config.log_time, 100.0)),
        "hinge": lambda: ll.implicit_bias("hinge", two, start=starts, **plain),
        "perceptron": lambda: ll.implicit_bias("perceptron", two, start=[0.5, 3.0], **plain),
        "relu": lambda: ll.implicit_bias("relu+logistic", figure1, start=[0.5, 0.3], **plain),
        "figure1": lambda: ll.implicit_bias("logistic", figure1, start=[0.5, -0.5], **plain),
        "bias": lambda: ll.geometry.flow_in_log_time("logistic", apart, log_time=config.log_time, bias=True),
        "mixed": lambda: ll.implicit_bias("logistic", mixed(), **plain),
    }


def mixed() -> ll.Dataset:
    """Three examples along the first axis that cannot be separated, two off it that can."""
    import numpy as np

    inputs = np.array([[1.0, 0.0], [-1.0, 0.0], [-2.0, 0.0], [0.3, 1.0], [-0.7, 1.0]])
    return ll.Dataset(inputs, np.ones(5), one_class=True)


def unmirrored() -> ll.Dataset:
    """Three examples whose free bias is not 0."""
    import numpy as np

    return ll.Dataset(np.array([[1.0, 2.0], [-1.0, 1.0], [3.0, 1.0]]), np.array([1, -1, 1]))


def many(config: Config) -> dict[str, Any]:
    """Many step sizes at once, and how far the last points are from the exact offset."""
    import numpy as np

    two, rates = ll.load("two_points"), np.linspace(0.05, 1.0, config.settings)
    run = ll.implicit_bias("exponential", two, steps=config.steps, learning_rates=rates)
    exact = np.stack([ll.descent_limit(two, learning_rate=rate).offset for rate in rates[[0, -1]]])
    off = run.points[:, -1] - np.outer(np.ones(len(rates)), [np.log(config.steps), 0.0])
    law = np.stack([np.log(1.5 * rates) + np.log(2.0) / 3, np.full(len(rates), np.log(2.0) / 3)], axis=1)
    return {"rate": rates, "off": off - law, "law": np.abs(exact - law[[0, -1]]).max()[None]}


def limits() -> dict[str, Any]:
    """Exact directions: with a feature of ones, with a free bias, of the mixed set; the regularisation path."""
    import numpy as np

    two = ll.load("two_points")
    apart = unmirrored()
    ray = ll.geometry.ray_and_foot(mixed())
    path = ll.solve("exponential", two, C=1 / np.array(PATH), bias=False)
    return {
        "appended": ll.descent_limit(apart, bias=True).weights,
        "free": ll.solve("hinge", apart, C=np.inf).weights,
        "ray": ray.ray,
        "foot": ray.foot,
        "path": path.weights,
    }


def compute(config: Config, run: Any) -> Any:
    """Every run, with its own axes."""
    import numpy as np
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
    for name in ("appended", "free", "ray", "foot"):
        results[f"limit_{name}"] = ((f"weight_limit_{name}",), done["limits"][name])
    results.attrs["learning_rate"] = config.learning_rate
    results.attrs["law"] = float(np.max(done["many"]["law"]))
    return results


def run_of(results: Any, name: str) -> Any:
    """A saved run as a `LongRun`."""
    return ll.geometry.LongRun(*(results[f"{name}_{field}"].values for field in ll.geometry.LongRun._fields))


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """The drift with its exact constants, the gaps with the 1/log t law, and where the exceptions go."""
    import numpy as np

    from lossland import figures as fig

    rate = float(results.attrs["learning_rate"])
    runs = {"exponential": run_of(results, "exponential"), "logistic": run_of(results, "logistic")}
    exact = {"w_2": LIMIT, r"w_1 - \log t": float(np.log(1.5 * rate)) + LIMIT}
    times, gaps = {}, {}
    said = {"exponential": "descent, exponential", "flow": "flow, logistic", "normalised": "normalised steps"}
    for name, label in (said | {"dwd": "flow, DWD", "hinge": "descent, hinge"}).items():
        run = run_of(results, name)
        kept = run.steps > 2
        times[label] = np.log(run.steps[kept])
        gaps[label] = ll.geometry.approach(run, np.array([1.0, 0.0])).gaps[0, kept]
    drift = fig.drift_figure(runs, exact)
    return {"drift": drift, "gaps": fig.gaps_figure(times, gaps, LIMIT), "losses": draw_losses(results)}


def draw_losses(results: Any) -> Any:
    """Norm and loss against log t: what grows without end, what stops, what never vanishes."""
    import numpy as np

    from lossland import figures as fig

    figure, axes = fig.panels(1, 2, height=2.6)
    shown = {
        "exponential": ("exponential", fig.ORANGE),
        "logistic": ("logistic", fig.GREEN),
        "hinge": ("hinge", fig.BLUE),
        "perceptron": ("perceptron", fig.SKY),
        "relu": ("ReLU + logistic", fig.RED),
        "mixed": ("logistic, not separable", fig.PINK),
    }
    for name, (label, shade) in shown.items():
        run = run_of(results, name)
        kept = run.steps >= 1
        axes[0, 0].plot(run.steps[kept], np.linalg.norm(run.points[0, kept], axis=1), color=shade, label=label)
        axes[0, 1].plot(run.steps[kept], np.maximum(run.losses[0, kept], 1e-7), color=shade)
    axes[0, 0].set(xscale="log", xlabel="step $t$", ylabel=r"$\|w\|$")
    axes[0, 1].set(xscale="log", yscale="log", xlabel="step $t$", ylabel="sum of losses (from $10^{-7}$)")
    axes[0, 1].axhline(2 * np.log(2.0), color=fig.BLACK, ls=":", lw=1)
    note: dict[str, Any] = {"xytext": (0, -9), "textcoords": "offset points", "fontsize": 7, "ha": "right"}
    axes[0, 1].annotate("2 negatives at $\\ln 2$", (results.relu_steps.values[-1], 2 * np.log(2.0)), **note)
    figure.legend(loc="outside upper center", ncols=3)
    return figure


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """The gap times log t along the run, the path, and the verdicts."""
    import numpy as np

    from lossland.core import table

    run = run_of(results, "exponential")
    gaps = ll.geometry.approach(run, np.array([1.0, 0.0])).gaps[0]
    rows = []
    for power in range(2, int(np.log10(run.steps[-1])) + 1):
        k = int(np.argmin(np.abs(run.steps - 10.0**power)))
        scaled = gaps[k] * np.log(run.steps[k])
        rows.append((f"{run.steps[k]:.0f}", f"{run.points[0, k, 1]:.6f}", f"{scaled:.4f}"))
    path = [(f"{l2:g}", f"{results.path.sel(l2=l2).values[1]:.4f}") for l2 in PATH]
    tables = [
        table("Descent on the two-point set", ("step", "w2", "gap log t"), rows),
        table("Its regularisation path", ("l2", "w2"), path),
    ]
    return tables, verdicts(results)


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    import numpy as np

    from lossland.experiment import Verdict

    hard = np.array([1.0, 0.0])
    off = np.abs(results.many_off.values).max(axis=0)
    flow = run_of(results, "flow")
    far = ll.geometry.approach(flow, hard)
    scaled = far.gaps[0, -1] * np.log(flow.steps[-1])
    dwd, hinge = (ll.geometry.approach(run_of(results, name), hard).angles[:, -1] for name in ("dwd", "hinge"))
    stopped = max(float(results[f"{name}_losses"][:, -1].max()) for name in ("hinge", "perceptron"))
    bias = results.bias_points.values[0, -1]
    appended, free = ll.angle(bias, results.limit_appended.values), ll.angle(bias[:2], results.limit_free.values)
    relu = float(results.relu_losses.min()) - 2 * np.log(2.0)
    plain, fast = (
        ll.geometry.approach(run_of(results, n), hard).margin_gaps[0, -1] for n in ("logistic", "normalised")
    )
    last = results.mixed_points.values[0, -1]
    foot = float(abs(last[0] - results.limit_foot.values[0]))
    paths = np.abs(results.path.values[:, 1] - [0.2050, 0.2172, 0.2242, 0.2265]).max()
    return [
        Verdict(
            "w2 -> ln 2 / 3 and w1 - log t -> log(1.5 eta) + ln 2 / 3 on the two-point set",
            "within 1e-6 and 20 log(t) / (eta t) of it for every step size",
            f"{off[1]:.1e} and {off[0]:.1e}",
            bool(off[1] <= 1e-6 and np.all(np.abs(results.many_off.values[:, 0]) <= _allowed(results))),
        ),
        Verdict(
            "the direction nears the hard margin like (ln 2 / 3) / log t",
            "gap log t within 1 % of ln 2 / 3 at the end of the flow",
            f"{scaled:.5f} at log t = {np.log(flow.steps[-1]):.0f}",
            bool(abs(scaled / LIMIT - 1) < 0.01),
        ),
        Verdict(
            "the regularisation path has the same offset",
            "w2 = .2050, .2172, .2242, .2265 at l2 = 1e-2, 1e-4, 1e-8, 1e-12, to 5e-5",
            f"off by {paths:.1e}",
            bool(paths <= 5e-5),
        ),
        Verdict(
            "a feature of ones leads to the least ||w||^2 + b^2, not to the SVM with a free bias",
            "angle below 0.01 to the first, above 0.05 to the second",
            f"{appended:.4f} and {free:.4f}",
            bool(appended < 0.01 and free > 0.05),
        ),
        Verdict("a polynomial tail goes elsewhere", "final angle above 0.05", f"{dwd[0]:.4f}", bool(dwd[0] > 0.05)),
        Verdict(
            "hinge and perceptron stop, where depends on the start",
            "loss 0; the hinge's final angles differ by more than 0.05",
            f"loss {stopped:.1g}, angles {', '.join(f'{a:.3f}' for a in hinge)}",
            stopped == 0 and float(np.ptp(hinge)) > 0.05,
        ),
        Verdict(
            "ReLU + logistic leaves every negative at ln 2 or above",
            "least loss above 2 ln 2, within 0.05 of it at the end",
            f"{relu:.1e}",
            bool(-1e-12 <= relu and results.relu_losses.values[0, -1] - 2 * np.log(2.0) < 0.05),
        ),
        Verdict(
            "normalised steps close the margin gap faster",
            "a hundredth of the gap of plain steps",
            f"{fast:.1e} against {plain:.1e}",
            bool(fast < 0.01 * plain),
        ),
        Verdict(
            "without separability descent follows the ray from its foot",
            "the part along what cannot be separated within 0.01 of the foot",
            f"{foot:.1e}",
            foot < 0.01,
        ),
    ]


def _allowed(results: Any) -> Any:
    """How far w1 - log t may still be from its limit: the remainder of log(t + const / eta)."""
    import numpy as np

    steps = float(results.exponential_steps.values[-1])
    return 20 * np.log(steps) / (results.setting.values * steps)


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    import numpy as np

    hard = np.array([1.0, 0.0])
    flow, config = run_of(results, "flow"), json.loads(results.attrs["config"])
    gaps = ll.geometry.approach(flow, hard).gaps[0, -1]
    dwd, hinge = (ll.geometry.approach(run_of(results, name), hard).angles[:, -1] for name in ("dwd", "hinge"))
    plain, fast = (
        ll.geometry.approach(run_of(results, n), hard).margin_gaps[0, -1] for n in ("logistic", "normalised")
    )
    bias = results.bias_points.values[0, -1]
    return {
        "limit": f"{LIMIT:.4f}",
        "offset_error": f"{float(abs(results.many_off[:, 1]).max()):.1e}",
        "step_sizes": f"{results.setting.size}",
        "steps": f"{config['steps']}",
        "log_time": f"{config['log_time']:g}",
        "scaled_gap": f"{float(gaps * np.log(flow.steps[-1])):.5f}",
        "path_first": f"{float(results.path[0, 1]):.4f}",
        "path_last": f"{float(results.path[-1, 1]):.4f}",
        "path_first_penalty": f"{float(results.l2[0]):.0e}",
        "path_last_penalty": f"{float(results.l2[-1]):.0e}",
        "appended_angle": f"{ll.angle(bias, results.limit_appended.values):.4f}",
        "free_angle": f"{ll.angle(bias[:2], results.limit_free.values):.2f}",
        "polynomial_angle": f"{dwd[0]:.3f}",
        "hinge_angles": ", ".join(f"{angle:.2f}" for angle in hinge),
        "relu_excess": f"{float(results.relu_losses.min()) - 2 * np.log(2.0):.1e}",
        "margin_gap_plain": f"{plain:.1e}",
        "margin_gap_normalised": f"{fast:.1e}",
        "foot": f"{float(abs(results.mixed_points.values[0, -1, 0] - results.limit_foot.values[0])):.1e}",
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
