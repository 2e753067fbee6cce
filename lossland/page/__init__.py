"""The page: one HTML file on which a person explores pairs, from tables that Python made; no server, no network.

Takes pairs and a path; gives the file. `static/` holds its modules, styles and template.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
