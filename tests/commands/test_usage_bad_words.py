"""Bad words for every option of every command: a sentence of lossland's own each, and an exit code that says whose."""

import dataclasses
import warnings

import pytest

import lossland.__main__ as cli
from lossland.commands import COMMANDS
from tests.core.bad_inputs import TooLong, limited, unnamed

WORDS = [
    "nan",
    "inf",
    "1e300",
    "1" + "0" * 400,
    "-1",
    "0",
    "3.7",
    "",
    "no such thing",
    "None",
    "[]",
    "{}",
    "a:b:c",
    "<b>",
]
"""None of them is right for a count; some are for other options."""
RIGHT = {
    "answer": ["answer", "--json"],
    "names": ["names", "plane"],
    "list": ["list", "losses"],
    "check": ["check", "hinge"],
    "card": ["card", "relu+hinge"],
    "cards": ["cards", "relu+hinge"],
    "solve": ["solve", "two_points"],
    "sweep": ["sweep", "relu+hinge", "--data", "two_gaussians(n=30)", "--seeds", "1", "--steps", "2"],
    "landscape": ["landscape", "relu+hinge", "--data", "two_points", "--steps", "3"],
    "page": ["page", "no+pair"],
    "run": ["run", "no experiment"],
    "report": ["report"],
    "figures": ["figures"],
    "completion": ["completion", "bash"],
}
"""A command line that is right, or refused at once where a right one takes long."""
STARTS_OTHERS = {"processes", "distributed", "coordinator", "process_count", "process_index", "silence"}
"""Options by which a command starts or joins other processes."""


def tried():
    """(command, option, word) of every option, found by the dataclasses that the commands are read into."""
    found = []
    for name, (asked, _) in COMMANDS.items():
        for field in dataclasses.fields(asked):
            if field.name not in STARTS_OTHERS:
                found += [(name, field.name, word) for word in WORDS]
    return found


def trouble(name, option, word):
    """What is wrong with how a command ends; "" if nothing."""
    words = [*RIGHT[name], f"--{option.strip('_').replace('_', '-')}={word}"]
    try:
        with limited(60), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cli.main([*words, "--debug"])
    except TooLong:
        return f"{words}: no answer"
    except SystemExit:
        return ""
    except Exception as error:
        told = unnamed(error)
        return f"{words}: {told}" if told else ""
    return ""


@pytest.fixture(autouse=True)
def somewhere(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", COMMANDS)
def test_every_bad_word_of_every_option(name):
    found = [told for each in tried() if each[0] == name and (told := trouble(*each))]
    assert not found, "\n".join(found)


@pytest.mark.slow
def test_a_slice_of_all_bad_words():
    found = [told for each in tried()[::41] if (told := trouble(*each))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("count", ["0", "-1", "3.7", "1e300", "nan", ""])
@pytest.mark.parametrize("option", ["--steps", "--seeds", "--batch-size", "--record", "--block-scores"])
def test_counts_of_a_sweep_that_are_none_are_wrong_usage(option, count, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(["sweep", "relu+hinge", "--data", "two_points", f"{option}={count}"])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("lossland: ")


def test_exit_codes_say_whose_fault_it_is(tmp_path, capsys):
    def code(*words):
        with pytest.raises(SystemExit) as ended:
            cli.main(list(words))
        capsys.readouterr()
        return ended.value.code

    assert code("solve", str(tmp_path / "nowhere.csv")) == 2
    small = ["sweep", "relu+hinge", "--data", "two_gaussians(n=30)", "--seeds", "1", "--steps", "2", "--out"]
    assert code(*small, "/proc/nowhere") == 1
    small.append(str(tmp_path))
    assert code(*small) == 0
    (result,) = tmp_path.glob("*.nc")
    result.write_bytes(b"damaged")
    assert code(*small) == 1
