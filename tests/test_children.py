"""Child processes do not run the script that started them."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
from sma_core.children import CHILDREN

print("the script runs", flush=True)
process = CHILDREN.Process(target=print, args=("a child runs",))
process.start()
process.join()
print(process.exitcode, __file__ is not None, __spec__ is None)
"""


def test_a_script_without_a_guard_runs_once(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=100, check=True)
    assert done.stdout.splitlines() == ["the script runs", "a child runs", "0 True True"]


def test_a_script_that_trains_with_workers_needs_no_guard(toy, tmp_path):
    script = tmp_path / "train.py"
    settings = {"training.steps": 2, "training.workers": 1}
    script.write_text(
        f"import sma_core\nprint(sma_core.train({toy!r}, settings={settings!r}, out='run').step, flush=True)\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, timeout=200)
    assert done.stdout.splitlines() == ["2"], done.stderr
