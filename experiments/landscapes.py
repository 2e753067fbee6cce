"""What do the pairs' surfaces look like around the SVM, and around a point at which a ReLU output is dead?

Planes of six pairs with the runs of gradient descent on them; the same surfaces exactly, cell by cell, where there are
two parameters. A convex pair has one basin; ReLU + hinge has a plateau at loss 1, the share of positives above
its floor.
"""

import functools
import sys
from dataclasses import dataclass
from typing import Any

import lossland as ll

CONVEX = ("identity+hinge", "identity+logistic", "sigmoid+cross_entropy")
BENT = ("leaky_relu+hinge", "elu+hinge", "relu+hinge")
CELLED = ("identity+hinge", "leaky_relu+hinge", "relu+hinge")
"""Those made of lines: `cells` takes them apart."""
MAPPED = ("identity+logistic", "elu+hinge", "relu+hinge")
"""Those whose basins are found by descent from a grid."""
VIEWS = ("svm", "dead")
"""What a plane is centred on: the SVM, or the point at which a ReLU output is dead."""
RUNS = ("alive", "dead")
"""Where a run starts: at random, or at the dead point, which differs from that in the bias alone."""


@dataclass(frozen=True)
class Config:
    """What is drawn, and how finely."""

    pairs: tuple[str, ...] = (*CONVEX, *BENT)
    """Which pairs; all convex ones and ReLU + hinge are among them."""
    dataset: str = "breast_cancer"
    """The data of the planes."""
    line: str = "two_gaussians(n=40, d=1, distance=2.5, seed=3)"
    """One input: with the bias two parameters, so that cells can be listed."""
    optima: tuple[str, ...] = ("hinge", "logistic")
    """Losses of a linear output whose certified optimum is held against the planes; the hinge is one."""
    l2: float = 1e-2
    """The penalty l2/2 * ||w||^2 of the planes."""
    steps: int = 3000
    """Steps of gradient descent of each run."""
    learning_rate: float = 0.1
    """The step size."""
    pixels: int = 121
    """Points along each side of a plane; odd."""
    starts: int = 200
    """Random starts of each pair, to count those from which descent dies."""
    start_steps: int = 1000
    """Steps from each of them."""
    bias_scale: float = 3.0
    """The standard deviation of the bias at the start."""
    box: float = 12.0
    """Half the width of the box of the two parameters."""
    map_points: int = 61
    """Points along each side of a basin map."""
    seed: int = 2
    """Decides the split and the starts."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(
    pairs=(*CONVEX, "relu+hinge"),
    optima=("hinge",),
    line="two_gaussians(n=16, d=1, distance=2.5, seed=3)",
    steps=300,
    pixels=41,
    starts=40,
    start_steps=200,
    map_points=15,
)


def among(names: tuple[str, ...], pairs: Any) -> list[str]:
    """Those of the names that are among the pairs."""
    return [name for name in names if name in list(pairs)]


# ------------------------------------------------------------------------------------------------------------ computing


def points(config: Config, tick: Any) -> dict[str, Any]:
    """The points that the planes pass through, each as one array with the bias last, and what is proven of them."""
    import numpy as np

    train = ll.split(ll.load(config.dataset), seed=config.seed).train
    solved = {loss: ll.solve(loss, train, l2=config.l2) for loss in config.optima}
    rng = np.random.default_rng(config.seed)
    alive = np.append(rng.normal(size=train.d) / np.sqrt(train.d), 0.0)
    dead = np.append(alive[:-1], -np.max(train.inputs @ alive[:-1]) - 1.0)
    best = np.append(solved["hinge"].weights, solved["hinge"].bias)
    plateau = ll.local_minimum("relu+hinge", train, dead)
    # Kinks met by a solver's answer are met to its digits.
    bottom = ll.local_minimum("identity+hinge", train, best, l2=config.l2, tol=1e-7)
    return {
        "svm": best,
        "alive": alive,
        "dead": dead,
        # `solve` minimises the objective divided by l2.
        "optimum": [config.l2 * each.objective for each in solved.values()],
        "plateau": [plateau.minimal, plateau.value, np.abs(plateau.slopes).max(initial=0.0)],
        "svm_minimal": bottom.minimal,
        "positives": np.mean(train.labels > 0),
    }


def descend(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """One pair trained from both starts at once, the parameters recorded along the way."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    train = ll.split(ll.load(config.dataset), seed=config.seed).train
    held = points_of(config)
    starts = {"weights": jnp.stack([held[r][:-1] for r in RUNS]), "bias": jnp.stack([held[r][-1] for r in RUNS])}
    f = ll.objective(ll.pair(name), ll.linear(), train, l2=config.l2)
    every = max(1, config.steps // 150)
    descent = functools.partial(
        ll.fit, f, optimizer=optax.sgd(config.learning_rate), steps=config.steps, record_every=every, record=lambda p: p
    )
    run = jax.vmap(lambda params: descent(params))(starts)
    path = np.concatenate([run.records["weights"], run.records["bias"][..., None]], axis=-1)
    return {"path": path, "value": run.values}


@functools.lru_cache(maxsize=1)
def points_of(config: Config) -> dict[str, Any]:
    """`points`, once for all pairs."""
    return points(config, None)


def axes_of(view: str, held: dict[str, Any], end: Any) -> tuple[Any, Any]:
    """A plane's centre and its two orthonormal directions, (2, D).

    Around the SVM: through the common start and the end of ReLU + hinge. Around the dead point: through the SVM and
    the start that differs from it in the bias alone.
    """
    import numpy as np

    centre = held[view]
    through = (held["alive"], end) if view == "svm" else (held["svm"], held["alive"])
    q, r = np.linalg.qr(np.stack([p - centre for p in through], axis=1))
    return centre, (q * np.sign(np.diag(r))).T


def planes(config: Config, view: str, end: Any, tick: Any) -> dict[str, Any]:
    """All pairs on one plane, with which pixels are dead, and a verdict on convexity for each pair."""
    import numpy as np

    train = ll.split(ll.load(config.dataset), seed=config.seed).train
    held = points_of(config)
    centre, directions = axes_of(view, held, end)
    named = [{"weights": v[:-1], "bias": np.asarray(v[-1])} for v in (centre, *directions)]
    far = np.abs([directions @ (held[p] - centre) for p in ("svm", "alive", "dead")]).max(axis=0)
    radius = tuple(1.3 * np.maximum(far, 0.5 * far.max()))
    settings: dict[str, Any] = {"radius": radius, "steps": config.pixels, "l2": config.l2}
    made = ll.shared_planes(
        config.pairs, train, named[0], (named[1], named[2]), quantities=("risk", "active", "dead"), **settings
    )
    settings["steps"] = 21
    convex = [
        ll.landscapes.convexity(ll.pair(p), train, named[0], (named[1], named[2]), **settings).convex
        for p in config.pairs
    ]
    first = next(iter(made.values()))
    return {
        "centre": centre,
        "directions": directions,
        "values": np.stack([p.values for p in made.values()]),
        "flat": np.stack([(p.quantities["active"] == 0) & (p.quantities["dead"] > 0) for p in made.values()]),
        "risk": np.stack([p.quantities["risk"] for p in made.values()]),
        "convex": [{True: 1, False: 0, None: -1}[c] for c in convex],
        "alpha": first.alphas,
        "beta": first.betas,
    }


def deaths(config: Config, tick: Any) -> dict[str, Any]:
    """The share of random starts at whose end nothing pulls although examples are misclassified, for each pair."""
    import jax

    train = ll.split(ll.load(config.dataset), seed=config.seed).train

    def init(key: Any, d: int) -> Any:
        drawn = ll.linear().init(key, d)
        return drawn | {"bias": config.bias_scale * jax.random.normal(jax.random.fold_in(key, 1))}

    s = ll.sweep(
        config.pairs,
        train,
        seeds=config.starts,
        learning_rates=(config.learning_rate,),
        l2s=(config.l2,),
        steps=config.start_steps,
        record=(0,),
        init=init,
    )
    flat = (s.records["active"] == 0) & (s.records["dead"] > 0)
    return {"start": flat[:, :, 0, 0, 0], "end": flat[:, :, 0, 0, -1]}


def exact(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Cells, minima and plateaus of one pair over (w, b), and how far a plane is from the cells' own quadratics."""
    import numpy as np

    data = ll.load(config.line)
    found = ll.cells(name, data, box=config.box)
    zero, unit = {"weights": np.zeros(1), "bias": np.zeros(())}, {"weights": np.ones(1), "bias": np.zeros(())}
    p = ll.plane(
        ll.pair(name), data, zero, (unit, zero | {"bias": np.ones(())}), radius=config.box, steps=config.pixels
    )
    values, met = by_cells(found, p.alphas, p.betas)
    # What is a minimum because of the box only is none.
    minima = [each for each in found.minima if not each.of_box]
    parts = [(number, part) for number, each in enumerate(minima) for part in each.parts]
    corners = np.full((len(parts), max((len(part) for _, part in parts), default=1), 2), np.nan)
    for row, (_, part) in zip(corners, parts, strict=True):
        row[: len(part)] = part
    return {
        "axis": p.alphas,
        "loss": p.values,
        "apart": np.abs(values - p.values)[met].max(),
        "met": met.mean(),
        "edges": found.vertices[found.edges],
        "parts": corners,
        "part_of": [number for number, _ in parts],
        "level": [each.level for each in minima],
        "closed": [each.closed for each in minima],
        "area": [each.area for each in minima],
        "cells": len(found.centres),
        "minimum": found.minimum,
    }


def by_cells(found: Any, alphas: Any, betas: Any) -> tuple[Any, Any]:
    """The objective on a grid by the quadratic of the cell that each point lies in, and where one was found.

    A point's cell is the one whose inner point lies on the same side of every line.
    """
    import numpy as np

    example, knots = found.objective.knots()

    def sides(at: Any) -> list[bytes]:
        return [row.tobytes() for row in np.packbits(at @ found.objective.rows[example].T > knots, axis=1)]

    at = np.stack(np.meshgrid(alphas, betas, indexing="ij"), axis=-1).reshape(-1, 2)
    number = {key: k for k, key in enumerate(sides(found.centres))}
    cell = np.array([number.get(key, -1) for key in sides(at)])
    bend, slope, constant = (part[cell] for part in found.quadratics)
    values = constant + (slope * at).sum(1) + 0.5 * np.einsum("ki,kij,kj->k", at, bend, at)
    return values.reshape(len(alphas), -1), (cell >= 0).reshape(len(alphas), -1)


def mapped(config: Config, name: str, tick: Any) -> dict[str, Any]:
    """Where descent from each point of a grid over (w, b) ends."""
    import numpy as np

    found = ll.basin_map(name, ll.load(config.line), box=config.box, points=config.map_points)
    ends_dead = found.dead | np.isin(found.basins, np.flatnonzero(np.abs(found.levels - 1.0) < 1e-9))
    return {"basins": len(found.levels), "dead": found.dead.mean(), "dying": ends_dead.mean()}


def line_svm(config: Config, tick: Any) -> dict[str, Any]:
    """With a penalty, the one minimum of the cells, proven to be the SVM; and the area of the dead cone in the box."""
    data = ll.load(config.line)
    found = ll.cells("identity+hinge", data, l2=config.l2, box=config.box)
    proof = ll.local_minimum("identity+hinge", data, found.minimiser, l2=config.l2)
    cone = dead_area(data.inputs[:, 0], config.box)
    return {"svm": found.minimiser, "proven": proof.minimal, "minima": len(found.minima), "cone": cone}


def dead_area(x: Any, box: float) -> float:
    """The area in which w x_i + b <= 0 for all i, in the square |w|, |b| <= box, if inputs of both signs are there."""
    import numpy as np

    steep = np.array([x.max(), -x.min()])
    reach = np.minimum(box, box / steep)
    return float(np.sum(box * reach - 0.5 * steep * reach**2))


def compute(config: Config, run: Any) -> Any:
    """Points and runs, then the planes through them; dims (pair, alpha, beta) of each view, (pair, run, step), ..."""
    parts: dict[str, Any] = {"points": functools.partial(points, config), "deaths": functools.partial(deaths, config)}
    parts |= {f"run: {p}": functools.partial(descend, config, p) for p in config.pairs}
    parts |= {f"cells: {p}": functools.partial(exact, config, p) for p in among(CELLED, config.pairs)}
    parts |= {f"map: {p}": functools.partial(mapped, config, p) for p in among(MAPPED, config.pairs)}
    held = run(parts | {"line": functools.partial(line_svm, config)})
    end = held["run: relu+hinge"]["path"][0, -1]
    held |= run({f"plane: {v}": functools.partial(planes, config, v, end) for v in VIEWS})
    return _gathered(config, held)


def _gathered(config: Config, held: Any) -> Any:
    """The parts as one xarray.Dataset."""
    import numpy as np
    import xarray

    pairs = config.pairs
    celled, names = among(CELLED, pairs), among(MAPPED, pairs)
    results = xarray.Dataset(coords={"pair": list(pairs), "run": list(RUNS), "celled": celled, "mapped": names})
    results = results.assign_coords(convex_loss=list(config.optima))
    for point in ("svm", "alive", "dead"):
        results[f"point_{point}"] = (("parameter",), held["points"][point])
    results["optimum"] = (("convex_loss",), held["points"]["optimum"])
    results["plateau"] = (("proof",), np.asarray(held["points"]["plateau"], float))
    results["svm_minimal"] = int(held["points"]["svm_minimal"])
    results["positives"] = float(held["points"]["positives"])
    results["path"] = (("pair", "run", "step", "parameter"), np.stack([held[f"run: {p}"]["path"] for p in pairs]))
    results["value"] = (("pair", "run", "step"), np.stack([held[f"run: {p}"]["value"] for p in pairs]))
    for view in VIEWS:
        made = held[f"plane: {view}"]
        results = results.assign_coords({f"{view}_alpha": made["alpha"], f"{view}_beta": made["beta"]})
        for field in ("values", "risk", "flat"):
            results[f"{view}_{field}"] = (("pair", f"{view}_alpha", f"{view}_beta"), np.asarray(made[field], float))
        results[f"{view}_convex"] = (("pair",), made["convex"])
        results[f"{view}_directions"] = (("axis", "parameter"), made["directions"])
    for field in ("start", "end"):
        results[f"dead_{field}"] = (("pair", "seed"), held["deaths"][field].astype("int8"))
    for k, name in enumerate(celled):
        made = held[f"cells: {name}"]
        results = results.assign_coords(w=made["axis"], b=made["axis"])
        results[f"cells{k}_loss"] = (("w", "b"), made["loss"])
        results[f"cells{k}_edges"] = ((f"edge{k}", "end", "axis"), made["edges"])
        results[f"cells{k}_parts"] = ((f"part{k}", f"corner{k}", "axis"), made["parts"])
        results[f"cells{k}_part_of"] = ((f"part{k}",), made["part_of"])
        for field in ("level", "closed", "area"):
            results[f"cells{k}_{field}"] = ((f"minimum{k}",), np.asarray(made[field], float))
    for field in ("apart", "met", "cells", "minimum"):
        results[f"cells_{field}"] = (("celled",), [float(held[f"cells: {p}"][field]) for p in celled])
    for field in ("basins", "dead", "dying"):
        results[f"map_{field}"] = (("mapped",), [float(held[f"map: {p}"][field]) for p in names])
    results["line_svm"] = (("w_and_b",), held["line"].pop("svm"))
    return results.assign({f"line_{k}": float(v) for k, v in held["line"].items()})


# -------------------------------------------------------------------------------------------------------------- drawing


def seen(results: Any, view: str) -> tuple[Any, Any]:
    """The runs on a plane, (pair, run, step, 2), and the share of each run's variance that it keeps, (pair, run)."""
    import numpy as np

    directions, centre = results[f"{view}_directions"].values, results[f"point_{view}"].values
    away = results.path.values - centre
    path = away @ directions.T
    moves, shown = (x - x.mean(axis=2, keepdims=True) for x in (away, path))
    whole = (moves**2).sum(axis=(2, 3))
    return path, np.where(whole > 0, (shown**2).sum(axis=(2, 3)) / np.where(whole > 0, whole, 1.0), 1.0)


def draw(results: Any) -> dict[str, Any]:
    """The planes around the SVM, around the dead point, and the cells."""
    return {view: draw_planes(results, view) for view in VIEWS} | {"cells": draw_cells(results)}


def said(name: str) -> str:
    """A pair's name as it is printed."""
    words = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "elu": "ELU", "cross_entropy": "cross-entropy"}
    return " + ".join(words.get(part, part) for part in name.split("+"))


def draw_planes(results: Any, view: str) -> Any:
    """Six pairs on one plane, on one scale, with the runs from both starts."""
    import numpy as np
    from matplotlib.colors import LogNorm

    from lossland import figures as fig

    names = [str(p) for p in results.pair.values]
    figure, axes = fig.panels(2, (len(names) + 1) // 2, height=4.9, sharex=True, sharey=True)
    alpha, beta = results[f"{view}_alpha"].values, results[f"{view}_beta"].values
    values = results[f"{view}_values"].values
    scale = LogNorm(values.min(), values.max())
    levels = np.geomspace(values.min(), values.max(), 22)
    path, kept = seen(results, view)
    drawn: Any = None
    for k, (ax, name) in enumerate(zip(axes.ravel(), names, strict=False)):
        shown = np.clip(values[k].T, levels[0], levels[-1])
        drawn = ax.contourf(alpha, beta, shown, levels, norm=scale, cmap="viridis")
        ax.contour(alpha, beta, shown, levels[::3], colors="white", linewidths=0.4, alpha=0.6)
        flat = results[f"{view}_flat"].values[k].T
        if flat.any():
            ax.contourf(alpha, beta, flat, [0.5, 1.5], colors="none", hatches=["////"])
        for number, shade in enumerate((fig.RED, fig.ORANGE)):
            # The second start lies off the plane of the SVM.
            if view == "svm" and number:
                continue
            ax.plot(*path[k, number].T, color=shade, lw=1.3)
            if number == 0:
                ax.plot(*path[k, number, 0], marker="o", color=shade, ms=4.5, mec="white", mew=0.5)
        for point, mark in (("svm", "*"), ("dead", "X")):
            at = results[f"{view}_directions"].values @ (results[f"point_{point}"] - results[f"point_{view}"]).values
            if point == view or view == "dead":
                ax.plot(*at, marker=mark, color="white", ms=7, mec="black", mew=0.6, ls="")
        shares = kept[k, :1] if view == "svm" else kept[k]
        told = " and ".join(f"{100 * share:.0f} %" for share in shares)
        ax.set_title(f"{said(name)}\n{told} of the run{'s'[: len(shares) - 1]} kept", fontsize=7.5)
        ax.set(xlim=(alpha[0], alpha[-1]), ylim=(beta[0], beta[-1]))
    towards = ("the common start", "ReLU + hinge's end") if view == "svm" else ("the SVM", "a higher bias")
    for ax in axes[-1]:
        ax.set_xlabel(f"towards {towards[0]}")
    for ax in axes[:, 0]:
        ax.set_ylabel(f"towards {towards[1]}")
    bar = figure.colorbar(drawn, ax=list(axes.ravel()), shrink=0.85, label="objective (mean loss + penalty)")
    ticks = [m * 10.0**e for e in range(-3, 4) for m in (1, 2, 5) if levels[0] <= m * 10.0**e <= levels[-1]]
    bar.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])
    bar.minorticks_off()
    figure.legend(handles=_marks(view), loc="outside lower center", ncols=5)
    return figure


def _marks(view: str) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    from lossland import figures as fig

    edge: dict[str, Any] = {"color": "white", "mec": "black", "mew": 0.6, "ls": ""}
    marks = [Line2D([], [], marker="*", ms=8, label="SVM", **edge)]
    marks.append(Line2D([], [], color=fig.RED, marker="o", ms=4, label="run from the common start"))
    if view == "dead":
        marks.append(Line2D([], [], color=fig.ORANGE, label="run from the dead point"))
    if view == "svm":
        return marks
    marks.insert(1, Line2D([], [], marker="X", ms=7, label="dead point", **edge))
    return [*marks, Patch(facecolor="none", edgecolor="black", hatch="////", lw=0, label="no example pulls")]


def draw_cells(results: Any) -> Any:
    """Pairs over (w, b), exactly: edges of cells, sets of minima in red, wide plateaus with their loss."""
    from lossland import figures as fig

    names = [str(p) for p in results.celled.values]
    figure, axes = fig.panels(1, len(names), height=2.75, sharey=True)
    losses = [results[f"cells{k}_loss"].values for k in range(len(names))]
    low, high = min(x.min() for x in losses), 4.0
    drawn: Any = None
    for k, (ax, name) in enumerate(zip(axes[0], names, strict=True)):
        drawn = ax.pcolormesh(
            results.w, results.b, losses[k].T, cmap="viridis", vmin=low, vmax=high, rasterized=True, shading="gouraud"
        )
        for edge in results[f"cells{k}_edges"].values:
            ax.plot(*edge.T, color="white", lw=0.25, alpha=0.35)
        _draw_minima(ax, results, k)
        count = int(results[f"cells{k}_level"].size)
        ax.set_title(
            f"{said(name)}\n{int(results.cells_cells[k])} cells, {count} set{'' if count == 1 else 's'} of minima",
            fontsize=7.5,
        )
        ax.set(xlabel="weight $w$", aspect="equal")
    axes[0, 0].set_ylabel("bias $b$")
    figure.colorbar(drawn, ax=list(axes[0]), shrink=0.8, label="mean loss", extend="max")
    return figure


def _draw_minima(ax: Any, results: Any, k: int) -> None:
    """Plateaus as areas, the large ones with their loss; segments and points of the other sets."""
    import numpy as np

    from lossland import figures as fig
    from lossland.minima import polygon_area

    owners, areas = results[f"cells{k}_part_of"].values, results[f"cells{k}_area"].values
    parts = [part[np.isfinite(part[:, 0])] for part in results[f"cells{k}_parts"].values]
    for corners, number in zip(parts, owners, strict=True):
        if areas[number] > 0:
            ax.fill(*corners.T, facecolor=fig.RED, alpha=0.4, edgecolor="none")
        elif len(corners) == 2:
            ax.plot(*corners.T, color=fig.RED, lw=2.0)
        else:
            ax.plot(*corners[0], marker="o", color=fig.RED, ms=4, mec="white", mew=0.5)
    for number in np.flatnonzero(areas > 0.03 * _width(results.w) ** 2):
        largest = max((parts[i] for i in np.flatnonzero(owners == number)), key=polygon_area)
        level = f"{float(results[f'cells{k}_level'][number]):.4g}"
        ax.text(*largest.mean(axis=0), level, color="white", fontsize=7, ha="center", va="center")


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> tuple[list[Any], list[Any]]:
    """Tables of the planes and of the cells, and the verdicts."""
    from lossland.core import table

    kept = {view: seen(results, view)[1] for view in VIEWS}
    rows = [
        (
            name,
            f"{float(results.svm_values.sel(pair=name).min()):.4f}",
            f"{float(_centre(results.svm_values.sel(pair=name))):.4f}",
            f"{float(_centre(results.dead_risk.sel(pair=name))):.4f}",
            f"{100 * kept['svm'][k, 0]:.0f} %",
            f"{100 * kept['dead'][k, 1]:.0f} %",
            f"{100 * float(results.dead_flat.sel(pair=name).mean()):.1f} %",
            f"{100 * float(results.dead_end.sel(pair=name).mean()):.1f} %",
        )
        for k, name in enumerate(str(p) for p in results.pair.values)
    ]
    columns = ("pair", "lowest pixel", "at the SVM", "loss at dead point", "kept, SVM plane", "kept, dead plane")
    told = [table("Planes, and how much of a run they keep", (*columns, "dead part", "dead starts"), rows)]
    rows = [
        (
            name,
            int(results.cells_cells.sel(celled=name)),
            ", ".join(f"{x:.4f}" for x in results[f"cells{k}_level"].values),
            ", ".join(f"{x:.3f}" for x in results[f"cells{k}_area"].values),
            f"{float(results.cells_apart.sel(celled=name)):.1e}",
        )
        for k, name in enumerate(str(p) for p in results.celled.values)
    ]
    columns = ("pair", "cells", "levels of minima", "their areas", "plane against cells")
    return [*told, table("Exactly, over w and b", columns, rows)], verdicts(results)


def _centre(values: Any) -> float:
    return float(values.values[values.shape[0] // 2, values.shape[1] // 2])


def verdicts(results: Any) -> list[Any]:
    """The claims, each decided by a number."""
    import numpy as np

    from lossland.experiment import Verdict

    names = [str(p) for p in results.pair.values]
    others, relu = among(tuple(names[:-1]), names), results.sizes["celled"] - 1
    below = [
        float(results[f"{v}_values"].sel(pair=f"identity+{loss}").min()) - float(results.optimum.sel(convex_loss=loss))
        for v in VIEWS
        for loss in results.convex_loss.values
    ]
    convex = [int(results[f"{v}_convex"].sel(pair=p)) for v in VIEWS for p in CONVEX]
    bent = [int(results[f"{v}_convex"].sel(pair=p)) for v in VIEWS for p in among(BENT, names)]
    apart = max(
        float(abs(np.subtract(*results[f"{v}_values"].sel(pair=["sigmoid+cross_entropy", "identity+logistic"]))).max())
        for v in VIEWS
    )
    flat = results.dead_flat.sel(pair="relu+hinge").values == 1
    off = np.abs(results.dead_risk.sel(pair="relu+hinge").values - 1.0)[flat]
    elsewhere = max(float(results[f"{v}_flat"].sel(pair=others).max()) for v in VIEWS)
    minimal, level, slope = results.plateau.values
    gain = _centre(results.svm_values.sel(pair="relu+hinge")) - float(results.svm_values.sel(pair="relu+hinge").min())
    levels, areas = results[f"cells{relu}_level"].values, results[f"cells{relu}_area"].values
    top = np.abs(levels - 1.0) < 1e-12
    cone = float(areas[top].sum()) if top.any() else 0.0
    dead = {p: float(results.dead_end.sel(pair=p).mean()) for p in names}
    dying = {p: float(results.map_dying.sel(mapped=p)) for p in results.mapped.values}
    basins = int(results.map_basins.sel(mapped="identity+logistic"))
    still = results.path.sel(pair="relu+hinge", run="dead").values
    moved = [float(results.value.sel(pair=p, run="dead")[-1]) for p in others]
    return [
        Verdict(
            "S4: a linear output's planes are convex, and the exact optimum is their floor",
            "convexity proven for three pairs; no pixel below the certified optimum; the SVM is a proven minimum",
            f"{sum(c == 1 for c in convex)} of {len(convex)} planes; lowest pixel {min(below):+.1e}",
            all(c == 1 for c in convex) and min(below) >= -1e-12 and int(results.svm_minimal) == 1,
        ),
        Verdict(
            "the other outputs' planes are not convex",
            "a chord refutes it for each of them on both planes",
            f"{sum(c == 0 for c in bent)} of {len(bent)} planes",
            all(c == 0 for c in bent),
        ),
        Verdict(
            "S1, S2: sigmoid + cross-entropy and identity + logistic have one surface",
            "planes differ by at most 1e-12",
            f"{apart:.1e}",
            apart <= 1e-12,
        ),
        Verdict(
            "S5: ReLU + hinge has a plateau at loss 1, the share of positives above its floor",
            "loss 1 to 1e-12 where no example pulls; the dead point is a proven local minimum with slopes 0",
            f"{flat.sum()} pixels, {off.max(initial=0.0):.1e}; {float(results.positives):.4f} above the floor",
            bool(
                flat.any() and off.max(initial=0.0) <= 1e-12 and minimal == 1 and abs(level - 1) <= 1e-12 and slope == 0
            ),
        ),
        Verdict(
            "S5: no other pair has one",
            "no pixel of another pair's planes at which nothing pulls",
            f"{'none' if elsewhere == 0 else 'some'}",
            elsewhere == 0.0,
        ),
        Verdict(
            "S5: from the dead point only ReLU + hinge does not move off",
            "its bias keeps its value, only the penalty moves it; every other pair ends below 0.5",
            f"bias moves by {np.ptp(still[:, -1]):.1g}; the others end at {max(moved):.3f} or below",
            float(np.ptp(still[:, -1])) == 0.0 and max(moved) < 0.5,
        ),
        Verdict(
            "S5: descent dies from random starts, with a ReLU output only",
            "share of dead ends",
            f"{100 * dead['relu+hinge']:.1f} % against {100 * max(dead[p] for p in others):.1f} %",
            dead["relu+hinge"] > 0 and max(dead[p] for p in others) == 0,
        ),
        Verdict(
            "S5: the SVM is no minimum of ReLU + hinge's plane",
            "a pixel is lower by more than 1e-3",
            f"lower by {gain:.4f}",
            gain > 1e-3,
        ),
        Verdict(
            "cells and planes agree",
            "plane against each cell's own line at most 1e-12",
            f"{float(results.cells_apart.max()):.1e} over {100 * float(results.cells_met.min()):.1f} % of pixels",
            float(results.cells_apart.max()) <= 1e-12 and float(results.cells_met.min()) > 0.95,
        ),
        Verdict(
            "cells: the hinge has one set of minima, the SVM's; the logistic loss one basin",
            "one set with and without penalty; with it, proven by linear programs to be the optimum; one basin",
            f"{results.cells0_level.size}, {int(results.line_minima)} and {basins}",
            bool(results.cells0_level.size == results.line_minima == results.line_proven == basins == 1),
        ),
        Verdict(
            "cells: ReLU + hinge's dead half-space is a plateau at exactly 1",
            "its area is that of the cone w x_i + b <= 0 to 1e-9; descents from a grid die at least as often",
            f"{cone:.4f} against {float(results.line_cone):.4f}; {100 * dying['relu+hinge']:.1f} % of the grid die, "
            f"{100 * dying['identity+logistic']:.1f} % with the logistic loss",
            abs(cone - float(results.line_cone)) <= 1e-9
            and dying["relu+hinge"]
            >= float(results.map_dead.sel(mapped="relu+hinge"))
            > 0
            == dying["identity+logistic"],
        ),
    ]


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    kept = {view: seen(results, view)[1] for view in VIEWS}
    relu = results.sel(pair="relu+hinge")
    counted = {str(p).partition("+")[0]: results[f"cells{k}_level"].values for k, p in enumerate(results.celled.values)}
    told = {f"{name}_minima": str(levels.size) for name, levels in counted.items()}
    return told | {
        "plateau_excess": f"{float(results.positives):.3f}",
        "dead_share": f"{100 * float(relu.dead_end.mean()):.0f}",
        "dead_plane_share": f"{100 * float(relu.dead_flat.mean()):.0f}",
        "starts": str(results.sizes["seed"]),
        "kept_least": f"{100 * float(kept['svm'][:, 0].min()):.0f}",
        "kept_most": f"{100 * float(kept['svm'][:, 0].max()):.0f}",
        "relu_gain": f"{_centre(relu.svm_values) - float(relu.svm_values.min()):.3f}",
        "relu_cells": str(int(results.cells_cells.sel(celled="relu+hinge"))),
        "relu_lowest": f"{float(counted['relu'].min()):.3f}",
        "grid_dead": f"{100 * float(results.map_dying.sel(mapped='relu+hinge')):.0f}",
        "dead_cone_share": f"{100 * float(results.line_cone) / _width(results.w) ** 2:.0f}",
    }


def _width(axis: Any) -> float:
    """The width of an axis."""
    return float(axis.max() - axis.min())


if __name__ == "__main__":
    from lossland.__main__ import main

    main(["run", __file__, *sys.argv[1:]])
