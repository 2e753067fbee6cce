"""The paper: no number typed by hand, nothing undefined, nothing unused, every statement with a test that exists."""

import ast
import importlib.util
import re
import shutil
import types
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
    constants = [
        n
        for n in tree.body
        if isinstance(n, ast.Assign) and {t.id for t in ast.walk(n) if isinstance(t, ast.Name)} & used
    ]
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
    checks = build.checks()
    assert len(checks) == len(re.findall(r"\\checkedby\{", SOURCE))
    for file, test, words in checks:
        assert _function(ast.parse((ROOT / file).read_text()), test) is not None, f"{file}::{test}"
        # What it checks is said in words; its name is left to the appendix.
        assert len(words.split()) >= 5, test
        assert "test" not in words, words
        assert "_" not in re.sub(r"\$.*?\$", "", words), words


def test_the_appendix_numbers_the_tests_as_the_text_does():
    lines = [line for line in build.tests_table().splitlines() if r"\path{" in line]
    assert len(lines) == len(build.checks()) >= 12
    for number, (line, (file, test, _)) in enumerate(zip(lines, build.checks(), strict=True), 1):
        assert line.startswith(f"{number} & ")
        assert rf"\path{{{file}}}" in line
        assert rf"\path{{{test}}}" in line


def test_every_experiment_is_quoted_and_every_claim_has_its_paragraph():
    assert set(build.quoted()) == set(EXPERIMENTS)
    body = SOURCE.partition(r"\begin{document}")[2]
    for claim in filter(None, build.CLAIMS):
        assert re.search(rf"\\paragraph\{{[^}}]*\b{claim}\b", body), claim


VERDICTS = [
    {"claim": "S2: they train alike", "criterion": "at most 1e-12", "found": "1.9e-13", "holds": True}
    | {"about": ["S1", "S2"], "fixed": "before"},
    {"claim": "max(z, -c) rises", "criterion": "rising", "found": "least step -0.2", "holds": False}
    | {"about": ["S5"], "fixed": "after"},
    {"claim": "of 50 % & more", "criterion": "equal", "found": "0", "holds": True},
]
"""As the manifest holds them: two claims as they are made, one of before, which says neither about nor fixed."""


def _listed(**changed):
    """A manifest of full runs of every experiment, without numbers; `calibration` has VERDICTS."""
    versions = dict.fromkeys(("python", "jax", "numpy", "scikit-learn", "lossland"), "1.0")
    held = {"versions": versions, "verdicts": [], "numbers": {}}
    listed = {name: held | {"config": build.full(name)} for name in EXPERIMENTS}
    listed["calibration"] |= {"verdicts": VERDICTS} | changed
    return listed


def test_verdicts_are_counted_under_the_claims_that_they_name():
    assert [build.claims_of(v) for v in VERDICTS] == [{"S1", "S2"}, {"S5"}, {""}]
    lines = build.claims(_listed()).splitlines()
    counted = {claim: line.rpartition("&")[2].removesuffix(r" \\").strip() for line in lines for claim in build.CLAIMS
               if line.partition("&")[0].strip() == claim}  # fmt: skip
    assert counted == dict.fromkeys(build.CLAIMS, "0 of 0") | {
        "S1": "1 of 1",
        "S2": "1 of 1",
        "S5": "0 of 1",
        "": "1 of 1",
    }
    assert all(r"\texttt{calibration}" in line for line in lines if line.startswith(("S1 ", "S2 ", "S5 ")))


def test_claims_beside_the_ten_have_a_row_only_where_there_are_some():
    assert build.CLAIMS[""] in build.claims(_listed())
    assert build.CLAIMS[""] not in build.claims(_listed(verdicts=VERDICTS[:2]))


def test_the_appendix_has_every_claim_with_its_bound():
    listed = _listed() | {"hinge_is_svm": _listed()["hinge_is_svm"] | {"verdicts": VERDICTS[:1]}}
    made = build.verdict_table(listed)
    assert r"\texttt{hinge\_\allowbreak{}is\_\allowbreak{}svm}" in made
    assert made.count("they train alike") == 2
    power = r"at most \ensuremath{ 10^{-12}}"
    assert rf"S1, S2: S2: they train alike & {power} & \ensuremath{{1.9\times 10^{{-13}}}} & before & holds \\" in made
    assert r"max(z, -c) rises & rising & least step \ensuremath{-}0.2 & after & \textbf{fails} \\" in made
    assert r"of 50 \% \& more & equal & 0 & not said & holds \\" in made


def test_the_text_lists_the_claims_that_fail():
    told = build.study(_listed())
    assert told["failing"] == "These fail: max(z, -c) rises (`calibration`; rising; found: least step -0.2)."
    assert (told["verdicts"], told["holding"]) == ("3", "2")
    assert [told[f"fixed_{when}"] for when in ("before", "after", "unsaid")] == ["1", "1", "1"]
    assert build.study(_listed(verdicts=VERDICTS[:1]))["failing"] == "None fails."
    body = SOURCE.partition(r"\begin{document}")[2].partition(r"\appendix")[0]
    assert r"\result{study}{failing}" in re.sub(r"\\begin\{table\}.*?\\end\{table\}", "", body, flags=re.DOTALL)


@pytest.mark.parametrize(
    "number", ["nan", "not a number", "not installed", "inf", "-inf", "infinite", "NaN %", "0.1 to inf", "", " "]
)
def test_what_is_no_number_stops_the_paper(number):
    names = {name: "1.0" for experiment, name in build.quoted_numbers() if experiment == "calibration"}
    others = [e for e in EXPERIMENTS if e != "calibration"]
    listed = {e: n for e, n in _listed(numbers=names).items() if e not in others}
    assert build.no_numbers(listed) == []
    listed["calibration"]["numbers"] = names | {"pairs": number}
    (told,) = build.no_numbers(listed)
    assert told == f"The paper quotes pairs of the experiment calibration, which is no number: {number!r}."
    # A small run may.
    listed["calibration"]["config"] = build.full("calibration") | {"atoms": 3}
    assert build.no_numbers(listed) == []


@pytest.mark.parametrize("number", ["1.0", "saddle", "1e-12", "1, 4, 6", "finance", "no live run"])
def test_words_that_hold_the_letters_of_nan_are_none(number):
    assert not build.NO_NUMBER.search(number)


def test_a_number_that_is_missing_stops_the_paper():
    names = {name: "1.0" for experiment, name in build.quoted_numbers() if experiment == "calibration"}
    del names["pairs"]
    listed = {"calibration": _listed(numbers=names)["calibration"]}
    told = build.no_numbers(listed)
    assert told == ["The paper quotes pairs of the experiment calibration, which gives no number of that name."]


def test_a_table_with_what_is_no_number_stops_the_paper():
    cut = build.Table("Repairs", ("repair", "error"), (("none", "nan"), ("leaky", "")))
    (told,) = build.no_number_cells(_listed(), {"repairs": cut})
    assert told == (
        "The paper takes the table repairs from the experiment relu_repairs, where 'error' of none is no number: 'nan'."
    )


def test_make_paper_ends_with_the_sentence(tmp_path, monkeypatch, capsys):
    names = {e: {n: "1.0" for f, n in build.quoted_numbers() if f == e} for e in EXPERIMENTS}
    listed = {e: entry | {"numbers": names[e]} for e, entry in _listed().items()}
    listed["svm_vs_logistic"]["numbers"]["smallest_holm"] = "nan"
    monkeypatch.setattr(build, "manifest", lambda out: listed)
    monkeypatch.setattr(build, "cut_tables", lambda listed, results: {})
    monkeypatch.setattr("sys.argv", ["build.py"])
    monkeypatch.setattr(build, "HERE", tmp_path)
    shutil.copy(PAPER / "main.tex", tmp_path)
    monkeypatch.setattr(build, "quoted", lambda: list(EXPERIMENTS))
    monkeypatch.setattr(build, "stale_words", lambda listed: [])
    assert build.main() == 1
    said = capsys.readouterr().err
    assert said == "The paper quotes smallest_holm of the experiment svm_vs_logistic, which is no number: 'nan'.\n"
    assert not (tmp_path / "numbers.tex").exists()


def test_every_word_that_a_verdict_decides_names_one_claim():
    words = build.decided_words()
    assert len(words) >= 12
    for experiment, start, word in words:
        assert word in {"open", "failed", "holds"}
        assert any(text.startswith(start) for text in _strings(EXPERIMENTS[experiment])), start


def test_a_word_that_the_results_decide_otherwise_stops_the_paper():
    def told(**verdict):
        claim = {"claim": "No proof is contradicted by values", "holds": False} | verdict
        entry = _listed()["proof_map"] | {"verdicts": [claim]}
        return build.stale_words({"proof_map": entry})

    assert told() == []
    assert told(holds=True) == [
        "The paper says of the experiment proof_map, 'No proof is contradicted' ...: failed. Its result: holds."
    ]
    assert told(open=True)[0].endswith("Its result: open.")
    assert "none begins with" in told(claim="Another sentence")[0]


@pytest.mark.parametrize("with_verdicts", [True, False])
def test_a_report_may_give_tables_alone(monkeypatch, with_verdicts):
    table = build.Table("Repairs of all kinds", ("b", "a"), (("1", "2"),))
    given = ([table], []) if with_verdicts else [table]
    monkeypatch.setattr(build, "find_experiment", lambda name: types.SimpleNamespace(report=lambda results: given))
    monkeypatch.setattr(build, "read", lambda path: None)
    cut = build.Cut("x", "Repairs", {"a": "A"}, "l")
    assert build.cut_table(cut, {"x": {"results": "x.nc"}}, ROOT).rows == (("2",),)


def test_the_front_says_what_the_citation_says(tmp_path, monkeypatch):
    from lossland import __version__

    said = build.citation()
    # The date is that of the version's heading in the CHANGELOG.
    assert f"\n## {__version__} ({said['date-released']})\n" in (ROOT / "CHANGELOG.md").read_text()
    listed = _listed()
    assert build.study(listed)["date"] == "undated"
    for entry in listed.values():
        entry["versions"] = entry["versions"] | {"lossland": __version__}
    told = build.study(listed)
    assert (told["date"], told["authors"]) == (said["date-released"], "The lossland developers")
    # No address is made up.
    assert told["address"] == "comes with this paper"
    cited = (ROOT / "CITATION.cff").read_text() + "repository-code: https://example.org/x_y\n"
    (tmp_path / "CITATION.cff").write_text(cited)
    monkeypatch.setattr(build, "CITATION", tmp_path / "CITATION.cff")
    assert build.study(listed)["address"] == "is at https://example.org/x_y"
    for name in ("authors", "version", "date", "address"):
        assert rf"\result{{study}}{{{name}}}" in SOURCE.partition(r"\maketitle")[0]


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("1.9e-11", r"\ensuremath{1.9\times 10^{-11}}"),
        ("1e-12", r"\ensuremath{ 10^{-12}}"),
        ("2.5e+03", r"\ensuremath{2.5\times 10^{3}}"),
        ("0.0e+00", "0"),
        ("-1.36", r"\ensuremath{-}1.36"),
        ("-3e-9", r"\ensuremath{-}\ensuremath{3\times 10^{-9}}"),
        ("+0.3", r"\ensuremath{+}0.3"),
        ("1000000", r"1\,000\,000"),
        ("0.123456", "0.123456"),
        ("1, 4, 6", "1, 4, 6"),
        ("two_moons & 5 %", r"two\_moons \& 5 \%"),
        ("of `two_moons`", r"of \texttt{two\_\allowbreak{}moons}"),
        (r"t^2 ~ \x", r"t\textasciicircum{}2 \textasciitilde{} \textbackslash{}x"),
        ("2026-11-28", "2026-11-28"),
    ],
)
def test_numbers_are_set_as_latex(number, expected):
    assert build.typeset_number(number) == expected


def test_a_small_run_says_so_and_may_lack_a_number(tmp_path, monkeypatch):
    versions = dict.fromkeys(("python", "jax", "numpy", "scikit-learn", "lossland"), "1.0")
    verdicts = [{"claim": "c", "criterion": "b", "found": "f", "holds": False}]
    held = {"versions": versions, "verdicts": verdicts, "numbers": {}}
    listed = {name: held | {"config": build.full(name)} for name in EXPERIMENTS}
    shutil.copy(PAPER / "main.tex", tmp_path)
    monkeypatch.setattr(build, "HERE", tmp_path)
    build.write_numbers(listed)
    written = (tmp_path / "numbers.tex").read_text()
    assert r"\setresult{study}{small}{}" in written
    assert r"\setresult{calibration}" not in written
    assert written.count("; b; found: f)") == len(EXPERIMENTS)
    small = listed["calibration"]["config"] | {"atoms": 3}
    build.write_numbers(listed | {"calibration": held | {"config": small}})
    written = (tmp_path / "numbers.tex").read_text()
    assert r"small or changed run of \texttt{calibration}:" in written
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
    for name in [*build.included_tables(), *build.WITHOUT_CUT]:
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
