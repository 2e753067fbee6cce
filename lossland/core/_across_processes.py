"""One computation by several processes: who takes part, whether all were given the same, and what ends them together.

The processes are those of `jax.distributed`. Each is given everything; what is cut is the work.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from lossland.core._fingerprint import fingerprint

LOST = re.compile(
    r"gloo|nccl|connection|peer|coordination|heartbeat|timed? ?out|UNAVAILABLE|DEADLINE|ABORTED", re.IGNORECASE
)
"""Words of XLA's errors where another process no longer answers; its other errors are this process's own."""


def across_processes(devices: Sequence[Any]) -> bool:
    """Whether devices are those of several processes, which then compute one thing together.

    Args:
        devices: of JAX.

    Raises:
        ValueError: if some are another process's, and not every process has one among them.

    Example:
        >>> across_processes(jax.devices())
        False
    """
    taking_part = {device.process_index for device in devices}
    if taking_part <= {jax.process_index()}:
        return False
    missing = sorted(set(range(jax.process_count())) - taking_part)
    if missing:
        raise ValueError(
            f"Some of these devices are of other processes, and none of process {missing[0]}. Give jax.devices(), "
            f"which are those of all {jax.process_count()} processes, or jax.local_devices(), which are this one's."
        )
    return True


def refuse_unlike(what: str, parts: Sequence[Any]) -> None:
    """Refuse processes that were given different things: what each computes would be put together all the same.

    Args:
        what: they compute, for the message.
        parts: arrays, numbers and functions that have to be the same in all.

    Raises:
        ValueError: in every process, which names one that differs from process 0.
    """
    digests = _of_each(np.frombuffer(bytes.fromhex(fingerprint(parts)), np.uint32))
    unlike = np.flatnonzero((digests != digests[0]).any(axis=1))
    if unlike.size:
        raise ValueError(
            f"Process {unlike[0]} and process 0 were given different data or settings for one {what}, or have "
            f"different versions of the package. Give every process the same: fix seeds, and let all read one file."
        )


def least_of_processes(number: int) -> int:
    """The smallest of the numbers that the processes have."""
    return int(_of_each(np.array(number, np.int32)).min())


def whole_arrays(tree: Any) -> Any:
    """A tree's arrays as NumPy's, whole in every process, also those that lie on devices of several."""
    from jax.experimental import multihost_utils

    def whole(array: Any) -> np.ndarray:
        if not isinstance(array, jax.Array) or array.is_fully_addressable or array.is_fully_replicated:
            return np.asarray(array)
        return np.asarray(multihost_utils.process_allgather(array, tiled=True))

    return jax.tree.map(whole, tree)


def shared_parts(parts: Sequence[dict[str, Any] | None], owners: Sequence[int]) -> list[dict[str, np.ndarray]]:
    """Every part in every process, to the bit, from the process that computed it.

    Args:
        parts: dicts of arrays, alike in names, shapes and dtypes; None where another process has it.
        owners: the process that has each; every process has one at least.

    Returns:
        All parts, in their order.
    """
    here, count = jax.process_index(), jax.process_count()
    places = [[k for k, owner in enumerate(owners) if owner == process] for process in range(count)]
    mine = [parts[k] for k in places[here]]
    example: Any = mine[0]
    most = max(map(len, places))
    whole: list[dict[str, np.ndarray]] = [{} for _ in parts]
    for name in example:
        own = np.stack([np.asarray((part or example)[name]) for part in [*mine, *[example] * (most - len(mine))]])
        held = _of_each(own)
        for process, its in enumerate(places):
            for slot, k in enumerate(its):
                whole[k][name] = held[process, slot]
    return whole


def _of_each(array: np.ndarray) -> np.ndarray:
    """What each process has, (processes, ...)."""
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.process_allgather(array)).reshape(jax.process_count(), *array.shape)


@contextlib.contextmanager
def ending_together(what: str) -> Iterator[None]:
    """End this process with a sentence if another one dies within the block; there is no way on without it.

    Args:
        what: the processes compute, for the sentence.
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        said = str(error)
        if jax.process_count() == 1 or not LOST.search(said):
            raise
        sys.stdout.flush()
        print(
            f"lossland: another of the {jax.process_count()} processes of this {what} no longer answers, and process "
            f"{jax.process_index()} ends with it. Start all of them again. ({said.splitlines()[0][:200]})",
            file=sys.stderr,
            flush=True,
        )
        # JAX's own end would wait for the dead process, and abort with a long trace.
        os._exit(1)
