"""Peak memory of a piece of work, in a process of its own, so that nothing that ran before counts."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec

import torch

from sma_core.memory import keep_freed_memory

P = ParamSpec("P")


def resident_megabytes(what: str = "VmHWM") -> float:
    """Return this process's largest resident set so far in MB (``VmRSS``: the present one).

    On Linux it is read from ``/proc``: what ``getrusage`` says of a started process begins with its parent's size.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def apart(work: Callable[P, dict[str, Any]], *args: P.args, **kwargs: P.kwargs) -> dict[str, Any]:
    """Call ``work`` in a new process; return its figures and ``peak_mb``, the largest resident set there.

    Where it used a GPU there is ``peak_device_mb`` too, the most that its tensors took. ``work`` is a function of
    a module, its arguments plain. Raises `RuntimeError` when the process dies.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(there, torch.get_num_threads(), work, args, kwargs))
    process.start()
    there.close()
    try:
        found: dict[str, Any] = here.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"{work.__module__}.{work.__name__} left with {process.exitcode}") from None
    process.join()
    return found


def _report(
    out: Connection,
    threads: int,
    work: Callable[..., dict[str, Any]],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> None:
    keep_freed_memory()
    torch.set_num_threads(threads)
    out.send(dict(work(*args, **kwargs)) | peaks())
    out.close()


def peaks() -> dict[str, float]:
    """Return the largest resident set of this process so far in MB, and the most its tensors took of a GPU."""
    figures = {"peak_mb": round(resident_megabytes(), 1)}
    if torch.cuda.is_initialized():
        figures["peak_device_mb"] = round(torch.cuda.max_memory_allocated() / (1 << 20), 1)
    return figures
