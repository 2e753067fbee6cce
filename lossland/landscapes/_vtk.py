"""Planes and volumes as files that ParaView opens: VTK's legacy format, binary, a rectilinear grid."""

from pathlib import Path

import numpy as np

from lossland.core import guarded, replacing, writable
from lossland.landscapes._plane import Plane
from lossland.landscapes._volume import Volume


@guarded()
def write_vtk(made: Plane | Volume, path: str | Path) -> None:
    """Write the objective and the quantities of a plane or volume as a file that ParaView opens.

    Args:
        made: from `plane` or `volume`; holes stay NaN.
        path: ends in .vtk.

    Raises:
        ValueError: if the path ends otherwise.

    Example:
        >>> import jax, tempfile, lossland as ll
        >>> data = ll.load("two_gaussians(n=20, seed=1)")
        >>> centre = ll.linear().init(jax.random.key(0), data.d)
        >>> p = ll.random_plane(ll.pair("relu+hinge"), data, centre, key=jax.random.key(1), radius=1.0, steps=5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ll.landscapes.write_vtk(p, f"{folder}/a.vtk")

    Source: VTK File Formats, "Simple Legacy Formats".
    """
    path = Path(path)
    if path.suffix != ".vtk":
        raise ValueError(f"ParaView knows this format by its ending .vtk; the path is {path}.")
    axes = [made.alphas, made.betas, made.gammas if isinstance(made, Volume) else np.zeros(1)]
    # The second line is a title of 255 characters at most.
    title = " ".join(f"{made.settings['pair']} on {made.settings['data']}".split())[:255]
    parts = [f"# vtk DataFile Version 3.0\n{title}\nBINARY\nDATASET RECTILINEAR_GRID\n".encode()]
    parts.append(f"DIMENSIONS {' '.join(str(len(axis)) for axis in axes)}\n".encode())
    for letter, axis in zip("XYZ", axes, strict=True):
        parts += [f"{letter}_COORDINATES {len(axis)} double\n".encode(), _big_endian(axis)]
    parts.append(f"POINT_DATA {made.values.size}\n".encode())
    for name, values in {"objective": made.values, **made.quantities}.items():
        parts += [f"SCALARS {name} double 1\nLOOKUP_TABLE default\n".encode(), _big_endian(values)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with writable(path.parent), replacing(path) as temporary:
        temporary.write_bytes(b"".join(parts))


def _big_endian(values: np.ndarray) -> bytes:
    """Bytes of doubles, the first axis fastest."""
    return np.asarray(values, ">f8").tobytes(order="F") + b"\n"
