"""How an objective curves at a point: Hessians, eigenvalues, spectral density, sharpness, curvature in kinks.

Takes an objective and params; gives matrices, products with vectors, or estimates that say how far off they may be.

- A loss made of lines (the curvature on its card is 0, and it has kinks) has a Hessian of zero wherever it has one:
  asking for it raises, and `kink_curvature` measures the kinks. For a network, whose scores bend, it warns.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
