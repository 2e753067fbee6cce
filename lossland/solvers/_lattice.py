"""Which last digits of many weights make a few scores right: a closest point of a lattice.

A double cannot be moved by less than its last digit, but many together can move a score by much less: whole numbers of
last digits whose effects on m scores all but cancel exist as soon as there are more weights than scores. They are found
by lattice reduction (Lenstra, Lenstra & Lovasz 1982) and rounding to the nearest plane (Babai 1986).
"""

import numpy as np

BITS = 44
"""The size of the whole numbers that stand for reals in the lattice."""
MOST = 100
"""Weights with which a lattice is reduced, for seconds."""


def last_digits(rows: np.ndarray, digits: np.ndarray, off: np.ndarray, share: float) -> np.ndarray | None:
    """Whole numbers of last digits that take back what scores are off.

    Args:
        rows: (m, p), by how much a unit of each weight moves the scores.
        digits: (p,), the weights' last digits.
        off: (m,), what the scores are off.
        share: down to which share of a digit's effect they should be right, at best.

    Returns:
        (p,) numbers of digits; None where there are not more weights than scores, or too many.

    Example:
        >>> rows, digits = np.array([[1.0, np.pi, np.e, 3.0]]), np.full(4, 2.0**-50)
        >>> moves = last_digits(rows, digits, np.array([0.3 * 2.0**-50]), 1e-3)
        >>> bool(abs(0.3 * 2.0**-50 + rows @ (moves * digits))[0] < 1e-2 * 2.0**-50)
        True
    """
    from flint import fmpz_mat

    m, p = rows.shape
    if not m < p <= MOST or not off.any():
        return None
    effect = rows * digits
    unit = float(np.median(np.abs(effect).max(axis=0)))
    if not unit > 0:
        return None
    share = max(share, 1e-9)
    # As many digits as the pigeonhole principle asks for, and no move that the weights would feel.
    reach = float(np.clip(4.0 * share ** -min(m / (p - m), 12.0), 4.0, 2.0 ** (BITS - 10)))
    whole, one = 2.0**BITS / (unit * share), round(2.0**BITS / reach)
    table = [[*(round(v) for v in whole * effect[:, j]), *(one * (k == j) for k in range(p))] for j in range(p)]
    basis = np.array([[float(int(v)) for v in row] for row in fmpz_mat(table).lll().tolist()])
    sides, corner = np.linalg.qr(basis.T)
    if not np.all(np.abs(np.diagonal(corner)) > 0):
        return None
    left = np.concatenate([-whole * off, np.zeros(p)])
    point = np.zeros(m + p)
    for i in range(p - 1, -1, -1):
        count = np.round(float(sides[:, i] @ left) / corner[i, i])
        left, point = left - count * basis[i], point + count * basis[i]
    return np.round(point[m:] / one)
