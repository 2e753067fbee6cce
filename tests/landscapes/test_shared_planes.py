"""Many pairs on one plane: each as `plane` alone gives it, the scores computed once."""

import time

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.landscapes import _shared_planes as sharing

DATA = ll.standardise(ll.load("two_gaussians(n=31, d=3, seed=2)"))
CENTRE = {"weights": np.array([0.4, -0.2, 0.7]), "bias": np.array(0.1)}
AXES = ll.random_directions(CENTRE, jax.random.key(4))
# The second direction stands still on some examples, and passes kinks both ways on others.
AXES = (AXES[0], {"weights": AXES[1]["weights"] * np.array([1.0, 0.0, 0.0]), "bias": np.zeros(())})


PIECES = ["relu+squared_hinge", "identity+huber", "hard_tanh+hinge"]


@pytest.mark.slow
def test_pairs_of_pieces_together_against_one_example_after_another(x64, rng):
    pairs = [ll.pair(name) for name in PIECES]
    given = {"radius": (3.0, 4.0), "steps": (5, 7), "sample_weights": rng.uniform(0.0, 2.0, DATA.n), "l2": 0.3}
    made = ll.shared_planes(pairs, DATA, CENTRE, AXES, **given)
    assert list(made) == [p.name for p in pairs]
    assert all(p.method == "kinks" for p in made.values())
    z = [DATA.inputs @ p["weights"] + p["bias"] for p in (CENTRE, *AXES)]
    for pair in pairs:
        p = made[pair.name]
        scores = z[0] + p.alphas[:, None, None] * z[1] + p.betas[:, None] * z[2]
        losses = np.asarray(pair(scores, np.broadcast_to(DATA.labels, scores.shape).astype(float)))
        w = CENTRE["weights"] + p.alphas[:, None, None] * AXES[0]["weights"] + p.betas[:, None] * AXES[1]["weights"]
        expected = (losses * given["sample_weights"]).mean(axis=-1) + 0.15 * (w**2).sum(axis=-1)
        np.testing.assert_allclose(p.values, expected, rtol=1e-12, atol=1e-12, err_msg=pair.name)


@pytest.mark.slow
@pytest.mark.parametrize("quantities", [(), ("risk", "dead")])
def test_pieces_curves_and_both_together_as_alone(quantities, x64):
    names = ["relu+hinge", "identity+logistic", "step+squared"]
    given = {"radius": 2.0, "steps": (5, 3), "l2": 0.3, "quantities": quantities}
    made = ll.shared_planes(names, DATA, CENTRE, AXES, **given)
    for name, p in made.items():
        alone = ll.plane(ll.pair(name), DATA, CENTRE, AXES, **given)
        np.testing.assert_allclose(p.values, alone.values, rtol=1e-12, atol=1e-13)
        for q in quantities:
            np.testing.assert_allclose(p.quantities[q], alone.quantities[q], rtol=1e-12, atol=1e-13)
        assert (p.method, p.settings, p.holes) == (alone.method, alone.settings, alone.holes)


def test_one_range_for_all_and_expansions_and_progress(x64, monkeypatch):
    told = []
    monkeypatch.setattr(sharing, "AT_ONCE", 31 * 4)
    made = ll.shared_planes(["identity+logistic", "sigmoid+squared"], DATA, CENTRE, AXES, steps=3, method="scores",
                            progress=lambda *at: told.append(at))  # fmt: skip
    alone = ll.plane(ll.pair("identity+logistic"), DATA, CENTRE, AXES, steps=3)
    np.testing.assert_array_equal(made["sigmoid+squared"].alphas, alone.alphas)
    np.testing.assert_allclose(made["identity+logistic"].values, alone.values, rtol=1e-12)
    assert told == [(4, 9), (8, 9), (9, 9)]
    near = ll.shared_planes(["sigmoid+squared", "relu+hinge"], DATA, CENTRE, AXES, radius=1.0, steps=41, tolerance=1e-3)
    assert [p.method for p in near.values()] == ["expansion", "kinks"]


def test_a_network_is_run_once_a_pixel_for_all_pairs(x64):
    runs = []
    model = ll.mlp(2, hidden="tanh")

    def counted(params, inputs):
        runs.append(1)
        return model.apply(params, inputs)

    centre = jax.tree.map(lambda x: np.asarray(x) + 0.1, model.init(jax.random.key(0), 3))
    axes = ll.random_directions(centre, jax.random.key(4))
    held = model._replace(apply=counted)
    given = {"radius": 1.0, "steps": 3, "model": held}
    made = ll.shared_planes(["identity+logistic", "relu+hinge"], DATA, centre, axes, **given)
    # Traced: to see its scores' shape and whether it is linear, what memory it takes, and once for the scores.
    assert len(runs) == 3
    alone = ll.plane(ll.pair("relu+hinge"), DATA, centre, axes, **given)
    np.testing.assert_allclose(made["relu+hinge"].values, alone.values, rtol=1e-12)


def test_twelve_pairs_in_one_pass_cost_less_than_twelve_passes():
    data = ll.load("two_gaussians(n=569, d=30, seed=1)")
    centre = {"weights": np.full(30, 0.05), "bias": np.zeros(())}
    axes = ll.random_directions(centre, jax.random.key(0), normalization=None)
    outputs, losses = ("identity", "relu"), ("hinge", "ramp", "perceptron", "squared_hinge", "absolute", "squared")
    names = [f"{a}+{b}" for a in outputs for b in losses]
    given = {"radius": 1.0, "steps": 101}

    def apart():
        return [ll.plane(ll.pair(n), data, centre, axes, **given) for n in names]

    ratios = []
    for call in (apart, lambda: ll.shared_planes(names, data, centre, axes, **given)) * 4:
        start = time.process_time()
        call()
        ratios.append(time.process_time() - start)
    assert np.median(np.array(ratios[3::2]) / np.array(ratios[2::2])) < 0.7


def test_bad_input_is_said():
    with pytest.raises(ValueError, match="one pair or more"):
        ll.shared_planes([], DATA, CENTRE, AXES)
    with pytest.raises(ValueError, match=r"each once.*relu\+hinge, relu\+hinge"):
        ll.shared_planes(["relu+hinge", ll.pair("relu+hinge")], DATA, CENTRE, AXES)
    with pytest.raises(ValueError, match=r"identity\+logistic .*takes scores, model"):
        ll.shared_planes(["relu+hinge", "identity+logistic"], DATA, CENTRE, AXES, radius=1.0, steps=3, method="kinks")
    with pytest.raises(ValueError, match="two directions"):
        ll.shared_planes(["relu+hinge"], DATA, CENTRE, AXES[:1])
