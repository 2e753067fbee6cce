"""Gram matrices of weighted rows, in blocks and over devices, against dense NumPy."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import lossland as ll
from lossland.solvers import _normal_equations as normal
from tests.linear_problems import problems


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n", "d", "k", "bias"),
    [
        (7, 3, 2, False),
        pytest.param(7, 3, 2, True, marks=pytest.mark.slow),
        pytest.param(1300, 20, 9, True, marks=pytest.mark.slow),
        pytest.param(1300, 20, 9, False, marks=pytest.mark.slow),
        (1100, 60, 3, True),
        pytest.param(1100, 60, 3, False, marks=pytest.mark.slow),
    ],
)
def test_gram_matrices_in_every_form(n, d, k, bias, x64, rng):
    """Products kept, products formed block by block, and blocks scaled row by row, against dense NumPy."""
    x, scales = rng.normal(size=(n, d)), rng.uniform(size=(k, n))
    design = normal.Design(jax.numpy.asarray(x), bias)
    whole = np.column_stack([x, np.ones(n)]) if bias else x
    want = np.einsum("ni,kn,nj->kij", whole, scales, whole)
    for form in (design, normal.kept(design)):
        np.testing.assert_allclose(normal.gram(form, jax.numpy.asarray(scales)), want, rtol=1e-12, atol=1e-10)


@pytest.mark.slow
def test_rows_in_blocks_give_the_answer_of_rows_at_once(monkeypatch):
    """Blocks of 7 rows against one block; another number of problems, so that the program is traced anew."""
    data, c, s = problems(1)
    whole = ll.solve("hinge", data, C=c, sample_weights=s)
    monkeypatch.setattr(normal, "BLOCK", 7)
    monkeypatch.setattr(normal, "KEPT", 0)
    parts = ll.solve("hinge", data, C=c[:13], sample_weights=s[:13])
    np.testing.assert_allclose(parts.objective, whole.objective[:13], rtol=1e-10)


@pytest.mark.slow
def test_rows_over_devices_give_the_same_answer():
    """Two devices, an odd number of rows; the only sum over devices of d x d size is the Gram matrix's."""
    program = """
import jax, numpy as np, lossland as ll
data = ll.standardise(ll.load("two_gaussians(n=201, seed=1)"))
for loss in ("hinge", "logistic"):
    one = ll.solve(loss, data, C=[0.1, 10.0])
    two = ll.solve(loss, data, C=[0.1, 10.0], devices=jax.devices())
    np.testing.assert_allclose(two.objective, one.objective, rtol=1e-10)
    np.testing.assert_allclose(two.weights, one.weights, rtol=1e-6)
    assert two.duals.shape == one.duals.shape and two.converged.all()
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ | flags)
