"""Experiments by several processes: what each leaves is what it leaves alone, and none is lost."""

from pathlib import Path

import pytest

from lossland.__main__ import main
from lossland.core import read
from lossland.experiment import manifest, run, run_all

TOY = '''"""Does a toy run?"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Config:
    """Settings."""

    seed: int = 3
    """Decides the numbers."""


SMOKE = Config(seed=4)
SECONDS = {seconds}


def compute(config, run):
    import os, pathlib, signal, xarray

    def part(tick):
        {before}
        return {{"x": np.random.default_rng(config.seed).normal(size=4)}}

    return xarray.Dataset({{"x": ("i", run({{"one": part}})["one"]["x"])}})


def draw(results):
    return {{}}


def report(results):
    from lossland.experiment import Verdict

    return [], [Verdict("the mean is a number", "not NaN", "yes", bool(results.x.mean() == results.x.mean()))]
'''
KILLED_ONCE = "first = pathlib.Path('seen'); seen = first.exists(); first.touch(); seen or os.kill(os.getpid(), 9)"


@pytest.fixture
def toys(tmp_path, monkeypatch):
    """Experiments of the current folder, by what each does before it computes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()

    def made(**does):
        for k, (name, before) in enumerate(does.items()):
            (tmp_path / "experiments" / f"{name}.py").write_text(TOY.format(before=before, seconds=k + 1))
        return list(does)

    return made


def test_one_process_runs_them_in_order_and_says_when_each_begins(toys, capsys):
    names, begun = toys(toy_one="pass", toy_two="pass"), []
    outcomes = run_all(names, small=True, processes=1, begins=begun.append)
    assert [outcome.name for outcome in outcomes] == begun == names
    assert {entry["config"]["seed"] for entry in manifest().values()} == {4}
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said] == names
    with pytest.raises(ValueError, match="No experiment is called"):
        run_all(["toy_none"])


@pytest.mark.slow
def test_several_processes_leave_what_one_leaves_and_a_killed_one_loses_nothing(toys, capsys):
    names = toys(toy_one="pass", toy_two=KILLED_ONCE, toy_three="pass")
    begun = []
    outcomes = run_all(names, processes=2, begins=begun.append)
    assert [outcome.name for outcome in outcomes] == names
    assert sorted(set(begun)) == sorted(names)
    # The longest begin, and the killed one begins again.
    assert set(begun[:2]) == {"toy_two", "toy_three"}
    assert begun[-1] == "toy_two"
    assert sorted(manifest()) == sorted(names)
    for name, outcome in zip(names, outcomes, strict=True):
        alone = run(name, out=Path("alone"), quiet=True)
        assert read(outcome.results).identical(read(alone.results))
        assert str(outcome.verdicts) == str(alone.verdicts)
    assert capsys.readouterr().out.count("1 of 1 claims hold") == 3


@pytest.mark.slow
def test_what_fails_beside_is_told_as_it_is_alone(toys, capsys):
    toys(toy_one="pass", toy_two="raise ValueError('the data are gone')")
    with pytest.raises(ValueError, match="the data are gone"):
        run_all(["toy_one", "toy_two"], processes=2, quiet=True)
    assert list(manifest()) == ["toy_one"]
    with pytest.raises(SystemExit) as ended:
        main(["run", "toy_two"])
    assert ended.value.code == 1
    assert "the data are gone" in capsys.readouterr().err
