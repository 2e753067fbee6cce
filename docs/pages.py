"""The pages and parts of pages that are computed: the API, the gallery, other libraries' names, benchmarks, citation.

Nothing here is listed by hand but which modules belong to one topic; a public name of any other module is an error.
"""

import ast
import inspect
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
BENCHMARKS = ROOT / "benchmarks" / "results"
MADE = DOCS / "_made"

TOPICS = {
    "pairs": ("Pairs, and elements of your own", ("pairing", "registry", "combinators")),
    "activations": ("Output activations", ("activations",)),
    "losses": ("Losses", ("losses",)),
    "cards": ("Cards", ("carding",)),
    "data": ("Data", ("datasets",)),
    "training": ("Models, objectives, training", ("models", "objectives", "fitting")),
    "sweeps": ("Sweeps", ("sweeping", "sweeps")),
    "exact": ("Exact solutions", ("solver", "kernels", "paths", "separation", "implicit", "descents")),
    "landscapes": (
        "Landscapes",
        ("planes", "interpolations", "directions", "headings", "volumes", "sharing", "resuming", "vtk_files"),
    ),
    "fields": (
        "What lies on a landscape",
        ("fields", "marks", "convexities", "bands", "connections", "topology", "path_figures"),
    ),
    "minima": ("Exact minima", ("planar", "basins", "programs", "local_slopes")),
    "curvature": ("Curvature", ("curvature", "spectra", "densities", "perturbations", "crossings")),
    "geometry": ("Gradient geometry", ("pulls", "angles", "flows", "clarke", "rules", "repairs")),
    "long_runs": ("Long runs", ("drift", "limits")),
    "estimator": ("scikit-learn", ("estimator", "selection")),
    "testing": ("Checking your own elements", ("testing",)),
    "experiments": ("Experiments", ("experiment",)),
    "page": ("The page", ("page",)),
    "figures": (
        "Figures",
        ("figures", "card_figures", "plane_figures", "field_figures", "geometry_figures", "topology_figures"),
    ),
}
WHOLE = ("activations", "losses", "estimator", "selection", "testing", "experiment")
"""Modules whose own functions and classes are public, besides the names of `__init__.pyi`; so are all of figures."""


def write() -> None:
    """Write every computed page; what would not change is left alone, so that sphinx does not read it again."""
    import lossland
    from lossland.elements import LOSSES

    _put(DOCS / "api" / "index.rst", api_index())
    for topic in TOPICS:
        _put(DOCS / "api" / f"{topic}.rst", api_page(topic))
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


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def table(columns: tuple[str, ...], rows: list[tuple]) -> str:
    """Rows as a Markdown table."""
    lines = [columns, ("---",) * len(columns), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


# ------------------------------------------------------------------------------------------------------------------ API


def public_names() -> dict[str, str]:
    """Name -> module, of the names in `__init__.pyi`."""
    stub = _tree(ROOT / "lossland" / "__init__.pyi")
    found = [
        (node.module, alias.name) for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]
    return {name: module for module, name in found if module is not None}


def names_of(module: str) -> list[str]:
    """The public names of one module, in the order in which they are defined."""
    path = _file(module)
    defined = [node.name for node in _tree(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if module in WHOLE or module.endswith("figures"):
        return list(dict.fromkeys(name for name in defined if not name.startswith("_")))
    listed = [name for name, place in public_names().items() if place == module]
    return sorted(listed, key=lambda name: defined.index(name) if name in defined else -1)


def _file(module: str) -> Path:
    """The file of a module, or what a folder of them shows."""
    alone = ROOT / "lossland" / f"{module}.py"
    return alone if alone.exists() else ROOT / "lossland" / module / "__init__.py"


def _path(module: str, name: str) -> str:
    """Where a user finds a name: in the package, or in its module."""
    return f"lossland.{name}" if public_names().get(name) == module else f"lossland.{module}.{name}"


def api_index() -> str:
    """The page of all topics; a public name without one is an error."""
    covered = {module for _, modules in TOPICS.values() for module in modules}
    missing = {f"{module}.{name}" for name, module in public_names().items() if module not in covered}
    if missing:
        raise ValueError(f"No topic of docs/pages.py has the module of {', '.join(sorted(missing))}.")
    entries = "".join(f"   {topic}\n" for topic in TOPICS)
    return (
        "API\n===\n\nEvery public name, from its docstring. ``import lossland as ll`` gives the names written "
        f"``lossland.name``; the others are imported from their modules.\n\n.. toctree::\n   :maxdepth: 1\n\n{entries}"
    )


def api_page(topic: str) -> str:
    """One topic: a table of its names, and each with its docstring."""
    title, modules = TOPICS[topic]
    paths = [_path(module, name) for module in modules for name in names_of(module)]
    rows = "".join(f"   ~{path}\n" for path in paths)
    lines = [f"{title}\n{'=' * len(title)}\n", f".. autosummary::\n   :nosignatures:\n\n{rows}"]
    for module in modules:
        for name in names_of(module):
            kind = "class" if _is_class(module, name) else "function"
            options = "\n   :members:" if kind == "class" else ""
            lines.append(f".. auto{kind}:: {_path(module, name)}{options}\n")
    return "\n".join(lines)


def _is_class(module: str, name: str) -> bool:
    body = _tree(_file(module)).body
    if any(isinstance(node, ast.ClassDef) and node.name == name for node in body):
        return True
    import lossland

    return inspect.isclass(getattr(lossland, name, None))


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
        parts = CODE.split(line)
        parts[::2] = [re.sub(r"([*|])|(?<=\w)_(?!\w)", _escaped, part) for part in parts[::2]]
        lines[number] = "".join(parts)


def _escaped(found: re.Match) -> str:
    return "\\" + found[0]


def returned_by(app, what, name, obj, options, lines) -> None:
    """Say of a result which functions return it: there stands its example."""
    if what == "class" and not any(">>>" in line for line in lines):
        makers = sorted(makers_of(obj.__name__))
        if makers:
            lines += ["", "From " + ", ".join(f":func:`lossland.{maker}`" for maker in makers) + ".", ""]


def makers_of(result: str) -> list[str]:
    """The public functions whose annotations say that they return a class of this name, or raise it."""
    import lossland

    found = []
    for name in public_names():
        function = getattr(lossland, name)
        if inspect.isfunction(function):
            returned = str(inspect.signature(function).return_annotation)
            raised = (inspect.getdoc(function) or "").partition("Raises:")[2]
            if re.search(rf"\b{result}\b", returned) or re.search(rf"^\s+{result}:", raised, re.MULTILINE):
                found.append(name)
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
    print(f"[{{'holds' if verdict.holds else 'FAILS'}}] {{verdict.claim}}")
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
    rows = [(r["data"], f"{r['C']:g}", *_kernel_ratios(r)) for r in _saved("kernels")["rows"]]
    made["kernels"] = table(("data", "C", "tolerance 1e-3", "tolerance 1e-6", "its excess", "our gap"), rows)
    curvature = _saved("curvature")["results"].items()
    rows = [(what, *(short(cell[key]["ratio"]) for key in ("top-10", "density"))) for what, cell in curvature]
    made["curvature"] = table(("objective", "ten largest eigenvalues", "spectral density"), rows)
    made["cards"] = table(("cards", "time"), [(w, f"{s:.2g} s") for w, s in _saved("cards")["seconds"].items()])
    rows = [
        (what, f"{cell['warm']:.2g} s", f"{cell['cold']:.2g} s") for what, cell in _saved("geometry")["results"].items()
    ]
    made["geometry"] = table(("geometry", "time", "with compilation"), rows)
    environment = _saved("elementwise")["environment"]
    told = [f"{name} {value}" for name, value in environment.items() if name not in ("device", "machine", "cpus")]
    made["environment"] = f"Saved with {', '.join(told)}.\n"
    return made | _sweep_tables() | _landscape_tables()


def _sweep_tables() -> dict[str, str]:
    saved = _saved("sweep")
    columns, rows = _grid(saved["peers"], ("peer",), "shape", lambda r: short(r["ratio"]))
    limit = [row["over_limit"] for row in saved["limit"]]
    steps = [
        f"{float(format(row['model_steps_per_s'], '.2g')):,.0f} ({row['shape']}, {row['models']} models)"
        for row in saved["limit"]
    ]
    facts = [
        ("model-steps a second", "; ".join(steps)),
        ("a step's time over that of its products and its elementwise part", f"{min(limit):.2f} to {max(limit):.2f}"),
        (
            "compiling 168 pairs, from the cache",
            f"{saved['compile']['cold_s']:.1f} s, {saved['compile']['warm_s']:.1f} s",
        ),
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


def _with_missed(row: dict) -> str:
    return short(row["ratio"]) + (f" ({row['missed']} of {row['problems']})" if row["missed"] else "")


def _kernel_ratios(row: dict) -> Iterator[str]:
    seconds = row["seconds"]
    yield from (short(seconds[key] / seconds["ours"]) for key in ("svc", "svc_1e-6"))
    yield f"{row['svc_excess']['svc']:.0e}"
    yield f"{row['gap']:.0e}"


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
