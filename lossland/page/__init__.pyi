from ._assembly import write_page as write_page
from ._examples import cloud as cloud

"""For other wings."""
from ._nodes import NEAR as NEAR
from ._nodes import SLOPE_TOLERANCE as SLOPE_TOLERANCE
from ._nodes import TOLERANCE as TOLERANCE
from ._nodes import thinned as thinned
