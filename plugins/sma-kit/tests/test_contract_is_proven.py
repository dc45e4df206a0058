"""Every check of the contract has a wrong plugin that it finds, and is described in the documentation."""

import re
import runpy
from pathlib import Path

from tests.support import wrong_plugins as wrong

PAGE = Path(__file__).parents[3] / "docs" / "testing-plugins.md"


def test_every_check_has_a_plugin_that_breaks_it():
    for path in sorted(Path(__file__).parent.glob("test_*contract_can_fail.py")):
        runpy.run_path(str(path))
    missing = set(wrong.CHECKS) - wrong.PROVEN
    assert not missing, f"no wrong plugin for {', '.join(sorted(missing))}: mark a test with @breaks"


def test_every_check_is_on_the_page():
    listed = re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(name for name in listed if f"test_{name}" in wrong.CHECKS) == [
        name.removeprefix("test_") for name in wrong.CHECKS
    ]
