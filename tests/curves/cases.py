"""The pairs that are made of lines and parabolas, by their elements."""

import itertools

import lossland as ll
from lossland.curves import parabolas
from lossland.elements import ACTIVATIONS, LOSSES, Pair, find, refusal


def accepted(made):
    try:
        return parabolas(made) is not None
    except ValueError:
        return False


def elements():
    """The registered activations and losses that are made of lines and parabolas themselves."""
    ours = [
        [entry for entry in registry.values() if entry.function.__module__.startswith("lossland.")]
        for registry in (ACTIVATIONS, LOSSES)
    ]
    outputs = [a for a in ours[0] if accepted(ll.pair(a, "unhinged"))]
    output = {"margin": "identity", "likelihood": "hard_sigmoid", "label": "identity"}
    losses = [
        loss
        for loss in ours[1]
        if not refusal(made(output[loss.kind], loss)) and accepted(made(output[loss.kind], loss))
    ]
    return outputs, losses


def made(output, loss):
    return Pair(find(ACTIVATIONS, output), loss)


def pieced_pairs(every_nth=1):
    """Every admissible pair of such elements that is itself made of a few lines and parabolas, or some of them."""
    outputs, losses = elements()
    every = [Pair(a, loss) for a, loss in itertools.product(outputs, losses)]
    admissible = [made for made in every if not refusal(made)]
    return [made for made in admissible[::every_nth] if accepted(made)]
