"""The pages point to the lines they mean."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_links_to_code_point_to_the_line_that_defines_what_they_name():
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "relink.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}run python docs/relink.py"
    assert (ROOT / "docs" / "method.md").read_text().count(".py#L") > 30


def test_a_wrong_line_is_found(tmp_path):
    page = tmp_path / "docs"
    page.mkdir()
    script = (ROOT / "docs" / "relink.py").read_text()
    (page / "relink.py").write_text(script)
    (tmp_path / "code.py").write_text("\n\ndef here() -> None: ...\n")
    (page / "page.md").write_text("[`here`](../code.py#L1) [`gone`](../code.py#L1)")
    run = [sys.executable, page / "relink.py"]
    done = subprocess.run([*run, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "here stands at line 3 of ../code.py, not 1" in done.stdout
    assert "defines no gone" in done.stdout
    subprocess.run(run, capture_output=True, check=False)
    assert "code.py#L3" in (page / "page.md").read_text()
