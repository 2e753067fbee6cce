"""What does each output activation x loss pair really optimise? Start with `lossland.pair`, `load`, `objective`, `fit`.

What a person types is listed once, in `__init__.pyi`, and imported when first used, so that commands answer before JAX
loads. The rest lives in the wings, `lossland.landscapes` say, each with a face (`__init__.pyi`) of its own. In a shell,
`lossland names` says which name to use for what; the page "Which name for what" of the documentation is the same list.
"""

from typing import Any

import lazy_loader

from lossland.core import find_moved_modules, moved_name

__version__ = "0.1.0"
_listed, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    """A listed name; else one of a wing's face, where version 0.1 had it on top, with a DeprecationWarning."""
    try:
        return _listed(name)
    except AttributeError as missing:
        return moved_name(name, __all__, missing)


find_moved_modules()
