"""The solvers of the host against the compiled ones, which `devices=` still asks for."""

import jax
import numpy as np
import pytest

import lossland as ll


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
    # As many problems in each batch: what is compiled for one of them serves another.
    settings = {
        "C": {"C": np.logspace(-2, 2, 6)},
        "weights": {"C": 0.5, "sample_weights": rng.multinomial(60, np.full(60, 1 / 60), size=6).astype(float)},
        "labels": {"C": 0.5, "labels": np.where(rng.random((6, 60)) < 0.1, -data.labels, data.labels)},
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


@pytest.mark.parametrize("loss_name", ["hinge", "logistic"])
def test_no_more_steps_are_made_than_allowed(loss_name):
    """Those in float32 count."""
    for steps in (1, 3, 8):
        sol = ll.solve(loss_name, _data(), C=np.logspace(-3, 3, 9), steps=steps)
        assert sol.iterations.max() <= steps


def test_inputs_that_float32_does_not_hold_are_solved_all_the_same():
    """The first steps in float32 come to nothing; those in float64 start anew."""
    data = _data()
    large = ll.Dataset(1e25 * data.inputs, data.labels)
    sol = ll.solve("hinge", large, C=1e-50)
    same = ll.solve("hinge", data, C=1.0)
    np.testing.assert_allclose(1e25 * sol.weights, same.weights, rtol=1e-6)
    assert sol.converged
