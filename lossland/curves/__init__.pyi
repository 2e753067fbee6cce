"""For other wings."""

from ._kinks import LABELS as LABELS
from ._kinks import Kink as Kink
from ._minimum import Minimum as Minimum
from ._minimum import combine as combine
from ._minimum import lowest as lowest
from ._parabolas import Parabolas as Parabolas
from ._parabolas import parabolas as parabolas
from ._quintic import NODES as NODES
from ._quintic import Evaluate as Evaluate
from ._quintic import quintic as quintic
from ._shape import Interval as Interval
from ._shape import Shape as Shape
from ._shape import falls as falls
from ._shape import flat_runs as flat_runs
from ._shape import is_margin as is_margin
from ._shape import made_of_lines as made_of_lines
from ._shape import shape as shape
from ._table import Curves as Curves
from ._table import at as at
from ._table import evaluator as evaluator
from ._table import tabulate as tabulate
