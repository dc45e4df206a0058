"""`sma plugins check`: the contract on an installed domain and on a project that is not installed."""

import json
from importlib import util

import pytest

from sma_kit import check_plugin as module
from sma_kit.check_plugin import check_plugin
from sma_kit.new_plugin import new_plugin


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
