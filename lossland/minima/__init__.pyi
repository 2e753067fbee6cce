from ._autodiff_selections import Selection as Selection
from ._autodiff_selections import autodiff_selections as autodiff_selections
from ._cells import Cells as Cells
from ._cells import Shares as Shares
from ._cells import basin_shares as basin_shares
from ._cells import cells as cells
from ._clarke import ClarkeStationarity as ClarkeStationarity
from ._clarke import clarke_stationarity as clarke_stationarity
from ._global_minimum import GlobalMinimum as GlobalMinimum
from ._global_minimum import global_minimum as global_minimum
from ._local_minimum import LocalMinimum as LocalMinimum
from ._local_minimum import local_minimum as local_minimum
from ._minimum_sets import MinimumSet as MinimumSet

"""For other wings."""
from ._minimum_sets import polygon_area as polygon_area
