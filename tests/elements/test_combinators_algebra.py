"""Combinators as algebra: sums, weights of 0, what commutes, and being equal to what is made alike."""

import logging
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import LOSSES
from lossland.estimator import PairClassifier

ULP = 1e-15
SCORES = np.concatenate([np.linspace(-6.013, 6.029, 41), [-300.0, -40.0, 40.0, 300.0]])
MAKERS = {
    "weighted": lambda: ll.weighted("hinge", 2.0),
    "scaled": lambda: ll.scaled("focal(gamma=1.0)", 0.5),
    "shifted": lambda: ll.shifted("logistic", 0.25),
    "truncated": lambda: ll.truncated("hinge", 1.0),
    "label_smoothed": lambda: ll.label_smoothed("cross_entropy", 0.1),
    "smoothed": lambda: ll.smoothed("hinge", 0.5),
    "loss_sum": lambda: ll.loss_sum("logistic", ll.scaled("hinge", 0.1)),
    "of claims that are functions": lambda: ll.loss_sum(ll.weighted("tsallis", 1.0, 0.5), "asymmetric"),
}


def jets(pair, scores, label):
    return [np.asarray(part, float) for part in pair.jet(jnp.asarray(scores), label)]


def activation_for(loss):
    return "identity" if loss.domain == (-np.inf, np.inf) else "sigmoid"


def both(first, second, rate):
    pairs = [ll.pair(activation_for(each), each) for each in (first, second)]
    scores, labels = np.tile(SCORES, 2), np.repeat([1.0, -1.0], SCORES.size)
    for a, b in zip(*(jets(pair, scores, labels) for pair in pairs), strict=True):
        np.testing.assert_allclose(a, b, rtol=rate, atol=1e-300, err_msg=f"{first.name} {second.name}")


# ------------------------------------------------------------------------------------------------------------ sums


TERMS = [
    ("logistic", ll.scaled("hinge", 0.1)),
    ("cross_entropy", "brier", "gce"),
    (ll.weighted("hinge", 3.0), "logistic"),
    (ll.weighted("cross_entropy", 3.0), "asymmetric"),
    ("asymmetric", "focal"),
    ("hinge",),
]


@pytest.mark.parametrize("terms", TERMS, ids=lambda terms: ll.loss_sum(*terms).name)
@pytest.mark.parametrize("label", [1.0, -1.0])
@pytest.mark.usefixtures("x64")
def test_a_sum_is_the_sum_of_its_pairs(terms, label):
    total = ll.loss_sum(*terms)
    activation = activation_for(total)
    want = [sum(parts) for parts in zip(*(jets(ll.pair(activation, t), SCORES, label) for t in terms), strict=True)]
    scale = [
        sum(map(np.abs, p)) for p in zip(*(jets(ll.pair(activation, t), SCORES, label) for t in terms), strict=True)
    ]
    for got, wanted, size in zip(jets(ll.pair(activation, total), SCORES, label), want, scale, strict=True):
        np.testing.assert_array_less(np.abs(got - wanted), 8 * ULP * size + 1e-300)


def test_a_sum_keeps_its_kind():
    kinds = [ll.loss_sum(*terms).kind for terms in TERMS]
    assert kinds == ["margin", "likelihood", "label", "label", "label", "margin"]
    assert ll.loss_sum("asymmetric", ll.weighted("hinge")).domain == (0.0, 1.0)


CLAIMS = [
    (("logistic", "hinge"), {"convex": True, "decreasing": True, "kinks": (1.0,), "tail": "exponential"}),
    (("hinge", "perceptron"), {"convex": True, "decreasing": True, "kinks": (0.0, 1.0), "tail": "zero"}),
    (("hinge", "absolute"), {"convex": True, "decreasing": None, "kinks": (1.0,), "tail": None}),
    # The concave kink of the ramp at 0 is undone by the perceptron: the sum is the hinge.
    (("ramp", "perceptron"), {"convex": None, "decreasing": True, "kinks": None, "tail": "zero"}),
    (("dwd", "sigmoid_margin"), {"convex": None, "decreasing": True, "kinks": (), "tail": "polynomial"}),
    (("cross_entropy", "brier"), {"convex": True, "decreasing": True, "kinks": (), "tail": None}),
    ((ll.weighted("hinge"), "logistic"), {"convex": True, "decreasing": None, "kinks": None, "tail": None}),
]


@pytest.mark.parametrize(("terms", "claims"), CLAIMS)
def test_a_sum_claims_what_follows(terms, claims):
    total = ll.loss_sum(*terms)
    assert {name: total.claim(name) for name in claims} == claims
    assert ll.check_loss(total)


@pytest.mark.slow
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_what_is_made_keeps_its_contract(make):
    assert ll.check_loss(make())


def test_a_sum_is_solved_and_carded():
    data = ll.load("two_gaussians(n=40, d=3, seed=1)")
    ramp = ll.loss_sum("hinge", "perceptron")
    assert ll.solve(ramp, data, C=1.0).converged
    assert ll.card("identity", ramp).convex.positive
    assert ll.card("identity", ll.loss_sum("ramp", "perceptron")).as_sum_of_known[0] == "hinge"


# ------------------------------------------------------------------------------------------------- a class left out


@pytest.mark.parametrize(
    ("output", "of"),
    [("identity", "exponential"), ("hard_sigmoid", "cross_entropy"), ("sigmoid", "asymmetric"), ("identity", "hinge")],
)
def test_a_weight_of_0_removes_the_class_where_its_loss_is_infinite(output, of):
    weighted = ll.weighted(of, positive=0.0, negative=2.0)
    left, full = ll.pair(output, weighted), ll.pair(output, of)
    z = jnp.array([-jnp.inf, -1e4, -3.0, 0.5, 3.0, 1e4, jnp.inf])
    for part in left.jet(z, 1.0):
        np.testing.assert_array_equal(part, 0.0)
    assert np.isnan(left.positive(jnp.nan))
    np.testing.assert_array_equal(left.negative(z), 2.0 * full.negative(z))
    # Called with labels as an array, too, in value and in both modes.
    outputs, labels = full.output(z)[1:-1], jnp.array([1.0, 1.0, -1.0, 1.0, 1.0])
    slopes = jax.grad(lambda a: jnp.sum(jnp.where(labels > 0, weighted(a, labels), 0.0)))(outputs)
    np.testing.assert_array_equal(slopes, 0.0)
    np.testing.assert_array_equal(weighted(outputs, labels)[labels > 0], 0.0)


# -------------------------------------------------------------------------------------------------- what commutes


COMMUTING = {
    "scaled, shifted": (lambda x: ll.scaled(ll.shifted(x, 0.3), 2.5), lambda x: ll.shifted(ll.scaled(x, 2.5), 0.3)),
    "scaled, weighted": (
        lambda x: ll.scaled(ll.weighted(x, 3.0, 0.7), 2.5),
        lambda x: ll.weighted(ll.scaled(x, 2.5), 3.0, 0.7),
    ),
    "scaled, truncated": (
        lambda x: ll.scaled(ll.truncated(x, 0.8), 2.5),
        lambda x: ll.truncated(ll.scaled(x, 2.5), 2.5 * 0.8),
    ),
    "scaled, label_smoothed": (
        lambda x: ll.scaled(ll.label_smoothed(x, 0.2), 2.5),
        lambda x: ll.label_smoothed(ll.scaled(x, 2.5), 0.2),
    ),
    "scaled twice": (lambda x: ll.scaled(ll.scaled(x, 2.5), 0.3), lambda x: ll.scaled(ll.scaled(x, 0.3), 2.5)),
    "scaled, summed": (
        lambda x: ll.scaled(ll.loss_sum(x, x), 2.5),
        lambda x: ll.loss_sum(ll.scaled(x, 2.5), ll.scaled(x, 2.5)),
    ),
    "weighted, summed": (
        lambda x: ll.weighted(ll.loss_sum(x, x), 3.0, 0.7),
        lambda x: ll.loss_sum(ll.weighted(x, 3.0, 0.7), ll.weighted(x, 3.0, 0.7)),
    ),
    "shifted, truncated": (
        lambda x: ll.shifted(ll.truncated(x, 0.8), 0.3),
        lambda x: ll.truncated(ll.shifted(x, 0.3), 0.8),
    ),
    "no weight": (lambda x: ll.weighted(x), lambda x: x),
    "no shift": (lambda x: ll.shifted(x, 0.0), lambda x: x),
    "no share": (lambda x: ll.label_smoothed(x, 0.0), lambda x: x),
    "a sum of one": (lambda x: ll.loss_sum(x), lambda x: x),
}
OF = ["hinge", "logistic", "exponential", "cross_entropy", "brier", "focal", "tsallis"]


@pytest.mark.parametrize("way", COMMUTING)
@pytest.mark.usefixtures("x64")
def test_what_commutes_commutes_in_every_digit(way):
    first, second = COMMUTING[way]
    for name in OF:
        if "shift" in way and LOSSES[name].kind != "margin":
            continue
        made = second(name)
        both(first(name), LOSSES[made] if isinstance(made, str) else made, 8 * ULP)


@pytest.mark.parametrize("of", ["cross_entropy", "brier", "focal"])
def test_weights_keep_the_digits_of_saturated_outputs(of):
    z = jnp.linspace(-60.0, 60.0, 25)
    plain, heavy = ll.pair("sigmoid", of), ll.pair("sigmoid", ll.weighted(of, 2.0, 4.0))
    for label, weight in ((1.0, 2.0), (-1.0, 4.0)):
        for a, b in zip(heavy.jet(z, label), plain.jet(z, label), strict=True):
            np.testing.assert_allclose(a, weight * b, rtol=1e-6)


# ------------------------------------------------------------------------------------------- equal, hashed, pickled


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_made_alike_is_equal_and_pickled(name):
    first, second = MAKERS[name](), MAKERS[name]()
    assert first == second
    assert hash(first) == hash(second)
    again = pickle.loads(pickle.dumps(first))
    assert again == first
    assert hash(again) == hash(first)
    assert repr(first) == f"<loss {first.name}>"


def test_what_differs_is_not_equal_and_has_another_name():
    made = [make() for make in MAKERS.values()]
    made += [ll.weighted("hinge", 2.0000001), ll.weighted("hinge", 1.0, 2.0), ll.scaled("hinge", 2.0)]
    assert len(set(made)) == len({each.name for each in made}) == len(made)


def test_every_registered_entry_is_pickled_as_itself(loss):
    assert pickle.loads(pickle.dumps(loss)) is loss
    bound = loss.bind(**{k: v for k, v in loss.settings().items() if v is not None})
    assert pickle.loads(pickle.dumps(bound)) == bound


def test_a_loss_of_a_file_is_pickled_by_its_place(tmp_path):
    file = tmp_path / "my_loss.py"
    file.write_text(
        "import jax.numpy as jnp\nimport lossland as ll\n\n\n@ll.margin_loss(kinks=lambda at: (at,))\n"
        "def cut(margin, at=2.0):\n    return jnp.maximum(0, at - margin)\n"
    )
    held = pickle.dumps(ll.weighted(f"{file}:cut(at=3.0)", 2.0))
    code = "import pickle, sys; print(pickle.loads(bytes.fromhex(sys.argv[1]))(-1.0, 1.0))"
    done = subprocess.run([sys.executable, "-c", code, held.hex()], capture_output=True, text=True, check=True)
    assert float(done.stdout) == 8.0


def test_a_classifier_of_one_is_pickled():
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, 3))
    labels = np.sign(inputs[:, 0] + 0.3 * rng.normal(size=40))
    fitted = PairClassifier(loss=ll.weighted("hinge", 2.0)).fit(inputs, labels)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.decision_function(inputs), fitted.decision_function(inputs))
    assert "weighted(hinge, 2, 1)" in repr(fitted)


@pytest.mark.parametrize("name", ["weighted", "loss_sum", "shifted", "truncated"])
def test_an_equal_second_one_compiles_nothing(name, caplog):
    data = ll.load("two_gaussians(n=40, d=3, seed=1)")
    z = jnp.linspace(-1.0, 1.0, 8)

    def run():
        made = MAKERS[name]()
        if name in ("weighted", "shifted"):
            ll.solve(made, data, C=1.0)
        pair = ll.pair("identity", made)
        jax.block_until_ready((pair(z, 1.0), pair.slope(z, 1.0)))

    run()
    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        run()
    assert [m for m in caplog.messages if m.startswith("Compiling")] == []
