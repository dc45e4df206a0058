"""Keep what plugins print away from standard output, which belongs to the verbs' results."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

_OUT, _ERR = 1, 2


@contextlib.contextmanager
def output_to_stderr() -> Iterator[None]:
    """Send to stderr what is printed meanwhile, by Python and by whatever writes to file descriptor 1 itself.

    It holds for the whole process, so only for as long as foreign code is imported or asked what it gives.
    """
    with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as afterwards:
        with contextlib.suppress(OSError, ValueError):  # a process may have closed either of them
            if sys.__stdout__ is not None:
                sys.__stdout__.flush()
            kept = os.dup(_OUT)
            afterwards.callback(_put_back, kept)
            os.dup2(_ERR, _OUT)
        yield


def _put_back(kept: int) -> None:
    os.dup2(kept, _OUT)
    os.close(kept)
