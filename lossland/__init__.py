"""What does each output activation x loss pair really optimise? Start with `lossland.pair`, `load`, `objective`, `fit`.

The names are listed once, in `__init__.pyi`, and imported when first used, so that commands answer before JAX loads.
"""

import lazy_loader

__version__ = "0.1.0"
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
