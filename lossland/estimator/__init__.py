"""Pairs in scikit-learn: `PairClassifier`, and `PairClassifierCV`, which chooses C by cross-validation.

Takes X and y with two classes or more; gives estimators that pass scikit-learn's own checks.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
