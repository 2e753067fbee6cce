"""Planes kept on disk: half-done ones that go on where they were stopped, published ones that are drawn again."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lossland.core import (
    Arrays,
    Model,
    Params,
    fingerprint,
    guarded,
    named_path,
    only_writer,
    read,
    read_arrays,
    remove_leftovers,
    save,
    writable,
    write_arrays,
)
from lossland.data import Dataset, load
from lossland.elements import Pair, pair
from lossland.landscapes._evaluate import GridValues, on_grid
from lossland.landscapes._plane import Plane, Progress, on_two_axes, plane_from, plane_of
from lossland.landscapes._surface import Asked, Surface, surface_of
from lossland.training import linear

Axes = tuple[np.ndarray, ...]


@guarded(rows=1)
def resumed_plane(
    path: str | Path,
    pair: Pair,
    data: Dataset,
    centre: Params,
    directions: tuple[Params, Params],
    *,
    radius: float | tuple[float, float] | None = None,
    steps: int | tuple[int, int] = 101,
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
    quantities: Sequence[str] = (),
    method: str = "fastest",
    rows: int = 16,
    save_seconds: float = 5.0,
    progress: Progress | None = None,
) -> Plane:
    r"""A plane that is kept in a file: stopped at any moment, the same call goes on to the same bits.

    Blocks of rows are computed one after the other. What is done stands beside the file, in a file of its own that is
    written whole and moved, with a mask of the rows that it holds: whatever a value is, the mask says whether it was
    computed. Both files name the recipe: pair, data, model, l2, weights, quantities, method, centre, directions, axes.

    Args:
        path: the finished plane, a netCDF file (.nc). If it is there, it is read.
        pair: from `pair`; it and the rest as `plane`'s.
        data: the examples.
        centre: the params in the middle.
        directions: d1 and d2.
        radius: as `plane`'s.
        steps: as `plane`'s.
        model: gives scores; linear if left out.
        l2: the penalty.
        sample_weights: (n,).
        quantities: as `plane`'s.
        method: as `plane`'s.
        rows: of one block.
        save_seconds: at least so long between two writes; 0: after every block.
        progress: called with (pixels done, of).

    Returns:
        The `Plane`, also in the file.

    Raises:
        ValueError: as `plane`; if the file, or the half-done one, has another recipe (the message says which part
            differs), or cannot be read.

    Example:
        >>> import jax, tempfile, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> axes = ll.random_directions(centre, jax.random.key(1))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     given = ll.pair("relu+hinge"), data, centre, axes
        ...     p = ll.landscapes.resumed_plane(f"{folder}/a.nc", *given, radius=1.0, steps=5)
        ...     bool((ll.landscapes.read_plane(f"{folder}/a.nc").values == p.values).all())
        True
    """
    if rows < 1 or not save_seconds >= 0:
        raise ValueError(f"rows must be at least 1 and save_seconds >= 0, not {rows} and {save_seconds}.")
    path = named_path(path)
    asked = Asked(pair, data, centre, directions, model, l2, sample_weights, quantities, method)
    surface, axes = on_two_axes(asked, radius, steps)
    recipe = _recipe(surface, axes, rows)
    partial = path.with_name(f"{path.name}.half-done.npz")
    if path.exists() and not partial.exists():
        return _finished_plane(path, recipe)
    with writable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    # Who computes the same plane is waited for, and its file read.
    with only_writer(path.with_name(f"{path.name}.lock")):
        if path.exists():
            made = _finished_plane(path, recipe)
            partial.unlink(missing_ok=True)
            return made
        keep = _keeper(partial, recipe, save_seconds)
        found = _by_rows(surface, axes, rows, keep, _half_done(partial, recipe), progress)
        made = plane_from(surface, axes, found)
        with writable(path.parent):
            save(made.to_xarray().assign_attrs(recipe=json.dumps(recipe)), path)
        partial.unlink(missing_ok=True)
        return made


@guarded()
def read_plane(path: str | Path) -> Plane:
    """A plane from a file that holds `Plane.to_xarray()`, or that `resumed_plane` wrote.

    Args:
        path: the netCDF file.

    Returns:
        The `Plane`; its centre and directions are shaped as the params were.

    Raises:
        FileNotFoundError: if there is no file.
        ValueError: if it cannot be read or holds no plane.

    Example:
        >>> import jax, tempfile, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> axes, seen = ll.random_directions(centre, jax.random.key(1)), {"radius": 1.0, "steps": 5}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     made = ll.landscapes.resumed_plane(f"{folder}/p.nc", ll.pair("relu+hinge"), data, centre, axes, **seen)
        ...     held = ll.landscapes.read_plane(f"{folder}/p.nc")
        >>> bool((held.values == made.values).all())
        True
    """
    path = Path(path)
    held = read(path)
    missing = {"settings", "paths", "method", "error", "holes"} - set(held.attrs)
    if missing or "objective" not in held or held.objective.dims != ("alpha", "beta"):
        raise ValueError(f"{path} holds no plane; write one with plane(...).to_xarray().to_netcdf({path.name!r}).")
    paths = json.loads(held.attrs["paths"])
    tree = {what: _params_from(held, what, paths) for what in ("centre", "direction_0", "direction_1")}
    quantities = {n: v.values for n, v in held.data_vars.items() if n != "objective" and v.dims == ("alpha", "beta")}
    return Plane(
        held.objective.values, held.alpha.values, held.beta.values,
        tree["centre"], (tree["direction_0"], tree["direction_1"]), quantities,
        str(held.attrs["method"]), float(held.attrs["error"]), int(held.attrs["holes"]),
        json.loads(held.attrs["settings"]),
    )  # fmt: skip


@guarded()
def redrawn(
    made: Plane, *, data: Dataset | None = None, model: Model | None = None, sample_weights: Any = None
) -> Plane:
    """Compute a published plane again, from its centre, directions, axes and settings, and hold it against the file.

    Args:
        made: from `read_plane`.
        data: the examples; loaded by the name in the settings if left out (not standardised).
        model: needed if the settings name another than the linear one.
        sample_weights: needed if there were any.

    Returns:
        The `Plane` computed anew, equal to the one given.

    Raises:
        ValueError: if the data or the model are not those that the settings name, or the values are others than those
            in the file.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> p = ll.random_plane(ll.pair("relu+hinge"), data, centre, key=jax.random.key(1), radius=1.0, steps=5)
        >>> bool((ll.landscapes.redrawn(p, data=data).values == p.values).all())
        True
    """
    said = made.settings
    data = load(said["data"]) if data is None else data
    model = linear() if model is None else model
    given = {"n": data.n, "d": data.d, "model": model.name, "weighted": sample_weights is not None}
    for name, value in given.items():
        if said.get(name, value) != value:
            raise ValueError(f"The plane was drawn with {name} = {said[name]}; given is {value}. Give {_WHERE[name]}.")
    method = "fastest" if made.method == "expansion" else made.method
    asked = Asked(
        pair(said["pair"]), data, made.centre, made.directions, model, said["l2"], sample_weights,
        tuple(made.quantities), method, said.get("tolerance", 0.0),
    )  # fmt: skip
    again = plane_of(surface_of(asked), (made.alphas, made.betas))
    # Both may be expansions, each as near as it says.
    allowed = 1e-9 * np.abs(made.values) + made.error + again.error + 1e-12
    same = np.isclose(again.values, made.values, rtol=0.0, atol=allowed, equal_nan=True)
    if not same.all():
        raise ValueError(
            f"The plane comes out otherwise at {int((~same).sum())} of {same.size} pixels. Are these the data, "
            "standardised or not, the model and the sample weights that it was drawn with?"
        )
    return again._replace(settings=said)


# ------------------------------------------------------------------------------------------------- what is on the disk

_WHERE = {"n": "the same data=", "d": "the same data=", "model": "the same model=", "weighted": "the sample_weights="}


def _by_rows(
    surface: Surface, axes: Axes, rows: int, keep: Callable[[Arrays], None], held: Arrays | None, progress: Any
) -> GridValues:
    """The grid, block by block of rows; those that are held already are not computed again."""
    shape, names = (len(axes[0]), len(axes[1])), ("objective", *surface.quantities)
    arrays = held or {name: np.full(shape, np.nan) for name in names} | {"done": np.zeros(shape[0], bool)}
    for start in range(0, shape[0], rows):
        block = slice(start, start + rows)
        if not arrays["done"][block].all():
            found = on_grid(surface, (axes[0][block], axes[1]))
            for name in names:
                arrays[name][block] = found.values if name == "objective" else found.quantities[name]
            arrays["done"][block], arrays["method"] = True, np.array(found.method)
            keep(arrays)
        if progress is not None:
            progress(int(arrays["done"].sum()) * shape[1], shape[0] * shape[1])
    return GridValues(arrays["objective"], {name: arrays[name] for name in names[1:]}, str(arrays["method"]), 0.0)


def _half_done(path: Path, recipe: dict[str, str]) -> Arrays | None:
    """The rows that an earlier run has left, its recipe checked; None if there was none."""
    remove_leftovers(path.parent, path.name)
    arrays = read_arrays(path)
    if arrays is None:
        return None
    _compare(path, json.loads(str(arrays.pop("recipe"))), recipe)
    return arrays


def _keeper(path: Path, recipe: dict[str, str], seconds: float) -> Callable[[Arrays], None]:
    """A function that writes what is done, whole and moved, if `seconds` have passed since the last time."""
    last = time.monotonic()

    def keep(arrays: Arrays) -> None:
        nonlocal last
        if time.monotonic() - last < seconds:
            return
        write_arrays(path, arrays | {"recipe": np.array(json.dumps(recipe))})
        last = time.monotonic()

    return keep


def _recipe(surface: Surface, axes: Axes, rows: int) -> dict[str, str]:
    """Each thing that the values depend on, by a hash of its content."""
    f = surface.objective
    parts = {
        "pair": f.pair, "model": f.model, "data": (f.inputs, f.labels), "l2": float(f.l2),
        "sample_weights": f.sample_weights, "quantities": surface.quantities, "method": surface.method,
        "centre": surface.centre, "directions": surface.directions, "range or steps": axes, "rows": rows,
    }  # fmt: skip
    return {"package": fingerprint([])[:16]} | {name: fingerprint([part])[:16] for name, part in parts.items()}


def _compare(path: Path, held: dict[str, str], wanted: dict[str, str]) -> None:
    different = [name for name in wanted if held.get(name) != wanted[name]]
    # A package's version and the sources are in every hash.
    if "package" in different:
        different = ["lossland itself or the version of a package"]
    if different:
        raise ValueError(
            f"{path} has another recipe; what differs: {', '.join(different)}. Give another path, or remove the file."
        )


def _finished_plane(path: Path, recipe: dict[str, str]) -> Plane:
    held = read(path).attrs.get("recipe")
    if held is None:
        raise ValueError(f"{path} is there already and names no recipe. Give another path; `read_plane` reads it.")
    _compare(path, json.loads(held), recipe)
    return read_plane(path)


def _params_from(held: Any, what: str, paths: dict[str, list]) -> Params:
    """Params from their arrays' names and the way that leads to each: words are keys, numbers places in a list."""
    if list(paths.values()) == [[]]:
        return held[f"{what}_"].values
    root: dict[Any, Any] = {}
    for name, way in paths.items():
        at = root
        for key in way[:-1]:
            at = at.setdefault(key, {})
        at[way[-1]] = held[f"{what}_{name}"].values
    return _listed(root)


def _listed(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    held = {key: _listed(value) for key, value in tree.items()}
    return [held[k] for k in range(len(held))] if set(held) == set(range(len(held))) else held
