"""How many local minima does one neuron have? Counted exactly, cell by cell.

Auer, Herbster & Warmuth (1995): a squashing output whose loss is bounded can have floor(n/d)^d local minima; with its
matching loss it has one. Claim S5: ReLU + hinge escapes their construction, and has 2^d flat basins on another.
"""

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_most, claim, equal, gather, listed, pair_name

RELU, MATCHING = "relu+hinge", "identity+modified_huber"  # twice the matching loss of hard tanh
SQUASHING = ("hard_tanh+hinge", "hard_tanh+absolute", "hard_tanh+squared", "hard_sigmoid+brier")
BOUNDED, STRAIGHT = ("hard_tanh+hinge", "tanh+hinge"), (RELU, "identity+hinge")
PICTURES = {"squashing": "hard_tanh+hinge", "matching": MATCHING, "relu": RELU}


@dataclass(frozen=True)
class Config:
    """How many examples, and where they lie."""

    per_axis: tuple[int, ...] = (2, 3, 4, 5, 6, 7)
    """Examples on each of two axes, with alternating labels."""
    on_line: tuple[int, ...] = (2, 4, 6, 8, 10, 12)
    """Examples on a line, with alternating labels; even numbers."""
    ratio: float = 3.5
    """Of the distances of neighbouring examples to 0."""
    dimensions: tuple[int, ...] = (2, 3, 4)
    """Of the examples at +-e_j that give ReLU + hinge its basins."""
    points: int = 4001
    """Weights at which the losses on the line are evaluated."""
    pixels: int = 241
    """Points along each side of a picture."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(per_axis=(2, 3), on_line=(2, 4), dimensions=(2, 3), points=401, pixels=61)
SECONDS = 12


def on_axes(per_axis: int, ratio: float, d: int = 2) -> Any:
    """Examples at ratio^i on each axis, i = 0, 1, ..., with alternating labels, the outermost positive."""
    places, labels = ratio ** np.arange(per_axis), (-1.0) ** np.arange(per_axis - 1, -1, -1)
    return ll.Dataset(np.concatenate([np.outer(places, e) for e in np.eye(d)]), np.tile(labels, d))


# ------------------------------------------------------------------------------------------------------------ computing


def count_on_axes(name: str, config: Config, _: Any) -> dict[str, Any]:
    """The closed sets of local minima for each number of examples, in the whole plane of weights."""
    return {"count": [len(ll.cells(name, on_axes(k, config.ratio), box=4.0).basins) for k in config.per_axis]}


def count_on_line(name: str, config: Config, _: Any) -> dict[str, Any]:
    """Local minima at w > 0: exactly by cells, or for a smooth output on a fine grid; and the curve that is drawn."""
    smooth = name == "tanh+hinge"
    counts = [
        _grid_count(line(name, n, config)[1]) if smooth else _exact_count(name, n, config) for n in config.on_line
    ]
    weights, values = line(name, config.on_line[len(config.on_line) // 2], config)
    return {"line_count": np.array(counts), "weight": weights, "line_loss": values}


def _exact_count(name: str, n: int, config: Config) -> int:
    held = on_axes(n, config.ratio, d=1)
    # `cells` takes two parameters: a second input is 0.
    data = ll.Dataset(np.pad(held.inputs, ((0, 0), (0, 1))), held.labels)
    found = ll.cells(name, data, box=4.0)
    return sum(int(min(part[:, 0].min() for part in each.parts) > 0) for each in found.basins)


def line(name: str, n: int, config: Config) -> tuple[Any, Any]:
    """Weights w > 0, evenly spaced in their logarithm, and the mean loss at each."""
    data = on_axes(n, config.ratio, d=1)
    places = data.inputs[:, 0]
    weights = np.geomspace(0.05 / places.max(), 20.0 / places.min(), config.points)
    scores = jnp.asarray(weights[:, None] * places)
    losses = ll.pair(name)(scores, jnp.broadcast_to(jnp.asarray(data.labels), scores.shape))
    return weights, np.asarray(losses).mean(axis=1)


def _grid_count(values: Any) -> int:
    """How often the values turn from falling to rising, flat stretches left out."""
    steps = np.diff(values)[np.abs(np.diff(values)) > 1e-14]
    return int(np.sum((steps[:-1] < 0) & (steps[1:] > 0)))


def relu_basins(d: int, _: Any) -> dict[str, Any]:
    """Whether 2 s is a local minimum of ReLU + hinge for every choice of signs s in {-1, +1}^d, and its loss."""
    data, signs = ll.load("signed_axes", d=d), itertools.product((1.0, -1.0), repeat=d)
    held = [ll.local_minimum(RELU, data, 2.0 * np.array(s), bias=False) for s in signs]
    return {"signs_minimal": [float(each.minimal) for each in held], "signs_level": [each.value for each in held]}


def picture(key: str, config: Config, _: Any) -> dict[str, Any]:
    """The objective on a grid, the edges of its cells, and the corners of its closed sets of minima, padded by NaN."""
    shown = on_axes(3, config.ratio)
    data, box, reach = (ll.load("signed_axes", d=2), 3.0, 3.0) if key == "relu" else (shown, 4.0, 1.6)
    found, axis = ll.cells(PICTURES[key], data, box=box), np.linspace(-reach, reach, config.pixels)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    parts = [(each.level, part) for each in found.basins for part in each.parts]
    corners = np.full((len(parts), max(len(part) for _, part in parts), 2), np.nan)
    for row, (_, part) in zip(corners, parts, strict=True):
        row[: len(part)] = part
    return {
        "axis": axis,
        "loss": found.objective.value(grid).reshape(axis.size, axis.size),
        "edges": found.vertices[found.edges],
        "parts": corners,
        "level": [level for level, _ in parts],
        "minima": [each.level for each in found.basins],
    }


def matching_distance(config: Config, _: Any) -> dict[str, Any]:
    """How far half the modified Huber loss is from the matching loss of hard tanh at y = 1, an integral."""
    scores = np.linspace(-6.0, 6.0, config.points)
    matching = ll.card("hard_tanh", "hinge").matching_loss(scores, 1.0)
    return {"distance": np.abs(matching - 0.5 * np.asarray(ll.pair(MATCHING).positive(scores))).max()}


def compute(config: Config, run: Any) -> Any:
    """Counts, curves and pictures; dims (pair, per_axis), (line_pair, on_line), (line_pair, weight), (d, signs), ..."""
    pairs, lined = (*SQUASHING, MATCHING, RELU), (*BOUNDED, *STRAIGHT)
    parts: dict[str, Any] = {f"axes: {name}": functools.partial(count_on_axes, name, config) for name in pairs}
    parts |= {f"line: {name}": functools.partial(count_on_line, name, config) for name in lined}
    parts |= {f"signs: {d}": functools.partial(relu_basins, d) for d in config.dimensions}
    parts |= {f"picture: {key}": functools.partial(picture, key, config) for key in PICTURES}
    found = run(parts | {"matching": functools.partial(matching_distance, config)})
    results = gather(found, "axes: {}".format, {"pair": pairs}, {"count": ("per_axis",)})
    of_line = {"line_count": ("on_line",), "line_loss": ("weight",)}
    results = results.merge(gather(found, "line: {}".format, {"line_pair": lined}, of_line))
    of_signs: dict[str, Any] = dict.fromkeys(("signs_minimal", "signs_level"), ("signs",))
    results = results.merge(gather(found, "signs: {}".format, {"d": config.dimensions}, of_signs))
    dims = {"axis": ("x",), "loss": ("x", "y"), "edges": ("edge", "end", "at"), "parts": ("part", "corner", "at")}
    dims |= {"level": ("part",), "minima": ("minimum",)}
    for key in PICTURES:
        for field, own in dims.items():
            axes = tuple(axis if axis in ("end", "at") else f"{key}_{axis}_" for axis in own)
            results[f"{key}_{field}"] = (axes, found[f"picture: {key}"][field])
    results["matching_distance"] = found["matching"]["distance"]
    coords = {"per_axis": [*config.per_axis], "on_line": [*config.on_line], "weight": found[f"line: {RELU}"]["weight"]}
    return results.assign_coords(coords)


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """The counts, and the cells of three objectives."""
    return {"counts": draw_counts(results), "cells": draw_cells(results)}


def draw_counts(results: Any) -> Any:
    """Minima against examples per axis; the losses on a line; the levels of ReLU + hinge's basins."""
    figure, (axes,) = fig.panels(1, 3, height=2.4)
    left, middle, right = axes
    k, most = results.per_axis.values, int(results["count"].max())
    left.plot(k, results["count"].sel(pair=list(SQUASHING)).max("pair"), "o-", color=fig.BLACK, ms=4)
    fig.label_line(left, f"{len(SQUASHING)} bounded pairs: $(n/2)^2$", k[0], 0.95 * most, fig.BLACK)
    left.plot(k, results["count"].sel(pair=MATCHING), "v", color=fig.GREEN, ms=6, mfc="none")
    left.plot(k, results["count"].sel(pair=RELU), "D", color=fig.RED, ms=3)
    fig.label_line(left, "matching loss\n(triangles) and\nReLU + hinge: 1", k[0], 0.66 * most, "#555555")
    left.set(xlabel="examples on each of 2 axes, $n/2$", ylabel="local minima", ylim=(0, 1.05 * most))
    left.set_title("Bounded outputs have many")
    _draw_line(middle, results)
    d = int(results.d.values[-1])
    expected = [math.comb(d, k) for k in range(d + 1)]
    right.bar(range(d + 1), wrong_signs(results, d), 0.6, color=fig.RED, label="counted")
    right.plot(range(d + 1), expected, "_", color=fig.BLACK, ms=14, label=rf"$\binom{{{d}}}{{k}}$")
    right.set(xlabel="signs wrong, $k$", ylabel="basins of ReLU + hinge", ylim=(0, 1.35 * max(expected)))
    right.set_title(rf"ReLU + hinge on other data: $2^{d}$")
    right.legend(loc="upper right")
    return figure


def _draw_line(ax: Any, results: Any) -> None:
    """The losses of one weight, with how many local minima each has."""
    shades, drawn = {"hard_tanh+hinge": fig.BROWN, "tanh+hinge": fig.VIOLET}, results.on_line.size // 2
    for name, dash in zip(results.line_pair.values, ("-", (0, (3, 1.5)), "-", (0, (1, 1))), strict=True):
        said = f"{pair_name(str(name)).split(' + ')[0]}: {int(results.line_count.sel(line_pair=name)[drawn])}"
        shade = shades.get(str(name), fig.colour(str(name)))
        ax.plot(results.weight, results.line_loss.sel(line_pair=name), color=shade, ls=dash, label=said)
    ax.set(xscale="log", xlabel="weight $w$", ylabel="mean loss", ylim=(0.7, 1.14))
    ax.legend(loc="lower center", ncols=2, fontsize=6.5, title="local minima, + hinge", title_fontsize=6.5)
    ax.set_title(f"{int(results.on_line[drawn])} examples on a line")


def draw_cells(results: Any) -> Any:
    """The cells of three objectives of two weights, with their closed sets of minima."""
    figure, (axes,) = fig.panels(1, 3, height=2.85)
    for ax, (key, name) in zip(axes, PICTURES.items(), strict=True):
        fields = (results[f"{key}_{field}"].values for field in ("axis", "loss", "edges", "parts", "level"))
        drawn, count = fig.draw_cells(ax, *fields), results[f"{key}_minima"].size
        said = "hard tanh's matching loss" if name == MATCHING else pair_name(name)
        ax.set_title(f"{said}:\n{count} {'minimum' if count == 1 else 'minima'}")
        figure.colorbar(drawn, ax=ax, orientation="horizontal", shrink=0.9, label="mean loss")
    axes[0].set_ylabel("$w_2$")
    return figure


# ------------------------------------------------------------------------------------------------------------ reporting


def wrong_signs(results: Any, d: int) -> Any:
    """Of ReLU + hinge's proven basins in d dimensions, how many have loss (d + k)/(3 d), k = 0, ..., d."""
    one = results.sel(d=d).isel(signs=slice(0, 2**d))
    k = 3 * d * one.signs_level.values - d
    exact = (one.signs_minimal.values > 0) & (np.abs(k - np.round(k)) < 1e-9)
    return np.bincount(np.round(k[exact]).astype(int), minlength=d + 1)


def report(results: Any) -> list[Any]:
    """The counts."""
    rows = [(f"{k}", *map(int, results["count"].sel(per_axis=k)), int(k) ** 2) for k in results.per_axis.values]
    lined = [(f"{n}", *map(int, results.line_count.sel(on_line=n)), int(n) // 2) for n in results.on_line.values]
    signs = [(f"{d}", 2 ** int(d), listed(map(str, wrong_signs(results, int(d))))) for d in results.d.values]
    return [
        table("Local minima, alternating labels on two axes", ("n/2", *results.pair.values, "(n/2)^2"), rows),
        table("Local minima at w > 0, alternating labels on a line", ("n", *results.line_pair.values, "n/2"), lined),
        table("Proven basins of ReLU + hinge", ("inputs", "2^d", "with 0, 1, ... wrong signs"), signs),
    ]


@claim("", "Squashing outputs have floor(n/d)^d local minima", at_most(0, "settings otherwise"), fixed="before")
def squashed_otherwise(results):
    return {name: (results["count"].sel(pair=name) != results.per_axis**2).sum() for name in SQUASHING}


@claim("", "With the matching loss there is one", equal(1), fixed="before")
def matching_minima(results):
    return results["count"].sel(pair=MATCHING).max()


@claim("", "Half the modified Huber loss is hard tanh's matching loss", at_most(1e-9), fixed="before")
def from_matching(results):
    return results.matching_distance


@claim("S5", "The same examples give ReLU + hinge one closed minimum", equal(1), fixed="after")
def relu_minima(results):
    return results["count"].sel(pair=RELU).max()


@claim("S5", "On a line bounded outputs have n/2 minima", at_most(0, "settings otherwise"), fixed="before")
def line_otherwise(results):
    return {name: (results.line_count.sel(line_pair=name) != results.on_line // 2).sum() for name in BOUNDED}


@claim("S5", "There ReLU and linear outputs have one", equal(1), fixed="after")
def line_minima(results):
    return {name: results.line_count.sel(line_pair=name).max() for name in STRAIGHT}


@claim("S5", "ReLU + hinge has a proven minimum at each of 2^d signs", at_most(0, "signs without"), fixed="before")
def without_minimum(results):
    return {f"d = {d}": 2 ** int(d) - (results.signs_minimal.sel(d=d) == 1).sum() for d in results.d.values}


@claim("S5", "Of losses (d + k)/(3d), as often as k signs are wrong", at_most(0, "signs otherwise"), fixed="before")
def levels_otherwise(results):
    expected = {int(d): [math.comb(d, k) for k in range(d + 1)] for d in results.d.values}
    return {f"d = {d}": np.abs(wrong_signs(results, d) - counts).sum() for d, counts in expected.items()}


@claim("S5", "Cells find the four of d = 2 untold, at 2/6, 3/6, 3/6 and 4/6", at_most(1e-9), fixed="before")
def levels_apart(results):
    found = results.relu_minima.values
    return np.abs(found - np.array([2, 3, 3, 4]) / 6).max() if found.size == 4 else np.inf


def numbers(results: Any) -> dict[str, str]:
    """What the paper quotes."""
    dimension = int(results.d.values[-1])
    most = {name: int(results["count"].sel(pair=name).max()) for name in (*SQUASHING, MATCHING, RELU)}
    on_line = {name: int(results.line_count.sel(line_pair=name).max()) for name in results.line_pair.values}
    return {
        "squashing_pairs": f"{len(SQUASHING)}",
        "per_axis": f"{int(results.per_axis.values[-1])}",
        "squashing_most": f"{max(most[name] for name in SQUASHING)}",
        "matching_most": f"{most[MATCHING]}",
        "relu_most": f"{most[RELU]}",
        "on_line": f"{int(results.on_line.values[-1])}",
        "line_most": f"{on_line['tanh+hinge']}",
        "line_relu_most": f"{on_line[RELU]}",
        "dimension": f"{dimension}",
        "basins": f"{int(results.signs_minimal.sel(d=dimension).sum())}",
        "levels": listed(map(str, wrong_signs(results, dimension))),
    }
