"""The table of commands: what each is asked, and what does it."""

from collections.abc import Callable

from lossland.commands._answer import AnswerOptions, run_answer
from lossland.commands._cards import CardOptions, CardsOptions, run_card, run_cards
from lossland.commands._check import CheckOptions, run_check
from lossland.commands._landscape import LandscapeOptions, run_landscape
from lossland.commands._list import ListOptions, run_list
from lossland.commands._names import NamesOptions, run_names
from lossland.commands._page import PageOptions, run_page
from lossland.commands._run import FiguresOptions, ReportOptions, RunOptions, run_experiments, run_figures, run_report
from lossland.commands._solve import SolveOptions, run_solve
from lossland.commands._sweep import SweepOptions, run_sweep
from lossland.commands._usage import CompletionOptions, run_completion

COMMANDS: dict[str, tuple[type, Callable[..., int]]] = {
    "answer": (AnswerOptions, run_answer),
    "names": (NamesOptions, run_names),
    "list": (ListOptions, run_list),
    "check": (CheckOptions, run_check),
    "card": (CardOptions, run_card),
    "cards": (CardsOptions, run_cards),
    "solve": (SolveOptions, run_solve),
    "sweep": (SweepOptions, run_sweep),
    "landscape": (LandscapeOptions, run_landscape),
    "page": (PageOptions, run_page),
    "run": (RunOptions, run_experiments),
    "report": (ReportOptions, run_report),
    "figures": (FiguresOptions, run_figures),
    "completion": (CompletionOptions, run_completion),
}
"""Name -> what it is asked, and what it does; `lossland --help` and the shells' completion list these."""
