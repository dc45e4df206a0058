"""`masks`: every row has masks of its own, the same for the same seed."""

import pytest

import sma_core
from sma_view.masks import masks

ALIKE = "katomirekatomire"


@pytest.fixture
def found(toy, tmp_path):
    (tmp_path / "rows.txt").write_text(f"{ALIKE}\n" * 8)
    run = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "run").run

    def choose(**options):
        options = {"rows": 8, "draws": 2, "settings": {"strategy": "random"}, **options}
        return [row.hidden for row in masks(run, tmp_path / "rows.txt", **options).rows]

    return choose


def test_random_masks_differ_from_row_to_row_and_from_draw_to_draw(found):
    hidden = found()
    assert len({tuple(row[0]) for row in hidden}) > 4
    assert sum(row[0] != row[1] for row in hidden) > 4


def test_the_end_marker_that_is_not_written_is_told(toy, tmp_path, run_sma):
    (tmp_path / "rows.txt").write_text(f"{ALIKE}\n")
    sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "run")
    done = run_sma("masks", "--model", "run", "rows.txt")
    assert done.returncode == 0, done.stderr
    assert "\nhidden characters are written as ·; the end marker of a row" in done.stdout


def test_importance_is_relative_to_the_mean_and_mask_self_does_not_change_it(toy, tmp_path):
    (tmp_path / "rows.txt").write_text(f"{ALIKE}\n" * 4)
    model = {"training.steps": 2, "model.encoder": "self-attention"}
    run = sma_core.train(toy, settings=model, out=tmp_path / "run").run
    plain, own = (masks(run, tmp_path / "rows.txt", rows=4, settings={"mask_self": on}) for on in (False, True))
    for row, other in zip(plain.rows, own.rows, strict=True):
        assert sum(row.importance) / len(row.importance) == pytest.approx(1.0, abs=1e-4)
        assert row.importance == pytest.approx(other.importance)
        assert len(row.random) == len(row.hidden[0])
        assert len(row.random_shown) == len(ALIKE)
    assert plain.measures["entropy"] == pytest.approx(own.measures["entropy"])
    assert "if random" in plain.explained["overlap"]


def test_masks_depend_on_seed_and_row_alone(found):
    assert found() == found()
    assert found(rows=3) == found()[:3]
    assert found(seed=5) != found()
    assert [row[1] for row in found()] == [row[0] for row in found(seed=1)]
