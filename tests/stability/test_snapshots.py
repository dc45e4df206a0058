"""What others rely on does not change unseen: the plugin API and the options of the command line."""

import difflib
import re
from pathlib import Path

import pytest

from sma_core.plugins import API_VERSION
from tests.stability import snapshots

CHANGES = Path(__file__).parents[2] / "docs" / "plugin-changelog.md"
CHANGED_COMMANDS = (
    "the command line has changed: an option that goes, or gets another meaning, is first deprecated "
    "(sma_core/cli/options.py); say in CHANGELOG.md what users must know"
)
TO_DO = {
    "plugin-api.txt": "the plugin API has changed: raise API_VERSION in sma_core/plugins/api_version.py, if this "
    "change did not yet (the minor version where something is added, else the major one), say in "
    "docs/plugin-changelog.md what authors must know",
    "command-line.txt": CHANGED_COMMANDS,
    "commands-of-packages.txt": CHANGED_COMMANDS,
}


@pytest.mark.parametrize("name", snapshots.SNAPSHOTS)
def test_what_others_rely_on_is_as_it_was(name):
    if name == "commands-of-packages.txt":
        for package in ("sma_authors", "sma_bench", "sma_kit", "sma_view"):
            pytest.importorskip(package)
    kept = (snapshots.FOLDER / name).read_text(encoding="utf-8").splitlines()
    now = snapshots.SNAPSHOTS[name]().splitlines()
    changes = "\n".join(difflib.unified_diff(kept, now, "before", "now", lineterm="", n=1))
    assert not changes, f"{TO_DO[name]}, and write the snapshot anew: {snapshots.COMMAND}\n{changes}"


def test_every_version_of_the_contract_has_an_entry_newest_first():
    text = CHANGES.read_text(encoding="utf-8")
    versions = [tuple(map(int, found)) for found in re.findall(r"^## (\d+)\.(\d+)$", text, re.MULTILINE)]
    newest = tuple(map(int, API_VERSION.split(".")))
    assert versions[0] == newest, (
        f"docs/plugin-changelog.md begins with {versions[0]}, the contract is {API_VERSION}"
    )
    assert versions == sorted(versions, reverse=True)
    assert {(newest[0], minor) for minor in range(newest[1] + 1)} <= set(versions)


def test_the_snapshots_show_a_field_a_hook_and_an_option():
    api, options = snapshots.plugin_api(), snapshots.command_line()
    assert "\n  split_column: str | None = None\n" in api
    assert "\nsma_readers() -> 'list[Reader]'\n  File formats this plugin can read.\n" in api
    predict = options[options.index("\nsma predict\n") :]
    assert "\n  FILE: str | None, default None\n" in predict
    assert "\n  --batch-tokens: int, default 8192, min 1\n" in predict
