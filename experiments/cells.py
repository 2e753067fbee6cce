"""How many regions, minima and dead places does a loss surface have, counted exactly?

With one input and a bias there are two parameters, and a pair made of lines is linear on each cell that the examples'
lines cut out. The cells and every set of local minima are listed; descent starts from each point of a grid, too.
"""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, equal, gather, listed, number, pair_name, percent

CELLED = ("identity+hinge", "leaky_relu+hinge", "relu+hinge")
"""Those made of lines: `cells` takes them apart."""
MAPPED = ("identity+logistic", "relu+hinge")
"""Those whose basins are found by descent from a grid."""

SECONDS = 15


@dataclass(frozen=True)
class Config:
    """The data, and the box that is looked at."""

    dataset: str = "two_gaussians(n=40, d=1, distance=2.5, seed=11)"
    """One input; other examples than those (seed 3) at which the bounds set after seeing were set."""
    l2: float = 1e-2
    """The penalty l2/2 * w^2 of the comparison with the SVM; the cells have none."""
    pixels: int = 121
    """Points along each side of the plane that is held against the cells; odd."""
    box: float = 12.0
    """Half the width of the box of the two parameters."""
    grid: int = 61
    """Points along each side of a basin map."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(dataset="two_gaussians(n=16, d=1, distance=2.5, seed=11)", pixels=41, grid=15)


# ------------------------------------------------------------------------------------------------------------ computing


def exact(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Cells, minima and plateaus of one pair over (w, b), and how far a plane is from the cells' own values."""
    data = ll.load(config.dataset)
    found = ll.cells(name, data, box=config.box)
    zero, unit = {"weights": np.zeros(1), "bias": np.zeros(())}, {"weights": np.ones(1), "bias": np.zeros(())}
    directions = unit, zero | {"bias": np.ones(())}
    p = ll.plane(ll.pair(name), data, zero, directions, radius=config.box, steps=config.pixels)
    values, met = by_cells(found, p.alphas, p.betas)
    # What is a minimum because of the box only is none.
    minima = [each for each in found.minima if not each.of_box]
    parts = [(k, part) for k, each in enumerate(minima) for part in each.parts]
    corners = np.full((len(parts), max((len(part) for _, part in parts), default=1), 2), np.nan)
    for row, (_, part) in zip(corners, parts, strict=True):
        row[: len(part)] = part
    return {
        "at": p.alphas,
        "loss": p.values,
        "apart": np.abs(values - p.values)[met].max(),
        "met": met.mean(),
        "edges": found.vertices[found.edges],
        "parts": corners,
        "part_of": [k for k, _ in parts],
        "level": [each.level for each in minima],
        "area": [each.area for each in minima],
        "cells": len(found.centres),
    }


def by_cells(found: Any, alphas: Any, betas: Any) -> tuple[Any, Any]:
    """The objective on a grid by the quadratic of the cell that each point lies in, and where one was found.

    A point's cell is the one whose inner point lies on the same side of every line.
    """
    example, knots = found.objective.knots()

    def sides(at: Any) -> list[bytes]:
        return [row.tobytes() for row in np.packbits(at @ found.objective.rows[example].T > knots, axis=1)]

    at = np.stack(np.meshgrid(alphas, betas, indexing="ij"), axis=-1).reshape(-1, 2)
    place = {key: k for k, key in enumerate(sides(found.centres))}
    cell = np.array([place.get(key, -1) for key in sides(at)])
    bend, slope, constant = (part[cell] for part in found.quadratics)
    values = constant + (slope * at).sum(1) + 0.5 * np.einsum("ki,kij,kj->k", at, bend, at)
    return values.reshape(len(alphas), -1), (cell >= 0).reshape(len(alphas), -1)


def mapped(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Where descent from each point of a grid over (w, b) ends."""
    found = ll.basin_map(name, ll.load(config.dataset), box=config.box, points=config.grid)
    ends_dead = found.dead | np.isin(found.basins, np.flatnonzero(np.abs(found.levels - 1.0) < 1e-9))
    return {"basins": len(found.levels), "dead": found.dead.mean(), "dying": ends_dead.mean()}


def svm(config: Config, tick: Any) -> dict[str, Any]:
    """With a penalty, the one minimum of the hinge's cells, and the exact solver's; the area of the dead cone."""
    data = ll.load(config.dataset)
    found = ll.cells("identity+hinge", data, l2=config.l2, box=config.box)
    solved = ll.solve("hinge", data, l2=config.l2)
    return {
        # Objectives, not points: a bias may be free within an interval. `solve` divides the objective by l2.
        "cells": found.minimum,
        "solver": config.l2 * solved.objective,
        "minima": len(found.minima),
        "cone": dead_area(data.inputs[:, 0], config.box),
    }


def dead_area(x: Any, box: float) -> float:
    """The area in which w x_i + b <= 0 for all i, in the square |w|, |b| <= box, if inputs of both signs are there."""
    steep = np.array([x.max(), -x.min()])
    reach = np.minimum(box, box / steep)
    return float(np.sum(box * reach - 0.5 * steep * reach**2))


def compute(config: Config, run: Any) -> Any:
    """Cells of the pairs made of lines, dims (celled, w, b), (celled, edge, end, axis), ...; maps, dim (mapped,)."""
    parts: dict[str, Any] = {f"cells: {p}": functools.partial(exact, config, p) for p in CELLED}
    parts |= {f"map: {p}": functools.partial(mapped, config, p) for p in MAPPED}
    held = run(parts | {"svm": functools.partial(svm, config)})
    own = {"at": ["w"], "loss": ["w", "b"], "edges": ["edge", "end", "axis"], "parts": ["part", "corner", "axis"]}
    own |= {"part_of": ["part"], "level": ["minimum"], "area": ["minimum"], "apart": [], "met": [], "cells": []}
    results = gather(held, lambda p: f"cells: {p}", {"celled": CELLED}, own)
    at = results["at"].values[0]
    found: dict[str, Any] = {"basins": [], "dead": [], "dying": []}
    maps = gather(held, lambda p: f"map: {p}", {"mapped": MAPPED}, found, prefix="map_")
    results = results.drop_vars("at").assign_coords(w=at, b=at).merge(maps)
    return results.assign({f"svm_{name}": float(value) for name, value in held["svm"].items()})


# -------------------------------------------------------------------------------------------------------------- drawing


def draw(results: Any) -> dict[str, Any]:
    """The cells of three pairs."""
    return {"count": draw_cells(results)}


def draw_cells(results: Any) -> Any:
    """Pairs over (w, b): edges of cells, every set of local minima in red, wide plateaus with their loss."""
    figure, axes = fig.panels(1, len(CELLED), height=3.2, sharey=True)
    low, high = float(results.loss.min()), 4.0
    drawn: Any = None
    for ax, name in zip(axes[0], CELLED, strict=True):
        at = results.sel(celled=name)
        shown = np.minimum(at.loss.values.T, high)
        drawn = ax.pcolormesh(
            at.w, at.b, shown, cmap="Greys", vmin=low, vmax=1.6 * high, rasterized=True, shading="gouraud"
        )
        # Thousands of edges: one artist draws them in a tenth of the time that one each takes.
        edges = at.edges.values[np.isfinite(at.edges.values).all(axis=(1, 2))]
        ax.add_collection(LineCollection(list(edges), colors="white", linewidths=0.3, alpha=0.5, zorder=2))
        draw_minima(ax, at)
        count = minima(results, name)
        ax.set_title(f"{pair_name(name)}\n{told(count)}\nin {int(at.cells)} cells", fontsize=8)
        ax.set(xlabel="weight $w$", aspect="equal")
    axes[0, 0].set_ylabel("bias $b$")
    figure.suptitle(
        "In this box the linear output has one minimum (red), the ReLU output many and a dead cone", fontsize=9
    )
    bar = figure.colorbar(drawn, ax=list(axes[0]), shrink=0.7, label="mean loss", ticks=[1, 2, 3, 4])
    bar.ax.set_ylim(low, high)
    bar.ax.set_yticklabels(["1", "2", "3", "4+"])
    return figure


def draw_minima(ax: Any, at: Any) -> None:
    """Plateaus as areas, the large ones with their loss; segments and points of the other sets."""
    owners, areas = at.part_of.values, at.area.values
    kept = np.flatnonzero(np.isfinite(owners))
    parts = {int(i): part[np.isfinite(part[:, 0])] for i, part in zip(kept, at.parts.values[kept], strict=True)}
    for i, corners in parts.items():
        if areas[int(owners[i])] > 0:
            ax.fill(*corners.T, facecolor=fig.RED, alpha=0.55, edgecolor=fig.RED, lw=0.8)
        elif len(corners) == 2:
            ax.plot(*corners.T, color=fig.RED, lw=2.2)
        else:
            ax.plot(*corners[0], marker="o", color=fig.RED, ms=5, mec="white", mew=0.6)
    if np.any(abs(at.level.values - 1.0) < 1e-12):
        # The dead cone contains (0, -1) and all its multiples.
        ax.text(0.0, -0.75 * float(at.w.max()), "dead:\nloss 1", ha="center", va="center", fontsize=7.5)


def told(count: int) -> str:
    """A count of minima in words."""
    return f"{count or 'no'} local {'minima' if count > 1 else 'minimum'}"


# ------------------------------------------------------------------------------------------------------------ reporting


def minima(results: Any, name: str) -> int:
    """How many sets of local minima a pair has."""
    return int(np.isfinite(results.level.sel(celled=name)).sum())


def levels(results: Any, name: str) -> Any:
    """Their losses."""
    level = results.level.sel(celled=name).values
    return level[np.isfinite(level)]


def report(results: Any) -> list[Any]:
    """A table of the cells and one of the maps."""
    rows = [
        (pair_name(p), int(results.cells.sel(celled=p)), minima(results, p), listed(map(number, levels(results, p))))
        for p in CELLED
    ]
    maps = [
        (pair_name(p), int(results.map_basins.sel(mapped=p)), f"{percent(float(results.map_dying.sel(mapped=p)))} %")
        for p in MAPPED
    ]
    return [
        table("Exactly, over weight and bias", ("pair", "cells", "sets of local minima", "their losses"), rows),
        table("Descent from each point of a grid", ("pair", "basins", "ends dead"), maps),
    ]


# --------------------------------------------------------------------------------------------------------------- claims


@claim("", "A plane's pixels are the values of the cells that they lie in", at_most(1e-12), fixed="before")
def planes_and_cells_apart(results):
    return {pair_name(p): float(results.apart.sel(celled=p)) for p in CELLED}


@claim("", "Nearly every pixel lies inside a cell that was listed", at_least(0.95, "%"), fixed="after")
def pixels_in_cells(results):
    return {pair_name(p): float(results.met.sel(celled=p)) for p in CELLED}


@claim("S4", "The hinge of a linear output has one set of minima", equal(1), fixed="before")
def minima_of_the_hinge(results):
    return {"no penalty": minima(results, "identity+hinge"), "penalty": int(results.svm_minima)}


@claim("S4", "With a penalty its least objective is that of the exact solver", at_most(1e-9), fixed="before")
def svm_apart(results):
    return abs(float(results.svm_cells - results.svm_solver))


@claim("", "The logistic loss has one basin", equal(1), fixed="before")
def basins_of_the_logistic_loss(results):
    return int(results.map_basins.sel(mapped="identity+logistic"))


@claim("S5", "ReLU + hinge has more than one set of local minima", at_least(2), fixed="after")
def minima_of_relu(results):
    return minima(results, "relu+hinge")


@claim("S5", "The plateau of ReLU + hinge at loss 1 is the cone in which it is dead", at_most(1e-9), fixed="before")
def plateau_beside_the_cone(results):
    at = results.sel(celled="relu+hinge")
    top = abs(at.level.values - 1.0) < 1e-12
    return abs(float(at.area.values[top].sum()) - float(results.svm_cone))


@claim("S5", "Descent dies at least where it starts dead", at_least(0, "%"), fixed="before")
def dying_beyond_the_dead(results):
    at = results.sel(mapped="relu+hinge")
    return float(at.map_dying - at.map_dead)


@claim("S5", "With the logistic loss descent dies nowhere", equal(0, unit="%"), fixed="before")
def dying_with_the_logistic_loss(results):
    return float(results.map_dying.sel(mapped="identity+logistic"))


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    told = {f"{p.partition('+')[0]}_minima": str(minima(results, p)) for p in CELLED}
    return told | {
        "relu_cells": str(int(results.cells.sel(celled="relu+hinge"))),
        "relu_lowest": number(float(levels(results, "relu+hinge").min())),
        "grid_dead": percent(float(results.map_dying.sel(mapped="relu+hinge")), 0),
        "dead_cone_share": percent(float(results.svm_cone) / (2 * float(results.w.max())) ** 2, 0),
    }
