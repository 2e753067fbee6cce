"""Data sets of two classes: by name, from a file or from arrays; their parts, folds, label noise and outliers.

Takes a name, a path or arrays; gives a checked `Dataset`. It is the one door where labels become -1 and +1; the
mapping is kept.

- A `Dataset` holds NumPy float64 on the host, or scipy's compressed sparse rows of it; an objective converts to the
  default float of JAX.
- Sparse stays sparse. What needs dense rows refuses sparse ones at its door (`guarded`, unless `takes_sparse`), with
  the memory they would take: nothing becomes dense without being asked, `data.dense()`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
