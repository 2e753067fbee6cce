"""What a pair's program proves: breaks, signs, bounds and tails, read from what JAX traces of it.

Takes a `Pair`; gives its `Program`, the smooth pieces of both class curves, and the claims that hold on them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
