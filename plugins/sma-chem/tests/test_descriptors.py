"""The reader of descriptors, and the task on them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_chem import descriptors, plugin
from sma_chem.descriptors import DESCRIPTORS, read_descriptors
from sma_core.data.records import RejectedRow, Row
from sma_core.errors import DataError
from tests.support.datasets import file_of

ASPIRIN = "CC(=O)Oc1ccccc1C(=O)O"


def written(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "molecules.smi"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_task_has_the_descriptors_as_targets():
    (task,) = [task for task in plugin.sma_tasks() if task.name == "descriptors"]
    assert task.targets == tuple(DESCRIPTORS)
    assert (task.kind, task.metric) == ("regression", "r2")


def test_descriptors_have_their_published_values(tmp_path):
    (row,) = read_descriptors(written(tmp_path, f"{ASPIRIN} aspirin"), None, tuple(DESCRIPTORS))
    assert isinstance(row, Row)
    assert row.text == ASPIRIN
    values = dict(zip(DESCRIPTORS, map(float, row.fields), strict=True))
    assert values["molecular_weight"] == pytest.approx(180.16, abs=0.01)
    assert values["logp"] == pytest.approx(1.31, abs=0.01)
    assert values["tpsa"] == pytest.approx(63.6, abs=0.01)
    assert values["fraction_sp3"] == pytest.approx(1 / 9)
    assert values["qed"] == pytest.approx(0.55, abs=0.01)
    counts = ("donors", "acceptors", "rings", "aromatic_rings")
    assert [values[name] for name in counts] == [1, 3, 1, 1]


def test_only_what_is_asked_for_is_computed_and_bad_molecules_have_no_values(tmp_path):
    records = list(read_descriptors(written(tmp_path, "smiles", "CCO", "", "C(", "CC"), None, ("rings",)))
    assert [record.number for record in records] == [1, 2, 3, 4]
    assert isinstance(records[1], RejectedRow)
    assert [record.fields for record in (records[0], records[2])] == [("0.0",), ("",)]
    assert next(read_descriptors(written(tmp_path, "CCO"), None, ())).fields == ()


def test_a_large_file_gives_evenly_spaced_molecules(tmp_path, monkeypatch):
    monkeypatch.setattr(descriptors, "MOST_MOLECULES", 4)
    path = written(tmp_path, *["C" * length for length in range(1, 11)])
    first = [row.number for row in read_descriptors(path, None, ())]
    assert first == [3, 5, 8, 10]
    assert first == [row.number for row in read_descriptors(path, None, ("rings",))]


def test_unknown_columns_are_one_sentence(tmp_path):
    path = written(tmp_path, "CCO")
    with pytest.raises(DataError, match=r"does not compute 'weight' for .*: it has molecular_weight, logp"):
        next(read_descriptors(path, None, ("weight",)))
    with pytest.raises(DataError, match="has no columns, so no column 'smiles'"):
        next(read_descriptors(path, "smiles", ()))


def test_descriptors_of_a_file_are_learnt(tmp_path):
    """The task takes another file with its reader; the head has ten outputs, and R2 is a mean over them."""
    lines = Path(plugin_nci()).read_text().splitlines()[:60]
    path = written(tmp_path, *lines)
    result = sma_core.finetune(
        "chem",
        task="descriptors",
        data=path,
        settings={
            "data.reader": "descriptors",
            "split.name": "random",
            "training.epochs": 1.0,
            "model.layers": 1,
            "baselines": False,
        },
        out=tmp_path / "run",
    )
    assert result.metric == "r2"
    assert set(result.test_targets) == set(DESCRIPTORS)
    assert result.test["r2"] == pytest.approx(np.mean([each["r2"] for each in result.test_targets.values()]))


def plugin_nci() -> Path:
    from sma_chem.bundled import nci

    return nci()


@pytest.mark.data
@pytest.mark.full
def test_the_chembl_subset_gives_twenty_thousand():
    (spec,) = [spec for spec in plugin.sma_datasets() if spec.name == "chembl-descriptors"]
    path = file_of("chem", spec)
    with gzip.open(path) as file:
        total = sum(1 for _ in file)
    numbers = [record.number for record in read_descriptors(path, None, ())]
    assert len(numbers) == descriptors.MOST_MOLECULES
    assert numbers[-1] == total
