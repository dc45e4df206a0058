"""`kill -9` of a process that has children: they end with it, and the same command works again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sma_core.training.reporting.metrics_file import read_metrics
from tests.support.descendants import descendants, wait_for_the_end_of, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="the system lists no processes")
REPOSITORY = Path(__file__).parents[2]
SHADOWS = ["torch", "typer", "json", "multiprocessing", "pickle", "socket", "pluggy", "numpy"]


def killed(process: subprocess.Popen[bytes], at_least: int) -> None:
    """Kill a process once it has so many below it, and wait for the end of all."""
    wait_until(
        lambda: len(descendants(process.pid)) >= at_least or process.poll() is not None, "children never started"
    )
    assert process.poll() is None, "it ended before it was killed"
    below = descendants(process.pid)
    process.kill()
    process.wait()
    wait_for_the_end_of(below)


@pytest.mark.full
@pytest.mark.parametrize(("devices", "workers"), [(2, 0), (1, 2), (2, 1)])
def test_ranks_and_data_workers_end_with_their_parent_and_the_same_command_goes_on(
    toy, tmp_path, devices, workers
):
    out = tmp_path / "run"
    always = {"log_every": 1, "checkpoint_every": 2, "evaluate_every": 100000, "workers": workers}
    command = [sys.executable, "-m", "sma_core", "train", "--domain", toy, "--out", str(out), "--resume", "auto"]
    command += ["--devices", str(devices)]
    command += [text for name, value in always.items() for text in ("--set", f"training.{name}={value}")]
    process = subprocess.Popen([*command, "--set", "training.steps=100000"])
    wait_until(lambda: len(read_metrics(out / "metrics.jsonl")) >= 4 or process.poll() is not None, "no step")
    killed(process, 1)
    saved = max(line["step"] for line in read_metrics(out / "metrics.jsonl"))
    again = subprocess.run(
        [*command, "--set", f"training.steps={saved + 2}"], capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    assert max(line["step"] for line in read_metrics(out / "metrics.jsonl")) == saved + 2


CHECKING = """
import sys
from sma_core.data.preparation.checking import check_chunks, split_into_chunks
from sma_core.data.records import Row

if __name__ == "__main__":
    rows = (Row(number, "a", {}) for number in range(20_000))
    print([chunk.count for chunk in check_chunks(split_into_chunks(rows), "slow_check:check", 2)])
"""
SLOW = """
import pathlib, time

def check(texts):
    pathlib.Path("checking").touch()
    while pathlib.Path("checking").exists():  # which holds on to the interpreter for most of the time
        sum(range(100_000))
    return [None] * len(texts)
"""


def test_workers_that_check_rows_end_with_their_parent(tmp_path):
    (tmp_path / "slow_check.py").write_text(SLOW)
    (tmp_path / "parent.py").write_text(CHECKING)
    process = subprocess.Popen([sys.executable, "parent.py"], cwd=tmp_path)
    wait_until(lambda: (tmp_path / "checking").exists(), "no row was checked")
    killed(process, 2)


def test_a_trial_of_a_plugin_ends_with_the_program(tmp_path):
    (tmp_path / "hangs.py").write_text("import pathlib, time\npathlib.Path('hangs').touch()\ntime.sleep(3600)\n")
    asked = "from sma_core.plugins.diagnosis.trial import try_command; "
    asked += "from sma_core.plugins.commands.command_list import InstalledCommand; "
    asked += "try_command(InstalledCommand(('hang',), '', 'package', '', 'hangs:run'), 3600)"
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", asked], cwd=tmp_path, env=environment)
    wait_until(lambda: (tmp_path / "hangs").exists(), "no trial began")
    killed(process, 1)


SMA = [str(Path(sys.executable).with_name("sma"))]
AS_MODULE = [sys.executable, "-m", "sma_core"]


@pytest.fixture
def shadowed(toy, tmp_path, monkeypatch):
    """Return a folder with files that have the names of modules, which leave a trace when executed."""
    monkeypatch.setenv("PYTHONPATH", os.environ["PYTHONPATH"].strip(os.pathsep))  # an empty entry is the folder
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text(f"from pathlib import Path\nPath('executed-{name}').touch()\n")
    return tmp_path


WORKER = "import sys; here = sys.path.pop(0); from sma_core.children import CHILDREN\n"
WORKER += "child = CHILDREN.Process(target=print, args=('done',)); child.start(); child.join()"


@pytest.mark.parametrize(
    "command",
    [[*SMA, "--version"], [*AS_MODULE, "--version"], [sys.executable, "-c", WORKER]],
    ids=["sma", "python -m sma_core", "worker"],
)
def test_no_module_of_the_working_folder_is_executed(shadowed, command):
    done = subprocess.run(command, cwd=shadowed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert not list(shadowed.glob("executed-*"))


@pytest.mark.full
@pytest.mark.parametrize("program", [SMA, AS_MODULE], ids=["sma", "python -m sma_core"])
def test_nor_in_ranks_and_data_workers(shadowed, program):
    command = [*program, "train", "--domain", "toy", "--devices", "2", "--out", "run"]
    for setting in ("steps=3", "workers=1"):
        command += ["--set", f"training.{setting}"]
    done = subprocess.run(command, cwd=shadowed, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(shadowed.glob("executed-*"))


def test_a_child_whose_parent_ended_before_it_asked_ends(tmp_path):
    child = "import sma_core.children as c; c.end_with_parent(); open('lives', 'w')"
    lines = f"import subprocess, sma_core.children as c; subprocess.Popen(c.child_command('-c', {child!r}), "
    lines += "env=c.child_environment(SMA_PARENT='1' if __import__('os').getpid() != 1 else '2')).wait()"
    subprocess.run([sys.executable, "-c", lines], cwd=tmp_path, check=True)
    assert not (tmp_path / "lives").exists()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal")
def test_where_the_system_does_not_kill_a_child_it_looks_for_its_parent(tmp_path):
    child = "import sma_core.children as c, time; c._ask_to_be_killed = lambda: False; c.end_with_parent(); "
    child += "open('lives', 'w').close(); time.sleep(3600)"
    lines = f"import subprocess, sma_core.children as c; subprocess.run(c.child_command('-c', {child!r}), "
    lines += "env=c.child_environment())"
    process = subprocess.Popen([sys.executable, "-c", lines], cwd=tmp_path)
    wait_until(lambda: (tmp_path / "lives").exists(), "no child began")
    killed(process, 1)
