"""Spelling of a molecule: canonical by default, at training and at prediction alike, and recorded."""

import csv
import json

import numpy as np
import pytest

import sma_core
from sma_chem.molecules import canonical_smiles
from sma_core.runs.settings import Request, finetune_settings, pretrain_settings

SPELLINGS = ["OCC", "C(O)C", "CCO"]
QUICK = {"training.epochs": 1.0, "split.train_rows": 32, "baselines": False, "training.probe_fallback": False}


def test_the_normal_form_is_canonical_and_what_is_no_molecule_stays():
    assert canonical_smiles([*SPELLINGS, "C1=CC=CC=C1", "no", "CCO ethanol", ""]) == [
        *["CCO"] * 3,
        "c1ccccc1",
        "no",
        "CCO ethanol",
        "",
    ]


def results(run):
    return json.loads((run / "results.json").read_text())


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    settings = {True: {}, False: {"data.normalise": False}}
    return {
        on: sma_core.finetune("chem", task="freesolv", settings=QUICK | own, out=folder / str(on)).run
        for on, own in settings.items()
    }


def test_spellings_have_one_prediction_and_are_written_as_in_the_file(runs, tmp_path):
    file = tmp_path / "rows.smi"
    file.write_text("\n".join(SPELLINGS) + "\n")
    assert sma_core.load(runs[True]).config.data.normalise
    sma_core.predict(runs[True], file, out=tmp_path / "out.csv")
    rows = list(csv.DictReader((tmp_path / "out.csv").open()))
    assert [row["input"] for row in rows] == SPELLINGS
    assert [float(row["expt"]) for row in rows] == pytest.approx([float(rows[0]["expt"])] * 3, abs=1e-5)
    assert np.ptp(sma_core.load(runs[True]).predict(SPELLINGS)) < 1e-5


def test_a_run_without_it_reads_rows_as_they_are(runs):
    (warning,) = [line for line in results(runs[False])["warnings"] if "read as they are written" in line]
    assert "data.normalise=true" in warning
    assert not [line for line in results(runs[True])["warnings"] if "read as they are written" in line]
    loaded = sma_core.load(runs[False])
    assert not loaded.config.data.normalise
    assert np.ptp(loaded.predict(SPELLINGS)) > 1e-3


def test_it_is_the_default_but_not_of_the_paper_nor_of_an_earlier_run():
    from sma_core.plugins.registry import Registry

    registry = Registry.load("chem")
    assert pretrain_settings(registry, Request()).config.data.normalise
    assert finetune_settings(registry, Request()).config.data.normalise
    assert not pretrain_settings(registry, Request("paper")).config.data.normalise
    old = {"recipe": "tiny", "model": {}, "data": {}}
    assert not finetune_settings(registry, Request(), old).config.data.normalise
    assert finetune_settings(registry, Request(), old | {"data": {"normalise": True}}).config.data.normalise


def test_the_model_that_ships_reads_spellings_alike():
    loaded = sma_core.load("chem:tiny")
    assert loaded.config.data.normalise
    assert np.ptp(loaded.embed(SPELLINGS), axis=0).max() < 1e-5


def test_the_setting_is_in_the_run(runs):
    assert "normalise = true" in (runs[True] / "config.toml").read_text()
    assert results(runs[True])["rejected"] == 0
