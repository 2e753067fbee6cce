"""A page's entries are the same from one process and from several."""

import dataclasses

import jax.numpy as jnp
import pytest

import lossland as ll
from lossland.page import _entries as entries

USERS = """
import jax.numpy as jnp
import lossland as ll


@ll.margin_loss
def hinge_in_a_file(margin):
    return 3 * jnp.maximum(0, 1 - margin)
"""


@pytest.mark.slow
def test_two_processes_give_what_one_gives(tmp_path, monkeypatch):
    """Of a user's file too, which each process reads for itself."""
    path = tmp_path / "own.py"
    path.write_text(USERS)
    ll.elements.load_file(str(path))
    try:
        names = ("identity+hinge", "relu+hinge", "identity+hinge_in_a_file", "identity+absolute")
        made = [ll.pair(name) for name in names]
        alone = list(entries.pair_entries(made))
        monkeypatch.setattr(entries, "FEW", 2)
        assert list(entries.pair_entries(made, (str(path),), processes=2)) == alone
    finally:
        ll.elements.LOSSES.pop("hinge_in_a_file")


@pytest.mark.parametrize(
    "psi", ["psi = theta", "psi = theta^2/4", "psi = 0.3535 theta^2", "psi(1/2) = 0.1234", "psi = inf"]
)
def test_a_headline_leaves_psi_out_and_keeps_the_rest(psi):
    told = [("+", f"Calibrated inside (0, 1); best 1/2, {psi} (Bartlett).", "proven"), ("", "Flat.", "measured")]
    assert entries.headline(told) == [
        ["Calibrated inside (0, 1); best 1/2 (Bartlett).", "proven"],
        ["Flat.", "measured"],
    ]


def test_pairs_without_a_name_are_not_looked_for_elsewhere(monkeypatch):
    """A loss that no file holds cannot be found by another process; nor is a name that now means another loss."""
    monkeypatch.setattr(entries, "FEW", 0)
    monkeypatch.setattr(entries, "_beside", lambda *_: pytest.fail("asked another process"))
    pair = ll.pair("identity", "hinge")
    entry = dataclasses.replace(pair.loss, function=lambda margin: jnp.maximum(0, 2 - margin))
    own = dataclasses.replace(pair, loss=entry)
    ((entry, table),) = entries.pair_entries([own], processes=2)
    assert entry["loss"] == "hinge"
    assert table != entries.pair_entry(ll.pair("identity", "hinge"))[1]


def test_a_process_that_dies_leaves_its_work_to_this_one(monkeypatch):
    def dying(names, files, processes):
        yield entries.pair_entry(ll.pair(names[0]))
        raise entries.BrokenProcessPool

    monkeypatch.setattr(entries, "FEW", 1)
    monkeypatch.setattr(entries, "_beside", dying)
    made = [ll.pair("identity", "hinge"), ll.pair("relu", "hinge")]
    assert list(entries.pair_entries(made, processes=2)) == [entries.pair_entry(each) for each in made]
