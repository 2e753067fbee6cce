"""The result of a sweep: arrays with named axes, the choice of the best by validation, and the way to xarray.

A sweep as rows: for each pair the setting that the validation part chose, and what the test part says of it.
"""

import html
import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.core import Params, Table, leaf_names, plotted, short_repr, table, tree_form
from lossland.training._records import MEASURES
from lossland.training._step import DIVERGED, FINISHED, RUNNING

STATUS = {RUNNING: "ran to the end", FINISHED: "finished: its gradient fell to the tolerance", DIVERGED: "diverged"}


class Sweep(NamedTuple):
    """What a sweep left. Arrays have axes (pair, seed, learning rate, l2, further hyperparameters, ...).

    Attributes:
        pairs: the pairs' names.
        seeds: the seeds.
        axes: name -> values of every further axis, in order: learning_rate, l2, ...
        thresholds: at which errors are counted, numbers or "best".
        steps: (r,) the updates made before each record.
        records: name -> (..., r), errors (..., r, thresholds). Names: see `lossland.training.MEASURES`; with
            validation or test data also "validation_risk", "validation_error", "test_risk", "test_error"; your metrics.
        params: the last parameters (or their mean), each leaf with the axes before its own.
        status: 0 ran to the end, 1 finished early (its gradient fell to the tolerance), 2 diverged.
        stopped: the number of updates that each model got.
        skipped: why each pair that was left out is not admissible.
        settings: everything needed to run it again, and versions and device.
        path: the file that holds it; None: it was not saved.
        kept: the parameters at every recorded step, each leaf (..., r, own axes); None if they were not kept.
    """

    pairs: tuple[str, ...]
    seeds: tuple[int, ...]
    axes: dict[str, tuple[float, ...]]
    thresholds: tuple[float | str, ...]
    steps: tuple[int, ...]
    records: dict[str, np.ndarray]
    params: Params
    status: np.ndarray
    stopped: np.ndarray
    skipped: tuple[str, ...]
    settings: dict[str, Any]
    path: Path | None = None
    kept: Params | None = None

    __repr__ = short_repr
    plot = plotted

    def _repr_html_(self) -> str:
        """A row a pair, for a notebook: its best and median objective at the end and how many models diverged."""
        last = np.where(np.isfinite(self.records["objective"][..., -1]), self.records["objective"][..., -1], np.inf)
        rows = "".join(
            f"<tr><td>{html.escape(name)}</td><td>{each.min():.4g}</td><td>{np.median(each):.4g}</td>"
            f"<td>{int(gone.sum())} of {gone.size}</td></tr>"
            for name, each, gone in zip(self.pairs, last, self.diverged, strict=True)
        )
        head = "<tr><th>pair</th><th>best objective</th><th>median</th><th>diverged</th></tr>"
        return f"<b>Sweep of {self.status.size} models, {self.steps[-1]} steps</b><table>{head}{rows}</table>"

    @property
    def diverged(self) -> np.ndarray:
        """Which models diverged, axes as `status`."""
        return self.status == DIVERGED

    def params_at(self, step: int) -> Params:
        """The parameters of all models after `step` updates, each leaf with the sweep's axes before its own.

        Args:
            step: one of `steps`.

        Raises:
            ValueError: if the step was not recorded, or its params were not kept.

        Example:
            >>> import lossland as ll
            >>> s = ll.sweep("identity+hinge", ll.load("two_points"), seeds=2, steps=4)
            >>> s.params_at(2)["weights"].shape, bool((s.params_at(4)["bias"] == s.params["bias"]).all())
            ((1, 2, 1, 1, 2), True)
        """
        if step not in self.steps:
            raise ValueError(f"Step {step} was not recorded; these were: {', '.join(map(str, self.steps))}.")
        if step == self.steps[-1]:
            return self.params
        if self.kept is None:
            raise ValueError(
                "This sweep kept the params of its last step only; those of every recorded step are kept where they "
                "take little room, or with sweep(..., keep_params=True)."
            )
        place, axes = self.steps.index(step), self.status.ndim
        return jax.tree.map(lambda leaf: leaf[(slice(None),) * axes + (place,)], self.kept)

    def to_frame(self, every_step: bool = False) -> Any:
        """A tidy `pandas.DataFrame`: one row a model, or one a model and recorded step.

        Columns: pair, seed, learning_rate, l2, ..., step, each record (errors once for each threshold where there are
        several, as "train_error at 0.5"), status in words and stopped.

        Args:
            every_step: a row for every recorded step; else the last alone.

        Example:
            >>> import lossland as ll
            >>> s = ll.sweep(["identity+hinge", "relu+hinge"], ll.load("two_points"), seeds=2, steps=4)
            >>> frame = s.to_frame()
            >>> len(frame), len(s.to_frame(every_step=True)), bool((frame.groupby("pair").risk.mean() < 0.7).all())
            (4, 20, True)
        """
        import pandas

        steps = self.steps if every_step else self.steps[-1:]
        shape = (*self.status.shape, len(steps))
        grid = {"pair": self.pairs, "seed": self.seeds, **self.axes, "step": steps}
        places = np.indices(shape).reshape(len(shape), -1)
        columns = {name: np.asarray(list(values))[at] for (name, values), at in zip(grid.items(), places, strict=True)}
        for name, array in self.records.items():
            held = array if every_step else np.take(array, [-1], axis=self.status.ndim)
            if held.ndim == len(shape):
                columns[name] = held.ravel()
                continue
            for k, line in enumerate(self.thresholds):
                columns[name if len(self.thresholds) == 1 else f"{name} {_above(line)}"] = held[..., k].ravel()
        words = np.array([STATUS[k].partition(":")[0] for k in sorted(STATUS)])
        columns["status"] = np.repeat(words[np.searchsorted(sorted(STATUS), self.status.ravel())], len(steps))
        columns["stopped"] = np.repeat(self.stopped.ravel(), len(steps))
        return pandas.DataFrame(columns)

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with dims (pair, seed, learning_rate, l2, ..., step), ready for `to_netcdf`.

        A linear model's params are the variables "weights", with the further dim "input", and "bias".

        Example:
            >>> import lossland as ll
            >>> data = ll.load("two_gaussians(n=50, seed=1)")
            >>> s = ll.sweep("identity+hinge", data, seeds=2, learning_rates=(0.1, 1.0), steps=4)
            >>> dict(s.to_xarray().risk.sizes)
            {'pair': 1, 'seed': 2, 'learning_rate': 2, 'l2': 1, 'step': 5}
        """
        import xarray

        dims = ("pair", "seed", *self.axes)
        lines = np.array([str(t) for t in self.thresholds])
        made = xarray.Dataset(
            coords={"pair": list(self.pairs), "seed": list(self.seeds)}
            | {name: list(values) for name, values in self.axes.items()}
            | {"step": list(self.steps), "threshold": lines}
        )
        for name, array in self.records.items():
            further = ("step", "threshold") if array.ndim == len(dims) + 2 else ("step",)
            made[name] = ((*dims, *further), array, {"long_name": MEASURES.get(name, "")})
        made["status"] = (dims, self.status, {"meaning": json.dumps(STATUS)})
        made["stopped"] = (dims, self.stopped, {"long_name": "updates that the model got"})
        taken = [*map(str, made.variables), *map(str, made.dims), "input"]
        names = leaf_names(self.params, [*taken, *(f"{name}_at_steps" for name in leaf_names(self.params))])
        for name, leaf in zip(names, jax.tree.leaves(self.params), strict=True):
            # An array may be called as another one's axis would be.
            axes = (f"{name}_{k}" for k in range(leaf.ndim - len(dims)))
            own = tuple(f"{axis}_axis" if axis in names else axis for axis in axes)
            made[name] = ((*dims, *(("input",) if own and name == "weights" else own)), leaf)
        held = {"settings": self.settings, "skipped": self.skipped, "leaves": names, "tree": _form_or_none(self.params)}
        if self.kept is not None:
            for name, leaf in zip(names, jax.tree.leaves(self.kept), strict=True):
                own = made[name].dims[len(dims) :]
                made[_at(name)] = ((*dims, "step", *own), leaf, {"long_name": f"{name} at every recorded step"})
            held["kept"] = [_at(name) for name in names]
        return made.assign_attrs({name: json.dumps(value) for name, value in held.items()})

    def best(self, by: str = "validation_error", threshold: float | str | None = None) -> Any:
        """For each pair the setting and the step at which the mean over seeds of `by` is lowest.

        Selection sees `by` alone; ties are broken by the risk on the same examples, then by the smaller step, never by
        the test part. A setting with a diverged seed is passed over as long as another has none.

        Args:
            by: a record to minimise: "validation_error", "validation_risk", "train_error", "risk", "objective", or a
                metric of yours. Not one of the test part.
            threshold: for errors, at which of the sweep's thresholds; the first if left out.

        Returns:
            An `xarray.Dataset` with dims (pair, seed): every record at the chosen point, with coordinates
            learning_rate, l2, ... and step along pair, `diverged_seeds` of the chosen setting, and the params of the
            chosen step. Where a sweep kept those of its last step only, they are NaN for a pair whose chosen step is
            another: sweep(keep_params=True) keeps all.

        Raises:
            ValueError: if there is no such record, or it is of the test part.

        Example:
            >>> import lossland as ll
            >>> train, test, *_ = ll.split(ll.load("breast_cancer"))
            >>> train, held, *_ = ll.split(train)
            >>> s = ll.sweep("identity+hinge", train, learning_rates=(1e-3, 0.1), steps=64, validation=held, test=test)
            >>> chosen = s.best()
            >>> chosen.learning_rate.values, bool((chosen.test_error < 0.1).all())
            (array([0.1]), True)
        """
        import xarray

        self._refuse(by)
        full = self.to_xarray()
        held = full[by]
        if "threshold" in held.dims:
            held = held.sel(threshold=str(self.thresholds[0] if threshold is None else threshold))
        settings = list(self.axes)
        lost = (full.status == DIVERGED).sum("seed")
        worth = held.mean("seed").where(lost == lost.min(settings))
        worth = worth.fillna(np.inf)
        risk = full["validation_risk" if by.startswith("validation") else "risk"].mean("seed").fillna(np.inf)
        chosen = []
        for name in self.pairs:
            value = worth.sel(pair=name).transpose("step", *settings)
            ties = risk.sel(pair=name).transpose("step", *settings).values
            first = np.lexsort((ties.ravel(), value.values.ravel()))[0]
            place = np.unravel_index(int(first), value.shape)
            at = dict(zip(("step", *settings), place, strict=True))
            one = full.sel(pair=name).isel(at)
            names = json.loads(full.attrs["leaves"])
            if self.kept is not None:
                one = one.assign({name: one[_at(name)] for name in names}).drop_vars([_at(name) for name in names])
            elif at["step"] != len(self.steps) - 1:
                one = one.assign({name: one[name].astype(float) * np.nan for name in names})
            chosen.append(one.assign(diverged_seeds=lost.sel(pair=name).isel({k: at[k] for k in settings})))
        along = ["step", *settings]
        return xarray.concat(chosen, "pair", coords=along, data_vars="all", compat="equals", join="outer").assign_attrs(
            by=by
        )

    def _refuse(self, by: str) -> None:
        if by.startswith("test"):
            raise ValueError(
                f"{by} would select by the test part; give sweep(validation=...) and use validation_error."
            )
        if by not in self.records:
            hint = " Give sweep(validation=...)." if by.startswith("validation") else ""
            raise ValueError(f"This sweep recorded no {by}.{hint} It has: {', '.join(sorted(self.records))}.")


def _at(name: str) -> str:
    """What an array of the params at every recorded step is called in a file."""
    return f"{name}_at_steps"


def _form_or_none(params: Params) -> Any:
    try:
        return tree_form(params)
    except ValueError:
        return None


def best_table(made: Sweep, by: str = "validation_error") -> Table:
    """A row a pair, best test error first: chosen setting, errors as mean and standard deviation over seeds.

    Each threshold of the sweep has its own choice and its own columns.
    """
    chosen = {line: made.best(by, line) for line in made.thresholds}
    first = chosen[made.thresholds[0]]
    lost = made.diverged.reshape(len(made.pairs), -1)
    columns = ["pair", *made.axes, "step"]
    columns += [f"{part} error {_above(line)}" for line in chosen for part in ("validation", "test")]
    rows = []
    for k, name in enumerate(made.pairs):
        one = first.sel(pair=name)
        row: list[Any] = [name, *(f"{float(one[axis]):g}" for axis in made.axes), int(one.step)]
        for line, best in chosen.items():
            for part in ("validation", "test"):
                values = best[f"{part}_error"].sel(pair=name, threshold=str(line)).values
                row.append(f"{values.mean():.3f} ± {values.std():.3f}")
        rows.append((*row, f"{lost[k].sum()} of {lost.shape[1]}" if lost[k].any() else ""))
    errors = [
        float(best["test_error"].sel(threshold=str(line)).mean("seed").sel(pair=n))
        for n in made.pairs
        for line, best in list(chosen.items())[:1]
    ]
    ordered = [rows[k] for k in np.argsort(errors, kind="stable")]
    return table("Chosen by validation, a row a pair", (*columns, "diverged"), ordered)


def _above(line: float | str) -> str:
    return "at best" if line == "best" else f"at {line:g}"
