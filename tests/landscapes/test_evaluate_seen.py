"""What a model reads counts as it is at the call, in planes and curvature as in its objective."""

import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

DATA = ll.load("two_gaussians(n=16, seed=1)")
PAIR = ll.pair("identity+logistic")
AT = {"weights": jnp.array([1.0, 0.5]), "bias": jnp.array(0.3)}
AROUND = AT, {"weights": jnp.array([1.0, 0.0]), "bias": jnp.array(1.0)}
factor = 1.0


class Settings:
    factor = 1.0


HELD = {"factor": 1.0}


def affine_of_a_global(params, inputs):
    return factor * (inputs @ params["weights"] + params["bias"])


def bent_by_a_global(params, inputs):
    return jnp.tanh(factor * (inputs @ params["weights"] + params["bias"]))


def affine_of_an_attribute(params, inputs):
    return Settings.factor * (inputs @ params["weights"] + params["bias"])


def bent_by_a_dict(params, inputs):
    return jnp.tanh(HELD["factor"] * (inputs @ params["weights"] + params["bias"]))


MODELS = [affine_of_a_global, bent_by_a_global, affine_of_an_attribute, bent_by_a_dict]
USES = {
    "plane": lambda model: ll.plane(PAIR, DATA, AT, AROUND, radius=1.0, steps=3, model=model).values,
    "plane by the model": lambda model: (
        ll.plane(PAIR, DATA, AT, AROUND, radius=1.0, steps=3, model=model, method="model").values
    ),
    "line": lambda model: ll.landscapes.linear_interpolation(PAIR, DATA, AT, AROUND[1], steps=3, model=model).values,
    "hessian": lambda model: ll.hessian(ll.objective(PAIR, model, DATA), AT),
    "gauss_newton": lambda model: ll.curvature.gauss_newton(ll.objective(PAIR, model, DATA), AT),
    "eigenvalues": lambda model: ll.top_eigenvalues(ll.objective(PAIR, model, DATA), AT).values,
}


def fixed(apply, value):
    """The same model with the number in its program."""
    bend = jnp.tanh if apply in (bent_by_a_global, bent_by_a_dict) else lambda z: z
    return ll.Model(lambda key, d: AT, lambda p, x: bend(value * (x @ p["weights"] + p["bias"])), "fixed")


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("apply", MODELS)
def test_a_number_that_changes_is_seen(apply, use):
    global factor
    model = ll.Model(lambda key, d: AT, apply)
    for value in (2.0, 5.0, 2.0):
        factor = Settings.factor = HELD["factor"] = value
        np.testing.assert_allclose(USES[use](model), USES[use](fixed(apply, value)), rtol=1e-4, atol=1e-6)
