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
    # Two trained networks are joined: over the straight line the objective rises ten times as far.
    found = names["found"]
    assert found.values[[0, -1]] == pytest.approx([float(names["f"](p)) for p in (names["a"], names["b"])], rel=1e-4)
    assert found.straight_barrier > 0.5
    assert found.barrier < 0.1
    assert names["again"].settings == names["held"].settings
    written = re.findall(r'"(\w+\.(?:png|gif|nc|vtk))"', "".join(BLOCKS))
    assert set(os.listdir(tmp_path)) == set(written)
