"""Tables with a line per series, which the reader of long tables takes for series of one position."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sma_core

QUICK = {"training.steps": 2, "model.max_length": 16}
MEANT = "every sequence has one position"


@pytest.fixture
def wide(tmp_path):
    draw = np.random.default_rng(0)
    lines = [f"s{row},{','.join(f'{value:.3f}' for value in draw.normal(size=8))},{row % 2}" for row in range(40)]
    file = tmp_path / "wide.csv"
    file.write_text("\n".join([f"id,{','.join(f't{place}' for place in range(8))},label", *lines]) + "\n")
    return file


def test_series_of_one_position_are_told_where_warnings_are_read(wide, tmp_path):
    result = sma_core.train("series", data=wide, settings=QUICK | {"data.exclude": "label"}, out=tmp_path / "run")
    assert len([sentence for sentence in result.warnings if sentence.startswith(MEANT)]) == 1
    assert MEANT in (result.run / "README.md").read_text()
    assert MEANT in " ".join(json.loads((result.run / "results.json").read_text())["warnings"])
    tuning = {"targets": ["label"], "training.epochs": 1.0, "baselines": False}
    tuned = sma_core.finetune("series", data=wide, settings=tuning, out=tmp_path / "tuned")
    assert len([sentence for sentence in tuned.warnings if sentence.startswith(MEANT)]) == 1


def test_a_wide_table_is_read_as_the_readme_says(wide, tmp_path):
    settings = QUICK | {"data.exclude": "id,label", "data.reader": "table"}
    result = sma_core.train("series", data=wide, settings=settings, out=tmp_path / "run")
    assert result.rows == 40
    assert not [sentence for sentence in result.warnings if sentence.startswith(MEANT)]
    tuning = {"targets": ["label"], "training.epochs": 1.0, "baselines": False, "data.reader": "table"}
    tuned = sma_core.finetune(model=result.run, data=wide, settings=tuning, out=tmp_path / "tuned")
    assert tuned.rows["train"] > 20


def test_an_excluded_column_that_varies_is_ignored_by_every_command(tmp_path):
    file = tmp_path / "long.csv"
    lines = [f"s{row},{time},{row + time},{'abc'[time % 3]},{row % 2}" for row in range(40) for time in range(6)]
    file.write_text("\n".join(["id,time,x,note,label", *lines]) + "\n")
    settings = QUICK | {"data.exclude": "note,label"}
    result = sma_core.train("series", data=file, settings=settings, out=tmp_path / "run")
    assert result.rows == 40
    tuning = {"targets": ["label"], "training.epochs": 1.0, "baselines": False, "data.exclude": "note"}
    tuned = sma_core.finetune("series", data=file, settings=tuning, out=tmp_path / "tuned")
    assert tuned.rows["train"] > 20
    inspect_data = pytest.importorskip("sma_view.inspect_data").inspect_data
    inspected = inspect_data("series", file, settings={"data.exclude": "note,label"})
    assert inspected.columns == ["x"]


def test_inspection_tells_one_position_and_counts_one_channel(wide, tmp_path):
    inspect_data = pytest.importorskip("sma_view.inspect_data").inspect_data
    from sma_view.commands.inspection_lines import inspection_lines

    text = "\n".join(inspection_lines(inspect_data("series", wide)))
    assert f"warning: {MEANT}" in text
    file = Path(tmp_path / "long.csv")
    file.write_text("id,x\n" + "".join(f"s{row},{row % 7}\ns{row},{row}\n" for row in range(40)))
    lines = inspection_lines(inspect_data("series", file))
    assert "1 channel, over all positions" in lines
    assert MEANT not in "\n".join(lines)


def test_masks_show_the_name_of_each_series(tmp_path):
    masks = pytest.importorskip("sma_view.masks").masks
    file = tmp_path / "long.csv"
    lines = [f"s{row},{time},{row + time},{row}" for row in range(40) for time in range(6)]
    file.write_text("\n".join(["case,time,x,y", *lines]) + "\n")
    run = sma_core.train("series", data=file, settings=QUICK, out=tmp_path / "run").run
    assert [row.name for row in masks(run, file, rows=2, draws=1).rows] == ["s0", "s1"]
    page = tmp_path / "masks.html"
    masks(run, file, rows=1, draws=1, page=page)
    assert "<h2>Row 1 s0</h2>" in page.read_text()
