"""Which block runs when: several at once on the cores of a CPU, one after the other on a GPU or over devices.

Blocks are made ready in the caller's thread, one ahead of need, and run in threads of their own; progress is told,
Ctrl-C heard and results put together in the caller's thread. What a block computes does not depend on any of this.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

import jax

from lossland.core import Arrays, cores
from lossland.training._block import Job, begin_block, run_block
from lossland.training._checkpoints import Store, asked_to_stop
from lossland.training._grid import Block

Progress = Callable[[int, int, str], None]
PATIENCE = 0.1
"""Seconds between two looks at what the threads have told."""


def run_blocks(
    job: Job, blocks: Sequence[Block], kept: Store | None, progress: Progress | None
) -> Iterator[tuple[Block, Arrays]]:
    """Every block with its result, as they are done; a finished block is kept at once, where there is a store.

    Args:
        job: the sweep.
        blocks: the blocks of this process.
        kept: where finished blocks and checkpoints are; None: nowhere.
        progress: called with (model-steps done, of, what is done now), in this thread.

    Raises:
        KeyboardInterrupt: after Ctrl-C, when every block under way has been kept.
    """
    report = _Report(job, blocks, progress)
    listening = contextlib.nullcontext(lambda: False) if kept is None else asked_to_stop()
    with listening as stop, _pool(job, blocks) as (pool, at_once):
        waiting, running = list(blocks), {}
        halt = threading.Event()
        try:
            while waiting or running:
                while waiting and len(running) < at_once:
                    block = waiting.pop(0)
                    running[_submitted(job, block, kept, pool, at_once, report, halt, stop)] = block
                done, _ = wait(running, timeout=PATIENCE, return_when=FIRST_COMPLETED)
                report.tell()
                if stop():
                    raise KeyboardInterrupt
                for future in done:
                    block = running.pop(future)
                    found = future.result()
                    report.finished(block)
                    yield block, found
        except BaseException:
            halt.set()
            wait(running)
            raise
    report.end()


def _submitted(
    job: Job,
    block: Block,
    kept: Store | None,
    pool: ThreadPoolExecutor,
    at_once: int,
    report: "_Report",
    halt: threading.Event,
    stop: Callable[[], bool],
) -> "Future[Arrays]":
    """A block put to work, unless an earlier run has finished it."""
    found = None if kept is None else kept.finished(block.number)
    if found is not None:
        return pool.submit(lambda: found)
    begun = begin_block(job, block, None if kept is None else kept.under_way(block.number), at_once > 1)
    if job.mesh is not None or not begun.programs.ready:
        report.compiling(block)
    keep = _stopper(halt) if kept is None else kept.keeper(block.number, lambda: halt.is_set() or stop())

    def work() -> Arrays:
        made = run_block(job, block, begun, lambda step: report.reached(block, step), keep)
        if kept is not None:
            kept.finish(block.number, made)
        return made

    if job.mesh is None:
        return pool.submit(work)
    # Programs over devices are traced as they are called: in the caller's thread, which has the caller's configuration.
    future: Future[Arrays] = Future()
    future.set_result(work())
    return future


def _stopper(halt: threading.Event) -> Callable[[Callable[[], Any]], None]:
    """What stops a block that is kept nowhere."""

    def keep(make: Callable[[], Any]) -> None:
        if halt.is_set():
            raise KeyboardInterrupt

    return keep


@contextlib.contextmanager
def _pool(job: Job, blocks: Sequence[Block]) -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """The threads in which blocks run, and how many."""
    alone = job.mesh is not None or jax.default_backend() != "cpu"
    at_once = 1 if alone else max(1, min(len(blocks), cores()))
    pool = ThreadPoolExecutor(at_once, "lossland")
    try:
        yield pool, at_once
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Report:
    """How far a sweep is, told in the caller's thread from what its threads leave in a queue."""

    def __init__(self, job: Job, blocks: Sequence[Block], progress: Progress | None) -> None:
        self.job, self.progress, self.caller = job, progress, threading.get_ident()
        self.models = {block.number: len(block.pairs) * block.wanted for block in blocks}
        self.total = sum(self.models.values()) * job.steps[-1]
        self.done = dict.fromkeys(self.models, 0)
        self.news: queue.SimpleQueue[tuple[Block, int, str]] = queue.SimpleQueue()

    def compiling(self, block: Block) -> None:
        self.news.put((block, 0, f"compiling for {self._named(block)}"))
        self.tell()

    def reached(self, block: Block, step: int) -> None:
        self.news.put((block, step, self._named(block)))
        if threading.get_ident() == self.caller:
            self.tell()

    def finished(self, block: Block) -> None:
        self.news.put((block, self.job.steps[-1], self._named(block)))
        self.tell()

    def tell(self) -> None:
        while not self.news.empty():
            block, step, what = self.news.get()
            self.done[block.number] = step
            if self.progress is not None:
                self.progress(sum(self.models[k] * self.done[k] for k in self.done), self.total, what)

    def end(self) -> None:
        if self.progress is not None:
            self.progress(self.total, self.total, "done")

    def _named(self, block: Block) -> str:
        names = [self.job.grid.pairs[k].name for k in (block.pairs.start, block.pairs.stop - 1)]
        return names[0] if len(block.pairs) == 1 else f"{names[0]} to {names[1]}"
