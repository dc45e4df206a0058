"""What the program prints and returns after an error: a sentence and an exit status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator

from sma_core.errors import EXIT_DEFECT, EXIT_INTERRUPTED, EXIT_STOPPED, EXIT_USER, SmaError
from sma_core.printable import message_text
from sma_core.signals import Terminated

INTACT = "everything saved before is intact"
_MEMORY = ("out of memory", "not enough memory", "allocate memory", "unable to allocate", "alloc_cpu", "bad_alloc")
"""Parts, in lower case, of what libraries say when memory is not enough."""


def end(error: BaseException, debug: bool, silent: bool = False) -> int:
    """Print what ``error`` means on stderr and return the exit status; with ``debug`` also the traceback.

    ``silent`` is for ranks that print nothing. An error that the program does not know is a defect of its own: its
    traceback is always printed.
    """
    if isinstance(error, BrokenPipeError):  # the reader of our output has closed the pipe (`sma … | head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    status, sentence = _known(error)
    defect = status == EXIT_DEFECT
    if defect or (debug and not isinstance(error, KeyboardInterrupt | SystemExit)):
        traceback.print_exception(error)
    if defect or not silent:
        print(message_text(sentence), file=sys.stderr)
    return status


def is_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C or a signal caused the error; typer turns them into a `SystemExit`."""
    return any(isinstance(cause, KeyboardInterrupt) for cause in _causes(error))


def _known(error: BaseException) -> tuple[int, str]:
    """Return exit status and sentence."""
    if isinstance(error, SmaError):
        return error.exit_code, f"{'error' if error.exit_code == EXIT_USER else 'stopped'}: {error}"
    if isinstance(error, KeyboardInterrupt | SystemExit):
        if any(isinstance(cause, Terminated) for cause in _causes(error)):
            return EXIT_STOPPED, f"stopped: stopped on request; {INTACT}: run the command again"
        return EXIT_INTERRUPTED, f"stopped immediately; {INTACT}"
    if _is_memory(error):
        return EXIT_USER, (
            f"error: out of memory ({_first_line(error)}); {INTACT}: use a smaller batch (--batch-tokens, or "
            "--set training.batch_size=N), shorter rows (model.max_length) or a smaller model"
        )
    if isinstance(error, RecursionError):
        return EXIT_USER, "error: a file or a value is nested too deeply to be read"
    if isinstance(error, OSError):
        where = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        what = error.strerror or _first_line(error)
        return EXIT_USER, f"error: {what}{where}; {INTACT}: fix this, then run the command again"
    return EXIT_DEFECT, (
        "error: this is a defect of sma or of a plugin, not of your input; please report it with the lines above "
        f"(exit status {EXIT_DEFECT})"
    )


def _is_memory(error: BaseException) -> bool:
    """Whether memory was not enough; libraries raise various types of errors, which are not imported here."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(part in str(error).lower() for part in _MEMORY)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:300]


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
