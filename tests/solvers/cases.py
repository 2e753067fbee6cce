"""Data and references that the tests of kernel machines share."""

import clarabel
import numpy as np
from scipy import sparse

import lossland as ll

SEED = 7


def problem(n=40, d=3, seed=SEED):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n, d))
    labels = np.where(inputs[:, 0] + inputs[:, 1] ** 2 + 0.5 * rng.normal(size=n) > 0.7, 1, -1)
    return ll.Dataset(inputs=inputs, labels=labels)


DATA = problem()


def gaussian(a, b, gamma):
    """The kernel by two loops."""
    return np.array([[np.exp(-gamma * np.sum((x - y) ** 2)) for y in b] for x in a])


def by_clarabel(kernel, target, low, high):
    """The value of the box's quadratic programme, by another's interior point."""
    n = len(target)
    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.tol_gap_abs = settings.tol_gap_rel = settings.tol_feas = 1e-11
    rows, right = [sparse.csc_matrix(np.ones((1, n)))], [0.0]
    for sign, bound in ((1.0, high), (-1.0, -low)):
        finite = np.flatnonzero(np.isfinite(bound))
        rows.append(sign * sparse.eye(n, format="csc")[finite])
        right.extend(bound[finite])
    cones = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(len(right) - 1)]
    matrix = sparse.vstack(rows, format="csc")
    upper = sparse.triu(sparse.csc_matrix(kernel), format="csc")
    found = clarabel.DefaultSolver(upper, -target, matrix, np.array(right), cones, settings).solve()
    return found.obj_val
