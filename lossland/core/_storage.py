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
from lossland.core._types import Arrays

PACKAGES = ("lossland", "jax", "jaxlib", "numpy", "optax", "matfree", "scikit-learn", "scipy", "xarray")


@contextlib.contextmanager
def writable(out: Path) -> Iterator[None]:
    """An error of the disk inside the block says which folder it is about, and that nothing was lost."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        reason = os.strerror(error.errno)
        raise OSError(
            error.errno, f"{reason} while writing to {out}. Parts that were finished are kept; mend this and run again"
        ) from error


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, moved onto it if the block ends well and removed if not."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save(results: Any, path: Path) -> None:
    """Write an xarray.Dataset as netCDF, numbers compressed."""
    encoding = {name: {"zlib": True} for name, v in results.variables.items() if v.dtype.kind == "f" and v.ndim}
    with replacing(path) as temporary:
        results.to_netcdf(temporary, engine="h5netcdf", encoding=encoding)


def read(path: Path) -> Any:
    """The xarray.Dataset saved at a path, loaded whole.

    Raises:
        ValueError: if there is no file, or it is not a result; the message then says to remove it.
    """
    import xarray

    if not path.is_file():
        raise ValueError(f"{path} is a folder, not a file." if path.is_dir() else f"There is no file {path}.")
    try:
        with xarray.open_dataset(path, engine="h5netcdf") as held:
            return held.load()
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path} cannot be read as a result ({error}). Remove it and run again.") from error


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


def alive(partial: Path) -> bool:
    """Whether the process that began to write this temporary file still runs on this machine."""
    number = partial.name.rsplit(".", 2)[-2]
    try:
        os.kill(int(number), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays to an .npz file, whole: flushed to the disk beside its place, then moved."""
    with writable(path.parent), replacing(path) as temporary, open(temporary, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())


def read_arrays(path: Path) -> Arrays | None:
    """The arrays that `write_arrays` left at a path; None if there is no file.

    Raises:
        ValueError: if the file cannot be read; the message says to remove it.
    """
    if not path.exists():
        return None
    try:
        with np.load(path) as held:
            return dict(held)
    except Exception as error:
        raise ValueError(f"{path} cannot be read ({error}). Remove it and run again.") from error
