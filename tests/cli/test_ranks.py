"""A rank's process ends at once when all is done: torch's threads may abort an interpreter that winds down."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.processes import python

PROGRAM = """
import atexit, sys, weakref
from sma_core.cli.program.ranks import exit_fast_if_rank

class Held:
    pass

held = Held()
weakref.finalize(held, print, "wound down")

@exit_fast_if_rank()
def main():
    atexit.register(print, "left")
    {end}

main()
"""


def ended(end: str, **rank: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "RANK"} | rank
    return python("-c", PROGRAM.format(end=end), env=environment)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("return", 0),
        ("sys.exit()", 0),
        ("sys.exit(75)", 75),
        ("sys.exit('a sentence')", 1),
        ("raise ValueError('a defect')", 1),
    ],
)
def test_a_rank_does_what_is_registered_and_then_ends_with_its_status(end, status):
    alone, rank = ended(end), ended(end, RANK="1")
    assert alone.stdout == "left\nwound down\n"
    assert rank.stdout == "left\n"
    assert [alone.returncode, rank.returncode] == [status, status]
    assert rank.stderr == alone.stderr


@pytest.mark.parametrize(("rank", "label"), [("0", ""), ("1", "[rank1]: ")])
def test_lines_of_ranks_other_than_the_first_begin_with_their_number(rank, label):
    lines = "import sys; from sma_core.cli.program.ranks import label_errors; label_errors(); "
    lines += "print('one\\ntwo', file=sys.stderr); print('', end='', file=sys.stderr); sys.stderr.write('th'); "
    lines += "sys.stderr.write('ree\\n'); 1 / 0"
    done = python("-c", lines, env=os.environ | {"RANK": rank})
    said = done.stderr.splitlines()
    assert said[:3] == [f"{label}{text}" for text in ("one", "two", "three")]
    assert said[-1] == f"{label}ZeroDivisionError: division by zero"
    assert all(line.startswith(label) for line in said)
