"""Gradient fields: sums over the score plane against autodiff of the objective, one point after another."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=3, seed=2)"))
KEY = jax.random.key(4)
QUICK = ["identity+logistic", "relu+hinge"]
MORE = ["sigmoid+cross_entropy", "identity+squared_hinge"]
BY_DIFFERENCES = ["tanh+squared", "softplus+exponential", "leaky_relu+absolute", "elu+savage", "identity+ramp"]
BY_DIFFERENCES += ["soft_sign+logistic", "sigmoid+brier"]


def start(model=None):
    return jax.tree.map(lambda x: x + 0.1, (ll.linear() if model is None else model).init(jax.random.key(0), DATA.d))


def skew(centre):
    """Two directions, neither orthogonal nor of length 1."""
    first, second = ll.random_directions(centre, KEY)
    return first, jax.tree.map(lambda a, b: 0.7 * a + 2.0 * b, first, second)


def slow(f, centre, directions, alphas, betas):
    """Slopes, Hessian in the plane, the gradient's norm and what is left of it after least squares, by autodiff."""
    flat, unravel = ravel_pytree(jax.tree.map(jnp.asarray, centre))
    columns = jnp.stack([ravel_pytree(d)[0] for d in directions], axis=1)
    places = jnp.stack([x.ravel() for x in jnp.meshgrid(alphas, betas, indexing="ij")], axis=1)
    at = lambda place: f(unravel(flat + columns @ place))  # noqa: E731
    full = lambda place: ravel_pytree(jax.grad(f)(unravel(flat + columns @ place)))[0]  # noqa: E731
    gradients, hessians = jax.jit(jax.vmap(lambda place: (full(place), jax.hessian(at)(place))))(places)
    slopes = gradients @ columns
    columns = np.asarray(columns)
    rest = gradients.T - columns @ np.linalg.lstsq(columns, gradients.T, rcond=None)[0]
    shape = len(alphas), len(betas)
    norms = np.linalg.norm(gradients, axis=1).reshape(shape), np.linalg.norm(rest, axis=0).reshape(shape)
    return np.asarray(slopes).reshape(*shape, 2), np.asarray(hessians).reshape(*shape, 2, 2), *norms


def same(field, expected, rtol=1e-10):
    for name, value in zip(("slopes", "hessians", "norms", "outside"), expected, strict=True):
        scale = np.abs(value).max() + 1e-3
        np.testing.assert_allclose(getattr(field, name), value, rtol=rtol, atol=rtol * scale, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in MORE)])
def test_fields_of_linear_models_against_autodiff(name, x64, rng):
    pair, centre, weights = ll.pair(name), start(), rng.uniform(0.0, 2.0, DATA.n)
    directions = skew(centre)
    given = {"radius": (1.3, 0.4), "steps": 3, "l2": 0.3, "sample_weights": weights}
    field = ll.gradient_field(pair, DATA, centre, directions, **given)
    f = ll.objective(pair, ll.linear(), DATA, 0.3, weights)
    same(field, slow(f, centre, directions, field.plane.alphas, field.plane.betas))
    assert field.of_pieces == any(k.what != "curvature" for k in ll.card(pair).kinks)


@pytest.mark.slow
def test_a_networks_field_against_autodiff(x64):
    model, pair = ll.mlp((3,), hidden="tanh"), ll.pair("identity+logistic")
    centre = start(model)
    directions = skew(centre)
    field = ll.gradient_field(pair, DATA, centre, directions, radius=1.0, steps=3, l2=0.3, model=model)
    f = ll.objective(pair, model, DATA, 0.3)
    same(field, slow(f, centre, directions, field.plane.alphas, field.plane.betas))


@pytest.mark.slow
def test_a_field_of_random_features_is_that_of_a_linear_model_on_them(x64):
    model, pair = ll.random_features(m=9, key=KEY), ll.pair("identity+logistic")
    centre = start(model)
    directions = skew(centre)
    one_hot = [{"weights": jnp.asarray(e), "bias": jnp.zeros(())} for e in np.eye(9)]
    features = ll.Dataset(np.stack([model.apply(e, DATA.inputs) for e in one_hot], axis=1), DATA.labels)
    given = {"radius": 1.0, "steps": 3, "l2": 0.3}
    field = ll.gradient_field(pair, DATA, centre, directions, model=model, **given)
    plain = ll.gradient_field(pair, features, centre, directions, **given)
    same(field, (plain.slopes, plain.hessians, plain.norms, plain.outside))


@pytest.mark.parametrize(
    "name", ["identity+logistic", "hard_tanh+hinge", *(pytest.param(n, marks=pytest.mark.slow) for n in BY_DIFFERENCES)]
)
def test_a_field_is_the_difference_quotient_of_its_plane(name, x64):
    """Independent of any derivative: values of the plane itself, too near for a kink to lie between."""
    pair, centre = ll.pair(name), start()
    directions, given = skew(centre), {"radius": 1e-4, "steps": 3, "l2": 0.3}
    field = ll.gradient_field(pair, DATA, centre, directions, **given)
    v, h = field.plane.values, 1e-4
    assert field.slopes[1, 1] == pytest.approx([(v[2, 1] - v[0, 1]) / (2 * h), (v[1, 2] - v[1, 0]) / (2 * h)], rel=1e-6)
    mixed = (v[2, 2] - v[2, 0] - v[0, 2] + v[0, 0]) / (4 * h * h)
    assert field.hessians[1, 1, 0, 1] == pytest.approx(mixed, rel=1e-4)


def test_steps_along_steepest_are_the_projected_gradient(x64):
    """In skew coordinates: the step that `steepest` describes is the gradient less what lies outside the plane."""
    centre = start()
    directions = skew(centre)
    field = ll.gradient_field(ll.pair("relu+hinge"), DATA, centre, directions, radius=1.0, steps=3)
    d1, d2 = (np.asarray(ravel_pytree(d)[0]) for d in directions)
    step = field.steepest[..., :1] * d1 + field.steepest[..., 1:] * d2
    length = np.linalg.norm(step, axis=-1)
    np.testing.assert_allclose(length**2 + field.outside**2, field.norms**2, rtol=1e-12)
    np.testing.assert_allclose(np.stack([step @ d1, step @ d2], axis=-1), field.slopes, atol=1e-13)
    holed = field._replace(norms=np.where(np.eye(3) > 0, np.nan, field.norms))
    assert np.isnan(holed.share_outside).sum() == 3
    assert 0.0 < field.share_outside.min() <= field.share_outside.max() < 1.0


def test_invariants_do_not_depend_on_the_axes(x64):
    """The same plane along other axes: gradient norms, determinant and trace at its centre stay."""
    pair, centre = ll.pair("identity+logistic"), start()
    asked = ["gradient_norm", "outside", "determinant", "trace"]
    found = [
        ll.plane(pair, DATA, centre, axes, radius=1.0, steps=3, l2=0.3, quantities=asked).quantities
        for axes in (ll.random_directions(centre, KEY), skew(centre))
    ]
    for name in asked:
        assert found[0][name][1, 1] == pytest.approx(found[1][name][1, 1], rel=1e-10), name
    field = ll.gradient_field(pair, DATA, centre, skew(centre), radius=1.0, steps=3, l2=0.3)
    held = [field.norms, field.outside, field.determinants, field.traces]
    for name, values in zip(asked, held, strict=True):
        np.testing.assert_allclose(values, found[1][name], rtol=1e-10, err_msg=name)


def test_all_parameters_in_the_plane_leave_nothing_outside(x64):
    data = ll.Dataset(DATA.inputs[:, :1], DATA.labels)
    w, b = ({"weights": np.array([x]), "bias": np.array(y)} for x, y in ((1.0, 0.0), (0.0, 1.0)))
    field = ll.gradient_field(ll.pair("identity+squared"), data, w, (w, b), radius=1.0, steps=3, l2=0.2)
    assert field.outside.max() < 1e-14
    rows = np.column_stack([data.inputs, np.ones(data.n)])
    exact = 2.0 * rows.T @ rows / data.n + np.diag([0.2, 0.0])
    assert field.determinants[1, 1] == pytest.approx(np.linalg.det(exact), rel=1e-10)
    assert field.traces[1, 1] == pytest.approx(np.trace(exact), rel=1e-10)


def test_a_users_quantities(x64):
    def first_weight(params, data):
        return params["weights"][0] * data.d

    def accuracy(params, data):
        import sklearn.metrics

        guess = np.sign(data.inputs @ np.asarray(params["weights"]) + float(params["bias"]))
        return sklearn.metrics.accuracy_score(data.labels, guess)

    centre = start()
    axes = ll.random_directions(centre, KEY)
    asked = ["error", first_weight, accuracy]
    p = ll.plane(ll.pair("relu+hinge"), DATA, centre, axes, radius=1.0, steps=3, quantities=asked)
    assert list(p.quantities) == ["error", "first_weight", "accuracy"]
    w = np.asarray([x["weights"][0] for x in (centre, *axes)])
    expected = 3.0 * (w[0] + p.alphas[:, None] * w[1] + p.betas[None] * w[2])
    np.testing.assert_allclose(p.quantities["first_weight"], expected, rtol=1e-12)
    np.testing.assert_allclose(p.quantities["accuracy"], 1.0 - p.quantities["error"], rtol=1e-12)
    assert "accuracy" in p.to_xarray()
    r = ll.ray(ll.pair("relu+hinge"), DATA, centre, axes[0], radius=1.0, steps=3, quantities=[first_weight])
    np.testing.assert_allclose(r.quantities["first_weight"], expected[:, 1], rtol=1e-12)


def test_a_field_is_saved_with_its_plane(tmp_path, x64):
    field = ll.gradient_field(ll.pair("relu+hinge"), DATA, start(), skew(start()), radius=1.0, steps=3)
    field.to_xarray().to_netcdf(tmp_path / "field.nc", engine="h5netcdf")
    import xarray

    with xarray.open_dataset(tmp_path / "field.nc", engine="h5netcdf") as held:
        np.testing.assert_array_equal(held.slopes.sel(coordinate="beta"), field.slopes[..., 1])
        np.testing.assert_array_equal(held.objective, field.plane.values)


@pytest.mark.slow
def test_bad_input_is_said():
    centre = start()
    first, _ = ll.random_directions(centre, KEY)
    given = {"radius": 1.0, "steps": 3}
    with pytest.raises(ValueError, match="parallel"):
        ll.gradient_field(ll.pair("relu+hinge"), DATA, centre, (first, first), **given)
    around = (ll.pair("relu+hinge"), DATA, centre, ll.random_directions(centre, KEY))
    with pytest.raises(ValueError, match="a name of its own"):
        ll.plane(*around, **given, quantities=[lambda params, data: 0.0])
    with pytest.raises(ValueError, match="quantities must be a sequence, a text or"):
        ll.plane(*around, **given, quantities="dead")

    def losses(params, data):
        return params["weights"]

    with pytest.raises(ValueError, match=r"losses gave shape \(3,\)"):
        ll.plane(*around, **given, quantities=[losses])
