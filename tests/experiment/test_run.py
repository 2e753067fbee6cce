import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import lossland.__main__ as cli
from lossland.core import read, replacing
from lossland.experiment import _progress, manifest
from lossland.experiment import _run as experiment

TOY = '''"""Does a toy run?"""

import time
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Config:
    """Settings."""

    parts: int = 5
    """How many."""
    pause: float = 0.0
    """Seconds a part."""
    seed: int = 3
    """Decides the numbers."""
    x64: bool = True
    """Float64."""


SMOKE = Config(parts=2)


def part(config, k, tick):
    time.sleep(config.pause)
    tick(1, 1)
    with open("computed.txt", "a") as log:
        log.write(f"{k}\\n")
    return {"x": np.random.default_rng([config.seed, k]).normal(size=4)}


def compute(config, run):
    import functools, jax.numpy as jnp, xarray

    parts = run({f"part {k}": functools.partial(part, config, k) for k in range(config.parts)})
    rows = np.stack([p["x"] for p in parts.values()])
    return xarray.Dataset({"x": (("part", "i"), rows), "wide": ((), float(jnp.zeros(()).dtype == "float64"))})


def draw(results):
    from lossland.figures import panels

    figure, axes = panels(1, 1)
    axes[0, 0].plot(results.x.values[0])
    return {"line": figure}


def report(results):
    from lossland.experiment import Verdict

    mean = float(results.x.mean())
    return [], [Verdict("the mean is a number", "not NaN", f"{mean:.3f}", mean == mean)]
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.py").write_text(TOY)
    return str(tmp_path / "toy.py")


def computed():
    return Path("computed.txt").read_text().split() if Path("computed.txt").exists() else []


def config(toy, **settings):
    return experiment.find_experiment(toy).Config(**settings)


def test_a_result_says_where_it_comes_from(toy):
    outcome = experiment.run(toy, quiet=True)
    held = read(outcome.results)
    assert json.loads(held.attrs["config"])["seed"] == 3
    assert json.loads(held.attrs["versions"])["jax"]
    assert {"device", "platform", "x64", "seed", "commit"} <= set(held.attrs)
    assert held.attrs["experiment"] == "toy"
    assert held.wide == 1.0
    listed = manifest()["toy"]
    assert (Path("results") / listed["results"]).samefile(outcome.results)
    assert listed["verdicts"][0]["holds"]
    assert all((Path("results") / f).is_file() for f in listed["figures"])


def test_numbers_are_kept_in_the_manifest_and_others_refused(toy):
    made = "\n\ndef numbers(results):\n    return {%s}\n"
    Path(toy).write_text(TOY + made % '"the_mean": f"{float(results.x.mean()):.2f}"')
    outcome = experiment.run(toy, quiet=True, draw=False)
    mean = float(read(outcome.results).x.mean())
    assert manifest()["toy"]["numbers"] == {"the_mean": f"{mean:.2f}"}
    for k, wrong in enumerate(('"mean2": "1"', '"mean": 1.0')):
        Path(f"wrong_{k}.py").write_text(TOY + made % wrong)
        with pytest.raises(ValueError, match=r"small letters and underscores"):
            experiment.run(f"wrong_{k}.py", quiet=True, draw=False)


@pytest.mark.slow
def test_the_same_run_is_taken_from_its_file_and_a_changed_one_is_not(toy):
    first = experiment.run(toy, quiet=True)
    again = experiment.run(toy, quiet=True)
    assert (first.cached, again.cached, again.results) == (False, True, first.results)
    assert len(computed()) == 5
    other = experiment.run(toy, config(toy, seed=4), quiet=True)
    assert other.results != first.results
    assert experiment.run(toy, quiet=True, force=True).cached is False
    assert len(computed()) == 15


def test_changed_source_makes_a_new_name(toy):
    module = experiment.find_experiment(toy)
    before = experiment.result_fingerprint(module, module.Config())
    with open(toy, "a") as file:
        file.write("\n# another line\n")
    assert experiment.result_fingerprint(module, module.Config()) != before


@pytest.fixture
def two_toys(tmp_path, monkeypatch):
    """Two experiments in the current folder's experiments/, found by name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").mkdir()
    for name in ("toy_one", "toy_two"):
        (tmp_path / "experiments" / f"{name}.py").write_text(TOY)
    return tmp_path / "experiments"


def test_changing_one_experiment_recomputes_that_one_only(two_toys):
    def cached():
        return [experiment.run(name, quiet=True, draw=False).cached for name in ("toy_one", "toy_two")]

    assert cached() == [False, False]
    assert cached() == [True, True]
    with open(two_toys / "toy_two.py", "a") as file:
        file.write("\n# another line\n")
    assert cached() == [True, False]
    other = config("toy_one", seed=4)
    assert experiment.run("toy_one", other, quiet=True, draw=False).cached is False
    assert cached() == [True, True]
    assert len(computed()) == 20


def test_figures_are_drawn_again_without_computing(two_toys, capsys):
    before = [experiment.run(name, quiet=True).figures[0] for name in ("toy_one", "toy_two")]
    drawn = {path: path.read_bytes() for path in before}
    for path in before:
        path.unlink()
    with pytest.raises(SystemExit) as exit_:
        cli.main(["figures"])
    assert exit_.value.code == 0
    assert {path: path.read_bytes() for path in before} == drawn
    assert capsys.readouterr().out.splitlines() == [f"Figure {path}" for path in before]
    assert len(computed()) == 10


def test_figures_of_a_file_anywhere_are_drawn_again(toy, capsys):
    drawn = experiment.run(toy, quiet=True).figures[0]
    drawn.unlink()
    with pytest.raises(SystemExit) as exit_:
        cli.main(["figures", "--quiet"])
    assert exit_.value.code == 0
    assert drawn.exists()


def test_two_configs_keep_their_figures_apart(toy):
    whole = experiment.run(toy, quiet=True)
    small = experiment.run(toy, config(toy, seed=4), quiet=True)
    assert whole.figures[0].name == "toy_line.png"
    assert small.figures[0].name == f"{small.results.stem}_line.png"
    held = whole.figures[0].read_bytes(), small.figures[0].read_bytes()
    assert held[0] != held[1]
    with pytest.raises(SystemExit):
        cli.main(["figures", "--quiet"])
    assert (whole.figures[0].read_bytes(), small.figures[0].read_bytes()) == held


def test_two_runs_give_the_same_bytes(toy):
    first = experiment.run(toy, quiet=True).results.read_bytes()
    assert experiment.run(toy, quiet=True, force=True).results.read_bytes() == first


def test_nothing_is_left_beside_the_result(toy):
    outcome = experiment.run(toy, quiet=True)
    left = {outcome.results.name, "figures", "manifest.json", "report.md", "sections"}
    assert {p.name for p in Path("results").iterdir()} == left


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bits(toy):
    """SIGKILL at several moments; the run that is left to finish computes only what was not done."""
    settings = ["--pause", "0.25", "--quiet"]
    command = [sys.executable, "-m", "lossland", "run", toy, *settings]
    for parts_done in (1, 3):
        process = subprocess.Popen(command)
        until = time.monotonic() + 60
        while len(computed()) < parts_done and time.monotonic() < until and process.poll() is None:
            time.sleep(0.02)
        assert process.poll() is None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not list(Path("results").glob("*.nc"))
    subprocess.run(command, check=True)
    (resumed,) = Path("results").glob("*.nc")
    assert len(computed()) <= 7  # five parts, and at most one lost at each kill
    bits = read(resumed).x.values
    whole = experiment.run(toy, config(toy, pause=0.25), quiet=True, force=True)
    np.testing.assert_array_equal(read(whole.results).x.values, bits)


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_disk_that_refuses_is_named_and_finished_parts_are_kept(toy, monkeypatch, code):
    saved, real = [], os.replace

    def refuse(source, target):
        if len(saved) == 3:
            raise OSError(code, os.strerror(code), str(target))
        saved.append(target)
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse)
        with pytest.raises(OSError, match=f"{os.strerror(code)} while writing to results"):
            experiment.run(toy, quiet=True)
    assert not list(Path("results").glob("**/.*"))
    assert len(list(Path("results").glob("*.parts/*.npz"))) == 3
    experiment.run(toy, quiet=True)
    assert sorted(computed()) == ["0", "1", "2", "3", "3", "4"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")

    def interrupted():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]
    assert path.read_text() == "old"


def test_a_damaged_result_is_named(toy):
    outcome = experiment.run(toy, quiet=True)
    outcome.results.write_bytes(b"not a result")
    with pytest.raises(ValueError, match="cannot be read as a result"):
        experiment.run(toy, quiet=True)


def test_unknown_and_incomplete_experiments(tmp_path):
    with pytest.raises(ValueError, match="Did you mean relu_vs_hinge"):
        experiment.find_experiment("relu_vs_hing")
    (tmp_path / "half.py").write_text("def compute(config, run): ...\n")
    with pytest.raises(ValueError, match="lacks Config, SMOKE, draw, report"):
        experiment.find_experiment(str(tmp_path / "half.py"))
    with pytest.raises(FileNotFoundError, match=r"There is no file nowhere\.py"):
        experiment.find_experiment("nowhere.py")


def test_an_outcome_is_told_in_a_line(toy, capsys):
    outcome = experiment.run(toy)
    assert capsys.readouterr().out.startswith("toy: 1 of 1 claims hold; 1 figure, ")
    assert experiment.run(toy, draw=False).cached
    assert capsys.readouterr().out == "toy: 1 of 1 claims hold; 0 figures, taken from an earlier run\n"
    assert outcome.verdicts[0].claim == "the mean is a number"


CLAIMING = """

def small_mean(results):
    return abs(float(results.x.mean()))


from lossland.experiment import at_most, claim

the_mean_is_small = claim("S1", "The mean is small", at_most(LIMIT), fixed="before")(small_mean)
"""


def test_claims_are_decided_beside_verdicts_of_its_own(toy):
    Path(toy).write_text(TOY + CLAIMING.replace("LIMIT", "1e-9"))
    outcome = experiment.run(toy, quiet=True, draw=False)
    assert [(v.claim, v.holds) for v in outcome.verdicts] == [
        ("The mean is small", False),
        ("the mean is a number", True),
    ]
    kept = manifest()["toy"]["verdicts"][0]
    assert (kept["about"], kept["fixed"], kept["criterion"]) == (["S1"], "before", "at most 1e-09")
    assert kept["value"] == pytest.approx(abs(float(read(outcome.results).x.mean())))


def test_a_failed_claim_ends_well_unless_asked_to(toy, capsys):
    Path(toy).write_text(TOY + CLAIMING.replace("LIMIT", "1e-9"))
    for words, code in (([], 0), (["--strict"], 1)):
        with pytest.raises(SystemExit) as exit_:
            cli.main(["run", toy, *words])
        assert exit_.value.code == code
        said = capsys.readouterr()
        assert said.out.startswith("toy: Does a toy run?\n")
        assert said.out.endswith("1 of 2 claims hold, 1 fails (1 experiment).\n")
        assert "FAILS" in said.out
        assert "Claims that do not hold: toy" in said.err
    assert max(map(len, said.out.splitlines())) <= 80 + len("Figures: and .pdf; lists all")


def test_tables_are_in_the_report(two_toys, capsys):
    wide = "    from lossland.core import table\n    return [table('Rows', ('k', 'x'), [('a|b', 1.5)])], "
    (two_toys / "toy_one.py").write_text(TOY.replace("    return [], ", wide))
    for name in ("toy_one", "toy_two"):
        experiment.run(name, quiet=True)
    for words in (["report"], ["report", "toy_one"]):
        with pytest.raises(SystemExit):
            cli.main([*words, "--form", "markdown"])
        told = capsys.readouterr().out
        assert "**Rows**\n\n| k | x |\n|---|---|\n| a\\|b | 1.5 |" in told
        assert ("## toy_two" in told) == (words == ["report"])
    with pytest.raises(SystemExit):
        cli.main(["report", "toy_three"])
    assert 'no report of "toy_three". Run an experiment first: lossland run toy_three.' in capsys.readouterr().err


def test_a_log_says_how_far_a_run_is(toy, capsys, monkeypatch):
    monkeypatch.setattr(_progress, "EVERY", 0.01)
    experiment.run(toy, config(toy, pause=0.05), draw=False)
    lines = capsys.readouterr().err.splitlines()
    shares = [int(line.partition(" % done")[0].split()[-1]) for line in lines]
    assert shares == sorted(shares)
    assert len(set(shares)) >= 3
    assert all("toy: " in line and "now part " in line for line in lines)
