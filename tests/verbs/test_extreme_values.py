"""Values that a network cannot read, and cells of further columns as they are in the file."""

from __future__ import annotations

import numpy as np
import pytest

import sma_core
from sma_core.data.blocks import Block
from sma_core.data.readers.table import read_table
from sma_core.data.scaling import FeatureScale, fit_scale
from sma_core.errors import CheckpointError, ConfigError, DataError
from tests.support.runs import table

FILL = 9.96921e36  # of netCDF
HEAD = "code,noise,weight,depth,width,height\n"


@pytest.fixture
def run(numbers, shared):
    """Return a run that predicts the volume of boxes."""
    run = shared / "volume"
    if not run.exists():
        sma_core.finetune(numbers, task="volume", settings={"training.epochs": 1.0}, out=run)
    return run


def test_a_fill_value_makes_a_row_unusable_and_its_cells_are_kept(run, tmp_path):
    (tmp_path / "a.csv").write_text(
        f"{HEAD}007,500,60,8,8,8\n08,500,60,8,{FILL},8\n7,500,x,8,8,8\nNA,1e39,1,1,1,1\n"
    )
    result = sma_core.predict(run, tmp_path / "a.csv", out=tmp_path / "out.csv", identifier="code")
    assert (result.rows, result.unusable) == (4, 3)
    lines = table(tmp_path / "out.csv")
    assert [line["code"] for line in lines] == ["007", "08", "7", "NA"]
    assert (
        lines[1]["reason"]
        == "out of range: width is 9.96921e+36; data.sentinels names values that mean missing ones"
    )
    model = sma_core.load(run)
    rows = np.array([[8, 8, 8, 60, 500], [8, FILL, 8, 60, 500]])
    assert [reason is None for reason in model.check(rows)] == [True, False]
    assert np.isnan(model.predict(rows)[:, 0]).tolist() == [False, True]


@pytest.mark.parametrize("bad", ["8", "x"], ids=["parsed together", "parsed line by line"])
def test_cells_that_look_like_numbers_or_like_missing_ones_are_copied_as_written(run, tmp_path, bad):
    names = ["1.50", "1e5", "NA", "-", "+7", "0x1f", "0.10000000000000000001"]
    lines = "".join(f"{name},500,60,8,8,8\n" for name in names) + f"1.0,500,60,8,8,{bad}\n"
    (tmp_path / "a.csv").write_text(HEAD + lines)
    sma_core.predict(run, tmp_path / "a.csv", out=tmp_path / "out.csv", identifier="code")
    assert [line["code"] for line in table(tmp_path / "out.csv")] == [*names, "1.0"]


def test_evaluating_such_rows_is_one_sentence_and_training_on_them_a_warning(run, tmp_path):
    rows = "".join(f"a,500,60,8,{FILL},8,{n}\n" for n in range(4))
    (tmp_path / "a.csv").write_text(f"{HEAD.strip()},volume\n{rows}")
    with pytest.raises(DataError, match="4 predictions are not finite numbers: look for very large values"):
        sma_core.evaluate(run, data=tmp_path / "a.csv", bootstrap=0)
    values = np.array([[1, 2], [3, FILL], [5, 6]], dtype=np.float32)
    (warning,) = fit_scale([values], ("a", "b")).warnings("count")
    assert "have values so large that all others are nearly equal" in warning
    assert ": b;" in warning


def test_predictions_that_are_no_numbers_have_a_reason(run, tmp_path, monkeypatch):
    monkeypatch.setattr(FeatureScale, "unreadable", lambda self, values: {})
    (tmp_path / "a.csv").write_text(f"{HEAD}a,500,60,8,8,8\nb,500,60,8,{FILL},8\n")
    result = sma_core.predict(run, tmp_path / "a.csv", out=tmp_path / "out.csv")
    assert result.unusable == 1
    lines = table(tmp_path / "out.csv")
    assert (lines[1]["volume"], lines[1]["reason"]) == ("", "the prediction is not a finite number")


def test_classes_named_none_or_by_a_sign_are_classes(tmp_path):
    (tmp_path / "a.csv").write_text("x,kind,sign\n1,none,+\n2,mild,-\n3,NA,+\n")
    (block,) = [
        item for item in read_table(tmp_path / "a.csv", ("x",), ("kind", "sign")) if isinstance(item, Block)
    ]
    assert block.fields[0].tolist() == ["none", "mild", "NA"]
    assert block.fields[1].tolist() == ["+", "-", "+"]
    (tmp_path / "b.csv").write_text("x,y\n1,0.5\n2,none\n3,NA\n4,-\n")
    (block,) = [item for item in read_table(tmp_path / "b.csv", ("x",), ("y",)) if isinstance(item, Block)]
    np.testing.assert_array_equal(block.fields[0], np.array([0.5, np.nan, np.nan, np.nan], dtype=np.float32))


def test_labels_of_positions_need_rows_as_written(tmp_path):
    pytest.importorskip("sma_protein")
    settings = {"targets": ["marks"], "kind": "per-position", "data.normalise": True}
    for row, sentence, error in (
        ("mklvn", "data.normalise=false", ConfigError),  # upper case is as long
        ("MK-LV", "another length", DataError),  # without gaps it is shorter
    ):
        lines = "".join(f"{row}{'a' * (n % 3)},CCHHC{'C' * (n % 3)}\n" for n in range(40))
        (tmp_path / "a.csv").write_text(f"sequence,marks\n{lines}")
        with pytest.raises(error, match=sentence):
            sma_core.finetune("protein", data=tmp_path / "a.csv", settings=settings, out=tmp_path / "run")


def test_an_old_run_that_learned_labels_of_positions_from_normal_forms_is_refused(toy, tmp_path):
    words = [f"{'kato' if n % 2 else 'miresu'}" for n in range(40)]
    lines = "".join(
        f"{word},{'a' * len(word)}\n" if n % 3 else f"{word},{'b' * len(word)}\n" for n, word in enumerate(words)
    )
    (tmp_path / "a.csv").write_text(f"word,marks\n{lines}")
    settings = {"targets": ["marks"], "kind": "per-position", "training.epochs": 0.5}
    run = sma_core.finetune(toy, data=tmp_path / "a.csv", settings=settings, out=tmp_path / "run").run
    assert sma_core.predict(run, tmp_path / "a.csv", out=tmp_path / "out.csv").rows == 40
    config = run / "config.toml"
    config.write_text(config.read_text().replace("normalise = false", "normalise = true"))
    with pytest.raises(CheckpointError, match=r"fine-tune it again with data\.normalise=false"):
        sma_core.load(run).predict(words)
