"""How long the page takes: writing it, opening it, and drawing everything anew after a change.

    python benchmarks/page.py [--rounds 25] [--out benchmarks/results]

A redraw is the whole answer to a change: the run of 200 steps on 200 points, the objective on 61 x 61 cells with its
plateaus and arrows, the page's own optima of hinge and logistic loss, and the drawing. Each round moves a point, so
that nothing is kept from the round before; along max(z, -c) the lowest place is looked for as well, as it is while a
point is dragged, and once as it is when it is let go. The bar is 25 ms for what is drawn while something is dragged.
"""

import argparse
import json
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
from playwright.sync_api import sync_playwright

import lossland as ll
from lossland.core import replacing, show, table, versions

POINTS, CELLS, STEPS = 200, 61, 200
ROUNDS = """
async ([change, rounds]) => {
  const app = await lossland;
  const { held, ...set } = change;
  const place = (i) => [Math.cos(i) + (i %% 2), Math.sin(7 * i) + (i %% 2), i %% 2 ? 1 : -1];
  const points = Array.from({length: %d}, (_, i) => place(i));
  app.change({...set, points, steps: %d, start: [-1.5, 1.5, 0.5]});
  app.redraw();
  // As while a point is dragged, with the axes of the data held.
  app.window = held ? { xs: app.panels[0].scale.xs, ys: app.panels[0].scale.ys } : null;
  const found = [];
  for (let k = 0; k < rounds; k++) {
    app.change({points: points.map((p, i) => (i ? p : [p[0] + 0.01 * k, p[1], p[2]]))});
    found.push(app.redraw());
    await new Promise((done) => setTimeout(done));
  }
  app.window = null;
  return found;
}
""" % (POINTS, STEPS)  # noqa: UP031 - braces are JavaScript's


def redraws(page, rounds):
    """Milliseconds of a redraw, by what is shown."""
    cases = {
        "relu+hinge": {"pair": "relu+hinge", "second": "", "held": True},
        "sigmoid+cross_entropy": {"pair": "sigmoid+cross_entropy", "second": "", "held": True},
        "hard_sigmoid+cross_entropy, the largest table": {
            "pair": "hard_sigmoid+cross_entropy",
            "second": "",
            "held": True,
        },
        "two pairs side by side": {"pair": "relu+hinge", "second": "identity+hinge", "held": True},
        "a point of relu+hinge let go": {"pair": "relu+hinge", "second": ""},
    }
    return {name: page.evaluate(ROUNDS, [change, rounds]) for name, change in cases.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("This benchmark needs a browser: apt install chromium.")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        start = time.perf_counter()
        file = ll.write_page(Path(folder) / "page.html")
        written = time.perf_counter() - start
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1360, "height": 900})
        start = time.perf_counter()
        page.goto(file.as_uri())
        page.evaluate("lossland.then((app) => app.redraw())")
        opened = time.perf_counter() - start
        times = redraws(page, options.rounds)
        size, version = file.stat().st_size / 1e6, browser.version
        browser.close()
    rows = {name: [float(q) for q in np.percentile(ms, (50, 90))] for name, ms in times.items()}
    shown = [(name, f"{middle:.0f}", f"{high:.0f}") for name, (middle, high) in rows.items()]
    title = f"A redraw: {POINTS} points, {CELLS} x {CELLS} cells, {STEPS} steps"
    show(table(title, ("what", "median ms", "90 % below"), shown))
    print(f"{len(ll.pairs())} pairs, {size:.1f} MB, written in {written:.0f} s, opened in {opened:.1f} s")
    environment = {"machine": platform.machine(), "cpus": os.cpu_count(), "chromium": version} | versions()
    result = {"redraw_ms": rows, "megabytes": size, "written_s": written, "opened_s": opened}
    options.out.mkdir(parents=True, exist_ok=True)
    with replacing(options.out / f"page_{jax.devices()[0].platform}.json") as temporary:
        temporary.write_text(json.dumps({"environment": environment} | result, indent=1) + "\n")


if __name__ == "__main__":
    main()
