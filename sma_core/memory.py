"""Configure glibc to keep or return freed memory; training allocates the same blocks in each step."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Mapping

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Option numbers of glibc's ``mallopt``."""
_LARGEST_KEPT = 1 << 30
"""Bytes; larger blocks are returned to the system when freed."""
_LEAST_GIVEN_BACK = 128 << 10
"""Bytes; in low-memory mode, blocks of at least this size are returned immediately."""
_KEEP = {_MMAP_THRESHOLD: _LARGEST_KEPT, _TRIM_THRESHOLD: -1}
_GIVE_BACK = {_MMAP_THRESHOLD: _LEAST_GIVEN_BACK, _TRIM_THRESHOLD: _LEAST_GIVEN_BACK}
_OWN_CHOICE = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
"""Prefixes of environment variables by which a user configures the allocator."""
_kept = False
"""Whether this process keeps freed memory; ``mallopt`` settings cannot be queried."""


def keep_freed_memory(environment: Mapping[str, str] = os.environ) -> bool:
    """Let glibc keep freed blocks of up to 1 GiB for reuse; return whether it does.

    By default glibc returns blocks of 32 MiB or more to the system, which clears their pages at the next
    allocation: 20 % of a training step on the CPU (``docs/speed.md``). The cost is memory lost to fragmentation
    (``docs/scaling.md``). The setting holds for the process, so only the program ``sma`` calls this; in Python,
    call it before training. It does nothing on other systems, or when the environment configures the allocator.
    """
    global _kept
    _kept = _set(_KEEP, environment)
    return _kept


def give_back_freed_memory(environment: Mapping[str, str] = os.environ) -> bool:
    """Let glibc return freed blocks of 128 KiB or more, to save memory at the cost of speed.

    Undoes `keep_freed_memory`; has the same return value and exceptions.
    """
    global _kept
    _kept = False
    return _set(_GIVE_BACK, environment)


class FirstSteps:
    """Returns freed memory during the first training steps, to reduce fragmentation.

    In these steps torch's libraries allocate small long-lived blocks for each new shape, and the optimiser for
    each parameter. Among large kept blocks, they would fragment the heap.
    """

    COUNT = 4
    """Number of steps; several, since batches and masks differ in size."""

    def __init__(self) -> None:
        self._steps = 0

    def before_step(self) -> None:
        """Configure the allocator for the next step; does nothing unless freed memory is kept."""
        if self._steps == 0 and _kept:
            _set(_GIVE_BACK, os.environ)
        if self._steps == self.COUNT:
            self.end()
        self._steps += 1

    def end(self) -> None:
        """Keep freed memory again, also after fewer steps."""
        if _kept:
            _set(_KEEP, os.environ)


def _set(options: Mapping[int, int], environment: Mapping[str, str]) -> bool:
    if not sys.platform.startswith("linux") or any(name.startswith(_OWN_CHOICE) for name in environment):
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # missing in other C libraries
    if set_option is None:
        return False
    return all(bool(set_option(option, value)) for option, value in options.items())
