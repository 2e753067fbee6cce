"""Runs along a line, diverged runs, models of one parameter and centres that are not finite: shown, or said."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=20, d=2, seed=1)"))
PAIR = ll.pair("identity+logistic")
NAN = {"weights": np.array([1.0, np.nan]), "bias": np.array(0.0)}
START = {"weights": np.array([1.0, 2.0]), "bias": np.array(0.5)}
AXES = tuple({"weights": w, "bias": np.zeros(())} for w in np.eye(2))


def run_along(direction, count, dtype):
    shares = np.linspace(0.0, 3.0, count)
    return {
        "weights": (np.array([0.3, -0.7]) + np.outer(shares, direction[:2])).astype(dtype),
        "bias": (0.1 + shares * direction[2]).astype(dtype),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("direction", [(1.0, 0.0, 0.0), (0.1, 0.2, -0.7), (1e-9, 1.0, 1.0)], ids=str)
@pytest.mark.parametrize("count", [3, 50])
def test_a_run_along_a_line_is_shown_in_a_square(direction, count, dtype):
    p, seen = ll.landscapes.trajectory_plane(PAIR, DATA, run_along(direction, count, dtype), steps=5)
    flat = np.stack([np.append(d["bias"], d["weights"]) for d in seen.directions])
    np.testing.assert_allclose(flat @ flat.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(p.betas, p.alphas)
    np.testing.assert_allclose(seen.kept, [1.0, 0.0], atol=1e-9)
    f = ll.objective(PAIR, data=DATA)
    with jax.enable_x64(True):
        f = ll.objective(PAIR, data=DATA)
        corner = jax.tree.map(lambda c, u, v: c + p.alphas[4] * u + p.betas[0] * v, p.centre, *p.directions)
        np.testing.assert_allclose(p.values[4, 0], f(corner), rtol=1e-12)


def test_a_run_off_a_line_keeps_its_own_second_direction():
    run = run_along((0.1, 0.2, -0.7), 9, float)
    run["bias"] = run["bias"] + 1e-6 * np.sin(np.arange(9.0))
    seen = ll.landscapes.trajectory_directions(run)
    points = np.concatenate([run["bias"][:, None], run["weights"]], axis=1)
    rows = np.linalg.svd(points - points[-1], full_matrices=False)[2]
    second = np.append(seen.directions[1]["bias"], seen.directions[1]["weights"])
    np.testing.assert_allclose(abs(second @ rows[1]), 1.0, rtol=1e-9)


def test_a_diverged_run_is_said():
    run = run_along((1.0, 0.0, 0.0), 6, float)
    run["weights"][4:] = np.nan
    with pytest.raises(ValueError, match=r"not finite from point 4 of 6 on.*x\[:4\]"):
        ll.landscapes.trajectory_plane(PAIR, DATA, run)


ONE = ll.Model(lambda key, d: {"w": jnp.ones(())}, lambda p, x: p["w"] * x[:, 0], "one")


def test_one_parameter_has_no_plane():
    with pytest.raises(ValueError, match="one parameter"):
        ll.landscapes.trajectory_plane(PAIR, DATA, {"w": np.arange(5.0)}, model=ONE)
    with pytest.raises(ValueError, match=r"one has one parameter.*`ray`"):
        ll.landscapes.hessian_plane(PAIR, DATA, {"w": np.ones(())}, model=ONE)
    with pytest.raises(ValueError, match="2 orthogonal directions need as many parameters"):
        ll.random_plane(PAIR, DATA, {"w": np.ones(())}, key=jax.random.key(0), model=ONE)
    assert ll.ray(PAIR, DATA, {"w": np.ones(())}, {"w": np.ones(())}, model=ONE, steps=3).values.shape == (3,)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: ll.plane(PAIR, DATA, NAN, AXES),
        lambda: ll.plane(PAIR, DATA, NAN, AXES, radius=1.0, steps=3),
        lambda: ll.ray(PAIR, DATA, NAN, AXES[0]),
        lambda: ll.random_plane(PAIR, DATA, NAN, key=jax.random.key(0), radius=1.0),
        lambda: ll.landscapes.hessian_plane(PAIR, DATA, NAN),
        lambda: ll.gradient_field(PAIR, DATA, NAN, AXES),
        lambda: ll.landscapes.linear_interpolation(PAIR, DATA, NAN, START),
    ],
)
def test_a_centre_that_is_not_finite_is_said(ask):
    with pytest.raises(ValueError, match=r"not finite.*weights"):
        ask()


def test_scores_of_a_column_are_said():
    column = ll.Model(ll.linear().init, lambda p, x: x @ p["weights"][:, None] + p["bias"], "column")
    with pytest.raises(ValueError, match=r"column gives scores of shape \(20, 1\) for 20 examples"):
        ll.plane(PAIR, DATA, START, AXES, radius=1.0, steps=3, model=column)


def test_a_file_that_is_not_there_is_said(tmp_path):
    for read in (ll.read_sweep, ll.landscapes.read_plane):
        with pytest.raises(FileNotFoundError, match=r"There is no file .*nowhere\.nc"):
            read(tmp_path / "nowhere.nc")
        with pytest.raises(ValueError, match="is a folder, not a file"):
            read(tmp_path)
