"""`gradient_field`: the gradient and the Hessian of an objective on a plane, and how much of it leaves the plane."""

from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.core import Model, Params, guarded, html_repr, plotted, short_repr
from lossland.curves import tabulate
from lossland.data import Dataset
from lossland.elements import Pair
from lossland.landscapes._derivatives import invariants, orthonormal, tangents
from lossland.landscapes._places import grid_places
from lossland.landscapes._plane import Plane, Progress, on_two_axes, plane_of
from lossland.landscapes._straight import at_hand, is_straight
from lossland.landscapes._surface import Asked


class GradientField(NamedTuple):
    """First and second derivatives on a plane; [i, j] is at (plane.alphas[i], plane.betas[j]).

    Attributes:
        plane: the objective there.
        slopes: (a, b, 2), dF/dalpha and dF/dbeta: what the contours are perpendicular to, in a drawing.
        steepest: (a, b, 2), the coordinates of the gradient's projection on the plane, G^-1 slopes with G the
            directions' inner products: where gradient descent within the plane goes, with a minus. The same as
            slopes if the directions are orthonormal.
        norms: (a, b), of the full gradient.
        outside: (a, b), of the gradient's part orthogonal to the plane.
        hessians: (a, b, 2, 2), the second derivatives in alpha and beta.
        determinants: (a, b), of the Hessian on the plane in orthonormal coordinates, det(hessian) / det(G).
        traces: (a, b), likewise, tr(G^-1 hessian).
        of_pieces: whether the loss has kinks: slopes there follow its ties, and Hessians are those of the smooth piece
            that a pixel lies in, which know nothing of the kinks around it.
    """

    plane: Plane
    slopes: np.ndarray
    steepest: np.ndarray
    norms: np.ndarray
    outside: np.ndarray
    hessians: np.ndarray
    determinants: np.ndarray
    traces: np.ndarray
    of_pieces: bool

    __repr__ = short_repr
    _repr_html_ = html_repr
    plot = plotted

    @property
    def share_outside(self) -> np.ndarray:
        """(a, b), from 0 (the gradient lies in the plane) to 1 (descent leaves it at once); 0 where there is none."""
        with np.errstate(invalid="ignore"):
            return np.divide(self.outside, self.norms, out=np.zeros_like(self.norms), where=self.norms != 0)

    def to_xarray(self) -> Any:
        """The plane's `xarray.Dataset` with the field beside it."""
        held = self.plane.to_xarray()
        here = ("alpha", "beta")
        both = (*here, "coordinate")
        held = held.assign_coords(coordinate=["alpha", "beta"])
        for name in ("norms", "outside", "determinants", "traces"):
            held[name] = (here, getattr(self, name))
        for name in ("slopes", "steepest"):
            held[name] = (both, getattr(self, name))
        held["hessians"] = ((*both, "other_coordinate"), self.hessians)
        return held.assign_attrs(of_pieces=int(self.of_pieces))


@guarded()
def gradient_field(
    pair: Pair,
    data: Dataset,
    centre: Params,
    directions: tuple[Params, Params],
    *,
    radius: float | tuple[float, float] | None = None,
    steps: int | tuple[int, int] = 51,
    model: Model | None = None,
    l2: float = 0.0,
    sample_weights: Any = None,
    progress: Progress | None = None,
) -> GradientField:
    r"""The gradient and the Hessian on a grid in a plane of the parameters.

    .. math:: g_{ij} = (d_1^\top \nabla F, \; d_2^\top \nabla F), \qquad H_{ij} = (d_k^\top \nabla^2 F \, d_l)_{kl}

    at :math:`\theta + \alpha_i d_1 + \beta_j d_2`. The slope at a kink is the pair's: `relu(tie=0.5)` chooses it.

    Args:
        pair: from `pair`.
        data: the examples.
        centre: the params in the middle, theta.
        directions: d1 and d2, shaped like the params, not parallel.
        radius: as `plane`'s.
        steps: points on each axis, odd.
        model: gives scores; linear if left out. Of one whose scores are linear in the params O(n) a pixel, and one
            matrix product for full gradients; of any other by autodiff.
        l2: the penalty.
        sample_weights: (n,), as in `objective`.
        progress: called with (pixels done, of).

    Returns:
        A `GradientField`; NaN where a score is.

    Raises:
        ValueError: as `plane`; if the directions are parallel.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.standardise(ll.load("breast_cancer"))
        >>> centre = {"weights": jax.numpy.zeros(30), "bias": jax.numpy.zeros(())}
        >>> axes = ll.random_directions(centre, jax.random.key(0), normalization=None)
        >>> field = ll.gradient_field(ll.pair("identity", "logistic"), data, centre, axes, radius=1.0, steps=11)
        >>> field.slopes.shape, field.of_pieces, bool((field.determinants > 0).all())
        ((11, 11, 2), False, True)
    """
    surface, axes = on_two_axes(Asked(pair, data, centre, directions, model, l2, sample_weights), radius, steps)
    p = plane_of(surface, axes)
    r = orthonormal(p.directions)[1]
    with jax.enable_x64(True):
        f = surface.objective
        straight = is_straight(f.model, surface.centre, at_hand(f.inputs))
        found = tangents(f, surface.centre, surface.directions, grid_places(axes), straight, progress=progress)
    shape = p.values.shape
    determinants, traces = invariants(found.hessians, r)
    with np.errstate(invalid="ignore", over="ignore"):
        steepest = found.slopes @ np.linalg.inv(r.T @ r)
    return GradientField(
        p,
        found.slopes.reshape(*shape, 2),
        steepest.reshape(*shape, 2),
        found.norms.reshape(shape),
        found.outside.reshape(shape),
        found.hessians.reshape(*shape, 2, 2),
        determinants.reshape(shape),
        traces.reshape(shape),
        any(kink.what != "curvature" for kink in tabulate(pair).kinks),
    )
