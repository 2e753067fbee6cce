"""Volumes: an objective along three directions, one plane for each step along the third."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lossland.core import Model, Params, guarded, refuse_grid
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.landscapes._evaluate import on_grid
from lossland.landscapes._places import moved
from lossland.landscapes._plane import Plane, Progress, axes_of, labelled
from lossland.landscapes._surface import Asked, Surface, surface_of


class Volume(NamedTuple):
    """An objective on a grid: values[i, j, k] at centre + alphas[i] d1 + betas[j] d2 + gammas[k] d3.

    Attributes:
        values: (a, b, c) the objective, penalty included; NaN where a score is NaN.
        alphas: (a,).
        betas: (b,).
        gammas: (c,).
        centre: the params at (0, 0, 0).
        directions: d1, d2, d3, shaped like the params.
        quantities: name -> (a, b, c), those asked for.
        method: as `Plane`'s.
        error: the largest of the slices' bounds; 0 where values are exact to rounding.
        holes: how many values are NaN.
        settings: pair, data, model, l2 and what else is needed to draw it again.
    """

    values: np.ndarray
    alphas: np.ndarray
    betas: np.ndarray
    gammas: np.ndarray
    centre: Params
    directions: tuple[Params, Params, Params]
    quantities: dict[str, np.ndarray]
    method: str
    error: float
    holes: int
    settings: dict[str, Any]

    def slice(self, k: int) -> Plane:
        """The plane at gammas[k]."""
        centre = moved(self.centre, self.directions[2:], (self.gammas[k],))
        values = self.values[:, :, k]
        held = {name: q[:, :, k] for name, q in self.quantities.items()}
        holes = int(np.isnan(values).sum())
        first, second = self.directions[:2]
        return Plane(
            values, self.alphas, self.betas, centre, (first, second), held, self.method, self.error, holes,
            self.settings,
        )  # fmt: skip

    def to_xarray(self) -> Any:
        """An `xarray.Dataset` with dims (alpha, beta, gamma); the centre and the directions are in it."""
        return labelled(self, ("alpha", "beta", "gamma"), (self.alphas, self.betas, self.gammas), self.directions)


@guarded()
def volume(
    pair: Pair,
    data: Dataset,
    centre: Params,
    directions: tuple[Params, Params, Params],
    *,
    radius: float | tuple[float, float, float] | None = None,
    steps: int | tuple[int, int, int] = 31,
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
    quantities: Sequence[str] = (),
    method: str = "fastest",
    tolerance: float = 0.0,
    progress: Progress | None = None,
) -> Volume:
    r"""The objective on a grid in three directions of its parameters.

    .. math:: V_{ijk} = F(\theta + \alpha_i d_1 + \beta_j d_2 + \gamma_k d_3)

    Args:
        pair: from `pair`.
        data: the examples.
        centre: the params in the middle, theta; left as they are.
        directions: d1, d2 and d3, shaped like the params.
        radius: as `plane`'s, one number or three.
        steps: points on each axis, odd, one number or three.
        model: gives scores; linear if left out.
        l2: the penalty.
        sample_weights: (n,), as in `objective`.
        quantities: as `plane`'s.
        method: as `plane`'s; each step along d3 is a plane of its own.
        tolerance: as `plane`'s.
        progress: called with (points done, of).

    Returns:
        A `Volume`.

    Raises:
        ValueError: as `plane`; if the values would not fit into the free memory.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, d=3, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> axes = ll.random_directions(centre, jax.random.key(1), 3)
        >>> v = ll.volume(ll.pair("relu", "hinge"), data, centre, axes, radius=1.0, steps=(5, 3, 7))
        >>> v.values.shape, v.method
        ((5, 3, 7), 'kinks')
    """
    if len(directions) != 3:
        raise ValueError(f"A volume needs three directions; got {len(directions)}. `plane` takes two.")
    counts = (steps,) * 3 if isinstance(steps, int) else tuple(steps)
    if len(counts) != 3:
        raise ValueError(f"steps is one number or 3, not {steps}.")
    # The values, and once more while they are saved or drawn.
    refuse_grid("volume", counts, 16 * (1 + len(quantities)))
    asked = Asked(pair, data, centre, directions, model, l2, sample_weights, quantities, method, tolerance)
    surface = surface_of(asked)
    return _volume_of(surface, axes_of(surface, radius, counts), progress)


def _volume_of(surface: Surface, axes: tuple[np.ndarray, ...], progress: Progress | None) -> Volume:
    shape = tuple(map(len, axes))
    values = np.empty(shape)
    held = {name: np.empty(shape) for name in surface.quantities}
    first, second, third = surface.directions
    error, method, done = 0.0, "", shape[0] * shape[1]
    for k, gamma in enumerate(axes[2]):
        centre = moved(surface.centre, (third,), (gamma,))
        found = on_grid(surface._replace(centre=centre, directions=(first, second)), axes[:2])
        values[:, :, k], error, method = found.values, max(error, found.error), found.method
        for name in held:
            held[name][:, :, k] = found.quantities[name]
        if progress is not None:
            progress((k + 1) * done, values.size)
    return Volume(
        values, axes[0], axes[1], axes[2], surface.centre, (first, second, third), held, method, error,
        int(np.isnan(values).sum()), surface.settings(),
    )  # fmt: skip
