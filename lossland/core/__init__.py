"""What everything else stands on: types, params, files written whole, hashes and keys, memory, tables of results.

Takes plain Python and NumPy values; gives the words that all other wings share. It knows no loss and no data. The plan
of the wings is here as well (`FLOORS`, `face_of`).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
