"""Built-in data sets of real measurements: the four that scikit-learn brings along.

A registered function takes keyword parameters, `seed` last, and returns the same data on every machine.
"""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from lossland.data._dataset import Dataset
from lossland.data._labels import choose
from lossland.elements import dataset


@dataset(real=True, about="569 tumours, 30 measurements of cell nuclei", source="Street, Wolberg & Mangasarian 1993")
def breast_cancer() -> Dataset:
    """Breast cancer Wisconsin (diagnostic): 30 measurements of cell nuclei; malignant is -1, benign +1.

    Returns:
        The data set, inputs (569, 30).

    Example:
        >>> import lossland as ll
        >>> ll.load("breast_cancer")
        Dataset('breast_cancer', 569 x 30, 357 positive, -1 = 'malignant', +1 = 'benign')
    """
    table = _table_of_sklearn("breast_cancer.csv")
    if table is None:
        from sklearn.datasets import load_breast_cancer

        return _two_classes(load_breast_cancer(), "0/1", "breast_cancer")
    patterns = ("mean {}", "{} error", "worst {}")
    names = np.array([pattern.format(size) for pattern in patterns for size in _OF_NUCLEI])
    return Dataset(
        table[:, :-1],
        np.where(table[:, -1] > 0, 1, -1),
        input_names=tuple(names),
        label_names=("malignant", "benign"),
    )


_OF_NUCLEI = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave points",
              "symmetry", "fractal dimension")  # fmt: skip


def _table_of_sklearn(name: str) -> np.ndarray | None:
    """The numbers of a table that scikit-learn brings along, below its first line; None if it lies elsewhere.

    scikit-learn itself takes longer to import than most commands take for all the rest.
    """
    found = importlib.util.find_spec("sklearn")
    for home in (found and found.submodule_search_locations) or ():
        path = Path(home) / "datasets" / "data" / name
        if path.is_file():
            return np.loadtxt(path, delimiter=",", skiprows=1)
    return None


@dataset(real=True, about="1797 handwritten digits of 8 x 8 pixels", source="Alpaydin & Kaynak 1998")
def digits(classes: Any = "0-4/5-9") -> Dataset:
    """Handwritten digits of 8 x 8 pixels with values from 0 to 16, two of them or two groups.

    Args:
        classes: negatives and positives, "3/8" or (3, 8); by default the small digits against the large.

    Returns:
        The data set, inputs (n, 64), n = 1797 if every digit is taken.

    Raises:
        ValueError: if a class is unknown or on both sides.

    Example:
        >>> import lossland as ll
        >>> ll.load("digits:3,5/8")
        Dataset('digits:3,5/8', 539 x 64, 174 positive, -1 = '3,5', +1 = '8')
    """
    from sklearn.datasets import load_digits

    return _two_classes(load_digits(), classes, "digits")


@dataset(real=True, about="150 irises of three species, 4 lengths; choose two", source="Fisher 1936")
def iris(classes: Any = None) -> Dataset:
    """Four lengths of irises: setosa (0), versicolor (1), virginica (2), of which two, or two groups, are chosen.

    Args:
        classes: negatives and positives, "versicolor/virginica", "0/1,2" or (0, 2).

    Returns:
        The data set, inputs (n, 4), 50 examples a species.

    Raises:
        ValueError: if no classes are chosen, or one is unknown or on both sides.

    Example:
        >>> import lossland as ll
        >>> ll.load("iris:versicolor/virginica")
        Dataset('iris:versicolor/virginica', 100 x 4, 50 positive, -1 = 'versicolor', +1 = 'virginica')
    """
    from sklearn.datasets import load_iris

    return _two_classes(load_iris(), classes, "iris")


@dataset(real=True, about="178 wines of three growers, 13 measurements; choose two", source="Forina et al. 1988")
def wine(classes: Any = None) -> Dataset:
    """Chemical measurements of wines from three growers (0, 1, 2), of which two, or two groups, are chosen.

    Args:
        classes: negatives and positives, "0/1", "0/1,2" or (0, 2).

    Returns:
        The data set, inputs (n, 13); 59, 71 and 48 examples a grower.

    Raises:
        ValueError: if no classes are chosen, or one is unknown or on both sides.

    Example:
        >>> import lossland as ll
        >>> ll.load("wine:0/1")
        Dataset('wine:0/1', 130 x 13, 71 positive, -1 = 'class_0', +1 = 'class_1')
    """
    from sklearn.datasets import load_wine

    return _two_classes(load_wine(), classes, "wine")


def _two_classes(bunch: Any, classes: Any, name: str) -> Dataset:
    """Two classes of one of scikit-learn's bundled sets."""
    names = [str(word) for word in bunch.target_names]
    rows, labels, words = choose(bunch.target, classes, names, name)
    return Dataset(bunch.data[rows], labels, input_names=tuple(bunch.feature_names), label_names=words)
