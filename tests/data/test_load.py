"""Loading by name: parameters, classes, a user's own file."""

import subprocess
import sys

import pytest

from lossland.data import DATASETS, load

CANCER = load("breast_cancer")
two_gaussians = DATASETS["two_gaussians"].function


def test_a_dataset_passes_through():
    assert load(CANCER) is CANCER
    with pytest.raises(ValueError, match="returned as it is; it takes no parameter seed"):
        load(CANCER, seed=1)


@pytest.mark.parametrize(
    "reference",
    ["two_gaussians(n=50, seed=1)", DATASETS["two_gaussians"].bind(n=50, seed=1)],
)
def test_parameters_in_the_name_are_keywords(reference):
    expected = load("two_gaussians", n=50, seed=1)
    assert load(reference).sha256 == expected.sha256 == two_gaussians(n=50, seed=1).sha256
    assert load(reference).name == expected.name == "two_gaussians(n=50, seed=1)"
    assert load(two_gaussians, n=50, seed=1).sha256 == expected.sha256
    assert load("two_gaussians(n=50)", seed=1).sha256 == expected.sha256


@pytest.mark.parametrize(
    ("reference", "parameters"),
    [
        ("digits:3/8", {}),
        ("digits", {"classes": (3, 8)}),
        ("digits", {"classes": "3/8"}),
        ("digits(classes='3/8')", {}),
        ("digits(classes=(3, 8))", {}),
    ],
)
def test_ways_to_choose_digits(reference, parameters):
    data = load(reference, **parameters)
    assert data.label_names == ("3", "8")
    assert (data.labels > 0).sum() == 174
    assert data.n == 357
    assert load(data.name).sha256 == data.sha256


def test_classes_by_name_number_group_and_default():
    assert load("iris:versicolor/virginica").sha256 == load("iris:1/2").sha256
    assert load("iris:1/2").label_names == ("versicolor", "virginica")
    assert load("iris:0/1,2").n == 150
    assert load("digits").sha256 == load("digits:0-4/5-9").sha256
    assert load("digits", classes=((0, 1, 2, 3, 4), (5, 6, 7, 8, 9))).sha256 == load("digits").sha256
    flipped = load("wine:1/0")
    assert flipped.labels.tolist() == (-load("wine:0/1").labels).tolist()


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("iris", r"iris has 3 classes \(setosa \(0\), versicolor \(1\), virginica \(2\)\)\. Choose two"),
        ("wine", "wine has 3 classes"),
        ("iris:versicolor", "classes='versicolor' is not a pair"),
        ("iris:versicolour/setosa", r"no class 'versicolour'\. Did you mean versicolor\?"),
        ("digits:3/3", "Class 3 of digits is on both sides"),
        ("digit:3/8", r"No data set is called 'digit'\. Did you mean digits"),
        ("breast_cancr", r"No data set is called 'breast_cancr'\. Did you mean breast_cancer\?"),
        ("breast_cancer:0/1", "breast_cancer has no parameter classes"),
        ("two_gaussians(m=3)", "no parameter m"),
        (42, "not by int"),
    ],
)
def test_refused_names(reference, message):
    with pytest.raises(ValueError, match=message):
        load(reference)


def test_classes_given_twice():
    with pytest.raises(ValueError, match="Classes are given twice: '3/8'"):
        load("digits:3/8", classes=(1, 2))


def test_a_users_own_file(tmp_path):
    path = tmp_path / "my_sets.py"
    path.write_text(
        "from lossland.data import Dataset, choose\n"
        "from lossland import dataset\n"
        "@dataset(about='mine', source='me')\n"
        "def test_set_of_mine(shift: float = 0.0):\n"
        "    return Dataset([[shift], [1.0]], [0, 1])\n"
        "@dataset\n"
        "def test_set_of_three(classes=None):\n"
        "    rows, labels, words = choose(['a', 'b', 'c'], classes, where='mine')\n"
        "    return Dataset([[2.0], [3.0]], labels, label_names=words)\n"
        "@dataset\n"
        "def test_set_of_nothing():\n"
        "    return 3\n"
    )
    try:
        data = load(f"{path}:test_set_of_mine(shift=-2.0)")
        assert data.inputs.tolist() == [[-2.0], [1.0]]
        assert data.source == "me"
        assert load(f"{path}:test_set_of_three:a/c").label_names == ("a", "c")
        with pytest.raises(ValueError, match=r"test_set_of_nothing at .*my_sets\.py.* returned a int"):
            load("test_set_of_nothing")
    finally:
        for name in [name for name in DATASETS if name.startswith("test_set_of_")]:
            del DATASETS[name]


def test_importing_is_quick():
    code = (
        "import sys, lossland.data; lossland.data.load; "
        "print([m for m in ('jax', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
