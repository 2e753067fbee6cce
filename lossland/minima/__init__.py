"""Where the minima are, exactly: cells, local and global minima, stationarity, for losses made of lines and parabolas.

Takes a pair, data and a point or a box; gives minima with the certificates that prove them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
