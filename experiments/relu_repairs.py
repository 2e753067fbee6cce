"""What repairs a ReLU output with the hinge loss?

Every repair on the same data from the same random starts: which runs end dead, how the others err, and whether both
classes get the same room. The plain repair, no ReLU, is the SVM.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_most, claim, data_name, gather, number, percent, proportion

PLAIN, HALF, HIGH = "ReLU + hinge", "threshold 1/2", "start: bias + 1, weights / 10"
PULLED = ("leaky ReLU, slope 0.1", "matching loss of ReLU", "no ReLU (SVM)")
"""Repairs under which every missed positive is pulled."""
SECONDS = 15


@dataclass(frozen=True)
class Config:
    """What is trained on what."""

    datasets: tuple[str, ...] = ("separable(n=80, margin=0.8, offset=0.7, seed=51)", "wine(classes='1/2')")
    """Data sets; on the first, runs separate the classes, and the room of each class is shown."""
    repairs: tuple[int, ...] = tuple(range(10))
    """Which of `relu_repairs` are compared; the unrepaired pair is 0, reading at 1/2 is 1."""
    starts: int = 120
    """Random starts of each repair."""
    steps: int = 3000
    """Steps of gradient descent of each run."""
    l2: float = 1e-3
    """The penalty l2/2 * ||w||^2 on the weights."""
    bias_scale: float = 3.0
    """The standard deviation of the random initial bias; a bias low enough starts a ReLU dead."""
    seed: int = 22
    """Decides the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(datasets=Config.datasets[:1], repairs=(0, 1, 2, 4, 6, 7, 9), starts=40, steps=300)


def repaired(config: Config, dataset: str, tick: Any) -> dict[str, Any]:
    """The repairs from the same starts."""
    chosen = [ll.geometry.relu_repairs()[k] for k in config.repairs]
    settings: dict[str, Any] = {"starts": config.starts, "steps": config.steps, "l2": config.l2, "seed": config.seed}
    data = ll.standardise(ll.load(dataset))
    found = ll.geometry.compare_repairs(data, chosen, bias_scale=config.bias_scale, **settings)
    # Where no run lives there is no error of live runs, and where no run separates there is no margin.
    return {
        "dead": [r.dead for r in found],
        "error": [np.nan if r.dead == 1 else r.error for r in found],
        "calibrated": [int(r.calibrated) for r in found],
        "positive": [np.nan if r.positive_margin is None else r.positive_margin for r in found],
        "negative": [np.nan if r.negative_margin is None else r.negative_margin for r in found],
    }


def compute(config: Config, run: Any) -> Any:
    """All repairs; dims (dataset, repair)."""
    parts = run({dataset: functools.partial(repaired, config, dataset) for dataset in config.datasets})
    fields = dict.fromkeys(("dead", "error", "calibrated", "positive", "negative"), ("repair",))
    names = {"dataset": [data_name(dataset) for dataset in config.datasets]}
    results = gather(parts, str, {"dataset": config.datasets}, {**fields}, names=names)
    repairs = [ll.geometry.relu_repairs()[k].name for k in config.repairs]
    return results.assign_coords(repair=repairs).assign_attrs(starts=config.starts)


def draw(results: Any) -> dict[str, Any]:
    """Dead runs, errors and margins of every repair."""
    figure, axes = fig.panels(1, 3, height=0.24 * results.sizes["repair"] + 1.3, sharey=True)
    where = np.arange(results.sizes["repair"])[::-1]
    for ax, field, title in (
        (axes[0, 0], "dead", "a slope below 0, another loss or\na high first bias leave none dead"),
        (axes[0, 1], "error", "live runs err little,\nrepaired or not"),
    ):
        draw_bars(ax, results[field], where)
        ax.set_title(title)
    axes[0, 0].set(xlabel="dead runs, %", xlim=(0, 100))
    axes[0, 1].set(xlabel="training error of live runs, %")
    first = results.isel(dataset=0)
    for k, (side, shade) in enumerate((("positive", fig.POSITIVE), ("negative", fig.NEGATIVE))):
        at = where + 0.19 - 0.38 * k
        axes[0, 2].barh(
            at, first[side].fillna(0).values, 0.36, color=shade, hatch="////" * k, edgecolor="white", label=side
        )
    for y in where[np.isnan(first.positive.values)]:
        axes[0, 2].text(0.02, y, "no line without errors", fontsize=6, va="center")
    axes[0, 2].set(xlabel=f"nearest example, {first.dataset.item()}", title="the leaky slope's margin\nis uneven")
    axes[0, 0].set_yticks(where, [str(name) + " *" * (1 - int(fine)) for name, fine in
                                  zip(first.repair.values, first.calibrated.values, strict=True)])  # fmt: skip
    handles = [*axes[0, 0].get_legend_handles_labels()[0], *axes[0, 2].get_legend_handles_labels()[0]]
    handles.append(fig.patch("* the rule is not calibrated"))
    handles[-1].set_visible(False)
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return {"all": figure}


def draw_bars(ax: Any, shares: Any, where: Any) -> None:
    """A bar for each data set and repair, with its number; words where no run lives."""
    count = shares.sizes["dataset"]
    for k, name in enumerate(shares.dataset.values):
        at, held = where + 0.4 * (0.5 * (count - 1) - k), 100 * shares.sel(dataset=name).values
        look = {"color": (fig.BROWN, fig.GREY)[k % 2], "hatch": "////" * (k % 2), "edgecolor": "white"}
        bars = ax.barh(at, np.nan_to_num(held), 0.8 / max(count, 2), label=str(name), **look)
        said = ["no live run" if np.isnan(x) else percent(x / 100) for x in held]
        ax.bar_label(bars, said, fontsize=5.5, padding=1.5)


def by_case(results: Any, repairs: tuple[str, ...]) -> dict[str, int]:
    """Repair and data set -> how many runs end dead."""
    dead = (results.dead * results.attrs["starts"]).round().astype(int)
    return {f"{r}, {d}": int(dead.sel(dataset=d, repair=r)) for r in repairs for d in results.dataset.values}


@claim("S5", "At least a tenth of the runs of ReLU + hinge end dead when nothing is repaired", proportion(least=0.1),
       fixed="after")  # fmt: skip
def dead_unrepaired(results: Any) -> dict[str, tuple[int, int]]:
    """How many of how many."""
    return {where: (dead, results.attrs["starts"]) for where, dead in by_case(results, (PLAIN,)).items()}


@claim("S5", "With a leaky slope, with the matching loss and without the ReLU no run ends dead", at_most(0, "runs"),
       fixed="before")  # fmt: skip
def dead_pulled(results: Any) -> dict[str, int]:
    """How many."""
    return by_case(results, PULLED)


@claim("S5", "Reading at 1/2 leaves as many runs dead as before", at_most(0, "runs"), fixed="before")
def dead_differing_at_half(results: Any) -> dict[str, int]:
    """The difference, either way."""
    before, after = by_case(results, (PLAIN,)).values(), by_case(results, (HALF,))
    return {where: abs(dead - other) for (where, dead), other in zip(after.items(), before, strict=True)}


@claim("S5", "Started with small weights and a bias around 1, no run of ReLU + hinge ends dead", at_most(0, "runs"),
       fixed="after")  # fmt: skip
def dead_started_high(results: Any) -> dict[str, int]:
    """How many."""
    return by_case(results, (HIGH,))


def report(results: Any) -> list[Any]:
    """A table for each data set; the paper shows the first."""

    def row(cell: Any) -> tuple[str, ...]:
        error = "no live run" if np.isnan(cell.error) else f"{percent(float(cell.error))} %"
        margins = ("-" if np.isnan(m) else f"{float(m):.3f}" for m in (cell.positive, cell.negative))
        calibrated = "yes" if cell.calibrated else "no"
        return (str(cell.repair.item()), f"{percent(float(cell.dead))} %", error, calibrated, *margins)

    columns = ("repair", "dead runs", "error, live", "calibrated", "margin +", "margin -")
    return [
        table(f"Repairs, {name}", columns, [row(results.sel(dataset=name, repair=r)) for r in results.repair.values])
        for name in results.dataset.values
    ]


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    first = results.isel(dataset=0)
    plain, half = (first.sel(repair=name) for name in (PLAIN, HALF))
    return {
        "starts": str(results.attrs["starts"]),
        "dead_runs_percent": percent(float(plain.dead), 0),
        "dead_most_percent": percent(float(results.dead.sel(repair=PLAIN).max()), 0),
        "margin_positive_at_zero": number(float(plain.positive), 2),
        "margin_negative_at_zero": number(float(plain.negative), 2),
        "margin_positive_at_half": number(float(half.positive), 2),
        "margin_negative_at_half": number(float(half.negative), 2),
    }
