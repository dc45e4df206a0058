"""Freed memory that is kept, or given back, and a user's own choice of allocator stands."""

import os

import pytest

from sma_core.memory import FirstSteps, give_back_freed_memory, keep_freed_memory
from tests.support.processes import python

GLIBC = pytest.mark.skipif(
    not hasattr(os, "confstr") or "glibc" not in (os.confstr("CS_GNU_LIBC_VERSION") or ""), reason="not glibc"
)


def printed(program: str) -> str:
    """Run a program where nobody has chosen an allocator, and return what it prints."""
    names = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(names)}
    done = python("-c", program, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


HELD = """
from pathlib import Path
from sma_core.memory import give_back_freed_memory, keep_freed_memory
import numpy
keep_freed_memory()
{then}
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])
before = resident()
block = numpy.ones(8 << 20)  # 64 MiB
full = resident()
del block
print((resident() - before) / (full - before))
"""


@GLIBC
@pytest.mark.parametrize(
    ("then", "least", "most"), [("", 0.9, 1.1), ("assert give_back_freed_memory()", -0.1, 0.1)]
)
def test_a_freed_block_stays_with_the_process_until_it_is_to_give_memory_back(then, least, most):
    assert least < float(printed(HELD.format(then=then))) < most


STEPS = """
from sma_core.memory import FirstSteps
steps = FirstSteps()
for _ in range({made}):
    steps.before_step()
"""
MADE = [(1, -0.1, 0.1), (FirstSteps.COUNT, -0.1, 0.1), (FirstSteps.COUNT + 1, 0.9, 1.1)]


@GLIBC
@pytest.mark.parametrize(("made", "least", "most"), MADE)
def test_the_first_steps_give_back_what_those_behind_them_keep(made, least, most):
    assert least < float(printed(HELD.format(then=STEPS.format(made=made)))) < most


@GLIBC
def test_memory_is_kept_again_behind_a_training_of_few_steps():
    then = STEPS.format(made=1) + "steps.end()"
    assert 0.9 < float(printed(HELD.format(then=then))) < 1.1


@GLIBC
def test_steps_keep_nothing_where_memory_is_given_back():
    then = "give_back_freed_memory()" + STEPS.format(made=FirstSteps.COUNT + 1)
    assert -0.1 < float(printed(HELD.format(then=then))) < 0.1


@pytest.mark.parametrize("name", ["GLIBC_TUNABLES", "MALLOC_ARENA_MAX", "LD_PRELOAD"])
def test_a_choice_in_the_environment_stands(name):
    assert keep_freed_memory({name: "anything"}) is False
    assert give_back_freed_memory({name: "anything"}) is False
