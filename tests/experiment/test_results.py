"""Parts gathered into labelled arrays, against stacking by hand."""

import numpy as np
import pytest

import lossland as ll
from lossland.experiment import gather, stack_datasets


def parts(lengths):
    rng = np.random.default_rng(0)
    return {f"{d}, {m}": {"x": rng.normal(size=(n, 2))} for (d, m), n in lengths.items()}


def test_parts_are_stacked_along_their_axes():
    held = parts({(d, m): 3 for d in "ab" for m in "uvw"})
    axes = {"data": ["a", "b"], "model": ["u", "v", "w"]}
    results = gather(held, lambda d, m: f"{d}, {m}", axes, {"x": ("step", "axis")}, names={"data": ["A", "B"]})
    assert results.x.dims == ("data", "model", "step", "axis")
    for d in "ab":
        for m in "uvw":
            np.testing.assert_array_equal(results.x.sel(data=d.upper(), model=m).values, held[f"{d}, {m}"]["x"])


def test_ragged_parts_are_filled_up_with_nan():
    held = parts({("a", "u"): 1, ("b", "u"): 4})
    results = gather(held, lambda d: f"{d}, u", {"data": ["a", "b"]}, {"x": ("step", "axis")})
    np.testing.assert_array_equal(results.x[0, :1], held["a, u"]["x"])
    assert np.isnan(results.x[0, 1:]).all()
    np.testing.assert_array_equal(results.x[1], held["b, u"]["x"])


def test_what_is_missing_is_named():
    with pytest.raises(ValueError, match="No part is called 'c'; there are a"):
        gather({"a": {"x": 1}}, str, {"data": ["c"]}, {"x": ()})
    with pytest.raises(ValueError, match="Part 'a' has no field 'y'; it has x"):
        gather({"a": {"x": 1}}, str, {"data": ["a"]}, {"y": ()})


def test_stacked_data_sets_give_the_means_of_their_own():
    sets = [ll.load("two_gaussians(n=30, d=3, seed=1)"), ll.load("two_gaussians(n=20, d=2, seed=2)")]
    inputs, labels, weights = stack_datasets(sets)
    at = np.array([0.3, -0.2, 0.5])
    for k, each in enumerate(sets):
        by_hand = np.maximum(0, 1 - each.labels * (each.inputs @ at[: each.d])).mean()
        assert weights[k] @ np.maximum(0, 1 - labels[k] * (inputs[k] @ at)) == pytest.approx(by_hand, rel=1e-12)
        assert weights[k, each.n :].sum() == 0
