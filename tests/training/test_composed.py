"""Pairs composed of an output's and a loss's program: the same numbers as the pair itself, for anybody's pairs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.training import _composed as composed

FAR = [0.0, 1.0, -1.0, 0.5, 3.0, -3.0, 6.0, 30.0, -30.0, 200.0, -200.0]


def both_ways(pairs, scores, labels, limits):
    """Values and slopes of these pairs, (pairs, rows, n): composed, and each pair by itself."""
    recipe, numbers = composed.recipe_of(pairs)
    whole = np.concatenate([scores] * len(pairs))
    given = jnp.asarray(whole), jnp.asarray(labels), jnp.asarray(limits)
    values, slopes = composed.composed_losses(recipe, composed.members_of(recipe, numbers), *given)
    shape = (len(pairs), *scores.shape)
    label = np.broadcast_to(labels, scores.shape)
    own = [(p(scores, label), p.slope(scores, label)) for p in pairs]
    return (values.reshape(shape), slopes.reshape(shape)), tuple(np.stack(part) for part in zip(*own, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.exhaustive)])
def test_composed_pairs_are_the_pairs(step, x64):
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=(2, 30)) * 2, np.tile(FAR, (2, 1))], axis=1)
    labels = np.where(np.arange(scores.shape[1]) % 2, 1.0, -1.0)
    scores[1] *= -1
    pairs = ll.pairs()[::step]
    (values, slopes), (true_values, true_slopes) = both_ways(pairs, scores, labels, limits=True)
    for k, pair in enumerate(pairs):
        np.testing.assert_allclose(values[k], true_values[k], rtol=2e-12, atol=1e-15, err_msg=pair.name)
        np.testing.assert_allclose(slopes[k], true_slopes[k], rtol=2e-12, atol=1e-15, err_msg=pair.name)


def test_slopes_have_their_limits_at_infinity(x64):
    pairs = [ll.pair(name) for name in ("identity+logistic", "exp+savage", "sigmoid+cross_entropy", "exp+hinge")]
    scores = np.array([[np.inf, -np.inf, 800.0, -800.0, np.nan]])
    (_, slopes), (_, true) = both_ways(pairs, scores, np.array([1.0, -1.0, 1.0, -1.0, 1.0]), limits=True)
    np.testing.assert_array_equal(slopes, true)


def test_bare_values_are_right_at_infinity(x64):
    pairs = [ll.pair(name) for name in ("identity+logistic", "cauchit+cross_entropy", "tanh+hinge")]
    scores = np.array([[np.inf, -np.inf, -np.inf, np.inf]])
    (values, _), (true, _) = both_ways(pairs, scores, np.array([1.0, 1.0, -1.0, -1.0]), limits=False)
    np.testing.assert_array_equal(values, true)


def test_pairs_of_a_users_own(registries):
    @ll.activation(range=(0.0, 1.0), kinks=())
    def tempered(score, heat=2.0):
        return 1.0 / (1.0 + jnp.exp(-score / heat))

    @ll.margin_loss
    def constant(margin):
        return 0.0 * margin + 3.0

    @ll.label_loss
    def costly(output, label):
        return jnp.where(label > 0, 5.0, 1.0) * jnp.abs(label - output)

    @ll.likelihood_loss
    def half_logs(likelihood):
        return -0.5 * jnp.log(likelihood) - 0.5 * jnp.log1p(likelihood)

    pairs = [ll.pair(a, b) for a in (tempered, "sigmoid", "step") for b in (constant, costly, half_logs, "hinge")]
    scores = np.random.default_rng(1).normal(size=(3, 7)).astype(np.float32)
    (values, slopes), (true_values, true_slopes) = both_ways(pairs, scores, np.array([1.0, -1, 1, 1, -1, -1, 1]), True)
    np.testing.assert_allclose(values, true_values, rtol=2e-6, atol=1e-7)
    np.testing.assert_allclose(slopes, true_slopes, rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize(("width", "n"), [(1, 1), (1, 9000), (3, 4096), (5, 4097), (2000, 7)])
def test_tiles_cover_every_score(width, n):
    pairs = [ll.pair("identity", "squared"), ll.pair("identity", "hinge")]
    scores = np.random.default_rng(2).normal(size=(2 * width, n)).astype(np.float32)
    labels = np.where(np.arange(n) % 3, 1.0, -1.0).astype(np.float32)
    recipe, numbers = composed.recipe_of(pairs)
    values, slopes = composed.composed_losses(
        recipe, composed.members_of(recipe, numbers), jnp.asarray(scores), jnp.asarray(labels), jnp.asarray(False)
    )
    margins = labels * scores
    np.testing.assert_allclose(values[:width], (1 - margins[:width]) ** 2, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(slopes[width:], np.where(margins[width:] < 1, -labels, 0.0), rtol=1e-6)


def test_each_half_is_compiled_once():
    pairs = ll.pairs()
    recipe, numbers = composed.recipe_of(pairs)
    losses = sum(len(group.losses) for group in recipe.groups)
    outputs = sum(len(group.outputs) for group in recipe.groups)
    assert losses + outputs < len(pairs) / 2
    members, labels = composed.members_of(recipe, numbers[:5]), jnp.ones(3)
    program = jax.make_jaxpr(lambda z: composed.composed_losses(recipe, members, z, labels, jnp.asarray(False)))(
        jnp.ones((5, 3))
    )
    assert str(program).count("branches=") <= 2 * len(recipe.groups) + 2
