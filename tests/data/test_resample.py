"""Scaling, splitting, folds, label noise and outliers."""

import numpy as np
import pytest

from lossland.data import DATASETS, Dataset, folds, label_noise, load, outliers, split, standardise

CANCER = load("breast_cancer")
separable, signed_axes, two_gaussians = (DATASETS[n].function for n in ("separable", "signed_axes", "two_gaussians"))
PARTS = {"split": lambda data, **options: (split(data, **options),), "folds": folds}


def test_standardise_gives_mean_zero_and_deviation_one():
    data = standardise(CANCER)
    np.testing.assert_allclose(data.inputs.mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(data.inputs.std(axis=0), 1.0, rtol=1e-13)
    assert (data.input_names, data.label_names, data.name) == (CANCER.input_names, CANCER.label_names, CANCER.name)
    assert data.labels.tolist() == CANCER.labels.tolist()


@pytest.mark.parametrize(("size", "offset"), [(1e-200, 0.0), (1e200, 0.0), (1.0, 1e9), (1.0, 0.0)])
def test_standardise_loses_no_digits(size, offset):
    steps = np.array([0.0, 1.0, 2.0, 5.0])
    exact = (steps - 2.0) / np.sqrt(3.5)
    data = standardise(Dataset((offset + size * steps)[:, None], [0, 1, 0, 1]))
    np.testing.assert_allclose(data.inputs[:, 0], exact, rtol=1e-14, atol=1e-15)


def test_constant_columns_are_only_centred():
    # 0.1 summed seven times is not 0.7, so that a rounded deviation is not 0; neither must be blown up to 1.
    inputs = np.stack([np.full(7, 0.1), np.arange(7.0), np.full(7, 5e-324)], axis=1)
    data = Dataset(inputs, [0, 1, 0, 1, 0, 1, 0])
    assert (standardise(data).inputs[:, [0, 2]] == 0.0).all()
    moved = Dataset(inputs + 2.0, data.labels)
    np.testing.assert_allclose(standardise(moved, like=data).inputs[:, 0], 2.0, rtol=1e-15)


def test_standardise_like_another():
    data = standardise(two_gaussians(n=30, seed=1), like=two_gaussians(n=40, seed=2))
    like = two_gaussians(n=40, seed=2).inputs
    np.testing.assert_allclose(
        data.inputs, (two_gaussians(n=30, seed=1).inputs - like.mean(0)) / like.std(0), atol=1e-14
    )
    with pytest.raises(ValueError, match="data has 30 columns, but like has 2"):
        standardise(CANCER, like=two_gaussians())


@pytest.mark.parametrize("parts_of", PARTS.values(), ids=PARTS)
def test_parts_are_scaled_by_the_training_part_only(parts_of):
    raw = parts_of(CANCER, seed=3, standardised=False)
    for part, before in zip(parts_of(CANCER, seed=3), raw, strict=True):
        centre, scale = before.train.inputs.mean(axis=0), before.train.inputs.std(axis=0)
        np.testing.assert_allclose(part.centre, centre, rtol=1e-13)
        np.testing.assert_allclose(part.scale, scale, rtol=1e-13)
        for after, side in ((part.train, before.train), (part.test, before.test)):
            np.testing.assert_allclose(after.inputs, (side.inputs - centre) / scale, rtol=0, atol=1e-11)
            assert after.labels.tolist() == side.labels.tolist()
        assert np.abs(part.train.inputs.mean(axis=0)).max() < 1e-13
        assert np.abs(part.test.inputs.mean(axis=0)).max() > 0.05  # nothing of the test part was used


@pytest.mark.parametrize("parts_of", PARTS.values(), ids=PARTS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_parts_partition_and_are_stratified(parts_of, seed):
    whole = np.arange(CANCER.n)
    data = Dataset(whole[:, None], CANCER.labels, label_names=("malignant", "benign"), input_names=("row",))
    for part in parts_of(data, seed=seed, standardised=False):
        rows = np.concatenate([part.train.inputs[:, 0], part.test.inputs[:, 0]])
        assert sorted(rows) == whole.tolist()
        assert part.train.inputs[:, 0].tolist() == sorted(part.train.inputs[:, 0])
        for side in (part.train, part.test):
            assert side.labels.tolist() == CANCER.labels[side.inputs[:, 0].astype(int)].tolist()
            assert abs((side.labels > 0).sum() - side.n * (CANCER.labels > 0).mean()) <= 1.0
            assert (side.label_names, side.input_names) == (("malignant", "benign"), ("row",))
        assert part.centre.tolist() == [0.0]
        assert part.scale.tolist() == [1.0]


@pytest.mark.parametrize("parts_of", PARTS.values(), ids=PARTS)
def test_parts_depend_on_the_seed_and_on_nothing_else(parts_of):
    def hashes(seed):
        return [(part.train.sha256, part.test.sha256) for part in parts_of(CANCER, seed=seed)]

    assert hashes(0) == hashes(0)
    assert hashes(0) != hashes(1)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 0.5, 0.99])
def test_split_size(share):
    assert split(CANCER, test=share).test.n == round(share * CANCER.n)


def test_split_leaves_each_class_in_both_parts():
    data = two_gaussians(n=40, positives=0.05)
    for share in (0.01, 0.5, 0.99):
        part = split(data, test=share)
        assert [(side.labels > 0).sum() for side in (part.train, part.test)] == [1, 1]
    with pytest.raises(ValueError, match=r"Class '1' has 1 example\(s\); a split needs at least 2"):
        split(two_gaussians(n=40, positives=0.025))
    with pytest.raises(ValueError, match="test=1 must be a share between 0 and 1"):
        split(data, test=1)


@pytest.mark.parametrize("count", [2, 3, 7])
def test_folds_are_even_and_test_each_example_once(count):
    data = Dataset(np.arange(50.0)[:, None], np.arange(50) % 3 == 0)
    parts = folds(data, count, standardised=False)
    assert len(parts) == count
    assert sorted(np.concatenate([part.test.inputs[:, 0] for part in parts])) == data.inputs[:, 0].tolist()
    for sizes in ([p.test.n for p in parts], [(p.test.labels > 0).sum() for p in parts]):
        assert max(sizes) - min(sizes) <= 1


def test_folds_refused():
    with pytest.raises(ValueError, match="count must be at least 2, not 1"):
        folds(CANCER, 1)
    with pytest.raises(ValueError, match=r"Class '1' has 2 example\(s\); 3 folds needs at least 3"):
        folds(two_gaussians(n=40, positives=0.05), 3)


def test_one_class_can_be_split():
    part = split(signed_axes(d=4), test=0.25)
    assert (part.train.n, part.test.n) == (9, 3)
    assert part.train.one_class
    assert [fold.test.n for fold in folds(signed_axes(d=4), 3)] == [4, 4, 4]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.333])
def test_label_noise_flips_that_many(share):
    data = two_gaussians(n=60, seed=4)
    noisy = label_noise(data, share, seed=1)
    assert (noisy.labels != data.labels).sum() == round(share * 60)
    assert (noisy.inputs == data.inputs).all()
    assert label_noise(data, share, seed=1).sha256 == noisy.sha256


def test_label_noise_depends_on_the_seed_and_says_so_in_the_name():
    data = load("two_gaussians")
    assert label_noise(data, 0.2, seed=1).sha256 != label_noise(data, 0.2, seed=2).sha256
    assert label_noise(data, 0.2).name == "two_gaussians with 0.2 of the labels flipped"
    with pytest.raises(ValueError, match=r"share=1\.5 must be between 0 and 1"):
        label_noise(data, 1.5)


def test_outliers_lie_far_on_the_other_side():
    data = separable(n=60, margin=2.0, offset=0.0, seed=4)
    spoiled = outliers(data, share=0.1, scale=10.0, seed=1)
    moved = (spoiled.inputs != data.inputs).any(axis=1)
    assert moved.sum() == 6
    assert (spoiled.labels == data.labels).all()
    mean = data.inputs.mean(axis=0)
    np.testing.assert_allclose(
        spoiled.inputs[moved] - mean, -10.0 * (data.inputs[moved] - mean), rtol=1e-12, atol=1e-12
    )
    assert (spoiled.labels * spoiled.inputs.sum(axis=1))[moved].max() < -10.0
    with pytest.raises(ValueError, match=r"share=-0\.1 must be between"):
        outliers(data, share=-0.1)
