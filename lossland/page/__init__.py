"""One HTML file on which a person explores pairs by hand: curves, landscape and data; no server, no network.

Takes pairs and a path; gives the file. `static/` holds its modules, styles and template.

- The page has no formula of a loss. Python keeps those nodes of a card's table between which a quintic is right, and
  of each kink the slopes of tie 0 and tie 1; the browser interpolates.
- Its modules are files that `node --test` reads as they are and that Python joins, each in a scope of its own: no
  build step. Curves, landscape and data are drawn on plain canvases (a redraw must take less than a frame or two);
  plotly.js, nine tenths of the file, is packed and only unpacked for three dimensions.
- The page's own optima come from the ellipsoid method: in three dimensions it needs subgradients alone and bounds its
  own error. Of the hinge of max(z, -c), which is not convex, it takes one convex majorant after another, so the place
  is called the lowest found and never the optimum. Python gives one table for each c of the slider.
- A soft label is two terms, one a class, weighted by its shares: whatever is computed knows terms, not labels.
- The tour's card stands in the flow above the view that it speaks of: what is not laid over anything covers nothing.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
