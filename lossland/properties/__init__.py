"""Cards: what a pair is (convex, calibrated, proper, dead where) computed from the function alone.

Takes a `Pair`; gives a `Card` of facts, verdicts in words, and functions such as its conjugate and its link.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
