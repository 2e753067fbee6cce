"""What has no Hessian worth asking for, and params that do not fit: refused with a reason."""

import jax
import jax.numpy as jnp
import pytest

import lossland as ll
from tests.curvature.cases import linear, network


@pytest.mark.parametrize("ask", ["hessian", "top_eigenvalues", "hessian_trace", "spectral_density", "hessian_diagonal"])
def test_a_loss_made_of_lines_has_no_spectrum(ask):
    f, params = linear("identity+hinge")
    with pytest.raises(ValueError, match=r"identity\+hinge is made of lines.*kink_curvature"):
        getattr(ll.curvature, ask)(f, params)


@pytest.mark.slow
@pytest.mark.parametrize("ask", ["hessian", "top_eigenvalues"])
def test_a_network_under_a_loss_made_of_lines_warns(ask):
    f, params = network("identity+hinge")
    with pytest.warns(UserWarning, match=r"made of lines.*kink_curvature"):
        getattr(ll.curvature, ask)(f, params)
    with pytest.raises(ValueError, match="made of lines"):
        ll.curvature.gauss_newton(f, params)


@pytest.mark.slow
def test_bad_input_says_what_is_wrong():
    f, params = linear()
    nan = {"weights": params["weights"].at[2].set(jnp.nan), "bias": params["bias"]}
    wrong = {"weights": jnp.zeros(5), "bias": jnp.zeros(())}
    blown, far = linear("identity+exponential")[0], jax.tree.map(lambda leaf: 1e4 + leaf, params)
    asked = {
        r"params are .*5.*linear takes .*6": lambda: ll.hessian(f, wrong),
        r"params are .*linear takes": lambda: ll.top_eigenvalues(f, {"w": jnp.zeros(6)}),
        r"weights holds NaN or inf": lambda: ll.spectral_density(f, nan),
        r"Hessian is not finite": lambda: ll.top_eigenvalues(blown, far),
        r"is not finite at these": lambda: ll.top_eigenvalues(blown, far, dense=False),
        r"not finite at these params": lambda: ll.spectral_density(blown, far),
        r"finite at these params": lambda: ll.sharpness(blown, far, 1.0),
        r"from 1 to p = 7; got 8": lambda: ll.top_eigenvalues(f, params, 8),
        r"k must be at least 1, not 0": lambda: ll.top_eigenvalues(f, params, 0),
        r'which is "largest"': lambda: ll.top_eigenvalues(f, params, 1, "first"),
        r"tol must be positive": lambda: ll.top_eigenvalues(f, params, 1, tol=0.0),
        r"at least 2 samples": lambda: ll.curvature.hessian_trace(f, params, samples=1),
        r"steps must be at least 1, not 0": lambda: ll.spectral_density(f, params, steps=0),
        r"width must be positive, not -1": lambda: ll.spectral_density(f, params, width=-1.0),
        r"does not show a width": lambda: ll.spectral_density(f, params, width=1e-6),
        r"radius must be positive and finite, and so its square, not 0": lambda: ll.sharpness(f, params, 0.0),
        r"radius must be a number, not nan": lambda: ll.sharpness(f, params, float("nan")),
        r'kind is "worst"': lambda: ll.sharpness(f, params, 1.0, "best"),
        r"starts must be at least 0, not -1": lambda: ll.sharpness(f, params, 1.0, starts=-1),
        r"The vector is": lambda: ll.curvature.hessian_vector_product(f, params, jnp.zeros(3)),
        r"f must be a function of 1 argument": lambda: ll.hessian(1.0, params),
        r"not a scalar": lambda: ll.hessian(lambda w: w, jnp.zeros(3)),
        r"f is a function, not an Objective": lambda: ll.curvature.gauss_newton(jnp.sum, jnp.zeros(3)),
        r"either a width or a direction": lambda: ll.kink_curvature(f, params),
        r"width must be positive, a scalar": lambda: ll.kink_curvature(f, params, -1.0),
        r"params are .*takes": lambda: ll.kink_curvature(f, params, direction=wrong),
    }
    for message, call in asked.items():
        with pytest.raises(ValueError, match=message):
            call()
