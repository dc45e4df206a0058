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


def test_masks_depend_on_seed_and_row_alone(found):
    assert found() == found()
    assert found(rows=3) == found()[:3]
    assert found(seed=5) != found()
    assert [row[1] for row in found()] == [row[0] for row in found(seed=1)]
