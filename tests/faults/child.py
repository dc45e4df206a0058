"""Children that die of a fault at a chosen moment: forks of the test's process, which has imported torch already.

A moment is the n-th call of one of the functions through which files are made, flushed, renamed and removed. The
fault comes in its place, so that each such moment is hit once, the same in every run of the tests.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from sma_core.checkpoints import store as checkpoints
from sma_core.cli import main

KILLED = -signal.SIGKILL
Work = Callable[[], object]
Fault = Callable[[], None]


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def failing(number: int) -> Fault:
    """Return a fault: the system refuses with this error number."""

    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


class Moments:
    """Counts the calls of functions that change files, and meets the n-th with a fault."""

    def __init__(self, at: int, fault: Fault) -> None:
        self.at, self.fault, self.seen = at, fault, 0

    def watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Count the function's calls."""

        def call(*arguments: Any, **named: Any) -> Any:
            self.seen += 1
            if self.seen == self.at:
                self.fault()
            return function(*arguments, **named)

        return call

    def halves(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Count a function ``(tensors, path)`` that writes a file; the fault comes with half of it written."""

        def call(tensors: Any, path: Path) -> None:
            function(tensors, path)
            self.seen += 1
            if self.seen == self.at:
                content = path.read_bytes()
                path.write_bytes(content[: len(content) // 2])
                self.fault()

        return call

    def inside(self, removals: bool = True) -> ExitStack:
        """Put the watched functions in place until the end of the context, with or without those that remove."""
        watched = [(os, "fsync"), (os, "rename"), (os, "replace"), (os, "mkdir"), (Path, "write_text")]
        if removals:
            watched += [(shutil, "rmtree"), (Path, "unlink")]
        stack = ExitStack()
        for owner, name in watched:
            stack.enter_context(mock.patch.object(owner, name, self.watched(getattr(owner, name))))
        stack.enter_context(mock.patch.object(checkpoints, "save_file", self.halves(checkpoints.save_file)))
        return stack


def begun(work: Work) -> int:
    """Begin the work in a fork of this process; return its number."""
    child = os.fork()
    if child == 0:
        status = 0
        torch.set_num_threads(1)  # the threads of the parent are not here
        try:
            work()
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:
            traceback.print_exc()
            status = 99
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return child


def ended(child: int) -> int:
    """Wait for the end of a child; return its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def forked(work: Work) -> int:
    """Do the work in a fork of this process; return its exit status."""
    return ended(begun(work))


def killed_at(at: int, work: Work) -> bool:
    """Do the work in a child that is killed at moment ``at``; False when it was over before that."""

    def doomed() -> None:
        with Moments(at, die).inside():
            work()

    status = forked(doomed)
    assert status in (0, KILLED), status
    return status == KILLED


@dataclass(frozen=True)
class Left:
    """How the program ended, and what it said on stderr."""

    status: int
    said: str


def program(folder: Path, *arguments: object, before: Callable[[], object] = lambda: None) -> Left:
    """Run ``sma`` in a child, after ``before``, and look at its end; ``folder`` takes a file of what it says."""
    return end_of(program_begun(folder, *arguments, before=before), folder)


def end_of(child: int, folder: Path) -> Left:
    """Wait for the end of what `program_begun` began."""
    return Left(ended(child), (folder / "said.txt").read_text(encoding="utf-8"))


def program_begun(folder: Path, *arguments: object, before: Callable[[], object] = lambda: None) -> int:
    """Begin `program`; return the child's number."""
    said = folder / "said.txt"

    def run() -> None:
        for number in (1, 2):
            os.dup2(os.open(said if number == 2 else os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", buffering=1) for number in (1, 2))
        before()
        main([str(argument) for argument in arguments])

    return begun(run)


def one_sentence(left: Left) -> str:
    """Return what the program says of an error: a single line, with exit status 2 and no traceback."""
    errors = [line for line in left.said.splitlines() if line.startswith("error: ")]
    assert left.status == 2, left
    assert len(errors) == 1, left
    assert "Traceback" not in left.said
    return errors[0]


def wait_for(path: Path) -> None:
    """Wait until a child has made a file."""
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.01)
