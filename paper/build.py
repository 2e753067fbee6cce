"""Build the paper: numbers, tables and figures from the saved results, then the PDF.

Reads results/manifest.json and what it lists; writes numbers.tex, tables/ and figures/ beside main.tex, none of which
is edited by hand, and runs latexmk. The same results give the same PDF, byte for byte.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lossland.core import Table, latex, read
from lossland.experiment import find_experiment, manifest

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results"
INSTALL = "On Debian or Ubuntu: apt install latexmk texlive-latex-recommended lmodern"

CLAIMS = {
    "S1": "sigmoid output + cross-entropy is logistic regression",
    "S2": "and trains like it, step by step",
    "S3": "the hinge is a ReLU of one minus the margin; further exact identities",
    "S4": "linear output + hinge is the SVM, and unconstrained descent reaches it",
    "S5": "ReLU output + hinge is not an SVM: ramp and perceptron, plateaus, dead starts",
    "S6": "on data, SVM and logistic regression err alike though their weights differ",
    "S7": "the SVM rests on its support vectors, logistic regression on every example",
    "S8": "constrained and unconstrained solvers agree; a penalised bias is another problem",
    "S9": "the implicit bias of descent on separable data, and its limits",
    "S10": "hinge, scaled logistic and squared loss bound the zero-one loss and meet at margin zero",
    "": "further: published results on ReLU heads and single ReLU neurons",
}
UNLABELLED = {
    "calibration": "S5",
    "cells": "S5",
    "equivalences": "S3",
    "gradient_geometry": "S5",
    "implicit_bias": "S9",
    "learned_parameters": "S5",
    "local_minima": "S5",
    "planes": "S5",
    "textbook_curves": "S10",
}
"""The claim that an experiment's verdicts are about where they do not say."""


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
            "P(SVM better, same, worse)": "posterior",
            "disagree %": "differ",
            "angle deg": "angle",
            "SV %": "SV",
        },
        "lrrrrcrrr",
    ),
    "repairs": Cut(
        "gradient_geometry",
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
    write_numbers(listed)
    write_tables(listed, options.results)
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
    """The tables that the text includes, by name; "claims" is not an experiment's."""
    return [name for name in re.findall(r"\\input\{tables/(\w+)\}", source()) if name != "claims"]


def figure_of(figure: str, experiments: set[str]) -> str:
    """The experiment that makes a figure: the longest name that its file begins with."""
    return max((name for name in experiments if figure.startswith(f"{name}_")), key=len, default=figure)


# ------------------------------------------------------------------------------------------------------------- numbers


def write_numbers(listed: Mapping[str, Any]) -> None:
    r"""numbers.tex: `\setresult{experiment}{name}{number}` for every number of every experiment."""
    known = {name: dict(entry.get("numbers", {})) for name, entry in listed.items()} | {"study": study(listed)}
    if known["study"]["small"]:
        # A small run may lack a number; of a full one that would be an error.
        for experiment, name in re.findall(r"\\result\{(\w+)\}\{(\w+)\}", source()):
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
    failing = [f"{name}: {v['claim']} (found: {v['found']})" for name, e in listed.items() for v in e["verdicts"]
               if not v["holds"]]  # fmt: skip
    small = [name for name, entry in sorted(listed.items()) if entry["config"] != full(name)]
    return {
        "experiments": f"{len(listed)}",
        "verdicts": f"{len(verdicts)}",
        "holding": f"{sum(v['holds'] for v in verdicts)}",
        "failing": "Those that do not: " + "; ".join(failing) + "." if failing else "",
        "small": f"Drawn from a small or changed run of {', '.join(small)}: not the paper's numbers." if small else "",
        "python": versions["python"],
        "jax": versions["jax"],
        "numpy": versions["numpy"],
        "sklearn": versions["scikit-learn"],
        "version": versions["lossland"],
    }


def full(name: str) -> dict[str, Any]:
    """The config of an experiment's full run, as the manifest holds it."""
    from lossland.experiment import plain

    return plain(find_experiment(name).Config())


def typeset_number(number: str) -> str:
    """A number as LaTeX: powers of ten, minus signs, thousands, and marks that LaTeX would take for its own."""
    if re.fullmatch(r"[+-]?0(\.0+)?e[+-]\d+", number):
        return "0"
    escaped = re.sub(r"([&%$#_{}])", r"\\\1", number)
    escaped = re.sub(r"(\d+(?:\.\d+)?)e([+-]?)0*(\d+)", _power, escaped)
    escaped = re.sub(r"(?<![\w.{-])([+-])(?=\d)", r"\\ensuremath{\1}", escaped)
    return re.sub(r"(?<![\d.])\d{5,}(?!\d)", lambda found: f"{int(found[0]):,}".replace(",", r"\,"), escaped)


def _power(found: re.Match[str]) -> str:
    mantissa, sign, exponent = found.groups()
    times = "" if mantissa == "1" else rf"{mantissa}\times"
    return rf"\ensuremath{{{times} 10^{{{'-' if sign == '-' else ''}{exponent}}}}}"


# ------------------------------------------------------------------------------------------------- tables and figures


def write_tables(listed: Mapping[str, Any], results: Path) -> None:
    """tables/: the claims, and the tables that the text includes."""
    folder = HERE / "tables"
    folder.mkdir(exist_ok=True)
    (folder / "claims.tex").write_text(claims(listed) + "\n")
    for name in included_tables():
        cut = TABLES[name]
        module = find_experiment(cut.experiment)
        made, _ = module.report(read(results / listed[cut.experiment]["results"]))
        (folder / f"{name}.tex").write_text(tabular(next(t for t in made if t.title.startswith(cut.title)), cut) + "\n")


def tabular(made: Table, cut: Cut) -> str:
    """The wanted columns of a report's table, with their headings."""
    where = [made.columns.index(name) for name in cut.columns]
    kept = Table("", tuple(cut.columns), tuple(tuple(row[k] for k in where) for row in made.rows))
    return dressed(latex(kept), tuple(cut.columns.values()), cut.align)


def dressed(text: str, headings: tuple[str, ...], align: str) -> str:
    """A LaTeX table with these headings and this alignment, minus signs as such."""
    lines = text.split("\n")
    body = [typeset_cells(line) for line in lines[4:-2]]
    head = [rf"\begin{{tabular}}{{@{{}}{align}@{{}}}}", r"\toprule", " & ".join(headings) + r" \\", r"\midrule"]
    return "\n".join([*head, *body, r"\bottomrule", r"\end{tabular}"])


def typeset_cells(line: str) -> str:
    """A table's row with signs and powers of ten set as mathematics."""
    powers = re.sub(r"(\d+(?:\.\d+)?)e([+-]?)0*(\d+)", _power, line)
    powers = re.sub(r"(?<=& )-(?= &| \\\\)", "--", powers)
    return re.sub(r"(?<![\w.{-])([+-])(?=\d)", r"\\ensuremath{\1}", powers)


def claims(listed: Mapping[str, Any]) -> str:
    """The claims with the experiments that decide them and how many of their verdicts hold."""
    rows = []
    for claim, said in CLAIMS.items():
        held = {name: [v["holds"] for v in e["verdicts"] if claim in claims_of(name, v["claim"])]
                for name, e in sorted(listed.items())}  # fmt: skip
        deciding = [name.replace("_", " ") for name, verdicts in held.items() if verdicts]
        verdicts = [holds for each in held.values() for holds in each]
        rows.append((claim, said, ", ".join(deciding), f"{sum(verdicts)} of {len(verdicts)}"))
    align = r"l>{\raggedright}p{.5\linewidth}>{\raggedright}p{.33\linewidth}r"
    return dressed(latex(Table("", ("",) * 4, tuple(rows))), ("", "claim", "decided by", "hold"), align)


def claims_of(experiment: str, said: str) -> set[str]:
    """The claims that a verdict is about: "S1, S2: ..." or "S1-S3: ..."; else those of its experiment."""
    label = re.match(r"((?:S\d+[-, ]*)+):", said)
    if label is None:
        return {UNLABELLED.get(experiment, "")}
    found: set[str] = set()
    for first, last in re.findall(r"S(\d+)(?:-S(\d+))?", label[1]):
        found |= {f"S{k}" for k in range(int(first), int(last or first) + 1)}
    return found


def copy_figures(results: Path) -> None:
    """figures/: the PDFs that the text includes, and no others."""
    folder = HERE / "figures"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in included_figures():
        shutil.copyfile(results / "figures" / f"{name}.pdf", folder / f"{name}.pdf")


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
