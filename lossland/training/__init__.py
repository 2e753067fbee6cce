"""Models, objectives and descent: one run (`fit`) or all pairs at once (`sweep`), on one device or many processes.

Takes a pair, a model, data and an optimiser; gives parameters and what was recorded on the way.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
