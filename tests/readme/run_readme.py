"""README's commands, run in order on a fresh copy of the tree; `nox -s readme` starts this.

It builds an environment of its own, so it is not collected with the other tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def block(name: str) -> str:
    """Return the bash block of README that follows the comment ``name``."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(rf"<!-- {name} -->\n```bash\n(.*?)```", text, re.DOTALL)
    assert found, f"README has no block {name!r}"
    return found[1]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the files git knows to a new folder."""
    target = tmp_path_factory.mktemp("readme copy with spaces")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a block as a person would who pastes it, stopping at the first failure."""
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    environment |= {"SMA_CACHE": str(folder / "cache")}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_the_first_command_installs_and_trains_and_names_the_next(copy: Path) -> None:
    done = run(block("train"), copy)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    first, last = re.search(r"held-out loss ([\d.]+) -> ([\d.]+)", done.stdout).groups()
    assert float(last) < float(first)
    assert "next: sma finetune --domain chem --model runs/chem-tiny-" in done.stdout


@pytest.mark.full
def test_the_tour_works_from_top_to_bottom(copy: Path) -> None:
    # The tour gives its own numbers of steps; the environment's would only stand below them.
    done = run(block("tour"), copy)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^1,ethanol,CCO,-?[\d.]+,$", done.stdout, re.MULTILINE)
    assert re.search(r"^3,,not-a-molecule,,.*RDKit", done.stdout, re.MULTILINE)
    assert "pre-trained 40 steps" in done.stdout


def test_the_test_command_is_the_one_ci_runs() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "<!-- tests -->" in script
    assert block("tests").count("\n") == 1
