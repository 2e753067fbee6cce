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
    use, own, train = PYTHON
    assert "def two_slopes" in own
    (tmp_path / "my_loss.py").write_text(own)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(use, names)
    assert "1.0 -0.0" in capsys.readouterr().out.splitlines()[-1]
    assert (names["svm"].gap < 1e-10).all()
    exec(train, names)
    assert names["run"].values[-1] < names["run"].values[0]
    assert len(own.strip().splitlines()) <= 10


@pytest.mark.slow
def test_the_lossland_commands_run(tmp_path):
    (tmp_path / "my_loss.py").write_text(PYTHON[1])
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
    from lossland.elements import ACTIVATIONS, LOSSES

    pairs = ll.pairs()
    said = re.search(r"more than (\d+) losses, (\d+) output activations and (\d+) admissible pairs", README)
    found = [sum(e.function.__module__.startswith("lossland.") for e in r.values()) for r in (LOSSES, ACTIVATIONS)]
    for claimed, there in zip(map(int, said.groups()), (*found, len(pairs)), strict=True):
        assert claimed < there


def test_the_ratios_are_the_saved_ones():
    """Every ratio in the README stands in benchmarks/results, written by `make bench`."""
    held = {}
    for name, key in (("solve", "rows"), ("sweep", "peers"), ("landscape", "rows"), ("elementwise", "rows")):
        for row in json.loads((ROOT / f"benchmarks/results/{name}_cpu.json").read_text())[key]:
            what = row.get("what", row.get("workload", row.get("steps", row.get("shape"))))
            ratio = row["ratio"][1] if name == "elementwise" else row["ratio"]
            own = row.get("loss", row.get("ours", row.get("pairs")))
            held[row.get("peer", row.get("theirs", row.get("data"))), own, what] = ratio
    spectra = json.loads((ROOT / "benchmarks/results/curvature_cpu.json").read_text())["results"]
    held["matfree"] = spectra["mlp(64), 569 x 30"]["top-10"]["matfree_ratio"]
    wanted = {
        ("hinge, 49 values of C, 569 x 30", "LIBLINEAR"): ("LIBLINEAR", "hinge", "a"),
        ("logistic, 21 values of C, 10000 x 100", "lbfgs"): ("lbfgs", "logistic", "b"),
        ("a step of all 605 pairs x 4 models, 569 x 30", "SGDClassifier"): ("SGDClassifier", "all pairs", "569 x 30"),
        ("a plane of the hinge, 101 x 101, 569 x 30", "loss-landscapes"): ("569 x 30", "hinge", 101),
        ("a million logistic losses and slopes", "optax"): (
            "optax.sigmoid_binary_cross_entropy", "identity+logistic", "each",
        ),
        ("a million hinges and slopes", "optax"): ("optax.hinge_loss", "identity+hinge", "each"),
        ("ten largest eigenvalues, mlp(64), 569 x 30", "matfree"): "matfree",
    }  # fmt: skip
    shown = re.findall(r"^\| (.*?) \| (.*?) \| ([\d.]+) \|$", README, re.MULTILINE)
    assert {(what, peer): ratio for what, peer, ratio in shown} == {
        row: _short(held[key]) for row, key in wanted.items()
    }


def test_the_lowest_ratios_are_shown_with_a_reason():
    """What the README calls the lowest row of each kind is that, by benchmarks/results."""

    def lowest(name, ratio):
        saved = json.loads((ROOT / f"benchmarks/results/{name}_cpu.json").read_text())
        rows = saved.get("rows") or [
            {"what": what, "kind": kind, "ratio": held["matfree_ratio"]}
            for what, parts in saved["results"].items()
            for kind, held in parts.items()
            if isinstance(held, dict)
        ]
        return min(rows, key=ratio)

    solve, kernel, spectrum, sparse, elementwise = (
        lowest("solve", lambda row: row["ratio"]),
        lowest("kernels", lambda row: row["ratio"]),
        lowest("curvature", lambda row: row["ratio"]),
        lowest("sparse", lambda row: row["ratio"]),
        lowest("elementwise", lambda row: row["ratio"][1]),
    )
    assert (solve["workload"], solve["loss"], solve["peer"]) == ("c1", "logistic", "lbfgs")
    assert (kernel["data"], kernel["C"]) == ("plane(2000 x 2)", 10.0)
    assert (spectrum["what"], spectrum["kind"]) == ("linear, 569 x 30", "top-10")
    assert (sparse["loss"], sparse["C"]) == ("hinge", 0.1)
    assert (elementwise["ours"], elementwise["what"]) == ("identity+hinge", "sum")
    shown = re.findall(r"^\| (.*?) \| (.*?) \| ([\d.]+) \| (.+?) \|$", README, re.MULTILINE)
    assert [(what, ratio) for what, _, ratio, _ in shown] == [
        ("logistic, one C, 100000 x 30", _short(solve["ratio"])),
        ("hinge over a Gaussian kernel, 2000 x 2, C = 10", _short(kernel["ratio"])),
        ("ten largest eigenvalues, linear, 569 x 30", _short(spectrum["ratio"])),
        ("hinge on 20000 x 47000 sparse words, C = 0.1", _short(sparse["ratio"])),
        ("a million hinges, summed", _short(elementwise["ratio"][1])),
    ]


def _short(ratio):
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


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
    held = [path for path in ROOT.iterdir() if path.suffix in (".toml", ".txt") or path.name == "Makefile"]
    assert len(held) >= 3
    assert not [path.name for path in held if re.search(rf"\bversion\b.*{ll.__version__}", path.read_text())]
    # A citation names what is cited: archives read the file by itself.
    assert re.findall(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE) == [ll.__version__]


def test_what_the_guides_point_to_is_there():
    for guide in ("README.md", "DESIGN.md", "CONTRIBUTING.md"):
        for path in re.findall(r"`((?:lossland|docs|tests)/[\w./]+)`", (ROOT / guide).read_text()):
            assert "WING" in path or path.endswith("_name.py") or (ROOT / path).exists(), f"{guide}: {path}"
