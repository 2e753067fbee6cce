"""The commands `card` and `cards`: what they print, prove and mark."""

import json
import logging
import re

import pytest

import lossland.__main__ as cli

MINE = """
import jax.numpy as jnp, lossland as ll

@ll.margin_loss
def command_prove_loss(margin):
    return jnp.where(margin > 0, 0.5 * jnp.exp(-margin), 1.0 - 0.5 * jnp.exp(margin))
"""


def call(*words):
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--no-compilation-cache"])
    return ended.value.code


def lines(text):
    """What was said and after how many seconds."""
    found = [re.fullmatch(r" *(\d+\.\d) s  (.*)", line) for line in text.splitlines()]
    assert all(found), text
    return [float(each[1]) for each in found], [each[2] for each in found]


def test_proving_says_which_class_and_piece_and_leaves_no_trace(capsys):
    before = logging.getLogger("lossland.proofs").level
    assert call("card", "leaky_relu", "squared_hinge", "--prove") == 0
    out, err = capsys.readouterr()
    seconds, said = lines(err)
    assert seconds == sorted(seconds)
    assert said[0] == "proving leaky_relu+squared_hinge for positives"
    assert "proving leaky_relu+squared_hinge for negatives" in said
    assert any(re.match(r"  piece \d of \d", line) for line in said)
    assert len([line for line in said if line.startswith("proving")]) == 2
    assert out.startswith("leaky_relu+squared_hinge")
    assert "spends more" not in out
    logger = logging.getLogger("lossland.proofs")
    assert (logger.handlers, logger.level) == ([], before)


def test_proving_a_users_loss_as_json(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    assert call("card", f"{file}:command_prove_loss", "--prove", "--json") == 0
    out, err = capsys.readouterr()
    held = json.loads(out)
    assert held["pair"] == "identity+command_prove_loss"
    assert held["evidence"]["convex"]["positive"]["status"] == "refuted"
    assert held["evidence"]["convex"]["positive"]["witness"]
    assert lines(err)[1][0] == "proving identity+command_prove_loss for positives"


def test_a_plain_card_says_nothing_on_the_error_stream(capsys):
    assert call("card", "relu", "hinge") == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert "✗ no, at z = -1, 0, 1" in out
    assert "23 of 24 claims proven or refuted, 1 measured: calibrated." in out


def test_a_table_of_cards_marks_and_counts_what_is_measured(capsys):
    assert call("cards", "relu+hinge", "identity+hinge", "--form", "csv", "--quiet") == 0
    heads, first, second = capsys.readouterr().out.splitlines()
    assert "measured" in heads.split(",")
    assert "inside (0, 1)~" in first
    assert "~" not in second
