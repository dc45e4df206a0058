"""What the plugin offers: specs that resolve, sets with the stated rows, recipes that parse."""

from pathlib import Path

import pytest
from rdkit import rdBase

from sma_chem import plugin
from sma_chem.bundled import freesolv, nci
from sma_chem.molecules import check_smiles
from sma_chem.smi import read_smi
from sma_core.data.readers.csv import read_csv
from sma_core.data.records import RejectedRow, Row
from sma_core.data.streams import data_suffix
from tests.support.datasets import file_of
from tests.support.matrix import full_but
from tests.support.recipes import settings_of

SETS = {spec.name: spec for spec in plugin.sma_datasets()}
TASKS = {spec.name: spec for spec in plugin.sma_tasks()}
BUNDLED = {"nci": (4999, 8), "freesolv": (642, 0)}
DATA_ROWS = {  # rows, of which RDKit cannot use
    "esol": (1128, 0),
    "lipophilicity": (4200, 0),
    "bbbp": (2050, 11),
    "bace": (1513, 0),
    "hiv": (41127, 7),
    "tox21": (7831, 8),
    "clintox": (1484, 4),
}
UNCHECKED_ROWS = {"chembl-subset": 676_386, "moses": 1_584_663}


def read(name: str, path: Path) -> list[Row | RejectedRow]:
    spec = SETS[name]
    reader = read_smi if spec.reader == "smi" or data_suffix(path) == ".smi" else read_csv
    targets = TASKS[name].targets if name in TASKS else ()
    return list(reader(path, spec.column, targets, usual=plugin.COLUMNS))


def unusable(records: list[Row | RejectedRow]) -> int:
    texts = [record.text for record in records if isinstance(record, Row)]
    return len(records) - len(texts) + sum(reason is not None for reason in check_smiles(texts))


def data_file(name: str) -> Path:
    return file_of("chem", SETS[name])


def test_each_kind_of_task_has_its_usual_figure():
    for task in TASKS.values():
        usual = {"regression": "r2" if len(task.targets) > 1 else "rmse"}  # rmse would add up different units
        assert task.metric == usual.get(task.kind, "roc_auc")


def check_counts(records: list[Row | RejectedRow], rows: int, refused: int) -> None:
    """Rows are exact; RDKit refuses as many as its 2026 releases do, and older releases a few less."""
    assert len(records) == rows
    if rdBase.rdkitVersion >= "2026":
        assert unusable(records) == refused
    else:
        assert unusable(records) <= refused


def test_sets_on_the_hub_bring_the_columns_their_tasks_need():
    on_hub = {name: spec for name, spec in SETS.items() if spec.hub}
    assert set(on_hub) == {"guacamol", "esol", "lipophilicity", "bbbp", "bace", "hiv"}
    for name, spec in on_hub.items():
        targets = TASKS[name].targets if name in TASKS else ()
        assert [ours for ours, _ in spec.hub_columns] == [spec.column, *targets]
        assert [theirs for _, theirs in spec.hub_columns] == ["text", "label"][: 1 + len(targets)]
        assert spec.hub_splits == (("train_0", "test_0") if targets else ("train",))


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_sets_hold_the_stated_rows(name):
    path = {"nci": nci, "freesolv": freesolv}[name]()
    records = read(name, path)
    check_counts(records, *BUNDLED[name])


def test_freesolv_has_its_targets():
    first = next(iter(read_csv(freesolv(), "smiles", ("expt", "calc", "iupac"))))
    assert first == Row(1, "CN(C)C(=O)c1ccc(cc1)OC", ("-11.01", "-9.625", "4-methoxy-N,N-dimethyl-benzamide"))


@pytest.mark.data
@pytest.mark.parametrize("name", full_but(set(DATA_ROWS) - {"hiv"}, DATA_ROWS))
def test_labelled_sets_hold_the_stated_rows(name):
    records = read(name, data_file(name))
    check_counts(records, *DATA_ROWS[name])


@pytest.mark.data
@pytest.mark.parametrize("name", full_but({"chembl-subset"}, UNCHECKED_ROWS))
def test_unlabelled_sets_hold_the_stated_rows(name):
    path = data_file(name)
    reader = read_smi if SETS[name].reader == "smi" else read_csv
    kinds = [isinstance(record, Row) for record in reader(path, SETS[name].column, ())]
    assert len(kinds) == UNCHECKED_ROWS[name]
    assert all(kinds)


@pytest.mark.parametrize("name", ["tiny", "small", "paper"])
def test_recipes_are_settings(name):
    pretraining, finetunings = settings_of("chem", name, TASKS)
    assert pretraining.data.source in SETS
    assert pretraining.masking.strategy == ("guided" if name == "paper" else "sampled")
    for task, config in zip(TASKS, finetunings, strict=True):
        assert config.model.attention_dropout == 0.1
        assert config.split.name == "scaffold"
        if name == "paper":
            expected = 3e-5 if task in {"lipophilicity", "bace", "hiv"} else 1e-4
            assert config.training.learning_rate == expected
