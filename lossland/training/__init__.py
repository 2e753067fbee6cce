"""Models, objectives and descent: one run by `fit`, or every pair, seed and step size at once by `sweep`.

Takes a pair, a model, data and an optimiser of optax; gives parameters and what was recorded on the way, on one device
or over many processes.

- An objective divides by n whatever the sample weights, so that C = 1 / (n * l2) holds with weights too. It is the
  only place that takes a mean.
- A sweep compiles each activation and each loss once (`_composed`); which two a model's scores pass through is data.
  Blocks depend on the grid only, so that their bits do not depend on devices, threads or processes.
- Compiled programs are found by what they are (`_programs`), never by the objects that a call happens to bring.
- Steps take slopes without their limits at infinity; where one is no number the step is taken again with them. A model
  whose point, score or gradient is not finite has diverged and stays where it is.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
