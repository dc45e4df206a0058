"""`score`: every position is hidden once, and the score is that of the network's own outputs."""

import csv
import math

import numpy as np
import pytest
import torch

import sma_core
from sma_core.errors import CheckpointError, UserError
from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.masking import Mask
from sma_view.score import likelihood
from sma_view.score.hidden import mask_of
from sma_view.score.likelihood import usual_passes
from sma_view.score.score import score

WORDS = ["kato", "mirekatori", "bodakiru", "x", "lamonetika"]
FEW = {"training.steps": 2, "training.batch_size": 4}


@pytest.fixture
def words(toy, tmp_path):
    (tmp_path / "rows.txt").write_text("\n".join(WORDS))
    return sma_core.train(toy, settings=FEW, out=tmp_path / "run").run


def table(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def outputs_with_hidden(run, text, hidden):
    """The logarithms of the probabilities at hidden positions of a text, computed without the plugin."""
    loaded = LoadedRun.load(run)
    (chunk,) = loaded.reading.chunks_of([text])
    ((_, batch),) = loaded.batches(chunk, 8192)
    places = torch.tensor([hidden])
    mask = torch.zeros_like(batch.padding_mask).scatter_(1, places, True)
    with torch.inference_mode():
        valid = torch.ones_like(places, dtype=torch.bool)
        outputs = loaded.module.reconstructed(batch.inputs, batch.padding_mask, Mask(mask, places, valid))
        loss = loaded.module.reconstruct(batch.inputs, batch.padding_mask, Mask(mask, places, valid)).loss
    found = outputs.log_softmax(dim=2)[0]
    ids = batch.inputs[0, hidden].long()
    assert float(-found.gather(1, ids[:, None]).mean()) == pytest.approx(float(loss), rel=1e-5)
    return found, batch.inputs[0]


def test_positions_hidden_one_at_a_time_are_those_of_the_network(words, tmp_path):
    result = score(words, tmp_path / "rows.txt", out=tmp_path / "a.csv", passes=100)
    assert (result.rows, result.unusable, result.passes) == (5, 0, 100)
    for row, text in zip(table(tmp_path / "a.csv"), WORDS, strict=True):
        single = []
        for position in range(len(text)):
            found, ids = outputs_with_hidden(words, text, [position])
            single.append(float(found[0, int(ids[position])]))
        assert int(row["positions"]) == len(text)
        assert float(row["score"]) == pytest.approx(np.mean(single), rel=1e-4)


def test_every_position_is_hidden_once_whatever_the_passes(words, tmp_path, monkeypatch):
    hidden = []

    def counting(mask):
        hidden.append(mask.clone())
        return mask_of(mask)

    monkeypatch.setattr(likelihood, "mask_of", counting)
    (tmp_path / "one.txt").write_text("mirekatori")
    result = score(words, tmp_path / "one.txt", out=tmp_path / "a.csv")
    assert result.passes == usual_passes(LoadedRun.load(words).masking.ratio)
    total = torch.stack(hidden).sum(dim=0)[0]
    assert total[:10].tolist() == [1] * 10
    assert total[10:].sum() == 0  # the separator, and padding


def test_scores_do_not_depend_on_the_batch_but_on_the_seed(words, tmp_path):
    for name, options in {"a": {}, "b": {"batch_tokens": 1}, "c": {"seed": 1}}.items():
        score(words, tmp_path / "rows.txt", out=tmp_path / f"{name}.csv", **options)
    a, b, c = ([float(row["score"]) for row in table(tmp_path / f"{name}.csv")] for name in "abc")
    assert a == pytest.approx(b, rel=1e-4)
    assert a != pytest.approx(c, rel=1e-4)


def test_a_text_like_the_training_rows_scores_higher_than_a_random_one(toy, tmp_path):
    draw = np.random.default_rng(0)
    alike = ["".join(draw.choice(["ka", "to", "mi", "re"], 6)) for _ in range(200)]
    (tmp_path / "alike.txt").write_text("\n".join(alike))
    settings = {"training.steps": 150, "training.batch_size": 32, "training.learning_rate": 3e-3}
    run = sma_core.train(toy, data=tmp_path / "alike.txt", settings=settings, out=tmp_path / "run").run
    strange = ["".join(draw.permutation(list(text))) for text in alike[:40]]
    (tmp_path / "both.txt").write_text("\n".join([*alike[:40], *strange]))
    score(run, tmp_path / "both.txt", out=tmp_path / "a.csv")
    scores = [float(row["score"]) for row in table(tmp_path / "a.csv")]
    assert np.mean(scores[:40]) > np.mean(scores[40:]) + 0.5


def test_substitutions_are_the_difference_of_two_probabilities(words, tmp_path):
    rows = [("kato", "a2i"), ("kato", "k1m:o4u"), ("kato", "wt"), ("kato", "t2i"), ("kato", "a9i"), ("kato", "?")]
    lines = [f"{text},{changes}" for text, changes in rows]
    (tmp_path / "s.csv").write_text("\n".join(["word,change", *lines]))
    result = score(words, tmp_path / "s.csv", out=tmp_path / "a.csv", column="word", substitutions="change")
    assert (result.rows, result.unusable, result.passes) == (6, 3, 1)
    read = table(tmp_path / "a.csv")
    one, ids = outputs_with_hidden(words, "kato", [1])
    new = {letter: int(outputs_with_hidden(words, letter, [0])[1][0]) for letter in "imu"}
    assert float(read[0]["score"]) == pytest.approx(float(one[0, new["i"]] - one[0, int(ids[1])]), rel=1e-3)
    two, _ = outputs_with_hidden(words, "kato", [0, 3])
    expected = two[0, new["m"]] - two[0, int(ids[0])] + two[1, new["u"]] - two[1, int(ids[3])]
    assert float(read[1]["score"]) == pytest.approx(float(expected), rel=1e-3)
    assert [row["positions"] for row in read] == ["1", "2", "0", "", "", ""]
    assert float(read[2]["score"]) == 0.0
    assert [row["reason"] for row in read[3:]] == [
        "t2i: character 2 of the row is 'a', not 't'",
        "a9i: the row has 4 characters",
        "not a substitution such as A2C: '?'",
    ]


def test_numbers_are_scored_by_their_known_values(numbers, tmp_path):
    draw = np.random.default_rng(0)
    values = draw.normal(size=(120, 4)).round(3)
    values[:, 3] = values[:, 0]
    lines = [",".join(map(str, row)) for row in values.tolist()]
    lines[0] = "," + lines[0].partition(",")[2]
    (tmp_path / "a.csv").write_text("\n".join(["a,b,c,d", *lines]))
    run = sma_core.train(numbers, data=tmp_path / "a.csv", settings=FEW, out=tmp_path / "run").run
    (tmp_path / "far.csv").write_text("a,b,c,d\n0.1,0.1,0.1,0.1\n9,0.1,0.1,0.1\n,0.1,0.1,0.1\n,,,0.1\n")
    score(run, tmp_path / "far.csv", out=tmp_path / "s.csv")
    read = table(tmp_path / "s.csv")
    assert [row["positions"] for row in read] == ["4", "4", "3", ""]
    assert float(read[1]["score"]) < float(read[0]["score"]) - 1
    assert all(float(row["score"]) < 0 for row in read[:3])
    assert read[3]["reason"].startswith("one position")


def test_what_cannot_be_scored_is_a_sentence(words, toy, tmp_path):
    rows = tmp_path / "rows.txt"
    with pytest.raises(UserError, match="one pass would hide whole rows"):
        score(words, rows, out=tmp_path / "a.csv", passes=1)
    with pytest.raises(UserError, match="all substitutions of a row are hidden in one pass"):
        score(words, rows, out=tmp_path / "a.csv", passes=2, substitutions="x")
    tuned = sma_core.finetune(toy, settings={"training.epochs": 1.0, "baselines": False}, out=tmp_path / "t").run
    with pytest.raises(CheckpointError, match="is a fine-tuned run, which reconstructs nothing"):
        score(tuned, rows, out=tmp_path / "a.csv")
    assert not (tmp_path / "a.csv").exists()


def test_the_command_writes_a_table_and_says_what_it_did(words, tmp_path, run_sma):
    done = run_sma("score", "rows.txt", "--model", "run", "--out", "a.csv")
    assert done.returncode == 0, done.stderr
    assert "5 rows in a.csv, 0 without a score" in done.stderr
    assert all(math.isfinite(float(row["score"])) for row in table(tmp_path / "a.csv"))


@pytest.mark.parametrize(("ratio", "passes"), [(0.3, 4), (0.5, 2), (0.75, 2), (0.15, 7), (0.25, 4)])
def test_a_pass_hides_about_the_share_of_the_training(ratio, passes):
    assert usual_passes(ratio) == passes


def test_scores_are_compared_with_a_column(words, tmp_path, run_sma):
    score(words, tmp_path / "rows.txt", out=tmp_path / "a.csv")
    scores = [float(row["score"]) for row in table(tmp_path / "a.csv")]
    order = np.argsort(np.argsort(scores))
    lines = [f"{word},{-rank},{int(rank > 2)},?" for word, rank in zip(WORDS, order, strict=True)]
    (tmp_path / "b.csv").write_text("\n".join(["word,effect,high,empty", *lines]))
    figures = {}
    for name in ("effect", "high", "empty"):
        found = score(words, tmp_path / "b.csv", out=tmp_path / f"{name}.csv", column="word", against=name)
        figures[name] = found.agreement
    assert (figures["effect"].metric, figures["effect"].value) == ("spearman", pytest.approx(-1.0))
    assert (figures["high"].metric, figures["high"].value, figures["high"].rows) == ("roc_auc", 1.0, 5)
    assert figures["effect"].low <= -1.0 + 1e-9
    assert (figures["empty"].rows, math.isnan(figures["empty"].value)) == (0, True)
    options = ("--input", "word", "--against", "high", "--out", "c.csv")
    done = run_sma("score", "b.csv", "--model", "run", *options)
    assert "roc_auc of the score and high: 1.0000 [1.0000, 1.0000], 5 rows" in done.stderr
