"""The exact optimum of a convex loss, linear or over a kernel, with the duality gap that proves it.

Takes a loss, data and C; gives a `Solution` with duals and gap, its path in C, its derivatives, or `NotSeparable` with
the point that both classes share. Methods of descent on the same problem stand beside it for comparison.

- Sparse inputs are solved one problem after another by Newton steps with conjugate gradients; a loss of one box, as the
  hinge, starts from LIBLINEAR's dual point, which is certified like any other: on bags of words conjugate gradients
  alone took several times as long.
- A loss is admitted if its program proves it to be convex, refused with a chord if it refutes it. What is only measured
  is solved too, and the solution says so.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
