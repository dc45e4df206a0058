"""``--devices N``: the same command in several processes, which of them speaks, and how they end."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer


def is_rank() -> bool:
    """Whether this process was started as a rank, by ``--devices`` or by torchrun."""
    return "RANK" in os.environ


def run_in_ranks(devices: int | None) -> None:
    """Run the whole command again in ``devices`` ranks and leave with their status; nothing for one or none.

    In a rank it does nothing.
    """
    if devices in (None, 1) or is_rank():
        return
    from sma_core.devices.launch import launch

    raise typer.Exit(launch(sys.argv[1:], devices))


def is_silent() -> bool:
    """Whether another rank speaks for this one."""
    return os.environ.get("RANK", "0") != "0"


@contextmanager
def leaves_at_once_if_a_rank() -> Iterator[None]:
    """Let a rank end without winding Python down, with the exit status that it leaves this with; others as ever.

    Threads of gloo's and of the gradient's go on behind a training: torch's wrappers hold their process group,
    also when it was destroyed. One that needs the interpreter while that winds down is ended in the middle, and
    may abort the process (signal 6) though all was done. What is registered with `atexit` from here on is done
    before.
    """
    if not is_rank():
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
