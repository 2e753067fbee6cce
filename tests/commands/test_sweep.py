"""`lossland sweep` as a user types it."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import jax
import pytest

import lossland.__main__ as cli
from lossland.commands import _sweep as sweep_command

SMALL = ["--data", "two_gaussians(n=50, seed=1)", "--seeds", "2", "--steps", "20", "--thresholds", "0"]


def call(*words):
    with pytest.raises(SystemExit) as exit_:
        cli.main(list(words))
    return exit_.value.code


@pytest.mark.slow
def test_a_sweep_ends_in_a_table_and_a_file(tmp_path, capsys):
    words = ["sweep", "identity+hinge", "relu+hinge", *SMALL, "--out", str(tmp_path), "--quiet"]
    assert call(*words, "--momentums", "0", "0.9") == 0
    told = capsys.readouterr().out
    assert "Chosen by validation" in told
    assert "48 models of 2 pairs" in told
    assert f"Result {tmp_path}/sweep-" in told
    assert call(*words, "--form", "csv") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header == "pair,learning_rate,l2,step,validation error at 0,test error at 0,diverged"
    assert len(rows) == 2
    assert call(*words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["models"], told["diverged"], told["left_out"]) == (24, 0, [])
    assert [(row["pair"], row["threshold"]) for row in told["best"]] == [("identity+hinge", 0.0), ("relu+hinge", 0.0)]
    shown = {line.split(",")[0]: line.split(",")[5].partition(" ")[0] for line in rows}
    for row in told["best"]:
        assert shown[row["pair"]] == f"{sum(row['test_error']) / 2:.3f}"


@pytest.mark.slow
def test_a_loss_of_the_users_own_is_swept(tmp_path, capsys):
    mine = tmp_path / "mine.py"
    mine.write_text(
        "import jax.numpy as jnp\nimport lossland as ll\n\n@ll.margin_loss\ndef gentle(margin):\n"
        '    """Half a hinge."""\n    return jnp.maximum(0.0, 1.0 - margin) / 2\n'
    )
    out = tmp_path / "out"
    words = [f"identity+{mine}:gentle", "identity+hinge"]
    assert call("sweep", *words, *SMALL, "--out", str(out), "--form", "csv", "--quiet") == 0
    assert "identity+gentle" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Which pairs?"),
        (["relu+hinge", "--all"], "one of the two"),
        (["relu+hing"], "hinge"),
        (["relu+cross_entropy"], "not admissible"),
        (["relu+hinge", "--optimizer", "adm"], "Did you mean adam"),
        (["relu+hinge", "--optimizer", "apply_updates"], "no optimiser"),
        (["relu+hinge", "--record", "often"], "--record takes a whole number or 'log'"),
        (["relu+hinge", "--thresholds", "worst"], "--thresholds takes a number or 'best'"),
        (["relu+hinge", "--processes", "0"], "at least 1"),
        (["relu+hinge", "--steps", "0"], "at least 1"),
        (["relu+hinge", "--coordinator", "host:1"], "belong together"),
    ],
)
def test_wrong_usage_is_one_line_and_code_2(words, message, tmp_path, capsys):
    assert call("sweep", *words, "--data", "two_gaussians(n=50, seed=1)", "--out", str(tmp_path), "--quiet") == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.strip().splitlines()) == 1


@pytest.mark.slow
def test_what_is_left_out_is_said(tmp_path, capsys):
    names = ["relu+hinge", "relu+cross_entropy"]
    assert call("sweep", *names, *SMALL, "--skip-inadmissible", "--out", str(tmp_path), "--quiet") == 0
    assert "Left out: relu+cross_entropy is not admissible" in capsys.readouterr().err


def test_the_three_parts_share_no_example_and_the_training_parts_scale(monkeypatch, tmp_path):
    import numpy as np

    import lossland as ll

    held = {}

    def sweep(pairs, data, *, validation, test, **rest):
        held.update(data=data, validation=validation, test=test)

    monkeypatch.setattr("lossland.training.sweep", sweep, raising=False)
    sweep_command._swept(sweep_command.SweepOptions(("relu+hinge",), out=tmp_path), None)
    parts = [held[name] for name in ("data", "validation", "test")]
    whole = ll.load("breast_cancer")
    assert sum(part.n for part in parts) == whole.n
    np.testing.assert_allclose(parts[0].inputs.mean(0), 0.0, atol=1e-12)
    rows = np.concatenate([part.inputs for part in parts])
    assert len(np.unique(rows.round(9), axis=0)) == len(np.unique(whole.inputs, axis=0))


def test_compiled_programs_are_kept_unless_told_not_to(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.delenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", raising=False)
    monkeypatch.setenv("LOSSLAND_COMPILATION_CACHE", "on")
    assert call("--version") == 0
    kept = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    assert kept.parent == tmp_path / "lossland" / "compiled"
    assert kept.name.startswith(f"jax-{jax.__version__}-")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    assert call("list", "experiments", "--no-compilation-cache") == 0
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ


@pytest.mark.slow
def test_progress_shows_rate_and_time_left(tmp_path):
    ours, theirs = pty.openpty()
    words = ["sweep", "identity+hinge", *SMALL[:4], "--steps", "200000", "--out", str(tmp_path)]
    made = subprocess.Popen([sys.executable, "-m", "lossland", *words], stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    told = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        told += part
    assert made.wait() == 0
    assert b"thousand model-steps/s" in told
    assert b"identity+hinge" in told
    assert b"left" in told
