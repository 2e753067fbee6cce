"""Small data and slow references for the tests of minima."""

import jax
import jax.numpy as jnp
import numpy as np

import lossland as ll


def tiny(seed, bias, n=5):
    rng = np.random.default_rng(seed)
    labels = np.where(rng.uniform(size=n) < 0.5, 1.0, -1.0)
    labels[:2] = [1.0, -1.0]
    return ll.Dataset(2.0 * rng.normal(size=(n, 1 if bias else 2)), labels)


def by_pair(made, data, points, l2, bias):
    """The objective at points (k, 2), from the pair itself."""
    rows = np.column_stack([data.inputs, np.ones(data.n)]) if bias else data.inputs
    with jax.enable_x64(True):
        scores = jnp.asarray(points @ rows.T)
        losses = np.asarray(made(scores, jnp.broadcast_to(jnp.asarray(data.labels), scores.shape)))
    return losses.mean(axis=1) + 0.5 * l2 * np.sum(points[:, : data.d] ** 2, axis=1)


def inside(part, rng):
    """A random point of a convex part."""
    share = rng.dirichlet(np.ones(len(part)))
    return share @ part


def distance(points, part):
    """The distance of points (k, 2) to a convex part given by its extreme points, counter-clockwise: edge by edge."""
    edges = list(zip(part, np.roll(part, -1, axis=0), strict=True))

    def off(point):
        if len(part) > 2 and all(np.linalg.det([b - a, point - a]) >= 0 for a, b in edges):
            return 0.0
        shares = [np.clip((point - a) @ (b - a) / max((b - a) @ (b - a), 1e-300), 0.0, 1.0) for a, b in edges]
        return min(np.linalg.norm(point - a - t * (b - a)) for t, (a, b) in zip(shares, edges, strict=True))

    return np.array([off(point) for point in points])
