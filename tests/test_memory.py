"""Freed memory that is kept: less asked of the system, and a user's own choice of allocator stands."""

import os
import subprocess
import sys

import pytest

from sma_core.memory import give_back_freed_memory, keep_freed_memory

FAULTS = """
import resource
from sma_core.memory import give_back_freed_memory, keep_freed_memory
{first}
import numpy
for _ in range(20):
    numpy.ones(8 << 20)  # 64 MiB
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)
"""


def faults(first: str) -> int:
    """Count the pages that the system hands to a process that asks for 64 MiB twenty times."""
    names = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    command = [sys.executable, "-c", FAULTS.format(first=first)]
    return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(
    not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="not glibc"
)
def test_freed_blocks_are_used_again_and_not_asked_for_anew():
    kept, usual = faults("assert keep_freed_memory()"), faults("")
    assert kept < usual / 2
    assert faults("keep_freed_memory(); assert give_back_freed_memory()") > 0.9 * usual


@pytest.mark.parametrize("name", ["GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "LD_PRELOAD"])
def test_a_choice_in_the_environment_stands(name):
    assert keep_freed_memory({name: "anything"}) is False
    assert give_back_freed_memory({name: "anything"}) is False
