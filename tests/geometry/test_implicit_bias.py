"""Long runs against exact constants: theory.md 7.2, 5.18 and the parts of 6 about descent."""

import numpy as np
import pytest

import lossland as ll

pytestmark = pytest.mark.slow

LN2 = np.log(2.0)
TWO = ll.load("two_points")
RATES = np.linspace(0.05, 1.0, 64)


def _decades(run):
    """Where a power of ten is recorded."""
    return np.flatnonzero(np.isin(run.steps, 10.0 ** np.arange(7)))


@pytest.fixture(scope="module")
def runs():
    """10^6 steps of the two-point problem for 64 step sizes at once."""
    return ll.implicit_bias("exponential", TWO, steps=10**6, learning_rates=RATES)


def test_the_offset_of_the_two_point_set(runs):
    """w2 -> ln 2 / 3 and w1 - log t -> log(1.5 eta) + ln 2 / 3, with a remainder like 1 / t."""
    run = runs
    last = run.points[:, -1]
    np.testing.assert_allclose(last[:, 1], LN2 / 3, atol=1e-8)
    np.testing.assert_allclose(last[:, 0] - np.log(1e6), np.log(1.5 * RATES) + LN2 / 3, atol=1e-3)
    for k in (0, 63):
        limit = ll.descent_limit(TWO, learning_rate=RATES[k])
        np.testing.assert_allclose(limit.weights, [1.0, 0.0], atol=1e-12)
        np.testing.assert_allclose(limit.offset, [np.log(1.5 * RATES[k]) + LN2 / 3, LN2 / 3], atol=1e-12)
        np.testing.assert_allclose(limit.duals, [1 / 3, 2 / 3], atol=1e-12)
        assert limit.spans


def test_logistic_and_exponential_have_the_same_offset():
    run = ll.implicit_bias("logistic", TWO, steps=10**6, learning_rates=0.5)
    np.testing.assert_allclose(run.points[0, -1, 1], LN2 / 3, atol=1e-6)
    np.testing.assert_allclose(run.points[0, -1, 0] - np.log(1e6), np.log(0.75) + LN2 / 3, atol=1e-4)


def test_the_direction_nears_like_one_over_log_t():
    """gap log t = .2819, .2701, .2627 at 1e4, 1e5, 1e6 for eta = .1, towards ln 2 / 3 = .2310."""
    run = ll.implicit_bias("exponential", TWO, steps=10**6, learning_rates=0.1)
    near = ll.geometry.approach(run, [1.0, 0.0])
    ends = _decades(run)[-3:]
    scaled = near.gaps[0, ends] * np.log(run.steps[ends])
    np.testing.assert_allclose(scaled, [0.2819, 0.2701, 0.2627], atol=1e-4)
    # On to times that no steps reach: at log t = 700 it is the limit to its own 1/log t.
    flow = ll.geometry.flow_in_log_time("exponential", TWO, log_time=700.0)
    far = ll.geometry.approach(flow, [1.0, 0.0])
    log_t = np.log(flow.steps[1:])
    np.testing.assert_allclose(far.gaps[0, -1] * log_t[-1], LN2 / 3, atol=3e-4)
    # The margin's gap goes down like 1/log t as well: least margin by norm 1 - (ln 2/3)/log t to first order.
    np.testing.assert_allclose(far.margin_gaps[0, -1] * log_t[-1], LN2 / 3, atol=1e-3)
    np.testing.assert_allclose(far.residuals[0, -1], [np.log(1.5) + LN2 / 3, LN2 / 3], atol=1e-8)


def test_the_flow_is_the_limit_of_small_steps():
    # Time tau of the flow started at tau = 1 is t steps of eta with tau - 1 = eta t.
    flow = ll.geometry.flow_in_log_time("logistic", TWO, log_time=np.log(101.0))
    small = ll.implicit_bias("logistic", TWO, steps=100_000, learning_rates=1e-3)
    np.testing.assert_allclose(flow.points[0, -1], small.points[0, -1], atol=1e-4)


def test_the_regularisation_path_has_the_same_offset():
    """w2 = .2050, .2172, .2242, .2265 at l2 = 1e-2, 1e-4, 1e-8, 1e-12, towards ln 2 / 3."""
    l2s = np.array([1e-2, 1e-4, 1e-8, 1e-12])
    sol = ll.solve("exponential", TWO, C=1 / l2s, bias=False)
    np.testing.assert_allclose(sol.weights[:, 1], [0.2050, 0.2172, 0.2242, 0.2265], atol=5e-5)
    gaps = (LN2 / 3 - sol.weights[:, 1]) * np.log(1 / l2s)
    assert gaps.max() < 1.2 * gaps.min()
    direction = ll.angle(sol.weights, np.array([1.0, 0.0])) * np.log(1 / l2s)
    np.testing.assert_allclose(direction[-1], LN2 / 3, atol=0.03)


def test_the_figure_1_set_has_no_one_over_log_t_law():
    """w-tilde = log(8 eta)/2 (1, 1) is parallel to w-hat; what is across dies like t^(-1/4)."""
    data = ll.load("soudry_figure1")
    limit = ll.descent_limit(data, learning_rate=0.3)
    np.testing.assert_allclose(limit.weights, 0.5, atol=1e-12)
    np.testing.assert_allclose(limit.offset, 0.5 * np.log(8 * 0.3), atol=1e-12)
    assert limit.margin == pytest.approx(np.sqrt(2.0))
    run = ll.implicit_bias("logistic", data, steps=10**6, learning_rates=0.3, start=[0.5, -0.5])
    decades = _decades(run)
    across = (run.points[0, :, 0] - run.points[0, :, 1])[decades[-4:]]
    np.testing.assert_allclose(np.diff(np.log(across)) / np.log(10.0), -0.25, atol=2e-3)
    near = ll.geometry.approach(run, limit.weights)
    scaled = (near.gaps[0] * np.log(np.maximum(run.steps, 1.0)))[decades[-5:]]
    assert np.all(np.diff(scaled) < 0)
    assert scaled[-1] < 0.1


def test_an_appended_feature_of_ones_is_not_a_free_bias():
    """Soudry et al., section 3: the limit is argmin ||w||^2 + b^2."""
    data = ll.Dataset([[1.0, 2.0], [-1.0, 1.0], [3.0, 1.0]], [1, -1, 1])
    limit = ll.descent_limit(data, bias=True)
    rows = data.labels[:, None] * np.column_stack([data.inputs, np.ones(3)])
    # Least norm: margins at least 1, and the weights a combination of those at 1, none negative.
    assert (rows @ limit.weights).min() == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(limit.duals @ rows, limit.weights, atol=1e-9)
    assert limit.duals.min() >= 0
    np.testing.assert_allclose(limit.duals * (rows @ limit.weights - 1), 0.0, atol=1e-9)
    # With a free bias the two nearest points, (1, 2) and (-1, 1), decide.
    free = np.array([0.8, 0.4])
    assert ll.angle(limit.weights[:2], free) > 0.05
    flow = ll.geometry.flow_in_log_time("logistic", data, log_time=600.0, bias=True)
    assert ll.geometry.approach(flow, limit.weights).angles[0, -1] < 2e-3
    assert ll.angle(flow.points[0, -1, :2], free) > 0.05


def test_a_polynomial_tail_goes_elsewhere():
    """DWD: pulls 1/m^2, so the ray w2 = r w1 has r = (2 p1 - p2)/(p1 + p2), p1 = (1 + 2r)^-2, p2 = (1 - r)^-2."""
    flow = ll.geometry.flow_in_log_time("dwd", TWO, log_time=60.0)
    r = flow.points[0, -1, 1] / flow.points[0, -1, 0]
    first, second = (1 + 2 * r) ** -2, (1 - r) ** -2
    assert r == pytest.approx((2 * first - second) / (first + second), abs=1e-6)
    assert ll.geometry.approach(flow, [1.0, 0.0]).angles[0, -1] == pytest.approx(0.0956, abs=1e-4)
    assert not ll.card("identity", "dwd").margin_maximising


def test_hinge_and_perceptron_stop_and_where_depends_on_the_start():
    """theory.md 6: hinge descent stops once all margins are 1; it has no bias towards the widest margin."""
    starts = [[0.0, 0.0], [0.0, 3.0], [2.0, -1.0]]
    ends = ll.implicit_bias("hinge", TWO, steps=10**4, learning_rates=0.01, start=starts)
    assert np.all(ends.losses[:, -1] == 0)
    np.testing.assert_array_equal(ends.points[:, -1], ends.points[:, -5])
    assert np.all(ends.margins[:, -1].min(axis=1) >= 1)
    assert np.ptp(ll.geometry.approach(ends, [1.0, 0.0]).angles[:, -1]) > 0.05
    stopped = ll.implicit_bias("perceptron", TWO, steps=10**4, learning_rates=0.01, start=[0.5, 3.0])
    assert stopped.losses[0, -1] == 0
    assert 0 <= stopped.margins[0, -1].min() < 0.1


def test_the_negatives_of_relu_and_logistic_stay_at_ln_2():
    """theory.md 5.18: infimum P_- phi(0), and positives go to infinity."""
    data = ll.load("soudry_figure1")
    run = ll.implicit_bias("relu+logistic", data, steps=10**5, learning_rates=0.1, start=[0.5, 0.3])
    assert np.all(run.losses >= 2 * LN2 - 1e-12)
    assert run.losses[0, -1] == pytest.approx(2 * LN2, abs=1e-3)
    assert np.all(run.margins[0, -1, :2] > 5)
    plain = ll.implicit_bias("logistic", data, steps=10**5, learning_rates=0.1)
    assert plain.losses[0, -1] < 1e-3


def test_normalised_steps_close_the_margin_gap_like_one_over_t():
    """Nacson et al. 2019: plain steps 1/log t; and no underflow at margins of 10^5."""
    run = ll.implicit_bias("logistic", TWO, steps=10**6, learning_rates=0.1, method="normalised")
    near = ll.geometry.approach(run, [1.0, 0.0])
    assert run.margins[0, -1].min() > 4e4
    np.testing.assert_allclose(run.points[0, -1, 1], LN2 / 3, atol=0.06)
    late = run.steps >= 100
    assert np.all(near.margin_gaps[0, late] * run.steps[late] < 20.0)
    plain = ll.geometry.approach(ll.implicit_bias("logistic", TWO, steps=10**6, learning_rates=0.1), [1.0, 0.0])
    assert near.margin_gaps[0, -1] < 1e-3 * plain.margin_gaps[0, -1]


def test_descent_on_data_that_do_not_separate_goes_along_the_ray_from_the_foot():
    """Ji & Telgarsky 2019, theorem 1: the ray is the widest on what separates, the foot the least risk of the rest."""
    rest = np.array([[1.0, 0.0], [-1.0, 0.0], [-2.0, 0.0]])
    apart = np.array([[0.3, 1.0], [-0.7, 1.0]])
    data = ll.Dataset(np.concatenate([rest, apart]), np.ones(5), one_class=True)
    found = ll.geometry.ray_and_foot(data)
    assert found.separated.tolist() == [False, False, False, True, True]
    np.testing.assert_allclose(found.ray, [0.0, 1.0], atol=1e-9)
    assert found.margin == pytest.approx(1.0)
    run = ll.implicit_bias("logistic", data, steps=10**6, learning_rates=0.2)
    np.testing.assert_allclose(run.points[0, -1, 0], found.foot[0], atol=1e-4)
    late = _decades(run)[2:]
    away = ll.angle(run.points[0, late], found.ray) * np.log(run.steps[late])
    assert np.all(np.diff(away) < 0.05)
    assert away[-1] < 1.2
    with pytest.raises(FloatingPointError, match="stiff"):
        ll.geometry.flow_in_log_time("logistic", data, log_time=500.0)
    # The foot balances the pulls: s(-v) = s(v) + 2 s(2v).
    v = found.foot[0]
    assert 1 / (1 + np.exp(v)) == pytest.approx(1 / (1 + np.exp(-v)) + 2 / (1 + np.exp(-2 * v)), abs=1e-12)


def test_the_risk_falls_as_ji_and_telgarsky_bound_it():
    """Theorem 1, inputs of length at most 1, mean risk, step 1: R - inf R <= e^|v|/t + (|v|^2 + ln^2 t/g^2)/(2 t)."""
    rows = np.array([[1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0], [0.3, 0.9], [-0.4, 0.8]])
    data = ll.Dataset(rows, np.ones(5), one_class=True)
    found = ll.geometry.ray_and_foot(data)
    least = np.logaddexp(0.0, -rows[:3] @ found.foot).sum() / 5
    run = ll.implicit_bias("logistic", data, steps=10**5, learning_rates=1 / 5)
    t, size = run.steps[1:], np.linalg.norm(found.foot)
    bound = np.exp(size) / t + (size**2 + np.log(t) ** 2 / found.margin**2) / (2 * t)
    excess = run.losses[0, 1:] / 5 - least
    assert np.all(excess > 0)
    assert np.all(excess <= bound)
    assert found.foot[0] == pytest.approx(-np.log(2.0), abs=1e-12)


def test_ray_and_foot_at_the_ends():
    all_apart = ll.geometry.ray_and_foot(TWO)
    np.testing.assert_allclose(all_apart.ray, [1.0, 0.0], atol=1e-9)
    np.testing.assert_array_equal(all_apart.foot, 0.0)
    none = ll.geometry.ray_and_foot(ll.Dataset([[1.0], [1.0]], [1, -1]))
    np.testing.assert_array_equal(none.ray, 0.0)
    np.testing.assert_allclose(none.foot, 0.0, atol=1e-12)
    assert none.margin == np.inf


def test_bad_input_is_refused_with_a_reason():
    with pytest.raises(ll.NotSeparable, match=r"cannot be separated"):
        ll.descent_limit(ll.Dataset([[1.0], [1.0]], [1, -1]))
    with pytest.raises(ValueError, match="steps and learning_rates"):
        ll.implicit_bias("logistic", TWO, learning_rates=[0.1, -1.0])
    with pytest.raises(ValueError, match="start must be finite"):
        ll.implicit_bias("logistic", TWO, start=[1.0])
    with pytest.raises(ValueError, match="method is"):
        ll.implicit_bias("logistic", TWO, method="fast")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="log_time must lie"):
        ll.geometry.flow_in_log_time("logistic", TWO, log_time=1e4)
    with pytest.raises(FloatingPointError, match="diverged"):
        ll.implicit_bias("squared", TWO, steps=10**4, learning_rates=10.0)
    run = ll.implicit_bias("hinge", TWO, steps=10)
    with pytest.raises(ValueError, match="weights have shape"):
        ll.geometry.approach(run, [1.0])
    with pytest.raises(ll.geometry.ZeroDirection):
        ll.geometry.approach(run, [0.0, 0.0])
    with pytest.raises(ValueError, match="Every input is 0"):
        ll.geometry.ray_and_foot(ll.Dataset([[0.0], [0.0]], [1, -1]))


def test_nothing_is_nan_at_the_zero_start():
    near = ll.geometry.approach(ll.implicit_bias("logistic", TWO, steps=100), [1.0, 0.0])
    assert all(np.isfinite(part).all() for part in near)
    assert near.angles[0, 0] == np.pi / 2
    assert near.gaps[0, 0] == 1.0


def test_a_single_neuron_ends_where_vardi_and_shamir_say():
    """Inputs (3, -1, 0), (4, 2, 0), (0, g, g), targets 16, 18, 0, from 0: it moves under tie 1 only; g = 1, 2, 5.

    The digits are those of step 1e-3 on half the sum of squares; smaller steps end up to 1 % nearer to 0.
    """
    import jax
    import jax.numpy as jnp

    inputs = jnp.array([[[3.0, -1, 0], [4, 2, 0], [0, g, g]] for g in (1.0, 2.0, 5.0)])
    targets = jnp.array([16.0, 18, 0])

    def ends(tie):
        def square(w, rows):
            return 0.5 * jnp.sum((ll.activations.relu(rows @ w, tie=tie) - targets) ** 2)

        slope = jax.vmap(jax.grad(square))
        return jax.jit(lambda w: jax.lax.fori_loop(0, 20_000, lambda _, w: w - 1e-3 * slope(w, inputs), w))

    moved = ends(1.0)(jnp.zeros((3, 3)))
    np.testing.assert_array_equal(ends(0.0)(jnp.zeros((3, 3))), 0.0)
    np.testing.assert_allclose(moved[:, :2], np.tile([5.0, -1.0], (3, 1)), atol=1e-4)
    np.testing.assert_allclose(moved[:, 2], [-0.0411, -0.1117, -0.2113], atol=6e-5)
