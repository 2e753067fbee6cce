"""`lossland answer`, the bare command and hints: what a new user meets first."""

import json

import numpy as np
import pytest

import lossland as ll
import lossland.__main__ as cli


def told(capsys, *words):
    with pytest.raises(SystemExit) as exit_:
        cli.main(words)
    said = capsys.readouterr()
    return exit_.value.code, said.out, said.err


@pytest.mark.slow
def test_the_answer_is_computed(capsys):
    code, out, _ = told(capsys, "answer")
    assert code == 0
    assert "ramp" in out
    assert "1 + perceptron" in out
    assert max(map(len, out.splitlines())) <= 80
    planes = [line.split("|") for line in out.splitlines() if line.count("|") == 4]
    assert len(planes) == 13
    assert all("x" not in row[1] for row in planes)
    still = sum(row[3].count("x") for row in planes)
    # By hand: the same points, where no positive has z > 0 (up to 1) and no negative has z > 0.
    data = ll.load("two_gaussians(n=200, seed=0)")
    best = ll.solve("hinge", data, C=1.0)
    scales, shifts = np.meshgrid(np.linspace(-3, 3, 31), np.linspace(-6, 6, 13))
    z = (1 + scales)[..., None] * (data.inputs @ best.weights) + (best.bias + shifts)[..., None]
    pulls = np.where(data.labels > 0, (z > 0) & (z < 1), z > 0)
    assert still == int((~pulls.any(axis=-1)).sum()) - int(not pulls[6, 15].any())
    code, out, _ = told(capsys, "answer", "--json")
    held = json.loads(out)
    assert held["dead"][0] == 0 < held["lowest"][1] - held["lowest"][0]
    assert held["svm_gap"] < 1e-9


def test_a_bare_command_says_what_to_do(capsys):
    code, out, err = told(capsys)
    assert (code, err) == (0, "")
    assert sum(line.startswith("  lossland ") for line in out.splitlines()) == 5
    assert max(map(len, out.splitlines())) <= 80


LOSSES = """
import jax.numpy as jnp
import lossland as ll


@ll.margin_loss(convex=True)
def wavy(margin):
    return jnp.sin(margin)


@ll.margin_loss
def falling(margin):
    return jnp.exp(-margin)
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_losses.py").write_text(LOSSES)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("check", "my_losses.py"), "Which loss of my_losses.py? Write my_losses.py:wavy. It holds wavy, falling."),
        (("check", "my_loses.py:wavy"), "There is no file my_loses.py. Did you mean my_losses.py?"),
        (("run", "my_loses.py"), "There is no file my_loses.py. Did you mean my_losses.py?"),
        (("solve", "no/data.csv"), "There is no file no/data.csv. There is no folder no."),
        (("landscape", "relu+hinge", "--out", "x.png"), "has no option --out. Did you mean --figure?"),
        (("run", "relu_vs_hinge", "--figure", "x"), "relu_vs_hinge has no option --figure."),
    ],
)
def test_mistakes_are_answered_with_what_was_meant(mine, capsys, words, hint):
    code, _, err = told(capsys, *words)
    assert code == 2
    assert hint in err
    assert "--debug" not in err


def test_a_failing_check_shows_every_contract(mine, capsys):
    code, out, _ = told(capsys, "check", "my_losses.py:wavy")
    assert code == 1
    assert "1 of 12 contracts fail" in out
    assert sum(" holds" in line for line in out.splitlines()) == 11
    assert out.index("FAILS") < out.index("holds")
    code, out, _ = told(capsys, "check", "my_losses.py:wavy", "--json")
    held = json.loads(out)
    assert (code, held["holds"]) == (1, False)
    assert sum(each["holds"] for each in held["contracts"]) == 11


@pytest.mark.slow
def test_a_landscape_takes_no_other_ones_place(mine, tmp_path, capsys):
    def drawn(*words):
        code, out, _ = told(capsys, "landscape", *words, "--data", "two_points", "--steps", "5", "--json")
        assert code == 0
        return json.loads(out)["figure"]

    first = drawn("identity+my_losses.py:falling")
    assert drawn("identity+my_losses.py:falling") == first
    assert drawn("identity+my_losses.py:falling", "--radius", "2") != first
    assert drawn("identity+hinge") != first
    (tmp_path / "my_losses.py").write_text(LOSSES.replace("exp(-margin)", "exp(-2 * margin)"))
    assert drawn("identity+my_losses.py:falling") != first
    assert len(list((tmp_path / "results").glob("landscape-*.png"))) == 4
