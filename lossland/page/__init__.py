"""One HTML file on which a person explores pairs by hand: curves, landscape and data; no server, no network.

Takes pairs and a path; gives the file. `static/` holds its modules, styles and template.

- The page has no formula of a loss. Python keeps those nodes of a card's table between which a quintic is right, and
  of each kink the slopes of tie 0 and tie 1; the browser interpolates.
- Its modules are files that `node --test` reads as they are and that Python joins, each in a scope of its own: no
  build step. Curves, landscape and data are drawn on plain canvases (a redraw must take less than a frame or two);
  plotly.js, nine tenths of the file, is packed and only unpacked for three dimensions.
- The page's own optima come from the ellipsoid method: in three dimensions it needs subgradients alone and bounds its
  own error.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
