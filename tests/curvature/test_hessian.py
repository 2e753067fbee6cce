"""Hessians, spectra and sharpness against dense float64 references: jax.hessian, numpy's eigh, finite differences."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import lossland as ll
from lossland.curvature import _lanczos as krylov
from lossland.curvature._sharpness import ball_maximum
from lossland.curves import made_of_lines, tabulate

DATA = ll.standardise(ll.load("breast_cancer"))
FEW = ll.Dataset(inputs=DATA.inputs[:60, :6], labels=DATA.labels[:60])
WEIGHTS = np.linspace(0.5, 1.5, 60)
SMALLEST = 1e-12
LINEAR = ll.linear()  # One model, so that what is compiled for it serves all tests.


@functools.cache
def network_of(widths, hidden):
    return ll.mlp(widths, hidden=hidden)


@functools.cache
def spread(lines):
    """Some pairs that are made of lines, or have a Hessian: as the tables of their cards say."""
    some = ll.pairs()[:: 41 if lines else 89]
    some += (ll.pair("relu", "hinge"), ll.pair("identity", "ramp")) if lines else ()
    return tuple(p for p in some if made_of_lines(p) == lines)


def linear(name="identity+logistic", data=FEW, l2=0.01, **options):
    f = ll.objective(ll.pair(name), LINEAR, data, l2=l2, **options)
    return f, f.model.init(jax.random.key(1), data.d)


def network(name="identity+logistic", widths=(5, 3), hidden="tanh", l2=0.01, data=FEW):
    f = ll.objective(ll.pair(name), network_of(widths, hidden), data, l2=l2)
    return f, f.model.init(jax.random.key(1), data.d)


def reference(f, params):
    flat, unravel = ravel_pytree(params)
    return np.asarray(compiled_hessian(f, flat, unravel))


@functools.partial(jax.jit, static_argnums=2)
def compiled_hessian(f, flat, unravel):
    return jax.hessian(lambda at: f(unravel(at)))(flat)


SLOW = pytest.mark.slow
CASES = [
    linear,
    network,
    pytest.param(functools.partial(network, "tanh+squared", (4,), "softplus"), marks=SLOW),
]


# ---------------------------------------------------------------------------------------------------------- matrices


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_matrix_products_and_diagonal(case, x64, rng):
    f, params = case()
    want = reference(f, params)
    np.testing.assert_allclose(ll.hessian(f, params), want, atol=SMALLEST)
    v = rng.normal(size=len(want))
    np.testing.assert_allclose(ll.curvature.hessian_vector_product(f, params, v), want @ v, atol=SMALLEST)
    unravel = ravel_pytree(params)[1]
    product = ll.curvature.hessian_vector_product(f, params, unravel(jnp.asarray(v)))
    assert jax.tree.structure(product) == jax.tree.structure(params)
    np.testing.assert_allclose(ravel_pytree(product)[0], want @ v, atol=SMALLEST)
    np.testing.assert_allclose(ravel_pytree(ll.curvature.hessian_diagonal(f, params))[0], np.diag(want), atol=SMALLEST)


@pytest.mark.slow
def test_pairs_of_the_registry(x64):
    chosen = spread(lines=False)
    assert len(chosen) > 2
    params = linear()[1]
    for made in chosen:
        f = ll.objective(made, LINEAR, FEW, l2=0.02, sample_weights=WEIGHTS)
        want = reference(f, params)
        size = np.abs(want).max()
        np.testing.assert_allclose(ll.hessian(f, params), want, atol=1e-12 * size, err_msg=made.name)
        found = ll.top_eigenvalues(f, params, 2, "magnitude")
        values = np.linalg.eigvalsh(want)
        values = values[np.argsort(-np.abs(values))][:2]
        np.testing.assert_allclose(np.abs(found.values), np.abs(values), atol=1e-10 * size, err_msg=made.name)


@SLOW
@pytest.mark.parametrize("made", ll.pairs()[3::73], ids=lambda made: made.name)
def test_more_pairs(made, x64):
    params = linear()[1]
    f = ll.objective(made, LINEAR, FEW, l2=0.02, sample_weights=WEIGHTS)
    if made_of_lines(made):
        with pytest.raises(ValueError, match="made of lines"):
            ll.hessian(f, params)
        return
    want = reference(f, params)
    np.testing.assert_allclose(ll.hessian(f, params), want, atol=1e-11 * max(np.abs(want).max(), 1e-300))


@pytest.mark.slow
def test_weights_and_random_features_and_plain_functions(x64, key):
    f, params = linear(sample_weights=WEIGHTS)
    np.testing.assert_allclose(ll.hessian(f, params), reference(f, params), atol=SMALLEST)
    f = ll.objective(ll.pair("identity", "logistic"), ll.random_features("rbf", 12, key=key), FEW, l2=0.1)
    params = f.model.init(key, FEW.d)
    np.testing.assert_allclose(ll.hessian(f, params), reference(f, params), atol=SMALLEST)
    np.testing.assert_allclose(ll.curvature.gauss_newton(f, params), reference(f, params), atol=SMALLEST)
    want = np.diag([0.0, 12.0, 48.0])
    np.testing.assert_allclose(ll.hessian(lambda w: jnp.sum(w**4), jnp.arange(3.0)), want, atol=SMALLEST)


@pytest.mark.slow
def test_gauss_newton_by_its_definition(x64):
    f, params = network()
    flat, unravel = ravel_pytree(params)
    rows = np.asarray(jax.jit(jax.jacobian(lambda at: f.scores(unravel(at))))(flat))
    bends = np.asarray(f.pair.curvature(f.scores(params), f.labels)) / f.n
    penalty = np.concatenate([0.01 * np.ravel(leaf) for leaf in jax.tree.leaves(mask(params))])
    np.testing.assert_allclose(
        ll.curvature.gauss_newton(f, params), rows.T * bends @ rows + np.diag(penalty), atol=SMALLEST
    )
    f, params = linear()
    np.testing.assert_allclose(ll.curvature.gauss_newton(f, params), ll.hessian(f, params), atol=SMALLEST)


def mask(params):
    return [{"bias": jnp.zeros_like(layer["bias"]), "weights": jnp.ones_like(layer["weights"])} for layer in params]


@pytest.mark.slow
def test_inside_jit_and_in_float32():
    f, params = linear()
    inside = jax.jit(lambda at: ll.hessian(f, at))(params)
    assert inside.dtype == jnp.float32
    np.testing.assert_allclose(inside, reference(f, params), atol=1e-6)
    found = ll.top_eigenvalues(f, params, 3, dense=False)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(reference(f, params))[::-1][:3], rtol=1e-5)
    assert found.converged.all()


# ----------------------------------------------------------------------------------------------------------- spectra


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES[:2])
@pytest.mark.parametrize("which", ["largest", "smallest", "magnitude"])
@pytest.mark.parametrize("formed", [True, False])
def test_eigenpairs(case, which, formed, x64):
    f, params = case()
    matrix = reference(f, params)
    values = np.linalg.eigvalsh(matrix)
    order = {"largest": -values, "smallest": values, "magnitude": -np.abs(values)}[which]
    found = ll.top_eigenvalues(f, params, 4, which, dense=formed)
    np.testing.assert_allclose(found.values, values[np.argsort(order)][:4], atol=1e-9)
    assert found.converged.all()
    rows = np.asarray(jax.vmap(lambda v: ravel_pytree(v)[0])(found.vectors))
    np.testing.assert_allclose(rows @ rows.T, np.eye(4), atol=1e-7)
    residuals = np.linalg.norm(rows @ matrix - np.asarray(found.values)[:, None] * rows, axis=1)
    np.testing.assert_allclose(found.residuals, residuals, atol=1e-12)


def test_all_eigenvalues_by_lanczos(x64):
    f, params = linear()
    found = ll.top_eigenvalues(f, params, 7, "smallest", dense=False)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(reference(f, params)), atol=1e-12)


@pytest.mark.slow
def test_an_eigenvalue_that_occurs_often(x64):
    """More columns than examples: l2 is an eigenvalue over and over, which one Krylov space would show once."""
    rng = np.random.default_rng(0)
    wide = ll.Dataset(inputs=rng.normal(size=(8, 200)), labels=np.tile([1, -1], 4))
    f, params = linear(data=wide, l2=0.3)
    found = ll.top_eigenvalues(f, params, 12, dense=False)
    np.testing.assert_allclose(found.values, np.linalg.eigvalsh(reference(f, params))[::-1][:12], atol=1e-10)
    assert found.converged.all()
    np.testing.assert_allclose(found.values[8:], 0.3, atol=1e-10)


@pytest.mark.slow
def test_lanczos_stops_where_its_space_ends(x64):
    times = functools.partial(jnp.matmul, jnp.diag(jnp.asarray([1.0, 1.0, 2.0, 2.0, 5.0])))
    found = krylov.tridiagonal(times, jnp.ones(5), 5)
    assert int(found.valid) == 3
    small = np.asarray(krylov.dense_form(found))[:3, :3]
    np.testing.assert_allclose(np.linalg.eigvalsh(small), [1.0, 2.0, 5.0], atol=1e-12)
    assert int(krylov.tridiagonal(jnp.zeros_like, jnp.ones(5), 5).valid) == 1


@pytest.mark.slow
@pytest.mark.parametrize("case", [linear, pytest.param(network, marks=SLOW)])
@pytest.mark.parametrize("formed", [True, False])
def test_density_integrates_to_one_and_has_the_mean_of_the_trace(case, formed, x64):
    f, params = case()
    matrix = reference(f, params)
    found = ll.spectral_density(f, params, dense=formed, samples=400)
    assert found.exact == formed
    np.testing.assert_allclose(np.sum(found.weights), 1.0, atol=1e-12)
    np.testing.assert_allclose(np.trapezoid(found.density, found.grid), 1.0, atol=1e-8)
    mean = np.trace(matrix) / len(matrix)
    slack = 1e-8 if formed else 0.05 * np.abs(np.linalg.eigvalsh(matrix)).max()
    np.testing.assert_allclose(np.trapezoid(found.density * found.grid, found.grid), mean, atol=slack)
    np.testing.assert_allclose(found.nodes @ found.weights, mean, atol=slack)


@pytest.mark.slow
def test_no_spurious_value_when_asked_for_more_steps_than_dimensions(x64):
    """Steps past the end of the space would give Ritz values of rounding error, negative ones on a convex problem."""
    f, params = linear(data=ll.Dataset(inputs=DATA.inputs[:, :29], labels=DATA.labels), l2=0.0)
    values = np.linalg.eigvalsh(reference(f, params))
    found = ll.spectral_density(f, params, steps=100, dense=False)
    assert found.nodes[0] >= values[0] - 1e-12
    assert found.nodes[-1] <= values[-1] + 1e-12
    assert found.nodes.size <= 30 * 10
    distance = np.abs(np.asarray(found.nodes)[:, None] - values).min(axis=1)
    assert distance.max() < 1e-8


@SLOW
def test_quadrature_agrees_with_the_exact_density(x64):
    f, params = network()
    exact = ll.spectral_density(f, params, dense=True, width=0.2)
    found = ll.spectral_density(f, params, dense=False, width=0.2, samples=300, steps=40)
    np.testing.assert_allclose(np.interp(exact.grid, found.grid, found.density), exact.density, atol=0.1)


@pytest.mark.slow
def test_trace_exact_and_estimated(x64, monkeypatch):
    for case in CASES[:2]:
        f, params = case()
        found = ll.curvature.hessian_trace(f, params)
        np.testing.assert_allclose(found.value, np.trace(reference(f, params)), atol=SMALLEST)
        assert found.standard_error == 0
    monkeypatch.setattr("lossland.spectra.SMALL", 3)
    found = ll.curvature.hessian_trace(f, params, samples=400)
    assert found.standard_error > 0
    assert abs(found.value - np.trace(reference(f, params))) < 4 * found.standard_error


@SLOW
def test_a_hessian_of_zero(x64):
    f, params = linear("identity+unhinged", l2=0.0)
    np.testing.assert_array_equal(ll.hessian(f, params), np.zeros((7, 7)))
    for formed in (True, False):
        found = ll.top_eigenvalues(f, params, 2, dense=formed)
        np.testing.assert_array_equal(found.values, 0.0)
        assert found.converged.all()
        density = ll.spectral_density(f, params, dense=formed)
        np.testing.assert_allclose(density.weights @ jnp.abs(density.nodes), 0.0)
        np.testing.assert_allclose(np.trapezoid(density.density, density.grid), 1.0, atol=1e-8)


# --------------------------------------------------------------------------------------------------------- sharpness


def in_the_ball(params, radius, key, count=1000):
    """Random points in the ball, half of them on its surface: (count, p)."""
    flat, _ = ravel_pytree(params)
    noise = np.array(jax.random.normal(key, (count, flat.size)))
    noise *= radius / np.linalg.norm(noise, axis=1, keepdims=True)
    noise[::2] *= np.random.default_rng(0).uniform(size=(count // 2, 1)) ** (1 / flat.size)
    return jnp.asarray(noise)


def rises(f, params, points):
    flat, unravel = ravel_pytree(params)
    return jax.jit(jax.vmap(lambda u: f(unravel(flat + u)) - f(params)))(points)


SHARP = {
    "linear": linear,
    "hinge": functools.partial(linear, "identity+hinge"),
    "not convex": functools.partial(linear, "tanh+squared"),
    "network": network,
    "relu network": functools.partial(network, "relu+squared", (6,), "relu"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [n if n in ("relu network", "linear") else pytest.param(n, marks=pytest.mark.exhaustive) for n in SHARP]
)
@pytest.mark.parametrize("radius", [pytest.param(0.05, marks=pytest.mark.exhaustive), 1.0])
def test_no_random_point_in_the_ball_is_higher(name, radius, x64, key):
    f, params = SHARP[name]()
    found = ll.sharpness(f, params, radius, key=key)
    highest = float(rises(f, params, in_the_ball(params, radius, key)).max())
    assert found.value >= highest - 1e-9
    moved = jax.tree.map(jnp.add, params, found.perturbation)
    np.testing.assert_allclose(f(moved) - f(params), found.value, atol=1e-12)
    assert np.linalg.norm(ravel_pytree(found.perturbation)[0]) <= radius * (1 + 1e-9)
    assert found.value <= found.upper + 1e-12
    scaled = ll.sharpness(f, params, radius, "adaptive", key=key)
    points = in_the_ball(params, radius, key) * jnp.abs(ravel_pytree(params)[0])[None]
    assert scaled.value >= float(rises(f, params, points).max()) - 1e-9


@pytest.mark.slow
def test_exact_where_the_objective_is_quadratic(x64):
    f, params = linear("identity+squared")
    for radius in (0.01, 1.0, 30.0):
        for kind in ("worst", "adaptive"):
            found = ll.sharpness(f, params, radius, kind)
            np.testing.assert_allclose(found.value, found.second_order, rtol=1e-9)
            np.testing.assert_allclose(found.value, found.upper, rtol=1e-6)
            assert found.first_order < found.value


@SLOW
def test_estimates_agree_in_a_small_ball(x64):
    f, params = network()
    found = ll.sharpness(f, params, 1e-3)
    np.testing.assert_allclose(found.value, found.first_order, rtol=1e-2)
    np.testing.assert_allclose(found.value, found.second_order, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [4.0, pytest.param(0.3, marks=SLOW)])
def test_adaptive_sharpness_ignores_a_rescaling_of_layers(factor, x64, key):
    f, params = network("identity+logistic", (6,), "relu", l2=0.0)
    first, last = params
    rescaled = [
        jax.tree.map(lambda leaf: factor * leaf, first),
        {"weights": last["weights"] / factor, "bias": last["bias"]},
    ]
    np.testing.assert_allclose(f(params), f(rescaled), rtol=1e-12)
    found, other = (ll.sharpness(f, at, 0.3, "adaptive", key=key) for at in (params, rescaled))
    for name in ("value", "first_order", "second_order"):
        np.testing.assert_allclose(getattr(found, name), getattr(other, name), rtol=1e-6, err_msg=name)
    plain = [float(ll.sharpness(f, at, 0.3, key=key).value) for at in (params, rescaled)]
    assert abs(plain[0] / plain[1] - 1) > 0.1


@pytest.mark.slow
def test_average_sharpness(x64, key):
    f, params = linear("identity+squared")
    found = ll.sharpness(f, params, 0.5, "average", key=key, samples=2000)
    matrix = reference(f, params)
    np.testing.assert_allclose(found.second_order, 0.125 * np.trace(matrix) / len(matrix), rtol=1e-9)
    assert 0 < found.standard_error < 0.05 * found.value
    assert abs(found.value - found.second_order) < 4 * found.standard_error


@SLOW
def test_sharpness_without_the_matrix(x64, monkeypatch, key):
    f, params = network()
    want = ll.sharpness(f, params, 0.3, key=key)
    monkeypatch.setattr("lossland.spectra.SMALL", 3)
    found = ll.sharpness(f, params, 0.3, key=key)
    np.testing.assert_allclose(found.value, want.value, rtol=1e-4)
    assert found.second_order <= want.second_order * (1 + 1e-9)
    assert found.second_order > 0.95 * want.second_order


def test_the_largest_value_of_a_quadratic_in_a_ball(rng):
    for values in ([-3.0, -2.0, -1.0], [-1.0, 0.0, 2.0], [1.0, 2.0, 2.0], [0.0, 0.0, 0.0]):
        for slopes in (rng.normal(size=3), np.array([1.0, 0.5, 0.0]), np.zeros(3), np.array([0.0, 0.0, 1e-9])):
            for radius in (0.1, 1.0, 10.0):
                point, value = ball_maximum(np.array(values), slopes, radius)
                assert np.linalg.norm(point) <= radius * (1 + 1e-9)
                tried = rng.normal(size=(5000, 3))
                tried *= radius * rng.uniform(size=(5000, 1)) ** 0.1 / np.linalg.norm(tried, axis=1, keepdims=True)
                assert value >= (tried @ slopes + 0.5 * tried**2 @ np.array(values)).max() - 1e-12


# ------------------------------------------------------------------------------------------------------------- kinks


@pytest.mark.parametrize("ask", ["hessian", "top_eigenvalues", "hessian_trace", "spectral_density", "hessian_diagonal"])
def test_a_loss_made_of_lines_has_no_spectrum(ask):
    f, params = linear("identity+hinge")
    with pytest.raises(ValueError, match=r"identity\+hinge is made of lines.*kink_curvature"):
        getattr(ll, ask)(f, params)


@pytest.mark.slow
@pytest.mark.parametrize("ask", ["hessian", "top_eigenvalues"])
def test_a_network_under_a_loss_made_of_lines_warns(ask):
    f, params = network("identity+hinge")
    with pytest.warns(UserWarning, match=r"made of lines.*kink_curvature"):
        getattr(ll, ask)(f, params)
    with pytest.raises(ValueError, match="made of lines"):
        ll.curvature.gauss_newton(f, params)


def test_a_loss_of_parabolas_has_the_hessian_of_its_piece(x64):
    f, params = linear("identity+squared_hinge")
    np.testing.assert_allclose(ll.hessian(f, params), reference(f, params), atol=SMALLEST)


@pytest.mark.slow
def test_kinks_against_the_gradient_to_both_sides(x64, rng):
    """For a loss made of lines the gradient's difference over a segment is 2 (K + l2 P) v exactly."""
    unravel = ravel_pytree(linear()[1])[1]
    checked = 0
    for made in spread(lines=True):
        if any(kink.what == "value" for kink in tabulate(made).kinks):
            continue
        f = ll.objective(made, LINEAR, FEW, l2=0.05, sample_weights=WEIGHTS)
        params = unravel(jnp.asarray(rng.normal(size=7)))
        for length in (0.01, 0.3, 2.0):
            v = unravel(jnp.asarray(length * rng.normal(size=7)))
            ends = [jax.grad(f)(jax.tree.map(lambda a, b, s=s: a + s * b, params, v)) for s in (1.0, -1.0)]
            rise = ravel_pytree(ends[0])[0] - ravel_pytree(ends[1])[0]
            found = ll.kink_curvature(f, params, direction=v)
            flat = np.asarray(ravel_pytree(v)[0])
            penalty = 0.05 * np.array([0.0, *[1.0] * 6])
            np.testing.assert_allclose(rise, 2 * (found.matrix @ flat + penalty * flat), atol=1e-12, err_msg=made.name)
            checked += int(found.crossed.sum())
    assert checked > 50


@pytest.mark.slow
def test_kinks_within_a_width_by_averaged_finite_differences(x64):
    """K is the Hessian of the risk averaged over shifts of all scores by up to h, which the bias makes."""
    f, params = linear("identity+hinge", l2=0.0)
    width, step, count = 0.8, 1e-3, 100001
    shifts = width * (2 * (jnp.arange(count) + 0.5) / count - 1)
    unravel = ravel_pytree(params)[1]
    flat = ravel_pytree(params)[0]

    @jax.jit
    def averaged(at):
        def one(shift):
            return ravel_pytree(jax.grad(f)(unravel(at.at[0].add(shift))))[0]

        return jnp.mean(jax.lax.map(one, shifts, batch_size=2048), axis=0)

    ends = [averaged(flat.at[3].add(s * step)) for s in (1.0, -1.0)]
    found = ll.kink_curvature(f, params, width)
    assert 0 < found.crossed.sum() < 60
    np.testing.assert_allclose(
        (ends[0] - ends[1]) / (2 * step), found.matrix[3], atol=1e-2 * np.abs(found.matrix).max()
    )
    gradients = [ravel_pytree(jax.grad(f)(unravel(flat.at[0].add(s * width))))[0] for s in (1.0, -1.0)]
    np.testing.assert_allclose((gradients[0] - gradients[1]) / (2 * width), found.matrix[0], atol=1e-12)


@pytest.mark.slow
def test_kinks_of_a_network_and_of_a_smooth_loss(x64):
    f, params = network("identity+hinge")
    found = ll.kink_curvature(f, params, 0.5)
    flat, unravel = ravel_pytree(params)
    rows = np.asarray(jax.jit(jax.jacobian(lambda at: f.scores(unravel(at))))(flat))
    inside = np.abs(FEW.labels * np.asarray(f.scores(params)) - 1) < 0.5
    np.testing.assert_allclose(found.matrix, rows.T * (inside / FEW.n) @ rows, atol=SMALLEST)
    f, params = linear()
    np.testing.assert_array_equal(ll.kink_curvature(f, params, 0.5).matrix, np.zeros((7, 7)))


# --------------------------------------------------------------------------------------------------------- bad input


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
        r"from 1 to p = 7; got 0": lambda: ll.top_eigenvalues(f, params, 0),
        r"which is one of largest": lambda: ll.top_eigenvalues(f, params, 1, "first"),
        r"tol must be positive": lambda: ll.top_eigenvalues(f, params, 1, tol=0.0),
        r"at least 2 samples": lambda: ll.curvature.hessian_trace(f, params, samples=1),
        r"steps must be positive": lambda: ll.spectral_density(f, params, steps=0),
        r"width must be positive, not -1": lambda: ll.spectral_density(f, params, width=-1.0),
        r"does not show a width": lambda: ll.spectral_density(f, params, width=1e-6),
        r"radius must be positive and finite, not 0": lambda: ll.sharpness(f, params, 0.0),
        r"radius must be positive and finite, not nan": lambda: ll.sharpness(f, params, float("nan")),
        r"kind is one of worst": lambda: ll.sharpness(f, params, 1.0, "best"),
        r"starts >= 0": lambda: ll.sharpness(f, params, 1.0, starts=-1),
        r"The vector is": lambda: ll.curvature.hessian_vector_product(f, params, jnp.zeros(3)),
        r"f is a float": lambda: ll.hessian(1.0, params),
        r"not a scalar": lambda: ll.hessian(lambda w: w, jnp.zeros(3)),
        r"gauss_newton needs the scores": lambda: ll.curvature.gauss_newton(jnp.sum, jnp.zeros(3)),
        r"either a width or a direction": lambda: ll.kink_curvature(f, params),
        r"width must be positive, a scalar": lambda: ll.kink_curvature(f, params, -1.0),
        r"params are .*takes": lambda: ll.kink_curvature(f, params, direction=wrong),
    }
    for message, call in asked.items():
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.slow
def test_a_loss_that_jumps_has_no_kink_curvature(registries):
    @ll.margin_loss
    def step_loss(m):
        return jnp.where(m > 0, 0.0, 1.0)

    f = ll.objective(ll.pair("identity", "step_loss"), LINEAR, FEW)
    with pytest.raises(ValueError, match="jumps in value at z = 0"):
        ll.kink_curvature(f, linear()[1], 0.5)
