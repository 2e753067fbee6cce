"""Keys of what things are: equal for equal things made twice, different for whatever changes a number."""

import collections
import functools
import types

import jax
import numpy as np
import optax
import pytest

import lossland as ll
from lossland.core import by_structure, keyed, structure
from tests import references

LEVEL = 3.0


def scaled(by):
    return lambda x: by * x


def reads_a_global(x):
    return LEVEL * x


def holds(values):
    return lambda x: x @ values


class Counter:
    def __init__(self, start):
        self.start = start

    def __call__(self, x):
        return self.start + x


TWICE = {
    "closure": lambda: scaled(2.0),
    "array in a closure": lambda: holds(np.arange(3.0)),
    "jax array": lambda: holds(jax.numpy.arange(3.0)),
    "partial": lambda: functools.partial(scaled, by=1),
    "linear": ll.linear,
    "mlp": lambda: ll.mlp((4, 2), "tanh"),
    "random features": lambda: ll.random_features("rbf", 4, key=jax.random.key(1)),
    "adam": lambda: optax.adam(0.1),
    "chain": lambda: optax.chain(optax.clip(1.0), optax.sgd(0.1, momentum=0.5)),
    "schedule": lambda: optax.sgd(optax.cosine_decay_schedule(0.1, 10)),
    "pair": lambda: ll.pair("relu(tie=0.5)", "hinge"),
    "containers": lambda: {"a": [1, (2.0, None)], "b": {3, 4}, "c": slice(1, 2), "d": range(3)},
    "namespace": lambda: types.MappingProxyType({"x": 1}),
}


@pytest.mark.parametrize("name", TWICE)
def test_things_made_twice_are_equal(name):
    first, second = TWICE[name](), TWICE[name]()
    assert structure(first) == structure(second)
    assert hash(structure(first)) == hash(structure(second))


DIFFERENT = [
    (scaled(2.0), scaled(2)),
    (scaled(0.0), scaled(-0.0)),
    (scaled(True), scaled(1)),
    (holds(np.arange(3.0)), holds(np.arange(3.0) + 1e-16 * np.arange(3) * 4)),
    (holds(np.arange(3.0)), holds(np.arange(3.0, dtype=np.float32))),
    (holds(np.zeros(10_000)), holds(np.eye(1, 10_000, 9_999)[0])),
    (ll.linear(1.0), ll.linear(2.0)),
    (ll.mlp((4,), "tanh"), ll.mlp((4,), "relu")),
    (optax.adam(0.1), optax.adam(0.2)),
    (optax.sgd(0.1), optax.sgd(0.1, momentum=0.5)),
    (ll.pair("relu", "hinge"), ll.pair("relu", "hinge(tie=0.5)")),
    (lambda x: x + 1, lambda x: x + 2),
    ([1, 2], (1, 2)),
    ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
]


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_whatever_changes_a_number_changes_the_key(first, second):
    assert structure(first) != structure(second)


def imports_within(x):
    from math import tau

    return tau * x


def reads_a_module_of_a_user(x):
    return references.SPREAD and x


def looks_up_by_name(x):
    return globals()["LEVEL"] * x


def reads_an_attribute(x):
    return SPACE.level * x


SPACE = types.SimpleNamespace(level=1.0)
UNREADABLE = [
    Counter(1),
    Counter(1).__call__,
    holds(Counter(1)),
    types.SimpleNamespace(x=1),
    collections.OrderedDict(a=1),
    collections.defaultdict(int),
    np.ma.array([1.0]),
    Counter,
    imports_within,
    reads_a_module_of_a_user,
    looks_up_by_name,
    reads_an_attribute,
    functools.partial(scaled, by=Counter(1)),
    object(),
]


@pytest.mark.parametrize("thing", UNREADABLE)
def test_what_cannot_be_read_to_the_end_has_no_key(thing):
    assert structure(thing) is None
    assert keyed(thing) != keyed(thing)
    assert not keyed(thing).readable


def test_a_borrowed_module_name_settles_nothing(monkeypatch):
    borrowed = functools.wraps(optax.sgd)(reads_a_global)
    before = structure(borrowed)
    monkeypatch.setattr("tests.core.test_structure.LEVEL", 4.0)
    assert structure(borrowed) != before


def test_state_that_changes_changes_the_key(monkeypatch):
    values, listed = np.arange(3.0), [1]
    before = structure(holds(values)), structure(reads_a_global), structure(scaled(listed))
    listed.append(2)
    values[0] = 5.0
    monkeypatch.setattr("tests.core.test_structure.LEVEL", 4.0)
    after = structure(holds(values)), structure(reads_a_global), structure(scaled(listed))
    assert all(a != b for a, b in zip(before, after, strict=True))


def test_what_is_made_by_structure_is_made_once_if_it_can_be_read():
    made = []
    make = by_structure(4)(lambda thing: made.append(thing.value) or len(made))
    assert make(keyed(scaled(2.0))) == make(keyed(scaled(2.0))) == 1
    counter = Counter(1)
    assert (make(keyed(counter)), make(keyed(counter))) == (2, 3)


def test_a_thing_that_holds_itself_has_a_key():
    loop = [1]
    loop.append(loop)
    assert structure(loop) == structure(loop)
