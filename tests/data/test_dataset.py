"""The door: what is converted, to what, and what is refused with which words."""

import dataclasses
import hashlib
import struct

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lossland.data._dataset import Dataset
from lossland.data._labels import choose

INPUTS = np.arange(6.0).reshape(3, 2)


def with_value(value, row=1, column=0):
    inputs = INPUTS.copy()
    inputs[row, column] = value
    return inputs


@pytest.mark.parametrize(
    ("labels", "positive", "names"),
    [
        ([-1, 1, -1], [1], ("-1", "1")),
        ([1.0, 0.0, 1.0], [0, 2], ("0", "1")),
        ([True, False, False], [0], ("False", "True")),
        (np.array([True, False, False]), [0], ("False", "True")),
        ([8, 3, 3], [0], ("3", "8")),
        ([0.25, 0.5, 0.25], [1], ("0.25", "0.5")),
        (["spam", "ham", "ham"], [0], ("ham", "spam")),
        (["-1", "1", "1"], [1, 2], ("-1", "1")),
        (("spam", "ham", "ham"), [0], ("ham", "spam")),
        (np.array(["b", "a", "b"]), [0, 2], ("a", "b")),
        (np.array([2, 1, 1], dtype=np.uint8), [0], ("1", "2")),
        (pd.Series(["b", "a", "b"]), [0, 2], ("a", "b")),
        (pd.Series([7, 9, 7], dtype="category"), [1], ("7", "9")),
        (pd.Series([7, 9, 7], dtype="Int64"), [1], ("7", "9")),
        (jnp.array([0, 1, 1]), [1, 2], ("0", "1")),
        (jnp.array([-1, 1, 1], dtype=jnp.bfloat16), [1, 2], ("-1", "1")),
        ([2**53 + 1, 2**53, 2**53], [0], (str(2**53), str(2**53 + 1))),
    ],
)
def test_label_encodings(labels, positive, names):
    data = Dataset(INPUTS, labels)
    assert data.labels.dtype == np.float64
    assert data.labels.tolist() == [1.0 if i in positive else -1.0 for i in range(3)]
    assert data.label_names == names


NUMBERS = st.one_of(st.integers(-(2**62), 2**62), st.floats(allow_nan=False, allow_infinity=False), st.booleans())


@pytest.mark.slow
@settings(deadline=None)
@given(st.one_of(st.tuples(NUMBERS, NUMBERS), st.tuples(st.text(), st.text())), st.data())
def test_any_two_values_in_any_order(pair, data):
    low, high = sorted(pair)
    if low == high:
        return
    values = data.draw(st.permutations([low, high, low, high, high]))
    dataset = Dataset(np.zeros((5, 1)), values)
    assert dataset.labels.tolist() == [1.0 if value == high else -1.0 for value in values]
    assert len(set(dataset.label_names)) == 2


@settings(deadline=None)
@given(st.permutations(range(7)))
def test_a_permutation_of_the_examples_permutes_the_data(order):
    inputs, labels = np.arange(14.0).reshape(7, 2), np.array(list("abbabaa"))
    straight, permuted = Dataset(inputs, labels), Dataset(inputs[list(order)], labels[list(order)])
    assert permuted.labels.tolist() == straight.labels[list(order)].tolist()
    assert permuted.label_names == straight.label_names


def test_given_label_names_name_or_decide():
    assert Dataset(INPUTS, [0, 1, 0], label_names=("healthy", "ill")).label_names == ("healthy", "ill")
    assert Dataset(INPUTS, [3, 8, 3], label_names=("8", "3")).labels.tolist() == [1, -1, 1]
    assert Dataset(INPUTS, ["a", "b", "a"], label_names=("b", "a")).labels.tolist() == [1, -1, 1]
    # -1 and +1 keep their signs whatever they are called: dataclasses.replace must not flip them.
    data = Dataset(INPUTS, [-1, 1, 1], label_names=("1", "-1"))
    assert dataclasses.replace(data, name="again").labels.tolist() == [-1, 1, 1]


@pytest.mark.parametrize("sign", [-1, 1])
def test_one_class_when_asked_for(sign):
    data = Dataset(INPUTS, [sign] * 3, one_class=True)
    assert data.labels.tolist() == [sign] * 3
    assert data.one_class


@pytest.mark.parametrize(
    "inputs",
    [
        INPUTS.tolist(),
        INPUTS.astype(np.float32),
        INPUTS.astype(np.int8),
        np.asfortranarray(INPUTS),
        jnp.asarray(INPUTS),
        jnp.asarray(INPUTS, dtype=jnp.bfloat16),
        pd.DataFrame(INPUTS),
        pd.DataFrame({"a": pd.Series([0, 2, 4], dtype="Int64"), "b": [1.0, 3.0, 5.0]}),
    ],
)
def test_inputs_become_float64_in_rows(inputs):
    data = Dataset(inputs, [0, 1, 0])
    assert data.inputs.dtype == np.float64
    assert data.inputs.flags.c_contiguous
    assert data.inputs.tolist() == INPUTS.tolist()
    assert (data.n, data.d) == (3, 2)


def test_data_frame_with_columns_of_several_types_keeps_its_names():
    frame = pd.DataFrame({"size": [1, 2, 3], "old": [True, False, True]})
    data = Dataset(frame, [0, 1, 0])
    assert data.inputs.tolist() == [[1, 1], [2, 0], [3, 1]]
    assert data.input_names == ("size", "old")
    assert Dataset(frame, [0, 1, 0], input_names=("p", "q")).input_names == ("p", "q")


def test_data_are_copied_and_read_only():
    inputs, labels = INPUTS.copy(), np.array([-1.0, 1.0, 1.0])
    data = Dataset(inputs, labels)
    inputs[0, 0], labels[0] = 99.0, 1.0
    assert data.inputs[0, 0] == 0.0
    assert data.labels[0] == -1.0
    for array in (data.inputs, data.labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "other"  # pyright: ignore[reportAttributeAccessIssue]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], r"3 classes \(0, 1, 2\).*np\.isin\(labels, \[0, 1\]\)"),
        (["a", "b", "c"], r"3 classes \(a, b, c\).*classes=\('a', 'b'\)"),
        ([0.1, 0.5, 0.9], r"not all whole \(0\.1, 0\.5, 0\.9\): soft labels.*> 0\.5"),
        ([1, 1, 1], r"All 3 labels are 1: .*one_class=True"),
        ([0, 1, np.nan], "label in row 2.*nan"),
        (np.array([0, np.nan, np.inf]), "2 label.* not finite.*row 1.*nan"),
        ([0, None, 1], "label in row 1.*None"),
        (pd.Series(["a", None, "b"]), "label in row 1.*nan"),
        ([1, "a", 1], "mixes words and numbers"),
        ([0, 1], "3 rows of inputs, but 2 labels"),
        ([[0], [1], [0]], r"shape \(3, 1\).*ravel"),
        ([[0, 1], [1, 0], [0, 1]], r"shape \(3, 2\); it must be \(n,\)"),
        (1, r"shape \(\)"),
        (np.array([0, 1j, 0]), "labels must be real numbers, not of type complex"),
        (np.array(["2020", "2021", "2020"], dtype="M8[Y]"), "labels must be real numbers, not of type datetime64"),
        (np.ma.array([0, 1, 0], mask=[0, 0, 1]), "labels is a masked array"),
    ],
)
def test_refused_labels(labels, message):
    with pytest.raises(ValueError, match=message):
        Dataset(INPUTS, labels)


def test_one_class_must_be_minus_or_plus_one():
    with pytest.raises(ValueError, match=r"All 3 labels are 0.*make every label -1 or \+1"):
        Dataset(INPUTS, [0, 0, 0], one_class=True)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (with_value(np.nan), "1 value.*nan at row 1, column 0"),
        (with_value(-np.inf, 2, 1), "-inf at row 2, column 1"),
        (np.full((3, 2), np.inf), "6 value.*inf at row 0, column 0"),
        (pd.DataFrame({"p": [0.0, 1.0, 2.0], "q": [0.0, np.nan, 1.0]}), r"row 1, column 1 \('q'\)"),
        (INPUTS[:, 0], r"shape \(3,\).*reshape\(-1, 1\)"),
        (INPUTS[None], r"shape \(1, 3, 2\); it must be \(n, d\)"),
        (INPUTS[:0], r"empty: its shape is \(0, 2\)"),
        (INPUTS[:, :0], r"empty: its shape is \(3, 0\)"),
        ([[1, 2], [3], [4, 5]], "rows of different lengths"),
        ([[1, "a"], [2, "b"], [3, "c"]], "'a' in row 0, column 1"),
        (pd.DataFrame({"size": [1, 2, 3], "sex": ["f", "m", "f"]}), r"'f' in row 0, column 1 \('sex'\)"),
        (pd.DataFrame({"size": [1, None, 3], "b": [True, None, False]}), r"None in row 1, column 1 \('b'\)"),
        (INPUTS.astype(object), r"Python objects; pass inputs\.astype\(float\)"),
        (INPUTS.astype(complex), "real numbers, not of type complex128"),
        (INPUTS.astype("M8[s]"), "real numbers, not of type datetime64"),
        (np.ma.array(INPUTS, mask=INPUTS > 4), "masked array"),
        (INPUTS.astype(np.longdouble) * np.longdouble("1e4000"), "inf at row 0, column 1"),
    ],
)
def test_refused_inputs(inputs, message):
    with pytest.raises(ValueError, match=message):
        Dataset(inputs, [0, 1, 0])


def test_refused_names():
    with pytest.raises(ValueError, match="2 columns, but input_names has 1 names"):
        Dataset(INPUTS, [0, 1, 0], input_names=("p",))
    with pytest.raises(ValueError, match="label_names has 3 names"):
        Dataset(INPUTS, [0, 1, 0], label_names=("p", "q", "r"))
    with pytest.raises(ValueError, match=r"must be the labels \('a', 'b'\), the negative one first"):
        Dataset(INPUTS, ["a", "b", "a"], label_names=("b", "c"))


def test_repr_is_short():
    data = Dataset(INPUTS, ["no", "yes", "no"], name="survey")
    assert repr(data) == "Dataset('survey', 3 x 2, 1 positive, -1 = 'no', +1 = 'yes')"


def test_sha256_depends_on_numbers_and_shape_only():
    data = Dataset(INPUTS, [-1, 1, 1])
    assert data.sha256 == hashlib.sha256(b"3 x 2" + struct.pack("<9d", 0, 1, 2, 3, 4, 5, -1, 1, 1)).hexdigest()
    assert Dataset(INPUTS, ["a", "b", "b"], name="x", source="y", input_names=("p", "q")).sha256 == data.sha256
    assert Dataset(INPUTS, [-1, 1, -1]).sha256 != data.sha256
    assert Dataset(with_value(np.nextafter(INPUTS[1, 0], 9.0)), [-1, 1, 1]).sha256 != data.sha256
    assert Dataset(np.zeros((2, 3)), [0, 1]).sha256 != Dataset(np.zeros((2, 4)), [0, 1]).sha256


@pytest.mark.parametrize(
    ("values", "classes", "rows", "labels", "words"),
    [
        ([3, 8, 1, 3], "3/8", [0, 1, 3], [-1, 1, -1], ("3", "8")),
        ([3, 8, 1, 3], "8/3", [0, 1, 3], [1, -1, 1], ("8", "3")),
        ([3, 8, 1, 3], (3, 8), [0, 1, 3], [-1, 1, -1], ("3", "8")),
        ([3.0, 8.0, 1.0, 3.0], ("3", 8), [0, 1, 3], [-1, 1, -1], ("3", "8")),
        ([0, 1, 2, 3], "0-1/2-3", [0, 1, 2, 3], [-1, -1, 1, 1], ("0,1", "2,3")),
        ([0, 1, 2, 3], ((0, 2), (1,)), [0, 1, 2], [-1, 1, -1], ("0,2", "1")),
        ([0, 1, 2, 3], "0,2-3/1", [0, 1, 2, 3], [-1, 1, -1, -1], ("0,2,3", "1")),
        ([0, 1, 2, 3], "0,0-1/3", [0, 1, 3], [-1, -1, 1], ("0,1", "3")),
        (["a", "b", "c", "a"], "a/c", [0, 2, 3], [-1, 1, -1], ("a", "c")),
        (["a", "b", "c", "a"], ("a", ["b", "c"]), [0, 1, 2, 3], [-1, 1, 1, -1], ("a", "b,c")),
        (["a,b", "0-1", "c/d", "0-1"], ("a,b", "0-1"), [0, 1, 3], [-1, 1, 1], ("a,b", "0-1")),
        (["a", "b", "c", "a"], " a / c , b ", [0, 1, 2, 3], [-1, 1, 1, -1], ("a", "c,b")),
    ],
)
def test_choose(values, classes, rows, labels, words):
    taken, chosen, called = choose(values, classes)
    assert np.flatnonzero(taken).tolist() == rows
    assert chosen.tolist() == labels
    assert called == words


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (None, r"here has 3 classes \(red \(0\), green \(1\), blue \(2\)\)\. Choose two.*here:red/blue"),
        ("red", "classes='red' is not a pair"),
        ("red/green/blue", "classes='red/green/blue' is not a pair"),
        (7, "classes=7 is not a pair"),
        ("red/grean", r"no class 'grean'\. Did you mean green\?"),
        ("0-3/1", "no class '3'"),
        ("red/0", "Class red of here is on both sides"),
        ("red/", "leaves one side empty"),
        ((0, ()), "leaves one side empty"),
    ],
)
def test_choose_refuses(classes, message):
    with pytest.raises(ValueError, match=message):
        choose([0, 1, 2], classes, names=("red", "green", "blue"), where="here")
