"""Which examples pull and where descent goes: gradient weights, angles, basins, implicit bias, limits, repairs.

Takes an objective, or linear rules and data; gives weights, angles, limits and thresholds that can be compared.

- Long runs descend on the sum of the losses, as the theorems do, not on the mean.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
