"""The page's data sets: two columns, at most 200 examples, with the certified optima of hinge and logistic loss."""

from collections.abc import Callable
from typing import Any

import numpy as np

from lossland.core import guarded
from lossland.data import Dataset, load, outliers, standardise
from lossland.solvers import solve

L2S = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
"""The penalties that the page offers. At 0 nothing is solved: there need not be an optimum."""
RIVALS = {"SVM": "hinge", "logistic regression": "logistic"}
"""What is marked on every landscape: convex losses of a linear output."""
COLUMNS = ("mean texture", "worst concave points")


def _breast_cancer() -> Dataset:
    data = standardise(load("breast_cancer"))
    columns = [data.input_names.index(name) for name in COLUMNS]
    return Dataset(data.inputs[:120, columns], data.labels[:120], input_names=COLUMNS)


# As many examples in each: the solvers then compile once a loss.
CLOUDS: dict[str, tuple[str, Callable[[], Dataset]]] = {
    "gaussians": ("overlapping Gaussians", lambda: load("two_gaussians(n=120, distance=2.5)")),
    "separable": ("separable clouds", lambda: load("separable(n=120, margin=0.5, offset=0.3)")),
    "xor": ("XOR", lambda: load("xor(n=120)")),
    "moons": ("two moons", lambda: load("two_moons(n=120, noise=0.15)")),
    "outliers": (
        "one class with outliers",
        lambda: outliers(load("two_gaussians(n=120, distance=4.0)"), 0.05, scale=3.0),
    ),
    "breast_cancer": ("breast cancer, two features", _breast_cancer),
}


@guarded()
def cloud(name: str) -> Dataset:
    """One of the page's data sets.

    Args:
        name: a key of `CLOUDS`.

    Returns:
        The data set, inputs (n, 2), rounded to the four decimals that the page shows.

    Raises:
        ValueError: if there is none of that name.

    Example:
        >>> cloud("xor").inputs.shape
        (120, 2)
    """
    if name not in CLOUDS:
        raise ValueError(f"The page has no data set {name!r}; it has {', '.join(CLOUDS)}.")
    title, make = CLOUDS[name]
    data = make()
    names = data.input_names or ("x1", "x2")
    return Dataset(np.round(data.inputs, 4), data.labels, name=title, input_names=names)


def described(name: str) -> dict[str, Any]:
    """A data set and its optima as JSON takes them: {loss: {"weights": (l2, 2), "bias": (l2,)}} for l2 > 0."""
    data = cloud(name)
    optima = {}
    for rival, loss in RIVALS.items():
        found = solve(loss, data, l2=np.array(L2S[1:]))
        optima[rival] = np.column_stack([found.weights, found.bias]).tolist()
    return {
        "name": name,
        "title": data.name,
        "columns": list(data.input_names),
        "inputs": data.inputs.tolist(),
        "labels": data.labels.astype(int).tolist(),
        "optima": optima,
    }
