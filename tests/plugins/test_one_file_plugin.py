"""A third party's plugin in one file adds a command, a metric, a masking strategy and an optimiser."""

import json
from pathlib import Path

import pytest

import sma_core
from sma_core.errors import ConfigError

SOURCE = Path(__file__).with_name("one_file_plugin.py").read_text(encoding="utf-8")
SETTINGS = {
    "training.batch_size": 4,
    "training.device": "cpu",
    "training.warmup_steps": 0,
    "training.optimizer": "sgd",
}


@pytest.fixture
def lab(install, monkeypatch, tmp_path):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    install.toy()
    commands = {"lab lengths: Count rows by length.": "other_lab:lengths"}
    install("sma-lab", {"any.lab": "other_lab"}, {"other_lab.py": SOURCE}, commands=commands)


def test_it_is_short():
    assert len(SOURCE.splitlines()) < 80


def test_its_command_is_listed_and_runs(lab, run_sma, tmp_path):
    assert "Count rows by length." in run_sma("lab", "--help").stdout
    rows = tmp_path / "rows.txt"
    rows.write_text("ab\ncd\nefg\n", encoding="utf-8")
    assert run_sma("lab", "lengths", str(rows)).stdout == "2 2\n3 1\n"
    failed = run_sma("lab", "lengths", str(tmp_path / "none.txt"))
    assert (failed.returncode, "there is no file" in failed.stderr) == (2, True)


def test_its_strategy_metric_and_optimiser_are_used_by_name(lab, run_sma, tmp_path):
    pretrained = sma_core.train(
        "toy", settings=SETTINGS | {"masking.strategy": "ends", "training.steps": 2}, out=tmp_path / "pretrained"
    )
    settings = SETTINGS | {"metric": "within_1", "training.epochs": 1}
    result = sma_core.finetune(model=pretrained.run, settings=settings, out=tmp_path / "tuned")
    assert result.metric == "within_1"
    assert 0 <= result.test["within_1"] <= 1
    recorded = json.loads((tmp_path / "tuned" / "results.json").read_text(encoding="utf-8"))
    assert list(recorded["test"])[-1] == "within_1"
    assert sma_core.evaluate(result.run).figures["within_1"].value == result.test["within_1"]


def test_a_metric_that_no_one_brings_is_refused_with_those_there_are(lab, tmp_path):
    with pytest.raises(ConfigError, match=r"no metric 'within_2': it has rmse.*within_1"):
        sma_core.finetune("toy", settings=SETTINGS | {"metric": "within_2"}, out=tmp_path / "tuned")


def test_a_tokenizer_without_an_attribute_is_one_sentence(tmp_path, run_sma):
    (tmp_path / "greedy.py").write_text(
        "from sma_core.plugins import DataSet, Domain, Tokenizer, hookimpl\n"
        "@hookimpl\n"
        "def sma_domains():\n"
        "    return [Domain(name='words', summary='Words', tokenizer='greedy', reader='lines', dataset='own')]\n"
        "@hookimpl\n"
        "def sma_datasets():\n"
        "    return [DataSet(name='own', summary='Own', source='us', licence='ours', file='rows.txt')]\n"
        "@hookimpl\n"
        "def sma_tokenizers():\n"
        "    return [Tokenizer(name='greedy', summary='Greedy', factory='greedy:Greedy')]\n"
        "class Greedy:\n"
        "    vocabulary_size, pad_id, separator_id, mask_id = 300, 0, 1, 2\n"
        "    def encode(self, texts): ...\n"
        "    def decode(self, ids): ...\n"
    )
    (tmp_path / "rows.txt").write_text("ka\nto\n")
    done = run_sma("train", "--domain", "./greedy.py", "--data", "rows.txt")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "the tokenizer 'greedy' of " in done.stderr
    assert (
        " has no name, version: its factory must give an object with name, version, vocabulary_size" in done.stderr
    )
