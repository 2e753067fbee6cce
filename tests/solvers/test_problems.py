"""What an exact solver is asked: what JAX traces is refused by name, with the function that takes it."""

import jax
import jax.numpy as jnp
import pytest

import lossland as ll

DATA = ll.Dataset([[-1.0], [1.0], [0.5]], [-1, 1, 1])


def by_parameter(delta):
    return ll.solve(ll.pair("identity", "huber", delta=delta), DATA, C=1.0)


TRACED = {
    "C": lambda x: ll.solve("hinge", DATA, C=x),
    "C of several": lambda x: ll.solve("hinge", DATA, C=jnp.stack([x, 2 * x])),
    "l2": lambda x: ll.solve("hinge", DATA, l2=x),
    "sample_weights": lambda x: ll.solve("hinge", DATA, C=1.0, sample_weights=x * jnp.ones(3)),
    "labels": lambda x: ll.solve("hinge", DATA, C=1.0, labels=x * jnp.array([1.0, -1.0, 1.0])),
    "A parameter of the loss": by_parameter,
    "Cs": lambda x: ll.path("squared_hinge", DATA, x * jnp.ones(2)),
    "C_min": lambda x: ll.hinge_path(DATA, x, 2.0),
    "C of a kernel": lambda x: ll.solve_kernel("hinge", DATA, C=x),
}


@pytest.mark.parametrize("name", TRACED)
@pytest.mark.parametrize("way", ["grad", "jit"])
def test_what_is_traced_is_refused_with_the_way_out(name, way):
    def objective(x):
        return jnp.asarray(TRACED[name](x).objective)

    run = jax.grad(objective) if way == "grad" else jax.jit(objective)
    with pytest.raises(
        ValueError, match=f"^{name.partition(' of ')[0] if name[0] != 'A' else name}.*ll.differentiable"
    ):
        run(1.0)


def test_a_loss_that_is_met_first_inside_jit_is_refused_in_words_too():
    loss = ll.scaled("hinge", 1.75)
    with pytest.raises(ValueError, match=r"^C is being traced"):
        jax.jit(lambda C: jnp.asarray(ll.solve(loss, DATA, C=C).objective))(1.0)
    for ask in (lambda: ll.solve(loss, DATA, C=1.0), lambda: ll.solve_kernel("hinge", DATA, C=1.0)):
        with pytest.raises(ValueError, match="inside a function that JAX compiles"):
            jax.jit(lambda x, ask=ask: x + ask().objective)(1.0)


def test_the_way_out_is_one():
    slope = jax.grad(lambda C: ll.differentiable_solve("hinge", [[-1.0], [1.0]], [-1, 1], C)[0][0])(0.1)
    assert float(slope) == pytest.approx(2.0)


def test_a_weight_beyond_float64_is_refused_without_a_warning():
    for options in ({"C": 1e151}, {"C": 1e308}, {"C": 1.0, "sample_weights": [1e151, 1.0, 1.0]}):
        with pytest.raises(ValueError, match=r"^C asks for losses that weigh 1e\+\d+, whose squares"):
            ll.solve("hinge", DATA, **options)
    with pytest.raises(ValueError, match=r"^l2 asks for losses that weigh"):
        ll.solve("logistic", DATA, l2=1e-300)
    for loss in ("hinge", "logistic", "squared_hinge"):  # warnings are errors here
        ll.solve(loss, DATA, C=1e150)
        ll.solve(loss, DATA, C=1e-308)


def test_a_class_without_a_weight_is_refused_as_a_class_that_is_not_there():
    for loss in (ll.weighted("logistic", 0.0, 1.0), ll.weighted("hinge", 1.0, 0.0), ll.weighted("squared", 0.0, 2.0)):
        for bias in (True, False):
            with pytest.raises(ValueError, match=r"is one number for a (posi|nega)tive example.*both classes a weight"):
                ll.solve(loss, DATA, C=1.0, bias=bias)


@pytest.mark.parametrize(
    "ask",
    [
        lambda tol: ll.solve("hinge", DATA, C=1.0, tol=tol),
        lambda tol: ll.path("hinge", DATA, [1.0, 2.0], tol=tol),
        lambda tol: ll.solve_kernel("hinge", DATA, C=1.0, tol=tol),
        lambda tol: ll.differentiable_solve("hinge", DATA.inputs, DATA.labels, 1.0, tol=tol),
    ],
    ids=["solve", "path", "solve_kernel", "differentiable_solve"],
)
def test_a_tolerance_that_no_gap_can_meet_is_refused(ask):
    with pytest.raises(ValueError, match=r"tol is a relative duality gap, at least 0, not -1e-08"):
        ask(-1e-8)
    ask(1e-6)
