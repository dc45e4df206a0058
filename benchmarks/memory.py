"""How much memory this process has taken. It imports no torch, which would be most of it."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


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


def peaks() -> dict[str, float]:
    """Return the largest resident set of this process so far in MB, and the most its tensors took of a GPU."""
    figures = {"peak_mb": round(resident_megabytes(), 1)}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        figures["peak_device_mb"] = round(torch.cuda.max_memory_allocated() / (1 << 20), 1)
    return figures
