"""What everybody stands on: the types, trees of parameters, files that are written whole, hashes, memory, tables.

Takes plain Python and NumPy values; gives the words that all other wings share. It knows no loss and no data.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
