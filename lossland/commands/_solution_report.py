"""What `lossland solve` tells: coefficients by column, support vectors by row, classes, predictions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

MOST = 30
"""Rows of a table, or numbers in a sentence, that are printed; JSON and the .npz file hold all."""


def reported(command: Any, loaded: Any, rows: list[dict[str, Any]], arrays: dict[str, Any], seconds: float) -> dict:
    """All that is known of the solutions, by name, ready for JSON.

    Args:
        command: the options.
        loaded: data as in the file, and its rows there.
        rows: the facts of each problem.
        arrays: by name, the first axis the problems.
        seconds: that solving took.
    """
    import numpy as np

    from lossland.data import scaling
    from lossland.elements import pair
    from lossland.properties import decision_threshold

    data = loaded.data
    columns = list(data.input_names) or [str(k) for k in range(data.d)]
    centre, scale = (np.zeros(data.d), np.ones(data.d)) if command.raw else scaling(data.inputs)
    threshold = decision_threshold(_pair(command.loss, pair))
    solutions = [row | _support(arrays, loaded.rows, k) for k, row in enumerate(rows)]
    if "weights" in arrays:
        units = arrays["weights"] / scale
        offsets = arrays["bias"] - units @ centre
        for k, each in enumerate(solutions):
            each["weights"] = dict(zip(columns, arrays["weights"][k].tolist(), strict=True))
            each["original_units"] = {
                "weights": dict(zip(columns, units[k].tolist(), strict=True)),
                "bias": float(offsets[k]),
            }
    negative, positive = data.label_names
    counts = {name: int((data.labels == sign).sum()) for name, sign in ((negative, -1.0), (positive, 1.0))}
    return {
        "data": data.name or command.data,
        "n": data.n,
        "d": data.d,
        "loss": command.loss,
        "seconds": seconds,
        "labels": {"-1": negative, "+1": positive},
        "counts": counts,
        "soft_labels": data.probabilities is not None,
        "columns": columns,
        "standardised": not command.raw,
        "mean": dict(zip(columns, centre.tolist(), strict=True)),
        "deviation": dict(zip(columns, scale.tolist(), strict=True)),
        "threshold": threshold.at,
        "threshold_reason": threshold.reason,
        "solutions": solutions,
    }


def _pair(loss: str, pair: Any) -> Any:
    """The pair that `solve` was given, by its name or by the name of its loss."""
    return pair(loss) if "+" in loss else pair("identity", loss)


def _support(arrays: dict[str, Any], rows: Any, k: int) -> dict[str, Any]:
    """The rows of the k-th problem's support vectors, from 0, and of those at their limit."""
    import numpy as np

    return {
        "support_rows": rows[np.flatnonzero(arrays["duals"][k])].tolist(),
        "limit_rows": rows[np.flatnonzero(arrays["support"][k] == 2)].tolist(),
    }


def predicted(
    file: str, new: Any, data: Any, told: dict[str, Any], arrays: dict[str, Any], machines: Sequence[Any]
) -> dict[str, Any]:
    """The scores and classes of another file's rows, by problem; errors where it has labels.

    Args:
        file: its name.
        new: its inputs, from `new_inputs`.
        data: what was trained on, as in its file.
        told: from `reported`.
        arrays: of the solutions.
        machines: of kernels; empty for linear scores.
    """
    import numpy as np

    from lossland.solvers import decision_function

    centre, scale = (np.array(list(told[name].values())) for name in ("mean", "deviation"))
    # Sparse inputs were not standardised, and would be dense if they were moved.
    inputs = (new.inputs - centre) / scale if told["standardised"] else new.inputs
    scores = (
        np.stack([decision_function(machine, inputs) for machine in machines])
        if machines
        else (inputs @ arrays["weights"].T).T + arrays["bias"][:, None]
    )
    signs = np.where(scores > told["threshold"], 1.0, -1.0)
    names = np.where(signs > 0, data.label_names[1], data.label_names[0])
    found = [
        {
            "C": each["C"],
            "scores": scores[k].tolist(),
            "classes": names[k].tolist(),
            "errors": None if new.labels is None else int((signs[k] != new.labels).sum()),
        }
        for k, each in enumerate(told["solutions"])
    ]
    return {"predictions": {"file": file, "n": inputs.shape[0], "remarks": list(new.remarks), "solutions": found}}


def kept(told: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """The arrays of an .npz file: those of the solutions, with what a reader needs to use them."""
    import numpy as np

    held = dict(arrays)
    held |= {
        "columns": np.array(told["columns"]),
        "label_names": np.array([told["labels"]["-1"], told["labels"]["+1"]]),
        "mean": np.array(list(told["mean"].values())),
        "deviation": np.array(list(told["deviation"].values())),
        "threshold": np.array(told["threshold"]),
    }
    if "weights" in arrays:
        units = [each["original_units"] for each in told["solutions"]]
        held["original_weights"] = np.array([list(each["weights"].values()) for each in units])
        held["original_bias"] = np.array([each["bias"] for each in units])
    if "predictions" in told:
        found = told["predictions"]["solutions"]
        held["predicted_scores"] = np.array([each["scores"] for each in found])
        held["predicted_classes"] = np.array([each["classes"] for each in found])
    return held


def show_all(
    told: dict[str, Any], form: Literal["terminal", "markdown", "latex", "csv"], json: bool, out: Path | None
) -> None:
    """Print everything: tables in a form, words about them on a terminal, or JSON."""
    from lossland.commands._output import as_json
    from lossland.core import say, show

    if json:
        print(as_json(told))
        return
    made = [_problems_table(told), *_coefficient_tables(told), *_prediction_tables(told)]
    for k, each in enumerate(made):
        if k and form != "terminal":
            print()
        show(each, form)
    for row in told["solutions"]:
        if row["message"]:
            say(row["message"])
    if told["solutions"][0]["convexity"] != "proven":
        say(f"The loss's convexity is {told['solutions'][0]['convexity']}.")
    if form == "terminal":
        for sentence in _words(told):
            say(sentence)
        count = len(told["solutions"])
        say(f"{count} problem{'s' if count > 1 else ''} in {told['seconds']:.2f} s, compilation included.")
        if out:
            print(f"Arrays {out}")


def _problems_table(told: dict[str, Any]) -> Any:
    from lossland.core import table

    columns = ("C", "objective", "lower bound", "relative gap", "support vectors", "at their limit", "||w||", "bias")
    shown = [
        (
            f"{row['C']:g}",
            f"{row['objective']:.10g}",
            f"{row['dual_objective']:.10g}",
            f"{row['gap']:.1e}",
            str(row["support_vectors"]),
            str(row["at_their_limit"]),
            "" if row["norm"] is None else f"{row['norm']:.6g}",
            f"{row['bias']:.6g}",
        )
        for row in told["solutions"]
    ]
    return table(f"{told['loss']} on {told['data']} ({told['n']} x {told['d']})", columns, shown)


def _coefficient_tables(told: dict[str, Any]) -> list[Any]:
    """The weights of each column, as they were solved for and, where inputs were standardised, in the file's units."""
    from lossland.core import table

    solutions = told["solutions"]
    if "weights" not in solutions[0]:
        return []
    size = {name: max(abs(each["weights"][name]) for each in solutions) for name in told["columns"]}
    largest = set(sorted(told["columns"], key=lambda name: -size[name])[:MOST])
    names = [name for name in told["columns"] if name in largest]
    part = f", the {MOST} largest of {told['d']} (--json or --out hold all)" if told["d"] > MOST else ""
    heads = ["weight"] if len(solutions) == 1 else [f"C = {each['C']:g}" for each in solutions]

    def rows(held: list[dict[str, Any]], middle: bool) -> list[list[str]]:
        between = [[_number(told[what][name]) for what in ("mean", "deviation")] if middle else [] for name in names]
        weights = [[_number(each["weights"][name]) for each in held] for name in names]
        lines = [[name, *b, *w] for name, b, w in zip(names, between, weights, strict=True)]
        return [*lines, ["bias", *[""] * (2 * middle), *(_number(each["bias"]) for each in held)]]

    scaled = told["standardised"]
    columns = ["column", *(["mean", "deviation"] if scaled else []), *heads]
    about = " of the standardised inputs" if scaled else ""
    made = [table(f"Coefficients{about}{part}", columns, rows(solutions, scaled))]
    if scaled:
        units = rows([each["original_units"] for each in solutions], False)
        made.append(table(f"Original units{part}", ["column", *heads], units))
    return made


def _prediction_tables(told: dict[str, Any]) -> list[Any]:
    from lossland.core import table

    if "predictions" not in told:
        return []
    held = told["predictions"]
    found = held["solutions"]
    heads = [f"{what}, C = {each['C']:g}" for each in found for what in ("score", "class")]
    rows = [
        [str(k), *(cell for each in found for cell in (_number(each["scores"][k]), each["classes"][k]))]
        for k in range(min(held["n"], MOST))
    ]
    part = f", the first {MOST} of {held['n']} rows (--json or --out hold all)" if held["n"] > MOST else ""
    return [table(f"Predictions for {held['file']}{part}", ["row", *heads], rows)]


def _number(value: float) -> str:
    return f"{value:.6g}"


def _words(told: dict[str, Any]) -> list[str]:
    """What the tables leave open, in sentences."""
    negative, positive = told["labels"]["-1"], told["labels"]["+1"]
    counts = "" if told["soft_labels"] else f" ({told['counts'][negative]} and {told['counts'][positive]} examples)"
    said = [f"Labels: -1 = {negative}, +1 = {positive}{counts}."]
    if told["standardised"]:
        said.append(
            "Inputs standardised: each column minus its mean, divided by its standard deviation (a constant one only "
            "centred). --raw leaves them as they are."
        )
    else:
        said.append("Inputs as they are (--raw).")
    said.append(
        f"+1 = {positive} is predicted where the score is above {told['threshold']:g}: {told['threshold_reason']}"
    )
    said += [_support_words(each, told["n"]) for each in told["solutions"]]
    if "predictions" in told:
        held = told["predictions"]
        said += held["remarks"]
        errors = [f"{each['errors']} of {held['n']} at C = {each['C']:g}" for each in held["solutions"]]
        if held["solutions"][0]["errors"] is not None:
            said.append(f"Errors on {held['file']}: {', '.join(errors)}.")
    return said


def _support_words(each: dict[str, Any], n: int) -> str:
    rows, limit = each["support_rows"], each["limit_rows"]
    where = f"C = {each['C']:g}"
    if len(rows) == n:
        return f"Support vectors at {where}: all {n} examples."
    at_limit = f"; at their limit: {_listed(limit)}" if limit and len(limit) < len(rows) else ""
    every = ", all at their limit" if limit and len(limit) == len(rows) else ""
    return f"Support vectors at {where} (rows of the data from 0): {_listed(rows)}{at_limit}{every}."


def _listed(rows: Sequence[int]) -> str:
    shown = ", ".join(map(str, rows[:MOST])) or "none"
    return f"{shown}, ... ({len(rows)} in all)" if len(rows) > MOST else shown
