"""A package that adds to chem, as docs/plugins.md writes it: installed beside us, and used through the verbs."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sma_core.plugins.discovery import GROUP
from sma_kit import write_distribution

PAGE = (Path(__file__).parents[3] / "docs" / "plugins.md").read_text(encoding="utf-8")
PROJECT = "sma-polymers/"
FILES = {
    name.removeprefix(PROJECT): text
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```\n", PAGE, re.DOTALL)
    if name.startswith(PROJECT)
}
COMMANDS = re.search(r"<!-- commands of sma-polymers -->\n```bash\n(.*?)```\n", PAGE, re.DOTALL)[1]


def install(folder, name, entry_points, modules, version="0.1.0", facts=()):
    """Make it look installed to processes that have the folder on their path."""
    return write_distribution(folder / name, name, entry_points, modules, version, facts=facts)


@pytest.fixture
def polymers(tmp_path, monkeypatch):
    """The page's package, installed; returns its folder."""
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    modules = {name.removeprefix("src/"): text for name, text in FILES.items() if name.startswith("src/")}
    keywords = [f"Keywords: {','.join(project['keywords'])}"]
    entries = project["entry-points"][GROUP]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    return install(tmp_path / "site", project["name"], entries, modules, project["version"], keywords)


def sma(command, *places):
    """Run a command line in a process that has these packages."""
    path = os.pathsep.join([*map(str, places), *filter(None, sys.path)])
    few = {"SMA_TRAINING__STEPS": "4", "SMA_DATA__PROCESSES": "1", "SMA_STRICT_PLUGINS": "0"}
    bash = f'sma() {{ "{sys.executable}" -m sma_core "$@"; }}; {command}'
    environment = os.environ | {"PYTHONPATH": path} | few
    return subprocess.run(["bash", "-c", bash], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.full
def test_the_page_works_as_it_is_written(polymers, tmp_path):
    lines = [line for line in COMMANDS.splitlines() if not line.startswith("pip ")]
    done = sma("set -e\n" + "\n".join(lines), polymers)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "data set   repeat-units" in done.stdout
    assert done.stdout.splitlines()[-2] == "row,id,input,mass,reason"
    assert done.stdout.splitlines()[-1].startswith("1,,*CC(*)Br,")
    for run in ("units", "mass"):
        facts = json.loads((tmp_path / "runs" / run / "model.json").read_text())
        assert facts["tokenizer"]["name"] == "halogens"
        assert facts["plugins"]["chem.polymers"] == "sma-polymers 0.1.0"
    assert facts["head"] == "max"
    assert facts["task"] == "chem:unit-mass"


def test_list_and_info_name_both_packages(polymers):
    listed = {each["name"]: each for each in json.loads(sma("sma plugins list --json", polymers).stdout)}
    assert listed["chem.polymers"]["package"] == "sma-polymers"
    assert (listed["chem.polymers"]["api"], listed["chem.polymers"]["status"]) == ("1.4", "installed")
    facts = json.loads(sma("sma plugins info chem --json", polymers).stdout)
    assert facts["package"] == "sma-chem"
    assert "chem.polymers (sma-polymers 0.1.0)" in facts["extensions"]
    given = json.loads(sma("sma plugins info chem.polymers --json", polymers).stdout)["parts"]
    assert {(each["kind"], each["name"]) for each in given} == {
        ("data set", "repeat-units"), ("task", "unit-mass"), ("tokenizer", "halogens"), ("head", "max"),
    }  # fmt: skip


def test_a_name_given_twice_is_one_sentence_that_names_both(polymers, tmp_path):
    other = {"other_polymers.py": FILES["src/sma_polymers/plugin.py"]}
    place = install(tmp_path / "site", "our-polymers", {"chem.plastics": "other_polymers"}, other)
    done = sma("sma config show --domain chem", polymers, place)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "is provided by both our-polymers 0.1.0 and sma-polymers 0.1.0" in done.stderr


def test_a_broken_extension_leaves_chem_whole_with_one_line(polymers):
    (polymers / "sma_polymers" / "plugin.py").write_text("import no_such_module_anywhere\n")
    done = sma("sma config show --domain chem --json", polymers)
    assert done.returncode == 0
    assert json.loads(done.stdout)["domain"]["value"] == "chem"
    assert done.stderr.startswith("warning: plugin 'chem.polymers' (sma-polymers 0.1.0) is skipped: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.full  # tests/plugins/test_walls_runs.py has a tokenizer that is gone
def test_a_run_whose_extension_is_gone_names_it(polymers):
    train = "sma train --domain chem --data repeat-units --set data.tokenizer=halogens --out run"
    assert sma(train, polymers).returncode == 0
    done = sma("sma embed --model run molecules.smi --out vectors.npy")
    assert done.returncode == 2
    assert done.stderr == (
        "error: the domain 'chem' has no tokenizer 'halogens': there are bytes; run was made with sma-polymers "
        "0.1.0, which is not installed: pip install sma-polymers==0.1.0\n"
    )
