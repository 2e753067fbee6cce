"""The hidden SVM to 1e-8 through `solve`, and repairs side by side: theory.md 5.7, 5.9, 5.10, 5.12-5.14."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.elements import Loss

pytestmark = pytest.mark.slow

APART = ll.load("separable(n=24, margin=0.8, offset=0.7, seed=3)")
CLOUDS = ll.load("two_gaussians(n=60, distance=6.0, seed=2)")


def _uneven(p, q, data):
    """The same least-norm point from `solve` itself: hinges that vanish at z = p and z = -q, C beyond all duals."""
    # Duals grow with the square of the gap p + q.
    loss = Loss(f"uneven({p}, {q})", _uneven_loss(p, q), kind="label", convex=True)
    sol = ll.solve(ll.pair("identity", loss), data, C=1e4)
    assert sol.duals.max() < 1e4
    return sol


def _uneven_loss(p, q):
    def loss(output, label):
        output = jnp.asarray(output)
        return jnp.maximum(0.0, jnp.where(jnp.asarray(label) > 0, p - output, q + output))

    return loss


@pytest.mark.parametrize(
    ("name", "p", "q"),
    [
        ("relu+hinge", 1, 0),
        ("leaky_relu+hinge", 1, 10),
        ("shifted_relu(c=0.5)+hinge", 1, 0.5),
        ("identity+hinge", 1, 1),
    ],
)
def test_the_hidden_svm_is_the_least_norm_point(name, p, q):
    found = ll.hidden_svm(name, APART)
    assert (found.positive, found.negative) == pytest.approx((p, q), abs=1e-9)
    assert found.threshold == pytest.approx((p - q) / 2, abs=1e-9)
    direct = _uneven(p, q, APART)
    np.testing.assert_allclose(found.weights, direct.weights, atol=1e-8 * (1 + q) ** 2)
    np.testing.assert_allclose(found.bias, direct.bias, atol=1e-8 * (1 + q) ** 2)
    svm = ll.solve("hinge", APART, C=np.inf)
    np.testing.assert_allclose(found.weights, (p + q) / 2 * svm.weights, atol=1e-10)
    np.testing.assert_allclose(found.bias, (p + q) / 2 * svm.bias + (p - q) / 2, atol=1e-9)
    # It is a global minimum: the lower bound is reached.
    with jax.enable_x64(True):
        f = ll.objective(ll.pair(name), data=APART)
        value = float(f({"weights": jnp.asarray(found.weights), "bias": jnp.asarray(found.bias)}))
    floor = np.mean(APART.labels < 0) * {"relu+hinge": 1.0, "shifted_relu(c=0.5)+hinge": 0.5}.get(name, 0.0)
    assert value == pytest.approx(floor, abs=1e-7)
    # Read at its threshold its margins are even; at 0 they are p and q times the scale.
    even = ll.geometry.class_margins(found.weights, found.bias, APART, threshold=found.threshold)
    assert even.positive == pytest.approx(even.negative, abs=1e-7)
    at_zero = ll.geometry.class_margins(found.weights, found.bias, APART)
    size = np.linalg.norm(found.weights)
    assert (at_zero.positive * size, at_zero.negative * size) == pytest.approx((p, q), abs=1e-6)


def test_half_the_svm_read_at_one_half():
    """theory.md 5.10 and 5.14: w_svm / 2 and (b_svm + 1) / 2; for slope .1 a factor 5.5 and b = 5.5 b_svm - 4.5."""
    svm, relu, leaky = (
        ll.solve("hinge", APART, C=np.inf),
        *(ll.hidden_svm(f"{a}+hinge", APART) for a in ("relu", "leaky_relu")),
    )
    np.testing.assert_allclose(relu.weights, svm.weights / 2, atol=1e-10)
    assert relu.bias == pytest.approx((svm.bias + 1) / 2, abs=1e-9)
    np.testing.assert_allclose(leaky.weights, 5.5 * svm.weights, atol=1e-8)
    assert leaky.bias == pytest.approx(5.5 * svm.bias - 4.5, abs=1e-8)


def _with_a_contradiction():
    labels = np.append(APART.labels[:23], -APART.labels[0])
    return ll.Dataset(APART.inputs[np.append(np.arange(23), 0)], labels)


def test_the_share_of_negatives_is_reached_exactly_where_the_classes_part(rng):
    """theory.md 5.5: at the hidden SVM the loss is P_-; a point with both labels keeps any loss 1/n above it."""
    found, pair = ll.hidden_svm("relu+hinge", APART), ll.pair("relu", "hinge")
    losses = np.asarray(pair(APART.inputs @ found.weights + found.bias, APART.labels))
    assert losses.mean() == pytest.approx(np.mean(APART.labels < 0), abs=1e-9)
    torn = _with_a_contradiction()
    drawn = 4.0 * rng.normal(size=(500, 3))
    scores = drawn[:, :2] @ torn.inputs.T + drawn[:, 2:]
    risks = np.asarray(pair(scores, np.broadcast_to(torn.labels, scores.shape))).mean(axis=1)
    assert risks.min() >= np.mean(torn.labels < 0) + 1 / torn.n - 1e-12
    assert risks.min() < np.mean(torn.labels < 0) + 3 / torn.n


def test_where_no_svm_is_hidden_the_reason_is_told():
    with pytest.raises(ll.NotSeparable):
        ll.hidden_svm("relu+hinge", ll.load("two_gaussians(n=24, distance=1.0)"))
    with pytest.raises(ll.NotSeparable):
        # One point with both labels.
        ll.hidden_svm("relu+hinge", _with_a_contradiction())
    with pytest.raises(ValueError, match="no SVM is hidden"):
        ll.hidden_svm("relu+logistic", APART)
    with pytest.raises(ValueError, match="asks for no margin"):
        ll.hidden_svm("identity+perceptron", APART)
    with pytest.raises(ValueError, match=r"class"):
        ll.hidden_svm("relu+hinge", ll.Dataset([[1.0], [2.0]], [1, 1], one_class=True))


def test_a_shift_beyond_all_scores_leaves_the_svm_a_local_minimum():
    """theory.md 5.12: if all z_i >= -c near the SVM's optimum, it is a local minimum of F_c; else it need not be."""
    data = ll.load("two_gaussians(n=24, distance=1.5, seed=4)")
    best = ll.global_minimum("identity+hinge", data)
    scores = data.inputs @ best.params["weights"] + best.params["bias"]
    c = float(np.ceil(-scores.min() + 1))
    assert ll.local_minimum("identity+hinge", data, best.params).minimal
    assert ll.local_minimum(f"shifted_relu(c={c})+hinge", data, best.params).minimal
    plateau = ll.clarke_stationarity("shifted_relu(c=0.5)+hinge", data, [0.0, 0.0, -9.0])
    shares = [np.mean(data.labels == t) for t in (1, -1)]
    assert plateau.kind == "plateau"
    assert plateau.value == pytest.approx(shares[0] * 1.5 + shares[1] * 0.5)
    assert plateau.floor == pytest.approx(shares[1] * 0.5)


def test_zero_start_moves_under_tie_one_half_only():
    """theory.md 5.7: autodiff's gradient at 0 is 0 under tie 0 and -1/2 mean(t x) under tie 1/2."""
    found = {s.tie: s.gradient for s in ll.minima.autodiff_selections("relu+hinge", CLOUDS, np.zeros(3))}
    np.testing.assert_array_equal(found[0.0], 0.0)
    half = -0.5 * np.append(CLOUDS.labels @ CLOUDS.inputs, CLOUDS.labels.sum()) / CLOUDS.n
    np.testing.assert_allclose(found[0.5], half, atol=1e-12)


def test_orthogonal_positives_lose_exactly_their_dead_coordinates():
    """theory.md 5.9: the final loss is the share of coordinates with w_i b_i < 0; identity + hinge goes to 0."""
    import optax

    data = ll.load("orthogonal_points(d=6, scales=(1, -1, 2, -2, 1, 1))")
    f = {a: ll.objective(ll.pair(f"{a}+hinge"), data=data) for a in ("relu", "identity")}
    w = jax.random.normal(jax.random.key(3), (6,))
    scores = np.asarray(data.inputs @ np.asarray(w))
    dead = np.mean(scores < 0)
    assert 0 < dead < 1
    # The bias is held: the claim is one about w.
    held = {a: ll.fit(lambda w, g=g: g({"weights": w, "bias": 0.0}), w, optax.sgd(0.1), 600) for a, g in f.items()}
    assert float(held["relu"].values[-1]) == pytest.approx(dead, abs=1e-6)
    assert float(held["identity"].values[-1]) == pytest.approx(0.0, abs=1e-6)
    at = {"weights": held["relu"].params, "bias": jnp.zeros(())}
    assert float(jnp.mean(ll.gradient_weights(f["relu"], at).dead)) == pytest.approx(dead)


@pytest.fixture(scope="module")
def compared():
    return {r.name: r for r in ll.geometry.compare_repairs(CLOUDS, starts=20, steps=600, l2=1e-3)}


@pytest.mark.slow
def test_what_each_repair_restores(compared):
    plain, svm = compared["ReLU + hinge"], compared["no ReLU (SVM)"]
    assert plain.dead > 0.1
    assert svm.dead == 0
    assert not plain.calibrated
    half = compared["threshold 1/2"]
    # The same runs, read elsewhere: calibrated and with fewer errors, but as dead.
    np.testing.assert_array_equal(half.params["weights"], plain.params["weights"])
    assert half.calibrated
    assert half.dead == plain.dead
    assert half.error <= plain.error
    for name in ("leaky ReLU, slope 0.1", "matching loss of ReLU", "start: bias + 1, weights / 10"):
        assert compared[name].dead == 0, name
    assert compared["matching loss of ReLU"].calibrated
    assert compared["start at 0, tie 0"].dead == 1.0
    assert compared["start at 0, tie 0"].error == 1.0
    assert compared["start at 0, tie 1/2"].dead == 0.0
    # Two outputs are calibrated but die as well: the one that sees only negatives is pushed down until nothing pulls.
    assert compared["two ReLU outputs"].calibrated
    assert 0 < compared["two ReLU outputs"].dead <= plain.dead
    assert compared["two ReLU outputs"].positive_margin is None
    numbers = [x for r in compared.values() for x in (r.dead, r.error, r.worst_error, *r.errors)]
    assert np.isfinite(numbers).all()


@pytest.mark.slow
def test_margins_on_both_sides(compared):
    plain, half = compared["ReLU + hinge"], compared["threshold 1/2"]
    assert plain.negative_margin < 0.1 * plain.positive_margin
    assert half.negative_margin > 0.5 * half.positive_margin


def test_the_matching_loss_of_a_relu():
    """theory.md 5.13d: z^2/2 - z + 1/2 and z^2/2 for z >= 0; a dead positive has slope -1; it is the matching loss."""
    made = ll.geometry.relu_repairs()[4].pair
    z = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(made.positive(z), np.where(z >= 0, 0.5 * (1 - z) ** 2, 0.5 - z), atol=1e-6)
    np.testing.assert_allclose(made.negative(z), 0.5 * np.maximum(z, 0) ** 2, atol=1e-6)
    np.testing.assert_allclose(made.positive(z), ll.card("relu", "squared").matching_loss(z, 1.0), atol=1e-6)
    held = ll.gradient_weights(
        ll.objective(made, data=ll.Dataset([[-2.0], [1.0]], [1, -1])), {"weights": jnp.ones(1), "bias": jnp.zeros(())}
    )
    assert held.weights.tolist() == [1.0, 1.0]


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="these data hold one"):
        ll.geometry.compare_repairs(ll.Dataset([[1.0], [2.0]], [1, 1], one_class=True))
    with pytest.raises(ValueError, match="starts must be at least 1"):
        ll.geometry.compare_repairs(CLOUDS, starts=0)
