"""`lossland run` of several experiments: all their verdicts end in one table."""

from pathlib import Path

import pytest

from lossland.__main__ import main
from lossland.commands._run import _sum_up
from lossland.core import markdown, table
from lossland.experiment import Outcome, Verdict


def test_all_verdicts_end_in_one_table(capsys):
    held = Verdict("the mean is a number", "not NaN", "0.123", True)
    failed = Verdict("a long claim " * 9, "none", "x" * 130, False)
    one, two = (Outcome(name, Path(f"{name}.nc"), (), (held,), 0.1, False) for name in ("toy_one", "toy_two"))
    _sum_up([one, two._replace(verdicts=(held, failed))])
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines()[:-1])) <= 80
    assert "\x1b" not in told
    assert [line.split()[0] for line in told.splitlines() if line.startswith("toy")] == ["toy_one", "toy_two"]
    assert told.count(" holds ") == 2
    assert told.count(" FAILS ") == 1
    # One that fails is told whole, one that holds in a line.
    assert " ".join(told.split()).count(" ".join(("a long claim " * 9).split())) == 1
    assert "2 of 3 claims hold, 1 fails (2 experiments)." in told


def test_a_report_is_read_within_the_line_or_as_its_markdown(tmp_path, capsys):
    made = table(
        "How it ended",
        ("data", *(f"share {k}" for k in range(12))),
        [("a|b", *range(1000, 1012)), ("c", *range(12)), ("d", *range(12))],
    )
    text = f"## toy\n\nDoes it run? {'word ' * 40}\n\n![a](figures/a.png)\n\n**How it ended**\n\n{markdown(made)}\n"
    (tmp_path / "report.md").write_text(text)
    for words in (["report"], ["report", "--form", "markdown"]):
        with pytest.raises(SystemExit) as ended:
            main([*words, "--out", str(tmp_path)])
        assert ended.value.code == 0
        out = capsys.readouterr().out
        if len(words) > 1:
            assert out == text + "\n"
        else:
            assert max(map(len, out.splitlines())) <= 80
            assert "a|b" in out
            assert "|---" not in out
            lines = out.splitlines()
            # Each part of the table has its head, a rule and all three rows.
            heads = [k for k, line in enumerate(lines) if line.startswith("data ")]
            assert len(heads) > 1
            for k in heads:
                assert set(lines[k + 1]) == {"─"}
                assert [line.split()[0] for line in lines[k + 2 : k + 5]] == ["a|b", "c", "d"]
            assert "\nFigure figures/a.png\n" in out
            assert all(str(cell) in out for cell in range(1000, 1012))
            assert "toy\n===\n" in out
