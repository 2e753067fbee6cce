"""Cards, planes, fields, paths and gradient geometry as matplotlib figures, in one style and one palette.

Takes a card, a plane, a field or arrays; gives a Figure, or draws on given axes. No number is computed here, so
drawing changes no result.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
