"""How long a card takes: one when everything is warm, one in a new process, all of them in one call.

    python benchmarks/cards.py [--rounds 15] [--out benchmarks/results]

No other library computes cards, so these are times, not ratios, with the environment beside them.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np

import lossland as ll
from lossland.core import replacing, show, table, versions
from lossland.curves import tabulate


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def one_warm(rounds):
    """Median seconds of a card of a pair that has been seen before, its table computed anew."""
    names = [pair.name for pair in ll.pairs()[::31]]

    def round_of_cards():
        tabulate.cache_clear()
        for name in names:
            ll.card(name)

    round_of_cards()
    return float(np.median([seconds(round_of_cards) for _ in range(rounds)])) / len(names)


def in_a_new_process():
    return seconds(
        lambda: subprocess.run(
            [sys.executable, "-m", "lossland", "card", "relu", "hinge"], check=True, capture_output=True
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    # The whole grid first: it then pays for compiling, as it does for a user.
    every = seconds(ll.cards)
    rows = {
        f"all {len(ll.pairs())} cards in one process, compilation included": every,
        "one card, warm": one_warm(options.rounds),
        "`lossland card relu hinge`, a new process": float(np.median([in_a_new_process() for _ in range(3)])),
    }
    show(table("Cards", ("what", "seconds"), [(name, f"{value:.3g}") for name, value in rows.items()]))
    device = jax.devices()[0]
    environment = {"device": device.device_kind, "machine": platform.machine(), "cpus": os.cpu_count()} | versions()
    options.out.mkdir(parents=True, exist_ok=True)
    with replacing(options.out / f"cards_{device.platform}.json") as temporary:
        temporary.write_text(json.dumps({"environment": environment, "seconds": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
