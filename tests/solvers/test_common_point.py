"""Proofs that no plane separates, checked in rational arithmetic; and none where one does."""

import pickle
from fractions import Fraction

import numpy as np
import pytest

import lossland as ll


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kind", ["normal", "grid", "far", "unlike", "copies"])
def test_the_combination_is_a_common_point(kind, bias):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(40, 4))
    x = {"grid": np.round(2 * x), "far": x + 1e7, "unlike": x * [1e-6, 1, 1e3, 1e6]}.get(kind, x)
    t = rng.choice([-1, 1], 40)
    if kind == "copies":
        x[1], t[:2] = x[0], (1, -1)
    if not bias and kind in ("far", "copies"):
        x = x - x.mean(axis=0)
    with pytest.raises(ll.NotSeparable) as caught:
        ll.solve("hinge", ll.Dataset(inputs=x, labels=t), C=np.inf, bias=bias)
    error = caught.value
    share = error.combination
    assert error.exact
    assert "checked in rational arithmetic" in str(error)
    assert np.all(share >= 0)
    assert np.sum(share > 0) <= 4 + 1 + bias
    used = np.flatnonzero(share)
    # Doubles of rationals: each entry is off by half a digit of its own, and no more.
    for column in x[used].T:
        total = sum(
            Fraction(float(v)) * Fraction(float(s)) * int(k)
            for v, s, k in zip(column, share[used], t[used], strict=True)
        )
        assert abs(total) <= 2.0**-53 * sum(abs(v) * s for v, s in zip(column, share[used], strict=True)) * 2
    back = pickle.loads(pickle.dumps(error))
    assert str(back) == str(error)
    np.testing.assert_array_equal(back.combination, share)


@pytest.mark.parametrize("margin", [1.0, 1e-6, 1e-12])
def test_what_can_be_separated_is_not_refused(margin):
    """Two rows of points that a strip of this width parts."""
    x = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, margin], [2.0, margin]])
    sol = ll.solve("hinge", ll.Dataset(inputs=x, labels=[-1, -1, 1, 1]), C=np.inf)
    assert sol.converged
    np.testing.assert_allclose(sol.objective, 2.0 / margin**2, rtol=1e-6)
    assert np.all(np.array([-1, -1, 1, 1]) * (x @ sol.weights + sol.bias) > 1 - 1e-9)


def test_classes_that_only_touch_share_a_point():
    with pytest.raises(ll.NotSeparable):
        ll.solve("hinge", ll.Dataset(inputs=[[0.0], [1.0], [1.0], [2.0]], labels=[-1, -1, 1, 1]), C=np.inf)
