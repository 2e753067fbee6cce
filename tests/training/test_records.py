"""Records of a sweep: what each means, and at which steps it is taken."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lossland as ll
from lossland.training._records import record_steps


def each_place(s):
    return list(np.ndindex(s.status.shape))


@pytest.mark.slow
def test_records_say_what_they_mean(data, x64):
    parts = ll.split(data, seed=2)
    s = ll.sweep(
        ["relu+hinge", "identity+hinge"], parts.train, seeds=2, l2s=(0.1,), steps=20, record=(0, 7), test=parts.test,
        thresholds=(0.0, "best"), metrics={"largest": lambda scores, labels, params: jnp.max(labels * scores)},
    )  # fmt: skip
    assert s.steps == (0, 7, 20)
    for place in each_place(s):
        pair, params = ll.pair(s.pairs[place[0]]), jax.tree.map(lambda x, p=place: x[p], s.params)
        f = ll.objective(pair, ll.linear(), parts.train, l2=0.1)
        scores, labels = np.asarray(f.scores(params)), np.asarray(f.labels)
        slopes = np.asarray(pair.slope(scores, labels))
        norm = np.linalg.norm(params["weights"])
        there = np.asarray(parts.test.inputs @ params["weights"] + params["bias"])
        lines = [0.0, ll.card(pair).best_threshold]
        expected = {
            "risk": f.risk(params),
            "objective": f(params),
            "weight_norm": norm,
            "dead": np.mean((slopes == 0) & (labels * scores <= 0)),
            "active": np.mean(slopes != 0),
            "margin": np.min(labels * scores) / norm,
            "train_error": [np.mean((scores > line) != (labels > 0)) for line in lines],
            "test_error": [np.mean((there > line) != (parts.test.labels > 0)) for line in lines],
            "test_risk": np.mean(pair(there, parts.test.labels)),
            "largest": np.max(labels * scores),
        }
        for name, value in expected.items():
            np.testing.assert_allclose(s.records[name][place][-1], value, rtol=1e-10, atol=1e-12, err_msg=name)
    assert set(s.records) == {*expected, "gradient_norm"}


@pytest.mark.parametrize(
    ("record", "steps", "expected"),
    [(5, 12, (0, 5, 10, 12)), ((3, 3, 1), 4, (0, 1, 3, 4)), ("log", 10, (0, 1, 2, 3, 4, 6, 8, 10)), ("log", 1, (0, 1))],
)
def test_record_steps(record, steps, expected):
    assert record_steps(record, steps) == expected
