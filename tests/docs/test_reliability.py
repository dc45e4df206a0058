"""The page on reliability: each test it names exists, its tables are those of the tests, and its script works."""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sma_core import errors
from sma_core.training.reporting.metrics_file import read_metrics
from tests.faults.test_bit_identity import NUMBERS, WAYS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


def names_in(file):
    return {node.name for node in ast.parse(file.read_text(encoding="utf-8")).body if hasattr(node, "name")}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_each_test_that_the_page_names_exists(file, name):
    assert name in names_in(ROOT / file)


def test_each_row_of_the_table_of_faults_names_a_test():
    table = PAGE.partition("\n## Faults\n")[2].partition("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(rows) == len(NAMED) > 20


def test_the_table_of_ways_is_that_of_the_tests():
    table = PAGE.partition("\n## Stopped and resumed")[2].partition("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:2] == "| "
    ]
    header, _, *ways, workers, ranks = rows
    assert header[1:] == ["toy", "chem", "protein", "physics"]
    assert {way: cells for way, *cells in ways} == {
        way: ["\u2013" if domain in NUMBERS and "packing" in way else "equal" for domain in header[1:]]
        for way in WAYS
    }
    assert workers[0].startswith("no data worker; one, then two")
    assert ranks[0].startswith("two ranks")
    assert workers[1:] == ranks[1:] == ["equal"] * 4


def test_the_exit_statuses_are_those_of_the_program():
    table = PAGE.partition("\n## Exit statuses\n")[2].partition("\n## ")[0]
    said = {int(number) for number in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert said == {value for name, value in vars(errors).items() if name.startswith("EXIT_")}


@pytest.mark.skipif(os.name == "nt", reason="needs bash")
@pytest.mark.parametrize(("status", "queued"), [(75, ["requeue 7"]), (0, []), (2, [])])
def test_the_script_puts_a_job_back_that_was_stopped_and_no_other(tmp_path, status, queued):
    script = re.search(r"<!-- slurm -->\n```bash\n(.*?)```", PAGE, re.DOTALL)[1]
    (tmp_path / "job.sh").write_text(script)
    for name, body in (("srun", f"exit {status}"), ("scontrol", 'echo "$@" >> queue')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    done = subprocess.run(["bash", "job.sh"], cwd=tmp_path, env=environment, check=False)
    assert done.returncode == status
    queue = tmp_path / "queue"
    assert (queue.read_text().splitlines() if queue.exists() else []) == queued


SRUN = """#!/bin/bash
for rank in 0 1; do
    SLURM_PROCID=$rank SLURM_LOCALID=$rank SLURM_NTASKS=2 "$@" &
    started+=($!)
done
for process in "${started[@]}"; do wait "$process" || status=$?; done
exit ${status:-0}
"""


@pytest.mark.full
@pytest.mark.skipif(os.name == "nt", reason="needs bash")
def test_the_script_for_many_nodes_trains_as_one_run_and_goes_back_into_the_queue(toy, tmp_path):
    script = re.search(r"<!-- slurm, many nodes -->\n```bash\n(.*?)```", PAGE, re.DOTALL)[1]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    script = script.replace("29500", port).replace("--domain chem --recipe paper", f"--domain {toy}")
    stubs = {
        "srun": SRUN,
        "scontrol": '#!/bin/sh\nif [ "$1" = show ]; then echo 127.0.0.1; else echo "$@" >> queue; fi\n',
        "sma": f'#!/bin/sh\nexec {sys.executable} -m sma_core "$@"\n',
    }
    for name, content in stubs.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "SLURM_JOB_ID": "7"}
    environment["SLURM_JOB_NODELIST"] = "here"
    for limit, status in (("0.001s", 75), ("3h50m", 0)):
        (tmp_path / "job.sh").write_text(script.replace("3h50m", limit))
        done = subprocess.run(
            ["bash", "job.sh"], cwd=tmp_path, env=environment, check=False, capture_output=True, text=True
        )
        assert done.returncode == status, done.stderr
    assert (tmp_path / "queue").read_text().splitlines() == ["requeue 7"]
    steps = [line["step"] for line in read_metrics(tmp_path / "runs/long/metrics.jsonl") if "loss" in line]
    assert steps == sorted(set(steps))
    assert steps[-1] == 12
