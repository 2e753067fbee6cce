"""Blocks in threads: the same bits however many, progress in the caller's thread, and a stop that is heard."""

import threading

import numpy as np
import pytest

import lossland as ll
from lossland.training import _schedule as schedule


@pytest.mark.slow
def test_threads_change_no_bit(data, monkeypatch):
    found = []
    for cores in (1, 3):
        monkeypatch.setattr(schedule, "cores", lambda cores=cores: cores)
        found.append(ll.sweep(ll.pairs()[::40], data, seeds=2, steps=30, block_scores=41 * 4))
    for name, record in found[0].records.items():
        np.testing.assert_array_equal(record, found[1].records[name], err_msg=name)


@pytest.mark.slow
def test_progress_grows_in_the_callers_thread(data):
    told = []

    def progress(done, of, what):
        assert threading.current_thread() is threading.main_thread()
        told.append((done, of, what))

    ll.sweep(ll.pairs()[:6], data, seeds=2, steps=3000, block_scores=41 * 4, progress=progress)
    done = [t[0] for t in told]
    assert done == sorted(done)
    assert told[-1] == (36_000, 36_000, "done")
    assert told[0][2].startswith("compiling for ")


@pytest.mark.slow
def test_an_error_in_one_block_ends_the_others(data, monkeypatch):
    true, stopped = schedule.run_block, []

    def run_block(job, block, *rest):
        if block.number == 1:
            raise RuntimeError("no more")
        try:
            return true(job, block, *rest)
        except KeyboardInterrupt:
            stopped.append(block.number)
            raise

    monkeypatch.setattr(schedule, "run_block", run_block)
    monkeypatch.setattr(schedule, "cores", lambda: 2)
    with pytest.raises(RuntimeError, match="no more"):
        ll.sweep(ll.pairs()[:4], data, seeds=2, steps=10**8, record=(0,), block_scores=41 * 2)
    assert stopped == [0]
