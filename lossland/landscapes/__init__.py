"""Rays, planes and volumes of an objective around a point, and what lies on them: fields, kinks, basins, paths.

Takes a pair, data, a centre and directions; gives a `Ray`, `Plane` or `Volume`, exact wherever the loss allows it, in
float64. NaN stays NaN and is counted.

- Planes. Whether scores are linear in the params is read off the model's program (its transpose exists). Pieces of
  parabolas and lines are then summed exactly through their kinks; other pairs are evaluated on affine scores; other
  models are run.
- Fields. Where scores are linear in the params, slopes and Hessians in the plane are sums over the score plane, and
  the full gradients of a block of pixels one matrix product. Slopes are derivatives in alpha and beta; arrows and
  streamlines are their projection G^-1 g, which is where descent within the plane goes whatever the directions'
  lengths and angle. Determinant and trace are those in orthonormal coordinates.
- Many pairs on one plane share what does not depend on the pair: scores, and for pieces the moments (1, z, z^2) of the
  examples beyond each kink, of which every pair is a combination.
- Planes on disk. A mask says which rows were computed, never a value; the recipe (a hash of each part) is in the
  half-done file and in the finished one, and another recipe is refused by the name of what differs.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
