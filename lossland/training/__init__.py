"""Models, objectives and descent: one run by `fit`, or every pair, seed and step size at once by `sweep`.

Takes a pair, a model, data and an optimiser of optax; gives parameters and what was recorded on the way, on one device
or over many processes.

- An objective divides by n whatever the sample weights, so that C = 1 / (n * l2) holds with weights too. It is the
  only place that takes a mean.
- Of a sweep, which pair is structure; everything else is numbers. Blocks depend on the grid only, so that their bits
  do not depend on devices or processes.
- Steps take `Pair.bare`, without limits at infinity; where that is no number the program stops and one with limits
  goes on. A model whose point, score or gradient is not finite has diverged and stays where it is.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
