"""A file of tests names its EXPERIMENT and a small CONFIG; the experiment is run once for all its tests."""

import numpy as np
import pytest

from lossland import experiment, figures
from lossland.core import read


@pytest.fixture(scope="module")
def outcome(request, tmp_path_factory):
    """What running the small experiment leaves behind; its figures are written too if the file says DRAW = True."""
    file = request.module
    out, draw = tmp_path_factory.mktemp("results"), getattr(file, "DRAW", False)
    return experiment.run(file.EXPERIMENT.__file__, file.CONFIG, out=out, quiet=True, draw=draw)


@pytest.fixture(scope="module")
def results(outcome):
    return read(outcome.results)


@pytest.fixture
def drawn(request, results):
    """The figures of the small experiment, by name."""
    with figures.style():
        return request.module.EXPERIMENT.draw(results)


@pytest.fixture
def failing(request, results):
    """A function that gives the claims which fail once some of the results are changed: `failing(risk=0 * risk)`."""
    module = request.module.EXPERIMENT
    return lambda **changed: [v.claim for v in experiment.reported(module, results.assign(**changed))[1] if not v.holds]


@pytest.fixture
def check_labels():
    """A function that checks that every axis of a figure is labelled, by itself or by what it shares a label with."""

    def check(figure):
        shared_x, shared_y = figure.get_supxlabel(), figure.get_supylabel()
        for axes in (axes for axes in figure.axes if axes.axison and axes.get_label() != "<colorbar>"):
            row, column = axes.get_subplotspec().rowspan, axes.get_subplotspec().colspan
            last = row.stop == axes.get_gridspec().nrows
            assert axes.get_xlabel() or shared_x or not last
            assert axes.get_ylabel() or shared_y or column.start > 0 or axes.get_yticklabels()

    return check


@pytest.fixture
def check_curves():
    """A function that checks which figures are drawn, that no curve has a hole and that axes are labelled."""

    def check(drawn, names):
        assert set(drawn) == names
        for figure in drawn.values():
            for axes in figure.axes:
                for line in axes.lines:
                    assert np.isfinite(np.asarray(line.get_xydata(), float)).all()
                assert axes.get_xlabel() or axes.get_ylabel()

    return check
