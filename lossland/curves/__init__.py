"""A pair's loss as a function of the score, one curve a class, in a table: values, slopes, kinks, minima, shape.

Takes a `Pair`; gives `Curves`, from which cards, planes, solvers and proofs read what a loss is. Nothing is looked up,
so a user's loss gets the same table.

- The table has value, slope and curvature at 2046 scores to +-1e6, even in asinh, in float64. Kinks are found by
  zooming and stand twice; between nodes a curve is a quintic.
- One length of array serves every pair, evaluated operation by operation: XLA compiles each primitive once, where
  compiling a function for each pair takes several times as long.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
