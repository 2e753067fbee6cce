"""Data of two classes: the one door where labels become -1 and +1, readers of files, made and bundled sets.

Takes arrays, a file's path or a name; gives a validated `Dataset`, its parts and folds.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
