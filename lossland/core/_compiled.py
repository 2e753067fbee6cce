"""Compiled programs are kept on disk, so that a new process need not compile what an earlier one has."""

import logging
import os
from pathlib import Path
from typing import Any

SWITCH = "LOSSLAND_COMPILATION_CACHE"
"""Environment variable; "off" leaves JAX's own setting alone."""
SECONDS = 0.2
"""What took less to compile is not kept."""


def cache_folder() -> Path:
    """Where compiled programs are kept: the user's cache folder, as XDG_CACHE_HOME has it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lossland" / "compiled"


def keep_compiled() -> None:
    """Let JAX keep what it compiles from now on, unless it has a folder already or `SWITCH` is off.

    Example:
        >>> import jax
        >>> keep_compiled()  # does nothing if JAX was told a folder, by JAX_COMPILATION_CACHE_DIR say
    """
    import jax

    config: Any = jax.config
    if os.environ.get(SWITCH) == "off" or config.jax_compilation_cache_dir is not None:
        return
    folder = cache_folder()
    config.update("jax_compilation_cache_dir", str(folder))
    if config.jax_persistent_cache_min_compile_time_secs == 1.0:
        config.update("jax_persistent_cache_min_compile_time_secs", SECONDS)
    # What was compiled before made JAX believe that there is no folder.
    from jax.experimental.compilation_cache import compilation_cache

    compilation_cache.reset_cache()
    logging.getLogger("lossland").info("Compiled programs are kept in %s; %s=off switches it off.", folder, SWITCH)
