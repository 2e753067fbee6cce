"""The command `lossland landscape`: the same plane under several pairs, in one picture and one file."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro


@dataclasses.dataclass(frozen=True)
class Landscape:
    """Draw the objective of one or several pairs on the same plane of a linear model's parameters.

    Examples: `lossland landscape relu+hinge identity+hinge`, `lossland landscape identity+logistic --around zero`,
    `lossland landscape relu+hinge --towards logistic --quantity dead`
    """

    names: tyro.conf.Positional[tuple[str, ...]]
    """Pairs such as relu+hinge."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    data: str = "breast_cancer"
    """A data set's name or file; standardised."""
    around: Literal["svm", "logistic", "zero", "random"] = "svm"
    """The centre: the exact optimum of the hinge or of the logistic loss, 0, or a random start."""
    towards: Literal["random", "svm", "logistic"] = "random"
    """What the first direction points to; the second is random."""
    C: float = 1.0
    """Of the SVM and the logistic regression."""
    l2: float = 0.0
    """The penalty of the objective that is drawn."""
    radius: float | None = None
    """Half the width of the plane, in lengths of the directions; if left out, where the first pair's has doubled."""
    steps: int = 101
    """Points on each axis, odd."""
    quantity: Literal["objective", "risk", "positive_risk", "negative_risk", "error", "dead", "active", "margin"] = (
        "objective"
    )
    """What to draw."""
    seed: int = 0
    """Decides the random directions and the random start."""
    figure: Path = Path("results/landscape.png")
    """Where the picture goes (.png, .pdf, .svg); the numbers go beside it, as .nc."""
    quiet: bool = False
    """Print nothing but errors."""


def run(command: Landscape) -> int:
    """Run the command."""
    from lossland.plane_figures import planes_figure
    from lossland.registry import load_file
    from lossland.storage import replacing, save

    if not command.names:
        raise ValueError("Which pairs? Give names, say: lossland landscape relu+hinge identity+hinge.")
    if not command.figure.suffix:
        raise ValueError(f"A figure's file needs an ending, say {command.figure}.png.")
    for path in command.from_:
        load_file(path)
    planes = _planes(command)
    shown = planes
    if command.quantity != "objective":
        shown = {name: p._replace(values=p.quantities[command.quantity]) for name, p in planes.items()}
    command.figure.parent.mkdir(parents=True, exist_ok=True)
    with replacing(command.figure) as temporary:
        planes_figure(shown, what=command.quantity).savefig(temporary, format=command.figure.suffix[1:], dpi=200)
    saved = command.figure.with_suffix(".nc")
    save(_together(planes), saved)
    if not command.quiet:
        for name, p in planes.items():
            holes = f", {p.holes} holes" if p.holes else ""
            print(f"{name}: {p.values.min():.4g} to {p.values.max():.4g}, by {p.method}{holes}")
        print(f"Figure {command.figure}\nResult {saved}")
    return 0


def _planes(command: Landscape) -> dict[str, Any]:
    import jax

    from lossland.datasets import load, standardise
    from lossland.pairing import pair
    from lossland.sharing import shared_planes

    data = standardise(load(command.data))
    wanted = [pair(name) for name in command.names]
    centre = _point(command, command.around, data)
    first, second = _directions(command, centre, data)
    quantities = () if command.quantity == "objective" else (command.quantity,)
    with jax.enable_x64(True):
        # One range for all: that of the first.
        return shared_planes(
            wanted, data, centre, (first, second), radius=command.radius, steps=command.steps, l2=command.l2,
            quantities=quantities,
        )  # fmt: skip


def _point(command: Landscape, what: str, data: Any) -> Any:
    import jax
    import numpy as np

    from lossland.models import linear
    from lossland.solver import solve

    if what == "zero":
        return {"weights": np.zeros(data.d), "bias": np.zeros(())}
    if what == "random":
        return linear().init(jax.random.key(command.seed), data.d)
    found = solve({"svm": "hinge", "logistic": "logistic"}[what], data, C=command.C)
    return {"weights": np.asarray(found.weights), "bias": np.asarray(found.bias)}


def _directions(command: Landscape, centre: Any, data: Any) -> tuple[Any, Any]:
    import jax
    import numpy as np

    from lossland.directions import dot, norm, random_directions

    scale = "filter" if norm(centre) > 0 else None
    first, second = random_directions(centre, jax.random.key(command.seed), 2, scale)
    if command.towards == "random":
        return first, second
    goal = _point(command, command.towards, data)
    first = jax.tree.map(lambda a, b: np.asarray(a) - np.asarray(b), goal, centre)
    if not norm(first) > 0:
        raise ValueError(f"The centre is the {command.towards} optimum itself: no direction towards it.")
    share = dot(first, second) / dot(first, first)
    return first, jax.tree.map(lambda a, b: a - share * b, second, first)


def _together(planes: dict[str, Any]) -> Any:
    import xarray

    held = [p.to_xarray() for p in planes.values()]
    names = xarray.IndexVariable("pair", list(planes))
    ways = {
        "data_vars": ["objective", *next(iter(planes.values())).quantities],
        "coords": "minimal",
        "compat": "equals",
    }
    return xarray.concat(held, names, join="exact", combine_attrs="drop_conflicts", **ways)
