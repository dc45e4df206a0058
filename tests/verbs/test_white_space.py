"""White space around rows of text, and paragraphs: every command reads them as training did."""

from __future__ import annotations

import numpy as np
import pytest

import sma_core
from sma_core.errors import DataError

QUICK = {"training.steps": 1, "model.max_length": 32, "data.held_out": 0.2, "data.check_rows": False}


@pytest.fixture
def plain(toy, tmp_path):
    (tmp_path / "rows.txt").write_text("\n\n".join(f"  row {number}\n  more" for number in range(20)))
    return toy


def trained(plain, tmp_path, **settings):
    settings = QUICK | {f"data.{name}": value for name, value in settings.items()}
    return sma_core.train(plain, data=tmp_path / "rows.txt", settings=settings, out=tmp_path / "run")


def test_a_run_remembers_white_space_and_paragraphs(plain, tmp_path, run_sma):
    assert trained(plain, tmp_path, strip=False, blank_lines="separate").rows == 20
    loaded = sma_core.load(tmp_path / "run")
    rows = ["  row 1\n  more", "row 1\n  more", "x"]
    vectors = loaded.embed(rows)
    assert not np.allclose(vectors[0], vectors[1])
    (tmp_path / "own.txt").write_text("\n\n".join(rows))
    sma_core.embed(tmp_path / "run", tmp_path / "own.txt", tmp_path / "v.npy")
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), vectors, rtol=1e-4, atol=1e-6)
    (tmp_path / "own.csv").write_text('text\n"  row 1\n  more"\n"row 1\n  more"\nx\n')
    sma_core.embed(tmp_path / "run", tmp_path / "own.csv", tmp_path / "v.npy", force=True)
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), vectors, rtol=1e-4, atol=1e-6)
    done = run_sma("embed", "--model", "run", "--row", " a", "--row", "b", "--out", "w.npy", "--json")
    assert '"rows": 2, "unusable": 0' in done.stdout
    np.testing.assert_allclose(np.load(tmp_path / "w.npy"), loaded.embed([" a", "b"]), rtol=1e-4, atol=1e-6)


def test_fine_tuning_reads_white_space_as_its_model_does(plain, tmp_path):
    trained(plain, tmp_path, strip=False, blank_lines="skip")
    lines = [f'" {"a" * (number % 5)} ",{number % 5}' for number in range(1, 40)]
    (tmp_path / "own.csv").write_text("\n".join(["text,label", *(line for line in lines if "a" in line)]))
    result = sma_core.finetune(
        plain,
        model=tmp_path / "run",
        settings={
            "data.source": str(tmp_path / "own.csv"),
            "targets": "label",
            "training.epochs": 1.0,
            "data.check_rows": False,
        },
        out=tmp_path / "tuned",
    )
    loaded = sma_core.load(result.run)
    assert loaded.reading.data.strip is False
    assert loaded.predict([" aa "]) != pytest.approx(loaded.predict(["aa"]), abs=1e-9)


def test_a_reader_without_the_setting_is_one_sentence(plain, tmp_path):
    (tmp_path / "rows.csv").write_text("text\na\nb\n")
    with pytest.raises(DataError, match=r"read by 'csv', which has no data.blank_lines: unset it"):
        sma_core.train(plain, data=tmp_path / "rows.csv", settings=QUICK | {"data.blank_lines": "skip"})
