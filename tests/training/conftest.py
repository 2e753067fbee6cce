"""Data on which the sweeps of these tests train."""

import pytest

import lossland as ll


@pytest.fixture(scope="module")
def data():
    return ll.standardise(ll.load("two_gaussians(n=41, d=3, seed=1)"))
