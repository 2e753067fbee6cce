"""Experiments: config in, results out, verdicts decided; nothing is computed twice and nothing is lost.

Takes a file with `Config`, `compute`, `draw` and `report`; gives its saved result, figures and verdicts, and the
statistics that compare methods over folds and data sets.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
