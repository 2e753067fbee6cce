"""Sparse inputs at the door: what scipy's formats become, what is refused, and what stays sparse after it."""

import dataclasses
import importlib
import inspect
import re

import numpy as np
import pytest
import scipy.sparse

import lossland as ll
from lossland.core import FLOORS, face_of
from lossland.data import Dataset

DENSE = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.5, 0.0, 0.0], [0.0, -1.0, 0.0]])
LABELS = [0, 1, 0, 1]


def sparse() -> Dataset:
    return Dataset(scipy.sparse.csr_array(DENSE), LABELS)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("make", [scipy.sparse.csr_array, scipy.sparse.csr_matrix])
def test_every_format_becomes_the_same_rows(kind, make):
    data = Dataset(make(DENSE.astype(np.float32)).asformat(kind), LABELS)
    assert isinstance(data.inputs, scipy.sparse.csr_array)
    assert (data.inputs.dtype, data.inputs.indices.dtype, data.inputs.nnz) == (np.float64, np.int32, 3)
    np.testing.assert_array_equal(data.inputs.toarray(), DENSE)
    assert data.sha256 == sparse().sha256 != data.dense().sha256


def test_duplicates_are_summed_columns_sorted_and_zeros_dropped():
    values, columns, begins = np.array([1.0, 2.0, 3.0, 0.0, 4.0, -4.0]), np.array([2, 0, 2, 1, 0, 0]), [0, 3, 4, 6]
    given = scipy.sparse.csr_array((values, columns, begins), shape=(3, 3))
    data = Dataset(given, [1, -1, 1])
    np.testing.assert_array_equal(data.inputs.toarray(), [[2, 0, 4], [0, 0, 0], [0, 0, 0]])
    assert data.inputs.nnz == 2
    assert data.inputs.has_canonical_format
    # What was given is left as it was.
    assert given.nnz == 6
    assert values.tolist() == [1.0, 2.0, 3.0, 0.0, 4.0, -4.0]


def test_wide_indices_are_narrowed():
    given = scipy.sparse.csr_array(DENSE)
    given.indices, given.indptr = given.indices.astype(np.int64), given.indptr.astype(np.int64)
    assert Dataset(given, LABELS).inputs.indptr.dtype == np.int32


def test_a_copy_that_nobody_can_write():
    given = scipy.sparse.csr_array(DENSE)
    data = Dataset(given, LABELS)
    given.data[:] = 7.0
    np.testing.assert_array_equal(data.inputs.toarray(), DENSE)
    with pytest.raises(ValueError, match="read-only"):
        data.inputs.data[0] = 1.0


def test_one_row_and_rows_of_nothing():
    one = Dataset(scipy.sparse.csr_array([[0.0, 1.0]]), [1], one_class=True)
    assert (one.n, one.d) == (1, 2)
    assert Dataset(scipy.sparse.csr_array((4, 3)), LABELS).inputs.nnz == 0


def broken(change) -> scipy.sparse.csr_array:
    held = scipy.sparse.csr_array(DENSE)
    change(held)
    return held


def negative_index(held) -> None:
    held.indices[1] = -1


def far_index(held) -> None:
    held.indices[1] = 3


def falling_rows(held) -> None:
    held.indptr[1] = 3


def not_a_number(held) -> None:
    held.data[1] = np.nan


def far_place(kind: str) -> scipy.sparse.coo_array:
    held = scipy.sparse.coo_array(DENSE)
    held.col[0] = -1 if kind == "negative" else 9
    return held


def far_column() -> scipy.sparse.lil_array:
    held = scipy.sparse.lil_array(DENSE)
    held.rows[0] = [7]
    return held


def far_key() -> scipy.sparse.dok_array:
    held = scipy.sparse.dok_array(DENSE)
    held._dict[9, 1] = 1.0
    return held


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (broken(negative_index), "4 x 3 array whose indices are wrong"),
        (broken(far_index), "4 x 3 array whose indices are wrong"),
        (broken(falling_rows), "4 x 3 array whose indices are wrong"),
        (far_place("negative"), "index -1 on axis 1"),
        (far_place("far"), "index 9 on axis 1"),
        (far_column(), "4 x 3 array whose indices are wrong"),
        (far_key(), "4 x 3 array whose indices are wrong"),
        (broken(not_a_number), "1 value.*nan at row 2, column 0"),
        (scipy.sparse.csr_array(np.where(DENSE > 1, np.inf, DENSE)), "2 value.*inf at row 0, column 1"),
        (scipy.sparse.csr_array(DENSE.astype(complex)), "real numbers, not of type complex128"),
        (scipy.sparse.csr_array((0, 3)), r"empty: its shape is \(0, 3\)"),
        (scipy.sparse.csr_array((3, 0)), r"empty: its shape is \(3, 0\)"),
        (scipy.sparse.coo_array(DENSE[0]), r"shape \(3,\)"),
    ],
)
def test_refused(inputs, message):
    with pytest.raises(ValueError, match=message):
        Dataset(inputs, LABELS)
    with pytest.raises(ValueError, match="3 columns, but input_names has 1 names"):
        Dataset(scipy.sparse.csr_array(DENSE), LABELS, input_names=("word",))


def test_nan_is_named_by_its_column():
    with pytest.raises(ValueError, match=r"column 0 \('the'\)"):
        Dataset(broken(not_a_number), LABELS, input_names=("the", "of", "and"))


def test_shown_and_made_dense():
    data = dataclasses.replace(sparse(), name="words")
    assert repr(data) == "Dataset('words', 4 x 3 sparse, 25 % stored, 2 positive, -1 = '0', +1 = '1')"
    assert "<td>1.5</td>" in data._repr_html_()
    assert not data.dense().sparse
    assert data.dense().dense().sha256 == Dataset(DENSE, LABELS).sha256


def test_dense_rows_that_do_not_fit_are_refused():
    wide = Dataset(scipy.sparse.csr_array((100_000, 100_000_000)), np.resize([1, -1], 100_000))
    with pytest.raises(ValueError, match=r"100000 x 100000000 inputs as dense rows takes 8e\+04 GB"):
        wide.dense()


def test_parts_stay_sparse():
    data = Dataset(scipy.sparse.random(40, 9, density=0.3, random_state=0, format="csr"), np.resize([1, -1], 40))
    parts = ll.split(data, standardised=False)
    assert parts.train.sparse
    assert parts.test.sparse
    assert parts.train.n + parts.test.n == 40
    dense = ll.split(data.dense(), standardised=False)
    np.testing.assert_array_equal(parts.train.inputs.toarray(), dense.train.inputs)
    assert all(part.train.sparse for part in ll.folds(data, standardised=False))
    assert ll.data.label_noise(data).sparse
    for made in (ll.split, ll.folds):
        with pytest.raises(ValueError, match="pass standardised=False"):
            made(data)


def test_libsvm_text_stays_sparse(tmp_path):
    path = tmp_path / "words.svm"
    path.write_text("1 2:1.5 4:0\n-1 1:2\n1\n")
    data, dense = ll.load(path, sparse=True), ll.load(path)
    assert data.sparse
    assert not dense.sparse
    assert data.inputs.nnz == 2
    np.testing.assert_array_equal(data.inputs.toarray(), dense.inputs)
    assert ll.load(path, sparse=True, n_features=10**6).d == 10**6
    with pytest.raises(ValueError, match=r"sparse=True \(or --sparse\)"):
        ll.load(path, max_bytes=10)
    with pytest.raises(ValueError, match="line 1: index 4 is beyond n_features=3"):
        ll.load(path, sparse=True, n_features=3)
    with pytest.raises(ValueError, match="sparse='no' must be True or False"):
        ll.load(path, sparse="no")
    path.write_text("1 2:1.5\n-1 200000000000:1\n")
    with pytest.raises(ValueError, match="line 2: the index 200000000000 is beyond 2147483647, the largest"):
        ll.load(path, sparse=True)


@pytest.mark.parametrize(
    "call",
    [
        lambda inputs: ll.differentiable_solve("hinge", inputs, LABELS, 1.0),
        lambda inputs: ll.decision_function(ll.solve_kernel("hinge", sparse().dense(), C=1.0), inputs),
    ],
)
def test_arrays_that_must_be_dense(call):
    with pytest.raises(ValueError, match=r"inputs must be dense.*inputs.toarray\(\) makes it dense"):
        call(scipy.sparse.csr_array(DENSE))


@pytest.mark.parametrize(
    "call",
    [
        ll.standardise,
        ll.data.outliers,
        lambda data: ll.solve("hinge", data, C=np.inf),
        lambda data: ll.hessian(ll.objective(ll.pair("relu", "hinge"), data=data), None),
        lambda data: data.plot(),
    ],
)
def test_what_needs_dense_rows_says_so(call):
    with pytest.raises(ValueError, match=r"takes dense inputs.*4 x 3.*96 bytes.*data\.dense\(\)"):
        call(sparse())


def takers() -> list:
    """Every public function of a data set or an objective, with the name of that argument."""
    found = []
    for wing in (wing for floor in FLOORS for wing in floor if wing != "commands"):
        room = importlib.import_module(f"lossland.{wing}")
        for name in face_of(wing).users:
            function = getattr(room, name)
            if inspect.isfunction(function):
                told = {key: str(p.annotation) for key, p in inspect.signature(function).parameters.items()}
                of = [key for key, kind in told.items() if re.search(r"\b(Dataset|Objective)\b", kind)]
                found += [pytest.param(function, key, id=f"{wing}.{name}.{key}") for key in of]
    return found


TAKE = ("split", "folds", "label_noise", "solve", "path", "objective", "gradient_weights", "load", "sweep")


@pytest.mark.parametrize(("function", "name"), takers())
def test_every_function_takes_sparse_inputs_or_refuses_them_first(function, name):
    if function.__name__ in TAKE:
        assert getattr(function, "takes_sparse", False) or function is ll.load
        return
    wanted = inspect.signature(function).parameters.values()
    needed = {p.name: None for p in wanted if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    data = sparse()
    given = data if "Dataset" in str(inspect.signature(function).parameters[name].annotation) else None
    given = ll.objective(ll.pair("identity", "logistic"), data=data) if given is None else given
    with pytest.raises(ValueError, match=rf"{function.__name__} takes dense inputs.*4 x 3.*data\.dense\(\)"):
        function(**(needed | {name: given}))
