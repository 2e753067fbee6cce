"""What docs/landscape_paths.md shows is run, block after block."""

import os
import re
from pathlib import Path

import pytest

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parent.parent / "docs/landscape_paths.md").read_text(), re.DOTALL
)


@pytest.mark.slow
def test_the_blocks_run_and_write_what_they_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in BLOCKS:
        exec(block, names)
    assert names["v"].values.shape == (21, 21, 5)
    assert {q.method for q in names["made"].values()} == {"kinks", "scores"}
    assert names["found"].barrier < names["found"].straight_barrier
    assert names["again"].settings == names["held"].settings
    written = re.findall(r'"(\w+\.(?:png|gif|nc|vtk))"', "".join(BLOCKS))
    assert set(os.listdir(tmp_path)) == set(written)
