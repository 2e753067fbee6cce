"""A pair's two class curves as tables: nodes, kinks, minima, shape, pieces of lines and parabolas.

Takes a `Pair`; gives `Curves`, from which cards, planes, solvers and proofs read what a loss is. Nothing is looked up.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
