"""What the plugin offers: sets with the stated rows, tasks, recipes that parse."""

import csv
import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sma_core.data.readers.csv import read_csv
from sma_core.data.readers.lines import read_text
from sma_core.data.records import Row
from sma_core.feeds.feed import new_feed
from sma_core.labels.labelled_rows import read_labelled
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Reader
from sma_core.runs.settings import Request, finetune_settings
from sma_protein import plugin
from sma_protein.sequences import check_sequences
from tests.support.datasets import file_of
from tests.support.recipes import settings_of

SETS = {spec.name: spec for spec in plugin.sma_datasets()}
TASKS = {spec.name: spec for spec in plugin.sma_tasks()}
SPLITS = {  # training, validation, test
    "remote-homology": (12_312, 736, 718),
    "fluorescence": (21_446, 5_362, 27_217),
    "stability": (53_614, 2_512, 12_851),
    "secondary-structure": (9_712, 1_080, 364),
}
RELEASED_BATCHES = {"remote-homology": 512, "fluorescence": 64, "stability": 128}


def data_file(name: str) -> Path:
    return file_of("protein", SETS[name])


@pytest.mark.parametrize(
    ("file", "reader"),
    [
        ("a.fasta", "fasta"),
        ("a.fa.gz", "fasta"),
        ("a.faa.zst", "fasta"),
        ("a.txt", "lines"),
        ("a.csv.gz", "csv"),
        ("Pfam-A.seed.sto.gz", "stockholm"),
        ("a.stockholm", "stockholm"),
        ("a.gb", "genbank"),
        ("a.gbk", "genbank"),
        ("a.gp.gz", "genbank"),
        ("a.protein.gpff.gz", "genbank"),
        ("uniprot_sprot.dat.gz", "uniprot"),
        ("a.swiss", "uniprot"),
    ],
)
def test_each_ending_has_its_reader(file, reader):
    registry = Registry.load("protein")
    assert registry.reader_for(Path(file)) == registry.find(Reader, reader)


def test_every_task_names_the_column_of_its_published_split():
    assert {task.split_column for task in TASKS.values()} == {"split"}
    assert TASKS["secondary-structure"].position_mask == "mask"


def test_sets_on_the_hub_bring_the_columns_their_tasks_need():
    on_hub = {name: spec.hub for name, spec in SETS.items() if spec.hub}
    assert on_hub == {
        "pfam": "jxie/pfam",
        "remote-homology": "jxie/scop",
        "fluorescence": "jxie/fluorescence",
        "stability": "jxie/stability",
    }
    for name in on_hub:
        targets = TASKS[name].targets if name in TASKS else ()
        assert [ours for ours, _ in SETS[name].hub_columns] == [SETS[name].column, *targets]
        assert [theirs for _, theirs in SETS[name].hub_columns] == ["text", "label"][: 1 + len(targets)]
        assert SETS[name].hub_splits == (("train", "test") if targets else ("train",))


@pytest.mark.data
@pytest.mark.parametrize("name", SPLITS)
def test_labelled_sets_hold_the_stated_rows(name):
    rows = list(read_csv(data_file(name), SETS[name].column, (*TASKS[name].targets, "split")))
    assert Counter(row.fields[-1] for row in rows) == dict(
        zip(("train", "valid", "test"), SPLITS[name], strict=True)
    )
    assert not any(check_sequences([row.text for row in rows]))
    targets = [row.fields[0] for row in rows]
    match TASKS[name].kind:
        case "regression":
            assert all(abs(float(target)) < 10 for target in targets)
        case "multiclass":
            assert {int(target) for target in targets} == set(range(1195))
        case "per-position":
            assert set("".join(targets)) == set("CHE")


@pytest.mark.data
@pytest.mark.parametrize("name", SPLITS)
def test_tasks_keep_the_published_split(name, tmp_path, monkeypatch):
    data_file(name)
    monkeypatch.setenv("SMA_CACHE", str(tmp_path))
    registry = Registry.load("protein")
    settings = {"task": name, "data.processes": 1}
    config = finetune_settings(registry, Request(settings=settings)).config
    rows = read_labelled(registry, config, new_feed(registry, config.data))
    assert rows.split == "column split"
    assert tuple(rows.sizes().values()) == SPLITS[name]
    assert rows.rejected == 0


@pytest.mark.data
def test_residues_whose_structure_is_not_known_do_not_count(tmp_path, monkeypatch):
    path = data_file("secondary-structure")
    monkeypatch.setenv("SMA_CACHE", str(tmp_path))
    registry = Registry.load("protein")
    config = finetune_settings(registry, Request(settings={"task": "secondary-structure"})).config
    rows = read_labelled(registry, config, new_feed(registry, config.data))
    assert rows.classes == ("C", "E", "H")
    masks = [row.fields[0] for row in read_csv(path, "sequence", ("mask",))]
    numbers = rows.store.row_numbers
    for at in range(0, len(masks), 50):
        mask = masks[numbers[at] - 1]
        if len(mask) < config.model.max_length:
            known = ~np.isnan(rows.store.symbol_labels(np.array([at]))[: len(mask)])
            assert known.tolist() == [flag == "1" for flag in mask]


@pytest.mark.data
def test_secondary_structure_has_a_label_and_a_mask_for_each_residue():
    with gzip.open(data_file("secondary-structure"), "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            assert len(row["sequence"]) == len(row["ss3"]) == len(row["mask"])
            assert set(row["mask"]) <= set("01")


@pytest.mark.data
def test_the_subset_of_swissprot_holds_the_stated_rows():
    rows = list(read_text(data_file("swissprot-subset"), None, ()))
    assert len(rows) == 342_586
    assert all(isinstance(row, Row) and 30 <= len(row.text) <= 512 for row in rows)
    assert not any(check_sequences([row.text for row in rows]))


@pytest.mark.parametrize("name", ["tiny", "small", "paper"])
def test_recipes_are_settings(name):
    pretraining, finetunings = settings_of("protein", name, TASKS)
    assert pretraining.data.source in SETS
    expected = "guided" if name == "paper" else "sampled"
    assert (pretraining.masking.strategy, pretraining.masking.ratio) == (expected, 0.15)
    for task, config in zip(TASKS, finetunings, strict=True):
        assert config.training.epochs == 30
        assert name == "tiny" or config.model.drop_path == (0.1 if task == "remote-homology" else 0.0)
        if name == "paper" and task in RELEASED_BATCHES:
            training = config.training
            assert (training.learning_rate, training.warmup_steps) == (5e-5, 1000)
            assert training.batch_size == RELEASED_BATCHES[task]
