"""Run folders whose plugins are gone, or of another version: the sentence names the package and the version."""

import json

import pytest

from sma_core.errors import PluginError

ENTRY = """
from sma_core.plugins import DataSet, Head, Task, Tokenizer, hookimpl

@hookimpl
def sma_tokenizers():
    return [Tokenizer(name="letters", summary="Lower case bytes", factory="toy_letters:Letters", version="{ids}")]

@hookimpl
def sma_heads():
    return [Head(name="last", summary="A map of the mean", factory="toy_letters:LastHead")]

@hookimpl
def sma_datasets():
    return [DataSet(name="counted", summary="Words with a number", source="made here", licence="CC0",
                    locate="toy_letters:counted", column="word")]

@hookimpl
def sma_tasks():
    return [Task(name="vowels", summary="How many vowels", dataset="counted", targets=("vowels",),
                 kind="regression", metric="mae")]
"""
PARTS = """
from pathlib import Path
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.nn.heads import MeanHead

class Letters(ByteTokenizer):
    name, version = "letters", "{ids}"

class LastHead(MeanHead):
    pass

def counted():
    return Path(__file__).parent / "counted.csv"
"""
COUNTED = "word,vowels\n" + "".join(f"b{'a' * (n % 4)}{chr(97 + n % 20)},{n % 4}\n" for n in range(40))
SMALL = ("model.latents=4", "model.latent_width=16", "model.layers=1", "model.embedding_width=16")


def extension(install, version="1.0", ids="1"):
    files = {"toy_entry.py": ENTRY, "toy_letters.py": PARTS, "counted.csv": COUNTED}
    texts = {name: text.replace("{ids}", ids) for name, text in files.items()}
    return install("sma-toy-more", {"toy.more": "toy_entry"}, texts, version)


def made(run_sma, *arguments):
    settings = [word for each in (*SMALL, "data.processes=1") for word in ("--set", each)]
    done = run_sma(*arguments, *settings)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def runs(install, run_sma, tmp_path):
    """Both packages installed, and with parts of both a run of each kind; returns where the packages are."""
    places = [install.toy(version="2.3"), extension(install)]
    made(
        run_sma, "train", "--domain", "toy", "--out", "pre", "--set", "training.steps=2", "--set",
        "data.tokenizer=letters",
    )  # fmt: skip
    made(
        run_sma, "finetune", "--model", "pre", "--task", "vowels", "--head", "last", "--out", "tuned", "--set",
        "training.epochs=1",
    )  # fmt: skip
    (tmp_path / "new.txt").write_text("abba\n")
    return places


USES = {
    "finetune": ("finetune", "--model", "pre", "--out", "other"),
    "resume": ("train", "--resume", "pre", "--set", "training.steps=3"),
    "embed": ("embed", "--model", "pre", "new.txt", "--out", "vectors.npy"),
    "predict": ("predict", "--model", "tuned", "new.txt"),
    "evaluate": ("evaluate", "--model", "tuned", "--bootstrap", "0"),
}


def refused(run_sma, said):
    """Every verb that uses a run leaves with one sentence that ends so."""
    for name, arguments in USES.items():
        done = run_sma(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), name
        assert done.stderr.startswith("error: "), (name, done.stderr)
        assert done.stderr.endswith(said.format(run=arguments[2]) + "\n"), (name, done.stderr)
        assert done.stderr.count("\n") == 1, (name, done.stderr)


def test_a_run_says_which_plugins_it_was_made_with(runs, tmp_path):
    for run in ("pre", "tuned"):
        plugins = {"toy": "sma-toy 2.3", "toy.more": "sma-toy-more 1.0"}
        assert json.loads((tmp_path / run / "model.json").read_text())["plugins"] == plugins
        environment = json.loads((tmp_path / run / "environment.json").read_text())
        assert environment["plugins"] == {"core": "sma-core", **plugins}


def test_a_run_whose_domain_is_gone_names_the_package_it_needs(runs, install, run_sma, tmp_path):
    install.remove(runs[0])
    refused(run_sma, "{run} was made with sma-toy 2.3, which is not installed: pip install sma-toy==2.3")
    assert not (tmp_path / "other").exists()


def test_a_run_whose_tokenizer_is_gone_names_the_package_it_needs(runs, install, run_sma, tmp_path):
    install.remove(runs[1])
    said = "{run} was made with sma-toy-more 1.0, which is not installed: pip install sma-toy-more==1.0"
    refused(run_sma, said)
    assert "the domain 'toy' has no tokenizer 'letters': there are bytes" in run_sma(*USES["embed"]).stderr
    assert not (tmp_path / "other").exists()


def test_a_run_whose_tokenizer_has_changed_names_the_version_it_needs(runs, install, run_sma):
    install.remove(runs[1])
    extension(install, version="2.0", ids="2")
    refused(run_sma, "{run} was made with sma-toy-more 1.0, but sma-toy-more 2.0 is installed: "
            "pip install sma-toy-more==1.0")  # fmt: skip
    assert "trained with the tokenizer letters version 1 (262 ids)" in run_sma(*USES["embed"]).stderr


def test_a_newer_package_whose_ids_are_the_same_is_no_trouble(runs, install, run_sma):
    install.remove(runs[1])
    extension(install, version="1.1")
    done = run_sma(*USES["predict"])
    assert done.returncode == 0, done.stderr


def test_a_run_from_before_extensions_were_recorded_names_the_domains_package(runs, install, run_sma, tmp_path):
    facts = json.loads((tmp_path / "pre/model.json").read_text())
    del facts["plugins"]
    (tmp_path / "pre/model.json").write_text(json.dumps(facts))
    install.remove(runs[0])
    assert "pre was made with sma-toy 2.3, which is not installed" in run_sma(*USES["embed"]).stderr


def test_a_broken_extension_under_a_run_is_said_before_what_it_lacks(runs, install, run_sma, caplog):
    (runs[1] / "toy_entry.py").write_text("import no_such_module_anywhere")
    install.forget()
    done = run_sma(*USES["embed"])
    assert done.returncode == 2
    assert "plugin 'toy.more' (sma-toy-more 1.0) is skipped: ModuleNotFoundError" in caplog.text
    assert done.stderr == "error: the domain 'toy' has no tokenizer 'letters': there are bytes\n"


@pytest.mark.parametrize(
    ("package", "arguments"),
    [("sma-bench", ("probe", "--model", "pre")), ("sma-view", ("masks", "--model", "pre", "new.txt"))],
)
def test_commands_of_packages_name_it_too(runs, install, run_sma, package, arguments):
    install.keep(package)
    install.remove(runs[0])
    done = run_sma(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    said = "pre was made with sma-toy 2.3, which is not installed: pip install sma-toy==2.3"
    assert done.stderr == f"error: {said}\n"


def test_an_estimator_on_a_run_whose_domain_is_gone_names_the_package(runs, install):
    estimators = pytest.importorskip("sma_sklearn.estimators")
    install.remove(runs[0])
    estimator = estimators.SMARegressor(run="pre")
    with pytest.raises(PluginError, match=r"^pre was made with sma-toy 2\.3, which is not installed"):
        estimator.fit(["abba", "baba", "bob"], [1.0, 2.0, 3.0])
