"""JAX's own checks (NaN, infinity, types, leaks): nothing raises where the result is finite."""

import contextlib
import gc

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.elements import ACTIVATIONS, LOSSES

FLAGS = {
    "nans": lambda: jax.debug_nans(True),
    "infs": lambda: jax.debug_infs(True),
    "strict": lambda: jax.numpy_dtype_promotion("strict"),
    "leaks": lambda: jax.checking_leaks(),
}
SCORES = np.float32([-1e4, -90.0, -23.0, -3.0, -1.0, 0.0, 0.5, 1.0, 3.0, 23.0, 90.0, 1e4])


@pytest.fixture(autouse=True, scope="module")
def _frozen():
    """The search for leaks collects garbage after every trace: let it not look through what was there before."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def spread():
    """Each activation and each loss of ours in one pair at least, with the partner that comes next."""
    ours = [p for p in ll.pairs() if all(h.function.__module__.startswith("lossland.") for h in (p.activation, p.loss))]
    left = {entry.name for entry in (*LOSSES.values(), *ACTIVATIONS.values())}
    for number, pair in enumerate(ours[::7] + ours):
        names = {pair.activation.name, pair.loss.name}
        if names & left:
            left -= names
            # Each takes seconds, as three programs are compiled anew under the flags.
            rare = [pytest.mark.exhaustive] if number % 4 else [pytest.mark.slow] * bool(number % 16)
            yield pytest.param(pair, id=pair.name, marks=rare)


def ways(pair, label):
    """What is asked of a pair, by name: value, slope and curvature; slopes under vmap; the output."""
    return {
        "jet": lambda z: jnp.stack(pair.jet(z, label)),
        "gradient of each": jax.vmap(jax.grad(lambda z: pair(z, label))),
        "output": pair.output,
    }


@pytest.mark.parametrize("made", list(spread()))
def test_a_pair_raises_nothing_where_it_is_finite(made):
    plain = {name: np.atleast_2d(way(jnp.asarray(SCORES))) for name, way in ways(made, 1.0).items()}
    # A gradient is taken with its value on the way, which may overflow alone.
    finite = np.isfinite(np.concatenate(list(plain.values()))).all(0)
    for name, way in ways(made, 1.0).items():
        found = plain[name]
        with contextlib.ExitStack() as stack:
            for switched in FLAGS.values():
                stack.enter_context(switched())
            got = np.atleast_2d(way(jnp.asarray(SCORES[finite])))
        # Compiled as a whole it rounds differently, most where it is itself a difference.
        np.testing.assert_allclose(got, found[:, finite], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("flag", [pytest.param(f, marks=[pytest.mark.slow] * (f in ("infs", "leaks"))) for f in FLAGS])
def test_training_and_solving_raise_nothing(flag):
    data = ll.load("two_gaussians(n=40, d=3, seed=1)")
    model = ll.linear()
    params = model.init(jax.random.key(0), 3)
    with FLAGS[flag]():
        run = ll.fit(ll.objective(ll.pair("probit+cross_entropy"), model, data, l2=0.1), params, optax.adam(0.1), 3)
        assert np.isfinite(run.values).all()
        swept = ll.sweep(["relu+hinge"], data, seeds=2, learning_rates=(0.1,), steps=3)
        assert swept is not None
        for loss in ("hinge", "logistic"):
            assert np.all(ll.solve(loss, data, C=1.0).converged)
