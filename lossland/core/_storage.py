"""What is written to disk is written whole: beside its place, then moved; and what a result depends on."""

import contextlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lossland.core._floors import DRAWING, PACKAGE
from lossland.core._missing_files import no_file
from lossland.core._types import Arrays
from lossland.core._writers import temporary_beside

PACKAGES = ("lossland", "jax", "jaxlib", "numpy", "optax", "scikit-learn", "scipy", "xarray")


@contextlib.contextmanager
def writable(out: Path, parts: Path | None = None) -> Iterator[None]:
    """An error of the disk inside the block says which folder it is about, and what was not lost.

    Args:
        out: the folder.
        parts: a folder with the finished parts of a long run, if it keeps some.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        kept = "Parts that were finished are kept; mend" if parts is not None and holds_parts(parts) else "Mend"
        reason = os.strerror(error.errno)
        raise OSError(error.errno, f"{reason} while writing to {out}. {kept} this and run again") from error


def holds_parts(folder: Path) -> bool:
    """Whether a folder holds finished parts or checkpoints of a long run."""
    return any(not path.name.startswith(".") for path in folder.glob("*.npz"))


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it if the block ends well and removed if not."""
    temporary = temporary_beside(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


GOES_ON = "What was finished is kept: the same command goes on from there."
"""The note of an interrupt that leaves parts of a run on disk."""


class Broken(ValueError):
    """A file that lossland wrote cannot be read any more; the message names it and says how to go on."""


def named_path(path: str | Path) -> Path:
    """A path of a file to be written, which needs a name."""
    if not Path(path).name:
        raise ValueError(f"path must name a file, not {str(path)!r}.")
    return Path(path)


def save(results: Any, path: Path) -> None:
    """Write an xarray.Dataset as netCDF, numbers compressed."""
    encoding = {name: {"zlib": True} for name, v in results.variables.items() if v.dtype.kind == "f" and v.ndim}
    with replacing(path) as temporary:
        results.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def read(path: Path) -> Any:
    """The xarray.Dataset saved at a path, loaded whole.

    Raises:
        FileNotFoundError: if there is no file.
        Broken: if it is not a result; the message says to remove it.
    """
    import xarray

    if not path.is_file():
        if path.is_dir():
            raise ValueError(f"{path} is a folder, not a file.")
        raise no_file(path)
    try:
        with xarray.open_dataset(path, engine="h5netcdf") as held:
            return held.load()
    except Exception as error:
        raise Broken(f"{path} cannot be read as a result ({_reason(error)}). Remove it and run again.") from error


def sources() -> list[Path]:
    """The package's files that a result depends on: all but those that only draw or tell."""
    found = [*PACKAGE.glob("*/**/*.py"), *PACKAGE.glob("*/**/*.pyi")]
    return [path for path in sorted(found) if path.relative_to(PACKAGE).parts[0] not in DRAWING]


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a result depends on, by name."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def write_arrays(path: Path, arrays: Arrays, parts: Path | None = None) -> None:
    """Write named arrays to an .npz file, whole: flushed to the disk beside its place, then moved; see `writable`."""
    with writable(path.parent, parts), replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_arrays(path: Path) -> Arrays | None:
    """The arrays that `write_arrays` left at a path; None if there is no file.

    Raises:
        Broken: if the file cannot be read; the message says to remove it.
    """
    if not path.exists():
        return None
    try:
        # NumPy leaves a file open that it cannot read.
        with open(path, "rb") as file, np.load(file) as held:
            return dict(held)
    except Exception as error:
        raise Broken(f"{path} cannot be read ({_reason(error)}). Remove it and run again.") from error


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
