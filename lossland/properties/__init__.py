"""What a pair is, on one card: convex, calibrated, proper, Lipschitz, dead where; computed from the function alone.

Takes a `Pair`; gives a `Card` of facts, verdicts in words, and functions such as its risk, its conjugate and its link.

- Thresholds of a card are on the score axis: the rule is z > threshold, which for a monotone output is a rule on it.
- Contracts (`check_loss` and its like): behaviour is looked at on a grid, claims are decided by the program.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
