"""The paper: no number typed by hand, nothing undefined, nothing unused, every statement with a test that exists."""

import ast
import importlib.util
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAPER = ROOT / "paper"
EXPERIMENTS = {path.stem: ast.parse(path.read_text()) for path in sorted((ROOT / "experiments").glob("*.py"))}
CONSTANTS = {"0", "1", "2", "3"}
"""The numerals of definitions, theorems and proofs; only inside mathematics, beside a symbol."""
BARE = {"0", "1", "1/2", "+1", "-1", "(0, 1]", "(1, 0)", "[0, 1)", "(-1, 1)", "(0, -1)", "(0, 1)"}
"""Mathematics made of numerals alone: thresholds, labels, ends of intervals."""
PUBLISHED = {"1 - e^{-d/4}", r"P(\mathrm{Bin}(d, 1/2) < d/4)", "1 - e^{-d/8}"}
"""Formulas of others that the text compares, as they are printed."""


def _load():
    spec = importlib.util.spec_from_file_location("paper_build", PAPER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = _load()
SOURCE = build.source()


def _function(tree, name):
    return next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def _strings(tree):
    return {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def _drawn(tree):
    """The names that an experiment's `draw` may give its figures: its strings and those of the constants it uses."""
    draw = _function(tree, "draw")
    used = {n.id for n in ast.walk(draw) if isinstance(n, ast.Name)}
    constants = [n for n in tree.body if isinstance(n, ast.Assign) and {t.id for t in n.targets} & used]
    return set().union(*map(_strings, [draw, *constants]))


def _keys(function):
    """Patterns of the keys that a function gives a dict, in a literal, a comprehension or an assignment."""
    keys = [key for n in ast.walk(function) if isinstance(n, ast.Dict) for key in n.keys]
    keys += [n.key for n in ast.walk(function) if isinstance(n, ast.DictComp)]
    stored = [n for n in ast.walk(function) if isinstance(n, ast.Subscript) and isinstance(n.ctx, ast.Store)]
    keys += [key for n in stored for key in (n.slice.elts if isinstance(n.slice, ast.Tuple) else [n.slice])]
    pieces = [key.values if isinstance(key, ast.JoinedStr) else [key] for key in keys]
    return {
        "".join(re.escape(p.value) if isinstance(p, ast.Constant) else r"\w+" for p in each)
        for each in pieces
        if any(isinstance(p, ast.Constant) and isinstance(p.value, str) for p in each)
    }


def _quotable(tree):
    made = _function(tree, "numbers")
    return set() if made is None else _keys(made)


def typed_digits(text):
    """Numerals in a LaTeX text that are no constants of mathematics, labels of claims, references or file names."""
    body = text.partition(r"\begin{document}")[2] or text
    body = re.sub(r"\\result\{\w+\}\{\w+\}", "", body)
    body = re.sub(r"\\(?:ref|label|checkedby|input|bibliography\w*|cite\w*(?:\[[^]]*\])*)\{[^}]*\}", "", body)
    body = re.sub(r"\\includegraphics(?:\[[^]]*\])?\{[^}]*\}", "", body)
    body = re.sub(r"\\(?:setlength|vspace|hspace)(?:\{\\\w+\})?\{[^}]*\}", "", body)
    body = re.sub(r"\bS\d+\b", "", body)
    found = []

    def mathematics(piece):
        inside = piece[1] or piece[2]
        if inside in PUBLISHED:
            return " "
        numerals = re.findall(r"\d+(?:[.,]\d+)*", inside)
        symbols = re.search(r"[A-Za-z]", inside)
        found.extend(n for n in numerals if n not in CONSTANTS or not (symbols or inside.strip() in BARE))
        return " "

    words = re.sub(r"\\\[(.*?)\\\]|\$(.*?)\$", mathematics, body, flags=re.DOTALL)
    return found + re.findall(r"\w*\d[\w.,]*", words)


def test_no_digit_is_typed_into_the_text():
    assert typed_digits(SOURCE) == []


@pytest.mark.parametrize(
    "text", ["an error of 4.2 points", "on 17 sets", "$4.2$", r"$1.5\eta$", "$3$", r"$x = 17$", r"\[ x = 4 \]", "$10$"]
)
def test_typed_digits_are_found(text):
    assert typed_digits(text)


@pytest.mark.parametrize(
    "text", [r"$\relu{1 - z}$", "(S10)", r"\result{a}{b}", r"$\tau = 1/2$", r"\citep[see][]{a2018}"]
)
def test_constants_and_references_are_no_typed_digits(text):
    assert typed_digits(text) == []


def test_every_number_is_one_that_an_experiment_gives():
    held = {name: _quotable(tree) for name, tree in EXPERIMENTS.items()}
    held["study"] = _keys(_function(ast.parse((PAPER / "build.py").read_text()), "study"))
    quoted = re.findall(r"\\result\{(\w+)\}\{(\w+)\}", SOURCE)
    assert len(quoted) > 100
    missing = [(e, n) for e, n in quoted if not any(re.fullmatch(key, n) for key in held.get(e, ()))]
    assert missing == []


def test_every_figure_is_drawn_by_an_experiment_and_mentioned():
    figures = build.included_figures()
    assert len(figures) == len(set(figures)) >= 6
    for figure in figures:
        name = build.figure_of(figure, set(EXPERIMENTS))
        assert figure.removeprefix(f"{name}_") in _drawn(EXPERIMENTS[name]), figure
    for kind in ("figure", "table"):
        for float_ in re.findall(rf"\\begin\{{{kind}\}}(.*?)\\end\{{{kind}\}}", SOURCE, re.DOTALL):
            label = re.search(r"\\label\{(.*?)\}", float_)
            assert label is not None
            assert rf"\ref{{{label[1]}}}" in SOURCE.replace(float_, ""), label[1]
            assert r"\caption{" in float_


def test_only_the_included_figures_are_copied(tmp_path, monkeypatch):
    (tmp_path / "results" / "figures").mkdir(parents=True)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "stale.pdf").touch()
    shutil.copy(PAPER / "main.tex", tmp_path)
    monkeypatch.setattr(build, "HERE", tmp_path)
    for name in [*build.included_figures(), "made_for_nothing"]:
        (tmp_path / "results" / "figures" / f"{name}.pdf").touch()
    build.copy_figures(tmp_path / "results")
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == set(build.included_figures())


def test_every_table_is_included_and_has_its_columns():
    assert set(build.included_tables()) == set(build.TABLES)
    for cut in build.TABLES.values():
        strings = _strings(EXPERIMENTS[cut.experiment])
        assert set(cut.columns) <= strings
        assert any(s.startswith(cut.title) for s in strings)
        assert len(re.findall(r"[lrc]", cut.align)) == len(cut.columns)


def test_references_are_defined_and_used():
    labels = re.findall(r"\\label\{(.*?)\}", SOURCE)
    assert len(labels) == len(set(labels))
    assert set(re.findall(r"\\ref\{(.*?)\}", SOURCE)) <= set(labels)
    cited = {key.strip() for keys in re.findall(r"\\cite\w*(?:\[[^]]*\])*\{(.*?)\}", SOURCE) for key in keys.split(",")}
    assert cited == set(re.findall(r"@\w+\{(\w+),", (PAPER / "refs.bib").read_text()))


def test_every_statement_is_proved_and_names_a_test_that_exists():
    pattern = r"\\begin\{(theorem|proposition|lemma)\}(.*?)\\end\{\1\}"
    statements = [body for _, body in re.findall(pattern, SOURCE, re.DOTALL)]
    assert len(statements) >= 8
    proofs = SOURCE.partition(r"\appendix")[2]
    for body in statements:
        assert r"\checkedby{" in body, body
        assert rf"\ref{{{re.search(r'label{(.*?)}', body)[1]}}}" in proofs
    for file, test in re.findall(r"\\checkedby\{(.*?)::(.*?)\}", SOURCE):
        assert _function(ast.parse((ROOT / file).read_text()), test) is not None, f"{file}::{test}"


def test_every_experiment_is_quoted_and_every_claim_has_its_paragraph():
    assert set(build.quoted()) == set(EXPERIMENTS)
    body = SOURCE.partition(r"\begin{document}")[2]
    for claim in filter(None, build.CLAIMS):
        assert re.search(rf"\\paragraph\{{[^}}]*\b{claim}\b", body), claim


def test_verdicts_are_counted_under_the_claims_that_they_name():
    assert build.claims_of("x", "S1, S2: they train alike") == {"S1", "S2"}
    assert build.claims_of("x", "S1-S3: every identity") == {"S1", "S2", "S3"}
    assert build.claims_of("implicit_bias", "it drifts") == {"S9"}
    assert build.claims_of("x", "S10: they meet") == {"S10"}
    assert build.claims_of("x", "something else") == {""}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1.9e-11", r"\ensuremath{1.9\times 10^{-11}}"),
        ("1e-12", r"\ensuremath{ 10^{-12}}"),
        ("2.5e+03", r"\ensuremath{2.5\times 10^{3}}"),
        ("0.0e+00", "0"),
        ("-1.36", r"\ensuremath{-}1.36"),
        ("+0.3", r"\ensuremath{+}0.3"),
        ("1000000", r"1\,000\,000"),
        ("0.123456", "0.123456"),
        ("1, 4, 6", "1, 4, 6"),
        ("two_moons & 5 %", r"two\_moons \& 5 \%"),
    ],
)
def test_numbers_are_set_as_latex(number, expected):
    assert build.typeset_number(number) == expected


def test_a_small_run_says_so_and_may_lack_a_number(tmp_path, monkeypatch):
    versions = dict.fromkeys(("python", "jax", "numpy", "scikit-learn", "lossland"), "1.0")
    held = {"versions": versions, "verdicts": [{"claim": "c", "found": "f", "holds": False}], "numbers": {}}
    listed = {name: held | {"config": build.full(name)} for name in EXPERIMENTS}
    shutil.copy(PAPER / "main.tex", tmp_path)
    monkeypatch.setattr(build, "HERE", tmp_path)
    build.write_numbers(listed)
    written = (tmp_path / "numbers.tex").read_text()
    assert r"\setresult{study}{small}{}" in written
    assert r"\setresult{calibration}" not in written
    assert written.count("c (found: f)") == len(EXPERIMENTS)
    small = listed["calibration"]["config"] | {"atoms": 3}
    build.write_numbers(listed | {"calibration": held | {"config": small}})
    written = (tmp_path / "numbers.tex").read_text()
    assert "small or changed run of calibration:" in written
    assert r"\setresult{calibration}{pairs}{(none)}" in written


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("latexmk") is None, reason="needs latexmk")
def test_the_pdf_is_the_same_twice(tmp_path, monkeypatch):
    from lossland import figures

    for name in ("main.tex", "refs.bib"):
        shutil.copy(PAPER / name, tmp_path)
    quoted = sorted(set(re.findall(r"\\result\{(\w+)\}\{(\w+)\}", SOURCE)))
    (tmp_path / "numbers.tex").write_text("".join(rf"\setresult{{{e}}}{{{n}}}{{1}}" + "\n" for e, n in quoted))
    for folder in ("tables", "figures"):
        (tmp_path / folder).mkdir()
    for name in [*build.included_tables(), "claims"]:
        (tmp_path / "tables" / f"{name}.tex").write_text("\\begin{tabular}{l}x\\end{tabular}\n")
    drawn, _ = figures.panels(1, 1)
    for name in build.included_figures():
        drawn.savefig(tmp_path / "figures" / f"{name}.pdf", metadata={"CreationDate": None})
    monkeypatch.setattr(build, "HERE", tmp_path)
    made = []
    for _ in range(2):
        assert build.typeset() is None
        made.append((tmp_path / "main.pdf").read_bytes())
    assert made[0] == made[1]
    log = (tmp_path / "main.log").read_text(errors="replace")
    assert "undefined" not in log
    # Nothing but numbers, tables and figures comes from elsewhere: one that is missing stops the build.
    (tmp_path / "numbers.tex").write_text("")
    assert any("gives no number" in line for line in build.typeset())
