"""Proofs that a point is a local minimum, and directions that lead down, against theory and cells."""

import itertools

import numpy as np
import pytest

import lossland as ll
from tests.minima.cases import by_pair, distance, inside, tiny


def test_relu_hinge_has_two_to_the_d_basins_in_four_dimensions():
    data = _crossed(4)
    levels = []
    for signs in itertools.product((1.0, -1.0), repeat=4):
        found = ll.local_minimum("relu+hinge", data, 2.0 * np.array(signs), bias=False)
        assert found.minimal
        levels.append(round(12 * found.value))
    assert [levels.count(4 + k) for k in range(5)] == [1, 4, 6, 4, 1]
    best = ll.global_minimum("relu+hinge", data, bias=False, box=3.0)
    assert best.proven
    assert best.value == pytest.approx(4 / 12, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["relu+hinge", "hard_tanh+hinge", "identity+ramp", "relu6+absolute", "leaky_relu+hinge"]
)
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_programs_and_cells_agree(name, l2):
    data, rng = tiny(11, bias=False, n=7), np.random.default_rng(5)
    found = ll.cells(name, data, l2=l2, box=4.0)
    best = ll.global_minimum(name, data, l2=l2, bias=False, box=4.0)
    assert best.proven
    assert best.bound <= found.minimum + 1e-9
    assert best.value == pytest.approx(found.minimum, abs=2e-6)
    for each in (s for s in found.minima if not s.of_box):
        for point in (inside(part, rng) for part in each.parts):
            proof = ll.local_minimum(name, data, point, l2=l2, bias=False)
            assert proof.minimal
            assert proof.value == pytest.approx(each.level, abs=1e-9)
            gradients = proof.slopes / data.n @ data.inputs + l2 * point
            assert np.abs(gradients).max() < 1e-8
    minima = np.concatenate([part for s in found.minima for part in s.parts])
    for point in found.vertices[np.abs(found.vertices).max(axis=1) < 4 - 1e-6]:
        proof = ll.local_minimum(name, data, point, l2=l2, bias=False)
        if not proof.minimal:
            after = found.objective.value((point + 1e-7 * proof.direction)[None])[0]
            assert after < proof.value + 0.5e-7 * proof.slope
        elif not np.isclose(minima, point, atol=1e-8).all(axis=1).any():
            away = min(distance(point[None], part)[0] for s in found.minima for part in s.parts)
            assert away < 1e-8


def test_many_concave_kinks_are_searched_by_integers():
    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(14, 3))
    data = ll.Dataset(inputs, np.ones(14), one_class=True)
    found = ll.local_minimum("relu+hinge", data, np.zeros(3), bias=False)
    assert not found.minimal
    assert found.slope >= found.bound - 1e-6
    moved = by_pair(ll.pair("relu+hinge"), data, np.array([1e-6 * found.direction]), 0.0, False)[0]
    assert moved - found.value == pytest.approx(1e-6 * found.slope, rel=1e-6)
    corners = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
    assert found.slope <= -(np.maximum(corners @ inputs.T, 0.0).mean(axis=1)).max() + 1e-9
    # Twelve positives and, at the same places, two negatives of larger weight: no way down.
    both = ll.Dataset(np.concatenate([inputs, inputs]), np.repeat([1, -1], 14))
    heavy = np.repeat([1.0, 2.0], 14)
    proof = ll.local_minimum("relu+hinge", both, np.zeros(3), bias=False, sample_weights=heavy)
    assert proof.minimal
    assert proof.bound >= -1e-7
    assert proof.slopes.shape == (0, 28)


def _crossed(d):
    """Positives at +e_j twice and at -e_j once."""
    return ll.Dataset(np.concatenate([np.eye(d), np.eye(d), -np.eye(d)]), np.ones(3 * d), one_class=True)
