"""Losses, output activations and pairs of them: the catalogues, losses made from losses, elements of your own.

Takes a user's function of one number, or a name; gives a `Pair`, whose value, slope and curvature are right to the
last digits. `activations` and `losses` are the catalogues; whoever takes LOSSES or ACTIVATIONS from here gets them
filled.

- Claims. What a decorator claims (convex, kinks, range, ...) is optional and tested by `check_loss`; what is not
  claimed is not assumed. A claim may be a function of the loss's parameters.
- Ties. A function with kinks takes `tie`, the slope at a kink as a share of the way from the flatter to the steeper
  side: `relu(tie=0)` is `jax.nn.relu`, `relu(tie=0.5)` is `jnp.maximum`. Where both sides are steep (`absolute`) it
  runs from right to left, for `elu` and `leaky_relu` from left to right.
- Stable composition. There is no table of fused pairs. An activation that saturates files its neighbours; a pair
  traces the loss (yours too) and replays it, putting in the neighbour wherever the loss takes `1 - x` or `log(x)` of
  its argument. Slopes at +-inf are the limits.
- A pair is two halves (`_halves`): what the output hands over, and the loss of that. Whoever evaluates many pairs
  compiles each half once.
- 16-bit floats are computed in float32 and rounded once.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
