"""Build the paper: numbers, tables and figures from the saved results, then the PDF.

Reads results/manifest.json and what it lists, and CITATION.cff; writes numbers.tex, tables/ and figures/ beside
main.tex, none of which is edited by hand, and runs latexmk. The same results give the same PDF, byte for byte.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lossland import __version__
from lossland.core import Table, latex, read
from lossland.experiment import FAMILY, LEVEL, find_experiment, manifest, plain, reported

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
CITATION = HERE.parent / "CITATION.cff"
INSTALL = "On Debian or Ubuntu: apt install latexmk texlive-latex-recommended lmodern"

CLAIMS = {
    "S1": "sigmoid output + cross-entropy is logistic regression",
    "S2": "and trains like it, step by step",
    "S3": "the hinge is a ReLU of one minus the margin; further exact identities",
    "S4": "linear output + hinge is the SVM, and unconstrained descent reaches it",
    "S5": "ReLU output + hinge is not an SVM: ramp and perceptron, plateaus, dead starts",
    "S6": "over sources of real data SVM and logistic regression err alike in the mean, though their weights differ",
    "S7": "the SVM rests on its support vectors (on some tables all examples), logistic regression on every example",
    "S8": "constrained and unconstrained solvers agree; a penalised bias is another problem, if at times by little",
    "S9": "the implicit bias of descent on separable data, and its limits",
    "S10": "hinge, scaled logistic and squared loss bound the zero-one loss and meet at margin zero",
    "": "further: claims beside these ten",
}
WITHOUT_CUT = ("claims", "verdicts", "tests")
"""Tables that are written here, not cut from an experiment's report."""
MARKS = {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
"""What LaTeX has for marks that a backslash before them does not print."""
NO_NUMBER = re.compile(r"(?i)(?<![a-z])(nan|inf|infinite|infinity|not a number|not installed)(?![a-z])|^\s*$")


class Cut(NamedTuple):
    """A table of the paper: an experiment's report table, its columns by name, what each is called, their alignment."""

    experiment: str
    title: str
    columns: Mapping[str, str]
    align: str


TABLES = {
    "errors": Cut(
        "svm_vs_logistic",
        "Nested cross-validation",
        {
            "data": "data",
            "n x d": r"$n \times d$",
            "SVM error %": "SVM",
            "logistic error %": "LR",
            "difference, points [95 %]": r"difference [95\,\%]",
            "disagree %": "differ",
            "angle deg": "angle",
            "SV %": "SV",
        },
        "lrrrrrrr",
    ),
    "repairs": Cut(
        "relu_repairs",
        "Repairs",
        {
            "repair": "repair",
            "dead runs": "dead runs",
            "error, live": "error of live runs",
            "calibrated": "calibrated",
            "margin +": "positives",
            "margin -": "negatives",
        },
        "lrrcrr",
    ),
    "runs": Cut(
        "relu_vs_hinge",
        "How the random starts ended",
        {
            "data": "data",
            "pair": "pair",
            "tie": "tie",
            "best loss": "best loss",
            "dead runs": "dead runs",
            "dead examples": "dead examples",
            "error z > 0": "error $z > 0$",
            "z > 1/2": "$z > 1/2$",
            "start at zero": "from zero",
        },
        "llrrrrrrl",
    ),
}


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the results are")
    parser.add_argument("--if-latex", action="store_true", help="without LaTeX say what to install and end well")
    options = parser.parse_args()
    listed = manifest(options.results)
    missing = sorted(set(quoted()) - set(listed))
    if missing:
        print(f"{options.results} has no results of {', '.join(missing)}. Run `make reproduce` first.", file=sys.stderr)
        return 1
    cuts = cut_tables(listed, options.results)
    if wrong := no_numbers(listed) + no_number_cells(listed, cuts) + stale_words(listed):
        print("\n".join(wrong), file=sys.stderr)
        return 1
    write_numbers(listed)
    write_tables(listed, cuts)
    copy_figures(options.results)
    if shutil.which("latexmk") is None or shutil.which("pdflatex") is None:
        print(f"The paper needs LaTeX for its PDF. {INSTALL}")
        return 0 if options.if_latex else 1
    missed = typeset()
    if missed is None:
        print(f"Paper {os.path.relpath(HERE / 'main.pdf')}")
        return 0
    print("\n".join(["LaTeX failed:", *missed, f"All of it: {HERE / 'main.log'}"]), file=sys.stderr)
    if re.search(r"File `.*' not found", " ".join(missed)):
        print(f"A LaTeX package is missing. {INSTALL}")
        return 0 if options.if_latex else 1
    return 1


def source() -> str:
    """The paper's text, without comments."""
    return re.sub(r"(?<!\\)%.*", "", (HERE / "main.tex").read_text())


def quoted() -> list[str]:
    """The experiments that the text quotes a number, a table or a figure of."""
    text = source()
    names = re.findall(r"\\result\{(\w+)\}", text) + [TABLES[name].experiment for name in included_tables()]
    known = {path.stem for path in (HERE.parent / "experiments").glob("*.py")}
    return [
        name for name in dict.fromkeys(names + [figure_of(f, known) for f in included_figures()]) if name != "study"
    ]


def included_figures() -> list[str]:
    """The figures that the text includes, by file name without its ending."""
    return re.findall(r"\\includegraphics(?:\[[^]]*\])?\{figures/(\w+)\}", source())


def included_tables() -> list[str]:
    """The tables that the text includes and that are cut from an experiment's report, by name."""
    return [name for name in re.findall(r"\\input\{tables/(\w+)\}", source()) if name not in WITHOUT_CUT]


def figure_of(figure: str, experiments: set[str]) -> str:
    """The experiment that makes a figure: the longest name that its file begins with."""
    return max((name for name in experiments if figure.startswith(f"{name}_")), key=len, default=figure)


# ------------------------------------------------------------------------------------------------------------- numbers


def write_numbers(listed: Mapping[str, Any]) -> None:
    r"""numbers.tex: `\setresult{experiment}{name}{number}` for every number of every experiment."""
    known = {name: dict(entry.get("numbers", {})) for name, entry in listed.items()} | {"study": study(listed)}
    may_lack = small(listed)
    for experiment, name in quoted_numbers():
        # A small run may lack a number; of a full one that is an error.
        if experiment in may_lack:
            known[experiment].setdefault(name, "(none)")
    lines = ["% Written by build.py from results/manifest.json: do not edit."]
    for experiment, numbers in sorted(known.items()):
        lines += [
            rf"\setresult{{{experiment}}}{{{name}}}{{{typeset_number(n)}}}" for name, n in sorted(numbers.items())
        ]
    (HERE / "numbers.tex").write_text("\n".join(lines) + "\n")


def study(listed: Mapping[str, Any]) -> dict[str, str]:
    """What the paper says of the study as a whole."""
    verdicts = [verdict for entry in listed.values() for verdict in entry["verdicts"]]
    versions = next(iter(listed.values()))["versions"]
    failing, undecided = (
        [f"{v['claim']} (`{name}`; {v['criterion']}; found: {v['found']})"
         for name, e in sorted(listed.items()) for v in e["verdicts"] if word_of(v) == word]
        for word in ("fails", "open")
    )  # fmt: skip
    fixed = [verdict.get("fixed", "") for verdict in verdicts]
    said = citation()
    changed = ", ".join(f"`{name}`" for name in small(listed))
    return {
        "experiments": f"{len(listed)}",
        "verdicts": f"{len(verdicts)}",
        "holding": f"{sum(v['holds'] for v in verdicts)}",
        "fails": f"{len(failing)}",
        "open": f"{len(undecided)}",
        "failing": "These fail: " + "; ".join(failing) + "." if failing else "None fails.",
        "undecided": "The data do not decide these: " + "; ".join(undecided) + "." if undecided else "",
        "fixed_before": f"{fixed.count('before')}",
        "fixed_after": f"{fixed.count('after')}",
        "fixed_unsaid": f"{fixed.count('')}",
        # Of each interval, and of all that the study may have together.
        "level": f"{100 * LEVEL:.1f}",
        "together": f"{100 * (1 - FAMILY * (1 - LEVEL)):.0f}",
        "small": f"Drawn from a small or changed run of {changed}: not the paper's numbers." if changed else "",
        "python": versions["python"],
        "jax": versions["jax"],
        "numpy": versions["numpy"],
        "sklearn": versions["scikit-learn"],
        "version": versions["lossland"],
        "authors": said["authors"],
        # CITATION.cff has the date of this version: results of another have none.
        "date": said["date-released"] if versions["lossland"] == __version__ else "undated",
        "address": f"is at {said['address']}" if said["address"] else "comes with this paper",
    }


def citation() -> dict[str, str]:
    """What CITATION.cff says: date-released, authors, and the address, empty if it gives none."""
    text = CITATION.read_text()
    field = {key: value.strip().strip('"') for key, value in re.findall(r"^([\w-]+): *(.+)$", text, re.MULTILINE)}
    names = re.findall(r"^ +(?:- )?name: *(.+)$", text, re.MULTILINE)
    address = field.get("repository-code", field.get("url", ""))
    return {
        "date-released": field["date-released"],
        "authors": " and ".join(name.strip().strip('"') for name in names),
        "address": address,
    }


def small(listed: Mapping[str, Any]) -> list[str]:
    """The experiments whose results are not those of their full run."""
    return [name for name, entry in sorted(listed.items()) if entry["config"] != full(name)]


def full(name: str) -> dict[str, Any]:
    """The config of an experiment's full run, as the manifest holds it."""
    return plain(find_experiment(name).Config())


def quoted_numbers() -> list[tuple[str, str]]:
    """Experiment and name of every number of an experiment that the text quotes, each once."""
    found = dict.fromkeys(re.findall(r"\\result\{(\w+)\}\{(\w+)\}", source()))
    return [(experiment, name) for experiment, name in found if experiment != "study"]


def no_numbers(listed: Mapping[str, Any]) -> list[str]:
    """A sentence for each number that the text quotes of a full run and that is none."""
    changed = small(listed)
    held = {name: entry.get("numbers", {}) for name, entry in listed.items() if name not in changed}
    told = []
    for experiment, name in quoted_numbers():
        if experiment not in held:
            continue
        number = held[experiment].get(name)
        if number is None:
            told.append(f"The paper quotes {name} of the experiment {experiment}, which gives no number of that name.")
        elif NO_NUMBER.search(number):
            told.append(f"The paper quotes {name} of the experiment {experiment}, which is no number: {number!r}.")
    return told


def typeset_number(number: str) -> str:
    """A number as LaTeX: powers of ten, minus signs, thousands, and marks that LaTeX would take for its own."""
    if re.fullmatch(r"[+-]?0(\.0+)?e[+-]\d+", number):
        return "0"
    escaped = re.sub(r"[&%$#_{}~^\\]", lambda found: MARKS.get(found[0], rf"\{found[0]}"), number)
    escaped = re.sub(r"(\d+(?:\.\d+)?)e([+-]?)0*(\d+)", _power, escaped)
    escaped = re.sub(r"(?<![\w.{-])([+-])(?=\d|\\ensuremath)", r"\\ensuremath{\1}", escaped)
    escaped = re.sub(r"(?<![\d.])\d{5,}(?!\d)", lambda found: f"{int(found[0]):,}".replace(",", r"\,"), escaped)
    return _names(escaped)


def _power(found: re.Match[str]) -> str:
    mantissa, sign, exponent = found.groups()
    times = "" if mantissa == "1" else rf"{mantissa}\times"
    return rf"\ensuremath{{{times} 10^{{{'-' if sign == '-' else ''}{exponent}}}}}"


def _names(text: str) -> str:
    """Names of experiments and the like, `so`, in typewriter letters that may break after an underscore."""
    return re.sub(r"`([^`]+)`", lambda found: rf"\texttt{{{found[1]}}}".replace(r"\_", r"\_\allowbreak{}"), text)


# ------------------------------------------------------------------------------------------------- tables and figures


def write_tables(listed: Mapping[str, Any], cuts: Mapping[str, Table]) -> None:
    """tables/: the claims, their verdicts, the tests, and the tables that the text includes."""
    folder = HERE / "tables"
    folder.mkdir(exist_ok=True)
    texts = {"claims": claims(listed), "verdicts": verdict_table(listed), "tests": tests_table()}
    texts |= {name: tabular(cut, TABLES[name]) for name, cut in cuts.items()}
    for name, text in texts.items():
        (folder / f"{name}.tex").write_text(text + "\n")


def cut_tables(listed: Mapping[str, Any], results: Path) -> dict[str, Table]:
    """The tables that the text includes, each with its wanted columns."""
    return {name: cut_table(TABLES[name], listed, results) for name in included_tables()}


def cut_table(cut: Cut, listed: Mapping[str, Any], results: Path) -> Table:
    """The wanted columns of the report's table that a cut names."""
    tables, _ = reported(find_experiment(cut.experiment), read(results / listed[cut.experiment]["results"]))
    whole = next(table for table in tables if table.title.startswith(cut.title))
    where = [whole.columns.index(name) for name in cut.columns]
    return Table(whole.title, tuple(cut.columns), tuple(tuple(row[k] for k in where) for row in whole.rows))


def no_number_cells(listed: Mapping[str, Any], cuts: Mapping[str, Table]) -> list[str]:
    """A sentence for each cell of an included table, cut from a full run, that should be a number and is none."""
    changed = small(listed)
    return [
        f"The paper takes the table {name} from the experiment {TABLES[name].experiment}, where {column!r} of {row[0]} "
        f"is no number: {cell!r}."
        for name, cut in cuts.items()
        if TABLES[name].experiment not in changed
        for row in cut.rows
        for column, cell in zip(cut.columns, row, strict=True)
        if cell.strip() and NO_NUMBER.search(cell)
    ]


def tabular(kept: Table, cut: Cut) -> str:
    """A cut table as LaTeX, with its headings."""
    return dressed(kept.rows, tuple(cut.columns.values()), cut.align)


def dressed(rows: Sequence[tuple[str, ...]], headings: tuple[str, ...], align: str) -> str:
    """A LaTeX table of these rows with these headings and this alignment."""
    head = [rf"\begin{{tabular}}{{@{{}}{align}@{{}}}}", r"\toprule", " & ".join(headings) + r" \\", r"\midrule"]
    return "\n".join([*head, *typeset_rows(rows), r"\bottomrule", r"\end{tabular}"])


def typeset_rows(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Rows of cells as lines of a LaTeX table."""
    return [typeset_cells(line) for line in latex(Table("", (), tuple(rows))).split("\n")[4:-2]]


def typeset_cells(line: str) -> str:
    """A table's row with signs and powers of ten set as mathematics."""
    powers = re.sub(r"(\d+(?:\.\d+)?)e([+-]?)0*(\d+)", _power, line)
    powers = re.sub(r"(?<=& )-(?= &| \\\\)", "--", powers)
    return _names(re.sub(r"(?<![\w.{-])([+-])(?=\d|\\ensuremath)", r"\\ensuremath{\1}", powers))


def claims(listed: Mapping[str, Any]) -> str:
    """The ten statements, the experiments whose claims are about each, and how many of these hold."""
    rows = []
    for claim, said in CLAIMS.items():
        held = {name: [v["holds"] for v in e["verdicts"] if claim in claims_of(v)]
                for name, e in sorted(listed.items())}  # fmt: skip
        deciding = ", ".join(f"`{name}`" for name, verdicts in held.items() if verdicts)
        verdicts = [holds for each in held.values() for holds in each]
        if claim or verdicts:
            rows.append((claim, said, deciding, f"{sum(verdicts)} of {len(verdicts)}"))
    align = r"l>{\raggedright}p{.4\linewidth}>{\raggedright}p{.44\linewidth}r"
    return dressed(rows, ("", "statement", "decided by", "hold"), align)


def word_of(verdict: Mapping[str, Any]) -> str:
    """Whether a claim holds, fails, or is open because the data do not decide."""
    return "holds" if verdict["holds"] else "open" if verdict.get("open") else "fails"


def decided_words() -> list[tuple[str, str, str]]:
    r"""Experiment, beginning of a claim and word of every `\decided{experiment}{beginning|beginning}{word}`."""
    found = re.findall(r"\\decided\{(\w+)\}\{([^}#]*)\}\{(\w+)\}", source())
    return [(experiment, start, word) for experiment, starts, word in found for start in starts.split("|")]


def stale_words(listed: Mapping[str, Any]) -> list[str]:
    """A sentence for each word of the text that a full run decides otherwise."""
    changed, told = small(listed), []
    for experiment, start, word in decided_words():
        if experiment not in listed or experiment in changed:
            continue
        begun = [v for v in listed[experiment]["verdicts"] if v["claim"].startswith(start)]
        if not begun:
            told.append(f"The paper calls a claim of the experiment {experiment} {word}: none begins with {start!r}.")
        other = sorted({word_of(v) for v in begun} - {"fails" if word == "failed" else word})
        if other:
            told.append(
                f"The paper says of the experiment {experiment}, {start!r} ...: {word}. Its result: {other[0]}."
            )
    return told


def claims_of(verdict: Mapping[str, Any]) -> set[str]:
    """The claims of the study that a verdict is about; one that names none counts under ""."""
    return set(verdict.get("about", ())) or {""}


def verdict_table(listed: Mapping[str, Any]) -> str:
    """Every verdict: claim, bound, what was found, when the bound was fixed, whether it holds; over several pages."""
    body = []
    for name, entry in sorted(listed.items()):
        rows = [(_with_labels(v), v["criterion"], v["found"], v.get("fixed") or "not said",
                 word_of(v)) for v in entry["verdicts"]]  # fmt: skip
        lines = [line.replace("& fails ", r"& \textbf{fails} ") for line in typeset_rows(rows)]
        title = rf"\multicolumn{{5}}{{@{{}}l}}{{{typeset_number(f'`{name}`')}}} \\*"
        body += [r"\addlinespace", title, *lines]
    align = "".join(rf">{{\raggedright}}p{{{width}\linewidth}}" for width in (0.36, 0.24, 0.23))
    return spread(f"{align}ll", ("claim", "bound", "found", "fixed", "verdict"), body)


def _with_labels(verdict: Mapping[str, Any]) -> str:
    """A verdict's sentence, after the claims of the study that it is about."""
    about = ", ".join(verdict.get("about", ()))
    return f"{about}: {verdict['claim']}" if about else verdict["claim"]


def checks() -> list[tuple[str, str, str]]:
    r"""File, test and words of every `\checkedby{file::test}{words}`, in the order of the text."""
    return re.findall(r"\\checkedby\{([^}]*?)::([^}]*?)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}", source())


def tests_table() -> str:
    """The tests that the text names in words, by number, with their files."""
    rows = [rf"{number} & \path{{{file}}} & \path{{{test}}} \\" for number, (file, test, _) in enumerate(checks(), 1)]
    align = r"r>{\raggedright}p{.29\linewidth}>{\raggedright\arraybackslash}p{.64\linewidth}"
    return spread(align, ("test", "file", "name"), rows)


def spread(align: str, headings: tuple[str, ...], body: list[str]) -> str:
    """A table that may go over several pages."""
    head = [rf"\begin{{longtable}}{{@{{}}{align}@{{}}}}", r"\toprule", " & ".join(headings) + r" \\", r"\midrule"]
    return "\n".join([*head, r"\endhead", r"\bottomrule", r"\endfoot", *body, r"\end{longtable}"])


def copy_figures(results: Path) -> None:
    """figures/: the PDFs that the text includes, and no others."""
    folder = HERE / "figures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # A figure of a small run bears its result's hash: the manifest says which are meant.
    made = {re.sub(r"-[0-9a-f]{12}_", "_", Path(figure).stem): results / figure
            for entry in manifest(results).values() for figure in entry["figures"]}  # fmt: skip
    for name in included_figures():
        drawn = made.get(name, results / "figures" / f"{name}.png")
        shutil.copyfile(drawn.with_suffix(".pdf"), folder / f"{name}.pdf")


# ----------------------------------------------------------------------------------------------------------------- PDF


def typeset() -> list[str] | None:
    """Run latexmk; None if the PDF was made, else the log's first error and what follows it."""
    # A fixed date: the PDF depends on the results alone.
    environment = os.environ | {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"}
    command = ["latexmk", "-pdf", "-g", "-silent", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    told = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True)
    if not told.returncode:
        return None
    log = HERE / "main.log"
    lines = log.read_text(errors="replace").splitlines() if log.exists() else told.stdout.splitlines()
    first = next((k for k, line in enumerate(lines) if line.startswith("!")), max(0, len(lines) - 12))
    return lines[first : first + 12]


if __name__ == "__main__":
    sys.exit(main())
