"""Persistence and merge trees: gudhi against our own union-find, and both against shapes that are known."""

import sys

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.figures import persistence_figure

WELLS = np.array(
    [
        [5.0, 5.0, 5.0, 5.0, 5.0],
        [5.0, 0.0, 3.0, 1.0, 5.0],
        [5.0, 5.0, 5.0, 4.0, 5.0],
        [5.0, 2.0, 4.5, 2.5, 5.0],
        [5.0, 5.0, 5.0, 5.0, 9.0],
    ]
)


def test_wells_merge_where_their_saddles_are():
    tree = ll.landscapes.merge_tree(WELLS)
    assert tree.births.tolist() == [0.0, 2.0, 1.0, 2.5]
    assert tree.deaths.tolist() == [np.inf, 4.5, 3.0, 4.0]
    assert tree.parents.tolist() == [-1, 0, 0, 0]
    assert tree.minima.tolist() == [[1, 1], [3, 1], [1, 3], [3, 3]]
    assert tree.saddles.tolist() == [[-1, -1], [3, 2], [1, 2], [2, 3]]


def test_a_hill_has_a_ring_around_it():
    x = np.linspace(-2.0, 2.0, 41)
    square = x[:, None] ** 2 + x[None, :] ** 2
    found = ll.landscapes.persistence((square - 1.0) ** 2)
    rings = found.dimensions == 1
    assert found.deaths[~rings][0] == np.inf
    longest = np.flatnonzero(rings)[0]
    assert found.deaths[longest] == 1.0
    assert found.death_places[longest].tolist() == [20, 20]
    assert 0.0 <= found.births[longest] < 0.05


@pytest.mark.parametrize("kind", ["real", "ties", "holes"])
def test_the_tree_is_gudhis_persistence_of_dimension_0(kind, rng):
    seen = 0
    for _ in range(40):
        shape = tuple(rng.integers(1, 12, 2))
        values = rng.normal(size=shape) if kind == "real" else rng.integers(0, 6, shape).astype(float)
        if kind == "holes":
            values[rng.random(shape) < 0.25] = np.nan
        if not np.isfinite(values).any():
            continue
        found, tree = ll.landscapes.persistence(values), ll.landscapes.merge_tree(values)
        basins = found.dimensions == 0
        assert sorted(zip(found.births[basins], found.deaths[basins], strict=True)) == sorted(
            zip(tree.births, tree.deaths, strict=True)
        )
        for levels, places in (
            (found.births, found.birth_places), (found.deaths, found.death_places),
            (tree.births, tree.minima), (tree.deaths, tree.saddles),
        ):  # fmt: skip
            ends = np.isfinite(levels)
            np.testing.assert_array_equal(values[tuple(places[ends].T)], levels[ends])
            assert (places[~ends] == -1).all()
        assert ((tree.parents < 0) == np.isinf(tree.deaths)).all()
        for k in np.flatnonzero(tree.parents >= 0):
            assert tree.births[tree.parents[k]] <= tree.births[k]
            assert tree.deaths[tree.parents[k]] >= tree.deaths[k]
        seen += len(tree.births)
    assert seen > 100


def test_holes_part_what_they_lie_between_for_ever():
    tree = ll.landscapes.merge_tree(np.array([[0.0, np.nan, 1.0]]))
    assert tree.deaths.tolist() == [np.inf, np.inf]
    assert ll.landscapes.persistence(np.array([[0.0, np.nan, 1.0]])).deaths.tolist() == [np.inf, np.inf]


def test_a_convex_plane_has_one_basin_and_a_plane_is_taken(x64):
    data = ll.load("two_gaussians(n=21, d=2, seed=2)")
    centre = {"weights": np.array([0.4, -0.2]), "bias": np.array(0.1)}
    p = ll.random_plane(ll.pair("identity+hinge"), data, centre, key=jax.random.key(0), radius=2.0, steps=21)
    found, tree = ll.landscapes.persistence(p), ll.landscapes.merge_tree(p)
    assert (found.dimensions == 0).sum() == len(tree.births) == 1
    assert tree.births[0] == p.values.min()


def test_without_gudhi_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gudhi", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'lossland\[topology\]'$"):
        ll.landscapes.persistence(WELLS)
    assert len(ll.landscapes.merge_tree(WELLS).births) == 4


@pytest.mark.parametrize("least", [0.5, 1.0, 2.0])
def test_short_lives_are_left_out_and_the_rest_keeps_its_parents(least, rng):
    values = rng.normal(size=(20, 20))
    whole, tree, found = (
        ll.landscapes.merge_tree(values),
        ll.landscapes.merge_tree(values, least),
        ll.landscapes.persistence(values, least),
    )
    assert (tree.lengths > least).all()
    kept = whole.lengths > least
    assert 1 < kept.sum() < len(kept)
    np.testing.assert_array_equal(tree.births, whole.births[kept])
    np.testing.assert_array_equal(tree.parents, whole.parents[kept])
    assert sorted(found.births[found.dimensions == 0]) == sorted(tree.births)
    with pytest.raises(ValueError, match="least"):
        ll.landscapes.merge_tree(values, -1.0)


def test_bad_input_is_said():
    for values in (np.full((2, 2), np.nan), np.zeros(3), np.zeros((0, 2))):
        with pytest.raises(ValueError, match="finite value"):
            ll.landscapes.persistence(values)
        with pytest.raises(ValueError, match="finite value"):
            ll.landscapes.merge_tree(values)


def test_bars_and_branches_are_drawn():
    figure = persistence_figure(ll.landscapes.persistence(WELLS), ll.landscapes.merge_tree(WELLS), most=3)
    bars, tree = figure.get_axes()
    assert "left out" in bars.get_title()
    assert len(bars.lines) == 3 + 1
    # Three branches with their minima, an arrow, and two ways to the older branch.
    assert len(tree.lines) == 3 * 2 + 1 + 2
