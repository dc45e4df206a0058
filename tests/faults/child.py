"""Children that die of a fault at a chosen moment: forks of the test's process, which has imported torch already.

A moment is the n-th call of one of the functions through which files are made, flushed, renamed and removed. The
fault comes in its place, so that each such moment is hit once, the same in every run of the tests.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from sma_core.training import checkpoints

KILLED = -signal.SIGKILL
Work = Callable[[], object]
Fault = Callable[[], None]


def die() -> None:
    """End this process as `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def full() -> None:
    """Fail as a write to a full disk does."""
    raise OSError(28, "No space left on device")


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

    def inside(self) -> ExitStack:
        """Put the watched functions in place until the end of the context."""
        stack = ExitStack()
        for owner, name in ((os, "fsync"), (os, "rename"), (os, "replace"), (os, "mkdir"), (shutil, "rmtree")):
            stack.enter_context(mock.patch.object(owner, name, self.watched(getattr(owner, name))))
        for name in ("unlink", "write_text"):
            stack.enter_context(mock.patch.object(Path, name, self.watched(getattr(Path, name))))
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
