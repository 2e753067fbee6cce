"""The host's products and factors against plain sums, in every form that they take."""

import numpy as np
import pytest

import lossland as ll
from lossland.solvers import _host_algebra as host


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("per_problem", [True, False])
@pytest.mark.parametrize("form", ["products", "blocks", "unsigned", "parts", "threads"])
def test_products_and_solutions_are_those_of_plain_sums(form, per_problem, bias, monkeypatch):
    rng = np.random.default_rng(0)
    n, d, k = 50, 4, 3
    inputs, scales, point = rng.normal(size=(n, d)), rng.random((k, n)), rng.normal(size=(k, d + bias))
    labels = np.where(rng.random((k if per_problem else 1, n)) > 0.5, 1.0, -1.0)
    monkeypatch.setattr(host, "BLOCK", 16)
    monkeypatch.setattr(host, "KEPT", host.KEPT if form == "products" else 0)
    monkeypatch.setattr(host, "SIGNED", 0 if form in ("unsigned", "parts", "threads") else host.SIGNED)
    monkeypatch.setattr(host, "PART", 20)
    monkeypatch.setattr(host, "SHARE", 20)
    monkeypatch.setattr(host, "SHARED", 0 if form in ("parts", "threads") else host.SHARED)
    monkeypatch.setattr(host, "THREADED", 0 if form == "threads" else host.THREADED)
    columns = host.columns_of(inputs, labels, bias)
    whole = np.concatenate([inputs, np.ones((n, int(bias)))], axis=1)
    np.testing.assert_allclose(host.margins_of(columns, point), labels * (point @ whole.T), atol=1e-13)
    np.testing.assert_allclose(host.pulled(columns, scales), (labels * scales) @ whole, atol=1e-13)
    plain = np.array([whole.T @ (own[:, None] * whole) for own in scales])
    np.testing.assert_allclose(np.tril(host.gram(columns, scales)), np.tril(plain), atol=1e-12)
    penalty = np.diag(np.append(np.ones(d), np.zeros(int(bias))))
    found = host.solve_factored(host.factor(columns, scales, bias), point)
    np.testing.assert_allclose(found, np.linalg.solve(plain + penalty, point[..., None])[..., 0], rtol=1e-10)
    low = host.in_floats(columns, np.float32)
    rough = host.solve_factored(host.factor(low, scales.astype(np.float32), bias), point.astype(np.float32))
    assert rough.dtype == np.float32
    np.testing.assert_allclose(rough, found, rtol=1e-2, atol=1e-4)
    some = host.of_problems(columns, np.array([2]))
    np.testing.assert_allclose(host.pulled(some, scales[2:]), (labels[-1:] * scales[2:]) @ whole, atol=1e-13)


def test_a_matrix_without_a_factor_gives_nan_for_its_problem_alone():
    columns = host.columns_of(np.ones((2, 1)), np.ones((1, 2)), False)
    factors = host.factor(columns, np.array([[1.0, 1.0], [-9.0, -9.0]]), False)
    found = host.solve_factored(factors, np.ones((2, 1)))
    assert np.isfinite(found[0]).all()
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize("n", [500, 100_003])
@pytest.mark.parametrize(("kind", "near"), [(np.float32, 1e-4), (np.float64, 1e-11)])
def test_gram_products_of_rows_in_memory_and_on_disk_are_those_of_the_whole(tmp_path, n, kind, near):
    """At once and in parts: every row is summed once."""
    rng = np.random.default_rng(4)
    inputs, scales = rng.normal(size=(n, 3)).astype(kind), rng.uniform(size=(1, n)).astype(kind)
    np.save(tmp_path / "x.npy", inputs)
    stored = ll.load(tmp_path / "x.npy", labels=np.where(np.arange(n) % 2, 1, -1), memory_map=True).inputs
    whole = np.column_stack([inputs, np.ones(n)]).astype(float)
    expected = np.tril((whole.T * scales.astype(float)) @ whole)
    for rows in (inputs, stored.astype(kind)):
        found = host.gram(host.Columns(rows, np.ones((1, n)), True, None, 4), scales)[0]
        np.testing.assert_allclose(np.tril(found), expected, atol=near * np.abs(expected).max())
