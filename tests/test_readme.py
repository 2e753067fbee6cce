"""What the README shows is run, line by line, as it stands there."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lossland as ll

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = [
    line.partition("#")[0].split()
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.slow
def test_the_python_blocks_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    use, exact, sweep, surface, own, train = PYTHON
    assert "def two_slopes" in own
    (tmp_path / "my_loss.py").write_text(own)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(use, names)
    assert "1.0 -0.0" in capsys.readouterr().out.splitlines()[-1]
    exec(exact, names)
    assert capsys.readouterr().out.splitlines()[:2] == ["(3, 30) [ True  True  True]", "True"]
    exec(sweep, names)
    assert capsys.readouterr().out.count("'pair': 3, 'seed': 8, 'learning_rate': 3, 'l2': 2") == 1
    assert (names["s"].best().test_error.mean("seed") < 0.1).all()
    exec(surface, names)
    assert capsys.readouterr().out.strip() == "(101, 101) scores"
    exec(train, names)
    assert names["run"].values[-1] < names["run"].values[0]
    assert len(own.strip().splitlines()) <= 10


@pytest.mark.slow
def test_the_lossland_commands_run(tmp_path):
    (tmp_path / "my_loss.py").write_text(PYTHON[4])
    commands = [words for words in SHELL if words and words[0] == "lossland"]
    assert len(commands) == 3
    for words in commands:
        done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True, check=True)
        assert "two_slopes" in done.stdout


def test_the_make_commands_exist():
    makefile = (ROOT / "Makefile").read_text()
    for words in SHELL:
        if words and words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words


def test_the_numbers_are_true():
    from lossland.registry import ACTIVATIONS, LOSSES

    pairs = ll.pairs()
    said = re.search(r"more than (\d+) losses, (\d+) output activations and (\d+) admissible pairs", README)
    found = [sum(e.function.__module__.startswith("lossland.") for e in r.values()) for r in (LOSSES, ACTIVATIONS)]
    for claimed, there in zip(map(int, said.groups()), (*found, len(pairs)), strict=True):
        assert claimed < there


def test_the_benchmark_table_is_the_saved_one():
    """Every ratio in the README stands in benchmarks/results, written by `make bench`."""
    saved = json.loads((ROOT / "benchmarks" / "results" / "elementwise_cpu.json").read_text())["rows"]
    rows = re.findall(r"^\| (\S+\+\S+) \| (.*?) \| ([\d.]+) \| ([\d.]+) \|$", README, re.MULTILINE)
    assert len(rows) >= 5
    for ours, theirs, each, total in rows:
        for what, shown in (("each", each), ("sum", total)):
            (row,) = [r for r in saved if (r["ours"], r["theirs"], r["what"]) == (ours, theirs, what)]
            assert f"{row['ratio'][1]:.1f}" == shown


def _short(ratio):
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


def test_the_sweeps_ratios_are_the_saved_ones():
    saved = json.loads((ROOT / "benchmarks" / "results" / "sweep_cpu.json").read_text())
    held = {(r["peer"], r["shape"]): _short(r["ratio"]) for r in saved["peers"]}
    rows = re.findall(r"^\| (SGDClassifier|torch\S*.*?|vmap of .*?) \| ([\d.]*) \| ([\d.]*) \|$", README, re.MULTILINE)
    assert len(rows) == len({peer for peer, _ in held})
    for peer, *cells in rows:
        for shape, shown in zip(("569 x 30", "10000 x 100"), cells, strict=True):
            assert shown == held.get((peer, shape), "")


def test_the_solver_ratios_are_the_saved_ones():
    """Every ratio of the solver's table stands in benchmarks/results, written by `make bench`."""
    saved = json.loads((ROOT / "benchmarks" / "results" / "solve_cpu.json").read_text())["rows"]
    held = {(r["loss"], r["peer"], r["workload"]): _short(r["ratio"]) for r in saved}
    rows = re.findall(r"^\| (hinge|logistic|squared_hinge) \| (\S+) \| (.*) \|$", README, re.MULTILINE)
    assert len(rows) >= 6
    for loss, peer, cells in rows:
        shown = [re.sub(r" \(\d+\)", "", cell).strip() for cell in cells.split(" | ")]
        shown = [part.strip() for cell in shown for part in (cell.split("/") if "/" in cell else [cell])]
        want = [held[loss, peer, w] for w in ("a", "b", "c1", "c8", "d", "e") if (loss, peer, w) in held]
        assert [cell for cell in shown if cell] == want, (loss, peer)


def test_the_cards_seconds_are_the_saved_ones():
    saved = json.loads((ROOT / "benchmarks" / "results" / "cards_cpu.json").read_text())["seconds"]
    every, warm, cold = saved.values()
    count = re.search(r"all (\d+) cards", next(iter(saved)))[1]
    told = " ".join(README.split())
    assert f"A card takes {warm:.2f} s once JAX is warm, all {count} cards {every:.0f} s" in told
    assert f"`lossland card relu hinge` {cold:.1f} s from a cold start" in told


def test_the_pages_redraw_is_the_saved_one():
    saved = json.loads((ROOT / "benchmarks/results/page_cpu.json").read_text())
    assert f"the whole answer to a change takes {saved['redraw_ms']['relu+hinge'][0]:.0f} ms" in " ".join(
        README.split()
    )
    assert max(middle for middle, _ in saved["redraw_ms"].values()) < 100
    assert saved["megabytes"] < 6


def test_the_figures_are_there():
    for figure in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (ROOT / figure).is_file(), figure


def test_one_version():
    held = [path for path in ROOT.iterdir() if path.suffix in (".toml", ".cff", ".txt") or path.name == "Makefile"]
    assert len(held) >= 4
    assert not [path.name for path in held if re.search(rf"\bversion\b.*{ll.__version__}", path.read_text())]


def test_design_lists_every_module():
    design = (ROOT / "DESIGN.md").read_text()
    for path in (ROOT / "lossland").glob("*.py"):
        assert f"`{path.stem}`" in design, path.name


def test_the_plane_ratios_are_the_saved_ones():
    saved = json.loads((ROOT / "benchmarks/results/landscape_cpu.json").read_text())["rows"]
    held = {(row["data"], row["steps"], row["loss"]): row for row in saved}
    shown = re.findall(r"^\| (\S+ x \S+) \| (\d+) x \d+ \| (.*?) \| (.*?) \|$", README, re.MULTILINE)
    assert len(shown) == 3
    for data, steps, *cells in shown:
        for cell, loss in zip(cells, ("hinge", "logistic"), strict=True):
            row = held[data, int(steps), loss]
            assert cell == f"{row['ratio']:.0f} ({row['ours_ms']:.1f} ms)"
