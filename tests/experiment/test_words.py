import numpy as np
import pytest

from lossland.experiment import number, percent


@pytest.mark.parametrize(
    ("x", "said"),
    [
        (999.9, "1000"), (-999.9, "-1000"), (999.4, "999"), (12345.6, "12346"), (999999.6, "1000000"), (1e6, "1e+06"),
        (0.0009999, "0.001"), (2.5e-7, "2.5e-07"), (1234567.0, "1.23e+06"), (-0.0, "0"), (np.inf, "infinite"),
        (-np.inf, "-infinite"), (np.nan, "not a number"), (12345, "12345"),
    ],
)  # fmt: skip
def test_a_number_is_written_as_a_person_would(x, said):
    assert number(x) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [(np.inf, "infinite"), (-np.inf, "-infinite"), (np.nan, "not a number"), (9.999, "999.9"), (1e-9, "0")],
)
def test_a_share_that_is_no_number_is_named(share, said):
    assert percent(share) == said
