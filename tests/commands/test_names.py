"""`lossland names`: the page of names by question, in the terminal."""

import json
import re

import pytest

from lossland.__main__ import main
from lossland.commands import _names as names
from lossland.core import FLOORS, face_of


def told(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(["names", *words])
    said = capsys.readouterr()
    return ended.value.code, said.out, said.err


def test_every_line_of_the_page_is_there_once_and_whole():
    page = names._page().read_text()
    made = names.lines()
    calls = re.findall(r"^\|.*\|.*\| (.*) \|$", page.partition("## The rooms")[0], re.MULTILINE)
    assert len(made) == len([call for call in calls if call != "call"]) > 60
    assert all(line.topic and line.have and line.want and line.call for line in made)
    assert not [line for line in made if "the same" in (line.have, line.want) or "`" in line.call]


def test_every_name_on_top_but_the_wings_is_found():
    every = " ".join(line.call for line in names.lines())
    asked = set(face_of("").users) - {wing for floor in FLOORS for wing in floor}
    assert [name for name in asked if not re.search(rf"\bll\.{name}\b", every)] == []


def test_words_choose_lines(capsys):
    code, out, _ = told(capsys, "gradient", "kink")
    assert code == 0
    assert "ll.clarke_stationarity" in out
    assert "ll.sweep" not in out
    code, out, _ = told(capsys, "LANDSCAPE", "--json")
    assert all("landscape" in " ".join(line.values()).lower() for line in json.loads(out))
    code, _, err = told(capsys, "landscpe")
    assert code == 2
    assert "Did you mean" in err
    assert "landscape" in err
