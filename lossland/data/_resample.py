"""What is done to a data set before training: scaling, splitting, folds, flipped labels and outliers."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from lossland.core import guarded, takes_sparse
from lossland.data._dataset import Dataset
from lossland.data._rows_on_disk import RowsOnDisk, column_scaling
from lossland.data._soft_labels import take


class Split(NamedTuple):
    """Two parts of one data set; both hold (original inputs - centre) / scale, with centre and scale (d,)."""

    train: Dataset
    test: Dataset
    centre: np.ndarray
    scale: np.ndarray


def scaling(inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column; scale 1 where a column is constant."""
    if isinstance(inputs, RowsOnDisk):
        return column_scaling(inputs)
    # Brought to [0, 1] first: a large offset then costs no digits, tiny or huge numbers do not under- or overflow when
    # squared, and a constant column is known exactly (its rounded deviation need not be 0).
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    unit = (inputs - low) / span
    scale = np.where(high > low, span * unit.std(axis=0), 1.0)
    return low + span * unit.mean(axis=0), np.where(scale > 0, scale, 1.0)


@guarded()
def standardise(data: Dataset, like: Dataset | None = None) -> Dataset:
    """Shift and scale each column to mean 0 and standard deviation 1; a constant column is only centred.

    Args:
        data: the data set to transform, inputs (n, d).
        like: the data set whose d means and deviations are used (default: `data` itself). For test data, the training
            data: nothing then leaks from the test part.

    Returns:
        The data set with new inputs (n, d); labels and names are kept.

    Raises:
        ValueError: if the two have different numbers of columns, or inputs are sparse: less their mean they are dense.

    Example:
        >>> import lossland as ll
        >>> data = ll.Dataset(inputs=[[1.0, 7.0], [3.0, 7.0]], labels=[-1, 1])
        >>> ll.standardise(data).inputs
        array([[-1.,  0.],
               [ 1.,  0.]])
    """
    like = data if like is None else like
    if like.d != data.d:
        raise ValueError(f"data has {data.d} columns, but like has {like.d}; both must have the same columns.")
    centre, scale = scaling(like.inputs)
    return replace(data, inputs=(data.inputs - centre) / scale)


@guarded()
@takes_sparse
def split(data: Dataset, test: float = 0.25, seed: int = 0, standardised: bool = True) -> Split:
    """Split at random into a training and a test part with the same share of each class.

    Args:
        data: inputs (n, d).
        test: the share of the examples that goes to the test part, between 0 and 1.
        seed: the same seed gives the same split on every machine.
        standardised: scale both parts by the training part's means and deviations; False for sparse inputs.

    Returns:
        `Split(train, test, centre, scale)`; each part keeps the order of the examples in `data`.

    Raises:
        ValueError: if `test` is not between 0 and 1 or a class has fewer than two examples.

    Example:
        >>> import lossland as ll
        >>> parts = ll.split(ll.load("breast_cancer"), test=0.2)
        >>> parts.train.n, parts.test.n
        (455, 114)
    """
    if not 0 < test < 1:
        raise ValueError(f"test={test} must be a share between 0 and 1, say 0.25.")
    held_out = np.zeros(data.n, dtype=bool)
    seen = 0
    for members in _shuffled_classes(data, 2, "a split", seed):
        seen += len(members)
        wanted = round(test * seen) - int(held_out.sum())  # so that round(test * n) are held out in all
        held_out[members[: min(max(wanted, 1), len(members) - 1)]] = True
    return _parts(data, held_out, standardised)


@guarded(count=2)
@takes_sparse
def folds(data: Dataset, count: int = 5, seed: int = 0, standardised: bool = True) -> tuple[Split, ...]:
    """Cut into `count` folds with the same share of each class, for cross-validation.

    Args:
        data: inputs (n, d).
        count: how many folds, at least 2.
        seed: the same seed gives the same folds on every machine.
        standardised: scale each split by its training part's means and deviations; False for sparse inputs.

    Returns:
        `count` splits; every example is in the test part of exactly one.

    Raises:
        ValueError: if `count` is below 2 or a class has fewer than `count` examples.

    Example:
        >>> import lossland as ll
        >>> [part.test.n for part in ll.folds(ll.load("iris:0/1"), count=3)]
        [34, 33, 33]
    """
    # Dealt out one after the other, class after class, the folds differ in size by one at most.
    order = np.concatenate(_shuffled_classes(data, count, f"{count} folds", seed))
    fold = np.empty(data.n, dtype=int)
    fold[order] = np.arange(data.n) % count
    return tuple(_parts(data, fold == k, standardised) for k in range(count))


def _shuffled_classes(data: Dataset, least: int, what: str, seed: int) -> list[np.ndarray]:
    """The row numbers of each class that occurs, in random order."""
    key = np.random.default_rng(seed)
    classes = [np.flatnonzero(data.labels == label) for label in (-1.0, 1.0)]
    for members, word in zip(classes, data.label_names, strict=True):
        allowed = data.one_class or data.probabilities is not None
        if len(members) < least and not (allowed and len(members) == 0):
            raise ValueError(
                f"Class {word!r} has {len(members)} example(s); {what} needs at least {least} of each class."
            )
    return [key.permutation(members) for members in classes if len(members)]


def _parts(data: Dataset, held_out: np.ndarray, standardised: bool) -> Split:
    """The two parts; the scaling is fitted on the training part only."""
    train, test = (take(data, rows) for rows in (~held_out, held_out))
    if not standardised:
        return Split(train, test, np.zeros(data.d), np.ones(data.d))
    if data.sparse:
        raise ValueError(
            "Sparse inputs less their means would be dense: pass standardised=False. Columns are brought to one size "
            "by scale alone, say sklearn.preprocessing.MaxAbsScaler, before the Dataset is made."
        )
    centre, scale = scaling(train.inputs)
    return Split(standardise(train), standardise(test, like=train), centre, scale)


@guarded()
@takes_sparse
def label_noise(data: Dataset, share: float = 0.1, seed: int = 0) -> Dataset:
    """Flip the labels of exactly round(share * n) examples, drawn at random.

    Args:
        data: inputs (n, d).
        share: of the examples, between 0 and 1.
        seed: of the random numbers.

    Returns:
        The data set with some labels flipped.

    Raises:
        ValueError: if the share is not between 0 and 1, or one class is left.

    Example:
        >>> import lossland as ll
        >>> data = ll.load("two_gaussians(n=100)")
        >>> int((label_noise(data, share=0.1).labels != data.labels).sum())
        10
    """
    chosen = _random_share(data, share, seed)
    name = f"{data.name} with {share:.3g} of the labels flipped".strip()
    if data.probabilities is not None:
        soft = np.where(chosen, 1.0 - data.probabilities, data.probabilities)
        return replace(data, labels=None, probabilities=soft, name=name)
    return replace(data, labels=np.where(chosen, -data.labels, data.labels), name=name)


@guarded()
def outliers(data: Dataset, share: float = 0.05, scale: float = 10.0, seed: int = 0) -> Dataset:
    """Mirror round(share * n) examples through the mean and push them away: x becomes mean - scale (x - mean).

    An example far on its own side lands far on the other one, where a convex loss must pay for it.

    Args:
        data: inputs (n, d).
        share: of the examples, between 0 and 1.
        scale: how many times farther from the mean they come to lie.
        seed: of the random numbers.

    Returns:
        The data set with some inputs moved; labels stay.

    Raises:
        ValueError: if the share is not between 0 and 1.

    Example:
        >>> import lossland as ll
        >>> data = ll.load("two_gaussians(n=100)")
        >>> int((outliers(data, share=0.05).inputs != data.inputs).any(axis=1).sum())
        5
    """
    chosen = _random_share(data, share, seed)
    mean = data.inputs.mean(axis=0)
    moved = np.where(chosen[:, None], mean - scale * (data.inputs - mean), data.inputs)
    return replace(data, inputs=moved, name=f"{data.name} with {share:.3g} outliers".strip())


def _random_share(data: Dataset, share: float, seed: int) -> np.ndarray:
    """A random part of the examples: (n,) booleans, exactly round(share * n) of them true."""
    if not 0 <= share <= 1:
        raise ValueError(f"share={share} must be between 0 and 1.")
    return np.random.default_rng(seed).permutation(data.n) < round(share * data.n)
