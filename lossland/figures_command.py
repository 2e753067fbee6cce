"""The command `lossland figures`: drawn again from what is saved."""

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Figures:
    """Draw the figures of saved results again, without computing.

    Examples: `lossland figures`, `lossland figures --out my_results --quiet`
    """

    out: Path = Path("results")
    """Where the results are."""
    quiet: bool = False
    """Print nothing but errors."""


def run(command: Figures) -> int:
    """Draw what the manifest lists."""
    from lossland import experiment

    listed = experiment.manifest(command.out)
    if not listed:
        raise ValueError(f"{command.out} holds no results. Run an experiment first: lossland run all.")
    for name, entry in listed.items():
        module = experiment.find_experiment(name)
        results = experiment.read(command.out / entry["results"])
        for path in experiment.draw_figures(module, results, name, command.out):
            if not command.quiet:
                print(f"Figure {path}")
    return 0
