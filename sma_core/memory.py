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
_LEAST_GIVEN_BACK = 128 << 10
"""Blocks of so many bytes and more go back to the system at once, where memory is to be small."""
_KEEP = {_MMAP_THRESHOLD: _LARGEST_KEPT, _TRIM_THRESHOLD: -1}
_GIVE_BACK = {_MMAP_THRESHOLD: _LEAST_GIVEN_BACK, _TRIM_THRESHOLD: _LEAST_GIVEN_BACK}
_OWN_CHOICE = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Beginnings of environment variables by which a user chooses an allocator, or how it works."""
_kept = False
"""Whether freed memory is to be kept: of the whole process, as what ``mallopt`` sets is, which cannot be asked."""


def keep_freed_memory(environment: Mapping[str, str] = os.environ) -> bool:
    """Let glibc keep freed blocks of up to 1 GiB for what is asked for next; returns whether it will.

    By default it gives every block of 32 MiB or more back to the system and asks for it anew, and the system
    clears each page of it: a fifth of a training step on the CPU goes there (``docs/speed.md``). The price is
    memory: pieces lie idle between blocks in use (a case in ``docs/scaling.md``). It holds for the whole process,
    so only the program ``sma`` asks for it; in Python call it yourself, before training. Nothing happens on other
    systems, or where the environment says how memory is to be had.
    """
    global _kept
    _kept = _set(_KEEP, environment)
    return _kept


def give_back_freed_memory(environment: Mapping[str, str] = os.environ) -> bool:
    """Let glibc give every block of 128 KiB and more back, for work that is to be small rather than fast.

    It undoes `keep_freed_memory` from here on; returns and leaves be as that does.
    """
    global _kept
    _kept = False
    return _set(_GIVE_BACK, environment)


class FirstSteps:
    """The first steps of a training give freed memory back, where it is kept otherwise, so that less lies idle.

    For each shape that they meet first, torch's libraries keep small blocks for good, and the optimiser does for
    each parameter. Between large blocks that are kept they would stay where those once ended, and cut what is free
    into pieces that are too small for the next step's.
    """

    COUNT = 4
    """So many steps: batches differ in length, and masks in how much they leave."""

    def __init__(self) -> None:
        self._made = 0

    def before_step(self) -> None:
        """Set how freed memory is had for the step that comes now; nothing, where it is not kept otherwise."""
        if self._made == 0 and _kept:
            _set(_GIVE_BACK, os.environ)
        if self._made == self.COUNT:
            self.end()
        self._made += 1

    def end(self) -> None:
        """Keep freed memory again, where it is kept, though fewer steps were made."""
        if _kept:
            _set(_KEEP, os.environ)


def _set(options: Mapping[int, int], environment: Mapping[str, str]) -> bool:
    if not sys.platform.startswith("linux") or any(name.startswith(_OWN_CHOICE) for name in environment):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries of Linux have none
    if set_option is None:
        return False
    return all(bool(set_option(option, value)) for option, value in options.items())
