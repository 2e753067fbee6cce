"""Units and layers of params in any container: directions have the params' norms, unit by unit."""

from typing import NamedTuple

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.landscapes._units import unit_groups

RNG = np.random.default_rng(0)
FIRST = {"weights": RNG.normal(size=(3, 4)), "bias": RNG.normal(size=4)}
SECOND = {"weights": 100.0 * RNG.normal(size=4), "bias": np.array(3.0)}


class Layers(NamedTuple):
    first: dict
    second: dict


CONTAINERS = {
    "list": [FIRST, SECOND],
    "tuple": (FIRST, SECOND),
    "dict": {"a": FIRST, "b": SECOND},
    "dict of dicts": {"params": {"a": FIRST, "b": SECOND}},
    "NamedTuple": Layers(FIRST, SECOND),
    "mixed": {"net": [FIRST, (SECOND,)]},
}


def layers_of(tree):
    """The two layers, wherever they lie."""
    found = []

    def visit(node):
        if isinstance(node, dict) and "weights" in node:
            found.append(node)
            return
        for part in node.values() if isinstance(node, dict) else node:
            visit(part)

    visit(tree)
    return found


def unit_norms(layer):
    """The norm of each unit, its weights and its bias together, written out."""
    weights, bias = np.asarray(layer["weights"]), np.asarray(layer["bias"])
    if weights.ndim == 1:
        return [np.sqrt((weights**2).sum() + bias**2)]
    return [np.sqrt((weights[:, j] ** 2).sum() + bias[j] ** 2) for j in range(weights.shape[1])]


@pytest.mark.parametrize("held", CONTAINERS.values(), ids=CONTAINERS)
def test_one_direction_has_the_norms_of_the_params_unit_by_unit(held):
    (direction,) = ll.random_directions(held, jax.random.key(1), count=1)
    assert jax.tree.structure(direction) == jax.tree.structure(held)
    for drawn, own in zip(layers_of(direction), layers_of(held), strict=True):
        np.testing.assert_allclose(unit_norms(drawn), unit_norms(own), rtol=1e-9)


@pytest.mark.parametrize("held", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("normalization", ["layer", "model"])
def test_layers_and_models(held, normalization):
    (direction,) = ll.random_directions(held, jax.random.key(1), count=1, normalization=normalization)

    def sizes(tree):
        each = [np.sqrt(sum((np.asarray(x) ** 2).sum() for x in layer.values())) for layer in layers_of(tree)]
        return each if normalization == "layer" else [np.linalg.norm(each)]

    np.testing.assert_allclose(sizes(direction), sizes(held), rtol=1e-9)


def test_weights_stored_the_other_way():
    turned = [{"weight": FIRST["weights"].T, "bias": FIRST["bias"]}]
    (direction,) = ll.random_directions(turned, jax.random.key(1), count=1, units=0)
    back = {"weights": np.asarray(direction[0]["weight"]).T, "bias": direction[0]["bias"]}
    np.testing.assert_allclose(unit_norms(back), unit_norms(FIRST), rtol=1e-9)
    with pytest.raises(ValueError, match="Give units=0"):
        ll.random_directions(turned, jax.random.key(1))
    with pytest.raises(ValueError, match="no axis"):
        ll.random_directions(turned, jax.random.key(1), units=2)


def test_matrices_side_by_side_are_refused():
    held = [np.ones((3, 4)), np.ones(4), np.ones((4, 2)), np.ones(2)]
    with pytest.raises(ValueError, match="lie side by side in one node"):
        ll.random_directions(held, jax.random.key(0))
    assert len(ll.random_directions(held, jax.random.key(0), normalization="layer")) == 2


def test_what_is_no_number_does_not_move():
    held = {"weights": np.ones((3, 4)), "bias": np.ones(4), "count": np.array(3), "on": np.array(True)}
    for direction in ll.random_directions(held, jax.random.key(0)):
        assert not np.any(direction["count"])
        assert not np.any(direction["on"])
        assert np.all(np.asarray(direction["weights"]) != 0)


def test_a_convolution_has_its_units_on_the_last_axis():
    groups = unit_groups({"kernel": np.ones((2, 2, 3, 5)), "bias": np.ones(5)}, "filter")
    assert groups[0].tolist() == list(range(5))
    assert (groups[1] == np.arange(5)).all()
