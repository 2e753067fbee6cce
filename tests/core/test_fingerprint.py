"""Fingerprints: what changes the numbers changes the name."""

import functools

import optax

import lossland as ll
from lossland.core import fingerprint


def test_what_changes_the_numbers_changes_the_name():
    data = ll.load("two_gaussians(n=41, d=3, seed=1)")

    def named(**changed):
        make = {"optimizer": optax.sgd, "model": ll.linear(), "pairs": ll.pair("identity+hinge"), "data": data.inputs}
        return fingerprint([make | changed])

    rate = 0.5
    names = [
        named(),
        named(optimizer=optax.adam),
        named(optimizer=functools.partial(optax.sgd, momentum=0.5)),
        named(optimizer=functools.partial(optax.sgd, momentum=0.9)),
        named(optimizer=lambda r: optax.sgd(r, momentum=0.1)),
        named(optimizer=lambda r: optax.sgd(r, momentum=0.2)),
        named(optimizer=lambda r: optax.sgd(r, momentum=rate)),
        named(model=ll.linear(scale=2.0)),
        named(model=ll.mlp(3)),
        named(pairs=ll.pair("relu(tie=0.5)+hinge")),
        named(data=data.inputs + 1e-9),
    ]
    assert len(set(names)) == len(names)
    assert named(optimizer=functools.partial(optax.sgd, momentum=0.5)) == names[2]
    assert named(model=ll.linear(scale=2.0)) == names[7]
