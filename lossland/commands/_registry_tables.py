"""The registries as tables: losses, their names elsewhere, activations, pairs, data sets."""

from lossland.core import Table, table
from lossland.data import DATASETS
from lossland.elements import ACTIVATIONS, LOSSES, Entry, pairs


def losses_table() -> Table:
    """Every registered loss: kind, claims, source, and what other libraries call it."""
    rows = [
        (e.name, e.kind, _parameters(e), _yes(e.claim("convex")), _points(e.claim("kinks")), e.claim("tail"), e.source)
        for e in LOSSES.values()
    ]
    return table("Losses", ("name", "of", "parameters", "convex", "kinks", "tail", "source"), rows)


def aliases_table() -> Table:
    """What other libraries call each loss: their value is `scale` times ours, at `stretch` times the margin."""
    rows = [(e.name, a.library, a.name, a.scale, a.stretch) for e in LOSSES.values() for a in e.aliases]
    return table(
        "Their names: theirs(m) = scale * ours(stretch * m)", ("ours", "library", "theirs", "scale", "stretch"), rows
    )


def activations_table() -> Table:
    """Every registered output activation: claims and what other libraries call it."""
    rows = []
    for e in ACTIVATIONS.values():
        low, high = e.claim("range") or (None, None)
        outputs = "" if low is None else f"({low:.4g}, {high:.4g})"
        theirs = ", ".join(f"{a.library} {a.name}" for a in e.aliases)
        rows.append(
            (e.name, _parameters(e), outputs, _points(e.claim("kinks")), _yes(e.claim("monotone")), theirs, e.source)
        )
    columns = ("name", "parameters", "outputs in", "kinks", "monotone", "elsewhere", "source")
    return table("Output activations", columns, rows)


def pairs_table() -> Table:
    """Every admissible pair, an activation a row."""
    by_activation: dict[str, list[str]] = {}
    for pair in pairs():
        by_activation.setdefault(pair.activation.name, []).append(pair.loss.name)
    rows = [(name, len(losses), ", ".join(losses)) for name, losses in by_activation.items()]
    return table(f"{sum(int(r[1]) for r in rows)} admissible pairs", ("activation", "pairs", "with"), rows)


def datasets_table() -> Table:
    """Every registered data set."""
    rows = [(e.name, "real" if e.real else "made", _parameters(e), e.about, e.source) for e in DATASETS.values()]
    return table("Data sets", ("name", "kind", "parameters", "about", "source"), rows)


def _parameters(entry: Entry) -> str:
    return ", ".join(f"{key}={value}" for key, value in entry.settings().items())


def _yes(claim: bool | None) -> str:
    return {True: "yes", False: "no", None: ""}[claim]


def _points(points: tuple[float, ...] | None) -> str:
    return "?" if points is None else ", ".join(f"{p:g}" for p in points) or "none"
