"""Labels from which nothing can be learned, and a metric that cannot select: refused or said."""

from __future__ import annotations

import json

import pytest

import sma_core
from sma_core.errors import DataError

ONE_EPOCH = {"training.epochs": 1.0}


def tuned(toy, tmp_path, rows, **settings):
    """Fine-tune on words with the labels of ``rows``: tuples of cells, the columns y, z, …"""
    from toy_domain.words import make_words

    names = "yz"[: len(rows[0])]
    lines = [",".join(("word", *names))]
    lines += [",".join((word, *map(str, row))) for word, row in zip(make_words(len(rows), 7), rows, strict=True)]
    (tmp_path / "in.csv").write_text("\n".join(lines) + "\n")
    wanted = {
        **ONE_EPOCH,
        "targets": list(names),
        **{name.replace("__", "."): value for name, value in settings.items()},
    }
    return sma_core.finetune(toy, data=str(tmp_path / "in.csv"), settings=wanted, out=tmp_path / "run")


@pytest.mark.parametrize("kind", ["binary", "regression"])
def test_one_label_in_all_rows_is_refused(toy, tmp_path, kind):
    with pytest.raises(DataError, match=r"one label in all \d+ training rows, .*: 'y' \(always 1\)"):
        tuned(toy, tmp_path, [(1,)] * 60, kind=kind)
    assert not (tmp_path / "run").exists()


def test_an_empty_target_is_refused_by_name(toy, tmp_path):
    with pytest.raises(DataError, match="the target 'z' has no label in any usable row"):
        tuned(toy, tmp_path, [(index % 2, "") for index in range(60)], kind="multilabel")


def test_one_target_of_several_is_named(toy, tmp_path):
    result = tuned(toy, tmp_path, [(index % 2, 0) for index in range(60)], kind="multilabel")
    named = "training rows, which cannot be learned: 'z' (always 0)"
    assert any(named in sentence for sentence in result.warnings)
    assert named in (result.run / "README.md").read_text()


def test_a_metric_that_is_undefined_on_validation_selects_nothing(toy, tmp_path, run_sma):
    parts = ["train"] * 40 + ["valid"] * 10 + ["test"] * 10
    labels = [index % 2 if part != "valid" else 1 for index, part in enumerate(parts)]
    from toy_domain.words import make_words

    rows = zip(make_words(60, 7), labels, parts, strict=True)
    (tmp_path / "in.csv").write_text("word,y,part\n" + "".join(f"{w},{y},{p}\n" for w, y, p in rows))
    given = ["finetune", "--domain", toy, "--data", "in.csv", "--target", "y", "--kind", "binary"]
    done = run_sma(*given, "--split-column", "part", "--set", "training.epochs=2", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "step 6: last step, since roc_auc is undefined on validation" in done.stdout
    assert "warning: roc_auc is undefined on the 10 validation rows, so the last step was kept" in done.stdout
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["valid"]["roc_auc"] is None
    assert results["selection"] == "last step, since roc_auc is undefined on validation"
    card = (tmp_path / "run" / "README.md").read_text()
    assert "step 6, last step, since roc_auc is undefined on validation" in card
    assert "which selected the checkpoint" not in card
