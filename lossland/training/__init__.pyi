from ._fit import Fit as Fit
from ._fit import fit as fit
from ._models import linear as linear
from ._models import mlp as mlp
from ._models import random_features as random_features
from ._objective import Objective as Objective
from ._objective import objective as objective
from ._records import MEASURES as MEASURES
from ._result import Sweep as Sweep
from ._sweep import read_sweep as read_sweep
from ._sweep import sweep as sweep

"""For other wings."""
from ._block import Job as Job
from ._block import begin_block as begin_block
from ._grid import blocks as blocks
from ._grid import make_grid as make_grid
from ._models import affine as affine
from ._models import feature_map as feature_map
from ._processes import join as join
from ._processes import launch as launch
from ._processes import tell as tell
from ._result import best_table as best_table
from ._step import Examples as Examples
from ._step import losses_of as losses_of
