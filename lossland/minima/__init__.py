"""Where the minima are, exactly: cells, proofs of local and global minima, Clarke stationarity.

Takes a pair, data and a point or a box; gives minima with the certificates that prove them. Most of it is for pairs
made of lines and parabolas, convex or not.

- Pieces that are not convex are read off the table of the class curves, not declared, so that a user's pair is taken
  as well. A pair whose value jumps is refused: its infimum need not be attained.
- Cells are told apart by the sides of all lines and checked by Euler's formula; a minimum is proven by one-sided
  derivatives, to second order, in every cell around it. The host and NumPy do it all: there is nothing to
  differentiate.
- A Clarke subdifferential is exact where a theorem or a list of all cells says so; else it is enclosed between a box
  and sampled cells, and the verdict may be "undecided". One-sided slopes come from the table of kinks, never from what
  autodiff selects.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
