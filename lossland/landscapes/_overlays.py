"""What is drawn on a plane: the exact lines where examples pass kinks, connected regions, and given points."""

from typing import Any, NamedTuple

import jax
import numpy as np

from lossland.core import Model, Params, checked_function, flattened, guarded
from lossland.curves import tabulate
from lossland.data import Dataset, both_labels, take
from lossland.elements import Pair
from lossland.landscapes._plane import Plane
from lossland.landscapes._straight import is_straight, score_rows
from lossland.training import linear


class KinkSegments(NamedTuple):
    """The lines z_i(alpha, beta) = kink within a plane's box, m of them.

    Attributes:
        ends: (m, 2, 2), each segment's two ends, (alpha, beta).
        examples: (m,), whose score passes its kink there.
        kinks: (m,), the score of the kink.
        kinds: (m,), what jumps there: "value", "slope" or "curvature".
    """

    ends: np.ndarray
    examples: np.ndarray
    kinks: np.ndarray
    kinds: np.ndarray


class Regions(NamedTuple):
    """The connected parts of a map on a plane's grid, the largest first.

    Attributes:
        labels: (a, b), the number of the part that a pixel is in, from 1; 0 outside.
        areas: (r,), in units of alpha times beta; a pixel at the border has only half its cell in the box.
        lowest: (r,), the lowest objective within.
        highest: (r,), the highest.
        at_border: (r,), whether it reaches the border of the grid, so that it may go on beyond.
    """

    labels: np.ndarray
    areas: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    at_border: np.ndarray


class Place(NamedTuple):
    """Where params lie on a plane: their nearest point centre + alpha d1 + beta d2, and their distance from it.

    Attributes:
        alpha: along the first direction.
        beta: along the second.
        off: the distance of the params from that point, 0 on the plane.
    """

    alpha: float
    beta: float
    off: float


@guarded()
def kink_segments(p: Plane, pair: Pair, data: Dataset, model: Model | None = None) -> KinkSegments:
    r"""The exact lines of a plane on which an example passes a kink of its class curve.

    .. math:: z^0_i + \alpha z^1_i + \beta z^2_i = k

    Between them the objective of a pair made of lines is flat or tilted, nowhere bent.

    Args:
        p: the plane; its grid's box clips the lines.
        pair: whose kinks, from its table, as on its card; the plane's own, or another's.
        data: the examples.
        model: gives scores that are linear in the params; `linear` if left out.

    Returns:
        A segment for each example and kink that the box holds, in the order of examples; none for a smooth pair.

    Raises:
        ValueError: if the model's scores are not linear in its params, so that kinks are no lines.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [-2.0]], [1, -1])
        >>> w, b = {"weights": np.ones(1), "bias": np.zeros(())}, {"weights": np.zeros(1), "bias": np.ones(())}
        >>> centre = {"weights": np.zeros(1), "bias": np.zeros(())}
        >>> p = ll.plane(ll.pair("identity", "hinge"), data, centre, (w, b), radius=2.0, steps=3)
        >>> found = ll.landscapes.kink_segments(p, ll.pair("identity", "hinge"), data)
        >>> found.ends[0].tolist(), found.kinks.tolist()
        ([[2.0, -1.0], [-1.0, 2.0]], [1.0, -1.0])
    """
    model, of = linear() if model is None else model, np.arange(data.n)
    if data.probabilities is not None:
        # Where both labels have a share, both losses have their kinks.
        data, shares = both_labels(data)
        data, of = take(data, shares > 0), np.flatnonzero(shares > 0) % (len(shares) // 2)
    inputs = data.inputs
    with jax.enable_x64(True):
        if not is_straight(model, p.centre, inputs):
            raise ValueError(
                f"Kinks are straight lines only where scores are affine in the params; those of {model.name} are not. "
                f'Draw the quantity "active" or "dead" of the plane instead.'
            )
        centre, *directions = (jax.tree.map(jax.numpy.asarray, tree) for tree in (p.centre, *p.directions))
        origin, first, second = np.asarray(score_rows(model, centre, directions, inputs))
    labels = np.asarray(data.labels)
    held = [(np.flatnonzero(labels == kink.label), kink) for kink in tabulate(pair).kinks]
    examples = np.concatenate([rows for rows, _ in held]) if held else np.zeros(0, int)
    kinks = np.concatenate([np.full(len(rows), kink.at) for rows, kink in held]) if held else np.zeros(0)
    kinds = np.concatenate([np.full(len(rows), kink.what) for rows, kink in held]) if held else np.zeros(0, str)
    normals = np.stack([first[examples], second[examples]], axis=1)
    ends, kept = _clipped_lines(normals, kinks - origin[examples], _box(p))
    order = np.argsort(examples[kept], kind="stable")
    chosen = kept[order]
    return KinkSegments(ends[order], of[examples[chosen]], kinks[chosen], kinds[chosen])


def _box(p: Plane) -> np.ndarray:
    return np.array([[p.alphas.min(), p.betas.min()], [p.alphas.max(), p.betas.max()]])


def _clipped_lines(normals: np.ndarray, offsets: np.ndarray, box: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The parts of lines normal . x = offset in a box, (k, 2, 2), and which lines they are of, (k,)."""
    middle, half = box.mean(axis=0), 0.5 * (box[1] - box[0])
    # In the box [-1, 1]^2: points foot + t along, t between the times at which each coordinate enters and leaves.
    normals, offsets = normals * half, offsets - normals @ middle
    lengths = np.linalg.norm(normals, axis=1)
    met = np.flatnonzero((lengths > 0) & (np.abs(offsets) <= np.abs(normals).sum(axis=1)))
    unit = normals[met] / lengths[met, None]
    foot, along = unit * (offsets[met] / lengths[met])[:, None], unit[:, ::-1] * np.array([-1.0, 1.0])
    with np.errstate(divide="ignore", invalid="ignore"):
        times = (np.array([-1.0, 1.0])[:, None, None] - foot) / along
    still = along == 0
    low = np.where(still, -np.inf, times.min(axis=0)).max(axis=1)
    high = np.where(still, np.inf, times.max(axis=0)).min(axis=1)
    # A line through a corner only is a point.
    real = high - low > 1e-12
    ends = foot[real, None] + np.stack([low, high], axis=1)[real, :, None] * along[real, None]
    return middle + half * np.clip(ends, -1.0, 1.0), met[real]


@guarded()
def regions(p: Plane, where: Any, *, diagonal: bool = False) -> Regions:
    """The connected parts of a map on a plane: dead regions, basins below a level, where a model errs most.

    Args:
        p: the plane.
        where: (a, b) of booleans, or a function of the plane that gives them: `lambda p: p.quantities["dead"] == 1`.
        diagonal: whether pixels that touch at a corner only are connected.

    Returns:
        The parts, the largest first.

    Raises:
        ValueError: if the map is not boolean or not shaped as the plane.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset([[1.0], [2.0]], [1, 1], one_class=True)
        >>> w, b = {"weights": np.ones(1), "bias": np.zeros(())}, {"weights": np.zeros(1), "bias": np.ones(())}
        >>> centre = {"weights": np.zeros(1), "bias": np.zeros(())}
        >>> p = ll.plane(ll.pair("relu", "hinge"), data, centre, (w, b), radius=1.0, steps=3, quantities=["dead"])
        >>> found = ll.landscapes.regions(p, p.quantities["dead"] == 1)
        >>> found.areas.tolist(), found.lowest.tolist(), found.at_border.tolist()
        ([2.5], [1.0], [True])
    """
    from scipy import ndimage

    given = checked_function("where", where, 1)(p) if callable(where) else where
    mask = np.asarray(given) if isinstance(given, (np.ndarray, jax.Array)) else np.asarray(given, dtype=object)
    if mask.dtype != bool or mask.shape != p.values.shape:
        raise ValueError(
            f"where is a map of booleans of shape {p.values.shape}, as the plane, not {mask.dtype} of {mask.shape}; "
            f"say p.quantities['dead'] == 1."
        )
    made: Any = ndimage.label(mask, np.ones((3, 3)) if diagonal else None)
    found, count = made
    numbers = np.arange(1, count + 1)
    cells = np.outer(_widths(p.alphas), _widths(p.betas))
    areas = np.bincount(found.ravel(), cells.ravel(), minlength=count + 1)[1:]
    order = np.argsort(-areas, kind="stable")
    rank = np.zeros(count + 1, int)
    rank[1 + order] = numbers
    labels = rank[found]
    inside = np.zeros(mask.shape, bool)
    inside[1:-1, 1:-1] = True
    lowest, highest = np.full(count, np.inf), np.full(count, -np.inf)
    sound = mask & ~np.isnan(p.values)
    np.minimum.at(lowest, labels[sound] - 1, p.values[sound])
    np.maximum.at(highest, labels[sound] - 1, p.values[sound])
    return Regions(labels, areas[order], lowest, highest, np.isin(numbers, labels[mask & ~inside]))


def _widths(axis: np.ndarray) -> np.ndarray:
    """The length of the box that belongs to each point of an axis: half the way to its neighbours."""
    if len(axis) == 1:
        return np.zeros(1)
    edges = np.concatenate([axis[:1], 0.5 * (axis[1:] + axis[:-1]), axis[-1:]])
    return np.abs(np.diff(edges))


@guarded()
def place(p: Plane, params: Params) -> Place:
    r"""Where params lie on a plane.

    .. math:: (\alpha, \beta) = \arg\min \|\theta_0 + \alpha d_1 + \beta d_2 - \theta\|

    Args:
        p: the plane.
        params: shaped as its centre, a solution say.

    Returns:
        Its coordinates, and how far off the plane it is.

    Raises:
        ValueError: if the params are shaped otherwise.

    Example:
        >>> import jax, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> first, second = ll.random_directions(centre, jax.random.key(1))
        >>> p = ll.plane(ll.pair("relu", "hinge"), data, centre, (first, second), radius=1.0, steps=3)
        >>> there = ll.landscapes.place(p, jax.tree.map(lambda c, d: c + 0.5 * d, centre, first))
        >>> round(there.alpha, 6), abs(round(there.beta, 6)), there.off < 1e-6
        (0.5, 0.0, True)
    """
    if jax.tree.map(np.shape, params) != jax.tree.map(np.shape, p.centre):
        raise ValueError(
            f"The params have the shapes {jax.tree.map(np.shape, params)}, the plane's "
            f"{jax.tree.map(np.shape, p.centre)}."
        )
    with jax.enable_x64(True):
        away, first, second, theirs = (flattened(tree)[0] for tree in (p.centre, *p.directions, params))
    columns = np.stack([first, second], axis=1)
    found = np.linalg.lstsq(columns, theirs - away, rcond=None)[0]
    return Place(float(found[0]), float(found[1]), float(np.linalg.norm(theirs - away - columns @ found)))
