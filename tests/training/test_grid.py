"""The grid of a sweep: its blocks hold every run once."""

import numpy as np
import pytest

import lossland as ll
from lossland.training import _grid as grids
from tests.references import SPREAD


@pytest.mark.parametrize("scores", [1, 100, 500, 10**9])
def test_blocks_hold_every_run_once(data, scores):
    grid, _ = grids.make_grid(SPREAD[:3], 4, (0.1, 0.2, 0.3), (0.0, 0.1), {})
    for apart in (False, True):
        seen = np.zeros((3, grid.runs), int)
        for block in grids.blocks(grid, 10, scores, apart, multiple=2):
            assert block.width % 2 == 0
            for k in block.pairs:
                seen[k, block.runs[: block.wanted]] += 1
            assert not apart or len(set(grids.coordinates(grid, block)[0])) == 1
        assert (seen == 1).all()


@pytest.mark.parametrize(("steps", "fused"), [(10, False), (10**6, True)])
def test_long_runs_earn_fused_programs(steps, fused, monkeypatch):
    monkeypatch.setattr(grids.jax, "default_backend", lambda: "cpu")
    grid, _ = grids.make_grid(SPREAD[:3], 4, (0.1,), (0.0,), {})
    assert grids.earns_fusing(grid, 100, steps) is fused


def test_a_block_holds_no_more_models_than_fit():
    grid, _ = grids.make_grid(["identity+hinge", "relu+hinge", "identity+logistic"], 7, (0.1, 1.0), (0.0,), {})
    for most in (1, 3, 5, 100):
        cut = grids.blocks(grid, 10, most=most)
        assert all(block.height * block.width <= most for block in cut)
        held = sorted((pair, run) for b in cut for pair in b.pairs for run in range(b.first, b.first + b.wanted))
        assert held == [(pair, run) for pair in range(3) for run in range(14)]


def test_a_pair_alone_is_as_good_as_a_list_of_it():
    pair = ll.pair("relu", "hinge")
    for wanted in (pair, [pair], "relu+hinge", ("relu", "hinge"), ["relu+hinge"]):
        assert grids.make_grid(wanted, 1, (0.1,), (0.0,), {})[0].pairs == (pair,)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (("hinge", "logistic"), r"No activation is called 'hinge'\. hinge is a loss\."),
        (ll.losses.hinge, r"not a function\. A loss stands beside its output"),
        (3, 'pairs is "all", a pair or its name, or several of them, not 3.$'),
        (ll.card("relu", "hinge"), r"Give its `\.pair`"),
    ],
)
def test_what_is_no_pair_is_answered_with_what_is(wanted, said):
    with pytest.raises(ValueError, match=said):
        grids.make_grid(wanted, 1, (0.1,), (0.0,), {})
