"""Inputs for a model from another file: by name, by place, one-hot again; and what does not fit, in words."""

import numpy as np
import pytest

from lossland.data import load_with_recipe, new_inputs

NAMED = "s,a,b,t\nf,1,5,no\nm,2,6,yes\nf,3,9,no\n"
PLAIN = "1,5,0\n2,6,1\n4,6,1\n"


def trained(tmp_path, text, name="first.csv", **options):
    (tmp_path / name).write_text(text)
    return load_with_recipe(tmp_path / name, **options)


def read(tmp_path, loaded, text, name="new.csv", **options):
    (tmp_path / name).write_text(text)
    return new_inputs(tmp_path / name, loaded.data, loaded.recipe, options)


@pytest.mark.parametrize(
    ("text", "inputs", "labels", "said"),
    [
        ("b,a,s\n1,2,f\n", [[1, 0, 2, 1]], None, ""),
        ("t,b,a,s\nyes,1,2,f\nno,3,4,m\n", [[1, 0, 2, 1], [0, 1, 4, 3]], [1, -1], ""),
        ("t,b,a,s\nperhaps,1,2,f\n", [[1, 0, 2, 1]], None, "'perhaps' is of no class"),
        ("b,a,s,z\n1,2,f,q\n", [[1, 0, 2, 1]], None, "left aside: 'z'"),
        (",s,a,b\n0,f,1,2\n1,m,2,3\n", [[1, 0, 1, 2], [0, 1, 2, 3]], None, ""),
        ("b;a;s\n1,5;2;f\n", [[1, 0, 2, 1.5]], None, ""),
        ("f,1.5,2\nm,3,4\n", [[1, 0, 1.5, 2], [0, 1, 3, 4]], None, "by their places"),
        ("f,1.5,2,no\nm,3,4,yes\n", [[1, 0, 1.5, 2], [0, 1, 3, 4]], [-1, 1], "by their places"),
    ],
)
def test_columns_are_found(tmp_path, text, inputs, labels, said):
    new = read(tmp_path, trained(tmp_path, NAMED, encode="s"), text)
    assert new.inputs.tolist() == inputs
    assert (new.labels if new.labels is None else new.labels.tolist()) == labels
    assert said in " ".join(new.remarks)
    assert bool(said) == bool(new.remarks)


@pytest.mark.parametrize(
    ("first", "text", "said"),
    [
        (NAMED, "b,A,s\n1,2,f\n", "lacks 'a' of the model's columns.*It holds: b, A, s"),
        (NAMED, "b,a\n1,2\n", "lacks 's'"),
        (NAMED, "b,a,s\n1,nan,f\n", "line 2, column 'a': the value is missing"),
        (NAMED, "b,a,s\n1,x,f\n", "line 2, column 'a': 'x' is not a finite number"),
        (NAMED, "b,a,s\n1,2,x\n", "line 2, column 's': 'x' is not among the words.*f, m"),
        (NAMED, "", "is empty"),
        (NAMED, "s,a,b\n", "a header and no line"),
        (PLAIN, "1,5,0,7\n3,4,1,8\n", "has 4 columns; the model takes 2"),
        (PLAIN, "1\n3\n", "has 1 columns; the model takes 2"),
    ],
)
def test_refused_in_words(tmp_path, first, text, said):
    loaded = trained(tmp_path, first, **({"encode": "s"} if first is NAMED else {}))
    with pytest.raises(ValueError, match=rf"new\.csv.*{said}"):
        read(tmp_path, loaded, text)


def test_libsvm_arrays_and_registered_sets(tmp_path):
    sparse = trained(tmp_path, "1 1:1 3:1\n-1 2:1\n", "first.svm")
    assert read(tmp_path, sparse, "1 1:2\n", "new.svm").inputs.tolist() == [[2, 0, 0]]
    with pytest.raises(ValueError, match=r"new\.svm, line 1: index 4 is beyond"):
        read(tmp_path, sparse, "1 4:2\n", "new.svm")
    known = load_with_recipe("two_gaussians(n=20, d=3)")
    np.savez(tmp_path / "new.npz", X=np.ones((2, 3)), y=[-1, 1])
    new = new_inputs(tmp_path / "new.npz", known.data, known.recipe, {})
    assert new.inputs.tolist() == [[1, 1, 1]] * 2
    assert new.labels.tolist() == [-1, 1]
    np.savez(tmp_path / "new.npz", X=np.ones((2, 4)))
    with pytest.raises(ValueError, match="has 4 columns of inputs; the model takes 3"):
        new_inputs(tmp_path / "new.npz", known.data, known.recipe, {})


def test_one_column_and_rows_left_out_by_classes(tmp_path):
    loaded = trained(tmp_path, "x,t\n1.5,a\n2,b\n4,c\n6,a\n", classes="a/c")
    assert loaded.rows.tolist() == [0, 2, 3]
    assert read(tmp_path, loaded, "x\n1\n2\n").inputs.tolist() == [[1], [2]]
