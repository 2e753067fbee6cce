"""For other wings."""

from ._convexity import apart as apart
from ._convexity import breaks_between as breaks_between
from ._convexity import chord_between as chord_between
from ._convexity import chord_in_words as chord_in_words
from ._convexity import convex_between as convex_between
from ._convexity import convexity_evidence as convexity_evidence
from ._evaluator import LABELS as LABELS
from ._evaluator import NODES as NODES
from ._evaluator import Evaluate as Evaluate
from ._evaluator import evaluator as evaluator
from ._kinks import Kink as Kink
from ._minimum import Minimum as Minimum
from ._minimum import combine as combine
from ._parabolas import Parabolas as Parabolas
from ._parabolas import continuous_lines as continuous_lines
from ._parabolas import made_of_lines as made_of_lines
from ._parabolas import parabolas as parabolas
from ._quintic import quintic as quintic
from ._rounding import rounding_off as rounding_off
from ._shape import Interval as Interval
from ._shape import Shape as Shape
from ._table import Curves as Curves
from ._table import tabulate as tabulate
