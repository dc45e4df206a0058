"""How the process gives memory back: on Linux not at once, since training asks for the same again each step."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Numbers of these options in glibc's ``mallopt``."""
_LARGEST_KEPT = 1 << 30
"""Blocks of up to so many bytes are kept; larger ones go back to the system when they are freed."""
_OWN_CHOICE = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Beginnings of environment variables by which a user chooses an allocator, or how it works."""


def keep_freed_memory(environment: Mapping[str, str] = os.environ) -> bool:
    """Let glibc keep freed blocks of up to 1 GiB for what is asked for next; returns whether it will.

    By default it gives every block of 32 MiB or more back to the system and asks for it anew, and the system
    clears each page of it: a fifth of a training step on the CPU goes there (``docs/speed.md``). The peak is the
    same; what falls free between peaks stays with the process. It holds for the whole process, so only the program
    ``sma`` asks for it; in Python call it yourself, before training. Nothing happens on other systems, or where
    the environment says how memory is to be had.
    """
    if not sys.platform.startswith("linux") or any(name.startswith(_OWN_CHOICE) for name in environment):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries of Linux have none
    if set_option is None:
        return False
    return bool(set_option(_MMAP_THRESHOLD, _LARGEST_KEPT)) and bool(set_option(_TRIM_THRESHOLD, -1))
