"""Losses, output activations and the pairs of them: the catalogues, the registry, combinators, contracts.

Takes a user's function of one number, or a name; gives a `Pair`, whose value, slope and curvature are right to the last
digits. `activations` and `losses` are the catalogues; whoever takes LOSSES or ACTIVATIONS from here gets them filled.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
