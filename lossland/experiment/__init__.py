"""Experiments: config in; saved results, figures and verdicts out; nothing is computed twice and nothing is lost.

Takes a file with `Config`, `SMOKE`, `compute`, `draw` and `report`; gives its saved result, its figures and whether
each claim holds. The statistics that compare methods over folds and data sets are here, too.

- Results are named by a hash of config, the sources that can change numbers, and versions. Parts of a run are kept as
  they finish; figures are drawn from the saved file only.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
