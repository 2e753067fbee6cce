"""How many local minima does one neuron have? Counted exactly, cell by cell.

Auer, Herbster & Warmuth (1995): a squashing output whose loss is bounded can have floor(n/d)^d local minima; with its
matching loss it has one. Claim S5: ReLU + hinge escapes their construction, and has 2^d flat basins on another.
"""

import functools
import itertools
import math
import sys
from dataclasses import dataclass
from typing import Any

import lossland as ll

SQUASHING = ("hard_tanh+hinge", "hard_tanh+absolute", "hard_tanh+squared", "hard_sigmoid+brier")
MATCHING = "identity+modified_huber"
"""Twice the matching loss of hard tanh at the labels -1 and +1."""
ON_AXES = (*SQUASHING, MATCHING, "relu+hinge")
ON_LINE = ("hard_tanh+hinge", "tanh+hinge", "relu+hinge", "identity+hinge")
PICTURES = {"squashing": "hard_tanh+hinge", "matching": MATCHING, "relu": "relu+hinge"}


@dataclass(frozen=True)
class Config:
    """How many examples, and where they lie."""

    per_axis: tuple[int, ...] = (2, 3, 4, 5, 6, 7)
    """Examples on each of two axes, with alternating labels."""
    on_line: tuple[int, ...] = (2, 4, 6, 8, 10, 12)
    """Examples on a line, with alternating labels; even numbers."""
    drawn_on_line: int = 8
    """Which of them is drawn."""
    pictured: int = 3
    """Examples on each axis in the picture of the cells."""
    ratio: float = 3.0
    """Of the distances of neighbouring examples to 0."""
    dimensions: tuple[int, ...] = (2, 3, 4)
    """Of the examples at +-e_j that give ReLU + hinge its basins."""
    points: int = 4001
    """Weights at which the losses on the line are evaluated."""
    pixels: int = 241
    """Points along each side of a picture."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(per_axis=(2, 3), on_line=(2, 4), drawn_on_line=4, dimensions=(2, 3), points=401, pixels=61)


def on_axes(per_axis: int, ratio: float, d: int = 2) -> Any:
    """Examples at ratio^i on each axis, i = 0, 1, ..., with alternating labels, the outermost positive."""
    import numpy as np

    places = ratio ** np.arange(per_axis)
    labels = (-1.0) ** np.arange(per_axis - 1, -1, -1)
    return ll.Dataset(np.concatenate([np.outer(places, e) for e in np.eye(d)]), np.tile(labels, d))


def on_line(n: int, ratio: float) -> Any:
    """The same on one line, with a second input that is 0, since `cells` takes two parameters."""
    import numpy as np

    held = on_axes(n, ratio, d=1)
    return ll.Dataset(np.column_stack([held.inputs[:, 0], np.zeros(n)]), held.labels)


# ------------------------------------------------------------------------------------------------------------ computing


def count_on_axes(name: str, config: Config, tick: Any) -> dict[str, Any]:
    """The closed sets of local minima for each number of examples, in the whole plane of weights."""
    counts = []
    for number, k in enumerate(config.per_axis):
        counts.append(len(ll.cells(name, on_axes(k, config.ratio), box=4.0).basins))
        tick(number + 1, len(config.per_axis))
    return {"count": counts}


def count_on_line(name: str, config: Config, tick: Any) -> dict[str, Any]:
    """Local minima at w > 0: exactly by cells, or for a smooth output on a fine grid; and the curve that is drawn."""
    import numpy as np

    counts = [
        _grid_count(*line(name, n, config)) if "hard" not in name and "tanh" in name else _exact_count(name, n, config)
        for n in config.on_line
    ]
    weights, values = line(name, config.drawn_on_line, config)
    return {"count": np.array(counts), "weight": weights, "loss": values}


def _exact_count(name: str, n: int, config: Config) -> int:
    found = ll.cells(name, on_line(n, config.ratio), box=4.0)
    return sum(int(min(part[:, 0].min() for part in each.parts) > 0) for each in found.basins)


def line(name: str, n: int, config: Config) -> tuple[Any, Any]:
    """Weights w > 0, evenly spaced in their logarithm, and the mean loss at each."""
    import jax.numpy as jnp
    import numpy as np

    data = on_axes(n, config.ratio, d=1)
    places = data.inputs[:, 0]
    weights = np.geomspace(0.05 / places.max(), 20.0 / places.min(), config.points)
    scores = jnp.asarray(weights[:, None] * places)
    losses = ll.pair(name)(scores, jnp.broadcast_to(jnp.asarray(data.labels), scores.shape))
    return weights, np.asarray(losses).mean(axis=1)


def _grid_count(weights: Any, values: Any) -> int:
    """How often the values turn from falling to rising, flat stretches left out."""
    import numpy as np

    steps = np.diff(values)
    steps = steps[np.abs(steps) > 1e-14]
    return int(np.sum((steps[:-1] < 0) & (steps[1:] > 0)))


def relu_basins(d: int, tick: Any) -> dict[str, Any]:
    """Whether 2 s is a local minimum of ReLU + hinge for every choice of signs s in {-1, +1}^d, and its loss."""
    data = ll.load("signed_axes", d=d)
    held = [
        ll.local_minimum("relu+hinge", data, 2.0 * _array(s), bias=False) for s in itertools.product((1, -1), repeat=d)
    ]
    return {"minimal": [each.minimal for each in held], "level": [each.value for each in held]}


def _array(values: Any) -> Any:
    import numpy as np

    return np.asarray(values, float)


def picture(name: str, data: Any, box: float, reach: float, pixels: int, tick: Any) -> dict[str, Any]:
    """The objective on a grid, the edges of its cells, and the corners of its closed sets of minima, padded by NaN."""
    import numpy as np

    found = ll.cells(name, data, box=box)
    axis = np.linspace(-reach, reach, pixels)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    parts = [(number, part) for number, each in enumerate(found.basins) for part in each.parts]
    corners = np.full((len(parts), max(len(part) for _, part in parts), 2), np.nan)
    for row, (_, part) in zip(corners, parts, strict=True):
        row[: len(part)] = part
    return {
        "axis": axis,
        "loss": found.objective.value(grid.reshape(-1, 2)).reshape(pixels, pixels),
        "edges": found.vertices[found.edges],
        "parts": corners,
        "basin": [number for number, _ in parts],
        "level": [each.level for each in found.basins],
        "cells": len(found.centres),
    }


def matching_distance(config: Config, tick: Any) -> dict[str, Any]:
    """How far half the modified Huber loss is from the matching loss of hard tanh at y = 1, an integral."""
    import numpy as np

    scores = np.linspace(-6.0, 6.0, config.points)
    matching = ll.card("hard_tanh", "hinge").matching_loss(scores, 1.0)
    return {"distance": np.abs(matching - 0.5 * np.asarray(ll.pair(MATCHING).positive(scores))).max()}


def parts_of(config: Config) -> dict[str, Any]:
    """Everything that is computed, by label."""
    parts = {f"axes: {name}": functools.partial(count_on_axes, name, config) for name in ON_AXES}
    parts |= {f"line: {name}": functools.partial(count_on_line, name, config) for name in ON_LINE}
    parts |= {f"signs: {d}": functools.partial(relu_basins, d) for d in config.dimensions}
    shown, signed = on_axes(config.pictured, config.ratio), ll.load("signed_axes", d=2)
    for key, name in PICTURES.items():
        settings = (signed, 3.0, 3.0) if key == "relu" else (shown, 4.0, 1.6)
        parts[f"picture: {key}"] = functools.partial(picture, name, *settings, config.pixels)
    return parts | {"matching": functools.partial(matching_distance, config)}


def compute(config: Config, run: Any) -> Any:
    """Counts, curves and pictures; dims (pair, per_axis), (line_pair, on_line), (line_pair, weight), (d, signs), ..."""
    import numpy as np
    import xarray

    held = run(parts_of(config))
    results = xarray.Dataset(coords={"pair": list(ON_AXES), "per_axis": list(config.per_axis)})
    results = results.assign_coords(line_pair=list(ON_LINE), on_line=list(config.on_line), d=list(config.dimensions))
    results["count"] = (("pair", "per_axis"), np.stack([held[f"axes: {p}"]["count"] for p in ON_AXES]))
    lines = [held[f"line: {p}"] for p in ON_LINE]
    results["line_count"] = (("line_pair", "on_line"), np.stack([each["count"] for each in lines]))
    results = results.assign_coords(weight=lines[0]["weight"])
    results["line_loss"] = (("line_pair", "weight"), np.stack([each["loss"] for each in lines]))
    for field, empty in (("minimal", 0.0), ("level", math.nan)):
        rows = np.full((len(config.dimensions), 2 ** max(config.dimensions)), empty)
        for row, d in zip(rows, config.dimensions, strict=True):
            row[: 2**d] = held[f"signs: {d}"][field]
        results[f"signs_{field}"] = (("d", "signs"), rows)
    for key in PICTURES:
        made = held[f"picture: {key}"]
        results = results.assign_coords({f"{key}_axis": made["axis"]})
        results[f"{key}_loss"] = ((f"{key}_axis", f"{key}_axis_2"), made["loss"])
        results[f"{key}_edges"] = ((f"{key}_edge", "end", "axis"), made["edges"])
        results[f"{key}_parts"] = ((f"{key}_part", f"{key}_corner", "axis"), made["parts"])
        results[f"{key}_basin"] = ((f"{key}_part",), made["basin"])
        results[f"{key}_level"] = ((f"{key}_minimum",), made["level"])
        results[f"{key}_cells"] = made["cells"]
    results["matching_distance"] = held["matching"]["distance"]
    results.attrs |= {"drawn_on_line": config.drawn_on_line, "pictured": config.pictured}
    return results


# -------------------------------------------------------------------------------------------------------------- drawing

LOOKS = {
    "hard_tanh+hinge": ("o", "-"),
    "hard_tanh+absolute": ("s", "-"),
    "hard_tanh+squared": ("^", "-"),
    "hard_sigmoid+brier": ("x", "-"),
    "tanh+hinge": ("d", (0, (3, 1.5))),
    MATCHING: ("v", "--"),
    "relu+hinge": ("D", "-"),
    "identity+hinge": ("P", (0, (1, 1))),
}


def draw(results: Any) -> dict[str, Any]:
    """The counts, and the cells of three objectives."""
    return {"counts": draw_counts(results), "cells": draw_cells(results)}


def _shade(name: str) -> str:
    from lossland import figures as fig

    own = {"hard_tanh+hinge": fig.GREEN, "tanh+hinge": fig.PINK, MATCHING: fig.ORANGE, "hard_tanh+absolute": fig.SKY}
    own |= {"hard_tanh+squared": fig.PINK, "hard_sigmoid+brier": fig.BLACK}
    return own.get(name, fig.colour(name))


def _said(name: str) -> str:
    words = {"relu": "ReLU", "hard_tanh": "hard tanh", "hard_sigmoid": "hard sigmoid"}
    activation, loss = name.split("+")
    said = f"{words.get(activation, activation)} + {loss.replace('_', ' ')}"
    return f"{said.replace('huber', 'Huber')} (matching)" if name == MATCHING else said


def draw_counts(results: Any) -> Any:
    """Minima against examples per axis; the losses on a line; the levels of ReLU + hinge's basins."""
    from lossland import figures as fig

    figure, axes = fig.panels(1, 3, height=2.9)
    counts, lines, levels = axes[0]
    for name in ON_AXES:
        mark, _ = LOOKS[name]
        # Four pairs have the same counts: markers of falling size lie inside each other.
        size = {"hard_tanh+hinge": 11, "hard_tanh+absolute": 8, "hard_tanh+squared": 5}.get(name, 4)
        style = {"ls": "", "marker": mark, "ms": size, "mfc": "none", "color": _shade(name)}
        label = _said(name).replace(" (", "\n(")
        counts.plot(results.per_axis, results["count"].sel(pair=name), label=label, **style)
    counts.plot(
        results.per_axis, results.per_axis**2, color=fig.GREY, lw=0.8, zorder=0, label=r"$\lfloor n/d\rfloor^d$"
    )
    counts.set(xlabel="examples on each of 2 axes, $n/d$", ylabel="local minima")
    counts.set_ylim(-2, 1.2 * float(results["count"].max()))
    counts.legend(loc="upper left", fontsize=6, labelspacing=0.3, borderaxespad=0.1)
    _draw_lines(lines, results)
    _draw_levels(levels, results)
    return figure


def _draw_lines(ax: Any, results: Any) -> None:
    number = list(results.on_line.values).index(results.drawn_on_line)
    for name in ON_LINE:
        count = int(results.line_count.sel(line_pair=name)[number])
        label = f"{_said(name)}: {count}"
        ax.plot(
            results.weight, results.line_loss.sel(line_pair=name), color=_shade(name), ls=LOOKS[name][1], label=label
        )
    ax.set(xscale="log", xlabel="weight $w$", ylabel="mean loss", ylim=(0.73, 1.14))
    ax.legend(
        loc="lower center", fontsize=6.5, title=f"local minima, {results.drawn_on_line} examples", title_fontsize=6.5
    )


def _draw_levels(ax: Any, results: Any) -> None:
    import numpy as np

    from lossland import figures as fig

    width = 0.8 / results.d.size
    shades = (fig.SKY, fig.ORANGE, fig.GREEN, fig.PINK, fig.BLUE)
    for number, d in enumerate(results.d.values):
        found = wrong_signs(results, int(d))
        where = np.arange(d + 1) + width * (number - 0.5 * (results.d.size - 1))
        ax.bar(where, found, width, color=shades[number % len(shades)], label=f"$d={d}$: $2^{d}={int(found.sum())}$")
        ax.plot(where, binomials(int(d)), "_", color=fig.BLACK, ms=7, label=None if number else r"$\binom{d}{k}$")
    ax.set_xticks(range(int(results.d.max()) + 1))
    ax.set(xlabel=r"$k = 3d\cdot$loss $-\, d$, wrong signs", ylabel="basins of ReLU + hinge")
    ax.set_ylim(0, 1.45 * float(wrong_signs(results, int(results.d.max())).max()))
    ax.legend(loc="upper right", fontsize=6.5, handlelength=1.4, borderaxespad=0.1)


def draw_cells(results: Any) -> Any:
    """The cells of three objectives of two weights, coloured by the loss, with their closed sets of minima in red."""
    from lossland import figures as fig

    figure, axes = fig.panels(1, 3, height=2.95)
    for ax, (key, name) in zip(axes[0], PICTURES.items(), strict=True):
        axis = results[f"{key}_axis"].values
        drawn = ax.pcolormesh(axis, axis, results[f"{key}_loss"].values.T, cmap="cividis", rasterized=True)
        for edge in results[f"{key}_edges"].values:
            ax.plot(*edge.T, color="white", lw=0.5, alpha=0.7)
        for part, basin in zip(results[f"{key}_parts"].values, results[f"{key}_basin"].values, strict=True):
            _draw_part(ax, part, float(results[f"{key}_level"][basin]), axis[-1])
        count, cells = results.sizes[f"{key}_minimum"], int(results[f"{key}_cells"])
        ax.set_title(f"{_said(name)}\n{cells} cells, {count} {'minimum' if count == 1 else 'minima'}", fontsize=7.5)
        ax.set(xlim=(axis[0], axis[-1]), ylim=(axis[0], axis[-1]), xlabel="$w_1$", aspect="equal")
        ax.set_ylabel("$w_2$" if ax is axes[0, 0] else "")
        figure.colorbar(drawn, ax=ax, orientation="horizontal", shrink=0.9, label="mean loss")
    return figure


def _draw_part(ax: Any, part: Any, level: float, reach: float) -> None:
    """A set of minima: a polygon with its loss inside, a line or a point."""
    import numpy as np

    from lossland import figures as fig

    corners = part[np.isfinite(part[:, 0])]
    if len(corners) > 2:
        ax.fill(*corners.T, color=fig.RED, lw=0, alpha=0.9)
        at = np.clip(corners.mean(axis=0), -0.82 * reach, 0.82 * reach)
        ax.text(*at, f"{level:.3f}", color="white", fontsize=6.5, ha="center", va="center")
    elif len(corners) == 2:
        ax.plot(*corners.T, color=fig.RED, lw=2.2, solid_capstyle="round")
    elif not len(corners) == 0:
        ax.plot(*corners.T, "o", color=fig.RED, ms=3)


# ------------------------------------------------------------------------------------------------------------ reporting


def binomials(d: int) -> list[int]:
    """How many choices of d signs have k = 0, ..., d wrong."""
    return [math.comb(d, k) for k in range(d + 1)]


def wrong_signs(results: Any, d: int) -> Any:
    """Of ReLU + hinge's proven basins in d dimensions, how many have loss (d + k)/(3 d), k = 0, ..., d."""
    import numpy as np

    one = results.sel(d=d).isel(signs=slice(0, 2**d))
    k = 3 * d * one.signs_level.values - d
    exact = (one.signs_minimal.values > 0) & (np.abs(k - np.round(k)) < 1e-9)
    return np.bincount(np.round(k[exact]).astype(int), minlength=d + 1)


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """The counts, and the verdicts."""
    from lossland.core import table

    rows = [
        ("n/d = " + str(k), *(int(c) for c in results["count"].sel(per_axis=k)), int(k) ** 2)
        for k in results.per_axis.values
    ]
    lined = [
        (f"n = {n}", *(int(c) for c in results.line_count.sel(on_line=n)), int(n) // 2) for n in results.on_line.values
    ]
    signs = [
        (
            f"d = {d}",
            int(results.signs_minimal.sel(d=d).sum()),
            2 ** int(d),
            ", ".join(map(str, wrong_signs(results, int(d)))),
            ", ".join(map(str, binomials(int(d)))),
        )
        for d in results.d.values
    ]
    return [
        table("Local minima, alternating labels on two axes", ("examples", *ON_AXES, "floor(n/d)^d"), rows),
        table("Local minima at w > 0, alternating labels on a line", ("examples", *ON_LINE, "n/2"), lined),
        table(
            "Basins of ReLU + hinge, positives at +e_j twice and -e_j once",
            ("inputs", "proven minima", "2^d", "with k wrong signs", "binomial"),
            signs,
        ),
    ], verdicts(results)


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    import numpy as np

    from lossland.experiment import Verdict

    k = results.per_axis.values
    squashing = results["count"].sel(pair=list(SQUASHING))
    matching, relu = results["count"].sel(pair=MATCHING), results["count"].sel(pair="relu+hinge")
    half = results.on_line.values // 2
    bounded = results.line_count.sel(line_pair=["hard_tanh+hinge", "tanh+hinge"])
    linear = results.line_count.sel(line_pair=["relu+hinge", "identity+hinge"])
    proven = [int(results.signs_minimal.sel(d=d).sum()) for d in results.d.values]
    spread = [wrong_signs(results, int(d)).tolist() == binomials(int(d)) for d in results.d.values]
    distance = float(results.matching_distance)
    return [
        Verdict(
            "Auer et al.: squashing outputs have floor(n/d)^d local minima",
            "each of four pairs has exactly as many, on every number of examples",
            f"{', '.join(str(int(c)) for c in squashing[0])} against {', '.join(str(c**2) for c in k)}",
            bool(np.all(squashing.values == k**2)),
        ),
        Verdict(
            "Auer et al.: with the matching loss there is one",
            "one on every number of examples; the loss within 1e-9 of the matching loss's integral",
            f"at most {int(matching.max())}; {distance:.1e}",
            bool(np.all(matching.values == 1)) and distance <= 1e-9,
        ),
        Verdict(
            "S5: the same examples give ReLU + hinge one closed minimum",
            "one on every number of examples",
            f"at most {int(relu.max())}",
            bool(np.all(relu.values == 1)),
        ),
        Verdict(
            "S5: on a line bounded outputs have n/2 minima, ReLU and identity one",
            "hard tanh and tanh n/2, ReLU and identity 1, for every n",
            f"{', '.join(str(int(c)) for c in bounded[0])} against at most {int(linear.max())}",
            bool(np.all(bounded.values == half) and np.all(linear.values == 1)),
        ),
        Verdict(
            "S5: ReLU + hinge has 2^d basins all the same, on other examples",
            "every choice of signs is a proven local minimum; losses (d + k)/(3 d) with binomial counts",
            f"{', '.join(map(str, proven))} for d = {', '.join(map(str, results.d.values))}",
            proven == [2 ** int(d) for d in results.d.values] and all(spread),
        ),
        Verdict(
            "S5: cells find them without being told where",
            "4 closed sets of minima for d = 2, of losses 2/6, 3/6, 3/6, 4/6",
            ", ".join(f"{float(level):.4f}" for level in results.relu_level),
            bool(np.allclose(results.relu_level.values * 6, (2, 3, 3, 4), atol=1e-9))
            if results.relu_level.size == 4
            else False,
        ),
    ]


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    squashing = results["count"].sel(pair=list(SQUASHING))
    dimension = int(results.d.values[-1])
    return {
        "squashing_pairs": f"{squashing.pair.size}",
        "per_axis": f"{int(results.per_axis.values[-1])}",
        "squashing_most": f"{int(squashing.max())}",
        "matching_most": f"{int(results['count'].sel(pair=MATCHING).max())}",
        "relu_most": f"{int(results['count'].sel(pair='relu+hinge').max())}",
        "on_line": f"{int(results.on_line.values[-1])}",
        "line_most": f"{int(results.line_count.sel(line_pair='tanh+hinge').max())}",
        "line_relu_most": f"{int(results.line_count.sel(line_pair='relu+hinge').max())}",
        "dimension": f"{dimension}",
        "basins": f"{int(results.signs_minimal.sel(d=dimension).sum())}",
        "levels": ", ".join(f"{count}" for count in wrong_signs(results, dimension)),
        "cells": f"{int(results.relu_cells)}",
        "sets": f"{results.relu_level.size}",
    }


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
