"""``--devices N``: run a command in several processes (ranks), of which only rank 0 prints."""

from __future__ import annotations

import atexit
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import typer


def is_rank() -> bool:
    """Whether this process was started as a rank, by ``--devices`` or by torchrun."""
    return "RANK" in os.environ


def run_in_ranks(devices: int | None) -> None:
    """Run the whole command again in ``devices`` ranks and exit with their status.

    Returns immediately for one device, for None, and inside a rank.
    """
    if devices in (None, 1) or is_rank():
        return
    from sma_core.devices.launch import launch

    raise typer.Exit(launch(sys.argv[1:], devices))


def is_silent() -> bool:
    """Whether this process is a rank other than 0, which prints nothing."""
    return os.environ.get("RANK", "0") != "0"


class _Labelled(io.TextIOWrapper):
    """The error output of a rank, with the number of the rank in front of each line."""

    def __init__(self, stream: TextIO, label: str) -> None:
        super().__init__(stream.buffer, stream.encoding, stream.errors, line_buffering=True)
        self._label, self._starts_line = label, True

    def write(self, text: str, /) -> int:
        body = text.removesuffix("\n")
        start = self._label if self._starts_line and text else ""
        self._starts_line = text.endswith("\n") or (self._starts_line and not text)
        super().write(start + body.replace("\n", f"\n{self._label}") + text[len(body) :])
        return len(text)


def label_errors() -> None:
    """Let every line that a rank other than 0 writes to stderr begin with its number, such as ``[rank1]: ``.

    Torch marks lines of its native code in the same way. Lines without a number are those of rank 0.
    """
    if is_silent():
        sys.stderr = _Labelled(sys.stderr, f"[rank{os.environ['RANK']}]: ")


@contextmanager
def exit_fast_if_rank() -> Iterator[None]:
    """Exit a rank with `os._exit`, skipping interpreter shutdown; other processes exit normally.

    Threads of gloo and autograd outlive a training, because torch keeps the process group even after it was
    destroyed. A thread that needs the interpreter during shutdown is killed and may abort the process (signal 6)
    although all work is done. Functions registered with `atexit` inside this context run first.
    """
    if not is_rank():
        yield
        return
    status = 1  # for an uncaught exception, whose traceback Python has printed by then

    def exit_now() -> None:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)

    atexit.register(exit_now)  # registered first, so called last
    try:
        yield
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
        raise
