"""Losses at scores on the host: by programs of a few sizes, the logistic by NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import pair
from lossland.solvers import _elementwise as elementwise
from lossland.solvers._plq import Terms


def test_numpy_s_logistic_is_the_pair_s():
    given, rng = pair("identity", "logistic"), np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=5000), [0.0, 700.0, -700.0, 40.0, -40.0]])[None]
    labels = np.where(rng.random(scores.shape) > 0.5, 1.0, -1.0)
    weights = rng.random(scores.shape)
    loss = elementwise.on_host(given)
    found = loss.weighed(scores, labels, weights)
    compiled = elementwise._by_parts(elementwise._weighed, 4, given, scores, labels, weights)
    for mine, other in zip(found, compiled, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(loss.values(scores, labels), elementwise.values_at(given, scores, labels), rtol=1e-13)


def _lopsided(scores, labels):
    return (1.0 + labels) * jnp.maximum(0.5 - scores, 0.0) ** 2 + jnp.maximum(1.0 + scores, 0.0) ** 2


def terms(*each):
    """Terms alike for both classes: (knot, low, high, soft) of each."""
    return Terms(*(np.array([row, row]) for row in zip(*each, strict=True)), np.zeros(2))


INF = np.inf
PARABOLAS = {
    "squared_hinge": (pair("identity", "squared_hinge"), terms((1.0, 0.0, INF, 0.5))),
    "smooth_hinge": (pair("identity", "smooth_hinge"), terms((1.0, 0.0, 1.0, 1.0))),
    "modified_huber": (pair("identity", "modified_huber"), terms((1.0, 0.0, 4.0, 0.5))),
    "huber": (pair("identity", "huber"), terms((1.0, -1.0, 1.0, 1.0))),
    "sparsemax": (pair("identity", "sparsemax"), terms((1.0, 0.0, 1.0, 2.0))),
    "squared": (pair("identity", "squared"), terms((1.0, -INF, INF, 0.5))),
    "a class that weighs three": (
        pair("identity", ll.weighted("squared_hinge", 3.0)),
        terms((1.0, 0.0, INF, 0.5))._replace(soft=np.array([[0.5 / 3.0], [0.5]])),
    ),
    "two terms for positives, one for negatives": (
        _lopsided,
        Terms(
            np.array([[0.5, -1.0], [1.0, 0.0]]),
            np.array([[0.0, -INF], [0.0, 0.0]]), np.array([[INF, 0.0], [INF, 0.0]]),
            np.array([[0.25, 0.5], [0.5, 1.0]]), np.zeros(2),
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("given", "form"), PARABOLAS.values(), ids=PARABOLAS)
def test_numpy_s_parabolas_are_the_pair_s(given, form):
    # A loss of one's own is registered, which lasts as long as a test.
    given = pair("identity", ll.label_loss(given)) if given is _lopsided else given
    rng = np.random.default_rng(1)
    # Not at a kink of the slope, where either curvature is as good.
    scores = np.concatenate([rng.normal(size=9000), [700.0, -700.0, 1e160, -1e160]])[None]
    labels = np.where(rng.random(scores.shape) > 0.5, 1.0, -1.0)
    weights = rng.random(scores.shape) * (np.abs(scores) < 1e100)
    loss = elementwise.on_host(given, form)
    assert loss.weighed.func is elementwise._by_numpy
    with np.errstate(over="ignore", invalid="ignore"):
        found = loss.weighed(scores, labels, weights)
    compiled = elementwise._by_parts(elementwise._weighed, 4, given, scores, labels, weights)
    for mine, other in zip(found, compiled, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-9)
    some = scores[:, :9000]
    values = elementwise.values_at(given, some, labels[:, :9000])
    np.testing.assert_allclose(loss.values(some, labels[:, :9000]), values, rtol=1e-9, atol=1e-9)


def test_a_loss_of_the_same_name_is_not_taken_for_the_logistic():
    assert elementwise.is_logistic(pair("identity", "logistic"))
    assert not elementwise.is_logistic(pair("relu", "logistic"))

    assert not elementwise.is_logistic(pair("identity", ll.scaled("logistic", 2.0)))


@pytest.mark.parametrize("count", [1, 4096, 4097, 8192, 16_385, 40_000])
def test_programs_of_a_few_sizes_serve_every_number_of_scores(count):
    scores = np.linspace(-3.0, 3.0, count).reshape(1, -1)
    found = elementwise.values_at(pair("identity", "hinge"), scores, np.ones((1, 1)))
    np.testing.assert_array_equal(found, np.maximum(1.0 - scores, 0.0))


@pytest.mark.parametrize("count", [4097, 8192, 12_000, 16_384, 16_385, 100_003])
def test_padding_is_never_more_than_the_work(count):
    """A thread's part of many rows, padded to the largest size, took twice the time of all rows in one thread."""
    taken = []

    def program(pair, scores):
        taken.append(scores.size)
        return (scores,)

    scores = np.arange(float(count)).reshape(1, -1)
    np.testing.assert_array_equal(elementwise._by_parts(program, 1, None, scores)[0], scores)
    assert sum(taken) <= 2 * count


def test_a_curvature_that_rounding_spoils_is_none():
    """The second derivative of -log(sigmoid(m)) is below 0 at many m < -37, and 0/0 from -355 on."""
    given = pair("identity", ll.margin_loss()(_log_of_sigmoid))
    scores = np.linspace(-700.0, 700.0, 9001)[None]
    ones = np.ones_like(scores)
    _, slopes, bends, _ = elementwise.on_host(given).weighed(scores, ones, ones)
    want = elementwise.on_host(pair("identity", "logistic")).weighed(scores, ones, ones)
    np.testing.assert_allclose(bends, want[2], atol=1e-15)
    assert (bends >= 0).all()
    np.testing.assert_allclose(slopes, want[1], atol=1e-15)


def _log_of_sigmoid(margin):
    return -jnp.log(jax.nn.sigmoid(margin))
