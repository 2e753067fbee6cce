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
from ._block_scores import scores_of_rows as scores_of_rows
from ._models import affine as affine
from ._models import feature_map as feature_map
from ._objective import host_objective as host_objective
from ._objective import placed_objective as placed_objective
from ._objective import refuse_other_params as refuse_other_params
from ._processes import join as join
from ._processes import launch as launch
from ._processes import tell as tell
from ._result import best_table as best_table
from ._sparse_inputs import bcoo_of as bcoo_of
