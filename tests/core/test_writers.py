"""Several writers of one folder: one at a time, whoever is killed, and nobody's half-written file is taken."""

import json
import multiprocessing
import os
import signal
import threading
import time

import pytest

from lossland.core import _writers as writers
from lossland.core import alive, follow, only_writer, remove_leftovers


def add(folder, times):
    """Add one to a number in a file, in two steps that another writer between them would spoil."""
    for _ in range(times):
        with only_writer(folder / "count.lock"):
            held = int((folder / "count").read_text())
            time.sleep(0.001)
            (folder / "count").write_text(str(held + 1))


def hold(folder):
    with only_writer(folder / "count.lock"):
        (folder / "held").write_text("")
        time.sleep(600)


def spawned(*args):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([only_writer.__module__])
    process = context.Process(target=args[0], args=args[1:])
    process.start()
    return process


def test_threads_and_processes_write_one_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "LOOK", 0.001)
    (tmp_path / "count").write_text("0")
    workers = [threading.Thread(target=add, args=(tmp_path, 10)) for _ in range(4)]
    for worker in workers:
        worker.start()
    other = spawned(add, tmp_path, 10)
    for worker in [*workers, other]:
        worker.join()
    assert (tmp_path / "count").read_text() == "50"
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_a_killed_owner_is_followed_at_once_and_a_living_one_is_named(tmp_path, caplog):
    owner = spawned(hold, tmp_path)
    while not (tmp_path / "held").exists():
        time.sleep(0.01)
    told = []

    def tell(sentence):
        told.append(sentence)
        if len(told) == 2:
            os.kill(owner.pid, signal.SIGKILL)

    with only_writer(tmp_path / "count.lock", tell=tell):
        assert len(told) >= 2
    assert f"waiting for process {owner.pid}: it has been writing {tmp_path / 'count'}" in told[0]
    assert [record.message.lower() for record in caplog.records] == [f"{told[0]}.".lower()]
    assert not (tmp_path / "count.lock").exists()
    owner.join()


def test_a_writer_on_another_machine_is_waited_for_while_it_gives_signs_of_life(tmp_path, monkeypatch):
    monkeypatch.setattr(writers, "LOOK", 0.01)
    monkeypatch.setattr(writers, "SILENCE", 0.5)
    lock = tmp_path / "count.lock"
    lock.write_text(json.dumps({"host": "elsewhere", "process": 7, "since": "yesterday"}))
    told = []

    def tell(sentence):
        told.append(time.monotonic())
        assert "process 7 on elsewhere, which cannot be seen from this machine" in sentence
        if len(told) < 100:
            os.utime(lock, (len(told), len(told)))

    with only_writer(lock, tell=tell):
        assert time.monotonic() - told[98] > 0.4


def test_the_others_of_a_group_enter_when_its_first_has_or_all_is_done(tmp_path):
    lock = tmp_path / "count.lock"
    follow(lock, "ours", lambda: True)
    with only_writer(lock, "ours"):
        follow(lock, "ours", lambda: False)


def test_only_leftovers_of_ended_writers_are_removed(tmp_path):
    names = {
        f".a.{writers._host()}-999999999-1.partial": False,
        ".a.999999999.partial": False,
        ".a.1.partial": True,
        ".a.another-machine-999999999-1.partial": True,
        writers.temporary_beside(tmp_path / "a").name: True,
    }
    for name in names:
        (tmp_path / name).write_text("")
    old = tmp_path / ".a.another-old-999999999-1.partial"
    old.write_text("")
    os.utime(old, (1, 1))
    remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {name for name, stays in names.items() if stays}


@pytest.mark.parametrize("host", ["node1.cluster", "my-host"])
def test_a_name_with_dots_or_lines_is_read_again(host, monkeypatch, tmp_path):
    monkeypatch.setattr(writers.socket, "gethostname", lambda: host)
    assert alive(writers.temporary_beside(tmp_path / "a"))
    monkeypatch.setattr(writers.os, "getpid", lambda: 999999999)
    assert not alive(writers.temporary_beside(tmp_path / "a"))
