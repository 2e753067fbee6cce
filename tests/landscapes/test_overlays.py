"""Kink lines against a search along grid lines, regions against flooding by hand, places against the plane."""

import jax
import numpy as np
import pytest

import lossland as ll

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=3, seed=2)"))
KEY = jax.random.key(4)


def a_plane(name="relu+hinge", **given):
    centre = jax.tree.map(np.asarray, ll.linear().init(jax.random.key(0), DATA.d))
    given = {"radius": (2.0, 1.5), "steps": 21} | given
    return ll.plane(ll.pair(name), DATA, centre, ll.random_directions(centre, KEY), **given)


def scores_of(p):
    return [DATA.inputs @ np.asarray(x["weights"]) + float(x["bias"]) for x in (p.centre, *p.directions)]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu+hinge", "hard_tanh+hinge", "identity+squared_hinge", "step+squared"])
def test_kink_segments_against_a_search(name, x64):
    """A line crosses a row of the plane where an example's score changes the side of its kink: bisected, no algebra."""
    pair, p = ll.pair(name), a_plane()
    found = ll.landscapes.kink_segments(p, pair, DATA)
    z0, z1, z2 = scores_of(p)
    for end in (0, 1):
        a, b = found.ends[:, end].T
        z = z0[found.examples] + a * z1[found.examples] + b * z2[found.examples]
        np.testing.assert_allclose(z, found.kinks, atol=1e-12)
        at_side = np.isclose(np.abs(a), 2.0, atol=1e-12) | np.isclose(np.abs(b), 1.5, atol=1e-12)
        assert at_side.all()
        assert (np.abs(a) <= 2.0).all()
        assert (np.abs(b) <= 1.5).all()
    segments = {(i, k): ends for i, k, ends in zip(found.examples, found.kinks, found.ends, strict=True)}
    seen = 0
    for kink in ll.card(pair).kinks:
        for i in np.flatnonzero(DATA.labels == kink.label):
            for b in np.linspace(-1.49, 1.49, 9):
                side = lambda a, i=i, b=b, k=kink.at: z0[i] + a * z1[i] + b * z2[i] - k  # noqa: E731
                if np.sign(side(-2.0)) == np.sign(side(2.0)):
                    continue
                low, high = -2.0, 2.0
                for _ in range(60):
                    middle = 0.5 * (low + high)
                    low, high = (middle, high) if np.sign(side(middle)) == np.sign(side(low)) else (low, middle)
                (a0, b0), (a1, b1) = segments[i, kink.at]
                assert abs((a1 - a0) * (b - b0) - (b1 - b0) * (low - a0)) < 1e-9
                assert min(b0, b1) - 1e-9 <= b <= max(b0, b1) + 1e-9
                seen += 1
    assert seen > 100


def test_a_piecewise_linear_objective_is_linear_between_its_segments(x64):
    """Along a path that no segment crosses the plane has no second difference; along the others it has."""
    p = a_plane(steps=201)
    found = ll.landscapes.kink_segments(p, ll.pair("relu+hinge"), DATA)
    step = p.alphas[1] - p.alphas[0]
    bent = np.abs(np.diff(p.values, 2, axis=0)) > 1e-12
    crossed = np.zeros_like(bent)
    for (a0, b0), (a1, b1) in found.ends:
        with np.errstate(divide="ignore", invalid="ignore"):
            a = a0 + (p.betas - b0) * (a1 - a0) / (b1 - b0)
        inside = (p.betas >= min(b0, b1) - 1e-9) & (p.betas <= max(b0, b1) + 1e-9) & np.isfinite(a)
        crossed |= np.abs(p.alphas[1:-1, None] - np.where(inside, a, np.inf)) < step * (1 + 1e-9)
    assert bent.any()
    assert not (bent & ~crossed).any()
    assert (bent & crossed).sum() > 0.9 * crossed.sum()


def test_still_scores_and_smooth_pairs_have_no_line(x64):
    """An example whose score does not move in the plane passes no kink; lines may be upright and level."""
    data = ll.Dataset([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], [1, 1, -1])
    centre = {"weights": np.zeros(2), "bias": np.zeros(())}
    axes = tuple({"weights": w, "bias": np.zeros(())} for w in np.eye(2))
    p = ll.plane(ll.pair("identity+hinge"), data, centre, axes, radius=2.0, steps=3)
    found = ll.landscapes.kink_segments(p, ll.pair("identity+hinge"), data)
    assert found.examples.tolist() == [0, 1]
    assert np.sort(found.ends, axis=1).tolist() == [[[1.0, -2.0], [1.0, 2.0]], [[-2.0, 1.0], [2.0, 1.0]]]
    assert ll.landscapes.kink_segments(p, ll.pair("identity+logistic"), data).ends.shape == (0, 2, 2)
    model = ll.mlp((2,))
    start = model.init(KEY, 2)
    around = ll.random_directions(start, KEY)
    net = ll.plane(ll.pair("identity+hinge"), data, start, around, radius=1.0, steps=3, model=model)
    with pytest.raises(ValueError, match="straight lines only where"):
        ll.landscapes.kink_segments(net, ll.pair("identity+hinge"), data, model)


def flooded(mask, diagonal):
    """The connected parts of a map as sets of pixels, by flooding."""
    left, parts = {tuple(map(int, x)) for x in np.argwhere(mask)}, []
    while left:
        part, edge = set(), [left.pop()]
        while edge:
            i, j = edge.pop()
            part.add((i, j))
            near = [(i + x, j + y) for x in (-1, 0, 1) for y in (-1, 0, 1) if diagonal or x == 0 or y == 0]
            edge += [q for q in near if q in left]
            left -= set(near)
        parts.append(frozenset(part))
    return set(parts)


@pytest.mark.parametrize("diagonal", [False, True])
def test_regions_against_flooding(diagonal, rng, x64):
    p = a_plane()
    mask = rng.random(p.values.shape) < 0.45
    found = ll.landscapes.regions(p, mask, diagonal=diagonal)
    count = len(found.areas)
    parts = [frozenset(tuple(map(int, x)) for x in np.argwhere(found.labels == k + 1)) for k in range(count)]
    assert set(parts) == flooded(mask, diagonal)
    assert (np.diff(found.areas) <= 0).all()
    for k, part in enumerate(parts):
        values = [p.values[q] for q in part]
        assert (found.lowest[k], found.highest[k]) == (min(values), max(values))
        assert found.at_border[k] == any({i, j} & {0, 20} for i, j in part)


def test_areas_add_up_and_dead_regions_have_their_level(x64):
    p = a_plane(quantities=["dead", "saturated"], radius=12.0, steps=61)
    box = 24.0 * 24.0
    for each in (ll.landscapes.regions(p, np.ones_like(p.values, bool)),):
        assert each.areas.tolist() == pytest.approx([box], rel=1e-12)
    positive = DATA.labels > 0
    z0, z1, z2 = scores_of(p)
    z = z0 + p.alphas[:, None, None] * z1 + p.betas[:, None] * z2
    some = ll.landscapes.regions(p, lambda p: p.quantities["dead"] > 0.3)
    dead = ((z <= 0) & positive).mean(axis=-1) > 0.3
    assert some.areas.sum() / box == pytest.approx(dead[1:-1, 1:-1].mean(), abs=0.03)
    assert (p.quantities["saturated"] >= p.quantities["dead"]).all()


def test_places_of_points_on_and_off_the_plane(x64):
    p = a_plane()
    first, second = p.directions
    there = jax.tree.map(lambda c, u, v: c + 0.25 * u - 2.0 * v, p.centre, first, second)
    assert ll.landscapes.place(p, there)[:2] == pytest.approx((0.25, -2.0), abs=1e-12)
    flat = [np.append(x["weights"], x["bias"]) for x in (first, second)]
    away = np.linalg.svd(np.stack(flat))[2][-1]
    off = {"weights": there["weights"] + 3.0 * away[:3], "bias": there["bias"] + 3.0 * away[3]}
    assert ll.landscapes.place(p, off) == pytest.approx((0.25, -2.0, 3.0), abs=1e-12)


@pytest.mark.slow
def test_one_pairs_surface_around_anothers_solution(x64):
    """The solution is the plane's centre, its minimum under its own pair, and lies at (0, 0)."""
    sol = ll.solve("hinge", DATA, C=1.0)
    axes = ll.random_directions(sol.params, KEY)
    own, other = (
        ll.plane(ll.pair(name), DATA, sol.params, axes, radius=1.0, steps=11, l2=1.0 / DATA.n)
        for name in ("identity+hinge", "relu+hinge")
    )
    assert own.values[5, 5] == own.values.min() == pytest.approx(float(sol.objective) / DATA.n, rel=1e-9)
    f = ll.objective(ll.pair("relu+hinge"), ll.linear(), DATA, 1.0 / DATA.n)
    assert other.values[5, 5] == pytest.approx(float(f(sol.params)), rel=1e-12)
    assert ll.landscapes.place(other, sol.params) == pytest.approx((0.0, 0.0, 0.0), abs=1e-12)
    with pytest.raises(ValueError, match="give its params"):
        ll.plane(ll.pair("relu+hinge"), DATA, sol, axes, radius=1.0)


def test_bad_input_is_said(x64):
    p = a_plane()
    with pytest.raises(ValueError, match="booleans"):
        ll.landscapes.regions(p, p.values)
    with pytest.raises(ValueError, match="shape"):
        ll.landscapes.regions(p, np.ones((3, 3), bool))
    with pytest.raises(ValueError, match="shapes"):
        ll.landscapes.place(p, {"weights": np.zeros(2), "bias": np.zeros(())})
