"""Which examples pull and where descent goes: gradient weights, angles, flows, implicit bias, decision rules, repairs.

Takes an objective or linear rules and data; gives weights, angles, limits and thresholds that can be compared.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
