"""Every block of the documentation runs, prints what stands below it, and every public name is documented."""

import ast
import contextlib
import functools
import importlib.util
import inspect
import io
import json
import re
import shlex
import sys
import types
from pathlib import Path

import pytest

import lossland as ll
import lossland.__main__ as cli
from lossland.core import face_of
from lossland.elements import ACTIVATIONS, LOSSES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
NOTEBOOKS = sorted(DOCS.glob("notebooks/*.ipynb"))
BLOCK = re.compile(
    r"^```(python|\{code-cell\} python|sh)\n(?::[^\n]*\n)*(.*?)^```(?:\s*^```text\n(.*?)^```)?", re.DOTALL | re.M
)
RUN = {"list", "check", "card", "run"}
"""Commands that are run; the others, which train or draw, are parsed only: their own tests run them."""


def _pages_module():
    spec = importlib.util.spec_from_file_location("docs_pages", DOCS / "pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pages = _pages_module()


@pytest.mark.slow
@pytest.mark.docs
@pytest.mark.parametrize("page", [p for p in PAGES if BLOCK.search(p.read_text())], ids=lambda page: page.stem)
def test_the_blocks_run_and_print_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in ("sweep", "solve", "landscape"):
        monkeypatch.setitem(cli.COMMANDS, command, (cli.COMMANDS[command][0], lambda *_: 0))
    names = {}
    for kind, code, expected in BLOCK.findall(page.read_text()):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            _run_commands(code) if kind == "sh" else _run_python(code, names, page.name)
        assert kind != "python" or printed.getvalue().strip() == expected.strip(), code


def _run_python(code, names, where):
    """Run a block; one that starts with a file's name is that file, for the blocks below."""
    if named := re.match(r"# (\w+\.py)\n", code):
        Path(named[1]).write_text(code)
    else:
        exec(compile(code, where, "exec"), names)


def _run_commands(block):
    for line in block.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["lossland"]:
            with pytest.raises(SystemExit) as ended:
                cli.main([*words[1:], "--no-compilation-cache"])
            assert ended.value.code == 0, line


def _code_cells(path):
    """The code of a notebook, cell by cell; lines for IPython alone, such as %pip, are left out."""
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    return [re.sub(r"^[%!].*$", "", "".join(cell["source"]), flags=re.MULTILINE) for cell in cells]


@pytest.mark.slow
@pytest.mark.docs
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path, monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.chdir(tmp_path)
    plt.switch_backend("agg")
    # A session's own module has no file: a cell that defines a loss anew replaces the one before.
    session = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", session)
    try:
        for number, code in enumerate(_code_cells(path)):
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile(code, f"{path.name}:{number}", "exec"), vars(session))
    finally:
        plt.close("all")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_anywhere_and_holds_no_outputs(path):
    held = json.loads(path.read_text())
    assert held["nbformat"] == 4
    assert held["metadata"]["kernelspec"]["name"] == "python3"
    assert path.stat().st_size < 16_000
    cells = held["cells"]
    assert cells[0]["cell_type"] == "markdown"
    assert "".join(cells[0]["source"]).startswith("# ")
    assert "pip install ." in "".join(cells[0]["source"])
    assert len({cell["id"] for cell in cells}) == len(cells)
    for cell in cells:
        assert set(cell) == {"id", "cell_type", "metadata", "source"} | (
            {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        )
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    for code in _code_cells(path):
        compile(code, path.name, "exec")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_names_of_a_notebook_are_in_the_faces(path):
    for code in _code_cells(path):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.Attribute) and ast.unparse(node).startswith("ll."):
                _in_a_face(ast.unparse(node))
            elif isinstance(node, ast.ImportFrom) and node.module.startswith("lossland."):
                assert {each.name for each in node.names} <= set(face_of(node.module.split(".")[1]).users)


def _in_a_face(dotted):
    """`ll.name` is on top, and `ll.wing.name` in the wing's face."""
    _, first, *rest = dotted.split(".")
    assert first in ON_TOP, dotted
    if rest and first in pages.WINGS:
        assert rest[0] in face_of(first).users, dotted


ON_TOP = face_of("").users
QUESTIONS = (DOCS / "names.md").read_text()


def test_every_name_on_top_has_its_question():
    assert [name for name in ON_TOP if not re.search(rf"`@?ll\.{name}\b", QUESTIONS)] == []


@pytest.mark.parametrize("code", sorted(set(re.findall(r"`@?(ll\.[^`]+)`", QUESTIONS))))
def test_a_call_on_the_page_of_names_is_one_that_can_be_made(code):
    """Its name exists, and the function takes such arguments."""
    node = ast.parse(code, mode="eval").body
    named = ast.unparse(node.func if isinstance(node, ast.Call) else node)
    _in_a_face(named)
    found = functools.reduce(getattr, named.split(".")[1:], ll)
    if isinstance(node, ast.Call):
        inspect.signature(found).bind(*node.args, **{each.arg: each.value for each in node.keywords})


PATHS = [path for paths in pages.topics().values() for path in paths]


@pytest.mark.parametrize("path", [path for path in PATHS if not path.rpartition(".")[2].isupper()])
def test_a_public_name_is_explained(path):
    """A sentence, every argument or field, what comes back, and an example: its own or that of what returns it."""
    found, example = pages.found_at(path), not path.startswith("lossland.figures.")  # figures are shown on the pages
    said = inspect.getdoc(found) or ""
    assert said.partition("\n\n")[0].endswith(".")
    if inspect.isfunction(found):
        signature = inspect.signature(found)
        _names_each(said.partition("Args:")[2], signature.parameters)
        assert signature.return_annotation in (None, "None") or "Returns:" in said
        assert ">>>" in said or not example
    elif inspect.isclass(found):
        fields = getattr(found, "_fields", None) or getattr(found, "__dataclass_fields__", ())
        _names_each(said, [field for field in fields if not field.startswith("_")])
        assert ">>>" in said or pages.makers_of(found.__name__)


def _names_each(said, names):
    for name in names:
        assert re.search(rf"^\s+\**{name}:", said, re.MULTILINE), f"{name} is not explained"


def test_every_public_name_is_on_a_page_of_the_api():
    written = "".join(pages.api_page(topic) for topic in pages.topics())
    for wing in pages.WINGS:
        for name in face_of(wing).users:
            assert name in pages.topics() or re.search(rf"\blossland\.({wing}\.)?{name}\b", written), name
    for catalogue in (ACTIVATIONS, LOSSES):
        for entry in catalogue.values():
            where = entry.function.__module__
            assert not where.startswith("lossland.") or f"{where}.{entry.function.__name__}" in PATHS, entry.name
    assert all(f":doc:`{topic}`" in pages.api_index() for topic in pages.topics())


def test_a_topic_has_a_title_that_a_newcomer_understands():
    for topic in pages.topics():
        first, rest = pages.words_of(topic)
        assert first.endswith("."), topic
        assert len(first) <= 120, topic
        assert rest, topic


def test_design_s_house_is_today_s():
    design = (ROOT / "DESIGN.md").read_text()
    assert pages.house() in design, "python docs/pages.py DESIGN.md draws it anew"
    assert pages.with_house(design) == design


def test_benchmark_tables_hold_what_was_saved():
    made = pages.benchmarks()
    for name, key in (("elementwise", "theirs"), ("solve", "peer"), ("landscape", "data")):
        saved = json.loads((ROOT / "benchmarks" / "results" / f"{name}_cpu.json").read_text())["rows"]
        for row in saved:
            ratio = row["ratio"][1] if isinstance(row["ratio"], list) else row["ratio"]
            lines = [line for line in made[name].splitlines() if f" {row[key]} |" in line]
            assert any(re.search(rf"\| {re.escape(pages.short(ratio))}( \(.*?\))? \|", line) for line in lines), row


def test_the_citation_is_that_of_the_file():
    made = pages.bibtex((ROOT / "CITATION.cff").read_text(), ll.__version__)
    assert "title = {lossland: what each output activation and loss really optimise}" in made
    assert "author = {{The lossland developers}}" in made
    assert f"version = {{{ll.__version__}}}" in made


def test_links_between_pages_lead_somewhere():
    made = {"gallery/index.rst", *(f"api/{topic}.rst" for topic in ("index", *pages.topics()))}
    made |= {f"gallery/experiment_{path.stem}.rst" for path in (ROOT / "experiments").glob("*.py")}
    for page in [*PAGES, *NOTEBOOKS, ROOT / "README.md"]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert link in made or (page.parent / link).exists(), f"{page.name}: {link}"
