"""The command `lossland landscape`: the same plane under several pairs, in one picture and one file."""

import dataclasses
import hashlib
import re
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from lossland.commands._data_options import File, FileOptions, of_file


@dataclasses.dataclass(frozen=True)
class LandscapeOptions:
    """Draw the objective of one or several pairs on the same plane of a linear model's parameters.

    Examples: `lossland landscape relu+hinge identity+hinge`, `lossland landscape identity+logistic --around zero`,
    `lossland landscape relu+hinge --towards logistic --quantity dead`,
    `lossland landscape identity+my_loss.py:my_loss --data my_data.csv --figure mine.png --json`
    """

    names: tyro.conf.Positional[tuple[str, ...]]
    """Pairs such as relu+hinge."""
    from_: Annotated[tuple[str, ...], tyro.conf.arg(name="from")] = ()
    """Your own files or modules to read first, such as my_loss.py."""
    data: str = "breast_cancer"
    """A data set's name or file; standardised."""
    file: File = dataclasses.field(default_factory=FileOptions)
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
    quantity: Literal[
        "objective", "risk", "positive_risk", "negative_risk", "error", "dead", "active", "saturated", "margin",
        "gradient_norm", "outside", "determinant", "trace",
    ] = "objective"  # fmt: skip
    """What to draw: `outside` is the norm of the gradient's part outside the plane; determinant and trace are of the
    Hessian in it."""
    field: bool = False
    """Draw where descent goes instead: streamlines, and the share of the gradient that leaves the plane."""
    kinks: bool = False
    """Draw the lines on which an example passes a kink of the loss, exactly."""
    dead: float | None = None
    """Hatch where at least this share of the examples is on the wrong side with slope 0."""
    mark: tuple[Literal["svm", "logistic", "zero"], ...] = ()
    """Solutions to mark; a hollow disc is the nearest point of the plane."""
    view: Literal["2d", "3d", "interactive"] = "2d"
    """Contours, surfaces, or one .html file to turn surfaces in."""
    seed: int = 0
    """Decides the random directions and the random start."""
    figure: Path | None = None
    """Where the picture goes (.png, .pdf, .svg); the numbers go beside it, as .nc. Left out: results/landscape-X.png,
    X from what is drawn, so that no picture takes another's place."""
    json: bool = False
    """Print ranges and files as JSON, for a script."""
    quiet: bool = False
    """Print nothing but errors."""


def run_landscape(command: LandscapeOptions) -> int:
    """Run the command."""
    from lossland.commands._output import as_json, waiting
    from lossland.core import checked_count
    from lossland.elements import load_file

    if not command.names:
        raise ValueError("Which pairs? Give names, say: lossland landscape relu+hinge identity+hinge.")
    _check_figure(command)
    checked_count("seed", command.seed, 0)
    for path in command.from_:
        load_file(path)
    if command.view != "2d" and (command.field or command.kinks or command.dead is not None):
        raise ValueError(f"--field, --kinks and --dead are drawn on contours: leave out --view {command.view}.")
    if command.field and command.quantity != "objective":
        raise ValueError(f"--field draws the objective: leave out --quantity {command.quantity}.")
    data = _data(command)
    with waiting(f"{command.steps} x {command.steps} points", command.quiet or command.json):
        planes, fields = _planes(command, data)
    picture, saved = _saved(command, data, planes, fields)
    if command.json:
        print(as_json({"figure": picture, "result": saved, "pairs": [_summary(name, planes[name]) for name in planes]}))
    elif not command.quiet:
        for name, p in planes.items():
            holes = f", {p.holes} holes" if p.holes else ""
            print(f"{name}: {p.values.min():.4g} to {p.values.max():.4g}, by {p.method}{holes}")
        print(f"Figure {picture}\nResult {saved}")
    return 0


def _check_figure(command: LandscapeOptions) -> None:
    """Refuse a file's name that no picture can have, before anything is computed."""
    from lossland.core import named_path

    if command.figure is None:
        return
    named_path(command.figure)
    if command.view != "interactive":
        from lossland.figures import check_ending

        check_ending(command.figure)


def _saved(command: LandscapeOptions, data: Any, planes: dict[str, Any], fields: dict[str, Any]) -> tuple[Path, Path]:
    """Write the picture, and the numbers beside it; returns both files."""
    from lossland.core import replacing, save

    figure = command.figure or _named_by_content(command, data)
    figure.parent.mkdir(parents=True, exist_ok=True)
    picture = figure.with_suffix(".html") if command.view == "interactive" else figure
    drawn = _figure(command, data, planes, fields)
    with replacing(picture) as temporary:
        if command.view == "interactive":
            drawn.write_html(temporary)
        else:
            drawn.savefig(temporary, format=picture.suffix[1:], dpi=200)
    saved = figure.with_suffix(".nc")
    save(_together(fields or planes), saved)
    return picture, saved


def _named_by_content(command: LandscapeOptions, data: Any) -> Path:
    """A picture's name from the data, the files that losses come from, and all options that say what is drawn."""
    asked = dataclasses.replace(command, json=False, quiet=False, data="", file=FileOptions())
    digest = hashlib.sha256(f"{dataclasses.asdict(asked)} {data.sha256}".encode())
    for word in (*command.names, *command.from_):
        for path in re.findall(r"[^+:]+\.py", word):
            digest.update(Path(path).read_bytes())
    return Path("results") / f"landscape-{digest.hexdigest()[:8]}.png"


def _summary(name: str, p: Any) -> dict[str, Any]:
    """A plane in a few numbers, for a script; the rest is in the .nc file."""
    import numpy as np

    i, j = np.unravel_index(np.nanargmin(p.values), p.values.shape)
    held = {"pair": name, "least": p.values.min(), "largest": p.values.max(), "method": p.method, "holes": p.holes}
    return held | {"least_at": [float(p.alphas[i]), float(p.betas[j])]}


def _figure(command: LandscapeOptions, data: Any, planes: dict[str, Any], fields: dict[str, Any]) -> Any:
    from lossland import figures as field_figures
    from lossland.elements import pair
    from lossland.figures import planes_figure
    from lossland.landscapes import kink_segments, regions

    named = {"svm": "SVM", "logistic": "logistic", "zero": "0"}
    points = {named[what]: _point(command, what, data) for what in command.mark}

    def draw(title: str, axes: Any) -> None:
        p = planes[title]
        if command.kinks:
            field_figures.draw_kinks(axes, kink_segments(p, pair(title), data))
        if command.dead is not None:
            field_figures.draw_regions(axes, p, regions(p, p.quantities["dead"] >= command.dead))
        field_figures.draw_points(axes, p, points)

    if command.field:
        figure = field_figures.fields_figure(fields)
        for title, axes in zip(fields, figure.get_axes()[::2], strict=False):
            draw(title, axes)
        return figure
    shown = planes
    if command.quantity != "objective":
        shown = {name: p._replace(values=p.quantities[command.quantity]) for name, p in planes.items()}
    if command.view == "3d":
        return field_figures.surfaces_figure(shown, command.quantity)
    if command.view == "interactive":
        return field_figures.interactive_figure(shown, command.quantity, points)
    return planes_figure(shown, what=command.quantity, draw=draw)


def _data(command: LandscapeOptions) -> Any:
    from lossland.data import load, standardise

    return standardise(load(command.data, **of_file(command.file)))


def _planes(command: LandscapeOptions, data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The plane of each pair, and its field where fields are asked for."""
    import jax

    from lossland.elements import pair
    from lossland.landscapes import gradient_field, shared_planes

    wanted = [pair(name) for name in command.names]
    centre = _point(command, command.around, data)
    directions = _directions(command, centre, data)
    quantities = set() if command.quantity == "objective" else {command.quantity}
    quantities |= {"dead"} if command.dead is not None else set()
    given = {"steps": command.steps, "l2": command.l2}
    fields: dict[str, Any] = {}
    with jax.enable_x64(True):
        # One range for all: that of the first.
        planes = shared_planes(
            wanted, data, centre, directions, radius=command.radius, quantities=sorted(quantities), **given
        )
        first = next(iter(planes.values()))
        radius = float(first.alphas[-1]), float(first.betas[-1])
        if command.field:
            fields = {p.name: gradient_field(p, data, centre, directions, radius=radius, **given) for p in wanted}
    return planes, fields


def _point(command: LandscapeOptions, what: str, data: Any) -> Any:
    import jax
    import numpy as np

    from lossland.solvers import solve
    from lossland.training import linear

    if what == "zero":
        return {"weights": np.zeros(data.d), "bias": np.zeros(())}
    if what == "random":
        return linear().init(jax.random.key(command.seed), data.d)
    found = solve({"svm": "hinge", "logistic": "logistic"}[what], data, C=command.C)
    return {"weights": np.asarray(found.weights), "bias": np.asarray(found.bias)}


def _directions(command: LandscapeOptions, centre: Any, data: Any) -> tuple[Any, Any]:
    import jax
    import numpy as np

    from lossland.core import dot, norm
    from lossland.landscapes import random_directions

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


def _together(made: dict[str, Any]) -> Any:
    import xarray

    held = [each.to_xarray() for each in made.values()]
    names = xarray.IndexVariable("pair", list(made))
    of_each = [name for name, values in held[0].data_vars.items() if "alpha" in values.dims]
    ways = {"data_vars": of_each, "coords": "minimal", "compat": "equals"}
    return xarray.concat(held, names, join="exact", combine_attrs="drop_conflicts", **ways)
