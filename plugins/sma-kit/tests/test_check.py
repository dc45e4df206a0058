"""`sma plugins check`: the contract on an installed domain, a project that is not installed, and a single file."""

import json
import re
import sys
from importlib import util
from pathlib import Path

import pytest

from sma_kit import DomainContract
from sma_kit import check_plugin as module
from sma_kit.check_plugin import check_plugin
from sma_kit.new_plugin import new_plugin
from tests.support.wrong_plugins import failure

PAGE = Path(__file__).parents[3] / "docs" / "plugins.md"


@pytest.mark.full
def test_an_installed_domain_is_checked_with_rows_of_its_own_sample(toy, run_sma):
    done = run_sma("plugins", "check", "toy", "--json")
    report = json.loads(done.stdout)
    outcomes = {check["name"]: check["outcome"] for check in report["checks"]}
    assert outcomes["check accepts good rows"] == "passed"
    assert outcomes["check rejects bad rows with a reason"] == "skipped"
    assert outcomes["recipes are complete settings"] == "failed"  # the toy has only tiny
    assert done.returncode == 1


@pytest.mark.full
def test_a_project_is_checked_where_it_lies_with_its_own_rows(tmp_path, run_sma):
    made = new_plugin("ox", "discrete", tmp_path / "project")
    plugin, rows = (made.path / "src" / "sma_ox" / f"{name}.py" for name in ("plugin", "rows"))
    plugin.write_text(plugin.read_text().replace('tokenizer="bytes"', 'tokenizer="byte"'))
    rows.write_text(rows.read_text().replace('return "empty"', "return None"))
    done = run_sma("plugins", "check", str(made.path))
    assert done.returncode == 1, done.stderr
    assert "FAIL  domain names parts that exist\n      change tokenizer='byte'" in done.stdout
    assert (
        "FAIL  check rejects bad rows with a reason\n      sma_ox.rows:check_rows must return a reason"
        in done.stdout
    )
    assert "held out loss" not in done.stdout  # tests that are the project's own are left out
    assert "did you mean 'bytes'?" in done.stdout


def test_a_file_of_tests_that_cannot_be_read_fails(tmp_path):
    made = new_plugin("ox", "discrete", tmp_path / "project")
    (made.path / "tests" / "test_contract.py").write_text("from sma_kit import DomainContract\nimport nowhere\n")
    (check,) = check_plugin(str(made.path)).checks
    assert (check.name, check.outcome) == ("the tests in test_contract.py can be read", "failed")
    assert "No module named 'nowhere'" in check.sentence


@pytest.mark.parametrize(
    ("project", "said"),
    [
        (None, "it has no pyproject.toml"),
        ("[project\n", "cannot be read"),
        ('[project]\nname = "x"\n', "names no plugin"),
        (
            '[project]\nname = "x"\n[project.entry-points."sma.plugins"]\na = "m"\nb = "m"\n',
            "must declare exactly one domain",
        ),
    ],
)
def test_a_folder_that_is_no_project_is_one_sentence(tmp_path, run_sma, project, said):
    folder = tmp_path / "folder"
    folder.mkdir()
    if project is not None:
        (folder / "pyproject.toml").write_text(project)
    done = run_sma("plugins", "check", "./folder")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_name_that_nothing_has_is_one_sentence(toy, run_sma):
    done = run_sma("plugins", "check", "tooy")
    assert done.returncode == 2
    assert "did you mean 'toy'" in done.stderr


def test_without_pytest_one_sentence_says_what_to_install(toy, monkeypatch, run_sma):
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "pytest" else util.find_spec(name))
    done = run_sma("plugins", "check", "toy")
    assert done.returncode == 2
    assert "pip install pytest" in done.stderr


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    """The domain in one file of the documentation, and rows for it."""
    text = re.search(
        r"<!-- file: mydomain.py -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    (tmp_path / "reads.txt").write_text("ACGT\nGATTACA\n" * 30)
    (tmp_path / "mydomain.py").write_text(text[1])
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path / "mydomain.py"
    sys.modules.pop("mydomain", None)


@pytest.mark.full
def test_a_domain_in_one_file_is_checked_with_rows_of_a_file(own_file, run_sma):
    done = run_sma("plugins", "check", "./mydomain.py", "--data", "reads.txt", "--json")
    report = json.loads(done.stdout)
    outcomes = {check["name"]: check["outcome"] for check in report["checks"]}
    assert done.returncode == 0, outcomes
    assert (report["plugin"], report["project"]) == ("dna", str(own_file))
    assert outcomes["check works in another process"] == "passed"
    assert outcomes["a stopped run goes on to the same weights"] == "passed"
    assert outcomes["entry point is installed under the domains name"] == "skipped"
    own_file.write_text(own_file.read_text().replace('    """Tell why a text is not DNA."""\n', ""))
    done = run_sma("plugins", "check", "./mydomain.py")
    assert done.returncode == 1
    assert (
        "FAIL  every reference has a docstring\n      mydomain:check, the check of the Domain 'dna'" in done.stdout
    )
    assert "the default data set does not ship: check with --data FILE" in done.stdout


def test_a_test_may_name_the_file_of_its_domain(own_file):
    class Own(DomainContract):
        domain = str(own_file)
        good_rows = ("ACGT", "GATTACA")
        bad_rows = ("ACGT",)

    assert failure("test_check_accepts_good_rows", Own) == ""
    assert "must return a reason for the bad row 'ACGT'" in failure(
        "test_check_rejects_bad_rows_with_a_reason", Own
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["./nowhere.py"], "there is no file ./nowhere.py; check the path"),
        (["./mydomain.py", "--data", "none.txt"], "none.txt; check the path"),
        (["./broken.py"], "broken.py cannot be used as a domain: ZeroDivisionError"),
        (["./empty.py"], "must give one domain, not 0"),
        (["./folder", "--data", "reads.txt"], "omit --data, and set sample_file in a test"),
    ],
)
def test_a_file_that_cannot_be_checked_is_one_sentence(own_file, tmp_path, run_sma, arguments, said):
    (tmp_path / "broken.py").write_text("1 / 0\n")
    (tmp_path / "empty.py").write_text("")
    new_plugin("ox", "discrete", tmp_path / "folder")
    done = run_sma("plugins", "check", *arguments)
    for name in ("broken", "empty"):
        sys.modules.pop(name, None)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
