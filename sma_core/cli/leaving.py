"""How a rank's process ends: at once, when all that Python has to do is done.

Threads of torch's (gloo's loops, the gradient's) go on behind a training with several ranks. One that needs the
interpreter while it winds down is ended in the middle, and may abort the process with signal 6 though all is done.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_once_as_a_rank() -> Iterator[None]:
    """Let a process that is one of several ranks end without winding down, with the status it leaves here with.

    Threads are waited for, and what is registered with `atexit` from here on is done. A program alone ends as
    ever.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    status = 1  # of an exception that nobody caught; Python has shown it by then

    def leave() -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)

    atexit.register(leave)  # what is registered first is called last
    try:
        yield
        status = 0
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        raise
