"""Data sets of two classes: by name, from a file or from arrays; their parts, folds, label noise and outliers.

Takes a name, a path or arrays; gives a checked `Dataset`. It is the one door where labels become -1 and +1; the
mapping is kept.

- A `Dataset` holds NumPy float64 on the host; an objective converts to the default float of JAX.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
