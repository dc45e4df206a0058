"""Description of the machine, and the commit of the working tree."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Self

import torch
from torch import device as Device

ROOT = Path(__file__).parents[1]
CODE = ("sma_core", "plugins", "benchmarks", ":!benchmarks/results")


@dataclass(frozen=True)
class Machine:
    """Machine that results were measured on."""

    name: str
    cores: int
    threads: int
    torch: str
    python: str

    @classmethod
    def here(cls, device: Device | None = None) -> Self:
        """Describe this machine; if ``device`` is a GPU, the name is the GPU's."""
        name = torch.cuda.get_device_name(device) if device is not None and device.type == "cuda" else processor()
        return cls(
            name, os.cpu_count() or 1, torch.get_num_threads(), torch.__version__, platform.python_version()
        )

    @property
    def slug(self) -> str:
        """Name and number of cores as a slug, which identifies the machine's results."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.name} {self.cores} cores".lower()).strip("-")

    def to_json(self) -> dict[str, str | int]:
        """Return the JSON form."""
        return {**asdict(self), "slug": self.slug}

    def words(self) -> str:
        """Return a one-line description."""
        return f"{self.name}, {self.cores} cores, {self.threads} threads, torch {self.torch}"


def processor() -> str:
    """Return the processor's name from ``/proc/cpuinfo``, or from `platform`."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


@cache
def commit() -> str:
    """Return the short commit hash, with ``-dirty`` if code was changed; cached at the first call."""
    try:
        name = _git("rev-parse", "--short", "HEAD")
        return f"{name}-dirty" if _git("status", "--porcelain", "--", *CODE) else name
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.strip()
