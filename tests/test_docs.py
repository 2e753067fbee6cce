"""Every block of the documentation runs, prints what stands below it, and every public name is documented."""

import contextlib
import importlib.util
import io
import re
import shlex
from pathlib import Path

import pytest

import lossland.__main__ as cli

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
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
@pytest.mark.parametrize("page", [p for p in PAGES if BLOCK.search(p.read_text())], ids=lambda page: page.stem)
def test_the_blocks_run_and_print_what_they_say(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for command in ("sweep", "solve", "landscape"):
        monkeypatch.setattr(getattr(cli, f"{command}_command"), "run", lambda *_: 0)
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
