"""The model card that a finished training leaves in a run's folder."""

from __future__ import annotations

import json

import sma_core

ONCE = {"training.epochs": 1.0}


def test_a_card_tells_what_the_model_is_its_data_figures_limits_and_use(toy, tmp_path):
    pretrained = sma_core.train(toy, settings={"training.steps": 1}, out=tmp_path / "words-pre").run
    result = sma_core.finetune(toy, model=pretrained, task="flags", settings=ONCE, out=tmp_path / "run")
    card = (result.run / "README.md").read_text(encoding="utf-8")
    assert card.startswith("# toy:flags, fine-tuned with sma\n")
    sections = [line.removeprefix("## ") for line in card.splitlines() if line.startswith("## ")]
    assert sections == ["Data", "Split", "Metrics", "Limits", "Use"]
    for part in (
        "| task | Is it long? Does it hold an a? |",
        "| labels | multilabel: `long`, `has_a` |",
        "| initial weights | the pre-trained run `words-pre` |",
        "| licence | none needed |",
        "`random`, seed 0: 160 rows for training, 20 for validation",
        f"| roc_auc | {result.valid['roc_auc']:.4g} | {result.test['roc_auc']:.4g} |",
        f"| `has_a` | {result.test_targets['has_a']['roc_auc']:.4g} |",
        "with 10 bins of equal width",
        "Rows longer than 32 ids are truncated",
        "`toy_domain.words:check_words`",
        "with seed 0, on one split",
        f"sma evaluate --model {result.run} --data FILE --target long,has_a",
    ):
        assert part in card
    assert str(pretrained.parent) not in card.replace(str(result.run), "")


def test_the_card_of_a_pre_training_tells_features_losses_and_warnings(numbers, tmp_path):
    file = tmp_path / "mine.csv"
    file.write_text("pt,weight\n" + "".join(f"{row % 17},{row % 5}\n" for row in range(100)))
    settings = {"training.steps": 2, "data.held_out": 0.1}
    result = sma_core.train(numbers, data=str(file), settings=settings, out=tmp_path / "run")
    card = (result.run / "README.md").read_text(encoding="utf-8")
    assert card.startswith(f"# {file}, pre-trained with sma\n")
    sections = [line.removeprefix("## ") for line in card.splitlines() if line.startswith("## ")]
    assert sections == ["Data", "Loss on held-out rows", "Limits", "Use"]
    for part in (
        "| features | `pt`, `weight` |",
        f"| held-out rows | {result.held_out_rows},",
        f"| random masks | {result.held_out_random_first:.4g} | {result.held_out_random_last:.4g} |",
        "**Warning:** features named like labels, weights or identifiers, or not at all: weight;",
        f"sma finetune --model {result.run} ",
    ):
        assert part in card
    written = json.loads((result.run / "results.json").read_text(encoding="utf-8"))
    assert (written["step"], written["warnings"]) == (2, list(result.warnings))


def test_a_card_says_what_was_set_aside_guessed_weighed_and_in_which_units(toy, tmp_path):
    from toy_domain.words import make_words

    words = make_words(60, 7)
    rows = [f"{word},{len(word)}\n" for word in words]
    rows[3] = "n7,1\n"
    file = tmp_path / "mine.csv"
    file.write_text("word,y\n" + "".join(rows))
    run = sma_core.finetune(toy, data=str(file), settings=ONCE | {"targets": ["y"]}, out=tmp_path / "run").run
    card = (run / "README.md").read_text(encoding="utf-8")
    for part in (
        "regression: `y`",
        "RMSE and MAE are in the units of the labels.",
        "not letters only (1)",
        "| licence | unknown |",
        "| initial weights | random weights |",
    ):
        assert part in card


def test_a_stopped_run_has_no_card_yet(toy, tmp_path):
    def crash(event):
        raise RuntimeError("killed")

    try:
        sma_core.finetune(toy, settings=ONCE, out=tmp_path / "run", observers=[crash])
    except RuntimeError:
        assert not (tmp_path / "run" / "README.md").exists()
    else:
        raise AssertionError("the observer was not called")
