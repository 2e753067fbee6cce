"""What do the pairs' surfaces look like around the SVM, and around a point at which a ReLU output is dead?

Planes of five pairs with runs of gradient descent on them. Around the SVM the penalty is in; around the dead point
there is none: what moves a run is the loss alone. A convex pair has one basin; ReLU + hinge has a plateau at loss 1.
"""

import functools
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax

import lossland as ll
from lossland import figures as fig
from lossland.core import table
from lossland.experiment import at_least, at_most, claim, equal, gather, number, pair_name, percent

CONVEX = ("identity+hinge", "identity+logistic")
BENT = ("leaky_relu+hinge", "elu+hinge", "relu+hinge")
OPTIMA = ("hinge", "logistic")
"""Losses of a linear output whose certified optimum is held against the planes."""
VIEWS = ("svm", "dead")
"""What a plane is centred on, and where its runs start: the SVM (at random), the dead point (there)."""

SECONDS = 11


@dataclass(frozen=True)
class Config:
    """What is drawn, and how finely."""

    pairs: tuple[str, ...] = (*CONVEX, *BENT)
    """All convex ones and ReLU + hinge are among them."""
    dataset: str = "breast_cancer"
    """The data."""
    l2: float = 1e-2
    """The penalty l2/2 * ||w||^2 around the SVM."""
    steps: int = 3000
    """Steps of gradient descent of each run."""
    learning_rate: float = 0.1
    """The step size."""
    pixels: int = 121
    """Points along each side of a plane; odd."""
    seed: int = 11
    """Decides the split and the starts; another one than that (2) at which the bounds set after seeing were set."""
    x64: bool = True
    """Compute in float64."""


SMOKE = Config(pairs=(*CONVEX, "relu+hinge"), steps=300, pixels=41)


def training(config: Config) -> ll.Dataset:
    """The examples."""
    return ll.split(ll.load(config.dataset), seed=config.seed).train


def points(config: Config, tick: Any) -> dict[str, Any]:
    """The points that the planes pass through, each as one array with the bias last, and what is proven of them."""
    train = training(config)
    solved = {loss: ll.solve(loss, train, l2=config.l2) for loss in OPTIMA}
    rng = np.random.default_rng(config.seed)
    alive = np.append(rng.normal(size=train.d) / np.sqrt(train.d), 0.0)
    dead = np.append(alive[:-1], -np.max(train.inputs @ alive[:-1]) - 1.0)
    best = np.append(solved["hinge"].weights, solved["hinge"].bias)
    # Kinks met by a solver's answer are met to its digits.
    bottom = ll.local_minimum("identity+hinge", train, best, l2=config.l2, tol=1e-7)
    return {
        "svm": best,
        "alive": alive,
        "dead": dead,
        # `solve` minimises the objective divided by l2.
        "optimum": [config.l2 * each.objective for each in solved.values()],
        "plateau_minimal": ll.local_minimum("relu+hinge", train, dead).minimal,
        "svm_minimal": bottom.minimal,
        "positives": np.mean(train.labels > 0),
    }


def descend(config: Config, held: dict[str, Any], view: str, name: str, tick: Any) -> dict[str, Any]:
    """One pair's run on a view: from the random start around the SVM, from the dead point around that."""
    start = held["alive" if view == "svm" else "dead"]
    f = ll.objective(ll.pair(name), ll.linear(), training(config), l2=config.l2 * (view == "svm"))
    run = ll.fit(
        f,
        {"weights": jnp.asarray(start[:-1]), "bias": jnp.asarray(start[-1])},
        optax.sgd(config.learning_rate),
        config.steps,
        record_every=max(1, config.steps // 150),
        record=lambda p: p,
    )
    return {"path": np.column_stack([run.records["weights"], run.records["bias"]]), "value": run.values}


def axes_of(view: str, held: dict[str, Any], end: Any) -> tuple[Any, Any]:
    """A plane's centre and its two orthonormal directions, (2, D).

    Around the SVM: through the start and the end of ReLU + hinge. Around the dead point: through the SVM and the start
    that differs from it in the bias alone.
    """
    centre = held[view]
    through = (held["alive"], end) if view == "svm" else (held["svm"], held["alive"])
    q, r = np.linalg.qr(np.stack([p - centre for p in through], axis=1))
    return centre, (q * np.sign(np.diag(r))).T


def plane_of(config: Config, held: dict[str, Any], view: str, end: Any, tick: Any) -> dict[str, Any]:
    """All pairs on one plane, with which pixels are dead, and a verdict on convexity for each pair."""
    train = training(config)
    centre, directions = axes_of(view, held, end)
    named = [{"weights": v[:-1], "bias": np.asarray(v[-1])} for v in (centre, *directions)]
    far = np.abs([directions @ (held[p] - centre) for p in ("svm", "alive", "dead")]).max(axis=0)
    radius = tuple(1.45 * np.maximum(far, 0.5 * far.max()))
    reach: dict[str, Any] = {"radius": radius, "l2": config.l2 * (view == "svm")}
    settings = reach | {"steps": config.pixels, "quantities": ("risk", "active", "dead")}
    made = ll.shared_planes(config.pairs, train, named[0], (named[1], named[2]), **settings)
    convex = [
        ll.landscapes.convexity(ll.pair(p), train, named[0], (named[1], named[2]), steps=21, **reach).convex
        for p in config.pairs
    ]
    flat = [(p.quantities["active"] == 0) & (p.quantities["dead"] > 0) for p in made.values()]
    first = next(iter(made.values()))
    return {
        "directions": directions,
        "values": np.stack([p.values for p in made.values()]),
        "risk": np.stack([p.quantities["risk"] for p in made.values()]),
        "flat": np.stack(flat).astype("int8"),
        "convex": [{True: 1, False: 0, None: -1}[c] for c in convex],
        "axes": np.stack([first.alphas, first.betas]),
    }


def compute(config: Config, run: Any) -> Any:
    """Points and runs, then the planes through them; dims (view, pair, alpha, beta), (view, pair, step, parameter)."""
    at = run({"points": functools.partial(points, config)})["points"]
    grid = [(v, p) for v in VIEWS for p in config.pairs]
    runs = run({f"{v}: {p}": functools.partial(descend, config, at, v, p) for v, p in grid})
    end = runs["svm: relu+hinge"]["path"][-1]
    made = run({f"plane: {v}": functools.partial(plane_of, config, at, v, end) for v in VIEWS})
    axes = {"view": VIEWS, "pair": config.pairs}
    fields = {"path": ["step", "parameter"], "value": ["step"]}
    results = gather(runs, lambda view, pair: f"{view}: {pair}", axes, fields)
    fields = {name: ["pair", "alpha", "beta"] for name in ("values", "risk", "flat")}
    fields |= {"convex": ["pair"], "directions": ["axis", "parameter"], "axes": ["axis", "alpha"]}
    results = results.merge(gather(made, lambda view: f"plane: {view}", {"view": VIEWS}, fields))
    results["point"] = (("which", "parameter"), np.stack([at[p] for p in ("svm", "alive", "dead")]))
    results["optimum"] = (("loss",), at["optimum"])
    results = results.assign_coords(which=["svm", "alive", "dead"], loss=list(OPTIMA))
    return results.assign({k: float(at[k]) for k in ("plateau_minimal", "svm_minimal", "positives")})


# -------------------------------------------------------------------------------------------------------------- drawing


def on_plane(results: Any, view: str, away: Any) -> Any:
    """Points (..., parameter) as coordinates on a view's plane, (..., 2)."""
    return (away - results.point.sel(which=view).values) @ results.directions.sel(view=view).values.T


def draw(results: Any) -> dict[str, Any]:
    """The planes around the SVM and around the dead point."""
    titles = {
        "svm": "Linear + hinge descends to the SVM; ReLU + hinge ends beside it",
        "dead": "From a dead point only ReLU + hinge does not move",
    }
    return {view: draw_view(results, view, title) for view, title in titles.items()}


def draw_view(results: Any, view: str, title: str) -> Any:
    """The pairs on one plane, each with its run."""
    at = results.sel(view=view)
    drawn = {
        pair_name(name): fig.RunPanel(
            at["values"].sel(pair=name).values,
            (at.flat * (abs(at.risk - 1.0) < 1e-12)).sel(pair=name).values,
            on_plane(results, view, at.path.sel(pair=name).values),
        )
        for name in map(str, results.pair.values)
    }
    marked = {"SVM": "svm"} | ({"dead point": "dead"} if view == "dead" else {})
    svm = view == "svm"
    return fig.runs_figure(
        tuple(at.axes.values),
        drawn,
        {name: on_plane(results, view, results.point.sel(which=which).values) for name, which in marked.items()},
        title=title,
        labels=("towards the start", "towards the end of ReLU + hinge")
        if svm
        else ("towards the SVM", "a higher bias"),
        start=f"descent from {'a random start' if svm else 'the dead point'}",
        what="mean loss + penalty" if svm else "mean loss (no penalty)",
    )


# ------------------------------------------------------------------------------------------------------------ reporting


def report(results: Any) -> list[Any]:
    """A table of the planes."""
    rows = [
        (
            pair_name(str(name)),
            number(lowest(results, name)),
            number(centre(results, name)),
            number(float(results.value.sel(view="dead", pair=name)[-1])),
            f"{percent(float(results.flat.sel(view='dead', pair=name).mean()))} %",
        )
        for name in results.pair.values
    ]
    columns = ("pair", "lowest pixel", "at the SVM", "end from the dead point", "dead part of its plane")
    return [table("Planes around the SVM and around the dead point", columns, rows)]


def lowest(results: Any, name: str) -> float:
    """The least value on the plane around the SVM."""
    return float(results["values"].sel(view="svm", pair=name).min())


def centre(results: Any, name: str) -> float:
    """The value at the SVM."""
    values = results["values"].sel(view="svm", pair=name).values
    return float(values[values.shape[0] // 2, values.shape[1] // 2])


def others(results: Any) -> list[str]:
    """All pairs but ReLU + hinge."""
    return [str(p) for p in results.pair.values if p != "relu+hinge"]


# --------------------------------------------------------------------------------------------------------------- claims


@claim("S4", "A linear output's planes are proven convex", at_most(0, "planes that are not"), fixed="before")
def planes_not_convex(results):
    return int((results.convex.sel(pair=list(CONVEX)) != 1).sum())


@claim("", "Every other output's plane has a chord below its surface", at_most(0, "planes without"), fixed="after")
def planes_without_a_chord(results):
    return int((results.convex.sel(pair=[p for p in BENT if p in results.pair]) != 0).sum())


@claim("S4", "No pixel around the SVM lies below the certified optimum", at_least(-1e-12), fixed="before")
def room_above_the_optimum(results):
    optima = {str(loss): float(results.optimum.sel(loss=loss)) for loss in results.loss.values}
    return {pair_name(f"identity+{loss}"): lowest(results, f"identity+{loss}") - best for loss, best in optima.items()}


@claim("S4", "The SVM is proven a local minimum of linear + hinge", equal(1), fixed="before")
def svm_is_minimal(results):
    return float(results.svm_minimal)


@claim("S5", "On the dead point's plane ReLU + hinge is 1 where no example pulls", at_most(1e-12), fixed="after")
def plateau_off_one(results):
    at = results.sel(view="dead", pair="relu+hinge")
    flat = at.flat.values == 1
    off = abs(at.risk.values - 1.0)[flat]
    return float(off.max()) if flat.any() else float("nan")


@claim("S5", "The dead point is proven a local minimum of ReLU + hinge", equal(1), fixed="before")
def dead_point_is_minimal(results):
    return float(results.plateau_minimal)


@claim("S5", "No other pair's plane has a point where nothing pulls at an error", at_most(0, "pixels"), fixed="before")
def dead_pixels_of_others(results):
    return int(results.flat.sel(pair=others(results)).sum())


@claim("S5", "Without a penalty descent leaves ReLU + hinge at the dead point", equal(0), fixed="before")
def way_from_the_dead_point(results):
    path = results.path.sel(view="dead", pair="relu+hinge").values
    return float(np.linalg.norm(path - path[0], axis=1).max())


@claim("S5", "From there the loss of every other pair falls below 1/2", at_most(0.5), fixed="after")
def others_from_the_dead_point(results):
    return {pair_name(p): float(results.value.sel(view="dead", pair=p)[-1]) for p in others(results)}


@claim("S5", "The SVM is no minimum of ReLU + hinge: a pixel around it is lower", at_least(1e-3), fixed="after")
def lower_than_the_svm(results):
    return centre(results, "relu+hinge") - lowest(results, "relu+hinge")


def numbers(results: Any) -> dict[str, str]:
    """What a text would quote, ready to print."""
    flat = results.flat.sel(view="dead", pair="relu+hinge")
    return {
        "plateau_excess": number(float(results.positives)),
        "dead_plane_share": percent(float(flat.mean()), 0),
        "relu_gain": number(lower_than_the_svm(results)),
        "others_highest": number(max(others_from_the_dead_point(results).values())),
    }
