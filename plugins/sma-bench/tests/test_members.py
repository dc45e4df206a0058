"""Several fine-tunings of one task: cross-validation and ensembles."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import sma_core
from sma_bench.members.cross_validate import cross_validate
from sma_bench.members.ensemble import ensemble
from sma_bench.members.together import averaged, out_of_fold
from sma_core.errors import CheckpointError, UserError
from sma_core.models.loaded_run import LoadedRun
from sma_core.runs.member_runs import members_of
from sma_core.verbs.evaluate import predict_part

FEW = {"training.epochs": 1.0, "baselines": False}


def lines_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def trained_at(folder):
    return {run.name: (run / "results.json").stat().st_mtime_ns for run in folder.iterdir() if run.is_dir()}


@pytest.fixture
def folds(toy, tmp_path):
    return cross_validate(toy, folds=3, settings=FEW, out=tmp_path / "folds")


@pytest.fixture
def members(toy, tmp_path):
    return ensemble(toy, members=2, settings=FEW | {"training.seed": 4}, out=tmp_path / "members")


def test_each_row_is_tested_in_one_fold_by_the_run_that_did_not_see_it(folds):
    assert list(folds.each) == ["fold-1", "fold-2", "fold-3"]
    tested, seen = [], []
    for name in folds.each:
        parts = lines_of(folds.out / name / "split.csv")
        tested += [line["row"] for line in parts if line["part"] == "test"]
        seen.append({line["row"] for line in parts if line["part"] != "test"})
    assert len(tested) == len(set(tested)) == folds.rows
    table = lines_of(folds.table)
    assert sorted(line["row"] for line in table) == sorted(tested)
    run = folds.out / "fold-2"
    judged = predict_part(LoadedRun.load(run, precision=None), "test")
    own = {line["row"] for line in table} - seen[1]
    assert len(own) == len(judged.rows)
    column = judged.targets.columns[-1]
    values = [float(line[column]) for line in table if line["row"] in own]
    np.testing.assert_allclose(values, judged.predictions[:, 0], rtol=1e-5)


def test_mean_and_deviation_over_folds(folds):
    for name, spread in folds.spread.items():
        values = [test[name] for test in folds.each.values()]
        assert spread.mean == pytest.approx(np.mean(values))
        assert spread.deviation == pytest.approx(np.std(values, ddof=1))
    errors = [
        float(line[column]) for line in lines_of(folds.table) for column in line if column.startswith("label:")
    ]
    assert len(errors) == folds.rows
    saved = json.loads((folds.out / "results.json").read_text())
    assert saved["together"] == pytest.approx(folds.together)


def test_what_is_trained_is_not_trained_again(toy, folds):
    before = trained_at(folds.out)
    (folds.out / "fold-3" / "results.json").unlink()
    again = cross_validate(toy, folds=3, settings=FEW, out=folds.out)
    after = trained_at(folds.out)
    assert [after[name] == before[name] for name in ("fold-1", "fold-2", "fold-3")] == [True, True, False]
    assert again.each == folds.each
    with pytest.raises(UserError, match="holds runs of another request"):
        cross_validate(toy, folds=3, settings=FEW | {"training.epochs": 2.0}, out=folds.out)
    with pytest.raises(UserError, match="holds runs of another request"):
        cross_validate(toy, folds=4, settings=FEW, out=folds.out)


@pytest.mark.parametrize("setting", ["split.fold", "split.folds", "split.column"])
def test_a_fold_cannot_be_named(toy, tmp_path, setting):
    with pytest.raises(UserError, match=f"leave out {setting}"):
        cross_validate(toy, settings=FEW | {setting: 2}, out=tmp_path / "folds")
    assert not (tmp_path / "folds").exists()


def test_a_folder_with_other_files_is_left_alone(toy, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        ensemble(toy, members=2, settings=FEW, out=tmp_path)
    with pytest.raises(UserError, match="2 or more, not 1"):
        ensemble(toy, members=1, settings=FEW, out=tmp_path / "new")


def test_an_ensemble_averages_runs_of_one_split(members, tmp_path):
    assert list(members.each) == ["seed-4", "seed-5"]
    runs = [members.out / name for name in members.each]
    parts = [predict_part(LoadedRun.load(run, precision=None), "test") for run in runs]
    mean, equal = averaged(runs)
    assert not equal
    np.testing.assert_allclose(mean.predictions, (parts[0].predictions + parts[1].predictions) / 2)
    assert members.together == mean.figures()
    assert members.rows == len(parts[0].rows)


def test_the_folder_predicts_with_mean_and_spread(members, tmp_path):
    (tmp_path / "some.csv").write_text("word\nkato\nmi\n")
    outs = [tmp_path / name for name in ("folder.csv", "runs.csv")]
    sma_core.predict(members.out, tmp_path / "some.csv", column="word", out=outs[0])
    runs = [members.out / name for name in members.each]
    sma_core.predict(runs, tmp_path / "some.csv", column="word", out=outs[1])
    assert outs[0].read_text() == outs[1].read_text()
    assert any(name.endswith(":uncertainty") for name in lines_of(outs[0])[0])


def test_runs_of_other_test_rows_are_not_averaged(folds):
    with pytest.raises(CheckpointError, match="have other test rows"):
        averaged([folds.out / "fold-1", folds.out / "fold-2"])
    joined, rows = out_of_fold([folds.out / name for name in folds.each])
    assert sorted(joined.rows.tolist()) == list(range(len(rows.store)))


def test_a_folder_of_several_runs_is_told_from_one(members):
    with pytest.raises(CheckpointError, match=r"is a folder of several runs: name one of them, such as .*seed-4"):
        sma_core.evaluate(members.out)
    assert members_of(members.out / "seed-4") == [members.out / "seed-4"]
    (members.out / "seed-5" / "model.json").unlink()
    with pytest.raises(CheckpointError, match="lists the run 'seed-5', which is not there"):
        members_of(members.out)
    (members.out / "members.json").write_text('{"members": [1]}')
    with pytest.raises(CheckpointError, match=r"is damaged .no names of members."):
        members_of(members.out)


def test_members_that_predict_the_same_are_told(toy, tmp_path):
    settings = FEW | {"training.learning_rate": 1e-12, "training.probe_fallback": True}
    pretrained = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "pretrained").run
    result = ensemble(toy, members=2, model=pretrained, settings=settings, out=tmp_path / "members")
    assert result.warnings[0].startswith("all members predict the same")


def test_commands_have_the_options_of_finetune(toy, run_sma, tmp_path):
    few = ("--domain", toy, "--set", "training.epochs=1")
    done = run_sma("cross-validate", *few, "--folds", "2", "--out", tmp_path / "folds", "--layer-decay", "0.9")
    assert done.returncode == 0, done.stderr
    assert "2 folds" in done.stdout
    assert "layer_decay = 0.9" in (tmp_path / "folds" / "fold-2" / "config.toml").read_text()
    done = run_sma("ensemble", *few, "--members", "2", "--out", tmp_path / "members", "--seed", "7", "--json")
    assert list(json.loads(done.stdout)["each"]) == ["seed-7", "seed-8"]
    assert "No such option" in run_sma("cross-validate", *few, "--fold", "2").stderr
