"""The solvers of the host against the compiled ones, which `devices=` still asks for, and what they share."""

import threading

import jax
import numpy as np
import pytest
from threadpoolctl import threadpool_info

import lossland as ll
from lossland.elements import pair
from lossland.solvers import _elementwise as elementwise
from lossland.solvers._blas import one_thread


def _data(n=60, d=3):
    rng = np.random.default_rng(3)
    inputs = rng.normal(size=(n, d))
    return ll.Dataset(inputs, np.where(inputs[:, 0] + 0.7 * rng.normal(size=n) > 0, 1, -1))


def _both(loss, data, **settings):
    return ll.solve(loss, data, **settings), ll.solve(loss, data, devices=jax.devices()[:1], **settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["hinge", "absolute", "huber(delta=0.5)", "squared_hinge", "logistic", "exponential", "dwd"]
)
@pytest.mark.parametrize("batch", ["C", "weights", "labels"])
def test_host_and_compiled_solvers_agree(name, batch):
    data, rng = _data(), np.random.default_rng(1)
    settings = {
        "C": {"C": np.logspace(-2, 2, 6)},
        "weights": {"C": 0.5, "sample_weights": rng.multinomial(60, np.full(60, 1 / 60), size=5).astype(float)},
        "labels": {"C": 0.5, "labels": np.where(rng.random((5, 60)) < 0.1, -data.labels, data.labels)},
    }[batch]
    for bias in (True, False):
        mine, other = _both(name, data, bias=bias, **settings)
        assert mine.converged.all(), mine.message
        np.testing.assert_allclose(mine.objective, other.objective, rtol=1e-9)
        np.testing.assert_allclose(mine.weights, other.weights, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("tol", [1e-4, 1e-7])
def test_a_gap_asked_for_is_reached_without_a_polish(tol):
    data, rng = _data(), np.random.default_rng(2)
    drawn = rng.multinomial(60, np.full(60, 1 / 60), size=70).astype(float)
    sol = ll.solve("hinge", data, C=1.0, sample_weights=drawn, tol=tol, polish=False)
    assert sol.converged.all(), sol.message


def test_inputs_that_float32_does_not_hold_are_solved_all_the_same():
    """The first steps in float32 come to nothing; those in float64 start anew."""
    data = _data()
    large = ll.Dataset(1e25 * data.inputs, data.labels)
    sol = ll.solve("hinge", large, C=1e-50)
    same = ll.solve("hinge", data, C=1.0)
    np.testing.assert_allclose(1e25 * sol.weights, same.weights, rtol=1e-6)
    assert sol.converged


def test_numpy_s_logistic_is_the_pair_s():
    given, rng = pair("identity", "logistic"), np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=5000), [0.0, 700.0, -700.0, 40.0, -40.0]])[None]
    labels = np.where(rng.random(scores.shape) > 0.5, 1.0, -1.0)
    weights = rng.random(scores.shape)
    found = elementwise.weighed_at(given, scores, labels, weights)
    compiled = elementwise._by_parts(elementwise._weighed, 4, given, scores, labels, weights)
    for mine, other in zip(found, compiled, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        elementwise.losses_at(given, scores, labels), elementwise.values_at(given, scores, labels), rtol=1e-13
    )


def test_a_loss_of_the_same_name_is_not_taken_for_the_logistic():
    assert elementwise.is_logistic(pair("identity", "logistic"))
    assert not elementwise.is_logistic(pair("relu", "logistic"))

    assert not elementwise.is_logistic(pair("identity", ll.scaled("logistic", 2.0)))


@pytest.mark.parametrize("count", [1, 4096, 4097, 40_000])
def test_programs_of_two_sizes_serve_every_number_of_scores(count):
    scores = np.linspace(-3.0, 3.0, count).reshape(1, -1)
    found = elementwise.values_at(pair("identity", "hinge"), scores, np.ones((1, 1)))
    np.testing.assert_array_equal(found, np.maximum(1.0 - scores, 0.0))


def _threads():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_the_number_of_threads_is_set_again():
    with one_thread():
        pass
    before = _threads()
    with one_thread(), one_thread():
        assert set(_threads()) == {1}
    assert _threads() == before

    def work():
        with one_thread():
            seen.append(_threads())

    seen = []
    worker = threading.Thread(target=work)
    worker.start()
    worker.join(30)
    assert set(seen[0]) == {1}
    assert _threads() == before
