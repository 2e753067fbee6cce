"""The plan of the package, written once: its floors, and how to read a wing's face.

The layering tests, DESIGN's table, the topics of the documentation, the folders of the tests and the set of files that
a saved result depends on are all made from this.
"""

import ast
import functools
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1]
"""The folder of the package."""

FLOORS = (
    ("core",),
    ("elements",),
    ("data", "proofs"),
    ("curves",),
    ("properties", "minima"),
    ("training",),
    ("solvers", "curvature"),
    ("landscapes", "geometry", "estimator", "page"),
    ("figures",),
    ("experiment",),
    ("commands",),
)
"""The wings from the ground up: a wing imports from the floors below its own, and only what their faces give."""

GROUND = ("core", "elements", "data")
"""Wings that everybody may stand on; arrows to them are not counted."""

DRAWING = ("page", "figures", "commands")
"""Wings that draw or tell: no saved result depends on them."""


class Face(NamedTuple):
    """What a wing gives.

    Attributes:
        users: name -> file, what users call; documented with examples.
        wings: name -> file, what other wings take besides.
    """

    users: dict[str, str]
    wings: dict[str, str]


@functools.cache
def face_of(wing: str) -> Face:
    """The face of a wing, read from its `__init__.pyi`; a line in quotes parts users' names from those for wings.

    Example:
        >>> face_of("page").users["write_page"]
        '_assembly'
    """
    parts: list[dict[str, str]] = [{}, {}]
    at = 0
    for node in ast.parse((PACKAGE / wing / "__init__.pyi").read_text()).body:
        if isinstance(node, ast.Expr):
            at = 1
        elif isinstance(node, ast.ImportFrom):
            parts[at] |= {alias.name: node.module or alias.name for alias in node.names}
    return Face(*parts)
