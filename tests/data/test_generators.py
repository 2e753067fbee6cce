"""Every registered data set, and the exact claims of the constructions against brute force and an exact solver."""

import clarabel
import numpy as np
import pytest
import scipy.sparse
from scipy.special import ndtr

from lossland.data import DATASETS, Dataset, load
from lossland.data._generators import (
    alternating_labels,
    orthogonal_points,
    rings,
    separable,
    signed_axes,
    soudry_figure1,
    two_gaussians,
    two_moons,
    two_points,
    xor,
)


def registered(name):
    """A registered set as a user loads it, with its first two classes where it asks for a choice."""
    entry = DATASETS[name]
    choice = {"classes": (0, 1)} if entry.settings().get("classes", 0) is None else {}
    return load(name, **choice)


def hard_margin(data, bias=True):
    """Weights, bias and duals of min |w|^2/2 with t (w.x + b) >= 1, by an interior-point solver."""
    d = data.d
    signed = data.labels[:, None] * np.column_stack([data.inputs, np.ones(data.n)])[:, : d + bias]
    quadratic = scipy.sparse.csc_matrix(np.diag([1.0] * d + [0.0] * bias))
    options = clarabel.DefaultSettings()
    options.verbose = False
    options.tol_gap_abs = options.tol_gap_rel = options.tol_feas = 1e-13
    solver = clarabel.DefaultSolver(
        quadratic,
        np.zeros(d + bias),
        scipy.sparse.csc_matrix(-signed),
        -np.ones(data.n),
        [clarabel.NonnegativeConeT(data.n)],
        options,
    )
    solution = solver.solve()
    found = np.array(solution.x)
    return found[:d], found[d] if bias else 0.0, np.array(solution.z)


@pytest.mark.parametrize("name", DATASETS)
def test_every_registered_set(name):
    data = registered(name)
    assert isinstance(data, Dataset)
    assert np.isfinite(data.inputs).all()
    assert set(data.labels) == ({1.0} if data.one_class else {-1.0, 1.0})
    assert len(data.input_names) in (0, data.d)
    assert data.source
    assert DATASETS[name].about
    assert registered(name).sha256 == data.sha256
    assert load(data.name).sha256 == data.sha256
    changed = data.inputs.copy()
    changed[-1, -1] = np.nextafter(changed[-1, -1], np.inf)
    assert Dataset(changed, data.labels, one_class=data.one_class).sha256 != data.sha256


@pytest.mark.parametrize("name", DATASETS)
def test_claims_of_every_registered_set(name):
    entry, data = DATASETS[name], registered(name)
    if entry.real:
        assert len(data.input_names) == data.d
        assert data.label_names != ("-1", "1")
    if "seed" in entry.settings():
        assert load(name, seed=1).sha256 != data.sha256
    for size in {"n", "d"} & set(entry.settings()):
        assert getattr(load(name, **{size: 7}), size) == 7
        with pytest.raises(ValueError, match=f"{size}=0 must be a whole number of at least"):
            load(name, **{size: 0})
        with pytest.raises(ValueError, match=rf"{size} must be a whole number, not 2\.5"):
            load(name, **{size: 2.5})


@pytest.mark.parametrize(
    ("n", "d", "margin", "offset", "seed"),
    [(2, 1, 1.0, 0.5, 0), (3, 2, 0.5, -1.0, 1), (20, 2, 1.0, 0.5, 2), (40, 5, 0.1, 2.0, 3), (101, 8, 3.0, 0.0, 4)],
)
def test_separable_has_the_svm_it_promises(n, d, margin, offset, seed):
    data = separable(n=n, d=d, margin=margin, offset=offset, seed=seed)
    u = np.full(d, 1 / np.sqrt(d))
    weights, bias, _ = hard_margin(data)
    np.testing.assert_allclose(weights, u / margin, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(bias, -offset / margin, rtol=1e-7, atol=1e-7)
    distances = data.labels * (data.inputs @ u - offset)
    on_plane = distances < margin * (1 + 1e-12)
    assert distances.min() > margin * (1 - 1e-12)
    assert [(data.labels[on_plane] == t).sum() for t in (-1, 1)] == [max(1, min(d, n // 4))] * 2
    assert (data.labels > 0).sum() == (n + 1) // 2


@pytest.mark.parametrize("mirrored", [False, True])
def test_two_points(mirrored):
    data = two_points(mirrored=mirrored)
    weights, bias, duals = hard_margin(data, bias=mirrored)
    np.testing.assert_allclose(weights, [1.0, 0.0], atol=1e-7)
    np.testing.assert_allclose(bias, 0.0, atol=1e-7)
    # Mirrored, the duals are unique only as sums over a point and its mirror image: w is the same for both.
    np.testing.assert_allclose(duals.reshape(-1, 2).sum(axis=0), [1 / 3, 2 / 3], atol=1e-7)


def test_two_points_with_a_free_bias_is_another_problem():
    weights, bias, _ = hard_margin(two_points())
    np.testing.assert_allclose([*weights, bias], [0.8, 0.4, -0.6], atol=1e-7)


@pytest.mark.parametrize("bias", [False, True])
def test_soudry_figure1(bias):
    weights, offset, duals = hard_margin(soudry_figure1(), bias=bias)
    np.testing.assert_allclose([*weights, offset], [0.5, 0.5, 0.0], atol=1e-7)
    np.testing.assert_allclose(1 / np.linalg.norm(weights), np.sqrt(2.0), rtol=1e-7)
    np.testing.assert_allclose(duals.sum(), 0.5, atol=1e-7)


def minima(values):
    return int(((values[1:-1] < values[:-2]) & (values[1:-1] < values[2:])).sum())


@pytest.mark.parametrize("n", [2, 4, 8])
def test_alternating_labels_give_n_over_2_minima_to_a_bounded_output(n):
    data = alternating_labels(n=n)
    weights = np.logspace(-6, 6, 4001)
    scores = weights[:, None] * data.inputs[:, 0]
    loss = np.maximum(0.0, 1.0 - data.labels * np.tanh(scores)).mean(axis=1)
    rectified = np.maximum(0.0, 1.0 - data.labels * np.maximum(scores, 0.0)).mean(axis=1)
    assert minima(loss) == n // 2
    assert minima(rectified) == 1
    ordered = data.inputs[:, 0]
    assert (np.diff(ordered) > 0).all()
    assert (np.diff(data.labels) != 0).all()
    assert data.labels[-1] == 1.0


def relu_hinge(weights, data):
    return np.maximum(0.0, 1.0 - data.labels * np.maximum(data.inputs @ weights, 0.0)).mean()


@pytest.mark.parametrize("d", [1, 3])
def test_signed_axes_has_a_basin_for_every_choice_of_signs(d):
    data = signed_axes(d=d)
    for bits in range(2**d):
        signs = np.array([-1.0 if bits >> j & 1 else 1.0 for j in range(d)])
        level = (d + (signs < 0).sum()) / (3 * d)
        for size in (1.5, 2.0):  # flat: the loss does not depend on the size
            assert relu_hinge(size * signs, data) == pytest.approx(level, rel=1e-14)
        # From the bottom of the basin the loss rises on the way to 0 along every axis, so that signs cannot change.
        for j in range(d):
            inward = 1.5 * signs
            inward[j] *= 0.25
            assert relu_hinge(inward, data) > level


def test_orthogonal_points_keep_dead_coordinates_dead():
    data = orthogonal_points(d=4, scales=(1.0, -2.0, 0.5, 3.0))
    weights = np.array([0.3, 0.3, 0.3, -0.3])
    for _ in range(2000):
        scores = data.inputs @ weights
        weights = weights + 0.05 * ((scores > 0) & (scores < 1)) @ data.inputs
    assert relu_hinge(weights, data) == 2 / 4
    assert (orthogonal_points(d=3, scales=2.0).inputs == 2.0 * np.eye(3)).all()
    assert orthogonal_points().one_class


@pytest.mark.parametrize("scales", [0.0, (1.0, 2.0), (1.0, 0.0, 1.0)])
def test_orthogonal_points_refuses(scales):
    with pytest.raises(ValueError, match="must be one nonzero number or d=3 of them"):
        orthogonal_points(d=3, scales=scales)


def test_two_gaussians_have_the_error_they_promise():
    data = two_gaussians(n=100_000, d=3, distance=2.0, seed=1)
    wrong = (data.labels * data.inputs.sum(axis=1) < 0).mean()
    assert abs(wrong - ndtr(-1.0)) < 4 * np.sqrt(ndtr(-1.0) / data.n)
    for t in (-1.0, 1.0):
        cloud = data.inputs[data.labels == t]
        np.testing.assert_allclose(cloud.mean(axis=0), t / np.sqrt(3.0), atol=0.03)
        np.testing.assert_allclose(np.cov(cloud.T), np.eye(3), atol=0.03)
    assert (two_gaussians(n=50, positives=0.1).labels > 0).sum() == 5


def test_shapes_without_noise():
    moons, circles, corners = two_moons(n=41, noise=0.0), rings(n=40, inner=0.3, noise=0.0), xor(n=40, noise=0.0)
    upper, lower = moons.inputs[moons.labels < 0], moons.inputs[moons.labels > 0]
    np.testing.assert_allclose(np.hypot(*upper.T), 1.0, rtol=1e-14)
    np.testing.assert_allclose(np.hypot(*(lower - [1.0, 0.5]).T), 1.0, rtol=1e-14)
    assert (len(upper), len(lower)) == (21, 20)
    np.testing.assert_allclose(np.hypot(*circles.inputs.T), np.where(circles.labels > 0, 0.3, 1.0), rtol=1e-14)
    assert (corners.labels == corners.inputs.prod(axis=1)).all()
    assert {tuple(row) for row in corners.inputs} == {(a, b) for a in (-1.0, 1.0) for b in (-1.0, 1.0)}


@pytest.mark.parametrize("function", [two_moons, rings, xor])
def test_noise_has_the_deviation_it_says(function):
    clean, noisy = function(n=20_000, noise=0.0), function(n=20_000, noise=0.2)
    np.testing.assert_allclose((noisy.inputs - clean.inputs).std(axis=0), 0.2, rtol=0.03)


def test_refused_parameters():
    with pytest.raises(ValueError, match=r"positives=0\.001 of n=10 gives 0 positive examples"):
        two_gaussians(n=10, positives=0.001)
    with pytest.raises(ValueError, match=r"margin=0\.0 must be positive"):
        separable(margin=0.0)
    with pytest.raises(ValueError, match="ratio=1 must be above 1"):
        alternating_labels(ratio=1)


def test_breast_cancer_is_as_published():
    data = load("breast_cancer")
    assert (data.n, data.d) == (569, 30)
    assert data.label_names == ("malignant", "benign")
    assert ((data.labels < 0).sum(), (data.labels > 0).sum()) == (212, 357)
    # The first patient of the file is malignant, with mean radius 17.99.
    assert data.labels[0] == -1.0
    assert data.inputs[0, data.input_names.index("mean radius")] == 17.99
