"""The command `lossland answer`: is a ReLU output with the hinge an SVM? Two cards, a small run, two planes."""

import dataclasses
from typing import Any

import tyro  # noqa: F401 - the annotations of options are read by it

PAIRS = ("identity+hinge", "relu+hinge")
NAMES = ("linear output + hinge", "ReLU output + hinge")
DATA = "two_gaussians(n=200, seed=0)"
STARTS, STEPS = 40, 400
SHADES, PLAIN = " ░▒▓█", " .:*#"
"""From low to high loss; where a terminal has no blocks, the second."""
ACROSS, DOWN = 31, 13


@dataclasses.dataclass(frozen=True)
class AnswerOptions:
    """Is a ReLU output with the hinge an SVM? The answer in ten seconds: two cards, a small run, two planes.

    Examples: `lossland answer`, `lossland answer --json`
    """

    json: bool = False
    """Print the numbers as JSON, for a script."""


def run_answer(command: AnswerOptions) -> int:
    """Print the answer, every number of it computed now."""
    from lossland.commands._output import as_json, waiting
    from lossland.core import say
    from lossland.data import load
    from lossland.properties import card
    from lossland.solvers import solve

    with waiting("two cards, a certified SVM, eighty runs, two planes", command.json):
        data = load(DATA)
        cards = [card(pair) for pair in PAIRS]
        best = solve("hinge", data, C=1.0)
        found = _trained(data)
        planes = [_plane(pair, data, best) for pair in PAIRS]
    if command.json:
        print(as_json({"pairs": list(PAIRS), "svm_gap": float(best.gap), **found}))
        return 0
    print("Is a ReLU output with the hinge an SVM? No. Computed now:\n")
    _print_rows(cards)
    print()
    say(
        f"{STARTS} random starts each, {STEPS} steps of descent on {data.n} points; the lowest loss that each reached, "
        f"how many runs end over 1 % above it, and how many of these end dead, without a gradient:"
    )
    print()
    for name, lowest, missed, dead in zip(NAMES, found["lowest"], found["missed"], found["dead"], strict=True):
        print(f"  {name:<22} lowest {lowest:.3f}; {missed} of {STARTS} end above it; {dead} end dead")
    print()
    say(
        f"The loss around the SVM (+, certified to {float(best.gap):.0e}); across: its weights scaled, upwards: its "
        f"bias moved. Dark is high; x: the gradient is 0, descent stands still:"
    )
    print()
    _print_planes(planes)
    print(CLOSING)
    return 0


CLOSING = """
The hinge is a ReLU of 1 - t z inside the loss. A second ReLU, at the output,
comes before it: a positive example with z <= 0 gets no gradient, a negative
one gets no margin, and the threshold moves from 0 to 1/2. What repairs it:
max(z, -1) in place of max(z, 0), a leaky slope, or a start at which no output
is dead.

Next:  lossland card relu hinge            all about the pair, what is proven
       lossland check my_loss.py:my_loss   a loss of your own
       lossland run relu_vs_hinge --smoke  figures, in results/figures
       lossland page                       an interactive page
       make reproduce                      the whole study, in a clone"""


def _print_rows(cards: list[Any]) -> None:
    """The facts of both cards side by side."""

    def both(values: Any) -> str:
        first, second = ("yes" if value else "no" for value in values)
        return first if first == second else f"for positives {first}, else {second}"

    def flat(held: Any) -> str:
        told = [f"{'positives' if k == 0 else 'negatives'}, z {_ends(each)}"
                for k, plateaus in enumerate(held.plateaus) for each in plateaus]  # fmt: skip
        return "; ".join(told) or "nowhere"

    rows = {
        "loss of a positive, t = +1": [held.as_sum_of_known.positive for held in cards],
        "loss of a negative, t = -1": [held.as_sum_of_known.negative for held in cards],
        "convex": [both(held.convex) for held in cards],
        "no gradient above the least": [flat(held) for held in cards],
        "best threshold on z": [f"{held.best_threshold:g}" for held in cards],
    }
    print(f"  {'':<28} {NAMES[0]:<22} {NAMES[1]}")
    for name, (first, second) in rows.items():
        print(f"  {name:<28} {first:<22} {second}")


def _ends(interval: Any) -> str:
    low, high = interval
    return f"<= {high:g}" if low == -float("inf") else f">= {low:g}" if high == float("inf") else f"{low:g} to {high:g}"


def _trained(data: Any) -> dict[str, Any]:
    """Both pairs from the same starts: the lowest loss of each, how many runs miss it, how many end dead."""
    import numpy as np

    from lossland.training import sweep

    held = sweep(list(PAIRS), data, seeds=STARTS, learning_rates=(0.1,), steps=STEPS)
    ends = np.asarray(held.records["risk"])[..., -1].reshape(2, -1)
    slopes = np.asarray(held.records["gradient_norm"])[..., -1].reshape(2, -1)
    lowest = ends.min(axis=1)
    missed = (ends > 1.01 * lowest[:, None]).sum(axis=1)
    dead = ((slopes == 0) & (ends > 1.01 * lowest[:, None])).sum(axis=1)
    return {"lowest": lowest.tolist(), "missed": missed.tolist(), "dead": dead.tolist()}


def _plane(pair: str, data: Any, best: Any) -> tuple[Any, Any]:
    """The loss where the SVM's weights are scaled and its bias moved, (DOWN, ACROSS), the first row on top.

    Also where no example pulls: the whole gradient is 0.
    """
    import numpy as np

    from lossland.elements import pair as as_pair
    from lossland.landscapes import plane

    along = {"weights": best.weights, "bias": np.zeros(())}
    upwards = {"weights": np.zeros(2), "bias": np.ones(())}
    centre = {"weights": best.weights, "bias": best.bias}
    asked: Any = {"radius": (3.0, 6.0), "steps": (ACROSS, DOWN), "quantities": ("gradient_norm",)}
    held = plane(as_pair(pair), data, centre, (along, upwards), **asked)
    return held.values.T[::-1], held.quantities["gradient_norm"].T[::-1] == 0


def _print_planes(planes: list[Any]) -> None:
    """Both planes side by side, in shades of one scale."""
    import sys

    import numpy as np

    shades = SHADES if (sys.stdout.encoding or "").lower().startswith("utf") else PLAIN
    # The loss grows without end to all sides: shades by ranks show its valley.
    cuts = np.quantile(np.concatenate([values for values, _ in planes]), np.linspace(0, 1, len(shades) + 1)[1:-1])
    drawn = []
    for values, still in planes:
        rows = [[shades[k] for k in row] for row in np.searchsorted(cuts, values)]
        for down, across in np.argwhere(still):
            rows[down][across] = "x"
        rows[DOWN // 2][ACROSS // 2] = "+"
        drawn.append(["".join(row) for row in rows])
    print(f"  {NAMES[0]:<{ACROSS + 6}}{NAMES[1]}")
    for first, second in zip(*drawn, strict=True):
        print(f"  |{first}|    |{second}|")
