"""A domain from one Python file: every verb takes it, and a run says where its domain came from."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SOURCE = """
from pathlib import Path
from sma_core.plugins import DataSet, Domain, Task, hookimpl

print("noise")

@hookimpl
def sma_domains():
    return [Domain(name="strands", summary="Strands", tokenizer="bytes", reader="csv", dataset="mine",
                   columns=("strand",), check="toy_strands:check", task="even")]

@hookimpl
def sma_datasets():
    return [DataSet(name="mine", summary="Strands", source="made", licence="CC0", locate="toy_strands:mine")]

@hookimpl
def sma_tasks():
    return [Task(name="even", summary="Odd", dataset="mine", targets=("even",), kind="binary", metric="roc_auc")]

def check(texts):
    return [None if set(text) <= set("ACGT") else "not ACGT" for text in texts]

def mine():
    return Path(__file__).parent / "strands.csv"
"""
ROWS = "strand,even\n" + "".join(f"{'ACGT'[n % 4] * 3}{'ACGT'[n // 4 % 4] * 5},{n % 2}\n" for n in range(60))
FEW = ("--set", "training.steps=2", "--set", "training.batch_size=8")


@pytest.fixture
def strands(tmp_path, monkeypatch):
    """A folder with the file of a domain and its rows, apart from where the program runs."""
    folder = tmp_path / "idea"
    folder.mkdir()
    (folder / "toy_strands.py").write_text(SOURCE)
    (folder / "strands.csv").write_text(ROWS)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield folder / "toy_strands.py"
    sys.modules.pop("toy_strands", None)


def refused(done, said):
    assert (done.returncode, done.stdout) == (2, ""), done.stdout
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert said in errors[0]


def test_all_verbs_take_a_file_and_the_run_says_where_its_domain_came_from(strands, run_sma, tmp_path):
    file = "idea/toy_strands.py"
    trained = run_sma("train", "--domain", file, "--out", "pre", *FEW)
    assert trained.returncode == 0, trained.stderr
    following = trained.stdout.splitlines()[-1]
    assert following == f"next: sma finetune --domain {strands} --model pre"
    facts = json.loads((tmp_path / "pre" / "model.json").read_text())["domain"]
    assert facts == {"name": str(strands), "package": "the file toy_strands.py"}
    tuned = run_sma(*following.split()[2:], "--out", "tuned", "--set", "training.epochs=1")
    assert tuned.returncode == 0, tuned.stderr
    following = tuned.stdout.splitlines()[-1].replace("FILE", "idea/strands.csv")
    assert run_sma(*following.split()[2:]).returncode == 0
    for command in (
        ["embed", "idea/strands.csv", "--out", "vectors.npy", "--model", "pre"],
        ["evaluate", "--model", "tuned", "--bootstrap", "10"],
        ["train", "--out", "pre", "--resume", "--set", "training.steps=3"],
        ["config", "show"],
        *([["masks", "idea/strands.csv", "--rows", "1", "--model", "pre"]] if find_spec("sma_view") else []),
        *([["probe", "--model", "pre"]] if find_spec("sma_bench") else []),
    ):
        done = run_sma(*command, "--domain", file)
        assert done.returncode == 0, done.stderr
    if find_spec("sma_view"):
        inspected = run_sma("data", "inspect", "--domain", file, "--json")
        assert json.loads(inspected.stdout)["domain"] == "strands"


def test_a_run_makes_no_file_run_that_the_command_does_not_name(strands, run_sma, tmp_path):
    assert run_sma("train", "--domain", strands, "--out", "pre", *FEW).returncode == 0
    del sys.modules["toy_strands"]
    strands.write_text("raise SystemExit('imported')")
    embed = ["embed", "idea/strands.csv", "--model", "pre", "--out", "vectors.npy"]
    refused(run_sma(*embed), f"imported only when you name it: add --domain {strands}")
    refused(run_sma("finetune", "--model", "pre"), f"add --domain {strands}")
    refused(run_sma(*embed, "--domain", "strands"), "--domain must be a Python file")
    refused(run_sma("--no-plugins", *embed, "--domain", strands), "is disabled")
    refused(run_sma(*embed, "--domain", strands), "cannot be used as a domain: SystemExit: imported")


def test_a_run_whose_file_has_gone_says_so_and_takes_it_from_another_place(strands, run_sma, tmp_path):
    assert run_sma("train", "--domain", strands, "--out", "pre", *FEW).returncode == 0
    (tmp_path / "other").mkdir()
    for path in strands.parent.iterdir():
        if path.is_file():
            path.rename(tmp_path / "other" / path.name)
    del sys.modules["toy_strands"]
    embed = ["embed", "other/strands.csv", "--model", "pre", "--out", "vectors.npy"]
    refused(run_sma(*embed), f"the domain's file {strands} does not exist")
    done = run_sma(*embed, "--domain", "other/toy_strands.py")
    assert done.returncode == 0, done.stderr
    tuned = run_sma("finetune", "--model", "pre", "--domain", "other/toy_strands.py", "--set", "training.epochs=1")
    assert tuned.returncode == 0, tuned.stderr


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("toy_strands.py", "import no_such_module_anywhere", "ModuleNotFoundError"),
        ("toy_strands.py", "def (", "SyntaxError"),
        ("toy_strands.py", "x = 1", "must give one domain, not 0"),
        (
            "toy_strands.py",
            SOURCE.replace("return [Domain(", "return (Domain(").replace('"even")]', '"even"))'),
            "list",
        ),
        ("toy_strands.py", SOURCE.replace('locate="toy_strands:mine"', 'place="x"'), "TypeError"),
        ("my-strands.py", SOURCE, "is not a valid module name: rename the file"),
        ("json.py", SOURCE, "another module is already named 'json'"),
        ("nothing.py", None, "does not exist"),
    ],
)
def test_a_file_that_is_no_domain_is_one_sentence(strands, run_sma, name, source, said):
    path = Path(strands.parent, name)
    if source is not None:
        path.write_text(source)
    refused(run_sma("train", "--domain", path, "--out", "pre"), said)
    assert not Path("pre").exists()
