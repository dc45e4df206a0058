"""Memory use of this process, measured without importing torch."""

from __future__ import annotations

import resource
import sys
from pathlib import Path


def resident_megabytes(what: str = "VmHWM") -> float:
    """Return the peak resident memory of this process in MB, or the current one with ``VmRSS``.

    On Linux it is read from ``/proc``, because ``getrusage`` of a child process starts at the parent's size.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(what + ":"):
                return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def peaks() -> dict[str, float]:
    """Return the peak resident memory of this process and the peak GPU memory of its tensors, in MB."""
    figures = {"peak_mb": round(resident_megabytes(), 1)}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        figures["peak_device_mb"] = round(torch.cuda.max_memory_allocated() / (1 << 20), 1)
    return figures
