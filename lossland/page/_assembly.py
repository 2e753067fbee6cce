"""The page's parts made one file: tables and cards compressed, our modules joined, plotly.js put in."""

import base64
import gzip
import json
import re
from collections.abc import Callable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from lossland.core import guarded, named_path, replacing, writable
from lossland.elements import Pair, pair, pairs, refusal
from lossland.page._entries import pair_entries
from lossland.page._examples import CLOUDS, L2S, described
from lossland.page._nodes import FAR_TOLERANCE, NEAR, SLOPE_TOLERANCE, TOLERANCE

NEEDED = ("identity+hinge", "identity+logistic", "relu+hinge", "sigmoid+cross_entropy")
"""Always there: the tour shows them, and on the first two the page finds its own optima when data were changed."""
FLOORS = {f"shifted_relu(c={c:g})+hinge": c for c in (0.25 * k for k in range(1, 17))}
"""The way from ReLU to the SVM, the hinge of max(z, -c): name -> c. At c = 0 it is relu+hinge."""
MODULES = (
    "tables",
    "objective",
    "descent",
    "floors",
    "state",
    "paint",
    "curves_view",
    "plane_view",
    "data_view",
    "keys",
    "surface",
    "picture",
    "python_lines",
    "glossary",
    "tour",
    "presets",
    "model",
    "controls",
    "hands",
    "panel",
    "question",
    "guide",
    "main",
)


def page_text(
    chosen: Sequence[Any] | None = None,
    files: Sequence[str] = (),
    tick: Callable[[int, int], None] | None = None,
    processes: int = 1,
) -> str:
    """The page as text; see `write_page`."""
    made = _page_pairs(chosen)
    static = resources.files("lossland.page") / "static"
    content, tables = _content(made, list(files), tick, processes)
    parts = {
        "style": (static / "style.css").read_text(),
        "script": script(),
        "content": _packed(json.dumps(content, separators=(",", ":"), allow_nan=False).encode()),
        "tables": _packed(tables),
        "plotly": _packed(_plotly()),
    }
    template = (static / "template.html").read_text()
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def script() -> str:
    """Our modules as one script, each in a scope of its own, which hands on what it exports."""
    static = resources.files("lossland.page") / "static"
    return "\n".join(_scoped((static / f"{name}.mjs").read_text()) for name in MODULES)


def _scoped(text: str) -> str:
    names = ", ".join(re.findall(r"^export (?:async )?(?:function|const) (\w+)", text, re.MULTILINE))
    inner = re.sub(r"^import .*?;\n|^export ", "", text, flags=re.MULTILINE | re.DOTALL)
    return f"const {{ {names} }} = (() => {{\n{inner}return {{ {names} }};\n}})();\n"


def _page_pairs(chosen: Sequence[Any] | None) -> list[Pair]:
    made = list(pairs()) if chosen is None else [pair(each) for each in chosen]
    held = {each.name for each in made}
    return made + [pair(name) for name in (*NEEDED, *FLOORS) if name not in held]


def _content(
    made: list[Pair], files: list[str], tick: Callable[[int, int], None] | None, processes: int
) -> tuple[dict[str, Any], bytes]:
    """What the page knows besides formulas it does not have: cards, data sets, and where each table lies."""
    told, clouds, tables = [], [], b""
    of = len(CLOUDS) + len(made)
    for number, name in enumerate(CLOUDS, 1):
        clouds.append(described(name))
        if tick is not None:
            tick(number, of)
    for number, (entry, table) in enumerate(pair_entries(made, files, processes), len(CLOUDS) + 1):
        told.append(entry | {"at": len(tables), "floor": FLOORS.get(made[number - len(CLOUDS) - 1].name)})
        tables += table
        if tick is not None:
            tick(number, of)
    content = {
        "pairs": told,
        "clouds": clouds,
        "l2s": list(L2S),
        "files": files,
        "refused": _refused(made),
        "tolerance": {"near": NEAR, "value": TOLERANCE, "slope": SLOPE_TOLERANCE, "far": FAR_TOLERANCE},
    }
    return content, tables


def _refused(made: list[Pair]) -> dict[str, str]:
    """Why a loss cannot follow an activation of the page, or does not here: pair -> the reason."""
    shown = [each for each in made if each.name not in FLOORS]
    held = {each.name for each in shown}
    activations = {each.activation.name: each.activation for each in shown}
    losses = {each.loss.name: each.loss for each in shown}
    others = [Pair(activation, loss) for activation in activations.values() for loss in losses.values()]
    return {each.name: _why_not(each) for each in others if each.name not in held}


def _why_not(each: Pair) -> str:
    reason = refusal(each)
    # The sentence behind the pair's name, without what to take instead: that is what the list shows.
    return reason.partition(": ")[2].partition(". Nearest")[0] if reason else "not among the pairs of this page"


def _packed(content: bytes) -> str:
    # mtime=0: the same page has the same bytes.
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def _plotly() -> bytes:
    import plotly

    return (Path(plotly.__file__).parent / "package_data" / "plotly.min.js").read_bytes()


@guarded(processes=1)
def write_page(
    path: str | Path = "page.html",
    pairs: Sequence[Any] | None = None,
    files: Sequence[str] = (),
    tick: Callable[[int, int], None] | None = None,
    processes: int = 1,
) -> Path:
    """Write the page: one self-contained HTML file.

    Curves and slopes are tables made by JAX, between whose nodes the browser interpolates; no formula is written twice.

    Args:
        path: where.
        pairs: pairs or their names; every admissible registered pair if left out, yours included.
        files: your own files as given to `load_file`, named in the Python lines that the page hands out.
        tick: called with (done, of) after each data set and each pair.
        processes: how many may work side by side on many pairs. A script that asks for more than one needs the guard
            `if __name__ == "__main__":`, as Python's own processes do.

    Returns:
        The path.

    Raises:
        ValueError: if a pair is unknown or not admissible.
        OSError: if the file cannot be written.

    Example:
        It solves for the marked optima, some seconds of work; `docs/page.md` runs it.

        >>> import lossland as ll
        >>> ll.write_page("page.html", ["relu+hinge", "identity+hinge"])  # doctest: +SKIP
        PosixPath('page.html')
    """
    path = named_path(path)
    text = page_text(pairs, files, tick, processes)
    with writable(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return path
