"""How an objective curves at a point: Hessians, eigenvalues, spectral density, sharpness, curvature in kinks.

Takes an objective and params; gives matrices, products with vectors, or estimates that say they are estimates.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
