"""Bad values for every argument of every public function: each is refused in a sentence of lossland's own, soon."""

import functools
import inspect
import warnings

import pytest

from tests.core.bad_inputs import BAD, LEFT_OUT, arguments, must_refuse, public, trouble

EVERYTHING = {("properties.cards", "chosen", "None"), ("page.write_page", "pairs", "None")}
"""What is right and takes minutes: the whole catalogue."""
FUNCTIONS = {name: f for name, f in public().items() if name.partition(".")[0] not in LEFT_OUT}


@pytest.fixture(autouse=True)
def somewhere(tmp_path_factory, monkeypatch):
    """A folder of their own for all files that are written, one for all tests."""
    folder = tmp_path_factory.getbasetemp() / "bad"
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)


def attempts(function):
    """(argument, bad value's name) for every argument of a function."""
    taken = [p.name for p in inspect.signature(function).parameters.values() if p.kind != p.VAR_KEYWORD]
    return [(argument, bad) for argument in taken for bad in BAD]


def wrong(name, tried):
    """What goes wrong with each of the bad values that are tried."""
    function, found = FUNCTIONS[name], []
    for argument, bad in tried:
        if (name, argument, bad) in EVERYTHING:
            continue
        several, named = arguments(name, function)
        if several:
            several = (BAD[bad](), *several[1:])
        else:
            named[argument] = BAD[bad]()
        told = trouble(functools.partial(_made, function, several, named, argument, bad))
        if told:
            found.append(f"{name}({argument}={bad}): {told}")
    return found


def _made(function, several, named, argument, bad):
    made = function(*several, **named)
    assert not must_refuse(function, argument, bad), "was taken"
    return made


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", FUNCTIONS)
def test_right_values_are_taken(name):
    """What is tried below is wrong in one argument only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function = FUNCTIONS[name]
        several, named = arguments(name, function)
        made = function(*several, **named)
        assert not inspect.isgenerator(made) or list(made)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_bad_value_of_every_argument(name):
    found = wrong(name, attempts(FUNCTIONS[name]))
    assert not found, "\n".join(found)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_a_slice_of_all_bad_values(part):
    every = [(name, each) for name, f in FUNCTIONS.items() for each in attempts(f)]
    found = []
    for name, each in every[part * 37 :: 4 * 37 + 1]:
        found += wrong(name, [each])
    assert not found, "\n".join(found)


def test_all_bad_values_together_are_many():
    assert sum(len(attempts(f)) for f in FUNCTIONS.values()) >= 7000
