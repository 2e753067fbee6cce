"""The command line: one file a command, a frozen dataclass of what it is asked and a function that does it.

Takes words; gives an exit code, after printing or writing what the other wings found. JAX is imported after parsing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
