"""Bands: their errors by hand, and how often they cover the plane of all examples, by simulation with fixed seeds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=400, d=3, seed=2)"))
CENTRE = jax.tree.map(np.asarray, ll.linear().init(jax.random.key(0), 3))
AXES = ll.random_directions(CENTRE, jax.random.key(4))
GIVEN = {"radius": 2.0, "steps": 5, "l2": 0.1}


def losses_of(pair, p, data=DATA):
    """(a, b, n), one loss after another by the pair itself."""
    z = [data.inputs @ np.asarray(x["weights"]) + float(x["bias"]) for x in (p.centre, *p.directions)]
    z = z[0] + p.alphas[:, None, None] * z[1] + p.betas[:, None] * z[2]
    return np.asarray(pair(z, np.broadcast_to(data.labels, z.shape)))


@pytest.mark.slow
def test_a_bands_plane_and_errors_by_hand(x64, rng):
    pair, weights = ll.pair("relu+hinge"), rng.uniform(0.5, 1.5, DATA.n)
    band = ll.landscapes.subsampled_plane(
        pair, DATA, CENTRE, AXES, subsample=60, seed=3, sample_weights=weights, **GIVEN
    )
    assert len(set(band.rows)) == 60
    held = (weights * losses_of(pair, band.plane))[..., band.rows]
    full = ll.plane(pair, DATA, CENTRE, AXES, sample_weights=weights, **GIVEN)
    penalty = full.values - (weights * losses_of(pair, full)).mean(axis=-1)
    np.testing.assert_allclose(band.plane.values, held.mean(axis=-1) + penalty, rtol=1e-11)
    by_hand = np.sqrt((1 - 60 / 400) * held.var(axis=-1, ddof=1) / 60)
    np.testing.assert_allclose(band.errors, by_hand, rtol=1e-11)
    more = ll.landscapes.subsampled_plane(
        pair, DATA, CENTRE, AXES, subsample=60, seed=3, sample_weights=weights, population=False, **GIVEN
    )
    np.testing.assert_allclose(more.errors, by_hand / np.sqrt(1 - 60 / 400), rtol=1e-11)


@pytest.mark.parametrize("name", ["relu+hinge", pytest.param("identity+logistic", marks=pytest.mark.slow)])
def test_a_band_covers_the_plane_of_all_examples(name, x64):
    pair = ll.pair(name)
    full = ll.plane(pair, DATA, CENTRE, AXES, **GIVEN)
    bands = [
        ll.landscapes.subsampled_plane(pair, DATA, CENTRE, AXES, subsample=200, seed=seed, **GIVEN)
        for seed in range(200)
    ]
    values, errors = (np.array([getattr(x, what) for x in held]) for what, held in (
        ("values", [band.plane for band in bands]), ("errors", bands)))  # fmt: skip
    covered = np.abs(values - full.values) <= 1.96 * errors
    # Pixels go together: the mean is as loose as one pixel's share of 200, +-3 %.
    assert 0.92 < np.mean(covered) < 0.98
    np.testing.assert_allclose((errors**2).mean(axis=0) / ((values - full.values) ** 2).mean(axis=0), 1.0, atol=0.25)


@pytest.mark.slow
def test_differences_are_paired_and_their_z_is_normal(x64):
    first, second = ll.pair("identity+logistic"), ll.pair("identity+hinge")
    truth = (losses_of(first, ll.plane(first, DATA, CENTRE, AXES, **GIVEN)) - losses_of(second, ll.plane(
        second, DATA, CENTRE, AXES, **GIVEN))).mean(axis=-1)  # fmt: skip
    scaled = []
    for seed in range(120):
        found = ll.landscapes.plane_difference(first, second, DATA, CENTRE, AXES, subsample=100, seed=seed, **GIVEN)
        scaled.append((found.values - truth) / found.errors)
    assert 0.91 < np.mean(np.abs(scaled) <= 1.96) < 0.985
    held = (losses_of(first, found.first) - losses_of(second, found.first))[..., found.rows]
    np.testing.assert_allclose(found.values, held.mean(axis=-1), atol=1e-12)
    np.testing.assert_allclose(found.errors, np.sqrt(0.75 * held.var(axis=-1, ddof=1) / 100), rtol=1e-9)
    np.testing.assert_allclose(found.z, found.values / found.errors, rtol=1e-12)
    apart = [
        ll.landscapes.subsampled_plane(p, DATA, CENTRE, AXES, subsample=100, seed=119, **GIVEN) for p in (first, second)
    ]
    assert (found.errors < np.hypot(apart[0].errors, apart[1].errors)).all()


def test_all_examples_leave_no_error(x64):
    pair = ll.pair("relu+hinge")
    band = ll.landscapes.subsampled_plane(pair, DATA, CENTRE, AXES, subsample=DATA.n, **GIVEN)
    full = ll.plane(pair, DATA, CENTRE, AXES, **GIVEN)
    np.testing.assert_allclose(band.plane.values, full.values, rtol=1e-12)
    assert not band.errors.any()
    same = ll.landscapes.plane_difference(pair, pair, DATA, CENTRE, AXES, subsample=50, **GIVEN)
    assert not same.z.any()
    held = same.to_xarray()
    assert '"subsample": 50' in held.settings
    assert (held.rows.size, held.z.dims) == (50, ("alpha", "beta"))
    np.testing.assert_array_equal(band.to_xarray().error, band.errors)


@pytest.mark.slow
def test_a_networks_band(x64):
    model, pair = ll.mlp((3,)), ll.pair("identity+hinge")
    centre = model.init(jax.random.key(0), 3)
    axes = ll.random_directions(jax.tree.map(lambda x: x + 0.1, centre), jax.random.key(1))
    given = {"radius": 1.0, "steps": 1, "model": model}
    band = ll.landscapes.subsampled_plane(pair, DATA, centre, axes, subsample=60, **given)
    part = np.asarray(pair(model.apply(centre, DATA.inputs[band.rows]), DATA.labels[band.rows]))
    assert band.errors.item() == pytest.approx(np.sqrt(0.85 * part.var(ddof=1) / 60), rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("subsample", [1, 401])
def test_too_few_or_too_many_are_refused(subsample):
    with pytest.raises(ValueError, match="from 2 to the 400"):
        ll.landscapes.subsampled_plane(ll.pair("relu+hinge"), DATA, CENTRE, AXES, subsample=subsample, **GIVEN)


def test_models_with_batch_statistics_are_refused():
    def batch_norm(p, x):
        z = x @ p["w"]
        return (z - z.mean()) / jnp.sqrt(z.var() + 1e-5)

    model = ll.Model(lambda key, d: {"w": jax.random.normal(key, (d,))}, batch_norm)
    data = ll.load("two_gaussians(n=40, d=3, seed=1)")
    around = data, *({"w": jax.random.normal(jax.random.key(k), (3,))} for k in (0,))
    axes = tuple({"w": jax.random.normal(jax.random.key(k), (3,))} for k in (1, 2))
    given = {"radius": 1.0, "steps": 3, "subsample": 10, "model": model}
    logistic, hinge = ll.pair("identity+logistic"), ll.pair("identity+hinge")
    with pytest.raises(ValueError, match="batch_norm for one example depend on the other examples"):
        ll.landscapes.subsampled_plane(logistic, *around, axes, **given)
    with pytest.raises(ValueError, match="batch_norm for one example depend on the other examples"):
        ll.landscapes.plane_difference(logistic, hinge, *around, axes, **given)
