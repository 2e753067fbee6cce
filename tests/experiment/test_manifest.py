"""What an experiment leaves behind is not lost, and what is broken is named."""

import json
import types

import pytest

from lossland.core import table
from lossland.experiment import Verdict, draw_figures, manifest, reported
from lossland.experiment import _manifest as file

ENTRY = {"results": "a.nc", "config": {}, "figures": [], "verdicts": []}


@pytest.mark.parametrize("text", ['{"a": ', "[1, 2]", '{"a": {}}', '{"a": 3}', "null", "\x00"])
def test_a_broken_manifest_is_named_with_the_way_out(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.json, which lists what was run, cannot be read.*Remove it"):
        manifest(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"a": ENTRY}))
    assert list(manifest(tmp_path)) == ["a"]


def test_another_experiment_of_the_same_name_is_not_overwritten(tmp_path):
    first, second, third = (tmp_path / name / "mine.py" for name in ("one", "two", "three"))
    for path, text in ((first, "a"), (second, "b"), (third, "a")):
        path.parent.mkdir()
        path.write_text(text)
    (tmp_path / "manifest.json").write_text(json.dumps({"mine": ENTRY | {"file": str(first)}}))
    file.refuse_another("mine", first, tmp_path)
    file.refuse_another("other", second, tmp_path)
    file.refuse_another("mine", third, tmp_path)  # a copy
    with pytest.raises(ValueError, match=r"another experiment called mine.*one.*two.*Rename one"):
        file.refuse_another("mine", second, tmp_path)
    first.unlink()
    file.refuse_another("mine", second, tmp_path)


MADE = table("t", ["a"], [["1"]])
HOLDS = Verdict("c", "b", "f", True)


@pytest.mark.parametrize(
    "told",
    [{}, None, "text", 3, MADE, [1], [[MADE]], ([MADE], [1]), ([MADE], HOLDS), (MADE, MADE), ([MADE], [HOLDS], 1)],
)
def test_a_report_that_gives_something_else_is_told_so(told):
    module = types.SimpleNamespace(report=lambda results: told, __file__="mine.py")
    with pytest.raises(ValueError, match=r"mine\.py: report\(\) gives a list of tables"):
        reported(module, None)


def test_reports_that_are_right_are_taken():
    for told, tables, verdicts in (([], 0, 0), ([MADE], 1, 0), (([MADE], [HOLDS]), 1, 1), ((MADE,), 1, 0), ([], 0, 0)):
        found = reported(types.SimpleNamespace(report=lambda results, told=told: told), None)
        assert (len(found[0]), len(found[1])) == (tables, verdicts)


@pytest.mark.parametrize("drawn", [None, [], "a", {"a": 3}, {3: None}])
def test_a_draw_that_gives_something_else_is_told_so(drawn, tmp_path):
    module = types.SimpleNamespace(draw=lambda results: drawn, __file__="mine.py")
    with pytest.raises(ValueError, match=r"mine\.py: draw\(\) gives a dict of name -> matplotlib Figure"):
        draw_figures(module, None, "mine", tmp_path)


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_figure_s_name_is_part_of_a_file_s(name, tmp_path):
    from lossland.figures import panels

    module = types.SimpleNamespace(draw=lambda results: {name: panels(1, 1)[0]}, __file__="mine.py")
    with pytest.raises(ValueError, match="cannot be part of a file's name"):
        draw_figures(module, None, "mine", tmp_path)
