"""`lossland run` of several experiments: all their verdicts end in one table."""

from pathlib import Path

from lossland.commands._run import _sum_up
from lossland.experiment import Outcome, Verdict


def test_all_verdicts_end_in_one_table(capsys):
    held = Verdict("the mean is a number", "not NaN", "0.123", True)
    failed = Verdict("a long claim " * 9, "none", "x" * 130, False)
    one, two = (Outcome(name, Path(f"{name}.nc"), (), (held,), 0.1, False) for name in ("toy_one", "toy_two"))
    _sum_up([one, two._replace(verdicts=(held, failed))])
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines()[:-1])) <= 120
    assert "\x1b" not in told
    rows = [line.split() for line in told.splitlines()]
    assert [row[0] for row in rows if row and row[0].startswith("toy")] == ["toy_one", "toy_two"]
    assert sum("holds" in row[1:] for row in rows if row[:1] != ["What"]) == 2
    assert sum("FAILS" in row for row in rows) == 1
    assert "2 of 3 claims of 2 experiments hold." in told
