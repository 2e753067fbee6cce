"""Computing an experiment in parts: each is kept when it is done, so that a run killed at any moment goes on."""

import contextlib
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lossland.core import PACKAGE, Arrays, read_arrays, remove_leftovers, save, versions, write_arrays
from lossland.experiment._manifest import plain
from lossland.experiment._progress import Tell, progress

Part = Callable[[Callable[[int, int], None]], Arrays]


def compute_and_save(module: Any, config: Any, path: Path, quiet: bool) -> None:
    """Compute a result and save it with what it depends on; its parts are then removed."""
    import jax

    folder = path.with_suffix(".parts")
    name = path.stem.rpartition("-")[0]
    with jax.enable_x64(bool(getattr(config, "x64", False))), progress(name, quiet) as tell:
        results = module.compute(config, lambda parts: _run_parts(parts, folder, tell))
        results.attrs |= {
            "experiment": name,
            "config": json.dumps(plain(config)),
            "versions": json.dumps(versions()),
            "commit": _commit(),
            "device": str(jax.devices()[0].device_kind),
            "platform": jax.default_backend(),
            "x64": int(bool(getattr(config, "x64", False))),
            "seed": int(getattr(config, "seed", 0)),
        }
    save(results, path)
    shutil.rmtree(folder, ignore_errors=True)


def _run_parts(parts: Mapping[str, Part], folder: Path, tell: Tell) -> dict[str, Arrays]:
    """Compute each part, or read it if an earlier run left it; each is moved into place when done."""
    folder.mkdir(parents=True, exist_ok=True)
    remove_leftovers(folder)
    done: dict[str, Arrays] = {}
    for number, (label, part) in enumerate(parts.items()):
        path = folder / f"{hashlib.sha256(label.encode()).hexdigest()[:16]}.npz"
        tick = _ticker(tell, label, number, len(parts))
        tick(0, 1)
        held = read_arrays(path)
        if held is None:
            held = {key: np.asarray(value) for key, value in part(tick).items()}
            write_arrays(path, held, folder)
        done[label] = held
        tick(1, 1)
    return done


def _ticker(tell: Tell, label: str, number: int, of: int) -> Callable[[int, int], None]:
    """A function of (done, of) that says how far the whole is while one part runs."""
    return lambda at, out_of: tell(label, (number + at / out_of) / of)


def _commit() -> str:
    """The commit of the source tree, marked where files differ from it; empty outside a repository."""
    root = PACKAGE.parent
    if not (root / ".git").exists():
        return ""
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        told = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, check=True
        )
        return told.stdout.decode().strip()
    return ""
