"""Child processes: they end with their parent, and import neither the working folder's modules nor the script.

Python starts a command of ``-c`` or ``-m`` with the working folder first in its path, so a file ``torch.py`` or
``multiprocessing.py`` there would run instead of the real module; all children start with ``-P`` or its
environment variable. Children of `multiprocessing` import the script that started them, so a script that trains
without ``if __name__ == "__main__"`` would train in each child; those here do not. A parent that is killed cannot
stop its children, so each child asks the system to be killed with it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.context import SpawnContext, SpawnProcess

PARENT = "SMA_PARENT"
"""Environment variable with the process ID of a parent with which `end_with_parent` ends a command."""
SAFE_PATH = "PYTHONSAFEPATH"
POLL_SECONDS = 0.5
"""Seconds between looks at the parent, on systems that do not kill children with it."""
_PR_SET_PDEATHSIG = 1
"""Option number of Linux's ``prctl``."""


def child_command(*arguments: str) -> list[str]:
    """Return the command line of Python with ``arguments``, such as ``-m sma_core``, for a child."""
    return [sys.executable, "-P", *arguments]


def child_environment(**more: str) -> dict[str, str]:
    """Return environment variables for a child that calls `end_with_parent`."""
    return {**os.environ, PARENT: str(os.getpid()), **more}


def end_with_parent() -> None:
    """End this process as soon as its parent ends, if the parent is the program.

    The parent is that of `multiprocessing`, or the one named by `child_environment`.
    """
    named = os.environ.pop(PARENT, "")  # not for this process's own children
    spawned = multiprocessing.parent_process()
    parent = spawned.pid if spawned is not None else int(named) if named.isdigit() else None
    if parent is None or os.name == "nt":
        return
    killed_with_it = _ask_to_be_killed()
    if os.getppid() != parent:  # it ended before
        os._exit(1)
    if not killed_with_it:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()


def _ask_to_be_killed() -> bool:
    """Let Linux kill this process when its parent ends; return whether it will."""
    if not sys.platform.startswith("linux"):
        return False
    control = getattr(ctypes.CDLL(None), "prctl", None)
    return control is not None and control(_PR_SET_PDEATHSIG, int(signal.SIGKILL)) == 0


def _exit_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os._exit(1)


@contextmanager
def _safe_path() -> Iterator[None]:
    """Keep the working folder out of the path of a child that starts."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SAFE_PATH]
        else:
            os.environ[SAFE_PATH] = before


@contextmanager
def _without_script() -> Iterator[None]:
    """Hide from a child that starts which script the program is."""
    main = sys.modules["__main__"]
    names = [name for name in ("__file__", "__spec__") if hasattr(main, name)]
    before = {name: getattr(main, name) for name in names}
    for name in names:
        setattr(main, name, None)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(main, name, value)


class _Child(SpawnProcess):
    """A spawned process that ends with its parent."""

    def start(self) -> None:
        with _safe_path(), _without_script():
            super().start()

    def run(self) -> None:
        end_with_parent()
        super().run()


class _ChildContext(SpawnContext):
    Process = _Child


CHILDREN = _ChildContext()
"""The context of `multiprocessing` for all worker processes."""
