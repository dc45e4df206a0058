"""Python and the program in a process of their own, where it is the process that is tested."""

from __future__ import annotations

import subprocess
import sys
from typing import Any


def python(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python to its end; keep its status and what it says."""
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def sma(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the program to its end; keep its status and what it says."""
    return python("-m", "sma_core", *arguments, **options)
