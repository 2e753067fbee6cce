"""For other wings."""

from ._cells import Budget as Budget
from ._claim import MEASURED as MEASURED
from ._claim import PROVEN as PROVEN
from ._claim import REFUTED as REFUTED
from ._claim import Claim as Claim
from ._claims import CurveClaims as CurveClaims
from ._evidence import Evidence as Evidence
from ._evidence import evidence as evidence
from ._growth import Growth as Growth
from ._local import local as local
from ._local import surely_moves_together as surely_moves_together
from ._pieces import Break as Break
from ._pieces import Pieces as Pieces
from ._pieces import pieces as pieces
from ._program import output_program as output_program
from ._program import program as program
from ._size_claims import enclosure as enclosure
