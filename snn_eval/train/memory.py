"""Keeps freed memory in the process: training asks for the same large arrays again in every step."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_freed_memory"]

_SETTINGS = {-1: 2**31 - 1, -4: 0}
"""Of glibc's ``mallopt``: M_TRIM_THRESHOLD, when memory goes back; M_MMAP_MAX, blocks mapped on their own."""


def keep_freed_memory() -> bool:
    """Tell glibc to reuse large blocks instead of giving them back and having every page of them zeroed again.

    Measured on the reference networks, a training step is a quarter to a half faster for it. The process keeps the
    most memory it ever used. Holds until the process ends; a no-op where the C library is another one.

    Returns:
        Whether the C library took both settings.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    return all(mallopt(ctypes.c_int(name), ctypes.c_int(value)) == 1 for name, value in _SETTINGS.items())
