"""An objective over one, two or three directions, and what lies on it: fields, kinks, basins, paths between minima.

Takes a pair, data, a centre and directions; gives a `Ray`, `Plane` or `Volume`, exact wherever the loss allows it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
