"""Where a trained pair says +1: the score above which the second class is predicted, and why that one."""

from typing import NamedTuple

from lossland.elements import Pair
from lossland.properties._card import card


class DecisionThreshold(NamedTuple):
    """+1 is predicted where the score is above `at`; `reason` is a sentence."""

    at: float
    reason: str


def decision_threshold(pair: Pair) -> DecisionThreshold:
    """The threshold of a pair: 0 of a margin loss of the score itself, else the one of least error on its card.

    Args:
        pair: made.

    Example:
        >>> import lossland as ll
        >>> decision_threshold(ll.pair("relu", "hinge")).at, decision_threshold(ll.pair("identity", "hinge")).at
        (0.5, 0.0)
    """
    # A margin loss of the score itself treats the classes alike: 0, without computing a card.
    if pair.activation.name == "identity" and pair.loss.kind == "margin":
        return DecisionThreshold(0.0, f"{pair.loss.name} is a loss of the margin and treats the classes alike.")
    best = card(pair).best_threshold
    if best is None:
        return DecisionThreshold(0.0, f"The card of {pair.name} has no threshold of least error; 0 was taken.")
    said = f"The card of {pair.name}: at this score the two classes are equally probable."
    if pair.loss.name.startswith("weighted("):
        said += (
            " It counts every error once, whatever the loss weighs the classes: threshold=0.0 keeps what the "
            "weights lean to, class_weight= leans by the data."
        )
    return DecisionThreshold(float(best), said)
