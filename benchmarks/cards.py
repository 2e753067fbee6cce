"""How long a card takes: in a new process beside `import jax`, warm, all of them in one call, and the page of all.

    python benchmarks/cards.py [--rounds 15] [--out benchmarks/results]

No other library computes cards, so these are times, with the environment beside them. Bars: a card in a new process at
most twice the CPU time of importing JAX, all cards at most 15 s, the page at most 25 s.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import numpy as np

import lossland as ll
from lossland.core import replacing, show, table, versions
from lossland.curves import tabulate

IMPORT = [sys.executable, "-c", "import jax"]
CARD = [sys.executable, "-m", "lossland", "card", "relu", "hinge"]
EVERY = "import time, lossland as ll; start = time.perf_counter(); ll.cards(); print(time.perf_counter() - start)"
UNCACHED = {**os.environ, "LOSSLAND_COMPILATION_CACHE": "off"}


def cpu_seconds(command):
    """User and system time of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=UNCACHED)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def beside_importing_jax(rounds):
    """Median CPU seconds of `import jax` and of a card, and the median of their ratios, one after the other."""
    pairs = np.array([(cpu_seconds(IMPORT), cpu_seconds(CARD)) for _ in range(rounds)])
    return *np.median(pairs, axis=0), float(np.median(pairs[:, 1] / pairs[:, 0]))


def one_warm(rounds):
    """Median seconds of a card of a pair that has been seen before, its table computed anew."""
    names = [pair.name for pair in ll.pairs()[::31]]

    def round_of_cards():
        tabulate.cache_clear()
        for name in names:
            ll.card(name)

    round_of_cards()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        round_of_cards()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) / len(names)


def every_card():
    """Seconds of all cards in a new process without a warm cache, imports apart."""
    found = subprocess.run([sys.executable, "-c", EVERY], check=True, capture_output=True, text=True, env=UNCACHED)
    return float(found.stdout)


def the_page():
    """Seconds of `lossland page` with all pairs."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = [sys.executable, "-m", "lossland", "page", "--out", str(Path(folder) / "page.html")]
        subprocess.run(command, check=True, capture_output=True, env=UNCACHED)
        return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    imported, card, ratio = beside_importing_jax(max(options.rounds // 3, 3))
    rows = {
        f"all {len(ll.pairs())} cards in a new process": every_card(),
        "`lossland page`, all pairs": the_page(),
        "one card, warm": one_warm(options.rounds),
        "`import jax`, CPU": float(imported),
        "`lossland card relu hinge` in a new process, CPU": float(card),
        "the last by the one before, paired": ratio,
    }
    show(table("Cards", ("what", "seconds"), [(name, f"{value:.3g}") for name, value in rows.items()]))
    device = jax.devices()[0]
    environment = {"device": device.device_kind, "machine": platform.machine(), "cpus": os.cpu_count()} | versions()
    options.out.mkdir(parents=True, exist_ok=True)
    with replacing(options.out / f"cards_{device.platform}.json") as temporary:
        temporary.write_text(json.dumps({"environment": environment, "seconds": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
