"""`lossland solve`: the numbers of `solve` and `solve_kernel`, from names and from a user's own file."""

import json

import numpy as np
import pytest

import lossland as ll
from lossland.__main__ import main


def call(*words):
    with pytest.raises(SystemExit) as ended:
        main(["solve", *map(str, words)])
    return ended.value.code


@pytest.mark.slow
def test_the_numbers_are_those_of_solve(tmp_path, capsys):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(30, 2))
    labels = np.where(inputs[:, 0] + 0.5 * rng.normal(size=30) > 0, 1, -1)
    file = tmp_path / "mine.csv"
    rows = [f"{a},{b},{t}" for (a, b), t in zip(inputs, labels, strict=True)]
    file.write_text("\n".join(["first,second,label", *rows]) + "\n")
    assert call(file, "--C", 0.1, 10, "--json", "--raw", "--out", tmp_path / "kept.npz") == 0
    told = json.loads(capsys.readouterr().out)
    sol = ll.solve("hinge", ll.load(str(file)), C=[0.1, 10.0])
    for k, row in enumerate(told["solutions"]):
        assert row["objective"] == pytest.approx(float(sol.objective[k]), rel=1e-14)
        assert row["support_vectors"] == int((sol.duals[k] > 0).sum())
        assert row["gap"] <= 1e-8
    with np.load(tmp_path / "kept.npz") as kept:
        np.testing.assert_array_equal(kept["weights"], sol.weights)
    assert call(file, "--C", 1, "--form", "csv") == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("C,objective,lower bound")
    assert call(file, "--C", 1, "--quiet") == 0
    assert capsys.readouterr().out == ""


@pytest.mark.slow
def test_hard_margins_kernels_and_own_losses(tmp_path, capsys):
    apart = "two_gaussians(n=30, distance=9.0, seed=1)"
    assert call(apart, "--C", "inf", 1000) == 0
    assert "inf" in capsys.readouterr().out
    assert call(apart, "--kernel", "rbf", "--rank", 3) == 1
    assert "Raise the rank" in capsys.readouterr().out
    (tmp_path / "own.py").write_text(
        "import jax.numpy as jnp, lossland as ll\n\n@ll.margin_loss(convex=True)\n"
        "def solve_command_own(margin): return jnp.maximum(0, 2 - margin)\n"
    )
    assert call(apart, "--loss", f"{tmp_path / 'own.py'}:solve_command_own") == 0
    assert "own" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("two_moons", "--loss", "ramp"), "not convex"),
        (("two_mons",), "Did you mean two_moons"),
        (("two_moons", "--C", "-1"), "C must be positive"),
        (("two_moons", "--kernel", "rbff"), 'kernel is "rbf"'),
        (("two_moons", "--C", "inf"), "cannot be separated"),
    ],
)
def test_refusals_are_one_line(words, said, capsys):
    assert call(*words) in (1, 2)
    errors = capsys.readouterr().err
    assert said in errors
    assert "Traceback" not in errors


def test_a_users_file_may_have_its_labels_anywhere_and_more_than_two(tmp_path, capsys):
    file = tmp_path / "three.csv"
    file.write_text("kind,a,b\nx,1,2\ny,2,1\nz,0,3\nx,3,0\ny,1,1\n")
    assert call(file) == 2
    assert "--label" in capsys.readouterr().err
    assert call(file, "--label", "kind") == 2
    assert "--classes x y" in capsys.readouterr().err
    assert call(file, "--label", "kind", "--classes", "y", "x", "--raw", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    data = ll.Dataset(inputs=[[1, 2], [2, 1], [3, 0], [1, 1]], labels=[1, -1, 1, -1])
    assert (told["n"], told["d"]) == (4, 2)
    assert told["solutions"][0]["objective"] == pytest.approx(float(ll.solve("hinge", data, C=1.0).objective), rel=1e-9)


def test_a_users_loss_without_decorator_or_name_is_told_so(tmp_path, capsys):
    file = tmp_path / "plain.py"
    file.write_text("def plain(margin):\n    return margin\n")
    assert call("two_moons", "--loss", f"{file}:plain") == 2
    assert "plain is not a registered loss. Put @ll.margin_loss" in capsys.readouterr().err
    assert call("two_moons", "--loss", file) == 2
    assert "plain.py:name" in capsys.readouterr().err


def test_everything_is_told_by_name_row_and_class(tmp_path, capsys):
    file, new = tmp_path / "mine.txt", tmp_path / "new.csv"
    file.write_text("kind;age;weight\nill;30;80,5\nwell;20;60\nill;40;90\nwell;25;55\nill;35;62\nwell;33;75\n")
    new.write_text("weight,id,age,kind\n60,a,22,well\n90,b,41,ill\n61,c,23,ill\n")
    words = (file, "--label", "kind", "--predict", new, "--out", tmp_path / "kept.npz")
    assert call(*words) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "-1 = ill, +1 = well (3 and 3 examples)" in said
    assert "Inputs standardised" in said
    assert "is predicted where the score is above 0: hinge is a loss of the margin" in said
    assert "left aside: 'id'" in said
    assert "1 of 3 at C = 1" in said
    assert call(*words, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    data = ll.load(file, label="kind")
    sol = ll.solve("hinge", ll.standardise(data), C=1.0)
    (found,) = told["solutions"]
    assert list(found["weights"].values()) == pytest.approx(sol.weights.tolist())
    assert found["support_rows"] == np.flatnonzero(sol.duals).tolist()
    assert told["labels"] == {"-1": "ill", "+1": "well"}
    # In the data's own units the scores are the same.
    units = found["original_units"]
    scores = data.inputs @ [units["weights"]["age"], units["weights"]["weight"]] + units["bias"]
    np.testing.assert_allclose(scores, ll.standardise(data).inputs @ sol.weights + sol.bias, rtol=1e-9)
    (predicted,) = told["predictions"]["solutions"]
    fresh = np.array([[22.0, 60.0], [41.0, 90.0], [23.0, 61.0]])
    expected = fresh @ [units["weights"]["age"], units["weights"]["weight"]] + units["bias"]
    np.testing.assert_allclose(predicted["scores"], expected, rtol=1e-9)
    assert predicted["classes"] == ["well", "ill", "well"]
    with np.load(tmp_path / "kept.npz") as kept:
        assert kept["columns"].tolist() == ["age", "weight"]
        assert kept["label_names"].tolist() == ["ill", "well"]
        np.testing.assert_allclose(kept["original_weights"][0], list(units["weights"].values()))
        assert kept["predicted_classes"].tolist() == [predicted["classes"]]


def test_a_file_that_does_not_fit_is_refused_before_solving(tmp_path, capsys):
    file, new = tmp_path / "mine.csv", tmp_path / "new.csv"
    file.write_text("a,b,t\n1,2,0\n3,1,1\n")
    new.write_text("a,c\n1,2\n")
    assert call(file, "--predict", new) == 2
    assert "lacks 'b' of the model's columns" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--header"], ["--header", "true"], ["--header=True"]])
def test_what_load_takes_the_command_takes(words, tmp_path, capsys):
    file = tmp_path / "mine.dat"
    file.write_bytes("ID|größe|1|t\nu|1,5|x|2\nv|2,5|y|3\nw|0,5|x|2\n".encode("cp1252"))
    options = [
        "--encoding",
        "cp1252",
        "--sep",
        "|",
        "--decimal",
        ",",
        "--index",
        "ID",
        "--encode",
        "1",
        "--classes",
        "2",
        "3",
    ]
    assert call(file, *words, "--json", "--raw", *options, "--classes", 2, 3) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["columns"] == ["größe", "1=x", "1=y"]
    assert told["labels"] == {"-1": "2", "+1": "3"}


def test_sparse_text(tmp_path, capsys):
    file = tmp_path / "words.svm"
    file.write_text("1 1:1 4:2\n-1 2:1\n1 4:1\n-1 2:2 3:1\n")
    assert call(file, "--sparse", "--raw", "--predict", file, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    dense = ll.solve("hinge", ll.load(file), C=1.0)
    (row,), (guess,) = told["solutions"], told["predictions"]["solutions"]
    assert row["objective"] == pytest.approx(float(dense.objective), rel=2e-8)
    assert guess["errors"] == 0
    assert call(file, "--sparse") != 0
    assert "add --raw" in capsys.readouterr().err
    for words in (["sweep", "relu+hinge"], ["landscape", "relu", "hinge"]):
        with pytest.raises(SystemExit):
            main([*words, "--data", str(file), "--sparse"])
        assert "--sparse is for `lossland solve --raw`" in capsys.readouterr().err
