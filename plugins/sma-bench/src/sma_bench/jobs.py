"""Run the trainings of a suite, each as an ``sma`` command that can also be run by hand."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sma_core.children import child_command, child_environment
from sma_core.errors import StoppedOnRequest
from sma_core.runs.run_folder import RunFolder
from sma_core.signals import StopRequest

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Work:
    """A command with its label, the folder that it writes, and its log file.

    ``is_run`` is False for a command that writes only ``results.json`` there, such as a probe.
    """

    label: str
    arguments: tuple[str, ...]
    run: Path
    log: Path
    is_run: bool = True

    @property
    def done(self) -> bool:
        """Whether its run is finished, or its results are written."""
        if not self.is_run:
            return (self.run / "results.json").is_file()
        return (self.run / "model.json").is_file() and RunFolder(self.run).record().finished

    @property
    def command(self) -> str:
        """The command line."""
        return shlex.join(["sma", *self.arguments])


@dataclass(frozen=True)
class Ended:
    """A finished command: its duration in seconds, and on failure the last line of its output."""

    work: Work
    seconds: float
    failure: str | None

    def line(self) -> str:
        """Return a line that reports the result."""
        if self.failure is not None:
            return f"{self.work.label}: {self.failure} (see {self.work.log})"
        return f"{self.work.label}: done in {self.seconds:.1f} s"


def run_all(works: Sequence[Work], jobs: int, tell: Callable[[str], None]) -> list[Ended]:
    """Run unfinished commands in order, ``jobs`` at a time; a failure does not stop the others.

    ``tell`` is called with a line when a command starts and ends. Parallel jobs share the CPU cores. On Ctrl-C or
    SIGTERM the commands save their state and stop, and `StoppedOnRequest` is raised; a second Ctrl-C kills them.
    """
    waiting = [work for work in works if not work.done]
    total = len(waiting)
    running: list[tuple[Work, subprocess.Popen[bytes], float]] = []
    ended: list[Ended] = []
    with StopRequest() as stop:
        try:
            while (waiting and not stop.requested) or running:
                while waiting and len(running) < jobs and not stop.requested:
                    work = waiting.pop(0)
                    tell(f"{work.label}: started, {total - len(waiting):,} of {total:,}; log file {work.log}")
                    running.append((work, _start(work, jobs), time.monotonic()))
                time.sleep(POLL_SECONDS)
                if stop.requested:
                    _ask_to_stop([process for _, process, _ in running])
                for entry in [entry for entry in running if entry[1].poll() is not None]:
                    running.remove(entry)
                    finished = _ended(*entry)
                    if finished.failure is None or not stop.requested:
                        ended.append(finished)
                        tell(finished.line())
        except BaseException:
            for _, process, _ in running:
                process.kill()
            raise
    if stop.requested:
        raise StoppedOnRequest("the suite was stopped; run the same command to resume it")
    return ended


def _start(work: Work, jobs: int) -> subprocess.Popen[bytes]:
    """Start a command in a new session, so that Ctrl-C reaches only this process, which forwards it."""
    environment = child_environment()
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    work.log.parent.mkdir(parents=True, exist_ok=True)
    with work.log.open("wb") as log:
        return subprocess.Popen(
            child_command("-m", "sma_core", *work.arguments),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def _ask_to_stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """Send SIGTERM to each running process; repeated signals are harmless."""
    for process in processes:
        if process.poll() is None:
            process.terminate()


def _ended(work: Work, process: subprocess.Popen[bytes], began: float) -> Ended:
    seconds = time.monotonic() - began
    if process.returncode == 0 and work.done:
        return Ended(work, seconds, None)
    lines = work.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = next((line for line in reversed(lines) if line.strip()), "it printed nothing")
    return Ended(work, seconds, last.removeprefix("error: "))
