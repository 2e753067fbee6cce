"""Results as JSON can hold them: for scripts that read what a command or a card says."""

import json
from typing import Any


def as_json(held: Any) -> str:
    """JSON text for a script; infinities, which JSON lacks, become "inf" and "-inf", NaN becomes null.

    Example:
        >>> as_json({"gap": float("inf")})
        '{\\n "gap": "inf"\\n}'
    """
    return json.dumps(plain(held), indent=1, allow_nan=False)


def plain(held: Any) -> Any:
    """Dicts, lists, numbers and words from whatever holds some; NaN becomes None, infinities become words."""
    if isinstance(held, dict):
        return {str(key): plain(value) for key, value in held.items()}
    if isinstance(held, (list, tuple)):
        return [plain(value) for value in held]
    if held is None or isinstance(held, (bool, int, str)):
        return held
    if isinstance(held, float):
        return None if held != held else float(held) if abs(held) < float("inf") else str(float(held))
    return plain(held.tolist()) if hasattr(held, "tolist") else str(held)
