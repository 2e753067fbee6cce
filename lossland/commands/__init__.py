"""The command line: `lossland card`, `solve`, `sweep`, `landscape`, `run` and the others, one file a command.

Takes words; gives an exit code, after printing or writing what the other wings found. A file is a frozen dataclass of
what is asked and a function that does it; JAX is imported after the words are understood.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
