"""The result of a sweep: the setting that validation chooses."""

import numpy as np
import pytest

import lossland as ll


@pytest.mark.slow
def test_best_selects_by_validation_and_not_by_test():
    rng = np.random.default_rng(0)
    made = ll.sweep(
        "identity+hinge", ll.load("two_gaussians(n=30, seed=1)"), seeds=2, learning_rates=(0.1, 1.0), steps=2
    )
    shape = made.records["risk"].shape
    validation = np.ones(shape)
    validation[0, :, 1, 0, 2] = 0.0
    records = {"risk": rng.random(shape), "validation_risk": rng.random(shape)}
    records |= {"validation_error": validation[..., None], "test_error": rng.random(shape)[..., None]}
    made = made._replace(records=records)
    chosen = made.best()
    assert float(chosen.learning_rate[0]) == 1.0
    assert int(chosen.step[0]) == made.steps[2]
    np.testing.assert_array_equal(chosen.test_error[0, :, 0], records["test_error"][0, :, 1, 0, 2, 0])
    lost = made._replace(status=np.where(np.arange(2).reshape(1, 1, 2, 1) == 1, 2, 0) * np.ones_like(made.status))
    assert float(lost.best().learning_rate[0]) == 0.1
    for name in ("test_error", "nothing"):
        with pytest.raises(ValueError, match=r"test part|recorded no nothing"):
            made.best(name)
