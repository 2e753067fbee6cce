"""The command line, as a user meets it: in a process of its own where start-up matters, in this one elsewhere."""

import json
import os
import subprocess
import sys

import pytest

import lossland.__main__ as cli


def call(*words):
    with pytest.raises(SystemExit) as exit_:
        cli.main(list(words))
    return exit_.value.code


def process(*words, **options):
    return subprocess.run([sys.executable, "-m", "lossland", *words], capture_output=True, text=True, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], *([name, "--help"] for name in cli.COMMANDS)],
)
def test_help_needs_no_jax(words):
    code = """
import sys
from lossland.__main__ import main
try:
    main(sys.argv[1:])
finally:
    print(sorted({"jax", "numpy", "xarray"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout.strip().endswith("[]")
    assert done.stdout.startswith("lossland " if words == ["--version"] else "usage: lossland")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_shows_examples(name, capsys):
    assert call(name, "--help") == 0
    assert "Examples: `lossland" in capsys.readouterr().out.replace('eval "$(lossland', "lossland")


def test_an_experiments_help_shows_its_settings():
    done = process("run", "relu_vs_hinge", "--help")
    assert done.returncode == 0
    assert "--learning-rate" in done.stdout
    assert "--smoke" in done.stdout


@pytest.mark.parametrize("what", ["losses", "activations", "pairs", "datasets", "experiments"])
@pytest.mark.parametrize("form", ["terminal", "markdown", "csv"])
def test_list(what, form, capsys):
    assert call("list", what, "--form", form) == 0
    expected = {"losses": "squared_hinge", "activations": "softplus", "pairs": "savage", "datasets": "breast_cancer"}
    assert expected.get(what, "relu_vs_hinge") in capsys.readouterr().out


def test_list_losses_gives_other_names_with_their_scale(capsys):
    call("list", "losses", "--form", "csv")
    assert "sigmoid_margin,LossFunctions.jl,SigmoidLoss,2,2" in capsys.readouterr().out


@pytest.mark.slow
def test_check(capsys):
    assert call("check", "hinge") == 0
    assert "claim kinks" in capsys.readouterr().out
    assert call("check", "relu(tie=0.5)+hinge") == 0


@pytest.mark.slow
def test_check_of_a_users_file(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "import jax.numpy as jnp, lossland as ll\n"
        "@ll.margin_loss(convex=True)\ndef cli_false_claim(margin): return jnp.tanh(-margin)\n"
        "@ll.activation(range=(0.0, 1.0))\ndef cli_too_large(score): return 2.0 * ll.activations.sigmoid(score)\n"
    )
    assert call("check", f"{file}:cli_false_claim") == 1
    assert "not convex: between" in capsys.readouterr().out
    assert call("check", f"{file}:cli_too_large") == 1
    assert "is outside [0, 1]" in capsys.readouterr().out
    assert call("list", "losses", "--from", str(file), "--form", "csv") == 0
    assert "cli_false_claim" in capsys.readouterr().out


@pytest.mark.slow
def test_a_card_in_words_and_as_json(capsys):
    assert call("card", "relu", "hinge") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Plateau z <= 0 at loss 1: a positive there gets no gradient." in told
    assert "best 1/2, psi = theta/2" in told
    assert call("card", "relu+hinge", "--json") == 0
    held = json.loads(capsys.readouterr().out)
    assert held["plateaus"] == {"positive": [["-inf", 0.0]], "negative": []}
    assert held["best_threshold"] == 0.5


@pytest.mark.slow
def test_a_loss_alone_gets_the_output_that_it_takes(capsys):
    for name, pair in (("hinge", "identity+hinge"), ("brier", "sigmoid+brier")):
        assert call("card", name) == 0
        assert capsys.readouterr().out.startswith(pair)


@pytest.mark.slow
def test_a_card_of_a_users_file(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "import jax.numpy as jnp, lossland as ll\n"
        "@ll.margin_loss(convex=False)\ndef cli_card_loss(margin): return jnp.maximum(0.0, 2.0 - margin)\n"
    )
    assert call("card", f"{file}:cli_card_loss") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Calibrated only for thresholds inside (-2, 2); best 0" in told
    assert "A false claim. claim convex: claimed not to be convex, but it is, proven from its program." in told
    assert call("cards", "--loss", "cli_card_loss", "--from", str(file), "--activation", "relu", "--form", "csv") == 0
    assert "relu+cli_card_loss,2 ramp(0.5 m)" in capsys.readouterr().out


def test_cards_in_every_form_with_their_map(tmp_path, capsys):
    words = ["cards", "relu+hinge", "identity+hinge", "sigmoid+brier", "--sort", "pair", "--quiet"]
    for form, first in (("markdown", "| identity+hinge | hinge |"), ("latex", "identity+hinge & hinge &")):
        assert call(*words, "--form", form) == 0
        out = capsys.readouterr().out
        assert first in out
        assert out.index("identity+hinge") < out.index("relu+hinge") < out.index("sigmoid+brier")
    picture = tmp_path / "new" / "map.svg"
    assert call(*words, "--figure", str(picture)) == 0
    assert "<svg" in picture.read_text()
    assert str(picture) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["card", "relu", "hing"], "Did you mean hinge"),
        (["card", "relu"], "name a loss too"),
        (["card", "relu", "cross_entropy"], "is not admissible"),
        (["card", "a", "b", "c"], "Got 3 names"),
        (["card", "hinge", "--figure", "nowhere"], "needs an ending"),
        (["cards"], "Which pairs?"),
        (["cards", "relu+hinge", "--sort", "beauty"], "Columns: pair"),
        (["check", "hing"], "Did you mean hinge"),
        (["check", "nowhere.py:thing"], "There is no file nowhere.py"),
        (["check", "relu+cross_entropy"], "is not admissible"),
        (["run", "relu_vs_hing"], "Did you mean relu_vs_hinge"),
        (["figures", "--out", "nowhere"], "holds no results"),
        (["lis", "losses"], "Did you mean list"),
        (["--vers"], "no option '--vers'"),
        (["list", "loses"], "Did you mean losses"),
        (["list"], "missing {losses"),
        (["list", "losses", "pairs"], "'pairs' is one word too many"),
        (["solve", "two_moons", "--los", "hinge"], "Did you mean --loss?"),
        (["solve", "two_moons", "--C", "much"], "error parsing --C"),
        (["solve", "two_moons", "--form", "csw"], "Did you mean csv"),
        (["sweep", "--learning_rate=1"], "Did you mean --learning-rates?"),
        (["run", "relu_vs_hinge", "--stepz", "3"], "Did you mean --steps?"),
        (["completion", "bsh"], "Did you mean bash"),
    ],
)
def test_usage_errors_are_one_line_and_exit_2(words, said, capsys):
    assert call(*words) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1


def test_debug_shows_the_traceback():
    with pytest.raises(ValueError, match="Did you mean hinge"):
        cli.main(["check", "hing", "--debug"])


@pytest.mark.slow
def test_an_interrupt_says_how_to_go_on(monkeypatch, capsys):
    """Where parts are on disk, who left them there notes it on the interrupt; elsewhere nothing is promised."""
    for note in ("Finished parts are kept: the same command goes on from there.", None):

        def interrupt(*given, note=note):
            stopped = KeyboardInterrupt()
            if note:
                stopped.add_note(note)
            raise stopped

        monkeypatch.setitem(cli.COMMANDS, "run", (cli.COMMANDS["run"][0], interrupt))
        assert call("run", "losses") == 130
        assert ("goes on from there" in capsys.readouterr().err) is bool(note)


def test_a_reader_that_has_seen_enough_is_no_error():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([sys.executable, "-m", "lossland", "--version"], stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_what_nobody_wrote_a_sentence_for_is_told_with_its_kind(monkeypatch, capsys):
    def fail(command):
        raise KeyError("lost")

    monkeypatch.setitem(cli.COMMANDS, "list", (cli.COMMANDS["list"][0], fail))
    assert call("list", "losses") == 1
    assert capsys.readouterr().err == "lossland: KeyError: 'lost' (--debug shows where)\n"


def test_bash_completes_commands_and_options(tmp_path, capsys):
    assert call("completion", "bash") == 0
    script = tmp_path / "script"
    script.write_text(capsys.readouterr().out)
    ask = 'source "$1"; COMP_WORDS=(lossland "${@:2}"); COMP_CWORD=$(($# - 1)); _tyro_lossland; echo "${COMPREPLY[@]}"'
    for words, offered in (
        (["la"], ["landscape"]),
        (["solve", "--lo"], ["--loss"]),
    ):
        done = subprocess.run(["bash", "-c", ask, "_", script, *words], capture_output=True, text=True, check=True)
        assert done.stdout.split() == offered


@pytest.mark.parametrize("what", ["losses", "activations", "pairs", "datasets", "experiments"])
def test_lists_as_json(what, capsys):
    assert call("list", what, "--json") == 0
    held = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    expected = {
        "losses": ("squared_hinge", {"convex": True, "kinks": [], "domain": ["-inf", "inf"]}),
        "activations": ("relu", {"range": [0.0, "inf"], "kinks": [0.0]}),
        "pairs": ("relu+hinge", {"activation": "relu", "loss": "hinge"}),
        "datasets": ("breast_cancer", {"real": True}),
        "experiments": ("relu_vs_hinge", {}),
    }
    name, values = expected[what]
    assert held[name].items() >= values.items()


def test_checks_and_cards_as_json(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "import jax.numpy as jnp, lossland as ll\n"
        "@ll.margin_loss(convex=True)\ndef cli_json_claim(margin): return jnp.tanh(-margin)\n"
    )
    assert call("check", "cli_json_claim", "--from", str(file), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["holds"] is False
    assert "not convex" in told["refuted"]
    assert call("check", "relu", "--json") == 0
    assert "claim kinks" in [check["contract"] for check in json.loads(capsys.readouterr().out)["contracts"]]
    assert call("cards", "relu+hinge", "--json", "--quiet") == 0
    assert [card["best_threshold"] for card in json.loads(capsys.readouterr().out)] == [0.5]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        *([f"list {what}"] for what in ("losses", "activations", "pairs", "datasets", "experiments")),
        ["check relu+hinge"],
        ["card sigmoid+focal"],
        ["cards relu+hinge sigmoid+bi_tempered sigmoid+brier --quiet"],
        ["names"],
        ["solve breast_cancer --C 0.01 0.1 1 10"],
        ["solve two_moons --C 1"],
        ["sweep relu+hinge identity+hinge --data two_moons --seeds 1 --steps 3 --thresholds 0 0.5 best"],
    ],
    ids=lambda words: words[0].split(" --")[0],
)
@pytest.mark.parametrize("columns", ["", "60", "140"])
def test_what_a_command_prints_fits_the_line(words, columns, monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", columns)
    assert call(*words[0].split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= int(columns or 80), max(lines, key=len)
