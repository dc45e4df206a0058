"""The pages on plugins: every hook and field is described, and what they tell one to write works."""

import doctest
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path
from typing import get_args

import pytest

from sma_core import plugins
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.heads import Encoded
from sma_core.nn.part_faults import fault_of_outputs
from sma_core.plugins import API_VERSION, DrawnRow, Spec, events, hookspecs
from sma_core.plugins.drawing_check import checked
from sma_kit import DomainContract, write_distribution
from sma_kit.new_plugin import new_plugin

DOCS = Path(__file__).parents[2] / "docs"
REFERENCE = (DOCS / "plugin-reference.md").read_text(encoding="utf-8")
EXPORTED = [getattr(plugins, name) for name in plugins.__all__]
SPECS = [each for each in EXPORTED if isinstance(each, type) and issubclass(each, Spec)]


def files_of(page):
    """The files that a page tells one to write: name and text."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```\n", text, re.DOTALL)


def test_every_hook_is_in_the_reference():
    hooks = {name for name in vars(hookspecs) if name.startswith("sma_")}
    assert hooks == set(re.findall(r"^\| `(sma_\w+)` \|", REFERENCE, re.MULTILINE))
    assert f"Plugin API {API_VERSION}." in REFERENCE


@pytest.mark.parametrize("spec", [each for each in SPECS if each is not Spec])
def test_every_field_of_a_spec_is_in_its_section(spec):
    section = re.search(rf"^## {spec.__name__}\n(.*?)(?=^## |\Z)", REFERENCE, re.DOTALL | re.MULTILINE)
    assert section, f"docs/plugin-reference.md has no section {spec.__name__}"
    described = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", section[1], re.MULTILINE)))
    missing = {field.name for field in fields(spec)} - set(described)
    assert not missing, f"describe {', '.join(sorted(missing))} in the section {spec.__name__} of the reference"


def test_every_field_of_a_drawn_row_is_in_the_reference():
    section = REFERENCE.partition("called with one [`DrawnRow`]")[2].partition("\n## ")[0]
    assert {field.name for field in fields(DrawnRow)} == set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_the_head_of_the_section_on_encoded_rows_runs():
    section = REFERENCE.partition("\n### Encoded\n")[2].partition("\n## ")[0]
    described = set(re.findall(r"`([\w.]+)`", "".join(re.findall(r"^\| (`.*?) \|", section, re.MULTILINE))))
    latents = {f"latents.{name}" for name in Latents._fields}
    assert described == latents | set(Encoded._fields) - {"latents"}
    names = {}
    exec(re.search(r"<!-- encoded -->\n```python\n(.*?)```", section, re.DOTALL)[1], names)
    encoded, outputs = names["encoded"], names["outputs"]
    rows, length = encoded.padding_mask.shape
    assert fault_of_outputs(outputs, rows, length, 3, per_position=False) is None
    assert outputs.requires_grad


def test_the_renderer_of_the_page_draws():
    pytest.importorskip("sma_view")
    text = (DOCS / "plugins.md").read_text(encoding="utf-8")
    names = {}
    exec(re.search(r"<!-- renderer -->\n```python\n(.*?)```", text, re.DOTALL)[1], names)
    bases = "ACGT<" * 13
    for hidden in ((), range(66)):
        row = DrawnRow(importance=(0.5,) * 66, hidden=frozenset(hidden), text=bases, pieces=(*bases, ""))
        drawing = checked(names["draw_codons"](row), row.prefix)
        assert re.findall("<text[^>]*>([^<]*)</text>", drawing) == [*"ACGT", "&lt;"] * 13
        assert drawing.count('stroke="currentColor"') == 65 * bool(hidden)


def test_every_event_is_in_the_reference_with_its_fields():
    rows = dict(re.findall(r"^\| `([A-Z]\w+)` \| (.*) \|$", REFERENCE, re.MULTILINE))
    assert list(rows) == [event.__name__ for event in get_args(events.Event)]
    for event in get_args(events.Event):
        assert {field.name for field in fields(event)} <= set(re.findall(r"`(\w+)`", rows[event.__name__])), event


def test_every_attribute_of_the_contract_is_described():
    text = (DOCS / "testing-plugins.md").read_text(encoding="utf-8")
    attributes = {name for each in DomainContract.__mro__ for name in vars(each).get("__annotations__", {})}
    assert "good_rows" in attributes
    for attribute in attributes:
        assert f"`{attribute}`" in text


def test_the_first_plugin_passes_its_tests_as_the_page_writes_it(tmp_path):
    made = new_plugin("dna", "discrete", tmp_path / "sma-dna")
    written = files_of("first-plugin.md")
    assert len(written) > 5
    for name, text in written:
        assert (made.path / name).parent.is_dir(), name
        (made.path / name).write_text(text, encoding="utf-8")
    site = write_distribution(tmp_path / "site", "sma-dna", {"dna": "sma_dna.plugin"}, {})
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(made.path / "src"), *sys.path])}
    commands = [["tools/make_sample.py"], ["-m", "pytest", "-q"]]
    if find_spec("ruff") is not None:
        commands += [["-m", "ruff", "check", "--no-cache"], ["-m", "ruff", "format", "--check", "--no-cache"]]
    for command in commands:
        done = subprocess.run(
            [sys.executable, *command], cwd=made.path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_domain_in_one_file_trains_as_the_page_writes_it(run_sma, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    name = "mydomain.py"
    text = dict(files_of("plugins.md"))[name]
    (tmp_path / name).write_text(text)
    (tmp_path / "reads.txt").write_text("ACGT\nGATTACA\n" * 30)
    train = ["train", "--domain", f"./{name}", "--data", "reads.txt", "--out", "run"]
    done = run_sma(*train, "--set", "training.steps=2")
    sys.modules.pop("mydomain", None)
    assert done.returncode == 0, done.stderr


def test_the_tokenizer_of_the_page_passes_the_contract(run_sma, tmp_path):
    code = re.search(r"<!-- tokenizer -->\n```python\n(.*?)```", REFERENCE, re.DOTALL)[1]
    names = {}
    exec(code, names)
    assert names["Bases"]().encode([]).offsets.tolist() == [0]
    spec = re.search(r"`(Tokenizer\(.*?\))`", REFERENCE)[1]
    hook = f"from sma_core.plugins import Tokenizer\n\n\n@hookimpl\ndef sma_tokenizers():\n    return [{spec}]\n"
    domain = dict(files_of("plugins.md"))["mydomain.py"].replace('tokenizer="bytes"', 'tokenizer="bases"')
    (tmp_path / "mydomain.py").write_text("\n\n".join([domain, code, hook]))
    (tmp_path / "reads.txt").write_text("ACGT\nGATTACA\n" * 30)
    done = run_sma("plugins", "check", "./mydomain.py", "--data", "reads.txt")
    sys.modules.pop("mydomain", None)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_command_of_the_page_runs(tmp_path, monkeypatch):
    files = {name.partition("/")[2]: text for name, text in files_of("plugins.md") if "sma-lengths" in name}
    project = tomllib.loads(files["pyproject.toml"])["project"]
    commands = project["entry-points"]["sma.commands"]
    modules = {name.removeprefix("src/"): text for name, text in files.items() if name.startswith("src/")}
    site = write_distribution(tmp_path / "site", project["name"], {}, modules, commands=commands)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), *filter(None, sys.path)]))
    (tmp_path / "rows.txt").write_text("ab\ncd\nabc\n")

    def sma(*arguments):
        command = [sys.executable, "-m", "sma_core", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert sma("lengths", "rows.txt").stdout == "LENGTH  ROWS\n     2     2\n     3     1\n"
    missing = sma("lengths", "none.txt")
    assert (missing.returncode, missing.stderr) == (2, "error: cannot read none.txt: No such file or directory\n")
    assert "Count the rows of a file by their length." in sma("--help").stdout


def test_every_spec_has_an_example_that_runs():
    from sma_core.plugins import method_specs, specs

    tests = [test for module in (specs, method_specs) for test in doctest.DocTestFinder().find(module)]
    examples = {test.name.rpartition(".")[2]: test for test in tests if test.examples}
    assert {each.__name__ for each in SPECS if each is not Spec} <= set(examples)
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    for example in examples.values():
        assert runner.run(example).failed == 0, example.name
