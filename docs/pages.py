"""The pages and parts of pages that are computed: the API, the gallery, other libraries' names, benchmarks, citation.

Nothing here is listed by hand: the API's topics are the wings that give users something. `python docs/pages.py
DESIGN.md` draws DESIGN's house anew.
"""

import ast
import importlib
import inspect
import json
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from lossland.core import FLOORS, PACKAGE, face_of

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BENCHMARKS = ROOT / "benchmarks" / "results"
MADE = DOCS / "_made"
WINGS = [wing for floor in FLOORS for wing in floor]
ON_TOP = face_of("").users
"""Name -> wing, of what `import lossland as ll` gives without a wing's name."""


def write() -> None:
    """Write every computed page; what would not change is left alone, so that sphinx does not read it again."""
    import lossland
    from lossland.elements import LOSSES

    _put(DOCS / "api" / "index.rst", api_index())
    for topic in topics():
        _put(DOCS / "api" / f"{topic}.rst", api_page(topic))
    for path in (DOCS / "api").glob("*.rst"):
        if path.stem not in ("index", *topics()):
            path.unlink()  # of a topic that is no more; sphinx would complain
    _put(MADE / "aliases.md", table(("lossland", "library", "its name", "scale", "stretch"), aliases(LOSSES)))
    for name, part in benchmarks().items():
        _put(MADE / f"{name}.md", part)
    _put(MADE / "bibtex.md", f"```bibtex\n{bibtex((ROOT / 'CITATION.cff').read_text(), lossland.__version__)}\n```\n")
    _put(MADE / "gallery" / "GALLERY_HEADER.rst", GALLERY)
    for name, text in scripts().items():
        _put(MADE / "gallery" / f"experiment_{name}.py", text)


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def table(columns: tuple[str, ...], rows: list[tuple]) -> str:
    """Rows as a Markdown table."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


# ------------------------------------------------------------------------------------------------------------------ API


@cache
def topics() -> dict[str, list[str]]:
    """Topic -> where its names are found: a topic for each wing that gives users something, and for each catalogue."""
    found = {}
    for wing in WINGS:
        users = face_of(wing).users
        catalogues = [name for name, file in users.items() if name == file]
        names = [name for name in users if name not in catalogues]
        found[wing] = [f"lossland.{name}" if ON_TOP.get(name) == wing else f"lossland.{wing}.{name}" for name in names]
        found |= {name: [f"lossland.{wing}.{name}.{each}" for each in _made_in(wing, name)] for name in catalogues}
    return {topic: paths for topic, paths in found.items() if paths}


def _made_in(wing: str, catalogue: str) -> list[str]:
    """The public functions of a catalogue, in the order in which they are defined."""
    body = ast.parse((PACKAGE / wing / f"{catalogue}.py").read_text()).body
    return [node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]


def found_at(path: str) -> Any:
    """The function, class or constant that a user finds at a path."""
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def words_of(topic: str) -> tuple[str, str]:
    """(first line, the rest) of what a wing or a catalogue says of itself; nothing is imported."""
    folder = PACKAGE / topic / "__init__.py"
    path = folder if folder.exists() else next(PACKAGE.glob(f"*/{topic}.py"))
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    first, _, rest = said.partition("\n")
    return first, rest.strip()


def api_index() -> str:
    """The page of all topics."""
    entries = "".join(f"   {topic} <{topic}>\n" for topic in topics())
    lines = "".join(f"- :doc:`{topic}`: {escaped(words_of(topic)[0])}\n" for topic in topics())
    about = (
        "Every public name, from its docstring: a page for each wing of the package. With ``import lossland as ll`` "
        "what is written ``lossland.name`` is ``ll.name``, and ``lossland.wing.name`` is ``ll.wing.name``."
    )
    return f"API\n===\n\n{about}\n\n{lines}\n.. toctree::\n   :maxdepth: 1\n   :hidden:\n\n{entries}"


def api_page(topic: str) -> str:
    """One topic: what it says of itself, a table of its names, each with its docstring; constants with their values."""
    title = f"lossland.{topic}"
    about = "\n".join(escaped(line) for line in "\n\n".join(words_of(topic)).splitlines())
    kinds = {path: _kind(found_at(path)) for path in topics()[topic]}
    documented = {path: kind for path, kind in kinds.items() if kind}
    rows = "".join(f"   ~{path}\n" for path in documented)
    lines = [f"{title}\n{'=' * len(title)}\n", f"{about}\n", f".. autosummary::\n   :nosignatures:\n\n{rows}"]
    for path, kind in documented.items():
        options = "\n   :members:" if kind == "class" else ""
        lines.append(f".. auto{kind}:: {path}{options}\n")
    lines += [f"- ``{path}`` is ``{found_at(path)}``" for path, kind in kinds.items() if not kind]
    return "\n".join(lines).rstrip() + "\n"


def _kind(found: Any) -> str:
    return "class" if inspect.isclass(found) else "function" if callable(found) else ""


CODE = re.compile(r"(:\w+:`[^`]*`|``[^`]*``|`[^`]*`)")


def plain_text(app, what, name, obj, options, lines) -> None:
    """Escape what reStructuredText would take for markup, outside of code, formulas and examples."""
    formula = False
    for number, line in enumerate(lines):
        if line.strip().startswith(".. math::"):
            formula = True
        elif formula and line.strip() and not line.startswith(" "):
            formula = False
        if formula or line.lstrip().startswith((">>>", "...")):
            continue
        lines[number] = escaped(line)


def escaped(line: str) -> str:
    """A line of plain text with `code`, for reStructuredText."""
    parts = CODE.split(line)
    parts[::2] = [re.sub(r"([*|])|(?<=\w)_(?!\w)", lambda found: "\\" + found[0], part) for part in parts[::2]]
    return "".join(parts)


def returned_by(app, what, name, obj, options, lines) -> None:
    """Say of a result which functions return it: there stands its example."""
    if what == "class" and not any(">>>" in line for line in lines):
        makers = sorted(makers_of(obj.__name__))
        if makers:
            lines += ["", "From " + ", ".join(f":func:`{maker}`" for maker in makers) + ".", ""]


def makers_of(result: str) -> list[str]:
    """Where the functions are whose annotations say that they return a class of this name, or that raise it."""
    found = []
    for path in (path for paths in topics().values() for path in paths):
        function = found_at(path)
        if inspect.isfunction(function):
            returned = str(inspect.signature(function).return_annotation)
            raised = (inspect.getdoc(function) or "").partition("Raises:")[2]
            if re.search(rf"\b{result}\b", returned) or re.search(rf"^\s+{result}:", raised, re.MULTILINE):
                found.append(path)
    return found


def skip_fields(app, what, name, obj, skip, options) -> bool | None:
    """Leave out a NamedTuple's fields, which stand under its Attributes, and what scikit-learn adds to an estimator."""
    return True if type(obj).__name__ == "_tuplegetter" or re.fullmatch("set_.*_request", name) else None


# -------------------------------------------------------------------------------------------------------------- gallery

GALLERY = """\
Gallery
=======

One experiment, one question: each page runs one of the package's experiments and shows its verdicts and figures. Where
``make reproduce`` was run before with the same code, a page shows that result, else that of the small version
(``--smoke``), which is too small for some claims: a verdict may then fail. A page says which of the two it shows.
"""

SCRIPT = '''\
"""
{title}
{rule}

{text}

``lossland run {name}`` runs it in full, ``experiments/{name}.py`` is its code. {size}
"""

from lossland import experiment

module = experiment.find_experiment("{name}")
outcome = experiment.run("{name}", module.{config}, quiet=True)

# %%
# The verdicts
# ------------
for verdict in outcome.verdicts:
    print(f"[{{verdict.word}}] {{verdict.claim}}")
    print(f"        {{verdict.criterion}}: {{verdict.found}}")

# %%
# The figures
# -----------
for path in outcome.figures:
    print(path)
'''
SIZES = {
    "Config()": "This page shows the full result.",
    "SMOKE": "This page shows the small version (``--smoke``), which is too small for some claims.",
}


def scripts() -> dict[str, str]:
    """A script for each experiment, with the experiment's own words; the full result is shown where there is one."""
    from lossland import experiment

    made = {}
    for path in sorted((ROOT / "experiments").glob("*.py")):
        module = experiment.find_experiment(str(path))
        result = f"{path.stem}-{experiment.result_fingerprint(module, module.Config())[:12]}.nc"
        full = (ROOT / experiment.RESULTS / result).exists()
        if full:
            (MADE / "gallery" / "results").mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / experiment.RESULTS / result, MADE / "gallery" / "results" / result)
        made[path.stem] = script(path.stem, inspect.getdoc(module) or "", "Config()" if full else "SMOKE")
    return made


def script(name: str, docstring: str, config: str) -> str:
    """The script of one experiment's page; its first sentence is the title."""
    head, _, rest = docstring.partition("\n\n")
    head = " ".join(head.split())
    title = re.split(r"(?<=[?.:])(?=\s|$)", head)[0]
    text = "\n\n".join(re.sub(r"([*|])", r"\\\\\1", part) for part in (head[len(title) :].strip(), rest) if part)
    title = title.rstrip(".:")
    return SCRIPT.format(name=name, title=title, rule="=" * len(title), text=text, config=config, size=SIZES[config])


def drawn(block, block_vars, gallery_conf) -> str:
    """Hand sphinx-gallery the files that an experiment drew: experiments draw files, not windows."""
    from sphinx_gallery.scrapers import figure_rst

    shown = []
    for path in block_vars["example_globals"]["outcome"].figures if "outcome.figures" in block[1] else ():
        image = next(block_vars["image_path_iterator"])
        shutil.copy(path, image)
        shown.append(figure_rst([image], gallery_conf["src_dir"]))
    return "\n".join(shown)


# ------------------------------------------------------------------------------------------------------------- formulas


def visit_formula(translator, node) -> None:
    """A formula as MathML, which browsers draw themselves: no script, no network."""
    from docutils import nodes
    from docutils.utils.math.latex2mathml import tex2mathml

    formula = re.sub(r"(frac)(\d)(\d)", r"\1{\2}{\3}", node.astext())  # \frac12, which docutils does not read
    drawn = tex2mathml(formula, as_block=isinstance(node, nodes.math_block))
    translator.body.append(drawn.replace("<mo>‖</mo>", '<mo stretchy="false">‖</mo>'))
    raise nodes.SkipNode


# ------------------------------------------------------------------------------------------------------ other libraries


def aliases(losses: dict) -> list[tuple]:
    """(ours, library, theirs, scale, stretch) of every alias that a registered loss declares."""
    return [
        (f"`{entry.name}`", alias.library, f"`{alias.name}`", f"{alias.scale:g}", f"{alias.stretch:g}")
        for entry in losses.values()
        if entry.function.__module__.startswith("lossland.")
        for alias in entry.aliases
    ]


def _saved(name: str) -> dict:
    return json.loads((BENCHMARKS / f"{name}_cpu.json").read_text())


def short(ratio: float) -> str:
    """A ratio as it is shown: two digits."""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"


def _grid(rows: list[dict], down: tuple[str, ...], across: str, show) -> tuple[list[str], list[tuple]]:
    """Saved rows as a grid: a line for each value of the keys `down`, a column for each value of `across`."""
    columns = list(dict.fromkeys(str(row[across]) for row in rows))
    lines: dict[tuple, dict[str, str]] = {}
    for row in rows:
        lines.setdefault(tuple(row[key] for key in down), {})[str(row[across])] = show(row)
    return columns, [(*key, *(cells.get(column, "") for column in columns)) for key, cells in lines.items()]


def benchmarks() -> dict[str, str]:
    """Each benchmark's table, read from benchmarks/results."""
    made = {}
    columns, rows = _grid(_saved("elementwise")["rows"], ("ours", "theirs"), "what", lambda r: short(r["ratio"][1]))
    made["elementwise"] = table(("ours", "theirs", *columns), rows)
    columns, rows = _grid(_saved("solve")["rows"], ("loss", "peer"), "workload", _with_missed)
    made["solve"] = table(("loss", "peer", *(f"({column})" for column in columns)), sorted(rows))
    heads = ("loss", "C", "LIBLINEAR / ours", "its gap", "our gap", "ours with a bias / ours", "memory")
    rows = [
        (r["loss"], f"{r['C']:g}", short(r["ratio"]), *(f"{r[key]:.0e}" for key in ("liblinear_gap", "gap")),
         short(r["seconds_with_bias"] / r["seconds"]), short(r["memory"]))
        for r in _saved("sparse")["rows"]
    ]  # fmt: skip
    made["sparse"] = table(heads, rows)
    rows = [(r["data"], f"{r['C']:g}", *_kernel_ratios(r)) for r in _saved("kernels")["rows"]]
    made["kernels"] = table(("data", "C", "SVC / ours", "its tolerance", "its gap", "our gap"), rows)
    curvature = _saved("curvature")["results"].items()
    rows = [
        (what, *(short(cell[key][peer]) for key in ("top-10", "density") for peer in ("ratio", "matfree_ratio")))
        for what, cell in curvature
    ]
    heads = ("ten largest: eigsh", "matfree", "density: eigvalsh", "matfree")
    made["curvature"] = table(("objective", *heads), rows)
    made["cards"] = table(("cards", "time"), [(w, f"{s:.2g} s") for w, s in _saved("cards")["seconds"].items()])
    rows = [
        (what, f"{cell['warm']:.2g} s", f"{cell['cold']:.2g} s") for what, cell in _saved("geometry")["results"].items()
    ]
    made["geometry"] = table(("geometry", "time", "with compilation"), rows)
    environment = _saved("elementwise")["environment"]
    told = [f"{name} {value}" for name, value in environment.items() if name not in ("device", "machine", "cpus")]
    made["environment"] = f"Saved with {', '.join(told)}.\n"
    return made | _sweep_tables() | _landscape_tables() | {"scaling": _scaling_table()}


def _sweep_tables() -> dict[str, str]:
    saved = _saved("sweep")
    shown = [row | {"what": f"{row['pairs']}, {row['shape']}"} for row in saved["peers"]]
    columns, rows = _grid(shown, ("peer",), "what", lambda r: short(r["ratio"]))
    cold, warm = saved["calls"]["cold"], saved["calls"]["warm"]
    steps = {f"{row['pairs']}, {row['shape']}": f"{row['ours_us']:.2g}" for row in saved["peers"]}
    facts = [
        ("microseconds a step of a model", "; ".join(f"{us} ({what})" for what, us in steps.items())),
        (
            "first call, all pairs x 4 models, 50 steps, and from kept programs",
            f"{cold['first_s']:.0f} s, {warm['first_s']:.0f} s",
        ),
        ("the same call again, and its steps alone", f"{warm['second_s']:.2f} s, {warm['steps_alone_s']:.2f} s"),
        ("peak memory of ten such calls", f"{cold['peak_gib']:.1f} GiB"),
        ("memory of 16800 models on 569 x 30", f"{saved['memory']['peak_gib']:.2f} GiB"),
        ("work of two processes over that of one", f"{saved['processes']['two_against_one']:.1f}"),
    ]
    return {"sweep": table(("peer", *columns), rows), "sweep_facts": table(("ours", ""), facts)}


def _landscape_tables() -> dict[str, str]:
    saved = _saved("landscape")
    shown = lambda r: f"{short(r['ratio'])} ({short(r['ours_ms'])} ms)"  # noqa: E731
    columns, rows = _grid(saved["rows"], ("data", "steps"), "loss", shown)
    small = saved["small_and_twelve"]
    facts = [
        ("a plane of 11 x 11 points, from call to result", f"{small['small_ms']:.1f} ms"),
        ("twelve pairs on one plane over twelve planes", f"{1 / small['apart_over_together']:.2f}"),
    ]
    planes = [(data, f"{steps} x {steps}", *cells) for data, steps, *cells in rows]
    return {"landscape": table(("data", "plane", *columns), planes), "landscape_facts": table(("ours", ""), facts)}


def _scaling_table() -> str:
    """Each call's log-log slopes in one size, beside theory's."""

    def measured(slope: list[float] | None) -> str:
        return "" if slope is None else f"{slope[0]:.2f} ± {slope[1]:.2f}"

    def theory(slopes: list[float]) -> str:
        return " to ".join(f"{slope:g}" for slope in dict.fromkeys(slopes))

    rows = [
        (law["call"], law["size"], *(measured(law["time"][over]) for over in ("all", "last_decade")),
         theory(law["time"]["theory"]), law["time"]["verdict"], measured(law["memory"]["last_decade"]),
         theory(law["memory"]["theory"]), law["why"])
        for law in _saved("scaling")["laws"].values()
    ]  # fmt: skip
    heads = ("call", "grows", "time", "last decade", "theory", "", "memory", "theory", "because")
    return table(heads, rows)


def _with_missed(row: dict) -> str:
    return short(row["ratio"]) + (f" ({row['missed']} of {row['problems']})" if row["missed"] else "")


def _kernel_ratios(row: dict) -> Iterator[str]:
    if "gaps" in row:
        yield short(row["ratio"])
        yield from (f"{value:.0e}" for value in (row["svc_tol"], row["gaps"]["svc"], row["gaps"]["ours"]))
    else:
        # Saved before SVC's tolerance was chosen by its gap: its excess over the optimum stands for the gap.
        yield short(row["seconds"]["svc_1e-6"] / row["seconds"]["ours"])
        yield from (f"{value:.0e}" for value in (1e-6, row["svc_excess"]["svc_1e-6"], row["gap"]))


# ------------------------------------------------------------------------------------------------------------- citation


def bibtex(cff: str, version: str) -> str:
    """CITATION.cff as a BibTeX entry of one version."""
    field = {
        key: value.strip().strip('"') for key, value in re.findall(r"^(?:\s*- )?([\w-]+): *(.+)$", cff, re.MULTILINE)
    }
    names = [value.strip() for value in re.findall(r"^\s+(?:- )?name: *(.+)$", cff, re.MULTILINE)]
    pairs = {
        "title": f"{{{field['title']}}}",
        "author": f"{{{' and '.join(f'{{{name}}}' for name in names)}}}",
        "version": f"{{{version}}}",
        "note": f"{{{field['license']} license}}",
    }
    body = ",\n".join(f"  {key} = {value}" for key, value in pairs.items())
    return f"@software{{lossland,\n{body}\n}}"


# --------------------------------------------------------------------------------------------------------------- DESIGN

HOUSE = re.compile(r"(?<=<!-- written by `python docs/pages.py DESIGN.md` -->\n).*?(?=<!-- up to here -->)", re.DOTALL)


def house() -> str:
    """The floors as they stand, and the wings in the same order, each with the first line of what it says of itself."""
    floors = list(enumerate(FLOORS))[::-1]
    drawn = "".join(f"{number}  {'    '.join(wings):^56}".rstrip() + "\n" for number, wings in floors)
    rows = [(number, f"`{wing}`", words_of(wing)[0]) for number, wings in floors for wing in wings]
    return f"```\n{drawn}```\n\n{table(('floor', 'wing', 'what it answers'), rows)}"


def with_house(text: str) -> str:
    """The text of DESIGN.md with today's house between its two marks."""
    return HOUSE.sub(lambda _: house(), text)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(with_house(path.read_text()))
