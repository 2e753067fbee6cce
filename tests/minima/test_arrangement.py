"""Arrangements of lines: Euler's formula, areas and cells, whatever coincides."""

import numpy as np
import pytest

from lossland.minima._arrangement import arrange


def test_arrangements_hold_what_coincides(rng):
    box = np.array([[-1.0, -2.0], [3.0, 1.0]])
    normals = rng.normal(size=(20, 2))
    normals = np.concatenate([normals, 3.0 * normals[:5], -normals[5:8], np.eye(2), np.zeros((1, 2))])
    offsets = np.repeat([0.0, 0.4], [15, 5])
    offsets = np.concatenate([offsets, 3.0 * offsets[:5], -offsets[5:8], [-1.0, 1.0], [0.0]])
    found = arrange(normals, offsets, box)
    assert found.areas.sum() == pytest.approx(12.0)
    assert (found.areas > 0).all()
    assert len(found.vertices) - len(found.edges) + len(found.centres) == 1
    points = rng.uniform(box[0], box[1], size=(20_000, 2))
    sides = np.unique(points @ normals.T > offsets, axis=0)
    centres = np.unique(found.centres @ normals.T > offsets, axis=0)
    assert len(centres) == len(found.centres)
    assert len(sides) <= len(centres)


def test_general_lines_have_as_many_cells_as_they_should():
    rng = np.random.default_rng(1)
    angle = rng.uniform(0, np.pi, size=30)
    found = arrange(
        np.column_stack([np.cos(angle), np.sin(angle)]), rng.uniform(-1, 1, 30), np.array([[-1e3] * 2, [1e3] * 2])
    )
    assert len(found.centres) == 1 + 30 + 30 * 29 // 2
